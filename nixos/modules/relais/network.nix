# Closed from outside. Pods reach the node; people reach it over Tailscale.
{ config, lib, ... }:
let
  cfg = config.services.relais;
  # The cluster's API, the kubelet, flannel's tunnel.
  inner = [
    6443
    8472
    10250
  ];
  firewall = config.networking.firewall;
  opened = lib.intersectLists inner (firewall.allowedTCPPorts ++ firewall.allowedUDPPorts);
in
{
  config = lib.mkIf cfg.enable {
    networking.firewall = {
      enable = true;
      # The K3s module opens nothing, and without these pods reach neither the node nor names.
      trustedInterfaces = [
        "cni0"
        "flannel.1"
      ];
      interfaces.${config.services.tailscale.interfaceName}.allowedTCPPorts =
        lib.mkIf config.services.tailscale.enable config.services.openssh.ports;
    };

    services.openssh = {
      openFirewall = false;
      settings = {
        PasswordAuthentication = false;
        KbdInteractiveAuthentication = false;
        PermitRootLogin = lib.mkOverride 60 "no";
        X11Forwarding = false;
      };
    };

    assertions = [
      {
        assertion = firewall.enable;
        message = "networking.firewall.enable is false: K3s listens on every address, so a site needs its firewall";
      }
      {
        assertion = opened == [ ];
        message = "networking.firewall opens ${
          lib.concatMapStringsSep ", " toString opened
        } to everybody: these are the cluster's own, a site has one machine";
      }
    ];
  };
}
