/*
 * Where a CPU is: an APIC ID is socket, core and thread numbers side by side, whose widths CPUID
 * tells (Intel SDM vol. 3, "Detecting Hardware Multi-threading Support and Topology"; AMD APM
 * vol. 3, leaves 0x8000_0008 and 0x8000_001e). Asked once, under LOCK_DOMCTL, on
 * whatever CPU the caller is: all are alike.
 */
#include <hv/acpi.h>
#include <hv/control.h>
#include <hv/mem.h>
#include <arch/cpu_features.h>
#include <arch/processor.h>
#include <arch/smp.h>

#define LEAF_TOPOLOGY  0xb
#define LEVEL_THREAD   1
#define LEVEL_CORE     2
#define LEAF_AMD_SIZES 0x80000008
#define LEAF_AMD_UNIT  0x8000001e
#define LEAF_CACHES    4

struct widths {
    unsigned int thread; /* bits */
    unsigned int socket; /* bits below the socket's number */
};

/* Bits that numbers below n take. */
static unsigned int width_of(unsigned int n)
{
    return n > 1 ? 32 - (unsigned int)__builtin_clz(n - 1) : 0;
}

/* Leaf 0xb: each level says how far to shift the ID for the number of the next level. */
static bool read_levels(struct widths *w)
{
    if (host_cpu.max_leaf < LEAF_TOPOLOGY || cpuid(LEAF_TOPOLOGY, 0).ebx == 0)
        return false;
    for (uint32_t level = 0; level < 2; level++) {
        struct cpuid_regs r = cpuid(LEAF_TOPOLOGY, level);
        unsigned int type = r.ecx >> 8 & 0xff;

        if (type == LEVEL_THREAD)
            w->thread = w->socket = r.eax & 0x1f;
        else if (type == LEVEL_CORE)
            w->socket = r.eax & 0x1f;
    }
    return true;
}

static void read_amd(struct widths *w)
{
    uint32_t sizes = cpuid(LEAF_AMD_SIZES, 0).ecx;

    w->socket = sizes >> 12 & 0xf;
    if (w->socket == 0)
        w->socket = width_of((sizes & 0xff) + 1);
    if (host_cpu.max_ext_leaf >= LEAF_AMD_UNIT && cpu_has(X86_TOPOEXT))
        w->thread = width_of((cpuid(LEAF_AMD_UNIT, 0).ebx >> 8 & 0xff) + 1);
}

static void read_legacy(struct widths *w)
{
    unsigned int threads = cpuid(1, 0).ebx >> 16 & 0xff, cores = 1;

    if (host_cpu.max_leaf >= LEAF_CACHES)
        cores = (cpuid(LEAF_CACHES, 0).eax >> 26) + 1;
    w->socket = width_of(threads);
    w->thread = w->socket - min(w->socket, width_of(cores));
}

static struct widths read_widths(void)
{
    struct widths w = { 0, 0 };

    if (!cpu_has(X86_HTT))
        return w; /* every CPU is a socket */
    if (!read_levels(&w)) {
        if (host_cpu.vendor == VENDOR_AMD && host_cpu.max_ext_leaf >= LEAF_AMD_SIZES)
            read_amd(&w);
        else
            read_legacy(&w);
    }
    w.socket = max(w.socket, w.thread);
    return w;
}

/* Proximity domains are node numbers where they are small enough, as for memory. */
static uint32_t node_of(uint32_t apic_id)
{
    for (unsigned int i = 0; i < acpi.nr_cpus; i++)
        if (acpi.cpu[i].apic_id == apic_id)
            return acpi.cpu[i].pxm < NR_NODES ? acpi.cpu[i].pxm : 0;
    return 0;
}

void arch_cpu_place(unsigned int cpu, struct cpu_place *out)
{
    static struct widths w;
    static bool known; /* CPUID is slow where we are a guest ourselves */
    uint32_t id = cpu_apic_id[cpu];

    if (!known) {
        w = read_widths();
        known = true;
    }
    out->socket = id >> w.socket;
    out->core = (id & ((1U << w.socket) - 1)) >> w.thread;
    out->node = node_of(id);
}
