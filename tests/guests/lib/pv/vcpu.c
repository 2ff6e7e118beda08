/*
 * vCPUs of a PV guest. A vCPU knows itself by its stack: stacks are aligned to their size and begin
 * with the vCPU's number, which leaves FS and GS to the tests.
 */
#include "pv.h"

extern char boot_stack[], vcpu_entry[];
_Noreturn void vcpu_main(void (*fn)(void *), void *arg);

unsigned int vcpu_id(void)
{
    uint64_t rsp;

    __asm__("mov %%rsp, %0" : "=r"(rsp));
    return *(unsigned int *)((rsp - 1) & ~(STACK_SIZE - 1)) % MAX_GUEST_VCPUS;
}

struct vcpu_info *vcpu_info(void)
{
    return &shared_info->vcpu_info[vcpu_id()];
}

void vcpus_init(void)
{
    *(unsigned int *)boot_stack = 0;
}

void vcpu_main(void (*fn)(void *), void *arg)
{
    fn(arg);
    for (;;) /* whoever takes it up again finds nothing to do */
        vcpu_op(VCPUOP_down, vcpu_id(), NULL);
}

long vcpu_start(unsigned int vcpu, void (*fn)(void *), void *arg)
{
    static char *stacks[MAX_GUEST_VCPUS];
    unsigned int pages = (sizeof(struct vcpu_guest_context) + PAGE_SIZE - 1) / PAGE_SIZE;
    struct vcpu_guest_context *context = alloc_pages(pages);
    struct trap_info *table = alloc_pages(2);
    long ret;

    if (!stacks[vcpu])
        stacks[vcpu] = alloc_pages(STACK_SIZE / PAGE_SIZE);
    *(unsigned int *)stacks[vcpu] = vcpu;
    shared_info->vcpu_info[vcpu].evtchn_upcall_mask = 1;

    traps_fill(table);
    memcpy(context->trap_ctxt, table, sizeof(context->trap_ctxt));
    context->flags = VGCF_IN_KERNEL;
    context->user_regs.rip = (uint64_t)vcpu_entry;
    context->user_regs.rdi = (uint64_t)fn;
    context->user_regs.rsi = (uint64_t)arg;
    context->user_regs.rsp = (uint64_t)stacks[vcpu] + STACK_SIZE;
    context->user_regs.cs = FLAT_KERNEL_CS;
    context->user_regs.ss = FLAT_KERNEL_SS;
    context->kernel_ss = FLAT_KERNEL_SS;
    context->kernel_sp = context->user_regs.rsp;
    context->event_callback_eip = (uint64_t)upcall_stub;
    context->failsafe_callback_eip = (uint64_t)failsafe_stub;
    context->syscall_callback_eip = (uint64_t)syscall_stub;
    context->ctrlreg[3] = xen_pfn_to_cr3(root_mfn());

    ret = vcpu_op(VCPUOP_initialise, vcpu, context);
    return ret ? ret : vcpu_op(VCPUOP_up, vcpu, NULL);
}
