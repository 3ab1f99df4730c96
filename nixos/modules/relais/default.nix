# `services.relais`: one site. What it is made of stands in the files beside this one; each can be read alone.
{
  config,
  lib,
  ...
}:
let
  cfg = config.services.relais;
  policy = cfg.numbers;
in
{
  imports = [
    ./k3s.nix
    ./images.nix
    ./argocd.nix
    ./mirror.nix
    ./network.nix
    ./secrets.nix
    ./age-key.nix
    ./funnel.nix
    ./power.nix
    ./handover.nix
    ./people.nix
  ];

  options.services.relais = {
    enable = lib.mkEnableOption "one site of Relais";

    site = lib.mkOption {
      type = lib.types.nullOr (
        lib.types.enum [
          "laptop"
          "cloud"
        ]
      );
      default = null;
      description = ''
        Which of the two sites this machine is. Both sites with the same name would be twins that take the lease from each
        other, so it has no default.
      '';
    };

    policy = lib.mkOption {
      type = lib.types.path;
      default = ../../../crates/failover/policy.json;
      defaultText = lib.literalExpression "crates/failover/policy.json";
      description = "The numbers of the protocol. Both sites and the watchdog must have the same.";
    };

    numbers = lib.mkOption {
      type = lib.types.attrsOf lib.types.anything;
      internal = true;
      default = lib.importJSON cfg.policy;
      description = "What the policy says.";
    };

    upgradeFrom = lib.mkOption {
      type = lib.types.nullOr lib.types.str;
      default = null;
      example = "github:you/relais";
      description = ''
        A flake from which the machine upgrades itself every night, without a reboot. Its lock file decides what it gets.
      '';
    };
  };

  config = lib.mkIf cfg.enable {
    assertions = [
      {
        assertion = cfg.site != null;
        message = ''services.relais.site is not set: say which site this machine is, "laptop" or "cloud"'';
      }
      {
        assertion = policy.schema == 1;
        message = "services.relais.policy: schema ${toString policy.schema} is not known, only 1 is";
      }
      {
        assertion = policy.self_fence_ms < policy.ttl_ms;
        message = "services.relais.policy: self_fence_ms (${toString policy.self_fence_ms}) must be below ttl_ms (${toString policy.ttl_ms}), or two sites could speak at once";
      }
    ];

    system.autoUpgrade = lib.mkIf (cfg.upgradeFrom != null) {
      enable = true;
      flake = cfg.upgradeFrom;
      # What the lock file of that flake says, and nothing newer.
      upgrade = false;
      allowReboot = false;
    };
  };
}
