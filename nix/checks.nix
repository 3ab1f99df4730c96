# `nix flake check`: every package, the sources as the gate sees them, both hosts. What is said of the hosts fails at evaluation,
# with the sentences that do not hold.
{
  pkgs,
  self,
  craneLib,
  shared,
  packages,
  hosts,
  statements,
}:
let
  inherit (pkgs) lib;
  # Compiled as people compile it while they work: nothing of this is shipped.
  args = shared // {
    CARGO_PROFILE = "dev";
    cargoExtraArgs = "--locked --workspace --features relais-watchdog-local/aws";
  };
  withDependencies = args // {
    cargoArtifacts = craneLib.buildDepsOnly args;
  };

  # The laptop without hardware.nix is refused by a check of its own; here it is built all the same.
  systemOf =
    host:
    (host.extendModules {
      modules = [
        { system.checks = lib.mkForce (lib.filter (check: !check ? missing) host.config.system.checks); }
      ];
    }).config.system.build.toplevel;

  all = statements // {
    "both machines are among the checks" =
      pkgs.stdenv.hostPlatform.isx86_64
      ->
        lib.attrNames hosts == [
          "ec2"
          "laptop"
        ];
  };
  broken = lib.attrNames (lib.filterAttrs (_: holds: !holds) all);
  said = pkgs.runCommand "statements" { } ''
    echo "${toString (lib.length (lib.attrNames all))} statements hold" > "$out"
  '';
in
packages
// lib.mapAttrs' (name: host: lib.nameValuePair "host-${name}" (systemOf host)) hosts
// import ./manifests.nix { inherit pkgs; }
// import ../nixos/tests { inherit pkgs self; }
// {
  fmt = craneLib.cargoFmt { inherit (shared) src pname version; };
  clippy = craneLib.cargoClippy (
    withDependencies
    // {
      cargoClippyExtraArgs = "--all-targets --test emulator --test logind --all-features -- --deny warnings";
    }
  );
  docs = craneLib.cargoDoc (withDependencies // { env.RUSTDOCFLAGS = "--deny warnings"; });
  # What needs an emulator of AWS is left to the gate, and the gate's own tests, which read the whole repository. Each test is a
  # process of its own here.
  tests = craneLib.cargoNextest (
    withDependencies // { cargoNextestExtraArgs = "-E 'not test(on_dynamodb) and not package(xtask)'"; }
  );
  doc-tests = craneLib.cargoDocTest withDependencies;
  licences = craneLib.cargoDeny {
    inherit (shared) src pname version;
  };
  settings = import ./settings.nix {
    inherit pkgs;
    programs = packages;
  };
  statements = lib.throwIf (
    broken != [ ]
  ) "these do not hold:\n  ${lib.concatStringsSep "\n  " broken}" said;
}
