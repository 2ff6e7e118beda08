#!/bin/sh
# /proof of the demo initramfs: shows, in TAP, that a dom0 on the hypervisor has everything that a
# machine should have. Run by /init; reads what to expect from the kernel command line:
#
#   expect_vcpus=N  expect_mem=MIB[-MIB]  expect_disks=N  expect_nets=N   (1, any, 0, 0 when not given)
#
# Disks are written to only when they begin with the mark of a scratch disk (scripts/run-qemu).
# Busybox only. The last line is "proof: N passed, N failed".

passed=0
failed=0

# check NAME COMMAND...: one test
check() {
    name=$1
    shift
    if "$@"; then
        passed=$((passed + 1))
        echo "ok $((passed + failed)) - $name"
    else
        failed=$((failed + 1))
        echo "not ok $((passed + failed)) - $name"
    fi
}

note() {
    echo "# $*"
}

# same WHAT EXPECTED FOUND
same() {
    [ "$2" = "$3" ] || {
        note "$1: expected '$2', found '$3'"
        return 1
    }
}

# at_least WHAT MINIMUM FOUND
at_least() {
    [ "$3" -ge "$2" ] || {
        note "$1: expected at least $2, found $3"
        return 1
    }
}

file_has() {
    same "$1" "$2" "$(cat "$1")"
}

expected() {
    value=$(sed -n "s/.*\bexpect_$1=\([0-9-]*\).*/\1/p" /proc/cmdline)
    echo "${value:-$2}"
}

# ---- processors and memory

# The balloon driver knows what the hypervisor gave; MemTotal is what is left of it after the
# kernel's image, 64 MiB of bounce buffers and page structures for all the host's memory.
memory() {
    given=$(expected mem 1-99999999)
    most=${given#*-}
    least=${given%-*}
    [ "$least" != "$most" ] || least=$((most - most / 64))
    current=$(($(cat /sys/devices/system/xen_memory/xen_memory0/info/current_kb) / 1024))
    total=$(awk '/^MemTotal:/ { print int($2 / 1024) }' /proc/meminfo)
    note "given $current MiB, MemTotal $total MiB"
    at_least "MiB given" "$least" "$current" && at_least "MiB expected at most" "$current" "$most" &&
        at_least "MemTotal" $((current * 4 / 10)) "$total" && at_least "MiB given, not less than MemTotal" "$total" "$current"
}

# ---- interrupts; every vCPU has one column in /proc/interrupts

# events PATTERN [CPU]: how often the matching lines counted, on CPU or on all
events() {
    awk -v pattern="$1" -v cpu="${2:-all}" '
        NR == 1 { cpus = NF }
        $0 ~ pattern {
            for (i = 0; i < cpus; i++)
                if (cpu == "all" || cpu == i) sum += $(i + 2)
        }
        END { print sum + 0 }' /proc/interrupts
}

# A sleeper on a CPU needs its timer to wake up.
timer_events() {
    before=$(events '-virq +timer' "$1")
    taskset $((1 << $1)) sh -c 'for i in 1 2 3 4 5 6 7 8 9 10; do usleep 20000; done'
    at_least "timer events on CPU $1" 8 $(($(events '-virq +timer' "$1") - before))
}

# A reader that sleeps on one CPU, fed from another one, needs an event from there. On a slow machine it
# is awake still when the next line comes: then more slowly.
cross_events() {
    for pause in 10000 50000 250000 1000000; do
        before=$(events '-ipi ' "$1")
        taskset $((1 << $2)) sh -c "for i in 1 2 3 4 5 6 7 8 9 10; do usleep $pause; echo; done" |
            taskset $((1 << $1)) cat >/dev/null
        at_least "events from CPU $2 on CPU $1" 5 $(($(events '-ipi ' "$1") - before)) && return 0
    done
    return 1
}

# ---- devices

pci_list() {
    found=0
    for device in /sys/bus/pci/devices/*; do
        [ -e "$device/vendor" ] || continue
        found=$((found + 1))
        driver=$(readlink "$device/driver")
        note "${device##*/} class $(cat "$device/class") $(cat "$device/vendor"):$(cat \
            "$device/device") ${driver##*/}"
    done
    at_least "PCI devices" 2 $found
}

is_scratch() {
    [ "$(dd if="$1" bs=512 count=1 iflag=direct status=none | head -n 1)" = "hospes scratch disk" ]
}

md5() {
    md5sum | cut -d ' ' -f 1
}

# 2 MiB of noise through the driver to the disk and back; the page cache has no part in it.
disk_works() {
    interrupts=$(events 'xen-pirq')
    dd if=/dev/urandom of=/tmp/noise bs=64k count=32 status=none &&
        dd if=/tmp/noise of="$1" bs=64k seek=16 oflag=direct conv=fsync status=none || return 1
    echo 3 >/proc/sys/vm/drop_caches
    same "$1 read back" "$(md5 </tmp/noise)" \
        "$(dd if="$1" bs=64k skip=16 count=32 iflag=direct status=none | md5)" &&
        at_least "device interrupts meanwhile" 16 $(($(events 'xen-pirq') - interrupts))
}

# The way most programs write: through the page cache, in odd sizes, then sync.
cache_works() {
    dd if=/tmp/noise of="$1" bs=3000 seek=2000 status=none && sync || return 1
    echo 3 >/proc/sys/vm/drop_caches
    same "$1 read back" "$(md5 </tmp/noise)" \
        "$(dd if="$1" bs=3000 skip=2000 status=none | head -c 2097152 | md5)"
}

# An address by DHCP, then the gateway must answer.
net_works() {
    cat >/tmp/dhcp <<'SCRIPT'
#!/bin/sh
[ "$1" = bound ] || exit 0
ip addr flush dev "$interface"
ip addr add "$ip/${mask:-24}" dev "$interface"
echo "$router" >/tmp/router
SCRIPT
    chmod +x /tmp/dhcp
    rm -f /tmp/router
    ip link set "$1" up
    udhcpc -i "$1" -n -q -t 60 -T 1 -s /tmp/dhcp >/tmp/dhcp.log 2>&1 || {
        note "$1: no address: $(tail -n 1 /tmp/dhcp.log)"
        return 1
    }
    router=$(cat /tmp/router)
    ping -c 10 -i 0.1 -W 60 -s 1400 -I "$1" "$router" >/tmp/ping.log 2>&1
    status=$?
    note "$1: $(grep 'packets transmitted' /tmp/ping.log) (gateway $router)"
    ip link set "$1" down
    return $status
}

# ---- time

# Uptime in hundredths of a second at the moment at which the clock chip begins its next second.
edge() {
    read -r first </sys/class/rtc/rtc0/since_epoch || return 1
    second=$first
    while [ "$second" = "$first" ]; do
        read -r up rest </proc/uptime
        read -r second </sys/class/rtc/rtc0/since_epoch
    done
    echo "$second ${up%.*}${up#*.}"
}

# The kernel's clock runs within 3 % of the clock chip. A busy host can stall the emulator just
# between the two readings, hence up to four attempts, over longer and longer times.
clock_rate() {
    [ -e /sys/class/rtc/rtc0/since_epoch ] || {
        note "no clock chip"
        return 1
    }
    for attempt in 1 2 3 4; do
        set -- $(edge)
        sleep $((attempt * attempt * 4))
        set -- "$1" "$2" $(edge)
        permille=$((($4 - $2) * 10 / ($3 - $1)))
        note "attempt $attempt: $(($4 - $2))0 ms in $(($3 - $1)) s of the clock chip"
        [ $permille -ge 970 ] && [ $permille -le 1030 ] && return 0
    done
    return 1
}

clock_forward() {
    last=0
    for i in 1 2 3 4 5; do
        for cpu in $cpus; do
            now=$(taskset $((1 << cpu)) awk '/^now at/ { print $3; exit }' /proc/timer_list)
            [ "$now" -ge "$last" ] || {
                note "CPU $cpu: $now after $last"
                return 1
            }
            last=$now
        done
    done
}

# ---- the proof

dmesg -n 1 # kernel messages would tear the lines below
vcpus=$(expected vcpus 1)
cpus=$(seq 0 $((vcpus - 1)))

echo "TAP version 13"
check "the kernel runs on a hypervisor that speaks Xen's interface" \
    file_has /sys/hypervisor/type xen
check "its major version" file_has /sys/hypervisor/version/major 4
check "its minor version" file_has /sys/hypervisor/version/minor 17
note "version $(cat /sys/hypervisor/version/major).$(cat /sys/hypervisor/version/minor)$(cat \
    /sys/hypervisor/version/extra), $(cat /sys/hypervisor/properties/capabilities)"
check "it has $vcpus vCPU(s)" same processors "$vcpus" "$(grep -c ^processor /proc/cpuinfo)"
check "it has the memory it was given" memory

for cpu in $cpus; do
    check "vCPU $cpu gets its timer through an event channel" timer_events "$cpu"
    [ "$vcpus" = 1 ] ||
        check "vCPU $cpu gets events from another one" cross_events "$cpu" $(((cpu + 1) % vcpus))
done
note "clock source $(cat /sys/devices/system/clocksource/clocksource0/current_clocksource)"
check "the clock advances at the rate of the clock chip" clock_rate
check "the clock never steps back" clock_forward

check "PCI devices are there" pci_list
disks=0
for disk in /dev/vd? /dev/nvme?n1; do
    if [ ! -b "$disk" ] || ! is_scratch "$disk"; then
        continue
    fi
    disks=$((disks + 1))
    check "$disk gives back what is written to it directly" disk_works "$disk"
    check "$disk gives back what is written to it through the cache" cache_works "$disk"
done
check "$(expected disks 0) disks to try" same disks "$(expected disks 0)" $disks
nets=0
for net in /sys/class/net/*/device; do
    [ -e "$net" ] || continue
    net=${net%/device}
    nets=$((nets + 1))
    driver=$(readlink "$net/device/driver")
    check "${net##*/} (${driver##*/}) reaches the gateway" net_works "${net##*/}"
done
check "$(expected nets 0) network cards to try" same cards "$(expected nets 0)" $nets

echo "1..$((passed + failed))"
echo "proof: $passed passed, $failed failed"
