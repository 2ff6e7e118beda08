#!/bin/bash
# reboot.t: dom0 switches the machine off and resets it; so does the end of dom0.
# shellcheck source=tests/system/lib.bash
. "$(dirname "$0")/lib.bash"

# ends NAME STATUS RUN-QEMU-OPTION...: boot to /init, which ends as told; 0 off, 3 reset
ends() {
    local name=$1 expected=$2 log=$temp/serial status=0
    shift 2
    boot "$log" --kernel vmlinux --hvargs dom0_mem=512M "$@" || status=$?
    serial "$log" '^init: dom0 is up' && [ $status = "$expected" ]
    ok $? "$name" "$log" || note "status $status, expected $expected"
}

ends "poweroff switches the machine off" 0 --append "proof=skip"
ends "reboot resets the machine" 3 --append "proof=skip end=reboot"
ends "a reset by dom0's kernel alone resets the machine" 3 --append "proof=skip end=sysrq"
ends "a panic of dom0's kernel resets the machine" 3 --append "proof=skip end=crash panic=-1"

# After a reset the machine comes up again: firmware, hypervisor, dom0.
log=$temp/twice
: >"$log"
start "$log" --kernel vmlinux --hvargs dom0_mem=512M --append "proof=skip end=reboot" --allow-reboot
twice=1
while kill -0 "$runner" 2>/dev/null; do
    [ "$(grep -c '^init: dom0 is up' "$log")" -lt 2 ] || { twice=0 && break; }
    sleep 0.5
done
ok $twice "a reset machine comes up again" "$log"
finish
