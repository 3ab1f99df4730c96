# An image carries no secret. At boot it reads the key that opens its secrets from a parameter, by the machine's own role.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  cfg = config.services.relais;
  keyFile = "/run/relais-age-key/key";
  fetch = pkgs.writeShellApplication {
    name = "relais-fetch-age-key";
    runtimeInputs = [
      pkgs.coreutils
      pkgs.curl
      pkgs.jq
    ];
    text = ''
      metadata=http://169.254.169.254/latest
      ask() { curl --silent --show-error --fail --max-time 5 --retry 5 --retry-connrefused --config - "$@"; }
      token=$(ask --request PUT --header "X-aws-ec2-metadata-token-ttl-seconds: 60" "$metadata/api/token" < /dev/null)
      look() { ask "$metadata/$1" <<< "header = \"X-aws-ec2-metadata-token: $token\""; }
      region=$(look meta-data/placement/region)
      role=$(look meta-data/iam/security-credentials/)
      role=$(look "meta-data/iam/security-credentials/$role")
      of() { jq --raw-output --exit-status ".$1" <<< "$role"; }
      # By --config and not as arguments, which every process on the machine can read.
      key=$(printf 'user = "%s:%s"\nheader = "X-Amz-Security-Token: %s"\n' \
        "$(of AccessKeyId)" "$(of SecretAccessKey)" "$(of Token)" \
        | ask --aws-sigv4 "aws:amz:$region:ssm" \
          --header "Content-Type: application/x-amz-json-1.1" --header "X-Amz-Target: AmazonSSM.GetParameter" \
          --data '{"Name":"${cfg.ageKeyParameter}","WithDecryption":true}' "https://ssm.$region.amazonaws.com/" \
        | jq --raw-output --exit-status .Parameter.Value)
      case $key in
        AGE-SECRET-KEY-*) printf '%s\n' "$key" > ${keyFile} ;;
        *) echo "the parameter ${cfg.ageKeyParameter} has no age key: put the standby's there (terraform/README.md)" >&2
           exit 1 ;;
      esac
    '';
  };
in
{
  options.services.relais.ageKeyParameter = lib.mkOption {
    type = lib.types.nullOr (lib.types.strMatching "/[A-Za-z0-9_./-]+");
    default = if cfg.site == "cloud" then "/relais/age-key" else null;
    defaultText = lib.literalExpression ''"/relais/age-key" on the cloud's site, else null'';
    description = ''
      The SSM parameter (SecureString) with the age key of this site's secrets. Without one the key is the machine's own SSH
      host key.
    '';
  };

  config = lib.mkIf (cfg.enable && cfg.ageKeyParameter != null) {
    sops = {
      age = {
        inherit keyFile;
        sshKeyPaths = [ ];
      };
      gnupg.sshKeyPaths = [ ];
      # The key comes by the network, so secrets cannot be opened while the system is activated.
      useSystemdActivation = true;
    };

    systemd.services = {
      relais-age-key = {
        description = "Fetches the key that opens this site's secrets";
        after = [ "network-online.target" ];
        wants = [ "network-online.target" ];
        # Until the network, the role and the parameter are all there. What waits for the key goes on waiting.
        startLimitIntervalSec = 0;
        serviceConfig = import ./hardening.nix // {
          Type = "oneshot";
          RemainAfterExit = true;
          ExecStart = lib.getExe fetch;
          Restart = "on-failure";
          RestartMode = "direct";
          RestartSec = 2;
          RestartSteps = 5;
          RestartMaxDelaySec = 60;
          RuntimeDirectory = "relais-age-key";
          RuntimeDirectoryMode = "0700";
          RestrictAddressFamilies = [
            "AF_INET"
            "AF_INET6"
            "AF_UNIX"
          ];
        };
      };
      sops-install-secrets = {
        after = [ "relais-age-key.service" ];
        requires = [ "relais-age-key.service" ];
        wantedBy = lib.mkForce [ "multi-user.target" ];
        before = lib.mkForce [ "relais-secrets.service" ];
        requiredBy = lib.mkForce [ "relais-secrets.service" ];
        unitConfig.DefaultDependencies = lib.mkForce true;
      };
    };
  };
}
