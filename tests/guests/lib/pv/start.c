/*
 * From the first C function of a PV guest to guest_main(): traps, shared info, memory, vCPUs.
 */
#include "pv.h"

void pv_start(struct start_info *info, uint64_t boot_rsp);

static char shared_info_page[PAGE_SIZE] __attribute__((aligned(4096)));
struct shared_info *shared_info = (struct shared_info *)shared_info_page;

const char *guest_command_line(void)
{
    return (const char *)start_info->cmd_line;
}

void guest_shutdown(unsigned int reason)
{
    struct sched_shutdown arg = { .reason = reason };

    guest_output_drain();
    sched_op(SCHEDOP_shutdown, &arg);
    for (;;)
        sched_op(SCHEDOP_yield, NULL);
}

void pv_start(struct start_info *info, uint64_t boot_rsp)
{
    start_info = info;
    traps_init();
    if (update_va((uint64_t)shared_info_page, info->shared_info | PTE_LEAF, UVMF_INVLPG))
        bail("cannot map the shared info page");
    vcpus_init();
    memory_init(boot_rsp);
    guest_main();
    finish();
}
