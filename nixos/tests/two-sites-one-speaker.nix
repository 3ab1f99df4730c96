# Two clusters, one store, one Discord. The laptop's cable is pulled and put back: the cloud speaks, then the laptop again, and
# never both. With a store for each of them both speak at once, and the same record shows it.
{
  refused,
  self,
  site,
  ...
}:
{
  nodes = {
    world = import ./common/world.nix { inherit self; };
    laptop = import ./common/in-world.nix {
      inherit self site;
      overlay = "laptop";
    };
    cloud = import ./common/in-world.nix {
      inherit self site;
      overlay = "ec2";
      store = if refused then 5001 else 5000;
    };
  };

  testScript = ''
    ${builtins.readFile ./common/speakers.py}
    for unit in ["store", "other-store", "discord"]:
        world.wait_for_unit(f"{unit}.service")
    laptop.start()
    wait_for(lambda order: order == ["laptop"], "the laptop speaks", 900)
    cloud.start()
    cloud.wait_until_succeeds("pgrep --exact relais-bot", timeout=900)
  ''
  + (
    if refused then
      ''
        wait_for(lambda order: "cloud" in order, "two speakers are heard")
      ''
    else
      ''
        world.sleep(90)
        assert speakers() == ["laptop"], speakers()
        laptop.block()
        wait_for(lambda order: order == ["laptop", "cloud"], "the cloud speaks")
        laptop.unblock()
        # The laptop is preferred, once it was well for long enough.
        wait_for(lambda order: order == ["laptop", "cloud", "laptop"], "the bot goes home", 900)
      ''
  );
}
