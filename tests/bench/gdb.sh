# shellcheck shell=bash
# A machine under the emulator's GDB stub, spoken to in the GDB remote protocol; sourced by scripts.

# gdb_start QEMU-COMMAND...: start it, stopped; it ends with the script.
gdb_start() {
    gdb_dir=$(mktemp -d)
    mkfifo "$gdb_dir"/gdb.{in,out}
    "$@" -S -chardev pipe,id=gdb,path="$gdb_dir/gdb" -gdb chardev:gdb >"$gdb_dir/qemu" 2>&1 &
    gdb_qemu=$!
    trap 'kill $gdb_qemu 2>/dev/null || true; wait $gdb_qemu 2>/dev/null || true; rm -rf "$gdb_dir"' \
        EXIT
    exec {gdb_to}<>"$gdb_dir/gdb.in" {gdb_from}<>"$gdb_dir/gdb.out"
}

# gdb_ask SECONDS PACKET: send a packet and print the answer.
gdb_ask() {
    local sum=0 i text
    for ((i = 0; i < ${#2}; i++)); do
        sum=$((sum + $(printf '%d' "'${2:i:1}")))
    done
    printf '$%s#%02x' "$2" $((sum & 255)) >&"$gdb_to"
    IFS= read -r -t "$1" -d '#' -u "$gdb_from" text || {
        cat "$gdb_dir/qemu" >&2
        echo "${0##*/}: no answer to $2 within $1 s" >&2
        return 1
    }
    read -r -N 2 -u "$gdb_from" _
    printf '+' >&"$gdb_to"
    echo "${text#*\$}"
}

# gdb_run_to ADDRESS: continue until that virtual address (hexadecimal, no 0x) is executed.
gdb_run_to() {
    gdb_ask 20 "Z1,$1,1" >/dev/null
    gdb_ask 300 c >/dev/null
    gdb_ask 20 "z1,$1,1" >/dev/null
}

# gdb_number HEX: the number whose little-endian bytes these are.
gdb_number() {
    local out='' i
    for ((i = 0; i < ${#1}; i += 2)); do
        out=${1:i:2}$out
    done
    echo $((0x$out))
}
