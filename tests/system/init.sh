#!/bin/busybox sh
# /init of the demo initramfs (scripts/initrd): the first process of dom0.
#
# Kernel command line: "proof" runs /proof and switches off, "proof=reboot" resets the machine
# afterwards, "proof=skip" goes straight to the end, "end=reboot" changes the end; without any of
# these there is a shell on the console.
/bin/busybox --install -s /bin
export PATH=/bin:/sbin:/usr/bin:/usr/sbin HOME=/root
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mkdir -p /dev/pts && mount -t devpts pts /dev/pts
while read -r module; do
    insmod "/modules/$module" || echo "init: $module does not load"
done </modules/order

read -r up rest </proc/uptime
echo "init: dom0 is up after $up s, kernel $(uname -r)"

end=poweroff
for word in $(cat /proc/cmdline); do
    case $word in
        proof | proof=reboot) run=/proof ;;
        proof=skip) run=: ;;
        end=reboot) end=reboot ;;
    esac
    [ "$word" != proof=reboot ] || end=reboot
done
if [ -n "$run" ]; then
    $run
else
    echo "A shell in dom0. 'exit' or Ctrl-D switches the machine off."
    echo
    cd /root || true
    setsid cttyhack sh
fi
echo "init: $end"
sync
$end -f
# The kernel must never see its first process end: it would panic and hide what went wrong.
while :; do sleep 60; done
