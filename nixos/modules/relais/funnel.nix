# The laptop's health, and nothing else of it, on the public internet. Needs HTTPS and Funnel (the attribute `funnel` for the
# tag) in the tailnet's settings. A tagged machine's key does not expire; one that was joined by hand without the tag does,
# after half a year.
{ config, lib, ... }:
let
  cfg = config.services.relais;
  tailscale = lib.getExe config.services.tailscale.package;
in
{
  options.services.relais.funnel = {
    enable = lib.mkEnableOption "publishing this site's health by Tailscale Funnel";
    target = lib.mkOption {
      type = lib.types.str;
      default = "http://10.43.0.80:8080/health";
      description = "Where the health server is: the address of its service in the cluster.";
    };
    tag = lib.mkOption {
      type = lib.types.strMatching "tag:[a-z][a-z0-9-]*";
      default = "tag:relais";
      description = "The machine's tag in the tailnet.";
    };
  };

  config = lib.mkIf (cfg.enable && cfg.funnel.enable) {
    assertions = [
      {
        assertion = cfg.site != "cloud";
        message = "services.relais.funnel.enable on the cloud's site: the watchdog asks the laptop only, and the cloud is on no tailnet";
      }
    ];

    services.tailscale = {
      enable = true;
      authKeyFile = config.sops.secrets."relais/tailscale-key".path;
      extraUpFlags = [ "--advertise-tags=${cfg.funnel.tag}" ];
    };

    systemd.services.relais-funnel = {
      description = "Publishes the health of this site";
      after = [ "tailscaled-autoconnect.service" ];
      requires = [ "tailscaled-autoconnect.service" ];
      wantedBy = [ "multi-user.target" ];
      # The tailnet's settings may not be there yet.
      startLimitIntervalSec = 0;
      serviceConfig = import ./hardening.nix // {
        Type = "oneshot";
        RemainAfterExit = true;
        # What an earlier version published is taken back first.
        ExecStartPre = "${tailscale} funnel reset";
        ExecStart = "${tailscale} funnel --bg --https=443 --set-path=/health ${cfg.funnel.target}";
        ExecStop = "${tailscale} funnel reset";
        Restart = "on-failure";
        RestartSec = 30;
        # Its daemon's socket, and nothing of the network.
        RestrictAddressFamilies = [ "AF_UNIX" ];
        IPAddressDeny = "any";
      };
    };
  };
}
