# One test in virtual machines a behaviour, each with its twin, in which one thing is broken and the opposite must come of it.
{ pkgs, self }:
let
  inherit (pkgs) lib;
  behaviours = lib.attrNames (
    lib.filterAttrs (name: kind: kind == "regular" && name != "default.nix") (builtins.readDir ./.)
  );
  of =
    file:
    let
      name = lib.removeSuffix ".nix" file;
      test =
        refused:
        pkgs.testers.runNixOSTest {
          imports = [ (import (./. + "/${file}")) ];
          name = "relais-${name}${lib.optionalString refused "-refused"}";
          _module.args = {
            inherit refused self;
            site = import ./common/site.nix { inherit self; };
          };
        };
    in
    {
      "vm-${name}" = test false;
      "vm-${name}-refused" = test true;
    };
in
assert lib.assertMsg (lib.length behaviours >= 7) "fewer behaviours are tested than were";
lib.mergeAttrsList (map of behaviours)
