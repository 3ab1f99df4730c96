# A configuration whose bot cannot start is taken back, and the bot runs again as it did. If it is not taken back, it does not.
{
  pkgs,
  refused,
  self,
  site,
  ...
}:
let
  # The site's own manifests with a key that the bot does not know.
  broken = pkgs.runCommand "broken-k8s" { nativeBuildInputs = [ pkgs.jq ]; } ''
    cp --recursive --no-preserve=mode ${self}/k8s "$out"
    jq '.no_such_key = true' ${self}/k8s/overlays/laptop/bot.json > "$out/overlays/laptop/bot.json"
  '';
in
{
  nodes.laptop =
    { lib, ... }:
    {
      imports = [ site ];
      services.relais = {
        site = "laptop";
        argocd.enable = false;
      };
      specialisation.newer.configuration = {
        services.relais.workloads.root = lib.mkForce broken;
        # The build would refuse it.
        system.checks = lib.mkForce [ ];
      };
    };

  testScript = ''
    bot = "kubectl --namespace relais get pods --selector app.kubernetes.io/component=bot --output"
    running = f"{bot} jsonpath='{{.items[*].status.containerStatuses[*].state.running.startedAt}}' | grep T"
    failing = f"{bot} jsonpath='{{.items[*].status.containerStatuses[*].lastState.terminated.exitCode}}' | grep 64"

    laptop.wait_for_unit("k3s.service")
    laptop.wait_until_succeeds(running, timeout=900)
    good = laptop.succeed("readlink --canonicalize /run/current-system").strip()
    laptop.succeed(f"{good}/specialisation/newer/bin/switch-to-configuration test >&2")
    laptop.wait_until_succeeds(failing, timeout=300)
  ''
  + (
    if refused then
      ''
        laptop.sleep(60)
        laptop.succeed(failing)
      ''
    else
      ''
        laptop.succeed(f"{good}/bin/switch-to-configuration test >&2")
        laptop.wait_until_succeeds(f"{running} && ! {failing}", timeout=300)
        laptop.require_unit_state("k3s.service", "active")
      ''
  );
}
