# What installs a laptop: a live system with this repository on it, what it is built of, and one command.
{
  self,
  nixpkgs,
  laptop,
  system,
}:
let
  # With the example's hardware: what is the same on every laptop, so that little has to be fetched.
  described = laptop.extendModules {
    modules = [
      (
        { lib, ... }:
        {
          system.checks = lib.mkForce (lib.filter (check: !check ? missing) laptop.config.system.checks);
        }
      )
    ];
  };
  installer =
    {
      config,
      lib,
      modulesPath,
      pkgs,
      ...
    }:
    {
      imports = [ "${modulesPath}/installer/cd-dvd/installation-cd-minimal.nix" ];

      nixpkgs.hostPlatform = system;
      networking.hostName = "relais-installer";
      image.baseName = lib.mkForce "relais-laptop-installer";
      # Root has no password here, and the network at hand may be anybody's.
      services.openssh.enable = lib.mkForce false;

      nix.settings.experimental-features = [
        "nix-command"
        "flakes"
      ];
      environment.systemPackages = [
        (pkgs.writeShellApplication {
          name = "relais-install";
          runtimeInputs = [
            pkgs.nixos-enter
            config.system.build.nixos-generate-config
            config.system.build.nixos-install
            pkgs.coreutils
            pkgs.dosfstools
            pkgs.e2fsprogs
            pkgs.gawk
            pkgs.gitMinimal
            pkgs.openssh
            pkgs.parted
            pkgs.ssh-to-age
            pkgs.systemd
            pkgs.util-linux
          ];
          runtimeEnv.SOURCE = self.outPath;
          text = builtins.readFile ./relais-install.sh;
        })
      ];
      services.getty.helpLine = lib.mkForce ''
        This installs a laptop for Relais and erases a disk. Connect with `nmtui`, find the disk with `lsblk`, then

          sudo relais-install /dev/DISK NAME "ssh-ed25519 …"
      '';
      isoImage.storeContents = [
        described.config.system.build.toplevel
        self.outPath
      ]
      ++ map (input: input.outPath) (lib.attrValues self.inputs);
    };
in
(nixpkgs.lib.nixosSystem { modules = [ installer ]; }).config.system.build.isoImage
