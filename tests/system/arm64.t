#!/bin/bash
# arm64.t: the arm64 image, built by gcc and by clang, starts at EL2 of an emulated machine, shows
# who it is and the memory it found, and stops with a sentence. TAP for prove.
set -uo pipefail

top=$(cd "$(dirname "$0")/../.." && pwd)
temp=$(mktemp -d)
count=0
emulator=
# shellcheck disable=SC2317 # the trap calls it
leave() {
    [ -z "$emulator" ] || kill "$emulator" 2>/dev/null
    wait
    rm -rf "$temp"
}
trap leave EXIT
trap 'exit 143' TERM
trap 'exit 130' INT

# ok STATUS NAME LOG: one test; of a failed one the end of the log is shown.
ok() {
    count=$((count + 1))
    if [ "$1" = 0 ]; then
        echo "ok $count - $2"
    else
        echo "not ok $count - $2"
        tail -n 40 "$3" "$temp/qemu" | tr -d '\r' | sed 's/^/# | /'
    fi
}

# run IMAGE QEMU-ARGUMENT...: until the sentence, or $limit seconds; the output is in $temp/serial
limit=240
run() {
    local image=$1
    shift
    : >"$temp/serial"
    timeout "$limit" qemu-system-aarch64 -cpu cortex-a57 -display none -serial "file:$temp/serial" \
        -monitor none -kernel "$image" "$@" 2>"$temp/qemu" &
    emulator=$!
    while kill -0 "$emulator" 2>/dev/null &&
        ! grep -q 'stopping\.' "$temp/serial"; do
        sleep 0.1
    done
    kill "$emulator" 2>/dev/null
    wait "$emulator" 2>/dev/null
    emulator=
}

# says NAME PATTERN: a line of the output matches
says() {
    local status=0
    tr -d '\r' <"$temp/serial" | grep -Eq -- "$2" || status=1
    ok $status "$1" "$temp/serial"
}

"$top/scripts/deps" build arm64 >"$temp/deps" 2>&1 || {
    sed 's/^/# /' "$temp/deps"
    echo "Bail out! cannot install the arm64 compiler and emulator"
    exit 255
}

cd "$top" || exit 255
virt=virt,virtualization=on,gic-version=3
sentence='^\(hospes\) arm64 guests are not there yet: stopping\.$'
for compiler in gcc clang; do
    out=build/hypervisor/by-$compiler # `make clean` removes it
    status=0
    make -s ARCH=arm64 CC_KIND=$compiler O="$out" >"$temp/make" 2>&1 || status=1
    ok $status "$compiler builds it" "$temp/make"
    status=0
    ! grep -i 'warning' "$temp/make" || status=1
    ok $status "$compiler: without a warning" "$temp/make"

    run "$out/hypervisor/arm64/Image" -M $virt -m 1G -append 'loglvl=info nonsense'
    says "$compiler: banner" '^\(hospes\) hospes [0-9.]+ .*Xen 4\.17 interfaces'
    says "$compiler: command line" '^\(hospes\) Started by .*: loglvl=info nonsense$'
    says "$compiler: unknown option" 'option "nonsense" is not known'
    says "$compiler: memory" ' 0000000040000000-[0-9a-f]{16} RAM$'
    says "$compiler: end of memory" '-000000007fffffff RAM$'
    says "$compiler: the device tree is reserved" '[0-9a-f]{16} reserved$'
    says "$compiler: sentence" "$sentence"
done

image=build/hypervisor/by-gcc/hypervisor/arm64/Image
run $image -M virt,virtualization=on,gic-version=2 -m 8G -smp 2
says "8 GiB, 2 CPUs: end of memory" '-000000023fffffff RAM$'
says "8 GiB, 2 CPUs: sentence" "$sentence"

run $image -M $virt -m 2G -object memory-backend-ram,id=a,size=1G \
    -object memory-backend-ram,id=b,size=1G -numa node,memdev=a -numa node,memdev=b
says "two nodes: first" '-000000007fffffff RAM$'
says "two nodes: second" ' 0000000080000000-00000000bfffffff RAM$'

limit=3
run $image -M $virt -m 256M -append 'console=none loglvl=all'
status=0
[ ! -s "$temp/serial" ] || status=1
ok $status "console=none is silent" "$temp/serial"

echo "1..$count"
