# What is on the disk before the cluster starts: with the network gone there is no registry to ask, and that is when a site
# must start.
{
  config,
  lib,
  relais,
  ...
}:
let
  cfg = config.services.relais;
  k3s = config.services.k3s.package;
  image = name: lib.mkPackageOption relais "${name}-image" { pkgsText = "relais"; };
in
{
  options.services.relais = {
    bot.image = image "bot";
    health.image = image "health";
    pause.image = image "pause";
    argocd.image = image "argocd";
    argocd.redis.image = image "redis";

    monitoring = {
      enable = lib.mkEnableOption "the images of Prometheus and Alertmanager" // {
        default = true;
      };
      prometheus.image = image "prometheus";
      alertmanager.image = image "alertmanager";
      grafana = {
        enable = lib.mkOption {
          type = lib.types.bool;
          default = cfg.site == "laptop";
          defaultText = lib.literalExpression ''config.services.relais.site == "laptop"'';
          description = "Whether Grafana's image is here too: it wants more memory than everything else together.";
        };
        image = image "grafana";
      };
    };

    systemImages = lib.mkOption {
      type = lib.types.listOf lib.types.package;
      default = [ k3s.airgap-images ];
      defaultText = lib.literalExpression "[ config.services.k3s.package.airgap-images ]";
      description = "The images of K3s itself. With them on the machine no registry is asked for anything.";
    };
  };

  config.services.k3s = lib.mkIf cfg.enable {
    images = [
      cfg.pause.image
      cfg.bot.image
      cfg.health.image
    ]
    ++ cfg.systemImages
    ++ lib.optionals cfg.argocd.enable [
      cfg.argocd.image
      cfg.argocd.redis.image
    ]
    ++ lib.optionals cfg.monitoring.enable [
      cfg.monitoring.prometheus.image
      cfg.monitoring.alertmanager.image
    ]
    ++ lib.optional (
      cfg.monitoring.enable && cfg.monitoring.grafana.enable
    ) cfg.monitoring.grafana.image;
    # Every pod begins with it.
    extraFlags = [ "--pause-image=${cfg.pause.image.imageName}:${cfg.pause.image.imageTag}" ];
  };
}
