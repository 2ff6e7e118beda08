#!/bin/bash
# keys.t: debug keys. The second serial port shows what the first one does; three Ctrl-A there give
# its input to the hypervisor, which lists its keys, shows state, and resets the machine. Three more
# would give it back to dom0. TAP for prove.
# shellcheck source=tests/system/lib.bash
. "$(dirname "$0")/lib.bash"

log=$temp/serial com2=$temp/com2
mkfifo "$com2.in" "$com2.out"

# seen PATTERN: on the second port, until the machine ends
seen() {
    local runs=0
    while [ $runs = 0 ]; do
        kill -0 "$runner" 2>/dev/null
        runs=$?
        serial "$com2" "$1" && return 0
        sleep 0.1
    done
    return 1
}

# shows PATTERN NAME
shows() {
    local status=0
    seen "$1" || status=1
    ok $status "$2" "$com2"
}

: >"$com2"
start "$log" --hvargs 'console=com1,com2 com2=115200,8n1 noreboot' -- -serial "pipe:$com2"
exec 3<>"$com2.in" 4<>"$com2.out"
cat <&4 >"$com2" &
reader=$!

shows '^\(hospes\) hospes [0-9]' "com2 shows the banner"
shows '^about to get started|^mapping kernel|Linux version' "dom0 starts, and is seen on com2"
printf '\001\001\001' >&3
shows 'Input now goes to the hypervisor' "three Ctrl-A switch"
printf 'h' >&3
shows '^  h  list the debug keys$' "h lists h"
shows '^  R  reboot the machine$' "h lists R"
printf '\t' >&3
shows "There is nothing on the key" "a key without a meaning is named"
printf '\001\001\001' >&3
shows 'Input now goes to dom0' "three more switch back"
printf '\001\001\001R' >&3
shows 'Rebooting, as the console asked' "R says what it does"
status=0
wait "$runner" || status=$?
runner=
[ $status = 3 ] && status=0
ok $status "R resets the machine" "$log"
kill $reader
finish
