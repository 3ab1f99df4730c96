#!/bin/busybox sh
# The guest's first process: what a machine needs to reach its host and to sleep, then what the rehearsal wants of it.
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc none /proc
mount -t sysfs none /sys
mount -t devtmpfs none /dev
depmod
modprobe virtio_pci
modprobe virtio_net
ip link set lo up
ip addr add 10.0.2.15/24 dev eth0
ip link set eth0 up
ip route add default via 10.0.2.2
exec sh /relais/up
