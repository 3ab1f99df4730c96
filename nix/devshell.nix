# Everything that the gate and an operator use.
{ pkgs }:
let
  inherit (pkgs) lib;
  # Terraform's licence is not a free one; this names it and nothing else.
  withTerraform = import pkgs.path {
    inherit (pkgs.stdenv.hostPlatform) system;
    config.allowUnfreePredicate = package: lib.getName package == "terraform";
  };
in
pkgs.mkShell {
  packages = [
    # The gate.
    pkgs.cargo
    pkgs.cargo-deny
    pkgs.clippy
    pkgs.rustc
    pkgs.rustfmt
    pkgs.deadnix
    pkgs.nixfmt
    withTerraform.terraform
    # Day two.
    pkgs.age
    pkgs.awscli2
    pkgs.k9s
    pkgs.kubectl
    pkgs.prometheus
    pkgs.skopeo
    pkgs.sops
    pkgs.ssh-to-age
  ];
}
