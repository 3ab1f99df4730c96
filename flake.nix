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
      self,
      nixpkgs,
      crane,
      sops-nix,
    }:
    let
      inherit (nixpkgs) lib;
      systems = [
        "x86_64-linux"
        "aarch64-linux"
      ];
      each = build: lib.genAttrs systems (system: build nixpkgs.legacyPackages.${system});
      programsOf = pkgs: import ./nix/packages.nix { inherit pkgs crane; };
      host =
        machine:
        lib.nixosSystem {
          modules = [
            self.nixosModules.relais
            machine
          ];
        };
    in
    {
      nixosModules.relais = import ./nixos/modules { inherit self sops-nix; };
      nixosConfigurations = {
        laptop = host ./nixos/hosts/laptop;
        ec2 = host ./nixos/hosts/ec2.nix;
      };

      lib = {
        rendered = lib.mapAttrs (_: import ./nix/rendered.nix { inherit lib; }) self.nixosConfigurations;
        statements = import ./nix/statements.nix {
          inherit lib;
          inherit (self.lib) rendered;
          packages = self.packages.x86_64-linux;
        };
        refusals = import ./nix/refusals.nix {
          inherit lib;
          hosts = self.nixosConfigurations;
        };
      };

      packages = each (
        pkgs:
        (programsOf pkgs).packages
        // {
          ec2-ami = import ./nixos/images/ami.nix {
            inherit (self.nixosConfigurations) ec2;
            inherit (pkgs.stdenv.hostPlatform) system;
          };
          laptop-image = import ./nixos/images/installer.nix {
            inherit self nixpkgs;
            inherit (self.nixosConfigurations) laptop;
            inherit (pkgs.stdenv.hostPlatform) system;
          };
          option-docs = import ./nix/option-docs.nix {
            inherit pkgs;
            inherit (self.nixosConfigurations.laptop) options;
            root = self;
          };
        }
      );
      apps = lib.mapAttrs (_: packages: import ./nix/apps.nix { inherit lib packages; }) self.packages;
      checks = each (
        pkgs:
        import ./nix/checks.nix {
          inherit pkgs self;
          inherit (programsOf pkgs) craneLib shared;
          packages = self.packages.${pkgs.stdenv.hostPlatform.system};
          hosts = lib.filterAttrs (
            _: host: host.pkgs.stdenv.hostPlatform.system == pkgs.stdenv.hostPlatform.system
          ) self.nixosConfigurations;
          statements = self.lib.statements // self.lib.refusals.statements;
        }
      );
      devShells = each (pkgs: {
        default = import ./nix/devshell.nix { inherit pkgs; };
      });
      formatter = each (pkgs: pkgs.nixfmt-tree);
    };
}
