# The programs judge the settings that the manifests give them, with placeholders where secrets will be; and refuse them with a
# key that they do not know, so that the check is one.
{
  pkgs,
  programs,
  # A folder with `overlays`, and which of them.
  root ? ../k8s,
  overlays ? pkgs.lib.attrNames (builtins.readDir (root + "/overlays")),
}:
let
  inherit (pkgs) lib;
  judged = [
    "bot"
    "health"
  ];
in
pkgs.runCommand "settings-are-good" { nativeBuildInputs = [ pkgs.jq ]; } ''
  echo not-a-secret-0123456789 > secret
  judge() {
    jq --arg secret "$PWD/secret" '(.discord.token_file // empty, .key_file // empty) = $secret' "$2" > good.json
    "$1" --check-config --config good.json
    sed 's/"site"/"sight"/' good.json > bad.json
    if "$1" --check-config --config bad.json 2> said; then
      echo "$2 with a key that is misspelt is accepted" >&2
      exit 1
    fi
    grep --quiet sight said
  }
  ${lib.concatMapStrings (
    overlay:
    lib.concatMapStrings (name: ''
      judge ${lib.getExe programs.${name}} ${root}/overlays/${overlay}/${name}.json
    '') judged
  ) overlays}
  touch "$out"
''
