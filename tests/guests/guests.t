#!/bin/bash
# Every microguest on one hypervisor, as TAP subtests, for prove(1):
#
#   HYPERVISOR=image [GUESTS=dir] [ONLY="name ..."] prove tests/guests/guests.t
#
# The table below is the whole specification of how a guest is run: folder, machine memory in MB,
# CPUs, dom0_mem, more hypervisor arguments, guest arguments, a regex that the console must show (with
# a "!" before it: the guest is to be crashed, with that line; with a "=": how many lines of its own
# the hypervisor may print at most). "name/variant" runs the guest "name".
# SECONDS_EACH is the time one guest may take (600), LOGS a folder that keeps the serial logs, and
# WHY=0 leaves the regexes of surviving guests out, for a hypervisor that says why in other words.
set -uf

top=$(cd "$(dirname "$0")/../.." && pwd)
hypervisor=${HYPERVISOR:-$top/build/hypervisor/x86_64/hospes}
guests=${GUESTS:-$top/build/guests/pv}
log_dir=${LOGS:-}

#  name                          | MB  | CPUs | dom0_mem    | hypervisor args           | guest args                 | console must show
table='
start                            | 512 | 1    | 64M         |                           | answer=42                  | microguest|dom0
memory                           | 512 | 1    | 64M,max:64M |                           |                            |
mmu                              | 512 | 1    | 64M         |                           |                            |
foreign                          | 512 | 1    | 64M         |                           |                            |
exceptions                       | 512 | 1    | 64M         |                           |                            |
events                           | 512 | 1    | 64M         |                           |                            |
shared-page                      | 512 | 1    | 64M         |                           |                            |
writable-pt                      | 512 | 1    | 64M         |                           |                            |
user-mode                        | 512 | 1    | 64M         |                           |                            |
multicall                        | 512 | 1    | 64M         |                           |                            |
timers                           | 512 | 1    | 64M         |                           |                            |
grants                           | 512 | 1    | 64M         |                           |                            |
console                          | 512 | 1    | 64M         |                           |                            | console says hello
sched                            | 512 | 1    | 64M         |                           |                            |
events-fifo                      | 512 | 1    | 64M         |                           |                            |
vcpus                            | 512 | 1    | 64M         | dom0_max_vcpus=2          |                            |
nmi                              | 512 | 1    | 64M         | dom0_max_vcpus=2          |                            |
privileged                       | 512 | 1    | 64M         |                           |                            |
segments                         | 512 | 1    | 64M         |                           |                            |
platform                         | 512 | 1    | 64M         |                           |                            |
fpu                              | 512 | 1    | 64M         | dom0_max_vcpus=2          |                            |
attack-writable-tables           | 512 | 1    | 64M         |                           |                            | may not map frame .* writable
attack-stale-tlb                 | 512 | 1    | 64M         |                           |                            | may not map frame .* writable
attack-stale-tlb/smp             | 512 | 2    | 64M         | dom0_max_vcpus=2          | vcpus=2                    |
attack-counts                    | 512 | 1    | 64M         |                           | tables=512                 |
attack-forged-entries            | 512 | 1    | 64M         |                           |                            | may not change the hypervisor.s slot
attack-hypervisor-memory         | 512 | 1    | 64M         |                           |                            |
attack-descriptors               | 512 | 1    | 64M         |                           |                            | descriptors it may not have
attack-pointers                  | 512 | 1    | 64M         |                           |                            |
attack-non-canonical             | 512 | 1    | 64M         | dom0_max_vcpus=2          |                            | which does not take it
attack-iret                      | 512 | 1    | 64M         |                           |                            |
attack-events                    | 512 | 1    | 64M         |                           |                            |
attack-console                   | 512 | 1    | 64M         | guest_loglvl=none/warning |                            | =400
attack-grants                    | 512 | 1    | 64M         |                           |                            | grant .* is refused
attack-foreign                   | 512 | 1    | 64M         |                           |                            |
attack-peers                     | 512 | 1    | 64M         |                           | peers=2                    | grant .* is refused
attack-peers/smp                 | 512 | 2    | 64M         | dom0_max_vcpus=3          | peers=0 vcpus=3            |
witness                          | 512 | 1    | 64M         |                           | rounds=10                  |
attack-random                    | 512 | 1    | 64M         | guest_loglvl=none/warning | calls=200000 seed=20150117 |
attack-random/smp                | 512 | 2    | 64M         | dom0_max_vcpus=2 guest_loglvl=none/warning | calls=40000 seed=7 vcpus=2  |
attack-crash/no-stack            | 512 | 1    | 64M         |                           | how=0                      | !([Dd]om(ain )?0|d0|hardware domain).* crashed
attack-crash/stack-in-hypervisor | 512 | 1    | 64M         |                           | how=1                      | !([Dd]om(ain )?0|d0|hardware domain).* crashed
attack-crash/stack-not-canonical | 512 | 1    | 64M         |                           | how=2                      | !([Dd]om(ain )?0|d0|hardware domain).* crashed
attack-crash/iret-without-frame  | 512 | 1    | 64M         |                           | how=3                      | !([Dd]om(ain )?0|d0|hardware domain).* crashed
attack-crash/no-handler          | 512 | 1    | 64M         |                           | how=4                      | !([Dd]om(ain )?0|d0|hardware domain).* crashed
attack-crash/handler-unmapped    | 512 | 1    | 64M         |                           | how=5                      | !([Dd]om(ain )?0|d0|hardware domain).* crashed
attack-crash/asks-for-it         | 512 | 1    | 64M         |                           | how=6                      | !([Dd]om(ain )?0|d0|hardware domain).* crashed
attack-crash/user-without-tables | 512 | 1    | 64M         |                           | how=7                      | !([Dd]om(ain )?0|d0|hardware domain).* crashed
'

[ -e "$hypervisor" ] || { echo "Bail out! There is no $hypervisor; build it first." && exit 2; }
plan=0 failed=0
while IFS='|' read -r name mem cpus dom0_mem hv_args guest_args regex; do
    name=$(echo $name)
    [ -n "$name" ] || continue
    [ -z "${ONLY:-}" ] || [[ " $ONLY " = *" $name "* ]] || continue
    regex=$(echo $regex)
    # shellcheck disable=SC2206 # splitting takes the table's blanks away
    options=(-t ${SECONDS_EACH:-600} -m $mem -c $cpus -d $dom0_mem -x "$(echo $hv_args)")
    case $regex in
    '') ;;
    =*) options+=(-w "${regex#=}") ;;
    !*) options+=(-k "${regex#!}") ;;
    *) [ "${WHY:-1}" = 0 ] || options+=(-e "$regex") ;;
    esac
    [ -z "$log_dir" ] || options+=(-l "$log_dir/${name/\//-}.log")
    plan=$((plan + 1))
    if "$top/tests/guests/run" "${options[@]}" "$hypervisor" "$guests/${name%/*}.elf" $guest_args |
        sed 's/^/    /'; [ "${PIPESTATUS[0]}" = 0 ]; then
        echo "ok $plan - $name"
    else
        echo "not ok $plan - $name"
        failed=$((failed + 1))
    fi
done <<<"$table"
echo "1..$plan"
exit $((failed > 0))
