/*
 * What each privileged instruction does for a PV guest: I/O, control and debug registers, MSRs,
 * CPUID, the rest. One table; a handler sees the decoded instruction, the registers, and its vCPU,
 * which is current. Order of checks as on a CPU: permission first, then operands.
 */
#include <hv/errno.h>
#include <hv/guest_access.h>
#include <hv/sched.h>
#include <xen/sched.h>
#include <arch/cpu_features.h>
#include <arch/debugreg.h>
#include <arch/fpu.h>
#include <arch/io.h>
#include <arch/page.h>
#include <arch/policy.h>
#include <arch/processor.h>
#include <arch/pv.h>
#include "emulate.h"

#define VECTOR_UD  6
#define VECTOR_GP  13
#define PFEC_WRITE 2U

#define MAX_STRING_BYTES 128 /* of INS and OUTS, between looks at what else is to be done */

/* CR4 bits that a guest chooses for itself, and those of ours that it sees. */
#define CR4_GUEST   (CR4_TSD | CR4_DE | CR4_FSGSBASE | CR4_OSXSAVE)
#define CR4_VISIBLE (CR4_PAE | CR4_MCE | CR4_OSFXSR | CR4_OSXMMEXCPT)

static enum outcome fault(unsigned int vector)
{
    pv_inject_fault(vector, 0);
    return FAULTED;
}

/* ---- I/O ---- */

static unsigned int io_size(const struct insn *i)
{
    return min(i->op_size, (uint8_t)4);
}

/* 0xe4-0xe7: the port in the instruction; 0xec-0xef: in DX. Bit 1: out. */
static enum outcome in_out(struct vcpu *v, struct regs *r, const struct insn *i)
{
    unsigned int port = i->opcode & 8 ? (uint16_t)r->rdx : (uint8_t)i->imm;
    unsigned int size = io_size(i);

    if (!pv_io_allowed(v, port, size))
        return NOT_OURS;
    if (i->opcode & 2)
        pv_io_write(v->domain, port, size, (uint32_t)insn_get_reg(i, r, 0, size));
    else
        insn_set_reg(i, r, 0, size, pv_io_read(v->domain, port, size));
    return RETIRE;
}

/* One burst of INS or OUTS, forward or a single unit backward. The memory is touched before the
 * device, so that a fault loses nothing. */
static enum outcome string_io(struct vcpu *v, struct regs *r, const struct insn *i)
{
    unsigned int port = (uint16_t)r->rdx, size = io_size(i), count = 1, done;
    bool out = i->opcode & 2;
    uint64_t mask = ~0UL >> (64 - 8 * i->addr_size), *pointer = out ? &r->rsi : &r->rdi;
    uint64_t va = *pointer & mask;
    uint8_t buffer[MAX_STRING_BYTES];

    if (!pv_io_allowed(v, port, size))
        return NOT_OURS;
    if (i->rep && !(r->rcx & mask))
        return RETIRE;
    if (i->rep && !(r->rflags & EFLAGS_DF))
        count = (unsigned int)min(r->rcx & mask, (uint64_t)(MAX_STRING_BYTES / size));
    if (out && i->segment != INSN_SEG_FLAT)
        va += pv_segment_base(NULL, (enum insn_segment)i->segment);
    while (out ? copy_from_guest(buffer, guest_ptr(va), (size_t)count * size)
               : clear_guest(guest_ptr(va), (size_t)count * size)) {
        if (count == 1) {
            pv_inject_page_fault(va, out ? 0 : PFEC_WRITE);
            return FAULTED;
        }
        count = 1;
    }
    for (done = 0; done < count; done++) {
        uint32_t value = 0;

        if (out) {
            __builtin_memcpy(&value, buffer + done * size, size);
            pv_io_write(v->domain, port, size, value);
        } else {
            value = pv_io_read(v->domain, port, size);
            __builtin_memcpy(buffer + done * size, &value, size);
        }
    }
    if (!out && copy_to_guest(guest_ptr(va), buffer, (size_t)count * size)) {
        pv_inject_page_fault(va, PFEC_WRITE); /* unmapped by another vCPU meanwhile */
        return FAULTED;
    }
    *pointer += r->rflags & EFLAGS_DF ? -(uint64_t)size : (uint64_t)count * size;
    *pointer &= mask;
    if (i->rep)
        r->rcx = (r->rcx & mask) - count;
    return i->rep && r->rcx ? AGAIN : RETIRE;
}

/* Event delivery has its own mask; the interrupt flag stays the hypervisor's. */
static enum outcome cli_sti(struct vcpu *v, struct regs *r, const struct insn *i)
{
    (void)r, (void)i;
    return pv_io_privileged(v) ? RETIRE : NOT_OURS;
}

/* ---- control registers ---- */

static uint64_t guest_cr0(const struct vcpu *v)
{
    return (read_cr0() & ~CR0_TS) | (v->arch->pv.cr0 & CR0_TS);
}

/* TS is the guest's; everything else is as it is. */
static enum outcome set_cr0(struct vcpu *v, uint64_t value)
{
    if ((value ^ guest_cr0(v)) & ~CR0_TS)
        return fault(VECTOR_GP);
    fpu_set_ts(v, value & CR0_TS);
    return RETIRE;
}

uint64_t pv_visible_cr4(const struct vcpu *v)
{
    return (v->arch->pv.cr4 & CR4_GUEST) | (host_cpu.cr4 & CR4_VISIBLE);
}

void pv_set_cr4(struct vcpu *v, uint64_t value)
{
    const struct cpu_policy *p = v->domain->arch->policy;

    if (!policy_has(p, X86_FSGSBASE))
        value &= ~CR4_FSGSBASE;
    if (!policy_has(p, X86_XSAVE))
        value &= ~CR4_OSXSAVE;
    v->arch->pv.cr4 = value & CR4_GUEST;
}

uint64_t pv_real_cr4(const struct vcpu *v)
{
    return (host_cpu.cr4 & ~(CR4_TSD | CR4_DE)) | (v->arch->pv.cr4 & (CR4_TSD | CR4_DE)) |
           (v->domain->arch->tsc.emulated ? CR4_TSD : 0);
}

static enum outcome set_cr3(struct vcpu *v, uint64_t value)
{
    int rc = pv_new_base_pointer(v, mfn(value >> PAGE_SHIFT));

    if (rc == -ERESTART)
        return AGAIN;
    return rc ? fault(VECTOR_GP) : RETIRE;
}

static enum outcome mov_from_cr(struct vcpu *v, struct regs *r, const struct insn *i)
{
    uint64_t value;

    switch (i->reg) {
    case 0:
        value = guest_cr0(v);
        break;
    case 2:
        value = v->info->arch.cr2;
        break;
    case 3:
        value = mfn_to_paddr(v->arch->pv.guest_table).v;
        break;
    case 4:
        value = pv_visible_cr4(v);
        break;
    default:
        return NOT_OURS;
    }
    insn_set_reg(i, r, i->rm, 8, value);
    return RETIRE;
}

static enum outcome mov_to_cr(struct vcpu *v, struct regs *r, const struct insn *i)
{
    uint64_t value = insn_get_reg(i, r, i->rm, 8);

    switch (i->reg) {
    case 0:
        return set_cr0(v, value);
    case 2:
        v->info->arch.cr2 = value;
        return RETIRE;
    case 3:
        return set_cr3(v, value);
    case 4:
        pv_set_cr4(v, value);
        write_cr4(pv_real_cr4(v));
        return RETIRE;
    default:
        return NOT_OURS;
    }
}

static enum outcome clts(struct vcpu *v, struct regs *r, const struct insn *i)
{
    (void)r, (void)i;
    fpu_set_ts(v, false);
    return RETIRE;
}

static enum outcome mov_from_dr(struct vcpu *v, struct regs *r, const struct insn *i)
{
    uint64_t value;

    if (debugreg_get(v, i->reg, &value))
        return fault(VECTOR_UD);
    insn_set_reg(i, r, i->rm, 8, value);
    return RETIRE;
}

static enum outcome mov_to_dr(struct vcpu *v, struct regs *r, const struct insn *i)
{
    switch (debugreg_set(v, i->reg, insn_get_reg(i, r, i->rm, 8))) {
    case 0:
        return RETIRE;
    case -ENODEV:
        return fault(VECTOR_UD);
    default:
        return fault(VECTOR_GP);
    }
}

/* ---- MSRs, time, CPUID ---- */

static enum outcome do_rdmsr(struct vcpu *v, struct regs *r, const struct insn *i)
{
    uint64_t value;

    (void)i;
    if (guest_rdmsr(v, (uint32_t)r->rcx, &value))
        return fault(VECTOR_GP);
    r->rax = (uint32_t)value;
    r->rdx = value >> 32;
    return RETIRE;
}

static enum outcome do_wrmsr(struct vcpu *v, struct regs *r, const struct insn *i)
{
    (void)i;
    if (guest_wrmsr(v, (uint32_t)r->rcx, r->rdx << 32 | (uint32_t)r->rax))
        return fault(VECTOR_GP);
    return RETIRE;
}

/* Traps where the guest set CR4.TSD, which does not bind its kernel, or its counter is emulated. */
static enum outcome do_rdtsc(struct vcpu *v, struct regs *r, const struct insn *i)
{
    uint64_t value;

    (void)i;
    if (!v->arch->pv.kernel_mode && v->arch->pv.cr4 & CR4_TSD)
        return NOT_OURS;
    value = guest_tsc_read(v->domain);
    r->rax = (uint32_t)value;
    r->rdx = value >> 32;
    return RETIRE;
}

enum outcome pv_execute_cpuid(struct vcpu *v, struct regs *r)
{
    struct cpuid_regs out;

    if (!v->arch->pv.kernel_mode && v->arch->misc_features & MISC_FEATURES_CPUID_FAULTING)
        return fault(VECTOR_GP);
    guest_cpuid(v, (uint32_t)r->rax, (uint32_t)r->rcx, &out);
    r->rax = out.eax;
    r->rbx = out.ebx;
    r->rcx = out.ecx;
    r->rdx = out.edx;
    return RETIRE;
}

static enum outcome do_cpuid(struct vcpu *v, struct regs *r, const struct insn *i)
{
    (void)i;
    return pv_execute_cpuid(v, r);
}

/* ---- the rest ---- */

static enum outcome cache_flush(struct vcpu *v, struct regs *r, const struct insn *i)
{
    (void)r, (void)i;
    /* Who has no devices needs none, and would slow down everybody else. */
    if (v->domain->is_hardware)
        __asm__ volatile("wbinvd" ::: "memory");
    return RETIRE;
}

static enum outcome hlt(struct vcpu *v, struct regs *r, const struct insn *i)
{
    (void)v, (void)r, (void)i;
    return do_sched_op(SCHEDOP_block, guest_ptr(0)) ? NOT_OURS : RETIRE;
}

static const struct insn_ops address_only = { .segment_base = pv_segment_base };

static enum outcome smsw(const struct vcpu *v, struct regs *r, const struct insn *i)
{
    uint64_t cr0 = guest_cr0(v), va;

    if (!i->is_memory) {
        insn_set_reg(i, r, i->rm, i->op_size, cr0);
        return RETIRE;
    }
    va = insn_address(i, r, &address_only, NULL);
    if (copy_to_guest(guest_ptr(va), &cr0, 2)) {
        pv_inject_page_fault(va, PFEC_WRITE);
        return FAULTED;
    }
    return RETIRE;
}

static enum outcome lmsw(struct vcpu *v, struct regs *r, const struct insn *i)
{
    uint64_t va, value = 0;

    if (i->is_memory) {
        va = insn_address(i, r, &address_only, NULL);
        if (copy_from_guest(&value, guest_ptr(va), 2)) {
            pv_inject_page_fault(va, 0);
            return FAULTED;
        }
    } else {
        value = insn_get_reg(i, r, i->rm, 2);
    }
    /* MP, EM and TS change, PE can be set only. */
    return set_cr0(v, (guest_cr0(v) & ~0xeUL) | (value & 0xf));
}

/* 0f 01: the operation is in ModRM. */
static enum outcome group7(struct vcpu *v, struct regs *r, const struct insn *i)
{
    uint64_t va;

    if (i->modrm == 0xf9) { /* rdtscp */
        enum outcome outcome = do_rdtsc(v, r, i);

        if (outcome == RETIRE)
            r->rcx = v->arch->tsc_aux;
        return outcome;
    }
    if (!v->arch->pv.kernel_mode)
        return NOT_OURS;
    if (i->modrm == 0xd1) { /* xsetbv */
        if (!(v->arch->pv.cr4 & CR4_OSXSAVE))
            return fault(VECTOR_UD);
        return fpu_set_xcr0(v, (uint32_t)r->rcx, r->rdx << 32 | (uint32_t)r->rax) ? fault(VECTOR_GP)
                                                                                  : RETIRE;
    }
    switch (i->modrm >> 3 & 7) {
    case 4:
        return smsw(v, r, i);
    case 6:
        return lmsw(v, r, i);
    case 7:
        if (!i->is_memory)
            return NOT_OURS;
        va = insn_address(i, r, &address_only, NULL);
        if (is_canonical(va))
            tlb_flush_page_local(va);
        return RETIRE;
    default:
        return NOT_OURS;
    }
}

static const struct {
    uint16_t first, last;
    bool user; /* may come from the guest's user, too: the handler knows what it may */
    enum outcome (*fn)(struct vcpu *v, struct regs *r, const struct insn *i);
} table[] = {
    { 0xe4, 0xe7, true, in_out },         { 0xec, 0xef, true, in_out },
    { 0x6c, 0x6f, true, string_io },      { 0xfa, 0xfb, true, cli_sti },
    { 0xf4, 0xf4, false, hlt },           { 0x101, 0x101, true, group7 },
    { 0x106, 0x106, false, clts },        { 0x108, 0x109, false, cache_flush },
    { 0x120, 0x120, false, mov_from_cr }, { 0x121, 0x121, false, mov_from_dr },
    { 0x122, 0x122, false, mov_to_cr },   { 0x123, 0x123, false, mov_to_dr },
    { 0x130, 0x130, false, do_wrmsr },    { 0x131, 0x131, true, do_rdtsc },
    { 0x132, 0x132, false, do_rdmsr },    { 0x1a2, 0x1a2, true, do_cpuid },
};

enum outcome pv_execute_privileged(struct vcpu *v, struct regs *r, const struct insn *i)
{
    if (i->lock)
        return NOT_OURS;
    for (unsigned int n = 0; n < ARRAY_SIZE(table); n++)
        if (i->opcode >= table[n].first && i->opcode <= table[n].last)
            return table[n].user || v->arch->pv.kernel_mode ? table[n].fn(v, r, i) : NOT_OURS;
    return NOT_OURS;
}
