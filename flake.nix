{
  description = "Relais: one Discord bot, two sites, never two speakers";

  inputs = {
    nixpkgs.url = "github:NixOS/nixpkgs/nixos-unstable";
    crane.url = "github:ipetkov/crane";
    sops-nix = {
      url = "github:Mic92/sops-nix";
      inputs.nixpkgs.follows = "nixpkgs";
    };
  };

  outputs =
    {
      nixpkgs,
      crane,
      ...
    }:
    let
      inherit (nixpkgs) lib;
      systems = [
        "x86_64-linux"
        "aarch64-linux"
      ];
      each = build: lib.genAttrs systems (system: build nixpkgs.legacyPackages.${system});
      programsOf = pkgs: import ./nix/packages.nix { inherit pkgs crane; };
    in
    {
      packages = each (pkgs: (programsOf pkgs).packages);
      apps = each (
        pkgs:
        import ./nix/apps.nix {
          inherit lib;
          inherit (programsOf pkgs) packages;
        }
      );
      devShells = each (pkgs: {
        default = import ./nix/devshell.nix { inherit pkgs; };
      });
      formatter = each (pkgs: pkgs.nixfmt-tree);
    };
}
