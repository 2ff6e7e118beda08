#!/bin/bash
# hotplug.t: the scripts for disks, on this machine, with a store that is a folder of files. What they
# leave in it, who may share a disk, and that nothing stays behind. Needs root and loop devices.
# shellcheck source=tests/system/lib.bash
. "$(dirname "$0")/lib.bash"

if [ "$(id -u)" != 0 ] || ! losetup -f >/dev/null 2>&1; then
    echo "1..0 # SKIP needs root and loop devices"
    exit 0
fi

# ---- a store
export STORE=$temp/store HOTPLUG_RUN_DIR=$temp/run PATH=$temp/bin:$PATH
mkdir -p "$temp/bin" "$STORE"
cat >"$temp/bin/xenstore-read" <<'END'
#!/bin/sh
cat "$STORE/$1/value" 2>/dev/null
END
cat >"$temp/bin/xenstore-write" <<'END'
#!/bin/sh
while [ $# -gt 1 ]; do
    mkdir -p "$STORE/$1" && echo "$2" >"$STORE/$1/value"
    shift 2
done
END
cat >"$temp/bin/xenstore-rm" <<'END'
#!/bin/sh
rm -r "${STORE:?}/$1"
END
cat >"$temp/bin/xenstore-ls" <<'END'
#!/bin/sh
[ "$1" = -f ] || exit 2
cd "$STORE" && find ".$2" -name value | while read -r f; do
    p=${f#.} && echo "${p%/value} = \"$(cat "$f")\""
done
END
chmod 755 "$temp"/bin/*

backend=/local/domain/0/backend/vbd
# disk DOMAIN VM FILE MODE: what xl writes before it runs the script
disk() {
    xenstore-write "$backend/$1/51712/params" "$3" "$backend/$1/51712/mode" "$4" \
        "/local/domain/$1/vm" "/vm/$2"
}
block() { # add|remove DOMAIN
    XENBUS_TYPE=vbd XENBUS_PATH=$backend/$2/51712 XENBUS_BASE_PATH=backend \
        script=/etc/xen/scripts/block "$top/toolstack/host/scripts/block" "$1" 2>"$temp/err"
}
node() { # DOMAIN NODE
    xenstore-read "$backend/$1/51712/$2"
}
truncate -s 1M "$temp/disk.img"
loops() {
    losetup -j "$temp/disk.img" | wc -l
}
trap 'losetup -j "$temp/disk.img" | cut -d : -f 1 | xargs -r losetup -d; rm -rf "$temp"' EXIT

disk 1 a "$temp/disk.img" w
block add 1
ok $? "a file becomes a disk"
[ "$(node 1 hotplug-status)" = connected ]
ok $? "the store says that it is connected"
loop=$(node 1 physical-device-path)
[ -b "$loop" ] && [ "$(node 1 physical-device)" = "$(stat -c '%t:%T' "$loop")" ] && [ "$(node 1 node)" = "$loop" ]
ok $? "and which loop device it is"
[ "$(cat "/sys/block/${loop#/dev/}/ro")" = 0 ]
ok $? "it can be written"

disk 2 b "$temp/disk.img" r
! block add 2
ok $? "another guest cannot even read it"
[ "$(node 2 hotplug-status)" = error ] && node 2 hotplug-error | grep -q 'a disk of domain 1'
ok $? "and is told why"
disk 2 a "$temp/disk.img" w
block add 2
ok $? "the same guest can, while it migrates to its own host"
block remove 2 && [ "$(loops)" = 1 ]
ok $? "its first disk stays when the second goes"
rm -r "$STORE$backend/2"
disk 3 c "$temp/disk.img" 'w!'
block add 3
ok $? "who says that it is shared may write it"
block remove 3
rm -r "$STORE$backend/3"
block remove 1 && [ "$(loops)" = 0 ]
ok $? "when it goes, so does its loop device"
block remove 1
ok $? "removing it again does nothing"
rm -r "$STORE$backend/1"

disk 4 d "$temp/disk.img" r
disk 5 e "$temp/disk.img" r
block add 4 && block add 5
ok $? "two guests read one file"
[ "$(cat "/sys/block/$(basename "$(node 5 node)")/ro")" = 1 ]
ok $? "which is read-only for them"
block remove 4
rm -r "$STORE$backend/4"
dev=$(node 5 node)
disk 6 f "$dev" w
! block add 6
ok $? "a block device in use by a guest that reads is not written by another"
disk 6 f "$dev" r
block add 6 && [ "$(node 6 physical-device-path)" = "$dev" ] && [ -z "$(node 6 node)" ]
ok $? "but read, as it is"
block remove 6 && [ -n "$(losetup -n "$dev" 2>/dev/null)" ]
ok $? "and is still there afterwards"
rm -r "$STORE$backend/6"
block remove 5

for what in "$temp/missing" "$temp" ''; do
    disk 7 g "$what" w
    ! block add 7 && [ "$(node 7 hotplug-status)" = error ] && [ -n "$(node 7 hotplug-error)" ]
    ok $? "'${what#"$temp"}' is refused with a reason"
done
[ "$(loops)" = 0 ]
ok $? "no loop device is left"
finish
