# lib.sh: what a job in dom0 (scripts/run-host) can use; `. /job/lib.sh`.
# shellcheck shell=bash
set -u
consoles=/run/consoles
patience=240 # seconds to wait for what comes, however slow and busy the machine is
mkdir -p $consoles

# run LABEL COMMAND...: with its output and its status between two marks; the status is the command's
run() {
    local label=$1 status=0
    shift
    echo "--- $label: $*"
    "$@" </dev/null 2>&1 || status=$?
    echo "--- $label: status $status"
    return $status
}

# check NAME COMMAND...: a line of TAP without a number; `failed` is 1 after one that fails
failed=0
check() {
    local name=$1 out
    shift
    if out=$("$@" </dev/null 2>&1); then
        echo "ok - $name"
    else
        echo "not ok - $name"
        printf '%s\n' "$*: $out" | tail -n 12 | sed 's/^/# /'
        failed=1
    fi
}

# equal IS EXPECTED: for check
equal() {
    [ "$1" = "$2" ] || {
        echo "'$1' instead of '$2'"
        return 1
    }
}

# within COMMAND...: try the command, silently, until it succeeds; when patience ends, aloud
within() {
    local end=$((SECONDS + patience))
    until "$@" >/dev/null 2>&1; do
        if [ $SECONDS -ge $end ]; then
            "$@"
            return
        fi
        sleep 0.2
    done
}

# steady COMMAND...: what it prints, when that has been the same for two seconds
steady() {
    local end=$((SECONDS + patience)) same=0 now last
    last=$("$@")
    while [ $same -lt 2 ] && [ $SECONDS -lt $end ]; do
        sleep 1
        now=$("$@")
        [ "$now" = "$last" ] && same=$((same + 1)) || same=0
        last=$now
    done
    echo "$last"
}

# watch GUEST: copy what its console shows from now on to $consoles/guest-GUEST.log. What it showed
# before is there too, unless it was a lot: xenconsoled keeps it until somebody reads.
watch() {
    local id tty
    id=$(xl domid "$1" 2>/dev/null) || return
    [ ! -e "/run/watched.$id" ] || return 0
    tty=$(xenstore-read "/local/domain/$id/console/tty" 2>/dev/null) || return
    [ -c "$tty" ] || return # it is empty until xenconsoled has seen the guest
    : >"/run/watched.$id"
    cat "$tty" >>"$consoles/guest-$1.log" 2>/dev/null &
}

# says GUEST PATTERN: wait until the guest's console has shown a line like this
says() {
    within watch "$1"
    within grep -qE -- "$2" "$consoles/guest-$1.log"
}

# console_of GUEST [LINES]: the last lines that the guest's console has shown
console_of() {
    tail -n "${2:-15}" "$consoles/guest-$1.log" | tr -d '\r' | sed "s/^/  $1> /"
}

# gone GUEST: wait until there is no such domain
# shellcheck disable=SC2016 # the other shell expands
gone() {
    within sh -c '! xl domid "$1"' - "$1"
}

# alone: wait until there is no domain but dom0, not even one that has no name any more, and no xl
# that looks after one
# shellcheck disable=SC2016 # the other shell expands
alone() {
    within sh -c '[ "$(xl list | wc -l)" = 2 ] && ! pgrep -x xl'
}

# reborn GUEST NUMBER: wait until the domain of this name has another number, as it has after a reboot
reborn() {
    within sh -c 'id=$(xl domid "$1") && [ "$id" != "$2" ]' - "$1" "$2"
}

# free_memory: of the host, in MiB
free_memory() {
    xl info | awk '/^free_memory/ { print $3 }'
}

# free_bytes: the same to the page; of hospes as in_use has it
free_bytes() {
    local pages
    pages=$(in_use | sed -n 's/ pages free, heap of [1-9].*//p')
    if [ -n "$pages" ]; then
        echo $((pages * 4096))
        return
    fi
    PYTHONPATH=/usr/lib/xen-4.17/lib/python python3 -c \
        'import xen.lowlevel.xc; print(xen.lowlevel.xc.xc().physinfo()["free_memory"] * 1024)'
}

# enter GUEST LINE...: type lines on the guest's console
enter() {
    local guest=$1 tty
    shift
    tty=$(xenstore-read "/local/domain/$(xl domid "$guest")/console/tty")
    printf '%s\n' "$@" >"$tty"
}

# typed READY LINES SEEN COMMAND: run it on a terminal of its own, wait for READY there, type LINES,
# wait for SEEN, and leave with Ctrl-]; prints what was seen.
typed() {
    local dir script status=0
    dir=$(mktemp -d)
    mkfifo "$dir/in"
    script -qefc "$4" /dev/null <"$dir/in" >"$dir/out" 2>&1 &
    script=$!
    exec 7>"$dir/in"
    [ -z "$1" ] || within grep -q "$1" "$dir/out"
    printf '%b' "$2" >&7
    within grep -q "^$3" "$dir/out"
    printf '\035' >&7
    wait $script || status=$?
    tr -d '\r' <"$dir/out" | grep -oE "^(guest: ready|$3|.*(rror|nable|sage|nvalid).*)"
    return $status
}

# in_use: what the hypervisor has in use: memory, heap; channels and grants, how many. A page of small
# objects, and one of handles for what dom0 maps, is as good as free: when they are taken depends on what
# happens at the same time, and the next guest uses them again.
in_use() {
    xl dmesg -c >/dev/null
    xl debug-keys m
    xl debug-keys e
    xl debug-keys g
    xl dmesg -c | tr -d '\r' >/tmp/in-use
    awk '/^node/ { free += $3 } /^heap:/ { heap = $2; free += $6 }
         match($0, /handles in [0-9]+/) { free += substr($0, RSTART + 11, RLENGTH - 11) }
         END { print free " pages free, heap of " heap " bytes" }' /tmp/in-use
    echo "channels $(grep -cE '^ +[0-9]+ [P-][M-] ' /tmp/in-use)"
    echo "grants $(grep -cE '^ +[0-9]+.*(read|writ|pin)' /tmp/in-use)"
}

# traces: all that guests could leave behind in dom0: nodes, files, loop devices, processes, interfaces,
# and how many descriptors the daemons have open. Logs, and the numbers of domains that were, may grow;
# the job itself (run) may be in a subshell.
traces() {
    local pid
    xenstore-ls -f | grep -vE '^/local/domain/0/memory|^/tool' | cut -d ' ' -f 1
    find /var/lib/xen /run -path /run/consoles -prune -o ! -name 'domid-history' ! -name 'watched.*' -print | sort
    losetup -l -n -O NAME
    ps -o comm= --ppid 2 -p 2 --deselect | grep -vE '^(ps|grep|sort|uniq|cat|traces|run)$' | sort | uniq -c
    ip -o link | grep -oE '(vif|tap)[^ :]*'
    for pid in $(pgrep -x 'xenstored|xenconsoled'); do
        echo "$(cat "/proc/$pid/comm") has $(ls "/proc/$pid/fd" | wc -l) descriptors"
    done
}

# settled FILE: wait until the traces are those of the file; shows what is more, or missing
# shellcheck disable=SC2016,SC2034 # eval reads it
settled() {
    local expected=$1
    within eval 'traces >/tmp/traces.now; diff "$expected" /tmp/traces.now'
}
