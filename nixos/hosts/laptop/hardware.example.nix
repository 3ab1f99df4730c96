# What hardware.nix looks like. Yours comes from `nixos-generate-config --show-hardware-config`, and the administrators from you.
{ lib, ... }:
{
  boot.initrd.availableKernelModules = [
    "ahci"
    "nvme"
    "usb_storage"
    "xhci_pci"
  ];
  fileSystems."/" = {
    device = "/dev/disk/by-label/nixos";
    fsType = "ext4";
  };
  fileSystems."/boot" = {
    device = "/dev/disk/by-label/ESP";
    fsType = "vfat";
  };
  services.relais.administrators.ada = [ "ssh-ed25519 an-example-and-no-key ada@desk" ];

  nixpkgs.hostPlatform = lib.mkDefault "x86_64-linux";
  # A laptop's firmware is not all free.
  nixpkgs.config.allowUnfree = true;
}
