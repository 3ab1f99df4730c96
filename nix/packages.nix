# The programs, built as they are shipped, and what is made of them. Dependencies are compiled once for all that run on a
# host, and once more for the watchdog in Lambda, which is linked statically.
{ pkgs, crane }:
let
  inherit (pkgs) lib;
  craneLib = crane.mkLib pkgs;
  src = import ./source.nix { inherit lib craneLib; };

  # package: of the workspace; program: its binary; features: those of this package.
  hosted = {
    bot = {
      package = "relais-bot";
      program = "relais-bot";
      features = [ "aws" ];
      description = "The Discord bot: speaks only under the lease";
    };
    health = {
      package = "relais-health";
      program = "relais-health";
      description = "The signed health answer of one site";
    };
    handover = {
      package = "relais-handover";
      program = "relais-handover";
      features = [ "aws" ];
      description = "Hands the bot over before the laptop sleeps or goes off";
    };
    watchdog-local = {
      package = "relais-watchdog-local";
      program = "watchdog-local";
      features = [ "aws" ];
      description = "Rehearse a failover here, or watch real endpoints";
    };
    publish-ami = {
      package = "relais-publish-ami";
      program = "publish-ami";
      description = "Publishes a disk image as an AMI";
    };
  };

  shared = {
    inherit src;
    inherit ((lib.importTOML ../Cargo.toml).workspace.package) version;
    pname = "relais";
    strictDeps = true;
    CARGO_PROFILE = "dist";
  };

  # Cargo unites the features of what is selected: with the same selection for each program, each finds every dependency
  # compiled as it needs it.
  selection = lib.escapeShellArgs (
    [ "--locked" ]
    ++ lib.concatMap (one: [
      "--package"
      one.package
    ]) (lib.attrValues hosted)
    ++ lib.concatMap (
      one: map (feature: "--features=${one.package}/${feature}") (one.features or [ ])
    ) (lib.attrValues hosted)
  );
  hostArgs = shared // {
    cargoExtraArgs = selection;
    # Tests have a check of their own.
    doCheck = false;
  };
  hostDependencies = craneLib.buildDepsOnly hostArgs;
  hostPrograms = lib.mapAttrs (
    name: one:
    craneLib.buildPackage (
      hostArgs
      // {
        pname = name;
        cargoArtifacts = hostDependencies;
        cargoBuildExtraArgs = "--bin ${one.program}";
        meta = {
          inherit (one) description;
          mainProgram = one.program;
          license = lib.licenses.asl20;
          platforms = lib.platforms.linux;
        };
      }
    )
  ) hosted;

  images = import ./images.nix {
    inherit pkgs;
    inherit (shared) version;
    programs = hostPrograms;
  };
  watchdog = import ./lambda.nix {
    inherit pkgs crane shared;
  };
in
{
  # For the checks, which compile the same sources with the same arguments.
  inherit craneLib shared;
  packages =
    hostPrograms
    // images
    // {
      watchdog-lambda = watchdog;
      rotate-secrets = import ./rotate.nix { inherit pkgs; };
      push-images = import ./push.nix {
        inherit pkgs;
        images = lib.attrValues images;
      };
    };
}
