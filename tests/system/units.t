#!/bin/bash
# units.t: a Debian dom0 into which our packages were installed over Debian's toolstack, booted by GRUB
# with the menu of the package: its units, a guest that starts and ends with the host. HOSPES_HV=xen:
# the same toolstack on Debian's Xen.
# shellcheck source=tests/system/lib.bash
. "$(dirname "$0")/lib.bash"

{
    "$top/scripts/deps" build toolstack test deb iso && "$top/scripts/host-packages" &&
        "$top/scripts/initrd" "$build/guest.cpio" guest
} >"$temp/prepare" 2>&1 || {
    sed 's/^/# /' "$temp/prepare"
    bail_out "cannot make the disk of a dom0 with our packages"
}

over=$temp/over
mkdir -p "$over"/{etc/xen/auto,etc/default,guest,etc/systemd/system/xendomains.service.d}
cp "$build/guest.cpio" "$over/guest/auto.cpio"
sed -e 's/"plain"/"auto"/' -e 's,/guest/guest.cpio,/guest/auto.cpio,' "$top/tests/host/plain.cfg" >"$over/etc/xen/auto/auto"
printf 'XENDOMAINS_SAVE=\nXENDOMAINS_STOP_MAXWAIT=60\n' >"$over/etc/default/xendomains"
printf '[Service]\nStandardOutput=journal+console\n' >"$over/etc/systemd/system/xendomains.service.d/console.conf"

hv=(--hv "$(echo "$build"/deb/hospes-hypervisor_*.deb)" --iso)
[ -z "${HOSPES_HV:-}" ] || hv=()
log=$temp/log status=0
"$top/scripts/run-host" "${hv[@]}" --systemd --toolstack packages --overlay "$over" --timeout "${HOSPES_TIMEOUT:-420}" \
    --log "$log" --out "$temp/out" "$top/tests/host/units" >/dev/null 2>&1 &
runner=$!
wait "$runner" || status=$?
runner=
[ "$status" != 1 ] || status=0 # some of its checks failed; they are told below

serial "$log" 'run-host: system running$'
ok $? "dom0's system starts without a failed unit" "$log"
said=$temp/out/tap
[ -s "$said" ] || said=$log # it did not come that far
told "$said"
ok "$status" "the job ends, and dom0 switches the machine off" "$log"
tr -d '\r' <"$log" | sed '1,/run-host: job status/d' | grep -q 'xendomains: all guests have ended'
ok $? "before that the guest is shut down" "$log"
[ "$count" -ge 29 ]
ok $? "all of it was there"
finish
