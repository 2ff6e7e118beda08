/* Where a PV guest wants to be called: trap table, callbacks, kernel stack, segment bases. */
#include <hv/errno.h>
#include <hv/string.h>
#include <arch/irqflags.h>
#include <arch/extable.h>
#include <arch/page.h>
#include <arch/processor.h>
#include <arch/trap.h>
#include <xen/callback.h>
#include <xen/nmi.h>

#include "internal.h"

long pv_set_trap_table(guest_ptr_t table)
{
    struct trap_info *traps = current->arch->pv.traps;

    if (guest_ptr_is_null(table)) {
        memset(traps, 0, 256 * sizeof(*traps));
        return 0;
    }
    /* At most one entry for each vector makes sense; a longer list has lost its end. */
    for (unsigned int i = 0; i < 257; i++) {
        struct trap_info t;

        if (copy_from_guest(&t, guest_ptr_add(table, i * sizeof(t)), sizeof(t)))
            return -EFAULT;
        if (t.address == 0)
            return 0;
        if (!is_canonical(t.address))
            return -EINVAL;
        traps[t.vector] = t;
    }
    return -EINVAL;
}

long pv_set_callbacks(uint64_t event, uint64_t failsafe, uint64_t syscall)
{
    struct pv_vcpu *pv = &current->arch->pv;

    if (!is_canonical(event) || !is_canonical(failsafe) || !is_canonical(syscall))
        return -EINVAL;
    pv->event.address = event;
    pv->failsafe.address = failsafe;
    pv->syscall.address = syscall;
    return 0;
}

static struct pv_callback *find_callback(struct pv_vcpu *pv, unsigned int type)
{
    switch (type) {
    case CALLBACKTYPE_event:
        return &pv->event;
    case CALLBACKTYPE_failsafe:
        return &pv->failsafe;
    case CALLBACKTYPE_syscall:
        return &pv->syscall;
    case CALLBACKTYPE_syscall32:
        return &pv->syscall32;
    case CALLBACKTYPE_sysenter:
    case CALLBACKTYPE_sysenter_deprecated:
        return &pv->sysenter;
    default:
        return NULL;
    }
}

/* The handler of NMIs is the one of the trap table's entry. Events are masked while it runs. */
static long set_nmi_handler(uint64_t address)
{
    struct trap_info *t = &current->arch->pv.traps[TRAP_NMI];

    if (!is_canonical(address))
        return -EINVAL;
    *t = (struct trap_info){ .vector = TRAP_NMI, .cs = GUEST_CS64, .address = address };
    TI_SET_IF(t, 1);
    return 0;
}

static long drop_nmi_handler(void)
{
    current->arch->pv.traps[TRAP_NMI] = (struct trap_info){ .vector = TRAP_NMI };
    return 0;
}

long pv_nmi_op(unsigned int cmd, guest_ptr_t arg)
{
    struct xennmi_callback callback;

    switch (cmd) {
    case XENNMI_register_callback:
        if (copy_from_guest(&callback, arg, sizeof(callback)))
            return -EFAULT;
        return set_nmi_handler(callback.handler_address);
    case XENNMI_unregister_callback:
        return drop_nmi_handler();
    default:
        return -ENOSYS;
    }
}

long pv_callback_op(int cmd, guest_ptr_t arg)
{
    struct callback_register reg;
    struct callback_unregister unreg;
    struct pv_callback *cb;

    switch (cmd) {
    case CALLBACKOP_register:
        if (copy_from_guest(&reg, arg, sizeof(reg)))
            return -EFAULT;
        if (reg.type == CALLBACKTYPE_nmi)
            return set_nmi_handler(reg.address);
        cb = find_callback(&current->arch->pv, reg.type);
        if (!cb)
            return -ENOSYS;
        if (!is_canonical(reg.address))
            return -EINVAL;
        *cb = (struct pv_callback){ .address = reg.address,
                                    .mask_events = reg.flags & CALLBACKF_mask_events };
        return 0;
    case CALLBACKOP_unregister:
        if (copy_from_guest(&unreg, arg, sizeof(unreg)))
            return -EFAULT;
        switch (unreg.type) {
        case CALLBACKTYPE_event:
        case CALLBACKTYPE_failsafe:
        case CALLBACKTYPE_syscall:
        case CALLBACKTYPE_sysenter:
        case CALLBACKTYPE_syscall32:
            return -EINVAL; /* a guest cannot do without */
        case CALLBACKTYPE_nmi:
            return drop_nmi_handler();
        default:
            return -ENOSYS;
        }
    default:
        return -ENOSYS;
    }
}

long pv_stack_switch(uint64_t ss, uint64_t sp)
{
    struct pv_vcpu *pv = &current->arch->pv;

    pv->kernel_ss = (ss & 0xffff) | 3;
    pv->kernel_sp = sp;
    return 0;
}

/* Load GS for the guest's user: the base comes from the descriptor. A bad selector loads null. */
static void load_user_gs(uint16_t selector)
{
    __asm__ volatile("swapgs\n\t"
                     "1: mov %w0, %%gs\n\t"
                     "jmp 3f\n"
                     "2: xor %k0, %k0\n\t"
                     "mov %w0, %%gs\n"
                     "3: swapgs\n\t" EXTABLE(1b, 2b)
                     : "+r"(selector)::"memory");
}

long pv_set_segment_base(unsigned int which, uint64_t base)
{
    switch (which) {
    case SEGBASE_FS:
    case SEGBASE_GS_USER:
    case SEGBASE_GS_KERNEL:
        if (!is_canonical(base))
            return -EINVAL;
        /* Only the guest's kernel makes hypercalls: its GS base is the active one. */
        wrmsr(which == SEGBASE_FS        ? MSR_FS_BASE
              : which == SEGBASE_GS_USER ? MSR_KERNEL_GS_BASE
                                         : MSR_GS_BASE,
              base);
        return 0;
    case SEGBASE_GS_USER_SEL: {
        unsigned long flags = irq_save();

        load_user_gs((uint16_t)base);
        irq_restore(flags);
        return 0;
    }
    default:
        return -EINVAL;
    }
}
