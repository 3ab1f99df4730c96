# The laptop serves with its lid closed, and lets what is to be handed over be handed over before it sleeps or goes off.
{ config, lib, ... }:
let
  cfg = config.services.relais;
  policy = cfg.numbers;
in
{
  options.services.relais.alwaysOn = lib.mkOption {
    type = lib.types.bool;
    default = cfg.site == "laptop";
    defaultText = lib.literalExpression ''config.services.relais.site == "laptop"'';
    description = "Whether a closed lid and idleness leave the machine running. Sleep can still be asked for.";
  };

  config = lib.mkIf cfg.enable {
    services.logind.settings.Login = {
      # systemd's five seconds would cut a hand-over short, and the kubelet's shutdown too.
      InhibitDelayMaxSec = policy.inhibit_ms / 1000;
    }
    // lib.optionalAttrs cfg.alwaysOn {
      HandleLidSwitch = "ignore";
      HandleLidSwitchExternalPower = "ignore";
      HandleLidSwitchDocked = "ignore";
      IdleAction = "ignore";
    };
  };
}
