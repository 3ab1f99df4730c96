# What Cargo reads: the sources, and beside them every file that a crate takes in at compile time or reads in a test.
{ lib, craneLib }:
let
  root = ../.;
  read = [
    "ftl"
    "html"
    "json"
    "py"
    "sh"
    "txt"
  ];
in
lib.fileset.toSource {
  inherit root;
  fileset = lib.fileset.unions [
    (craneLib.fileset.commonCargoSources root)
    (lib.fileset.fileFilter (file: lib.any file.hasExt read) ../crates)
    ../docs/prices.json
    ../k8s/README.md
    # The gate's tests read how it is built.
    ../flake.lock
    ../k8s/images.json
    ./source.nix
  ];
}
