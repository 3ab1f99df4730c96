# The standby's image boots with a metadata service beside it, its cluster starts while the key to its secrets is still to
# come, and what stands in the user data is not run. Amazon's own way to configure a machine, which is off, would run it.
{
  lib,
  pkgs,
  refused,
  self,
  ...
}:
let
  imds = import "${pkgs.path}/nixos/tests/common/imds-server.nix" { inherit pkgs; };
  metadata = import ./common/metadata.nix { inherit pkgs; };
  image =
    (self.nixosConfigurations.ec2.extendModules {
      modules = [
        "${pkgs.path}/nixos/modules/testing/test-instrumentation.nix"
        "${pkgs.path}/nixos/modules/profiles/qemu-guest.nix"
        {
          # The framework's own console.
          systemd.services."serial-getty@ttyS0".enable = lib.mkForce false;
          boot.kernelParams = lib.mkAfter [ "console=ttyS0" ];
          virtualisation.amazon-init.enable = lib.mkIf refused (lib.mkOverride 10 true);
        }
      ];
    }).config.system.build.images.amazon;
in
{
  # For the framework, and never started: the machine comes from the image.
  nodes.frame = { };

  testScript = ''
    import os, subprocess, tempfile

    disk = os.path.join(tempfile.mkdtemp(), "disk.qcow2")
    raw = "${image}/${image.passthru.filePath}"
    subprocess.check_call(["${pkgs.qemu_test}/bin/qemu-img", "create", "-f", "qcow2", "-F", "raw", "-b", raw, disk, "8G"])
    standby = create_machine(
        f"${pkgs.qemu_test}/bin/qemu-kvm -m 2048 -smp 2 -bios ${pkgs.OVMF.fd}/FV/OVMF.fd -drive file={disk},if=virtio,werror=report"
        + " -device virtio-net-pci,netdev=meta -netdev user,id=meta,net=169.0.0.0/8,"
        + "guestfwd=tcp:169.254.169.254:80-cmd:'${lib.getExe imds} ${metadata}' $QEMU_OPTS"
    )
    standby.start()
    standby.wait_for_unit("k3s.service", timeout=900)
  ''
  + (
    if refused then
      ''
        standby.wait_for_file("/run/user-data-was-run", timeout=300)
      ''
    else
      ''
        standby.succeed("test -d /sys/firmware/efi")
        standby.wait_until_succeeds("journalctl --unit relais-age-key | grep -i curl", timeout=300)
        standby.fail("test -e /run/user-data-was-run")
        standby.fail("test -e /run/relais-age-key/key")
        standby.wait_until_succeeds("k3s kubectl --namespace relais get deployment bot", timeout=600)
        standby.succeed("test $(df --output=size / | tail -n 1) -gt 7000000")
      ''
  );
}
