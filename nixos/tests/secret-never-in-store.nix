# What sops encrypted is in memory and in the cluster, and nowhere in what everybody on the machine can read. A configuration
# that has it in plain text is found by the same search.
{
  lib,
  refused,
  site,
  ...
}:
let
  # The example's, which are nobody's.
  plain = "example, no token";
in
{
  nodes.laptop = {
    imports = [ site ];
    services.relais = {
      site = "laptop";
      argocd.enable = false;
    };
    environment.etc."leak.json" = lib.mkIf refused { text = builtins.toJSON { token = plain; }; };
  };

  testScript = ''
    laptop.wait_for_unit("sops-install-secrets.service")
    laptop.succeed("grep --quiet --line-regexp '${plain}' /run/secrets/relais/discord-token")
    laptop.succeed("test $(stat --format %a-%U /run/secrets/relais/discord-token) = 400-root")
    laptop.fail("runuser --user nobody -- cat /run/secrets/relais/discord-token")

    found = "$(nix-store --query --requisites /run/current-system | xargs grep -rlF '${plain}' || true)"
  ''
  + (
    if refused then
      ''
        laptop.succeed(f'test -n "{found}"', timeout=1800)
      ''
    else
      ''
        laptop.succeed(f'test -z "{found}"', timeout=1800)
        laptop.wait_until_succeeds("kubectl --namespace relais get secret relais-discord", timeout=900)
        for place in ["/etc", "/var/lib/rancher/k3s/server/manifests", "/var/lib/rancher/k3s/server/db"]:
            laptop.fail(f"grep -rlF '${plain}' {place}/")
        laptop.fail("journalctl | grep --fixed-strings '${plain}'")
      ''
  );
}
