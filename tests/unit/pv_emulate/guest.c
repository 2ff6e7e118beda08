/* The guest and machine of guest.h: what pv/ and core would provide to the emulator. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include <hv/errno.h>
#include <hv/guest_access.h>
#include <hv/pci.h>
#include <hv/range_set.h>
#include <hv/sched.h>
#include <xen/sched.h>
#include <arch/cpu_features.h>
#include <arch/debugreg.h>
#include <arch/fpu.h>
#include <arch/page.h>
#include <arch/policy.h>
#include "guest.h"

static struct arch_domain arch_domain;
static struct arch_vcpu arch_vcpu;
static struct vcpu_info info;
struct domain guest_domain = { .arch = &arch_domain };
struct vcpu guest_vcpu = { .domain = &guest_domain, .arch = &arch_vcpu, .info = &info };
struct regs guest_state;
uint8_t guest_memory[GUEST_SIZE];
uint64_t guest_unmapped;
int injected;
uint64_t injected_cr2;
unsigned int table_races, table_writes;
int table_result;
bool table_was_cmpxchg;
uint32_t port_value, out_port, out_value, port_reads;
bool port_granted;
uint32_t pci_seen, pci_written;

struct host_cpu host_cpu;
static int ports_set;

void guest_reset(void)
{
    memset(&arch_domain, 0, sizeof(arch_domain));
    memset(&arch_vcpu, 0, sizeof(arch_vcpu));
    memset(&guest_state, 0, sizeof(guest_state));
    memset(guest_memory, 0, sizeof(guest_memory));
    arch_domain.io_ports = (struct range_set *)&ports_set;
    arch_vcpu.pv.kernel_mode = true;
    arch_vcpu.pv.iopl = 1;
    guest_domain.is_hardware = true;
    guest_state.cs = FLAT_RING3_CS64;
    guest_state.rflags = 0x202;
    guest_unmapped = 0;
    injected = -1;
    table_races = table_writes = 0;
    table_result = 0;
    port_value = out_port = out_value = port_reads = 0;
    port_granted = true;
    pci_seen = pci_written = 0;
}

void guest_code(uint64_t va, const void *bytes, unsigned int len)
{
    memcpy(guest_memory + (va - GUEST_BASE), bytes, len);
    guest_state.rip = va;
}

uint64_t *guest_entry(unsigned int n)
{
    return (uint64_t *)(guest_memory + (TABLE - GUEST_BASE)) + n;
}

uint64_t guest_tsc_read(struct domain *d)
{
    (void)d;
    return 0x5566778811223344;
}

struct vcpu *current_vcpu(void)
{
    return &guest_vcpu;
}

/* ---- memory ---- */

static uint8_t *reach(uint64_t va, size_t size)
{
    for (size_t n = 0; n < size; n++)
        if (va + n < GUEST_BASE || va + n >= GUEST_BASE + GUEST_SIZE ||
            ((va + n) & PAGE_MASK) == guest_unmapped)
            return NULL;
    return guest_memory + (va - GUEST_BASE);
}

int copy_from_guest(void *dst, guest_ptr_t src, size_t size)
{
    const uint8_t *p = reach(src.v, size);

    if (p)
        memcpy(dst, p, size);
    return p ? 0 : -EFAULT;
}

int copy_to_guest(guest_ptr_t dst, const void *src, size_t size)
{
    uint8_t *p = reach(dst.v, size);

    if (p)
        memcpy(p, src, size);
    return p ? 0 : -EFAULT;
}

int clear_guest(guest_ptr_t dst, size_t size)
{
    uint8_t *p = reach(dst.v, size);

    if (p)
        memset(p, 0, size);
    return p ? 0 : -EFAULT;
}

int pv_pt_write(struct vcpu *v, uint64_t va, unsigned int size, uint64_t old, uint64_t new,
                bool cmpxchg, uint64_t *seen)
{
    uint64_t *entry = guest_entry((unsigned int)(va - TABLE) / 8);

    assert_ptr_equal(v, &guest_vcpu);
    assert_int_equal(size, 8);
    assert_true(va >= TABLE && va % 8 == 0 && va < TABLE + PAGE_SIZE);
    table_was_cmpxchg = cmpxchg;
    if (table_result)
        return table_result;
    if (table_races) {
        table_races--;
        *entry ^= 0x60; /* a CPU sets accessed and dirty bits */
    }
    if (cmpxchg && *entry != old) {
        *seen = *entry;
        return -EAGAIN;
    }
    *entry = new;
    table_writes++;
    return 0;
}

/* ---- faults, and what the tests do not go into ---- */

void pv_inject_fault(unsigned int vector, uint32_t error)
{
    (void)error;
    injected = (int)vector;
}

void pv_inject_page_fault(uint64_t cr2, uint32_t error)
{
    (void)error;
    injected = 14;
    injected_cr2 = cr2;
}

int pv_new_base_pointer(struct vcpu *v, mfn_t table)
{
    (void)v, (void)table;
    return -EINVAL;
}

void tlb_flush_page_local(uint64_t va)
{
    (void)va;
}

int fpu_set_xcr0(struct vcpu *v, uint32_t index, uint64_t value)
{
    (void)v;
    return index || !(value & 1) ? -EINVAL : 0;
}

void fpu_set_ts(struct vcpu *v, bool set)
{
    v->arch->pv.cr0 = set ? CR0_TS : 0;
}

int debugreg_get(const struct vcpu *v, unsigned int reg, uint64_t *value)
{
    (void)v;
    *value = 0x1000 + reg;
    return reg > 7 ? -ENODEV : 0;
}

int debugreg_set(struct vcpu *v, unsigned int reg, uint64_t value)
{
    (void)v;
    return reg > 7 ? -ENODEV : value == 1 ? -EINVAL : 0;
}

int guest_rdmsr(struct vcpu *v, uint32_t msr, uint64_t *value)
{
    (void)v;
    *value = 0x123456789abcdef0;
    return msr == 0x10 ? 0 : -EINVAL;
}

int guest_wrmsr(struct vcpu *v, uint32_t msr, uint64_t value)
{
    (void)v;
    return msr == 0x10 && value == 0x1100000022 ? 0 : -EINVAL;
}

void guest_cpuid(const struct vcpu *v, uint32_t leaf, uint32_t subleaf, struct cpuid_regs *out)
{
    (void)v;
    *out = (struct cpuid_regs){ leaf, subleaf, 3, 4 };
}

long do_sched_op(int cmd, guest_ptr_t arg)
{
    return cmd == SCHEDOP_block && !arg.v ? 0 : -EINVAL;
}

uint64_t rdmsr(uint32_t msr)
{
    return msr == MSR_GS_BASE ? TABLE - 0x1000 : 0;
}

void wrmsr(uint32_t msr, uint64_t value)
{
    (void)msr, (void)value;
}

/* ---- the machine ---- */

bool range_set_contains(const struct range_set *s, uint64_t first, uint64_t last)
{
    assert_ptr_equal(s, &ports_set);
    return port_granted && !(first <= 0xcff && last >= 0xcf8) && !(first <= 0x71 && last >= 0x70);
}

uint8_t inb(uint16_t port)
{
    (void)port;
    port_reads++;
    return (uint8_t)port_value++;
}

uint16_t inw(uint16_t port)
{
    (void)port;
    port_reads++;
    return (uint16_t)port_value++;
}

uint32_t inl(uint16_t port)
{
    (void)port;
    port_reads++;
    return port_value++;
}

void outb(uint16_t port, uint8_t value)
{
    out_port = port;
    out_value = value;
}

void outw(uint16_t port, uint16_t value)
{
    out_port = port;
    out_value = value;
}

void outl(uint16_t port, uint32_t value)
{
    out_port = port;
    out_value = value;
}

static uint32_t pci_code(pci_sbdf_t dev, unsigned int reg, unsigned int size)
{
    assert_int_equal(dev.seg, 0);
    assert_int_equal(reg % size, 0);
    return (uint32_t)dev.bus << 24 | (uint32_t)dev.devfn << 16 | reg << 4 | size;
}

uint32_t pci_read(pci_sbdf_t dev, unsigned int reg, unsigned int size)
{
    pci_seen = pci_code(dev, reg, size);
    return 0x10u + reg;
}

void pci_write(pci_sbdf_t dev, unsigned int reg, unsigned int size, uint32_t value)
{
    pci_written = pci_code(dev, reg, size);
    out_value = value;
}
