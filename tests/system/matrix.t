#!/bin/bash
# matrix.t: the proof on CPU models, CPU counts, memory sizes, emulators, ways to boot and kernels.
#
# A few combinations in which every value appears; all of them with HOSPES_MATRIX=full (an hour).
# dom0 has few vCPUs, even on many CPUs: an emulator makes them wait for one another.
# shellcheck source=tests/system/lib.bash
. "$(dirname "$0")/lib.bash"

# row CPU CPUS VCPUS MEMORY(GiB) QEMU BOOT(direct|iso) KERNEL MACHINE
row() {
    local options=(--cpu "$1" --smp "$2" --mem "$4G" --qemu "$5" --kernel "$7" --machine "$8"
        --hvargs "dom0_mem=512M dom0_max_vcpus=$3" --append "expect_vcpus=$3 expect_mem=512")
    [ "$6" = direct ] || options+=(--iso)
    HOSPES_TIMEOUT=$((300 + 300 * $3)) proves "$*" "${options[@]}" --disk nvme --net virtio
}

if [ "${HOSPES_MATRIX:-}" = full ]; then
    memory=(1 2 4 8 16)
    for qemu in 10 system; do
        for cpu in qemu64 EPYC max; do
            for cpus in 1 2 4; do
                for boot in direct iso; do
                    row $cpu $cpus $((cpus < 2 ? cpus : 2)) "${memory[count % 5]}" $qemu $boot vmlinuz q35
                    row $cpu $cpus 1 "${memory[count % 5]}" $qemu $boot vmlinux pc
                done
            done
        done
    done
else
    #   model  CPUs vCPUs GiB QEMU  boot   kernel  machine
    row qemu64  1   1     1  10     direct vmlinuz pc
    row EPYC    2   2     4  10     direct vmlinux q35
    row max     2   2     2  10     iso    vmlinuz q35
    row EPYC    1   1     8  system direct vmlinuz q35
    row qemu64  2   1     2  system iso    vmlinux pc
    row max     4   1     4  system direct vmlinux q35
    row EPYC    4   4     16 10     direct vmlinuz q35
fi

# Without dom0_mem, dom0 gets what the hypervisor does not need.
proves "dom0 has all of 2 GiB" --mem 2G --kernel vmlinux --append "expect_mem=1880-2048"
finish
