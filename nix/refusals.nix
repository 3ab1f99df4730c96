# What a host refuses, with the exact words. Each is a change to a good host and the one sentence that must come of it.
{ lib, hosts }:
let
  example = ../nixos/secrets/example.yaml;
  plain = ./refused/plain.yaml;
  lacking = ./refused/lacking.yaml;
  numbers = change: lib.importJSON ../crates/failover/policy.json // change;
  # Each option that is named, and none beside it.
  set = values: { services.relais = lib.mapAttrsRecursive (_: lib.mkForce) values; };

  cases = {
    "no site" = {
      host = hosts.ec2;
      change = set { site = null; };
      says = ''services.relais.site is not set: say which site this machine is, "laptop" or "cloud"'';
    };
    "no secrets" = {
      host = hosts.laptop;
      change = set { secrets.file = null; };
      says = "services.relais.secrets.file is not set: name this site's secrets, a file that sops encrypted";
    };
    "secrets that everybody could read in the store" = {
      host = hosts.laptop;
      change = set { secrets.file = plain; };
      says = "services.relais.secrets.file: ${toString plain} is not encrypted, and everybody on the machine can read the store: `sops encrypt --in-place` it";
    };
    "secrets that are not complete" = {
      host = hosts.laptop;
      change = set { secrets.file = lacking; };
      says = "services.relais.secrets.file: ${toString lacking} lacks health-key, aws-access-key-id, aws-secret-access-key, tailscale-key";
    };
    "a policy that lets two sites speak" = {
      host = hosts.ec2;
      change = set { numbers = numbers { self_fence_ms = 30000; }; };
      says = "services.relais.policy: self_fence_ms (30000) must be below ttl_ms (30000), or two sites could speak at once";
    };
    "a policy of another time" = {
      host = hosts.ec2;
      change = set { numbers = numbers { schema = 2; }; };
      says = "services.relais.policy: schema 2 is not known, only 1 is";
    };
    "no firewall" = {
      host = hosts.laptop;
      change.networking.firewall.enable = lib.mkForce false;
      says = "networking.firewall.enable is false: K3s listens on every address, so a site needs its firewall";
    };
    "the cluster's own ports for everybody" = {
      host = hosts.laptop;
      change.networking.firewall.allowedTCPPorts = [
        443
        6443
        10250
      ];
      says = "networking.firewall opens 6443, 10250 to everybody: these are the cluster's own, a site has one machine";
    };
    "a Secret among the manifests" = {
      host = hosts.ec2;
      change.services.k3s.manifests.token.content = [
        { kind = "ConfigMap"; }
        { kind = "Secret"; }
      ];
      says = "services.k3s.manifests has a Secret: manifests are world-readable in the store, use services.relais.secrets";
    };
    "a shutdown that is cut short" = {
      host = hosts.ec2;
      change = set { numbers = numbers { inhibit_ms = 5000; }; };
      says = "services.relais.policy: inhibit_ms (5000) is less than the 56 s that the cluster needs to shut down";
    };
    "a standby on the public internet" = {
      host = hosts.ec2;
      change = set { funnel.enable = true; };
      says = "services.relais.funnel.enable on the cloud's site: the watchdog asks the laptop only, and the cloud is on no tailnet";
    };
    "a hand-over from the standby" = {
      host = hosts.ec2;
      change = set { handover.enable = true; };
      says = "services.relais.handover.enable on the cloud's site: the laptop hands over to it, and it is ended by the watchdog alone";
    };
    "a hand-over without a store" = {
      host = hosts.laptop;
      change.services.relais.workloads.root = lib.mkForce null;
      says = ''services.relais.handover.settings.store is not set: name the store of both sites, as in "dynamodb:relais?region=eu-west-3"'';
    };
    "credentials of the hand-over that everybody could read" = {
      host = hosts.laptop;
      change.services.relais.handover.credentialsFile = "/nix/store/aws";
      says = "services.relais.handover.credentialsFile: /nix/store/aws is in the store, where everybody on the machine can read it";
    };
    "nobody who could log in" = {
      host = hosts.laptop;
      change.services.relais.administrators = lib.mkForce { };
      says = ''services.relais.administrators is empty, so nobody could log in to the laptop: name its accounts, as in `administrators.ada = [ "ssh-ed25519 AAAA… ada@desk" ]`'';
    };
    "a site that does not know its repository" = {
      host = hosts.laptop;
      change = set { argocd.repository = null; };
      says = "services.relais.argocd.repository is not set: name the repository that says what this site runs, or set services.relais.argocd.enable = false";
    };
    "a key to the repository in the store" = {
      host = hosts.laptop;
      change = set { argocd.credentialsFile = "/nix/store/eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee-token"; };
      says = "services.relais.argocd.credentialsFile: /nix/store/eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee-token is in the store, which everybody on the machine can read";
    };
    "ArgoCD without its manifests" = {
      host = hosts.ec2;
      change = set {
        workloads.root = null;
        argocd.enable = true;
      };
      says = "services.relais.argocd.enable without services.relais.workloads.root: ArgoCD's own manifests are in that folder";
    };
  };

  refusedBy =
    case:
    let
      inherit (case.host.extendModules { modules = [ case.change ]; }) config;
    in
    map (one: one.message) (lib.filter (one: !one.assertion) config.assertions);
  tried =
    change:
    (builtins.tryEval (
      builtins.deepSeq (refusedBy {
        host = hosts.laptop;
        inherit change;
      }) true
    )).success;
in
{
  # Whether each is refused in these words and for nothing else.
  statements =
    lib.mapAttrs' (
      name: case: lib.nameValuePair "refuses ${name}" (refusedBy case == [ case.says ])
    ) cases
    // {
      # The module system's own words are not to be had by evaluation.
      "refuses an option that is misspelt" = !tried { services.relais.sight = "laptop"; };
      "refuses a third site" =
        !tried (set {
          site = "desk";
        });
      "refuses to become a system without hardware.nix, in these words" = lib.any (
        check:
        check.missing or null
        == "nixos/hosts/laptop/hardware.nix is missing: write it on the laptop with `nixos-generate-config --show-hardware-config`, `git add` it and build again"
      ) hosts.laptop.config.system.checks;
      "accepts the example" =
        refusedBy {
          host = hosts.laptop;
          change = set { secrets.file = example; };
        } == [ ];
    };
  # For whoever looks why.
  said = lib.mapAttrs (_: refusedBy) cases;
}
