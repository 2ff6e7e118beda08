/*
 * Where the fault handlers bring in the emulator for PV guests: privileged instructions (#GP), the
 * forced CPUID (#UD) and stores to live page tables (#PF). Called for the current vCPU with its
 * registers, interrupts on, no lock held. Instruction bytes are read once; what follows works on
 * the copy. See docs/design/pv-emulation.md.
 */
#include <hv/errno.h>
#include <hv/guest_access.h>
#include <hv/string.h>
#include <arch/cpu_features.h>
#include <arch/processor.h>
#include <arch/pv.h>
#include <arch/segment.h>
#include "emulate.h"

#define VECTOR_DB    1
#define DR6_BS       0x4000UL /* single step */
#define MAX_RACES    16
#define LAR_LONG     (1U << 21)
#define LAR_DEFAULT  (1U << 22) /* D: 32-bit */
#define SELECTOR_LDT 4U

/* Is this code segment 64-bit, or 32-bit and flat? Other ones are not emulated for. */
static bool code_segment_mode(uint16_t cs, bool *long_mode)
{
    struct packed {
        uint16_t limit;
        uint64_t base;
    } gdtr;
    uint64_t descriptor;
    uint32_t rights;
    bool valid;

    *long_mode = true;
    if (cs == FLAT_RING3_CS64)
        return true;
    __asm__("lar %2, %0" : "=r"(rights), "=@ccz"(valid) : "r"((uint32_t)cs));
    if (!valid)
        return false;
    if (rights & LAR_LONG)
        return true;
    *long_mode = false;
    if (!(rights & LAR_DEFAULT) || cs & SELECTOR_LDT)
        return false;
    /* LAR said that it is within the limit and present, so our mapping of it is. */
    __asm__ volatile("sgdt %0" : "=m"(gdtr));
    descriptor = READ_ONCE(*(const uint64_t *)(uintptr_t)(gdtr.base + (cs & ~7U)));
    return (descriptor >> 16 & 0xffffff) == 0 && descriptor >> 56 == 0;
}

bool pv_fetch(const struct regs *r, struct insn *i)
{
    uint8_t bytes[INSN_MAX_LEN];
    uint64_t in_page = PAGE_SIZE - (r->rip & ~PAGE_MASK);
    unsigned int first = in_page < sizeof(bytes) ? (unsigned int)in_page : sizeof(bytes);
    bool long_mode;
    int rc;

    if (!code_segment_mode((uint16_t)r->cs, &long_mode))
        return false;
    if (copy_from_guest(bytes, guest_ptr(r->rip), first))
        return false;
    rc = insn_decode(i, bytes, first, long_mode);
    if (rc != -ENODATA)
        return !rc;
    if (first == sizeof(bytes) ||
        copy_from_guest(bytes + first, guest_ptr(r->rip + first), sizeof(bytes) - first))
        return false;
    return !insn_decode(i, bytes, sizeof(bytes), long_mode);
}

void pv_retire(struct vcpu *v, struct regs *r, unsigned int len)
{
    r->rip += len;
    r->rflags &= ~EFLAGS_RF;
    if (r->rflags & EFLAGS_TF) {
        v->arch->pv.dr[6] |= DR6_BS;
        pv_inject_fault(VECTOR_DB, 0);
    }
}

uint64_t pv_segment_base(void *context, enum insn_segment segment)
{
    (void)context;
    return segment == INSN_SEG_FS ? read_fs_base() : read_gs_base();
}

static bool finish(struct vcpu *v, struct regs *r, enum outcome outcome, unsigned int len)
{
    if (outcome == RETIRE)
        pv_retire(v, r, len);
    return outcome != NOT_OURS;
}

bool pv_emulate_privileged(struct regs *r)
{
    struct vcpu *v = current;
    struct insn i;

    return pv_fetch(r, &i) && finish(v, r, pv_execute_privileged(v, r, &i), i.len);
}

bool pv_emulate_forced(struct regs *r)
{
    static const uint8_t sequence[] = { 0x0f, 0x0b, 'x', 'e', 'n', 0x0f, 0xa2 };
    uint8_t bytes[sizeof(sequence)];
    struct vcpu *v = current;

    if (copy_from_guest(bytes, guest_ptr(r->rip), sizeof(bytes)) ||
        memcmp(bytes, sequence, sizeof(sequence)) != 0)
        return false;
    return finish(v, r, pv_execute_cpuid(v, r), sizeof(sequence));
}

/* ---- stores to page tables ---- */

struct table_write {
    struct vcpu *v;
    uint64_t cr2; /* what the CPU faulted on: only this entry is written */
};

static int table_read(void *context, uint64_t va, unsigned int size, uint64_t *value)
{
    (void)context;
    *value = 0;
    return copy_from_guest(value, guest_ptr(va), size);
}

/* Replace `size` bytes at va, within the one entry. An entry is replaced as a whole, so a narrow
 * store is merged into what is there until nobody comes in between. */
static int table_update(struct table_write *w, uint64_t va, unsigned int size, uint64_t *expected,
                        uint64_t value)
{
    unsigned int shift = 8 * (unsigned int)(va & 7);
    uint64_t mask = ~0UL >> (64 - 8 * size) << shift;
    uint64_t entry = va & ~7UL, old, seen = 0;
    int rc;

    if ((va & 7) + size > 8 || entry != (w->cr2 & ~7UL))
        return -EINVAL;
    if (size == 8)
        return pv_pt_write(w->v, entry, 8, expected ? *expected : 0, value, expected != NULL,
                           expected ? expected : &seen);
    rc = copy_from_guest(&old, guest_ptr(entry), sizeof(old));
    for (unsigned int races = 0; !rc && races < MAX_RACES; races++) {
        if (expected && (old & mask) >> shift != *expected) {
            *expected = (old & mask) >> shift;
            return -EAGAIN;
        }
        rc = pv_pt_write(w->v, entry, 8, old, (old & ~mask) | value << shift, true, &seen);
        if (rc != -EAGAIN)
            return rc;
        old = seen;
        rc = 0;
    }
    return rc ? rc : -ERESTART;
}

static int table_store(void *context, uint64_t va, unsigned int size, uint64_t value)
{
    return table_update(context, va, size, NULL, value);
}

static int table_cmpxchg(void *context, uint64_t va, unsigned int size, uint64_t *old,
                         uint64_t value)
{
    return table_update(context, va, size, old, value);
}

static const struct insn_ops table_ops = {
    .segment_base = pv_segment_base,
    .read = table_read,
    .write = table_store,
    .cmpxchg = table_cmpxchg,
};

/* Device registers that the hypervisor keeps read-only: the store is dropped. */
static int drop_store(void *context, uint64_t va, unsigned int size, uint64_t value)
{
    struct table_write *w = context;

    (void)value;
    return va <= w->cr2 && w->cr2 - va < size ? 0 : -EINVAL;
}

static int drop_cmpxchg(void *context, uint64_t va, unsigned int size, uint64_t *old,
                        uint64_t value)
{
    (void)old;
    return drop_store(context, va, size, value);
}

static const struct insn_ops drop_ops = {
    .segment_base = pv_segment_base,
    .read = table_read,
    .write = drop_store,
    .cmpxchg = drop_cmpxchg,
};

static bool emulate_store(struct regs *r, uint64_t cr2, const struct insn_ops *ops)
{
    struct table_write w = { .v = current, .cr2 = cr2 };
    struct insn i;
    int rc;

    if (!w.v->arch->pv.kernel_mode || !pv_fetch(r, &i))
        return false;
    rc = insn_execute(&i, r, ops, &w);
    if (!rc)
        pv_retire(w.v, r, i.len);
    return !rc || rc == 1 || rc == -ERESTART;
}

bool pv_emulate_page_table_write(struct regs *r, uint64_t cr2)
{
    return emulate_store(r, cr2, &table_ops);
}

bool pv_emulate_readonly_write(struct regs *r, uint64_t cr2)
{
    return emulate_store(r, cr2, &drop_ops);
}
