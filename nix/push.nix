# `nix run .#push-images -- REGISTRY`: the images as they are here, for machines that are not built by this flake.
{ pkgs, images }:
let
  inherit (pkgs) lib;
in
pkgs.writeShellApplication {
  name = "push-images";
  runtimeInputs = [ pkgs.skopeo ];
  meta = {
    description = "Pushes the images to a registry, as in `push-images docker.io/you`";
    license = lib.licenses.asl20;
    platforms = lib.platforms.linux;
  };
  # The policy is about images from elsewhere, and these are ours; without the flag a machine without a policy file refuses.
  text = ''
    if [ $# -ne 1 ]; then
      echo "usage: push-images REGISTRY, as in push-images docker.io/you (log in before: skopeo login docker.io)" >&2
      exit 64
    fi
    ${lib.concatMapStringsSep "\n" (
      image:
      ''skopeo --insecure-policy copy docker-archive:${image} "docker://$1/${baseNameOf image.imageName}:${image.imageTag}"''
    ) images}
  '';
}
