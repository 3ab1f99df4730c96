# A machine without a network becomes a cluster that runs the bot. Without the pause image on its disk it becomes one in which
# no pod begins, because there is no registry to ask.
{
  lib,
  refused,
  site,
  ...
}:
{
  nodes.laptop =
    { config, ... }:
    {
      imports = [ site ];
      services.relais = {
        site = "laptop";
        argocd.enable = false;
      };
      services.k3s.images = lib.mkIf refused (
        lib.mkForce (config.services.relais.systemImages ++ [ config.services.relais.bot.image ])
      );
    };

  testScript = ''
    laptop.wait_for_unit("k3s.service")
    laptop.wait_until_succeeds("kubectl wait --for condition=Ready node/relais-laptop --timeout 5s", timeout=600)
    laptop.wait_until_succeeds("kubectl --namespace relais get deployment bot health", timeout=300)
    bot = "kubectl --namespace relais get pods --selector app.kubernetes.io/component=bot"
  ''
  + (
    if refused then
      ''
        laptop.wait_until_succeeds("kubectl --namespace relais get events | grep -i 'sandbox'", timeout=600)
        laptop.fail(f"{bot} --output jsonpath='{{.items[*].status.phase}}' | grep Running")
      ''
    else
      ''
        laptop.wait_for_unit("relais-secrets.service")
        laptop.wait_until_succeeds(f"{bot} --output jsonpath='{{.items[*].status.phase}}' | grep Running", timeout=600)
        laptop.succeed("kubectl get pods --all-namespaces | grep coredns")
        # What was left out is not there.
        laptop.fail("kubectl get pods --all-namespaces | grep -e traefik -e svclb -e metrics-server")

        # Stopping the cluster stops the bot, and does it in time for its lease.
        laptop.succeed("pgrep --exact relais-bot")
        laptop.succeed("systemctl stop k3s.service")
        laptop.fail("pgrep --exact relais-bot")
      ''
  );
}
