# What must be true of both hosts, said about nix/rendered.nix. Each is a sentence and whether it holds.
{
  lib,
  rendered,
  packages,
}:
let
  # What manifests may name (the gate holds them to it), as references.
  named = lib.mapAttrsToList (name: tag: "${name}:${tag}") (lib.importJSON ../k8s/images.json);
  seconds = text: lib.toInt (lib.removeSuffix "s" text);
  has = unit: line: lib.elem line (lib.splitString "\n" unit);
  ofBoth =
    name: host:
    let
      say = sentence: holds: { "${name}: ${sentence}" = holds; };
      grace = host.k3s.gracefulNodeShutdown;
      k3sUnit = host.units."k3s.service";
      secretsUnit = host.units."relais-secrets.service";
      paths = map (file: file.path) (
        lib.attrValues host.secrets.files ++ lib.attrValues host.secrets.templates
      );
    in
    lib.mergeAttrsList [
      (say "nothing is refused" (host.refused == [ ]))
      (say "k3s is a server" (host.k3s.role == "server"))
      (lib.mergeAttrsList (
        map (part: say "k3s runs without ${part}" (lib.hasInfix "--disable=${part}" k3sUnit)) [
          "traefik"
          "servicelb"
          "metrics-server"
        ]
      ))
      (say "k3s runs without a cloud controller" (lib.hasInfix "--disable-cloud-controller" k3sUnit))
      (say "network policies are enforced" (!lib.hasInfix "disable-network-policy" k3sUnit))
      (say "secrets are encrypted in the cluster's store" (lib.hasInfix "--secrets-encryption" k3sUnit))
      (say "only root reads the cluster's credentials" (
        lib.hasInfix "--write-kubeconfig-mode=0600" k3sUnit
      ))
      (say "the node's name is its site's" (lib.hasInfix "--node-name=relais-${host.site}" k3sUnit))
      (say "stopping k3s stops the bot" (lib.hasInfix "ExecStop=/nix/store/" k3sUnit))
      (say "every image that it may start is there before k3s" (
        lib.subtractLists host.k3s.images named
        == lib.optional (host.site == "cloud") (lib.findFirst (lib.hasInfix "grafana") null named)
      ))
      (say "k3s's own images are there too" (lib.any (lib.hasInfix "airgap-images") host.k3s.images))
      (say "no registry is asked for what holds a pod together" (
        lib.any (image: lib.hasInfix " --pause-image=${image}" k3sUnit) (
          lib.filter (lib.hasInfix "pause") named
        )
      ))
      (say "k3s imports an image once" (lib.hasInfix "/agent/images/.cache.json\n" host.k3s.preStart))
      (say "the kubelet accepts compressed memory" (
        host.power.zram && !host.k3s.extraKubeletConfig.failSwapOn
      ))
      (say "a shutdown waits for the bot" (
        grace.enable != (host.handover != null)
        && seconds grace.shutdownGracePeriod - seconds grace.shutdownGracePeriodCriticalPods >= 40
      ))
      (say "logind waits for the kubelet" (
        host.power.inhibitDelaySeconds >= seconds grace.shutdownGracePeriod
      ))
      (say "the firewall is on and opens nothing" (
        host.firewall.enable
        &&
          host.firewall.allowedTCPPorts
          ++ host.firewall.allowedUDPPorts
          ++ host.firewall.allowedTCPPortRanges
          ++ host.firewall.allowedUDPPortRanges == [ ]
      ))
      (say "pods reach the node" (
        lib.all (interface: lib.elem interface host.firewall.trustedInterfaces) [
          "cni0"
          "flannel.1"
        ]
      ))
      (say "the tailnet is not trusted" (!lib.elem "tailscale0" host.firewall.trustedInterfaces))
      (say "ssh takes no password and no root" (
        !host.ssh.PasswordAuthentication
        && !host.ssh.KbdInteractiveAuthentication
        && host.ssh.PermitRootLogin == "no"
      ))
      (say "ssh is not open to the world" (!host.ssh.openFirewall))
      (say "the systems manager is off" (!host.machine.systemsManager))
      (say "secrets are in memory and never in the store" (
        paths != [ ] && lib.all (lib.hasPrefix "/run/secrets/") paths
      ))
      (say "only root reads secrets" (
        lib.all (file: file.mode == "0400") (
          lib.attrValues host.secrets.files ++ lib.attrValues host.secrets.templates
        )
      ))
      (say "no manifest has a secret" (
        lib.all (content: !lib.hasInfix ''"kind":"Secret"'' (builtins.toJSON content)) (
          lib.attrValues host.k3s.manifests
        )
      ))
      (say "the bot's credentials are made of placeholders" (
        lib.count (line: lib.hasInfix " = <SOPS:" line) (
          lib.splitString "\n" host.secrets.templates.relais-aws-credentials.content
        ) == 2
      ))
      (say "no secret of the example is anywhere in what the machine is made of" (
        !lib.hasInfix "example, " (builtins.toJSON host)
      ))
      (say "secrets are root's" (
        lib.all (
          file:
          lib.elem file.owner [
            null
            "root"
          ]
        ) (lib.attrValues host.secrets.files)
      ))
      (say "a secret that changes is handed on" (
        lib.all (file: file.restartUnits != [ ]) (lib.attrValues host.secrets.files)
      ))
      (say "secrets are handed to a cluster that runs" (
        has secretsUnit "Requires=k3s.service" && has secretsUnit "After=k3s.service"
      ))
      (say "who hands secrets on is nobody, and speaks to this machine only" (
        has secretsUnit "DynamicUser=true"
        && has secretsUnit "IPAddressDeny=any"
        && has secretsUnit "IPAddressAllow=localhost"
      ))
      (import ./units.nix { inherit lib host say; })
    ];

  inherit (rendered) laptop ec2;
  lines = host: unit: lib.splitString "\n" (host.units.${unit} or "");
in
ofBoth "laptop" laptop
// ofBoth "ec2" ec2
// import ./standby.nix { inherit lib packages; }
// import ./given.nix { inherit lib rendered; }
// {
  "the two machines are two sites" = laptop.site == "laptop" && ec2.site == "cloud";
  "the flake makes the images that manifests may name, and no others" =
    lib.naturalSort (
      lib.mapAttrsToList (_: image: "${image.imageName}:${image.imageTag}") (
        lib.filterAttrs (_: package: package ? imageTag) packages
      )
    ) == lib.naturalSort named;
  "laptop: a closed lid changes nothing, on its battery, its charger or its desk" =
    laptop.power.lids == [
      "ignore"
      "ignore"
      "ignore"
    ]
    && laptop.power.idle == "ignore";
  "ec2: nothing is said of a lid that it does not have" = lib.all isNull ec2.power.lids;
  "laptop: its health is published, and nothing else" =
    let
      published = lib.filter (lib.hasPrefix "ExecStart=") (lines laptop "relais-funnel.service");
    in
    lib.length published == 1
    && lib.hasInfix " funnel --bg --https=443 --set-path=/health http" (lib.head published);
  "laptop: what was published before is taken back" = lib.any (lib.hasSuffix "funnel reset") (
    lib.filter (lib.hasPrefix "ExecStartPre=") (lines laptop "relais-funnel.service")
  );
  "laptop: ssh is open to the tailnet only" = laptop.firewall.interfaces.tailscale0 == [ 22 ];
  "laptop: its own host key opens its secrets" =
    laptop.secrets.keyFile == null && laptop.secrets.sshKeys == [ "/etc/ssh/ssh_host_ed25519_key" ];
  "laptop: finds the networks that it knew" = laptop.machine.wireless;
  "laptop: fetches no key" = !laptop.units ? "relais-age-key.service";
  "ec2: carries no key" =
    lib.hasPrefix "/run/relais-age-key/" (toString ec2.secrets.keyFile) && ec2.secrets.sshKeys == [ ];
  "ec2: opens its secrets after it has the key" =
    has (ec2.units."sops-install-secrets.service" or "") "Requires=relais-age-key.service"
    && lib.any (line: lib.hasPrefix "After=" line && lib.hasInfix "relais-age-key.service" line) (
      lines ec2 "sops-install-secrets.service"
    );
  "ec2: k3s does not wait for the key" =
    !lib.hasInfix "age-key" ec2.units."k3s.service" && !lib.hasInfix "sops" ec2.units."k3s.service";
  "docs/boot.md names every unit between the standby's kernel and its bot, and no other" =
    lib.naturalSort ec2.boot == lib.naturalSort (
      lib.filter (word: lib.hasSuffix ".service" word || lib.hasSuffix ".target" word) (
        lib.splitString "`" (builtins.readFile ../docs/boot.md)
      )
    );
  "ec2: k3s waits for the network and for no more" = lib.all (
    unit: !lib.hasInfix "relais-" unit && !lib.hasInfix "metadata" unit && !lib.hasInfix "ssh" unit
  ) ec2.bootOfCluster;
  "ec2: its image names the example's secrets only with a warning" = (
    ec2.secrets.example -> lib.any (lib.hasInfix "example's secrets") ec2.warnings
  );
  "laptop: it has the example's secrets only with a warning" = (
    laptop.secrets.example -> lib.any (lib.hasInfix "example's secrets") laptop.warnings
  );
  "ec2: user data is not run" = ec2.machine.amazonInit == false;
  "ec2: is on no tailnet" = !ec2.machine.tailscale && !ec2.units ? "relais-funnel.service";
  "ec2: does not upgrade itself" = !ec2.machine.upgrades;
  "ec2: speaks on the serial console" = lib.any (lib.hasPrefix "console=ttyS0") ec2.machine.consoles;
  "ec2: its disk grows" = ec2.machine.growsItsDisk;
}
// import ./statements-of-handover.nix { inherit lib rendered; }
