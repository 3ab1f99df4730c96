# The machine's own copy of the repository: what ArgoCD reads, with the network or without it.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  cfg = config.services.relais;
  own = cfg.argocd;

  fetch = pkgs.writeShellApplication {
    name = "relais-fetch-mirror";
    runtimeInputs = [ pkgs.gitMinimal ];
    text = ''
      export GIT_TERMINAL_PROMPT=0 GIT_SSL_CAINFO=/etc/ssl/certs/ca-certificates.crt HOME="$STATE_DIRECTORY"
      cd "$STATE_DIRECTORY"
      git() { command git ${
        lib.optionalString (
          own.credentialsFile != null
        ) ''-c credential.helper="store --file=$CREDENTIALS_DIRECTORY/git" ''
      }"$@"; }
      [ -e relais.git/HEAD ] || git init --quiet --bare relais.git
      # Branches and tags, and not what others propose.
      git -C relais.git fetch --quiet --prune ${lib.escapeShellArg (toString own.repository)} \
        '+refs/heads/*:refs/heads/*' '+refs/tags/*:refs/tags/*'
    '';
  };
in
{
  config = lib.mkIf (cfg.enable && own.enable) {
    users.users.relais-mirror = {
      isSystemUser = true;
      group = "relais-mirror";
      description = "Fetches the repository";
    };
    users.groups.relais-mirror = { };

    systemd.services.relais-mirror = {
      description = "Fetches the repository that says what this site runs";
      after = [ "network-online.target" ];
      wants = [ "network-online.target" ];
      wantedBy = [ "multi-user.target" ];
      serviceConfig = import ./hardening.nix // {
        Type = "oneshot";
        ExecStart = lib.getExe fetch;
        # A network that is half there.
        TimeoutStartSec = 300;
        User = "relais-mirror";
        StateDirectory = "relais-mirror";
        StateDirectoryMode = "0755";
        # Read by a pod under another user.
        UMask = "0022";
        LoadCredential = lib.optional (own.credentialsFile != null) "git:${own.credentialsFile}";
        RestrictAddressFamilies = [
          "AF_INET"
          "AF_INET6"
          "AF_UNIX"
        ];
      };
    };
    systemd.timers.relais-mirror = {
      description = "Looks at the repository again and again";
      wantedBy = [ "timers.target" ];
      timerConfig = {
        OnBootSec = own.interval;
        OnUnitInactiveSec = own.interval;
        RandomizedDelaySec = "15s";
      };
    };
  };
}
