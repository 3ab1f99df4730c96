# What a metadata service says to a standby whose user data is a script, and which has no role.
{ pkgs }:
pkgs.runCommand "metadata" { } ''
  mkdir -p "$out"/{1.0/meta-data/public-keys/0,latest/api}
  cd "$out"
  echo standby > 1.0/meta-data/hostname
  echo i-1234567890abcdef0 > 1.0/meta-data/instance-id
  echo ssh-ed25519 an-example-and-no-key > 1.0/meta-data/public-keys/0/openssh-key
  printf '#!/bin/sh\ntouch /run/user-data-was-run\n' > 1.0/user-data
  echo token > latest/api/token
''
