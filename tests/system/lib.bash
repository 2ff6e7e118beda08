# lib.bash: what the system tests share; sourced by tests/system/*.t, which print TAP for prove.
#
# How long a machine may take (HOSPES_TIMEOUT) is a multiple of what it does: it ends those that hang.
#
# HOSPES_HV, HOSPES_QEMU, HOSPES_HVARGS, HOSPES_CPU_FLAGS: see scripts/run-qemu.
# shellcheck shell=bash
set -uo pipefail

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
build=${HOSPES_BUILD:-$top/build}
count=0
temp=$(mktemp -d)
runner=
# shellcheck disable=SC2317 # the trap calls it
leave() {
    [ -z "$runner" ] || kill "$runner" 2>/dev/null
    wait
    rm -rf "$temp"
}
trap leave EXIT
trap 'exit 143' TERM
trap 'exit 130' INT

bail_out() {
    echo "Bail out! $*"
    exit 255
}

# ok STATUS NAME [LOG]: one test; of a failed one the end of the serial log is shown.
ok() {
    count=$((count + 1))
    if [ "$1" = 0 ]; then
        echo "ok $count - $2"
        return 0
    fi
    echo "not ok $count - $2"
    [ -z "${3:-}" ] || tail -n 60 "$3" | tr -d '\r' | sed 's/^/# | /'
    return 1
}

finish() {
    echo "1..$count"
}

note() {
    echo "# $*"
}

# serial LOG PATTERN: whether a line of a serial log matches
serial() {
    tr -d '\r' <"$1" | grep -Eq -- "$2"
}

# start LOG RUN-QEMU-OPTION...: in the background, as $runner
start() {
    local log=$1
    shift
    "$top/scripts/run-qemu" --timeout "${HOSPES_TIMEOUT:-900}" --log "$log" "$@" >/dev/null 2>&1 &
    runner=$!
}

# boot LOG RUN-QEMU-OPTION...: the status is run-qemu's
boot() {
    local status=0
    start "$@"
    wait "$runner" || status=$?
    runner=
    return $status
}

# proves NAME RUN-QEMU-OPTION...: boot, run the proof in dom0, expect it to pass and the machine to
# switch itself off.
proves() {
    local name=$1 log status=0 since=$SECONDS
    shift
    log=$temp/serial.$count
    boot "$log" --proof "$@" || status=$?
    [ $status != 0 ] || serial "$log" '^proof: [1-9][0-9]* passed, 0 failed$' || status=1
    ok $status "$name" "$log"
    note "$(tr -d '\r' <"$log" | grep '^proof: ' || echo 'no proof'), $((SECONDS - since)) s"
    tr -d '\r' <"$log" | sed -n 's/^not ok/# in dom0: not ok/p'
    rm -f "$log"
    return $status
}

# needs WHAT COMMAND...: what a test stands on is made by the command, or there is no test
needs() {
    local what=$1
    shift
    "$@" >"$temp/prepare" 2>&1 || {
        sed 's/^/# /' "$temp/prepare"
        bail_out "cannot make $what"
    }
}

# told PREFIX LOG: the lines of TAP that a job in dom0 printed (tests/host); their numbers, and the
# job's name before them, are left out
told() {
    local line
    while IFS= read -r line; do
        case $line in
            'ok - '*) ok 0 "$1${line#ok - }" ;;
            'not ok - '*) ok 1 "$1${line#not ok - }" ;;
            *) echo "$line" ;;
        esac
    done < <(tr -d '\r' <"$2" | sed -nE 's/^([a-z]+: )?((not )?ok )[0-9 ]*- /\2- /p; s/^([a-z]+: )?# /# /p')
}

# host_job [--as NAME] RUN-HOST-ARGUMENT...: a job in dom0, and its tests; with NAME in front of each,
# where a test has several. Leaves what the job left in $temp/out and the console in $log. The job's
# words are taken from $temp/out/said; if there are none, from the console.
host_job() {
    local prefix='' status=0 since=$SECONDS said=$temp/out/said
    if [ "$1" = --as ]; then
        prefix="$2: "
        shift 2
    fi
    log=$temp/log.$count
    rm -rf "$temp/out"
    "$top/scripts/run-host" --timeout "${HOSPES_TIMEOUT:-1800}" --log "$log" --out "$temp/out" "$@" \
        >/dev/null 2>&1 &
    runner=$!
    wait "$runner" || status=$?
    runner=
    [ "$status" != 1 ] || status=0 # some of its checks failed; they are told now
    [ -s "$said" ] || said=$log
    told "$prefix" "$said"
    ok "$status" "${prefix}the job ends, and dom0 switches the machine off" "$log"
    note "$((SECONDS - since)) s"
    return "$status"
}

# at_least NUMBER: that many tests there were, so no job ended early
at_least() {
    [ "$count" -ge "$1" ]
    ok $? "all of it was there"
    finish
}

# no_live: the file that tells a job that this hypervisor, Debian's, sends no PV guest live
no_live() {
    [ "${hv##*/}" = xen ] || return 0
    : >"$temp/no-live"
    echo "$temp/no-live"
}

system_needs() {
    "$top/scripts/deps" run iso && "$top/scripts/fetch"
}
needs "the emulator and Debian's kernel" system_needs
hv=${HOSPES_HV:-$build/hypervisor/x86_64/hospes}
[ -r "$hv" ] || bail_out "no hypervisor at $hv"
