# What must be true of the standby's image.
{ lib, packages }:
let
  image = packages.ec2-ami.passthru.config;
  # The default of the variable, in GiB.
  rootVolume = lib.toInt (
    lib.head (
      builtins.match ".*variable \"root_volume_gib\" [{][^}]*default +[=] ([0-9]+).*" (
        builtins.readFile ../terraform/variables_standby.tf
      )
    )
  );
in
{
  "ec2: its image is a raw disk, as the publisher takes it" =
    image.amazonImage.format == "raw" && packages.ec2-ami.passthru.filePath == "relais-ec2.raw";
  "ec2: its image boots by UEFI" = image.ec2.efi;
  "ec2: its image fits the disk that Terraform gives it" =
    image.virtualisation.diskSize <= 1024 * rootVolume && image.virtualisation.diskSize >= 4096;
}
