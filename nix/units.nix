# What must be true of the units that are ours, on one host.
{
  lib,
  host,
  say,
}:
let
  # What each gives up (nixos/modules/relais/hardening.nix); one that was forgotten would lack it.
  givenUp = {
    CapabilityBoundingSet = "";
    DevicePolicy = "closed";
    LockPersonality = true;
    MemoryDenyWriteExecute = true;
    NoNewPrivileges = true;
    PrivateDevices = true;
    PrivateTmp = true;
    ProtectClock = true;
    ProtectControlGroups = true;
    ProtectHome = true;
    ProtectHostname = true;
    ProtectKernelLogs = true;
    ProtectKernelModules = true;
    ProtectKernelTunables = true;
    ProtectProc = "invisible";
    ProtectSystem = "strict";
    RemoveIPC = true;
    RestrictNamespaces = true;
    RestrictRealtime = true;
    RestrictSUIDSGID = true;
    SystemCallArchitectures = "native";
    UMask = "0077";
  };
  # What some of them cannot give up: the copy of the repository is read by a pod under another user.
  kept.relais-mirror = [ "UMask" ];
  families = [
    "AF_INET"
    "AF_INET6"
    "AF_UNIX"
  ];

  ours = lib.filterAttrs (unit: _: lib.hasPrefix "relais-" unit) host.services;
  has = unit: line: lib.elem line (lib.splitString "\n" host.units.${unit});
  ofEach =
    unit: service:
    lib.mergeAttrsList [
      (say "${unit} gives up what it does not need" (
        lib.all (key: service.${key} or null == givenUp.${key}) (
          lib.subtractLists (kept.${unit} or [ ]) (lib.attrNames givenUp)
        )
      ))
      (say "${unit} says how it may speak" (
        service ? RestrictAddressFamilies
        && lib.subtractLists families (lib.toList service.RestrictAddressFamilies) == [ ]
      ))
      (say "${unit} has no secret on its command line or in its environment" (
        !lib.hasInfix "/run/secrets" (toString (service.ExecStart or ""))
        && !lib.hasInfix "Environment=" (
          lib.replaceStrings
            [
              "Environment=\"AWS_EC2_METADATA_DISABLED"
              "Environment=\"AWS_SHARED_CREDENTIALS_FILE"
              "Environment=\"LOCALE"
              "Environment=\"PATH"
              "Environment=\"TZDIR"
            ]
            [
              ""
              ""
              ""
              ""
              ""
            ]
            host.units."${unit}.service"
        )
      ))
      # A machine that waits for a network, a cluster or a person must not give up.
      (say "${unit} is tried again, or its timer starts it again" (
        service.Restart or "" != "" || host.units ? "${unit}.timer"
      ))
    ];
in
lib.mergeAttrsList (
  [
    (say "there are units of ours" (lib.length (lib.attrNames ours) >= 3))
    (say "the bot does not wait for ArgoCD" (
      !lib.hasInfix "argocd" host.units."k3s.service"
      && !lib.hasInfix "argocd" host.units."relais-secrets.service"
      && has "relais-argocd.service" "After=k3s.service relais-secrets.service"
    ))
    (say "ArgoCD begins by itself, after the cluster that keeps it" (
      has "relais-argocd.service" "Requires=k3s.service"
      && has "relais-argocd.service" "Restart=on-failure"
    ))
    (say "who brings ArgoCD is nobody, and speaks to this machine only" (
      has "relais-argocd.service" "DynamicUser=true"
      && has "relais-argocd.service" "IPAddressDeny=any"
      && has "relais-argocd.service" "IPAddressAllow=localhost"
    ))
    (say "the repository is fetched again and again" (
      lib.any (lib.hasPrefix "OnUnitInactiveSec=") (lib.splitString "\n" host.units."relais-mirror.timer")
    ))
    (say "who fetches the repository is nobody else, and writes only there" (
      has "relais-mirror.service" "User=relais-mirror"
      && has "relais-mirror.service" "StateDirectory=relais-mirror"
    ))
  ]
  ++ lib.mapAttrsToList ofEach ours
)
