#!/bin/bash
# builder.t: guests that only the toolstack's builder makes, without libxl, on Debian's Xen and on
# hospes: tests/host/build-guests. TAP for prove.
# shellcheck source=tests/system/lib.bash
. "$(dirname "$0")/lib.bash"

made() {
    "$top/scripts/deps" test && "$top/scripts/host-root" && make -s -C "$top" guests build-domain
}
needs "the program that builds guests" made
for on in xen "${HOSPES_HV:-hospes}"; do
    host_job --as "on ${on##*/}" --hv "$on" "$top/tests/host/build-guests" "$build/build-domain" \
        "$build/guests/pv/witness.elf"
done
at_least 14
