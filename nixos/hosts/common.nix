# What both machines are, besides a site of Relais.
{ modulesPath, ... }:
{
  imports = [ "${modulesPath}/profiles/minimal.nix" ];

  system.stateVersion = "26.05";
  time.timeZone = "UTC";
  services.openssh.enable = true;

  nix.settings.experimental-features = [
    "nix-command"
    "flakes"
  ];

  # Logs of a machine that runs for months, on a disk that the state needs.
  services.journald.extraConfig = "SystemMaxUse=200M";

  services.relais = {
    enable = true;
    workloads.root = ../../k8s;
    # Yours.
    argocd.repository = "https://github.com/example/relais.git";
  };
}
