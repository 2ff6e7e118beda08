#!/bin/bash
# hotplug.t: the scripts for disks and network cards, on this machine, with a store that is a folder of
# files. What they leave in it, who may share a disk, and that nothing stays behind. Needs root, loop
# devices, and a network of its own, in which pairs of devices stand for guests' cards.
# shellcheck disable=SC2015 # ok sees the status of both
if [ -z "${HOTPLUG_INSIDE:-}" ] && unshare -n -m true 2>/dev/null; then
    HOTPLUG_INSIDE=1 exec unshare -n -m "$0"
fi
# shellcheck source=tests/system/lib.bash
. "$(dirname "$0")/lib.bash"

if [ -z "${HOTPLUG_INSIDE:-}" ] || ! losetup -f >/dev/null 2>&1 || ! mount -t sysfs sysfs /sys ||
    ! ip link add br0 type bridge; then
    echo "1..0 # SKIP needs root, loop devices, bridges"
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
cat >"$temp/bin/iptables" <<'END'
#!/bin/sh
action=
for word; do
    shift
    case $word in
        -[CAD]) action=$word ;;
        -w) ;;
        *) set -- "$@" "$word" ;;
    esac
done
case $action in
    -C) grep -qxF -- "$*" "$STORE/rules" ;;
    -A) echo "$*" >>"$STORE/rules" ;;
    -D) grep -vxF -- "$*" "$STORE/rules" >"$STORE/rules.new"; mv "$STORE/rules.new" "$STORE/rules" ;;
esac
END
: >"$STORE/rules"
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
# loops COUNT: wait until the file has so many loop devices; one that somebody looks at goes later
loops() {
    for _ in $(seq 600); do
        [ "$(losetup -j "$temp/disk.img" | wc -l)" != "$1" ] || return 0
        sleep 0.1
    done
    return 1
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
[ "$(node 2 hotplug-status)" = error ] && [[ $(node 2 hotplug-error) = *'a disk of domain 1'* ]]
ok $? "and is told why"
disk 2 a "$temp/disk.img" w
block add 2
ok $? "the same guest can, while it migrates to its own host"
block remove 2 && loops 1
ok $? "its first disk stays when the second goes"
rm -r "$STORE$backend/2"
disk 3 c "$temp/disk.img" 'w!'
block add 3
ok $? "who says that it is shared may write it"
block remove 3
rm -r "$STORE$backend/3"
block remove 1 && loops 0
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
loops 0
ok $? "no loop device is left"

# ---- network cards: a pair of devices, the one end is dom0's
vif() { # SCRIPT COMMAND [NAME]
    XENBUS_TYPE=vif XENBUS_PATH=$card vif=${3:-vif7.0} netdev='' XENBUS_BASE_PATH=backend \
        "$top/toolstack/host/scripts/$1" "$2" type_if=vif 2>"$temp/err"
}
shows() { # PATTERN COMMAND...
    local pattern=$1
    shift
    [[ $("$@" 2>/dev/null) =~ $pattern ]]
}
card=/local/domain/0/backend/vif/7/0
status() {
    xenstore-read $card/hotplug-status
}
ip link set br0 mtu 1400 up
ip link add vif7.0 type veth peer name guest

xenstore-write $card/bridge nobridge
! vif vif-bridge online && [ "$(status)" = error ] && shows 'no bridge nobridge' xenstore-read $card/hotplug-error
ok $? "a bridge that is not there is refused by its name"
xenstore-write $card/bridge br0
vif vif-bridge online && [ "$(status)" = connected ]
ok $? "a card connects to a bridge"
shows 'UP.*mtu 1400.*master br0' ip -o link show vif7.0 && shows 'fe:ff:ff:ff:ff:ff' ip -o link show vif7.0
ok $? "it is up, with the bridge's MTU and the highest address"
vif vif-bridge offline && ! shows 'master' ip -o link show vif7.0
ok $? "and leaves it"
rm -r "${STORE:?}$card"
vif vif-bridge online uplink && [ "$(status)" = connected ] && shows 'master br0' ip -o link show uplink
ok $? "it gets the name it shall have, and the bridge there is"
ip link del uplink
vif vif-bridge offline uplink
ok $? "leaving when the device is gone is no error"
vif vif-bridge online
[ "$(status)" = error ]
ok $? "a card without a device is refused"

rm -r "${STORE:?}$card"
ip addr add 10.77.0.1/24 dev br0
ip link add vif7.0 type veth peer name guest
xenstore-write $card/ip '10.77.5.2' $card/gatewaydev br0
vif vif-route online && [ "$(status)" = connected ] && shows '10.77.5.2 dev vif7.0.*src 10.77.0.1' ip route
ok $? "a routed card has a route to the guest's address, from the host's"
[ "$(cat /proc/sys/net/ipv4/conf/vif7.0/proxy_arp)" = 1 ]
ok $? "and answers for the others"
vif vif-route offline && ! shows 10.77.5.2 ip route
ok $? "which goes with it"

rm -r "${STORE:?}$card"
xenstore-write $card/ip '10.78.0.130'
vif vif-nat online && [ "$(status)" = connected ] && shows '10.78.0.130 dev vif7.0.*src 10.78.0.3' ip route
ok $? "a card behind the host's address has a route, and a gateway"
vif vif-nat online && [ "$(wc -l <"$STORE/rules")" = 1 ] &&
    grep -qx -- '-t nat POSTROUTING -s 10.78.0.130/32 ! -o vif7.0 -j MASQUERADE' "$STORE/rules"
ok $? "and one rule, also after a second time"
vif vif-nat offline && ! [ -s "$STORE/rules" ]
ok $? "which goes with it"
rm -r "${STORE:?}$card"
vif vif-nat online && shows '10.7.0.1 dev vif7.0.*src 10.7.0.128' ip route
ok $? "without an address it gets one"
xenstore-write $card/ip 'fe80::1'
! vif vif-nat online && shows 'no IPv4 address' xenstore-read $card/hotplug-error
ok $? "an address that is none of IPv4 is refused"
finish
