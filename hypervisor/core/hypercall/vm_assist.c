/*
 * HYPERVISOR_vm_assist: a domain switches help for its kernel on and off. Who acts on a bit reads
 * d->vm_assist; the architecture says which bits there are.
 */
#include "internal.h"

#include <hv/arch.h>
#include <hv/errno.h>
#include <hv/sched.h>

long do_vm_assist(unsigned int cmd, unsigned int type)
{
    struct domain *d = current->domain;

    if (type >= BITS_PER_LONG || !(arch_abi.vm_assist_all & BIT(type)))
        return -EINVAL;
    switch (cmd) {
    case VMASST_CMD_enable:
        set_bit_atomic(type, &d->vm_assist);
        return 0;
    case VMASST_CMD_disable:
        clear_bit_atomic(type, &d->vm_assist);
        return 0;
    default:
        return -ENOSYS;
    }
}
