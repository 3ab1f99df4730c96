# What `nix run .#NAME` starts.
{ lib, packages }:
lib.genAttrs
  [
    "publish-ami"
    "push-images"
    "rotate-secrets"
    "watchdog-local"
  ]
  (name: {
    type = "app";
    program = lib.getExe packages.${name};
    meta = { inherit (packages.${name}.meta) description; };
  })
