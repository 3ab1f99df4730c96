# The cluster of one machine: a K3s server without what a single bot does not need, whose images are there before it starts.
{
  config,
  lib,
  pkgs,
  relais,
  ...
}:
let
  cfg = config.services.relais;
  policy = cfg.numbers;
  # A bot that is told to go drains and gives its lease away; later than this it would have fenced itself.
  leaveSeconds = (policy.drain_ms + policy.self_fence_ms) / 1000 + 5;
  # What is not critical has the difference: the bot, and what its manifest adds to be safe.
  shutdownSeconds = leaveSeconds + 25;
  criticalSeconds = 15;

  workloads =
    import ./render.nix pkgs "workloads"
      "${cfg.workloads.root}/overlays/${cfg.workloads.overlay}";

  agent = "/var/lib/rancher/k3s/agent";
  imageList = pkgs.writeText "relais-images" (
    lib.concatMapStrings (image: "${image}\n") config.services.k3s.images
  );

  # Stopping K3s leaves its pods running, and a bot that goes on speaking on a machine that was switched off by its
  # operator is a surprise. With the kubelet gone nobody starts it again.
  stop = pkgs.writeShellApplication {
    name = "relais-stop-k3s";
    runtimeInputs = [
      pkgs.coreutils
      pkgs.procps
    ];
    text = ''
      kill -TERM "$MAINPID" || true
      while kill -0 "$MAINPID" 2> /dev/null; do sleep 0.2; done
      pkill --signal TERM --exact relais-bot || exit 0
      for _ in $(seq ${toString (leaveSeconds * 5)}); do
        pgrep --exact relais-bot > /dev/null || exit 0
        sleep 0.2
      done
      echo "the bot did not leave within ${toString leaveSeconds} s and is ended" >&2
      pkill --signal KILL --exact relais-bot || true
    '';
  };
in
{
  options.services.relais.workloads = {
    root = lib.mkOption {
      type = lib.types.nullOr lib.types.path;
      default = null;
      example = lib.literalExpression "./k8s";
      description = ''
        A folder with `overlays/NAME` for Kustomize. K3s applies what it renders to by itself, so the bot starts without
        waiting for anything that comes from Git.
      '';
    };
    overlay = lib.mkOption {
      type = lib.types.str;
      default = if cfg.site == "cloud" then "ec2" else "laptop";
      defaultText = lib.literalExpression ''"laptop", or "ec2" on the cloud's site'';
      description = "Which overlay of it is this site's.";
    };
  };

  config = lib.mkIf cfg.enable {
    services.k3s = {
      enable = true;
      role = "server";
      # Volumes are bound to the node's name, which must outlive a change of the host's.
      nodeName = "relais-${toString cfg.site}";
      disable = [
        "traefik"
        "servicelb"
        "metrics-server"
      ];
      extraFlags = [
        "--disable-cloud-controller"
        "--secrets-encryption"
        "--write-kubeconfig-mode=0600"
      ];
      manifests = lib.mkIf (cfg.workloads.root != null) { relais.source = workloads; };
      gracefulNodeShutdown = {
        # It ends the bot as soon as a shutdown is announced, before the other site is there. With the agent the bot speaks
        # until it is handed over, and leaves when K3s is stopped.
        enable = !cfg.handover.enable;
        shutdownGracePeriod = "${toString shutdownSeconds}s";
        shutdownGracePeriodCriticalPods = "${toString criticalSeconds}s";
      };
      extraKubeletConfig = {
        maxPods = 30;
        # The swap is compressed memory, see below.
        failSwapOn = false;
        # An image that was removed for room is not imported again and cannot be pulled.
        imageGCHighThresholdPercent = 95;
        imageGCLowThresholdPercent = 90;
        evictionHard = {
          "memory.available" = "64Mi";
          "nodefs.available" = "5%";
          "imagefs.available" = "5%";
        };
      };
    };

    systemd.services.k3s = {
      # With this file K3s imports an image once and not at every start, which the kubelet would wait for. It goes by size
      # and time, and in the store every file is as old as the other, so with other images it begins anew.
      preStart = ''
        mkdir -p ${agent}
        if ! cmp --silent ${imageList} ${agent}/relais-images; then
          mkdir -p ${agent}/images
          : > ${agent}/images/.cache.json
          cp --no-preserve=mode ${imageList} ${agent}/relais-images
        fi
      '';
      path = [ pkgs.diffutils ];
      serviceConfig = {
        ExecStop = lib.getExe stop;
        # Both waits of the script, and K3s's own end.
        TimeoutStopSec = leaveSeconds + 60;
      };
    };

    # A site whose bot or health server would refuse its settings is not built.
    system.checks = lib.optional (cfg.workloads.root != null) (
      import ../../../nix/settings.nix {
        inherit pkgs;
        inherit (cfg.workloads) root;
        overlays = [ cfg.workloads.overlay ];
        programs = relais;
      }
    );

    # 2 GiB are enough, though not for the moment in which everything starts.
    zramSwap.enable = true;

    assertions = [
      {
        assertion = policy.inhibit_ms >= shutdownSeconds * 1000;
        message = "services.relais.policy: inhibit_ms (${toString policy.inhibit_ms}) is less than the ${toString shutdownSeconds} s that the cluster needs to shut down";
      }
      {
        assertion = lib.all (
          manifest:
          let
            objects = lib.toList manifest.content;
          in
          manifest.content == null || lib.all (object: object.kind or "" != "Secret") objects
        ) (lib.attrValues config.services.k3s.manifests);
        message = "services.k3s.manifests has a Secret: manifests are world-readable in the store, use services.relais.secrets";
      }
    ];
  };
}
