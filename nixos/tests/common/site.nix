# A site as it ships, on a virtual machine: the example's secrets, and the key that opens them on its disk.
{ self }:
{ pkgs, ... }:
{
  imports = [
    self.nixosModules.relais
    ../../hosts/common.nix
  ];

  services.relais = {
    secrets.file = ../../secrets/example.yaml;
    ageKeyParameter = null;
    administrators.ada = [ "ssh-ed25519 an-example-and-no-key ada@desk" ];
  };
  sops = {
    useSystemdActivation = true;
    gnupg.sshKeyPaths = [ ];
    age = {
      keyFile = "/etc/relais-example.age";
      sshKeyPaths = [ ];
    };
  };
  environment.etc."relais-example.age".source = ../../secrets/example.age;

  environment.systemPackages = [ pkgs.kubectl ];
  environment.variables.KUBECONFIG = "/etc/rancher/k3s/k3s.yaml";
  virtualisation = {
    cores = 2;
    memorySize = 2048;
    diskSize = 8192;
  };
}
