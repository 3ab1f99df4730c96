# Secrets: encrypted in the repository, in memory on the machine, and from there into the cluster. Never in the store.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  cfg = config.services.relais;
  file = cfg.secrets.file;
  text = lib.optionalString (file != null) (builtins.readFile file);
  wanted = [
    "discord-token"
    "health-key"
    "aws-access-key-id"
    "aws-secret-access-key"
  ]
  ++ lib.optional cfg.funnel.enable "tailscale-key";
  # A site without it has nobody to send its alerts to, which is no reason not to start.
  alerts = lib.hasInfix "alert-webhook:" text;
  missing = lib.filter (name: !lib.hasInfix "${name}:" text) wanted;
  encrypted = lib.hasInfix "ENC[" text && lib.hasInfix "sops:" text;

  # Secret, key in it, where its content is on the machine: what the manifests name.
  secrets = map (secret: { namespace = "relais"; } // secret) (
    [
      {
        name = "relais-discord";
        key = "token";
        path = config.sops.secrets."relais/discord-token".path;
      }
      {
        name = "relais-health";
        key = "key";
        path = config.sops.secrets."relais/health-key".path;
      }
      {
        name = "relais-aws";
        key = "credentials";
        path = config.sops.templates."relais-aws-credentials".path;
      }
    ]
    ++ lib.optional alerts {
      namespace = "relais-monitoring";
      name = "relais-webhook";
      key = "url";
      path = config.sops.secrets."relais/alert-webhook".path;
    }
  );

  apply = pkgs.writeShellApplication {
    name = "relais-apply-secrets";
    # Not K3s's own, which unpacks itself for every user that calls it.
    runtimeInputs = [
      pkgs.coreutils
      pkgs.kubectl
    ];
    text = ''
      export KUBECONFIG="$CREDENTIALS_DIRECTORY/kubeconfig" HOME="$RUNTIME_DIRECTORY"
      content() { kubectl --namespace "$1" get secret "$2" --ignore-not-found --output 'jsonpath={.data}'; }
      changed=()
      apply() {
        kubectl create namespace "$1" --dry-run=client --output yaml | kubectl apply --server-side --filename -
        before=$(content "$1" "$2")
        kubectl --namespace "$1" create secret generic "$2" --from-file="$3=$CREDENTIALS_DIRECTORY/$2" \
          --dry-run=client --output yaml | kubectl apply --server-side --force-conflicts --filename -
        if [ -n "$before" ] && [ "$before" != "$(content "$1" "$2")" ]; then changed+=("$1"); fi
      }
      ${lib.concatMapStringsSep "\n" (
        secret: "apply ${secret.namespace} ${secret.name} ${secret.key}"
      ) secrets}
      # Programs read them once, when they start.
      if [ ''${#changed[@]} -gt 0 ]; then
        printf '%s\n' "''${changed[@]}" | sort --unique | while read -r namespace; do
          kubectl --namespace "$namespace" rollout restart deployment
        done
      fi
    '';
  };
in
{
  options.services.relais.secrets.file = lib.mkOption {
    type = lib.types.nullOr lib.types.path;
    default = null;
    example = lib.literalExpression "./secrets/laptop.yaml";
    description = "This site's secrets, a YAML file encrypted by sops. `nixos/secrets/README.md` names its keys.";
  };

  config = lib.mkIf cfg.enable {
    assertions = [
      {
        assertion = file != null;
        message = "services.relais.secrets.file is not set: name this site's secrets, a file that sops encrypted";
      }
      {
        assertion = file == null || encrypted;
        message = "services.relais.secrets.file: ${toString file} is not encrypted, and everybody on the machine can read the store: `sops encrypt --in-place` it";
      }
      {
        assertion = !encrypted || missing == [ ];
        message = "services.relais.secrets.file: ${toString file} lacks ${lib.concatStringsSep ", " missing}";
      }
    ];

    sops = {
      # Without a file the refusal above is what must be said, and not what sops-nix makes of it.
      defaultSopsFile = if file != null then file else ../../secrets/example.yaml;
      secrets = lib.listToAttrs (
        map (
          key:
          lib.nameValuePair "relais/${key}" {
            inherit key;
            restartUnits = [
              (if key == "tailscale-key" then "tailscaled-autoconnect.service" else "relais-secrets.service")
            ];
          }
        ) (wanted ++ lib.optional alerts "alert-webhook")
      );
      templates."relais-aws-credentials" = {
        content = ''
          [default]
          aws_access_key_id = ${config.sops.placeholder."relais/aws-access-key-id"}
          aws_secret_access_key = ${config.sops.placeholder."relais/aws-secret-access-key"}
        '';
        restartUnits = [ "relais-secrets.service" ];
      };
    };

    systemd.services.relais-secrets = {
      description = "Hands the secrets of this site to its cluster";
      after = [ "k3s.service" ];
      requires = [ "k3s.service" ];
      wantedBy = [ "multi-user.target" ];
      # The cluster answers a little after its service says that it has started.
      startLimitIntervalSec = 0;
      serviceConfig = import ./hardening.nix // {
        Type = "oneshot";
        RemainAfterExit = true;
        ExecStart = lib.getExe apply;
        Restart = "on-failure";
        RestartSec = 2;
        DynamicUser = true;
        RuntimeDirectory = "relais-secrets";
        LoadCredential = [
          "kubeconfig:/etc/rancher/k3s/k3s.yaml"
        ]
        ++ map (secret: "${secret.name}:${secret.path}") secrets;
        RestrictAddressFamilies = [ "AF_INET" ];
        IPAddressAllow = "localhost";
        IPAddressDeny = "any";
      };
    };
  };
}
