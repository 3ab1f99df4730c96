# What a host would be, as plain data and by evaluation alone: `nix eval --json .#lib.rendered.laptop` builds nothing.
{ lib }:
{ config, ... }:
let
  # The text of a file that a derivation would make.
  textOf =
    file:
    if file ? value then
      file.value
    else if file ? text then
      file.text
    else
      null;
  kept = lib.filterAttrs (
    name: unit:
    unit.enable
    && (
      lib.hasPrefix "relais-" name
      || lib.elem name [
        "k3s.service"
        "sops-install-secrets.service"
      ]
    )
  ) config.systemd.units;
  # These and what they come after, as far as this configuration says it: units that systemd brings are not in it.
  unitsBefore =
    units:
    let
      named =
        kind: unit:
        lib.optionalAttrs (lib.hasSuffix ".${lib.removeSuffix "s" kind}" unit) (
          config.systemd.${kind}.${lib.head (lib.splitString "." unit)} or { }
        );
      # What is started for it, and before it.
      held =
        unit:
        map (name: "${name}.service") (
          lib.attrNames (
            lib.filterAttrs (
              _: service:
              service.enable
              && lib.elem unit (service.wantedBy ++ service.requiredBy)
              && (lib.hasSuffix ".target" unit || lib.elem unit service.before)
            ) config.systemd.services
          )
        );
      before =
        unit: (named "services" unit).after or [ ] ++ (named "targets" unit).after or [ ] ++ held unit;
      there = unit: config.systemd.units ? ${unit} || lib.hasSuffix ".target" unit;
      more = lib.unique (units ++ lib.filter there (lib.concatMap before units));
    in
    if lib.length more == lib.length units then units else unitsBefore more;
  login = config.services.logind.settings.Login;
  inherit (config.services) k3s relais openssh;
in
{
  inherit (relais) site;
  hostName = config.networking.hostName;
  inherit (config) warnings;
  refused = map (one: one.message) (lib.filter (one: !one.assertion) config.assertions);
  units = lib.mapAttrs (_: unit: unit.text) kept;
  # What stands before the cluster, and before the secrets that the bot waits for.
  bootOfCluster = unitsBefore [ "k3s.service" ];
  boot = unitsBefore [
    "k3s.service"
    "relais-secrets.service"
  ];
  services = lib.mapAttrs (_: service: service.serviceConfig) (
    lib.filterAttrs (name: _: kept ? "${name}.service") config.systemd.services
  );
  k3s = {
    inherit (k3s)
      role
      disable
      nodeName
      extraFlags
      extraKubeletConfig
      gracefulNodeShutdown
      ;
    version = k3s.package.version;
    inherit (config.systemd.services.k3s) preStart;
    images = map (
      image: if image ? imageTag then "${image.imageName}:${image.imageTag}" else image.name
    ) k3s.images;
    manifests = lib.mapAttrs (_: manifest: manifest.content) k3s.manifests;
    # The commands that render what the cluster is given.
    workloads = k3s.manifests.relais.source.buildCommand or null;
    argocd = lib.mapAttrs (_: manifest: manifest.buildCommand) relais.argocd.manifests;
  };
  firewall = {
    inherit (config.networking.firewall)
      enable
      allowedTCPPorts
      allowedTCPPortRanges
      allowedUDPPorts
      allowedUDPPortRanges
      trustedInterfaces
      ;
    interfaces = lib.mapAttrs (
      _: interface: interface.allowedTCPPorts
    ) config.networking.firewall.interfaces;
  };
  ssh = {
    inherit (openssh) enable openFirewall;
    inherit (openssh.settings) PasswordAuthentication KbdInteractiveAuthentication PermitRootLogin;
  };
  power = {
    inhibitDelaySeconds = login.InhibitDelayMaxSec or null;
    lids = map (lid: login.${lid} or null) [
      "HandleLidSwitch"
      "HandleLidSwitchExternalPower"
      "HandleLidSwitchDocked"
    ];
    idle = login.IdleAction or null;
    zram = config.zramSwap.enable;
  };
  handover =
    if relais.handover.enable then
      {
        inherit (relais.handover) settings;
        built = relais.handover.configFile.buildCommand;
        beforeDown = map (script: script.source) (
          lib.filter (script: script.type == "pre-down") config.networking.networkmanager.dispatcherScripts
        );
      }
    else
      null;
  secrets = {
    files = lib.mapAttrs (_: secret: {
      inherit (secret)
        path
        mode
        owner
        restartUnits
        ;
    }) config.sops.secrets;
    templates = lib.mapAttrs (_: template: {
      inherit (template)
        path
        mode
        content
        restartUnits
        ;
    }) config.sops.templates;
    example = relais.secrets.file == ../nixos/secrets/example.yaml;
    keyFile = config.sops.age.keyFile;
    sshKeys = config.sops.age.sshKeyPaths;
    manifest = textOf config.system.build.sops-nix-manifest;
  };
  machine = {
    amazonInit = config.virtualisation.amazon-init.enable or null;
    systemsManager = config.services.amazon-ssm-agent.enable;
    tailscale = config.services.tailscale.enable;
    upgrades = config.system.autoUpgrade.enable;
    consoles = lib.filter (lib.hasPrefix "console=") config.boot.kernelParams;
    growsItsDisk = config.boot.growPartition;
    wireless = config.networking.networkmanager.enable;
  };
}
