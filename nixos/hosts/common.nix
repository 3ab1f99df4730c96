# What both machines are, besides a site of Relais.
{ lib, modulesPath, ... }:
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
    workloads.root = lib.mkDefault ../../k8s;
    # Yours.
    argocd.repository = lib.mkDefault "https://github.com/example/relais.git";
  };
}
