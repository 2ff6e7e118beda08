# hotplug.sh: what the scripts beside it share. xl runs them when a disk or a network card of a guest
# comes or goes:
#   block add|remove                                   XENBUS_TYPE=vbd
#   vif-* online|offline|add|remove [KEY=VALUE...]     XENBUS_TYPE=vif; vif, or INTERFACE for a tap
# XENBUS_PATH is the backend's folder in the store. A script answers there: hotplug-status, and
# hotplug-error with a sentence if it failed.
# shellcheck shell=sh
set -eu
export PATH="$PATH:/usr/sbin:/usr/bin:/sbin:/bin" LC_ALL=C
: "${XENBUS_PATH:?it is xl that runs this script}"
run_dir=${HOTPLUG_RUN_DIR:-/run/xen}
command=${1:-}
[ $# = 0 ] || shift
for setting; do
    case $setting in
        type_if=vif | type_if=tap) type_if=${setting#*=} ;;
    esac
done

# store NODE [DEFAULT]: a node of the backend
store() {
    xenstore-read "$XENBUS_PATH/$1" 2>/dev/null || printf '%s' "${2:-}"
}

say() {
    logger -t "${0##*/}" -- "$XENBUS_PATH: $*" 2>/dev/null || true
}

# fail SENTENCE...: the device cannot be used; xl shows why
fail() {
    trap - EXIT
    say "$*"
    echo "${0##*/}: $*" >&2
    xenstore-write "$XENBUS_PATH/hotplug-error" "$*" "$XENBUS_PATH/hotplug-status" error || true
    exit 1
}

connected() {
    xenstore-write "$XENBUS_PATH/hotplug-status" connected "$@"
}

# lock NAME: nobody else does this until the script ends
lock() {
    mkdir -p "$run_dir"
    exec 9>"$run_dir/hotplug-$1.lock"
    flock -w 60 9 || fail "the lock $run_dir/hotplug-$1.lock was not to be had in a minute"
}

trap 'fail "${0##*/} $command ended early; it was run as: ${vif:-${INTERFACE:-}}"' EXIT
# done_: the end of a script that went well
done_() {
    trap - EXIT
    exit 0
}

# ---- network cards

# The card's device, which has the name that the configuration wants (vifname=) from now on
network_device() {
    if [ "${type_if:-vif}" = tap ]; then
        device=${INTERFACE:?xl names the tap in INTERFACE}
        return
    fi
    first=${XENBUS_PATH%/*}
    first=vif${first##*/}.${XENBUS_PATH##*/}
    device=${vif:-$(store vifname "$first")}
    case $command in online | add) ;; *) return 0 ;; esac
    if [ "$device" != "$first" ] && [ -e "/sys/class/net/$first" ]; then
        ! [ -e "/sys/class/net/$device" ] || fail "there is a network device $device already"
        ip link set "$first" down
        ip link set "$first" name "$device" || fail "$first cannot be named $device"
    fi
    [ -e "/sys/class/net/$device" ] ||
        fail "there is no network device $device; is the module xen-netback loaded?"
}

# Frames from the guest may pass a bridge's filter if their address is one that the guest has, or any
# if none is told. Only where the kernel shows bridged frames to iptables at all.
bridge_filter() { # -I or -D
    [ "$(cat /proc/sys/net/bridge/bridge-nf-call-iptables 2>/dev/null || echo 0)" = 1 ] || return 0
    command -v iptables >/dev/null || return 0
    for address in $(store ip 0.0.0.0/0 | tr ',' ' '); do
        case $address in
            *:*) ;; # IPv6 is ip6tables'
            *) iptables -w "$1" FORWARD -m physdev --physdev-is-bridged --physdev-in "$device" \
                -s "$address" -j ACCEPT 2>/dev/null ||
                [ "$1" = -D ] || fail "iptables does not let $address of $device pass" ;;
        esac
    done
}

# The MTU that the configuration wants, or that of the device it is given
set_mtu() {
    mtu=$(store mtu "$(cat "/sys/class/net/${1:-none}/mtu" 2>/dev/null || true)")
    [ -z "$mtu" ] || ip link set "$device" mtu "$mtu" || fail "$device cannot have an MTU of $mtu"
}
