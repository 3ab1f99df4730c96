# The options of `services.relais`, as a page.
{
  pkgs,
  options,
  root,
}:
(pkgs.nixosOptionsDoc {
  options = { inherit (options.services) relais; };
  # Where an option is declared, in this repository and not in a store.
  transformOptions =
    option:
    option
    // {
      declarations = map (
        place: pkgs.lib.removePrefix "${toString root}/" (toString place)
      ) option.declarations;
    };
}).optionsCommonMark
