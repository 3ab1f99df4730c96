# GitOps: ArgoCD's core out of k8s/argocd, told what to do by k8s/gitops. It reads the machine's copy of the repository
# (mirror.nix), so there is a Git to ask while the network is gone, and no pod needs a way to the one outside. Nothing here is
# on the bot's way: K3s starts the bot by itself, and ArgoCD takes over what it finds, which are the same manifests.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  cfg = config.services.relais;
  own = cfg.argocd;
  inherit (cfg) workloads;

  render = import ./render.nix pkgs;
  # Its kinds belong to its version. That of ApplicationSets is left out: it is the largest, and nobody here has one.
  # Copied, or the machine would carry all of ArgoCD's source.
  kinds = pkgs.runCommand "argocd-kinds" { } ''
    mkdir "$out"
    cp ${own.package.src}/manifests/crds/{application,appproject}-crd.yaml "$out"
  '';

  apply = pkgs.writeShellApplication {
    name = "relais-apply-argocd";
    # Not K3s's own, which unpacks itself for every user that calls it.
    runtimeInputs = [
      pkgs.coreutils
      pkgs.kubectl
    ];
    text = ''
      export KUBECONFIG="$CREDENTIALS_DIRECTORY/kubeconfig" HOME="$RUNTIME_DIRECTORY"
      # The definitions are larger than what the other way of applying can remember.
      apply() { kubectl apply --server-side --force-conflicts --filename "$1"; }

      # The bot has the machine to itself until it runs; one that does not come is no reason to stay away.
      for _ in $(seq 40); do
        phases=$(kubectl --namespace relais get pods --selector app.kubernetes.io/component=bot \
          --output 'jsonpath={.items[*].status.phase}')
        case $phases in *Running*) break ;; esac
        sleep 3
      done

      for kind in application appproject; do apply "${kinds}/$kind-crd.yaml"; done
      kubectl wait --for condition=Established --timeout 60s crd/applications.argoproj.io crd/appprojects.argoproj.io
      # Where ArgoCD is given rights; what is in them, and what they are labelled, comes later and from elsewhere.
      for namespace in argocd relais relais-monitoring; do
        [ -n "$(kubectl get namespace "$namespace" --ignore-not-found --output name)" ] || kubectl create namespace "$namespace"
      done
      secret() { kubectl --namespace argocd create secret generic "$@"; }
      has() { [ -n "$(kubectl --namespace argocd get secret "$1" --ignore-not-found --output name)" ]; }
      # ArgoCD wants to find it, and has nothing to keep in it.
      has argocd-secret || secret argocd-secret
      kubectl --namespace argocd label secret argocd-secret app.kubernetes.io/part-of=argocd --overwrite
      if ! has argocd-redis; then
        password=$(head --bytes 24 /dev/urandom | base64)
        printf '%s' "$password" > "$RUNTIME_DIRECTORY/auth"
        printf 'requirepass %s\n' "$password" > "$RUNTIME_DIRECTORY/redis.conf"
        secret argocd-redis --from-file "$RUNTIME_DIRECTORY/auth" --from-file "$RUNTIME_DIRECTORY/redis.conf"
      fi
      apply ${own.manifests.core}
      apply ${own.manifests.told}
    '';
  };
in
{
  options.services.relais.argocd = {
    enable = lib.mkOption {
      type = lib.types.bool;
      default = workloads.root != null;
      defaultText = lib.literalExpression "config.services.relais.workloads.root != null";
      description = "Whether what Git says becomes what the site runs.";
    };
    package = lib.mkPackageOption pkgs "argocd" {
      extraDescription = "Only the definitions of its kinds are taken from it: they must fit the image.";
    };
    repository = lib.mkOption {
      type = lib.types.nullOr (lib.types.strMatching "(https|git|file)://[^[:space:]]+");
      default = null;
      example = "https://github.com/you/relais.git";
      description = "The repository that says what this site runs.";
    };
    credentialsFile = lib.mkOption {
      type = lib.types.nullOr (lib.types.strMatching "/.*");
      default = null;
      example = "/run/secrets/relais/git";
      description = ''
        A file on the machine with one line `https://name:token@host`, for a repository that is not public. Read by the
        machine only; the cluster has the copy.
      '';
    };
    manifests = lib.mkOption {
      type = lib.types.attrsOf lib.types.package;
      internal = true;
      readOnly = true;
      default = {
        core = render "argocd" "${workloads.root}/argocd/overlays/${workloads.overlay}";
        told = render "gitops" "${workloads.root}/gitops/${workloads.overlay}";
      };
      description = "What ArgoCD is, and what it is told.";
    };
    interval = lib.mkOption {
      type = lib.types.strMatching "[0-9]+(s|min|h)";
      default = "2min";
      description = "How long after one look at the repository the next one follows.";
    };
  };

  config = lib.mkIf (cfg.enable && own.enable) {
    assertions = [
      {
        assertion = workloads.root != null;
        message = "services.relais.argocd.enable without services.relais.workloads.root: ArgoCD's own manifests are in that folder";
      }
      {
        assertion = own.repository != null;
        message = "services.relais.argocd.repository is not set: name the repository that says what this site runs, or set services.relais.argocd.enable = false";
      }
      {
        assertion = !lib.hasPrefix builtins.storeDir (toString own.credentialsFile);
        message = "services.relais.argocd.credentialsFile: ${toString own.credentialsFile} is in the store, which everybody on the machine can read";
      }
    ];

    systemd.services.relais-argocd = {
      description = "Starts ArgoCD and tells it where to look";
      after = [
        "k3s.service"
        "relais-secrets.service"
      ];
      requires = [ "k3s.service" ];
      wantedBy = [ "multi-user.target" ];
      # The cluster answers a little after its service says that it has started.
      startLimitIntervalSec = 0;
      serviceConfig = import ./hardening.nix // {
        Type = "oneshot";
        RemainAfterExit = true;
        ExecStart = lib.getExe apply;
        Restart = "on-failure";
        RestartSec = 5;
        DynamicUser = true;
        RuntimeDirectory = "relais-argocd";
        RuntimeDirectoryMode = "0700";
        LoadCredential = [ "kubeconfig:/etc/rancher/k3s/k3s.yaml" ];
        RestrictAddressFamilies = [ "AF_INET" ];
        IPAddressAllow = "localhost";
        IPAddressDeny = "any";
      };
    };
  };
}
