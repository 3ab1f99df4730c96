# The containers: one program and the libraries it is linked with, each library a layer of its own, so that a new program is a
# new top layer. No shell, no package manager, nothing that runs as root.
{ pkgs, programs }:
let
  inherit (pkgs) lib;
  # As in the manifests, which never pull: the images are on the machine before the cluster is.
  registry = "localhost";
  # Above what any user of the host has, so that leaving the container is being nobody.
  uid = 10001;
  image =
    program: title:
    pkgs.dockerTools.buildLayeredImage {
      name = "${registry}/relais-${title}";
      tag = program.version;
      # The same program makes the same image.
      created = "1970-01-01T00:00:01Z";
      config = {
        Entrypoint = [ (lib.getExe program) ];
        User = "${toString uid}:${toString uid}";
        WorkingDir = "/";
        Labels = {
          "org.opencontainers.image.title" = "relais-${title}";
          "org.opencontainers.image.version" = program.version;
          "org.opencontainers.image.licenses" = program.meta.license.spdxId;
        };
      };
      passthru = { inherit uid; };
      meta = {
        description = "${program.meta.description}, as a container image";
        inherit (program.meta) license platforms;
      };
    };
in
lib.mapAttrs' (title: program: lib.nameValuePair "${title}-image" (image program title)) {
  inherit (programs) bot health;
}
