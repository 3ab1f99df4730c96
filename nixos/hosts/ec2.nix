# The standby: an image of Amazon's kind that needs nothing from outside but its age key. Each machine lives for hours, so it
# neither upgrades nor configures itself.
{
  config,
  lib,
  modulesPath,
  ...
}:
let
  ours = ../secrets/ec2.yaml;
in
{
  imports = [
    ./common.nix
    "${modulesPath}/virtualisation/amazon-image.nix"
  ];

  nixpkgs.hostPlatform = lib.mkDefault "x86_64-linux";
  networking.hostName = "ec2";
  networking.useNetworkd = true;
  ec2.efi = true;

  # Both would let whoever writes the machine's user data, or may use Systems Manager, run what they like.
  virtualisation.amazon-init.enable = false;
  services.amazon-ssm-agent.enable = lib.mkOverride 60 false;

  # Nothing is built or fetched here.
  nix.gc.automatic = false;
  nix.optimise.automatic = false;

  services.relais = {
    site = "cloud";
    secrets.file = if builtins.pathExists ours then ours else ../secrets/example.yaml;
  };

  # Of the image and not of the running machine, whose disk grows to what Terraform gives it.
  image.modules.amazon = {
    # What is free of it is blocks of zeros, which are neither sent nor paid.
    virtualisation.diskSize = 6 * 1024;
    amazonImage.format = "raw";
    image.baseName = lib.mkForce "relais-ec2";
  };

  warnings =
    lib.optional (config.services.relais.secrets.file != ours)
      "nixos/secrets/ec2.yaml is missing, so this image has the example's secrets (nixos/secrets/README.md)";
}
