# The module with what it takes from the flake: the images, and sops-nix.
{ self, sops-nix }:
{
  imports = [
    ./relais
    sops-nix.nixosModules.sops
    (
      { pkgs, ... }:
      {
        _module.args.relais = self.packages.${pkgs.stdenv.hostPlatform.system};
      }
    )
  ];
}
