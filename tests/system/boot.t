#!/bin/bash
# boot.t: Debian's own kernel is a working dom0 on a machine without virtualization.
# shellcheck source=tests/system/lib.bash
. "$(dirname "$0")/lib.bash"

proves "one CPU, all disks and cards" --cpu EPYC --smp 1 --hvargs dom0_mem=512M \
    --append "expect_vcpus=1 expect_mem=512" \
    --disk nvme --disk virtio --net virtio --net e1000 --net e1000e
finish
