# What must be true of the hand-over before sleep, said about nix/rendered.nix.
{ lib, rendered }:
let
  inherit (rendered) laptop ec2;
  unit = lib.splitString "\n" (laptop.units."relais-handover.service" or "");
in
{
  "laptop: sleep and shutdown wait for the hand-over, as long as the policy says" =
    let
      policy = lib.importJSON ../crates/failover/policy.json;
    in
    lib.elem "Type=notify" unit
    && lib.any (lib.hasInfix "/bin/relais-handover --log-json --config /nix/store/") unit
    && laptop.power.inhibitDelaySeconds * 1000 >= policy.inhibit_ms;
  "laptop: the agent's settings are checked by the program itself" =
    lib.hasInfix "/bin/relais-handover --check-config --config" laptop.handover.built;
  "laptop: the agent has the bot's store" =
    laptop.handover.settings.store == null
    && lib.hasInfix "/overlays/laptop/bot.json " laptop.handover.built;
  "laptop: the agent knows the bot's address in the cluster" =
    let
      address = lib.removeSuffix ":8081" (lib.removePrefix "http://" laptop.handover.settings.bot);
    in
    lib.hasInfix "clusterIP: ${address}\n" (builtins.readFile ../k8s/base/bot/service.yaml);
  "laptop: the agent's credentials are handed to it and not lying about" =
    lib.elem "DynamicUser=true" unit
    && lib.any (lib.hasPrefix "LoadCredential=aws:/run/secrets/") unit
    && lib.elem "relais-handover.service" laptop.secrets.templates.relais-aws-credentials.restartUnits;
  "laptop: at a shutdown the bot is handed over before anything ends it" =
    !laptop.k3s.gracefulNodeShutdown.enable
    && lib.hasInfix "ExecStop=/nix/store/" laptop.units."k3s.service";
  "laptop: the network stays until the bot is handed over" =
    laptop.machine.wireless
    && lib.any (lib.hasSuffix "/bin/relais-keep-network") laptop.handover.beforeDown;
  "ec2: hands nothing over" = ec2.handover == null && !ec2.units ? "relais-handover.service";
}
