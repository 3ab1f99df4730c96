# Who may log in. Passwords, for the console and for sudo, are set on the machine with `passwd` and stay there.
{ config, lib, ... }:
let
  cfg = config.services.relais;
in
{
  options.services.relais.administrators = lib.mkOption {
    type = lib.types.attrsOf (lib.types.nonEmptyListOf lib.types.singleLineStr);
    default = { };
    example = {
      ada = [ "ssh-ed25519 AAAA… ada@desk" ];
    };
    description = "Accounts with the right to become root, and their SSH keys.";
  };

  config = lib.mkIf cfg.enable {
    users.users = lib.mapAttrs (_: keys: {
      isNormalUser = true;
      extraGroups = [ "wheel" ];
      openssh.authorizedKeys = { inherit keys; };
    }) cfg.administrators;

    assertions = [
      {
        # An account that the configuration does not name is removed, and the standby is nobody's desk.
        assertion = cfg.site == "laptop" -> cfg.administrators != { };
        message = ''services.relais.administrators is empty, so nobody could log in to the laptop: name its accounts, as in `administrators.ada = [ "ssh-ed25519 AAAA… ada@desk" ]`'';
      }
    ];
  };
}
