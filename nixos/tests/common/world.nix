# What both sites share and neither is: the store (an emulator of DynamoDB), the small Discord, and a user who asks it
# something every two seconds. Its journal says who spoke.
{ self }:
{
  config,
  pkgs,
  ...
}:
let
  address = config.networking.primaryIPAddress;
  programs = self.packages.${pkgs.stdenv.hostPlatform.system};
  python = pkgs.python3.withPackages (
    packages: [ packages.moto ] ++ packages.moto.optional-dependencies.server
  );
  # One request at a time: it is not atomic otherwise. Both stores are there for the twin, whose sites have one each.
  emulator = port: {
    wantedBy = [ "multi-user.target" ];
    environment = {
      AWS_ACCESS_KEY_ID = "x";
      AWS_SECRET_ACCESS_KEY = "x";
      AWS_DEFAULT_REGION = "eu-west-3";
    };
    path = [
      pkgs.awscli2
      programs.watchdog-local
    ];
    serviceConfig.ExecStart = "${python}/bin/python ${pkgs.writeText "emulator.py" ''
      from moto.server import DomainDispatcherApplication, create_backend_app
      from werkzeug.serving import run_simple

      run_simple("0.0.0.0", ${toString port}, DomainDispatcherApplication(create_backend_app), threaded=False)
    ''}";
    postStart = ''
      until aws --endpoint-url http://127.0.0.1:${toString port} dynamodb create-table --table-name relais \
        --attribute-definitions AttributeName=pk,AttributeType=S AttributeName=sk,AttributeType=S \
        --key-schema AttributeName=pk,KeyType=HASH AttributeName=sk,KeyType=RANGE --billing-mode PAY_PER_REQUEST; do
        sleep 1
      done
      watchdog-local init --store 'dynamodb:relais?region=eu-west-3&endpoint=http://127.0.0.1:${toString port}'
    '';
  };
in
{
  networking.firewall.enable = false;
  virtualisation.memorySize = 2048;
  environment.etc."discord-token".text = "example, no token";

  systemd.services = {
    store = emulator 5000;
    other-store = emulator 5001;
    discord = {
      wantedBy = [ "multi-user.target" ];
      after = [ "network.target" ];
      serviceConfig.ExecStart = "${pkgs.lib.getExe programs.watchdog-local} discord --ask-every 2 --token-file /etc/discord-token --listen laptop=${address}:7001 --listen cloud=${address}:7002";
    };
  };
}
