# A site whose store and whose Discord are on the machine `world`, and which may reach that machine.
{
  self,
  site,
  overlay,
  store ? 5000,
}:
{ nodes, pkgs, ... }:
let
  world = nodes.world.networking.primaryIPAddress;
  discord = if overlay == "laptop" then 7001 else 7002;
in
{
  imports = [ site ];

  services.relais = {
    site = if overlay == "laptop" then "laptop" else "cloud";
    argocd.enable = false;
    workloads.root = pkgs.runCommand "k8s-in-world" { nativeBuildInputs = [ pkgs.jq ]; } ''
      cp --recursive --no-preserve=mode ${self}/k8s "$out"
      cd "$out"
      jq '.store = "dynamodb:relais?region=eu-west-3&endpoint=http://${world}:${toString store}"
        | .discord.rest_base = "http://${world}:${toString discord}"' \
        ${self}/k8s/overlays/${overlay}/bot.json > overlays/${overlay}/bot.json
      printf '    - to:\n        - ipBlock:\n            cidr: ${world}/32\n' >> base/bot/network-policy.yaml
    '';
  };
}
