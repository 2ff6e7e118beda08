#!/bin/bash
# units: a Debian dom0 into which our packages were installed over Debian's toolstack, booted by GRUB
# with the menu of the package: its units, a guest that starts and ends with the host, daemons that
# are killed. HOSPES_HV=xen: the same toolstack on Debian's Xen.
# shellcheck source=tests/system/lib.bash
. "$(dirname "$0")/lib.bash"

made() {
    "$top/scripts/deps" build toolstack test deb iso && "$top/scripts/host-packages" &&
        "$top/scripts/initrd" "$build/guest.cpio" guest
}
needs "the disk of a dom0 with our packages" made

over=$temp/over
mkdir -p "$over"/{etc/xen/auto,etc/default,guest,etc/systemd/system/xendomains.service.d}
cp "$build/guest.cpio" "$over/guest/auto.cpio"
sed -e 's/"plain"/"auto"/' -e 's,/guest/guest.cpio,/guest/auto.cpio,' "$top/tests/host/plain.cfg" >"$over/etc/xen/auto/auto"
printf 'XENDOMAINS_SAVE=\nXENDOMAINS_STOP_MAXWAIT=240\n' >"$over/etc/default/xendomains"
printf '[Service]\nStandardOutput=journal+console\n' >"$over/etc/systemd/system/xendomains.service.d/console.conf"

hv=(--hv "$(echo "$build"/deb/hospes-hypervisor_*.deb)" --iso)
[ -z "${HOSPES_HV:-}" ] || hv=()
host_job "${hv[@]}" --systemd --toolstack packages --overlay "$over" "$top/tests/host/units"
serial "$log" 'run-host: system running$'
ok $? "dom0's system starts without a failed unit" "$log"
tr -d '\r' <"$log" | sed '1,/run-host: job status/d' | grep -q 'xendomains: all guests have ended'
ok $? "before that the guest is shut down" "$log"
at_least 51
