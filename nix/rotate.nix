# `nix run .#rotate-secrets`: new keys for what is encrypted in the repository, and for the standby that opens it.
{ pkgs }:
let
  inherit (pkgs) lib;
in
pkgs.writeShellApplication {
  name = "rotate-secrets";
  runtimeInputs = [
    pkgs.age
    pkgs.awscli2
    pkgs.coreutils
    pkgs.findutils
    pkgs.gnugrep
    pkgs.gnused
    pkgs.sops
  ];
  meta = {
    description = "Encrypts this repository's secrets anew, for who may open them now";
    license = lib.licenses.asl20;
    platforms = lib.platforms.linux;
  };
  text = builtins.readFile ./rotate-secrets.sh;
}
