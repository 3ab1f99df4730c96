# The bot runs before ArgoCD is there, and goes on untouched when ArgoCD takes it over. A bot that cannot start does not keep
# ArgoCD away: that is who would mend it.
{
  lib,
  pkgs,
  refused,
  self,
  site,
  ...
}:
{
  nodes.cloud = {
    imports = [
      site
      (import ./common/mirrored.nix { inherit self pkgs; })
    ];
    services.relais = {
      site = "cloud";
      # An image of another name under the bot's option: the one that the manifests name is not on the disk.
      bot.image = lib.mkIf refused self.packages.${pkgs.stdenv.hostPlatform.system}.health-image;
    };
  };

  testScript = ''
    def ask(command):
        return cloud.succeed(f"kubectl {command}").strip()

    bot = "--namespace relais get pods --selector app.kubernetes.io/component=bot --output"
    cloud.wait_for_unit("k3s.service")
    cloud.wait_until_succeeds(f"kubectl {bot} jsonpath='{{.items[0].metadata.uid}}' | grep -", timeout=600)
  ''
  + (
    if refused then
      ''
        cloud.wait_until_succeeds("kubectl --namespace argocd get pod argocd-application-controller-0", timeout=900)
        assert "Running" not in ask(f"{bot} jsonpath='{{.items[*].status.phase}}'")
      ''
    else
      ''
        from datetime import datetime

        started = "{.items[0].status.containerStatuses[0].state.running.startedAt}"
        cloud.wait_until_succeeds(f"kubectl {bot} jsonpath='{started}' | grep T", timeout=600)
        before = ask(f"{bot} jsonpath='{{.items[0].metadata.uid}} {started}'")
        cloud.wait_until_succeeds(
            "kubectl --namespace argocd get application relais-bot --output jsonpath='{.status.sync.status}' | grep Synced",
            timeout=1200,
        )
        argocd = ask("get namespace argocd --output jsonpath='{.metadata.creationTimestamp}'")
        assert datetime.fromisoformat(before.split()[1]) <= datetime.fromisoformat(argocd), (before, argocd)
        # The same pod, and the same process in it.
        assert ask(f"{bot} jsonpath='{{.items[0].metadata.uid}} {started}'") == before
      ''
  );
}
