/* The hypercalls that only x86 has, mostly PV's, and the page of stubs for guests to call. */
#include <hv/arch.h>
#include <hv/errno.h>
#include <hv/hypercall.h>
#include <hv/string.h>
#include <arch/debugreg.h>
#include <arch/fpu.h>
#include <arch/platform.h>
#include <xen/arch-x86/xen-mca.h>
#include <xen/features.h>

#include "internal.h"

static long call_set_trap_table(const uint64_t *a)
{
    return pv_set_trap_table(guest_ptr(a[0]));
}

static long call_mmu_update(const uint64_t *a)
{
    return pv_mmu_update(guest_ptr(a[0]), (unsigned int)a[1], guest_ptr(a[2]), (unsigned int)a[3]);
}

static long call_set_gdt(const uint64_t *a)
{
    return pv_set_gdt(guest_ptr(a[0]), (unsigned int)a[1]);
}

static long call_stack_switch(const uint64_t *a)
{
    return pv_stack_switch(a[0], a[1]);
}

static long call_set_callbacks(const uint64_t *a)
{
    return pv_set_callbacks(a[0], a[1], a[2]);
}

static long call_fpu_taskswitch(const uint64_t *a)
{
    return do_fpu_taskswitch((int)a[0]);
}

static long call_platform_op(const uint64_t *a)
{
    return do_platform_op(guest_ptr(a[0]));
}

static long call_mca(const uint64_t *a)
{
    return do_mca(guest_ptr(a[0]));
}

static long call_set_debugreg(const uint64_t *a)
{
    return do_set_debugreg((int)a[0], a[1]);
}

static long call_get_debugreg(const uint64_t *a)
{
    return do_get_debugreg((int)a[0]);
}

static long call_update_descriptor(const uint64_t *a)
{
    return pv_update_descriptor(a[0], a[1]);
}

static long call_update_va_mapping(const uint64_t *a)
{
    return pv_update_va_mapping(a[0], a[1], a[2], DOMID_SELF);
}

static long call_update_va_mapping_otherdomain(const uint64_t *a)
{
    return pv_update_va_mapping(a[0], a[1], a[2], (domid_t)a[3]);
}

static long call_iret(const uint64_t *a)
{
    (void)a;
    return pv_iret();
}

static long call_set_segment_base(const uint64_t *a)
{
    return pv_set_segment_base((unsigned int)a[0], a[1]);
}

static long call_mmuext_op(const uint64_t *a)
{
    return pv_mmuext_op(guest_ptr(a[0]), (unsigned int)a[1], guest_ptr(a[2]), (unsigned int)a[3]);
}

static long call_nmi_op(const uint64_t *a)
{
    return pv_nmi_op((unsigned int)a[0], guest_ptr(a[1]));
}

static long call_callback_op(const uint64_t *a)
{
    return pv_callback_op((int)a[0], guest_ptr(a[1]));
}

/* clang-format off */
#define CALL(op, args, may) [__HYPERVISOR_##op] = { .name = #op, .fn = call_##op, .nargs = (args), .who = (may) }
const struct hypercall arch_hypercalls[NR_HYPERCALLS] = {
    CALL(set_trap_table,                1, HYPERCALL_PV),
    CALL(mmu_update,                    4, HYPERCALL_PV),
    CALL(set_gdt,                       2, HYPERCALL_PV),
    CALL(stack_switch,                  2, HYPERCALL_PV),
    CALL(set_callbacks,                 3, HYPERCALL_PV),
    CALL(fpu_taskswitch,                1, HYPERCALL_PV),
    CALL(platform_op,                   1, HYPERCALL_ALL),
    CALL(mca,                           1, HYPERCALL_ALL),
    CALL(set_debugreg,                  2, HYPERCALL_PV),
    CALL(get_debugreg,                  1, HYPERCALL_PV),
    CALL(update_descriptor,             2, HYPERCALL_PV),
    CALL(update_va_mapping,             3, HYPERCALL_PV),
    CALL(update_va_mapping_otherdomain, 4, HYPERCALL_PV),
    CALL(iret,                          0, HYPERCALL_PV | HYPERCALL_NO_MULTICALL),
    CALL(set_segment_base,              2, HYPERCALL_PV),
    CALL(mmuext_op,                     4, HYPERCALL_PV),
    CALL(nmi_op,                        2, HYPERCALL_PV),
    CALL(callback_op,                   2, HYPERCALL_ALL),
};
#undef CALL
/* clang-format on */

void arch_hypercall_continue(unsigned int op, unsigned int nargs, const uint64_t *args)
{
    struct regs *r = guest_regs();

    for (unsigned int i = 0; i < nargs; i++)
        r->args[i] = args[i];
    r->rax = op;
    r->rip -= 2; /* back onto the SYSCALL instruction */
}

/* 32 bytes a call. SYSCALL eats RCX and R11, so the stubs keep them on the guest's stack; IRET's
 * frame is completed there and never comes back. */
void pv_hypercall_page(void *page)
{
    /* push %rcx; push %r11; mov $nr, %eax; syscall; pop %r11; pop %rcx; ret */
    static const uint8_t call[] = { 0x51, 0x41, 0x53, 0xb8, 0,    0,    0,
                                    0,    0x0f, 0x05, 0x41, 0x5b, 0x59, 0xc3 };
    /* push %rcx; push %r11; push %rax; mov $nr, %eax; syscall */
    static const uint8_t iret[] = { 0x51, 0x41, 0x53, 0x50, 0xb8, __HYPERVISOR_iret,
                                    0,    0,    0,    0x0f, 0x05 };

    memset(page, 0xcc, PAGE_SIZE);
    for (unsigned int nr = 0; nr < PAGE_SIZE / 32; nr++) {
        uint8_t *stub = (uint8_t *)page + nr * 32;

        memcpy(stub, call, sizeof(call));
        stub[4] = (uint8_t)nr;
    }
    memcpy((uint8_t *)page + __HYPERVISOR_iret * 32, iret, sizeof(iret));
}

static uint32_t features(const struct domain *d)
{
    (void)d;
    return 1U << XENFEAT_mmu_pt_update_preserve_ad | 1U << XENFEAT_gnttab_map_avail_bits |
           1U << XENFEAT_not_direct_mapped;
}

const struct arch_abi arch_abi = {
    .capabilities = "xen-3.0-x86_64 ",
    .virt_start = HV_VIRT_START,
    /* Nothing is to be done for the first two: 64-bit segments have no limits. */
    .vm_assist_all = 1UL << VMASST_TYPE_4gb_segments | 1UL << VMASST_TYPE_4gb_segments_notify |
                     1UL << VMASST_TYPE_writable_pagetables | 1UL << VMASST_TYPE_pae_extended_cr3 |
                     1UL << VMASST_TYPE_runstate_update_flag |
                     1UL << VMASST_TYPE_m2p_strict, /* as show_m2p() always has it */
    .features = features,
};
