# Sleep and shutdown wait until the bot is handed over to the other site.
{
  config,
  lib,
  pkgs,
  relais,
  ...
}:
let
  cfg = config.services.relais;
  format = pkgs.formats.json { };
  inherit (cfg.handover) settings;
  written = format.generate "relais-handover.json" settings;
  # The bot's store is named once, in what the cluster begins with, which may be there only when it is built.
  told =
    if settings.store == null && cfg.workloads.root != null then
      "jq '.store = $bot[0].store' --slurpfile bot ${cfg.workloads.root}/overlays/${cfg.workloads.overlay}/bot.json"
    else
      "jq .";
  credentials = cfg.handover.credentialsFile;
  keepNetwork = pkgs.writeShellApplication {
    name = "relais-keep-network";
    runtimeInputs = [
      pkgs.coreutils
      pkgs.gnugrep
      config.systemd.package
    ];
    text = builtins.readFile ./keep-network.sh;
  };
in
{
  options.services.relais.handover = {
    enable = lib.mkOption {
      type = lib.types.bool;
      default = cfg.site == "laptop";
      defaultText = lib.literalExpression ''config.services.relais.site == "laptop"'';
      description = "Whether sleep and shutdown wait until the bot is handed over, as long as `inhibit_ms` of the policy.";
    };

    package = lib.mkPackageOption relais "handover" { pkgsText = "relais"; };

    settings = lib.mkOption {
      description = "The program's settings, by its own names of the keys. They are checked when the system is built.";
      default = { };
      type = lib.types.submodule {
        freeformType = format.type;
        options = {
          site = lib.mkOption {
            type = lib.types.nullOr lib.types.str;
            default = cfg.site;
            defaultText = lib.literalExpression "config.services.relais.site";
            description = "This site.";
          };
          store = lib.mkOption {
            type = lib.types.nullOr lib.types.str;
            default = null;
            example = "dynamodb:relais?region=eu-west-3";
            description = "The store of both sites. Null: the bot's, as `workloads.root` has it.";
          };
          bot = lib.mkOption {
            type = lib.types.str;
            default = "http://10.43.0.81:8081";
            description = "The private port of this site's bot: the address of its service in the cluster.";
          };
          policy = lib.mkOption {
            type = lib.types.nullOr lib.types.str;
            default = "${cfg.policy}";
            defaultText = lib.literalExpression ''"''${config.services.relais.policy}"'';
            description = "The numbers of the protocol, a file.";
          };
        };
      };
    };

    configFile = lib.mkOption {
      type = lib.types.package;
      internal = true;
      readOnly = true;
      description = "The settings as a file. It cannot be built if the program does not take them.";
      default = pkgs.runCommand "relais-handover.json" { nativeBuildInputs = [ pkgs.jq ]; } ''
        ${told} ${written} > "$out"
        ${lib.getExe cfg.handover.package} --check-config --config "$out"
      '';
    };

    credentialsFile = lib.mkOption {
      type = lib.types.nullOr lib.types.str;
      default = config.sops.templates."relais-aws-credentials".path;
      defaultText = lib.literalExpression ''config.sops.templates."relais-aws-credentials".path'';
      description = "A file with credentials of AWS, on the machine and not in the store. None if the store needs none.";
    };
  };

  config = lib.mkIf (cfg.enable && cfg.handover.enable) {
    assertions = [
      {
        assertion = cfg.site != "cloud";
        message = "services.relais.handover.enable on the cloud's site: the laptop hands over to it, and it is ended by the watchdog alone";
      }
      {
        assertion = settings.store != null || cfg.workloads.root != null;
        message = ''services.relais.handover.settings.store is not set: name the store of both sites, as in "dynamodb:relais?region=eu-west-3"'';
      }
      {
        assertion = credentials == null || !lib.hasPrefix builtins.storeDir credentials;
        message = "services.relais.handover.credentialsFile: ${toString credentials} is in the store, where everybody on the machine can read it";
      }
    ];

    # Who is not root is asked for by it, and has these locks for the asking.
    security.polkit.enable = true;

    sops.templates."relais-aws-credentials".restartUnits = [ "relais-handover.service" ];

    networking.networkmanager.dispatcherScripts = [
      {
        type = "pre-down";
        source = lib.getExe keepNetwork;
      }
    ];

    systemd.services.relais-handover = {
      description = "Hands the bot over before this machine sleeps or goes off";
      after = [
        "dbus.socket"
        "polkit.service"
        "systemd-logind.service"
      ];
      wants = [ "systemd-logind.service" ];
      wantedBy = [ "multi-user.target" ];
      startLimitIntervalSec = 0;
      environment = lib.mkIf (credentials != null) {
        AWS_SHARED_CREDENTIALS_FILE = "%d/aws";
        AWS_EC2_METADATA_DISABLED = "true";
      };
      serviceConfig = import ./hardening.nix // {
        Type = "notify";
        ExecStart = "${lib.getExe cfg.handover.package} --log-json --config ${cfg.handover.configFile}";
        Restart = "always";
        RestartSec = 2;
        # Settings that are refused are so again.
        RestartPreventExitStatus = 64;
        WatchdogSec = 60;
        DynamicUser = true;
        LoadCredential = lib.optional (credentials != null) "aws:${credentials}";
        RestrictAddressFamilies = [
          "AF_INET"
          "AF_INET6"
          "AF_UNIX"
        ];
      };
    };
  };
}
