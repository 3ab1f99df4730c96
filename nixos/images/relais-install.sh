# Erases a disk, describes the hardware, installs the laptop from the repository on this medium.
refuse() {
  echo "relais-install: $1" >&2
  exit 64
}

[ $# -eq 3 ] || refuse 'say the disk, your name and your public SSH key: relais-install /dev/nvme0n1 ada "ssh-ed25519 AAAA… ada@desk"'
disk=$1 name=$2 key=$3
[ "$(id --user)" -eq 0 ] || refuse "only root may write to a disk: sudo relais-install …"
[[ $name =~ ^[a-z][a-z0-9-]*$ ]] || refuse "$name is no name for an account: small letters, digits and dashes"
ssh-keygen -l -f - <<< "$key" > /dev/null 2>&1 || refuse "this is no public SSH key: $key"
[ "$(lsblk --nodeps --noheadings --output TYPE "$disk" 2> /dev/null)" = disk ] || refuse "$disk is no whole disk: see lsblk"
mounted=$(lsblk --noheadings --output MOUNTPOINTS "$disk" | tr --delete '[:space:]')
[ -z "$mounted" ] || refuse "$disk is in use at $mounted: this medium itself?"
[ -d /sys/firmware/efi ] || refuse "this machine was not started by UEFI: change it in its settings and start again"

lsblk --output NAME,SIZE,MODEL,FSTYPE,LABEL "$disk"
read -r -p "Everything on $disk will be gone. Type the disk's name to go on: " answer
[ "$answer" = "$disk" ] || refuse "nothing was changed"

wipefs --all "$disk"
parted --script "$disk" mklabel gpt \
  mkpart ESP fat32 1MiB 1GiB set 1 esp on \
  mkpart nixos ext4 1GiB 100%
udevadm settle
mapfile -t parts < <(lsblk --noheadings --paths --output NAME,TYPE --list "$disk" | awk '$2 == "part" { print $1 }')
mkfs.vfat -F 32 -n ESP "${parts[0]}"
mkfs.ext4 -F -L nixos "${parts[1]}"
udevadm settle
mount "${parts[1]}" /mnt
mkdir -p /mnt/boot
mount --options umask=0077 "${parts[0]}" /mnt/boot

# A repository of its own: the flake sees only what Git knows.
mkdir -p /mnt/etc/relais
cp --recursive --no-preserve=mode "$SOURCE/." /mnt/etc/relais
cd /mnt/etc/relais
hardware=nixos/hosts/laptop/hardware.nix
nixos-generate-config --root /mnt --show-hardware-config > "$hardware.described"
{
  echo "{"
  echo "  imports = [ ./hardware-described.nix ];"
  echo "  # A laptop's firmware is not all free."
  echo "  nixpkgs.config.allowUnfree = true;"
  echo "  services.relais.administrators.$name = [ \"$key\" ];"
  echo "}"
} > "$hardware"
mv "$hardware.described" nixos/hosts/laptop/hardware-described.nix
git init --quiet --initial-branch main
git add --all

# The key by which this laptop opens its secrets is there before its first start, so they can be encrypted for it at once.
mkdir -p /mnt/etc/ssh
ssh-keygen -q -t ed25519 -N "" -C laptop -f /mnt/etc/ssh/ssh_host_ed25519_key
nixos-install --root /mnt --flake /mnt/etc/relais#laptop --no-root-passwd
nixos-enter --root /mnt -c "passwd $name"

cat <<END

Installed, with the example's secrets. The public key for .sops.yaml:
  $(ssh-to-age < /mnt/etc/ssh/ssh_host_ed25519_key.pub)
Next, after a reboot: put it into /etc/relais/.sops.yaml, write nixos/secrets/laptop.yaml (nixos/secrets/README.md), git add it,
and \`sudo nixos-rebuild switch --flake /etc/relais#laptop\`.
END
