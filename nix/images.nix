# The containers: one program and the libraries it is linked with, each library a layer of its own, so that a new program is a
# new top layer. No shell of its own, no package manager, nothing that runs as root. What others wrote is nixpkgs' own build of
# it, so that a site never asks a registry for anything.
{
  pkgs,
  programs,
  version,
}:
let
  inherit (pkgs) lib;
  # What the manifests name, and the gate holds them to. They never pull: the images are on the machine before the cluster is.
  named = lib.importJSON ../k8s/images.json;
  registry = "localhost/relais-";
  roots = "${pkgs.cacert}/etc/ssl/certs/ca-bundle.crt";

  image =
    title:
    {
      program,
      description ? program.meta.description,
      entrypoint ? [ (lib.getExe program) ],
      # Above what any user of the host has, so that leaving the container is being nobody.
      uid ? 10001,
      contents ? [ ],
      env ? [ ],
    }:
    pkgs.dockerTools.buildLayeredImage {
      name = "${registry}${title}";
      tag =
        named."${registry}${title}"
          or (throw "k8s/images.json has no ${registry}${title}: an image that no manifest can name");
      inherit contents;
      # Read once at boot, while the bot waits.
      compressor = "zstd";
      # The same program makes the same image.
      created = "1970-01-01T00:00:01Z";
      config = {
        Entrypoint = entrypoint;
        Env = env;
        User = "${toString uid}:${toString uid}";
        WorkingDir = "/";
        Labels = {
          "org.opencontainers.image.title" = "relais-${title}";
          "org.opencontainers.image.version" = program.version;
          "org.opencontainers.image.licenses" = program.meta.license.spdxId;
        };
      };
      passthru = { inherit uid; };
      meta = {
        description = "${description}, as a container image";
        inherit (program.meta) license;
        platforms = lib.platforms.linux;
      };
    };

  # Its parts are one program that goes by the name it is started under. Git, which it starts for every look at the
  # repository, refuses one of another user unless it is told; what it is told on a command line does not reach its far end.
  argocd = pkgs.buildEnv {
    name = "relais-argocd-root";
    paths = [
      pkgs.argocd
      pkgs.gitMinimal
      pkgs.kustomize
      (pkgs.runCommand "argocd-parts" { } ''
        mkdir -p "$out/bin"
        for part in application-controller repo-server; do
          ln -s ${lib.getExe pkgs.argocd} "$out/bin/argocd-$part"
        done
      '')
      (pkgs.writeTextDir "etc/gitconfig" ''
        [safe]
        	directory = /mirror/relais.git
      '')
      (pkgs.writeTextDir "etc/passwd" "argocd:x:10007:10007::/home/argocd:/none\n")
    ];
    pathsToLink = [
      "/bin"
      "/etc"
    ];
  };
in
assert lib.assertMsg (
  lib.unique [
    named."${registry}bot"
    named."${registry}health"
    version
  ] == [ version ]
) "k8s/images.json has another version of bot and health than Cargo.toml (${version})";
lib.mapAttrs' (title: parts: lib.nameValuePair "${title}-image" (image title parts)) {
  bot.program = programs.bot;
  health = {
    program = programs.health;
    uid = 10002;
  };
  prometheus = {
    program = pkgs.prometheus;
    uid = 10003;
  };
  grafana = {
    program = pkgs.grafana;
    uid = 10004;
    entrypoint = [
      (lib.getExe pkgs.grafana)
      "server"
      "--homepath=${pkgs.grafana}/share/grafana"
    ];
    # It makes both where it finds its own files, which cannot be written.
    env = [
      "GF_PATHS_LOGS=/tmp"
      "GF_PATHS_PLUGINS=/var/lib/grafana/plugins"
    ];
  };
  alertmanager = {
    program = pkgs.prometheus-alertmanager;
    uid = 10005;
    # Discord's webhook is reached by TLS.
    env = [ "SSL_CERT_FILE=${roots}" ];
  };
  argocd = {
    program = pkgs.argocd;
    # Git leaves children behind, and somebody has to be their parent.
    entrypoint = [
      (lib.getExe pkgs.tini)
      "--"
    ];
    uid = 10007;
    contents = [ argocd ];
    env = [
      "HOME=/home/argocd"
      "PATH=/bin"
      "USER=argocd"
    ];
  };
  # What speaks Redis's protocol under a licence without conditions on its use.
  redis = {
    program = pkgs.valkey;
    entrypoint = [ (lib.getExe' pkgs.valkey "valkey-server") ];
    uid = 10008;
  };
  # What holds the namespaces of every pod, K3s's own too.
  pause = {
    program = pkgs.kubernetes;
    description = "The process that holds a pod's namespaces";
    entrypoint = [ "${pkgs.kubernetes.pause}/bin/pause" ];
    uid = 65535;
  };
}
