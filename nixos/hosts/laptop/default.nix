# The laptop. Two files are yours: hardware.nix beside this one, and secrets/laptop.yaml.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  described = builtins.pathExists ./hardware.nix;
  ours = ../../secrets/laptop.yaml;
  missing = "nixos/hosts/laptop/hardware.nix is missing: write it on the laptop with `nixos-generate-config --show-hardware-config`, `git add` it and build again";
in
{
  imports = [
    ../common.nix
    (if described then ./hardware.nix else ./hardware.example.nix)
  ];

  networking.hostName = "laptop";
  networking.networkmanager = {
    enable = true;
    # The cluster's.
    unmanaged = [
      "interface-name:cni0"
      "interface-name:flannel.1"
      "interface-name:veth*"
    ];
  };
  boot.loader.systemd-boot.enable = true;
  boot.loader.efi.canTouchEfiVariables = true;
  hardware.enableRedistributableFirmware = true;

  services.relais = {
    site = "laptop";
    funnel.enable = true;
    secrets.file = if builtins.pathExists ours then ours else ../../secrets/example.yaml;
  };

  # With the example the configuration can be looked at and tested. It must not become a system: its disks are nobody's.
  system.checks = lib.optional (!described) (
    pkgs.runCommand "hardware-is-described" { inherit missing; } ''
      echo "$missing" >&2
      exit 1
    ''
  );
  warnings =
    lib.optional (config.services.relais.secrets.file != ours)
      "nixos/secrets/laptop.yaml is missing, so this laptop has the example's secrets (nixos/secrets/README.md)";
}
