#!/bin/bash
# consoles.t: consoles of guests by our xenconsoled and xenconsole in a Debian dom0 on hospes.
# HOSPES_HV=build/debian/xen: on Debian's Xen.
# shellcheck source=tests/system/lib.bash
. "$(dirname "$0")/lib.bash"

made() {
    "$top/scripts/deps" build toolstack test && make -C "$top" toolstack && "$top/scripts/host-root"
}
needs "a dom0 with our toolstack" made
host_job --toolstack hospes "$top/tests/host/consoles"
at_least 26
