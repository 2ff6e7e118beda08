#!/bin/busybox sh
# shellcheck shell=dash
# /init of the demo initramfs (scripts/initrd): the first process of dom0.
#
# Kernel command line: "proof" runs /proof, "proof=skip" nothing; without either there is a shell
# on the console. The machine is switched off afterwards, unless end= tells another way: "reboot",
# "sysrq" (a reset that asks no process) or "crash" (the kernel panics). "proof=reboot" is short
# for "proof end=reboot".
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

run=
end=poweroff
for word in $(cat /proc/cmdline); do
    case $word in
        proof) run=/proof ;;
        proof=reboot) run=/proof end=reboot ;;
        proof=skip) run=: ;;
        end=*) end=${word#end=} ;;
    esac
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
case $end in
    sysrq) echo b >/proc/sysrq-trigger ;;
    crash) echo c >/proc/sysrq-trigger ;;
    reboot) reboot -f ;;
    *) poweroff -f ;;
esac
# The kernel must never see its first process end: it would panic and hide what went wrong.
while :; do sleep 60; done
