#!/bin/busybox sh
# shellcheck shell=dash
# /init of the disk initramfs (scripts/initrd): mounts the kernel command line's root=DEVICE and
# starts the init that is there, /sbin/init or what the command line's init= names. If somebody put
# a folder /overlay behind this initramfs (scripts/run-host --overlay), its files go there before.
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
while read -r module; do
    insmod "/modules/$module" || echo "init: $module does not load"
done </modules/order

root=$(sed -n 's/.*\broot=\([^ ]*\).*/\1/p' /proc/cmdline)
echo "init: waiting for $root"
i=0
while [ ! -b "$root" ] && [ $i -lt 100 ]; do
    usleep 100000
    i=$((i + 1))
done
mount -t ext4 -o ro "$root" /mnt || {
    echo "init: no root file system on '$root'"
    cat /proc/partitions
    poweroff -f
}
if [ -d /overlay ]; then
    mount -o remount,rw /mnt
    tar -C /overlay -c . | tar -C /mnt -x # tar does not write through the links that it replaces
    mount -o remount,ro /mnt
fi
init=$(sed -n 's/.*\binit=\([^ ]*\).*/\1/p' /proc/cmdline)
mount --move /dev /mnt/dev
mount --move /sys /mnt/sys
mount --move /proc /mnt/proc
exec switch_root /mnt "${init:-/sbin/init}"
