#!/bin/bash
# debian.t: a Debian system with systemd is as healthy in dom0 as on the bare emulated machine.
# shellcheck source=tests/system/lib.bash
. "$(dirname "$0")/lib.bash"

{
    "$top/scripts/deps" test && "$top/scripts/debian-root"
} >"$temp/prepare" 2>&1 || {
    sed 's/^/# /' "$temp/prepare"
    bail_out "cannot make Debian's root file system"
}
image=$build/debian/root.img bare=$build/debian/root.bare

# system LOG DISK ROOT RUN-QEMU-OPTION...: boot the image, unchanged afterwards, for its report; a
# scratch disk of the other type and a network card are there too.
system() {
    local log=$1 disk=$2 root=$3 other=nvme
    shift 3
    [ "$disk" = virtio ] || other=virtio
    boot "$log" --initrd "$build/debian/initrd-disk.cpio" --kernel vmlinux \
        --append "quiet root=$root hospes.report" \
        --disk "$disk=$image" --disk $other --net virtio "$@" -- -snapshot
}

# lines LOG KEY: what the report says of it
lines() {
    tr -d '\r' <"$1" | sed -n "s/.*report: $2 //p" | sort
}

if [ ! "$bare" -nt "$image" ]; then
    note "starting the same image on the bare machine, to compare with"
    if ! system "$temp/bare" virtio /dev/vda --hv none || ! serial "$temp/bare" 'report: done'; then
        tail -n 60 "$temp/bare" | tr -d '\r' | sed 's/^/# | /'
        bail_out "the image does not start on the bare machine"
    fi
    cp "$temp/bare" "$bare"
fi
note "bare machine: $(lines "$bare" state), failed units: $(lines "$bare" failed | tr '\n' ' ')"

# healthy NAME DISK ROOT
healthy() {
    local log=$temp/$2 since=$SECONDS worse
    system "$log" "$2" "$3" --hvargs dom0_mem=768M
    ok $? "$1: starts and switches the machine off" "$log"
    note "$((SECONDS - since)) s, network $(lines "$log" network)"
    serial "$log" '^dom0 login:'
    ok $? "$1: reaches its login prompt"
    [ -n "$(lines "$log" state)" ] && [ "$(lines "$log" state)" = "$(lines "$bare" state)" ]
    ok $? "$1: systemd's state is that of the bare machine" ||
        note "'$(lines "$log" state)' instead of '$(lines "$bare" state)'"
    worse=$(comm -13 <(lines "$bare" failed) <(lines "$log" failed))
    [ -z "$worse" ] && serial "$log" 'report: done'
    ok $? "$1: no unit fails that does not fail on the bare machine" || note "failed: $worse"
    [[ $(lines "$log" network) == *10.0.2.* ]]
    ok $? "$1: networking is up"
}

healthy "on a virtio disk" virtio /dev/vda
healthy "on an NVMe disk" nvme /dev/nvme0n1
finish
