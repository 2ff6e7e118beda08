/*
 * Every hypercall number with every operation and every kind of pointer that must not be followed.
 * What comes back does not matter, that it comes back does; the console and the guest still work.
 */
#include "pv.h"

static void nothing(unsigned int port)
{
    (void)port;
}

/* What would end or stop this guest if it were made as asked. */
static bool harmful(unsigned int nr, unsigned long op)
{
    switch (nr) {
    case __HYPERVISOR_iret:
    case __HYPERVISOR_kexec_op: /* who may load a kernel may crash the machine with it */
        return true;
    case __HYPERVISOR_sched_op:
    case __HYPERVISOR_sched_op_compat:
        return op == SCHEDOP_block || op == SCHEDOP_poll || op == SCHEDOP_shutdown ||
               op == SCHEDOP_shutdown_code;
    case __HYPERVISOR_vcpu_op:
        return op == VCPUOP_down;
    case __HYPERVISOR_memory_op:
        /* Their handle is part of what they point at: nothing new here, only slow. */
        return op > 63;
    default:
        return false;
    }
}

static void restore(void)
{
    static struct trap_info table[257];

    traps_fill(table);
    set_trap_table(table);
    callback_register(CALLBACKTYPE_event, 0, (uint64_t)upcall_stub);
    callback_register(CALLBACKTYPE_failsafe, 0, (uint64_t)failsafe_stub);
    callback_register(CALLBACKTYPE_syscall, CALLBACKF_mask_events, (uint64_t)syscall_stub);
    fpu_taskswitch(0);
    event_bind((unsigned int)event_bind_virq(VIRQ_TIMER, 0), nothing);
}

/* Numbers beyond the hypercall page. */
static long raw_hypercall(uint64_t number)
{
    long ret = (long)number;

    __asm__ volatile("syscall" : "+a"(ret) : : "rcx", "r11", "rdi", "rsi", "rdx", "memory");
    return ret;
}

void guest_main(void)
{
    void *read_only = alloc_page();
    unsigned long pointers[] = {
        0,
        8,
        0xdead000,
        HYPERVISOR_VIRT_START,
        MACH2PHYS_VIRT_END,
        0xffff830000000000,
        HYPERVISOR_VIRT_END - 4,
        0x7ffffffffffc,
        0x800000000000,
        0x8000000000000000,
        0xfffffffffffffffc,
        (unsigned long)read_only,
        (unsigned long)read_only + PAGE_SIZE - 4,
    };
    unsigned long made = 0;
    char text[16];

    page_protect(read_only, PTE_LEAF_RO);
    for (unsigned int nr = 0; nr < 64; nr++) {
        for (unsigned long op = 0; op < 70; op++) {
            if (harmful(nr, op))
                continue;
            for (unsigned int i = 0; i < ARRAY_SIZE(pointers); i++) {
                hypercall5(nr, op, pointers[i], 1, pointers[i], pointers[i]);
                hypercall5(nr, op, 1, pointers[i], DOMID_SELF, 0);
                made += 2;
            }
        }
        for (unsigned int i = 0; i < ARRAY_SIZE(pointers); i++) {
            if (harmful(nr, 0))
                continue;
            hypercall5(nr, pointers[i], 1, pointers[i], DOMID_SELF, pointers[i]);
            hypercall5(nr, pointers[i], 0xffffffff, pointers[i], DOMID_SELF, pointers[i]);
            made += 2;
        }
        restore();
    }
    print("\n"); /* some of them printed */
    ok(true, "%lu hypercalls came back", made);
    is(xen_version(XENVER_version, NULL), 4 << 16 | 17, "the hypervisor answers");
    is(xen_version(XENVER_extraversion, text), 0, "and writes where it may");
    is(raw_hypercall(64), -XEN_ENOSYS, "number 64 is ENOSYS");
    is(raw_hypercall(0x7fffffff), -XEN_ENOSYS, "so is a huge one");
    is(raw_hypercall(0xffffffff), -XEN_ENOSYS, "and a negative one");
}
