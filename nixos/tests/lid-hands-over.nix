# The laptop is about to sleep: the bot is handed to the cloud, and only then does the machine go. Without the agent it goes
# with the lease in its hand. That it sleeps is played: a machine that really did would take the test with it.
{
  lib,
  pkgs,
  refused,
  self,
  site,
  ...
}:
{
  nodes = {
    world = import ./common/world.nix { inherit self; };
    laptop = {
      imports = [
        (import ./common/in-world.nix {
          inherit self site;
          overlay = "laptop";
        })
      ];
      systemd.services.systemd-suspend.serviceConfig.ExecStart = lib.mkForce [
        ""
        "${pkgs.coreutils}/bin/sleep 60"
      ];
    };
    cloud = import ./common/in-world.nix {
      inherit self site;
      overlay = "ec2";
    };
  };

  testScript = ''
    ${builtins.readFile ./common/speakers.py}
    world.wait_for_unit("discord.service")
    laptop.start()
    wait_for(lambda order: order == ["laptop"], "the laptop speaks", 900)
    # A closed lid alone changes nothing.
    login1 = "busctl get-property org.freedesktop.login1 /org/freedesktop/login1 org.freedesktop.login1.Manager"
    laptop.succeed(f"{login1} HandleLidSwitch | grep ignore")
    cloud.start()
    cloud.wait_until_succeeds("pgrep --exact relais-bot", timeout=900)
    laptop.wait_until_succeeds("systemd-inhibit --list | grep sleep", timeout=120)
  ''
  + (
    if refused then
      ''
        laptop.succeed("systemctl stop relais-handover.service")
        laptop.execute("systemctl suspend")
        laptop.wait_until_succeeds("systemctl show --property ActiveState systemd-suspend | grep activating", timeout=10)
        assert speakers() == ["laptop"], speakers()
      ''
    else
      ''
        laptop.execute("systemctl suspend")
        wait_for(lambda order: order == ["laptop", "cloud"], "the cloud speaks", 90)
      ''
  );
}
