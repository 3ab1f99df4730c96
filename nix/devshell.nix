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
    pkgs.deadnix
    pkgs.nixfmt
    pkgs.prometheus.cli
    pkgs.python3
    pkgs.rustc
    pkgs.rustfmt
    withTerraform.terraform
    # Work.
    pkgs.cargo-nextest
    pkgs.jq
    pkgs.kubernetes-validate
    pkgs.kustomize
    pkgs.rust-analyzer
    pkgs.shellcheck-minimal
    # Day two.
    pkgs.age
    pkgs.argocd
    pkgs.awscli2
    pkgs.k9s
    pkgs.kubectl
    pkgs.prometheus
    pkgs.skopeo
    pkgs.sops
    pkgs.ssh-to-age
  ];
  # For rust-analyzer, which looks for it beside a toolchain of rustup's.
  env.RUST_SRC_PATH = "${pkgs.rustPlatform.rustLibSrc}";
}
