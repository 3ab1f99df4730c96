# The watchdog as Lambda wants it: a zip with one program called `bootstrap`. Amazon Linux 2023 has an older C library than
# nixpkgs, so the program brings its own.
{
  pkgs,
  crane,
  shared,
}:
let
  inherit (pkgs) lib;
  craneLib = crane.mkLib pkgs.pkgsStatic;
  args = shared // {
    pname = "watchdog-lambda";
    cargoExtraArgs = "--locked --package relais-watchdog-lambda";
    doCheck = false;
  };
  program = craneLib.buildPackage (
    args
    // {
      cargoArtifacts = craneLib.buildDepsOnly args;
      cargoBuildExtraArgs = "--bin watchdog-lambda";
    }
  );
in
pkgs.runCommand "watchdog-lambda-${shared.version}.zip"
  {
    nativeBuildInputs = [
      pkgs.binutils-unwrapped
      pkgs.zip
    ];
    passthru = { inherit program; };
    meta = {
      description = "The watchdog for AWS Lambda: bootstrap in a zip, for provided.al2023";
      license = lib.licenses.asl20;
      platforms = lib.platforms.linux;
    };
  }
  ''
    install -m 755 ${lib.getExe' program "watchdog-lambda"} bootstrap
    if readelf --program-headers bootstrap | grep -q INTERP; then
      echo "bootstrap wants a loader that Lambda does not have: it must be linked statically" >&2
      exit 1
    fi
    # The same program makes the same zip, so Terraform sees no change where there is none.
    touch --date=@315532800 bootstrap
    TZ=UTC zip --no-extra "$out" bootstrap
  ''
