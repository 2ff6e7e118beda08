#!/bin/bash
# clients.t: xenstore and its modes beside Debian's (package xenstore-utils, only unpacked), each on
# an xenstored of ours in a folder of its own: for each command the same output, errors and status.
# Runs on this host, without an emulator. TAP for prove.
# shellcheck source=tests/system/lib.bash
. "$(dirname "$0")/lib.bash"

{
    "$top/scripts/deps" build toolstack test && "$top/scripts/fetch" clients &&
        make -s -C "$top" toolstack
} >"$temp/prepare" 2>&1 || {
    sed 's/^/# /' "$temp/prepare"
    bail_out "cannot make our programs, or get Debian's"
}
root=$build/toolstack/root
declare -A programs=([ours]=$root/usr/bin [debian]=$build/debian/clients/usr/bin) daemons=()

for side in ours debian; do
    mkdir "$temp/$side"
    XENSTORED_RUNDIR=$temp/$side "$root/usr/lib/hospes/bin/xenstored" --no-domain-init \
        --pid-file="$temp/$side/pid" 2>"$temp/$side/log" || bail_out "$(cat "$temp/$side/log")"
    daemons[$side]=$(cat "$temp/$side/pid")
done
trap 'kill "${daemons[@]}"; leave' EXIT

# run SIDE COMMAND: what a shell shows of it, with its status
run() {
    local status=0
    (
        cd "$temp/$1" && PATH=${programs[$1]}:$PATH XENSTORED_PATH=$temp/$1/socket \
            timeout 120 bash -c "$2" </dev/null 2>&1
    ) || status=$?
    echo "status $status"
}

# same COMMAND: with both the same
same() {
    run ours "$1" >"$temp/ours.out"
    run debian "$1" >"$temp/debian.out"
    ok "$(cmp -s "$temp/ours.out" "$temp/debian.out"; echo $?)" "$1" ||
        diff "$temp/debian.out" "$temp/ours.out" | cat -A | sed 's/^/# /'
}

# Each line is a command of the shell; what it leaves in the store is there for the next.
while IFS= read -r line; do
    case $line in
        '' | '#'*) continue ;;
        'other: '*)
            line=${line#other: }
            run ours "$line" >"$temp/ours.out"
            run debian "$line" >/dev/null
            ;;
        *) same "$line" ;;
    esac
    case $line in
        *'# says '*)
            grep -qxF -- "${line##*'# says '}" "$temp/ours.out"
            ok $? "it says ${line##*'# says '}" "$temp/ours.out"
            ;;
    esac
done <"${BASH_SOURCE[0]%.t}.commands"
finish
