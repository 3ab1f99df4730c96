# What each step leaves is a whole state: an interrupted run is run again.
usage() {
  cat >&2 <<'END'
usage, in the repository:
  rotate-secrets files                      every file in nixos/secrets gets a new data key, for whom .sops.yaml names
  rotate-secrets standby [--parameter NAME] a new key for the standby; machines that run, and older images, keep theirs
  rotate-secrets forget [--parameter NAME]  takes the standby's older keys back, once every image in use has the new secrets
The parameter is /relais/age-key; region and account are those of the AWS CLI (AWS_REGION, AWS_PROFILE).
END
  exit 64
}

refuse() {
  echo "rotate-secrets: $1" >&2
  exit "${2:-1}"
}

command=${1:-}
[ $# -eq 0 ] || shift
parameter=/relais/age-key
case "$command:$#:${1:-}" in
  files:0: | standby:0: | forget:0:) ;;
  standby:2:--parameter | forget:2:--parameter) parameter=$2 ;;
  *) usage ;;
esac
if ! [ -f .sops.yaml ] || ! [ -d nixos/secrets ]; then
  refuse "no .sops.yaml and nixos/secrets here: run it in the repository" 64
fi

# In memory, and for nobody else.
umask 077
scratch=$(mktemp --directory --tmpdir=/dev/shm rotate-secrets.XXXXXX)
trap 'rm --recursive --force "$scratch"' EXIT

# The example's key is in the repository, so there is nothing to rotate.
ours() { find nixos/secrets -name '*.yaml' ! -name example.yaml | sort; }

encrypt_anew() {
  sops updatekeys --yes "$1"
  sops rotate --in-place "$1"
  echo "$1: encrypted anew"
}

read_parameter() {
  aws ssm get-parameter --name "$parameter" --with-decryption --query Parameter.Value --output text > "$scratch/old" ||
    refuse "cannot read $parameter: is AWS_REGION set, and may you read it?"
}

write_parameter() {
  aws ssm put-parameter --name "$parameter" --type SecureString --overwrite --value "file://$scratch/new" > /dev/null
}

case $command in
  files)
    found=$(ours)
    [ -n "$found" ] || refuse "nothing but the example is in nixos/secrets: make a file first (nixos/secrets/README.md)"
    while read -r file; do encrypt_anew "$file"; done <<< "$found"
    cat <<'END'
Next: commit the files, `nixos-rebuild switch` on the laptop, and build and publish a new image for the standby.
A secret that somebody may have seen is not mended by this: put a new one in with `sops FILE`, and take the old one back where
it was made (Discord, AWS, Tailscale).
END
    ;;
  standby)
    file=nixos/secrets/ec2.yaml
    [ -f $file ] || refuse "$file is missing: make it first (nixos/secrets/README.md)"
    read_parameter
    grep --quiet '^AGE-SECRET-KEY-' "$scratch/old" ||
      refuse "$parameter has no age key yet: put the first one there by hand (nixos/secrets/README.md)"
    age-keygen -o "$scratch/made" 2> /dev/null
    new=$(age-keygen -y "$scratch/made")
    # Of a run that did not end, newer ones may be there that nothing names yet.
    last=""
    while read -r key; do
      public=$(printf '%s\n' "$key" | age-keygen -y)
      if grep --quiet --fixed-strings "$public" .sops.yaml; then
        last=$public
        break
      fi
    done < <(grep '^AGE-SECRET-KEY-' "$scratch/old")
    [ -n "$last" ] || refuse ".sops.yaml names no key of $parameter: is it of another repository?"
    # The newest first. Until the old ones are forgotten, every image finds its own.
    { grep '^AGE-SECRET-KEY-' "$scratch/made"; grep '^AGE-SECRET-KEY-' "$scratch/old"; } > "$scratch/new"
    write_parameter
    # Whoever runs this may be able to open the file by the standby's key alone.
    export SOPS_AGE_KEY_FILE=$scratch/new
    sed --in-place "s/$last/$new/g" .sops.yaml
    encrypt_anew $file
    cat <<END
Next: commit .sops.yaml and $file, build and publish a new image, and once a standby has booted from it and older images are
gone (\`publish-ami --prune\`), \`rotate-secrets forget\`.
END
    ;;
  forget)
    read_parameter
    grep '^AGE-SECRET-KEY-' "$scratch/old" | head --lines 1 > "$scratch/new"
    [ -s "$scratch/new" ] || refuse "$parameter has no age key"
    kept=$(age-keygen -y "$scratch/new")
    grep --quiet --fixed-strings "$kept" nixos/secrets/ec2.yaml ||
      refuse "nixos/secrets/ec2.yaml is not encrypted for the newest key $kept: \`rotate-secrets standby\` did not end"
    write_parameter
    echo "$parameter has only the newest key, $kept. An image with older secrets cannot open them any more."
    ;;
esac
