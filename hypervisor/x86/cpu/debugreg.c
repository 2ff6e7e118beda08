/*
 * Debug registers of PV guests (arch/debugreg.h). A vCPU's values are in pv.dr[]; they are in the
 * CPU too while it runs, if its DR7 enables any. What a guest may watch is its own memory: the
 * hypervisor must not be made to trap on its own, and I/O breakpoints are refused because the
 * hypervisor itself executes the guest's IN and OUT. Intel SDM volume 3B 17.2.
 */
#include <hv/errno.h>
#include <hv/printk.h>
#include <arch/debugreg.h>
#include <arch/domain.h>
#include <arch/page.h>
#include <arch/processor.h>

#define DR7_ENABLES 0xffUL
#define DR7_VALID   0xffff03ffUL /* without GD, and what must be 0 */
#define DR7_RW_IO   2UL
#define DR6_STATUS  0xe00fUL /* B0-3, BD, BS, BT */

static bool active(const struct vcpu *v)
{
    return v->arch->pv.dr[7] & DR7_ENABLES;
}

static void write_hw(unsigned int reg, uint64_t value)
{
    switch (reg) {
    case 0:
        __asm__ volatile("mov %0, %%db0" ::"r"(value));
        break;
    case 1:
        __asm__ volatile("mov %0, %%db1" ::"r"(value));
        break;
    case 2:
        __asm__ volatile("mov %0, %%db2" ::"r"(value));
        break;
    case 3:
        __asm__ volatile("mov %0, %%db3" ::"r"(value));
        break;
    case 6:
        __asm__ volatile("mov %0, %%db6" ::"r"(value));
        break;
    default:
        __asm__ volatile("mov %0, %%db7" ::"r"(value));
        break;
    }
}

static bool address_valid(uint64_t va)
{
    /* An 8-byte watch point must not reach into the hypervisor either. */
    return is_canonical(va) && (va >= HV_VIRT_END || va + 8 <= HV_VIRT_START);
}

/* The value that is kept for `reg` (0-3, 6, 7), or -EINVAL. */
static int check(unsigned int reg, uint64_t *value)
{
    if (reg < 4)
        return address_valid(*value) ? 0 : -EINVAL;
    if (*value >> 32)
        return -EINVAL;
    if (reg == 6) {
        *value = (*value & DR6_STATUS) | DR6_DEFAULT;
        return 0;
    }
    *value &= ~DR7_DEFAULT;
    for (unsigned int n = 0; n < 4; n++)
        if ((*value >> (16 + 4 * n) & 3) == DR7_RW_IO)
            return -EINVAL;
    if (*value & ~DR7_VALID)
        return -EINVAL;
    *value |= DR7_DEFAULT;
    return 0;
}

/* 4 and 5 are other names of 6 and 7, unless debugging extensions are on. */
static int resolve(const struct vcpu *v, unsigned int *reg)
{
    if (*reg > 7 || ((*reg == 4 || *reg == 5) && v->arch->pv.cr4 & CR4_DE))
        return -ENODEV;
    if (*reg == 4 || *reg == 5)
        *reg += 2;
    return 0;
}

int debugreg_get(const struct vcpu *v, unsigned int reg, uint64_t *value)
{
    int rc = resolve(v, &reg);

    if (rc)
        return rc;
    *value = v->arch->pv.dr[reg];
    if (reg == 6)
        *value |= DR6_DEFAULT;
    if (reg == 7)
        *value |= DR7_DEFAULT;
    return 0;
}

int debugreg_set(struct vcpu *v, unsigned int reg, uint64_t value)
{
    bool was_active = active(v);
    int rc = resolve(v, &reg);

    if (!rc)
        rc = check(reg, &value);
    if (rc)
        return rc;
    v->arch->pv.dr[reg] = value;
    if (was_active && !active(v))
        write_hw(7, DR7_DEFAULT);
    else if (was_active && reg != 6)
        write_hw(reg, value);
    else if (active(v))
        debugreg_restore(v);
    return 0;
}

/* The values kept for a whole set. */
static int check_all(const uint64_t dr[8], uint64_t checked[8])
{
    for (unsigned int reg = 0; reg < 8; reg++) {
        checked[reg] = dr[reg];
        if (reg == 4 || reg == 5)
            checked[reg] = 0;
        else if (check(reg, &checked[reg]))
            return -EINVAL;
    }
    return 0;
}

bool debugreg_context_valid(const uint64_t dr[8])
{
    uint64_t checked[8];

    return !check_all(dr, checked);
}

void debugreg_load_context(struct vcpu *v, const uint64_t dr[8])
{
    BUG_ON(check_all(dr, v->arch->pv.dr));
}

void debugreg_save(struct vcpu *prev)
{
    if (active(prev))
        write_hw(7, DR7_DEFAULT);
}

void debugreg_restore(const struct vcpu *next)
{
    const uint64_t *dr = next->arch->pv.dr;

    if (!active(next))
        return;
    for (unsigned int reg = 0; reg < 4; reg++)
        write_hw(reg, dr[reg]);
    write_hw(6, DR6_DEFAULT);
    write_hw(7, dr[7]);
}

void debugreg_note_trap(struct vcpu *v)
{
    uint64_t status;

    __asm__ volatile("mov %%db6, %0" : "=r"(status));
    write_hw(6, DR6_DEFAULT);
    v->arch->pv.dr[6] = DR6_DEFAULT | (v->arch->pv.dr[6] & DR6_STATUS) | (status & DR6_STATUS);
}

long do_set_debugreg(int reg, unsigned long value)
{
    return debugreg_set(current, (unsigned int)reg, value);
}

long do_get_debugreg(int reg)
{
    uint64_t value;

    return debugreg_get(current, (unsigned int)reg, &value) ? -EINVAL : (long)value;
}
