/*
 * Secondary CPUs, and calls between CPUs.
 *
 * The boot CPU starts the others one at a time with INIT and start-up IPIs; each comes through the
 * trampoline to secondary_start(). call_lock (LOCK_SMP_CALL) makes one cross-call at a time; it is
 * waited for with interrupts on, so two CPUs that call each other serve each other. Stopping and
 * reports go by NMI, since they must reach CPUs that are stuck. Intel SDM volume 3, "Multiple-
 * processor management".
 */
#include <hv/acpi.h>
#include <hv/arch.h>
#include <hv/boot.h>
#include <hv/cmdline.h>
#include <hv/errno.h>
#include <hv/keyhandler.h>
#include <hv/mem.h>
#include <hv/percpu.h>
#include <hv/printk.h>
#include <hv/sched.h>
#include <hv/smp.h>
#include <hv/spinlock.h>
#include <hv/string.h>
#include <hv/time.h>
#include <arch/apic.h>
#include <arch/cpu_features.h>
#include <arch/irq.h>
#include <arch/page.h>
#include <arch/regs.h>
#include <arch/smp.h>
#include <arch/time.h>
#include <arch/trap.h>

#define CPU_START_TIMEOUT_MS 2000
#define CALL_TIMEOUT         SECONDS(20)
#define NMI_TIMEOUT_MS       500

struct trampoline_params {
    uint64_t entry, stack;
    uint32_t cr3, efer, cr0, cpu;
    uint32_t far_protected;
    uint16_t far_protected_cs;
    uint32_t far_long;
    uint16_t far_long_cs;
    uint16_t gdt_limit;
    uint32_t gdt_base;
} packed;

extern char trampoline_start[], trampoline_params[], trampoline_end[];

uint32_t cpu_apic_id[NR_CPUS];
uint32_t cpu_acpi_uid[NR_CPUS];

static unsigned int option_maxcpus = NR_CPUS;
UINT_OPTION("maxcpus", option_maxcpus, "use at most this many CPUs");

/* ---- numbering ---- */

void init_text smp_number_cpus(void)
{
    uint32_t self = lapic_id();
    unsigned int count = 1;

    cpu_apic_id[0] = self;
    for (unsigned int i = 0; i < acpi.nr_cpus; i++) {
        const struct acpi_cpu *c = &acpi.cpu[i];

        if (!c->enabled)
            continue;
        if (c->apic_id == self) {
            cpu_acpi_uid[0] = c->acpi_uid;
            continue;
        }
        if (count == NR_CPUS || (!lapic_is_x2apic() && c->apic_id >= 0xff))
            continue;
        cpu_apic_id[count] = c->apic_id;
        cpu_acpi_uid[count++] = c->acpi_uid;
    }
    nr_cpus = max(1U, min(count, option_maxcpus));
}

/* ---- starting ---- */

static volatile unsigned int started; /* CPU that runs C code by now */

noreturn void secondary_start(unsigned int cpu)
{
    traps_init_cpu();
    cpu_init_features();
    lapic_init_cpu();
    started = cpu;
    tsc_sync_secondary();
    hospes_main_secondary(cpu);
}

static void prepare_trampoline(unsigned int cpu)
{
    char *page = mfn_to_virt(paddr_to_mfn(trampoline_phys));
    uint32_t base = (uint32_t)trampoline_phys.v;
    struct trampoline_params *p;

    BUG_ON((size_t)(trampoline_end - trampoline_start) > PAGE_SIZE);
    memcpy(page, trampoline_start, (size_t)(trampoline_end - trampoline_start));
    p = (struct trampoline_params *)(page + (trampoline_params - trampoline_start));
    p->entry = (uintptr_t)secondary_start;
    p->stack = cpu_area(cpu) + CPU_AREA_SIZE;
    p->cr3 = (uint32_t)idle_pagetable_phys;
    p->efer = (uint32_t)rdmsr(MSR_EFER) & ~(uint32_t)EFER_LMA;
    p->cr0 = (uint32_t)(read_cr0() & ~CR0_TS);
    p->cpu = cpu;
    p->far_protected += base;
    p->far_long += base;
    p->gdt_base += base;
    smp_wmb();
}

static bool wait_started(unsigned int cpu, unsigned int ms)
{
    for (s_time_t end = now() + MILLISECS(ms); now() < end;) {
        if (started == cpu)
            return true;
        cpu_relax();
    }
    return started == cpu;
}

int cpu_boot(unsigned int cpu)
{
    uint32_t id = cpu_apic_id[cpu];

    prepare_trampoline(cpu);
    tsc_sync_start();
    started = 0;
    lapic_send_init(id);
    /* Only CPUs before the P6 and the K8 need the 10 ms that the specification asks for. */
    delay_us(host_cpu.family < 6 ? 10000 : 10);
    lapic_send_startup(id, (unsigned int)(trampoline_phys.v >> PAGE_SHIFT));
    if (!wait_started(cpu, 10))
        lapic_send_startup(id, (unsigned int)(trampoline_phys.v >> PAGE_SHIFT));
    if (!wait_started(cpu, CPU_START_TIMEOUT_MS)) {
        /* It must not wander in later, when the trampoline is another's. */
        lapic_send_init(id);
        return -ETIMEDOUT;
    }
    tsc_sync_boot_cpu(cpu);
    for (s_time_t end = now() + MILLISECS(CPU_START_TIMEOUT_MS); now() < end;) {
        if (cpumask_test(cpu, &cpu_online_mask))
            return 0;
        cpu_relax();
    }
    lapic_send_init(id);
    return -ETIMEDOUT;
}

void init_text smp_boot_secondaries(void)
{
    unsigned int up = 1;

    for (unsigned int cpu = 1; cpu < nr_cpus; cpu++) {
        int rc = arch_cpu_up(cpu);

        if (rc) {
            printk(LOG_WARN, "CPU %u (APIC ID %u) does not start: error %d\n", cpu,
                   cpu_apic_id[cpu], rc);
        } else {
            sched_cpu_online(cpu);
            up++;
        }
    }
    printk(LOG_INFO, "%u of %u CPUs run\n", up, nr_cpus);
}

/* ---- IPIs and calls ---- */

void smp_send_ipi(unsigned int cpu, enum ipi ipi)
{
    static const uint8_t vector[NR_IPIS] = {
        [IPI_EVENT_CHECK] = VECTOR_EVENT_CHECK,
        [IPI_CALL] = VECTOR_CALL,
        [IPI_TLB_FLUSH] = VECTOR_TLB_FLUSH,
    };

    if (ipi == IPI_STOP)
        smp_halt_others();
    else
        lapic_send_ipi(cpu_apic_id[cpu], vector[ipi]);
}

void smp_send_ipi_mask(const cpumask_t *mask, enum ipi ipi)
{
    unsigned int cpu;

    for_each_cpu (cpu, mask)
        smp_send_ipi(cpu, ipi);
}

static spinlock_t call_lock = SPINLOCK_INIT(LOCK_SMP_CALL);
static struct {
    void (*fn)(void *);
    void *arg;
    cpumask_t pending;
} call; /* call_lock; a called CPU clears its bit when it is done */

void smp_call_interrupt(void)
{
    unsigned int cpu = smp_processor_id();

    if (!cpumask_test(cpu, &call.pending))
        return;
    call.fn(call.arg);
    cpumask_clear(cpu, &call.pending);
}

static void call_others(const cpumask_t *others, void (*fn)(void *), void *arg)
{
    cpumask_t online;
    s_time_t deadline;

    spin_lock(&call_lock);
    online = cpumask_and(others, &cpu_online_mask); /* one may have left since */
    call.fn = fn;
    call.arg = arg;
    smp_wmb();
    for (unsigned int i = 0; i < ARRAY_SIZE(online.bits); i++)
        __atomic_store_n(&call.pending.bits[i], online.bits[i], __ATOMIC_SEQ_CST);
    smp_send_ipi_mask(&online, IPI_CALL);
    deadline = now() + CALL_TIMEOUT;
    while (!cpumask_empty(&call.pending)) {
        if (now() > deadline)
            panic("CPU %u does not answer a call from CPU %u", cpumask_next(0, &call.pending),
                  smp_processor_id());
        cpu_relax();
    }
    spin_unlock(&call_lock);
}

void smp_call(const cpumask_t *mask, void (*fn)(void *), void *arg)
{
    unsigned int self = smp_processor_id();
    cpumask_t others = cpumask_and(mask, &cpu_online_mask);
    unsigned long flags;

    /* With interrupts off it could be called itself by one it waits for. */
    BUG_ON(!irq_enabled());
    cpumask_clear(self, &others);
    if (!cpumask_empty(&others))
        call_others(&others, fn, arg);
    if (cpumask_test(self, mask)) {
        flags = irq_save();
        fn(arg);
        irq_restore(flags);
    }
}

void smp_call_barrier(void)
{
    spin_lock(&call_lock);
    spin_unlock(&call_lock);
}

/* ---- by NMI: reports, and the end ---- */

enum nmi_request { NMI_NOTHING, NMI_REPORT, NMI_REPORT_AND_STOP, NMI_STOP };
static DEFINE_PER_CPU(unsigned int, nmi_request);

static noreturn void stop_here(void)
{
    for (;;)
        __asm__ volatile("cli; hlt");
}

bool smp_handle_nmi(struct regs *r)
{
    unsigned int request = READ_ONCE(this_cpu(nmi_request));

    if (request == NMI_NOTHING)
        return false;
    if (request != NMI_STOP) {
        struct regs *before = this_cpu(fatal_regs);

        printk_raw("CPU %u:\n", smp_processor_id());
        this_cpu(fatal_regs) = r;
        arch_dump_state();
        this_cpu(fatal_regs) = before;
    }
    __atomic_store_n(&this_cpu(nmi_request), NMI_NOTHING, __ATOMIC_SEQ_CST);
    if (request != NMI_REPORT)
        stop_here();
    return true;
}

/* One after the other, so that reports do not mix; a dead CPU costs its time-out. */
static void ask_others(enum nmi_request request)
{
    unsigned int cpu, self = smp_processor_id();

    for_each_online_cpu (cpu) {
        unsigned int ms = 0;

        if (cpu == self)
            continue;
        __atomic_store_n(&per_cpu(nmi_request, cpu), (unsigned int)request, __ATOMIC_SEQ_CST);
        lapic_send_nmi(cpu_apic_id[cpu]);
        while (READ_ONCE(per_cpu(nmi_request, cpu)) != NMI_NOTHING && ms++ < NMI_TIMEOUT_MS)
            delay_us(1000);
        if (READ_ONCE(per_cpu(nmi_request, cpu)) != NMI_NOTHING)
            printk_raw("CPU %u does not answer an NMI\n", cpu);
    }
}

static bool others_stopped;

void smp_stop_others(void)
{
    if (__atomic_exchange_n(&others_stopped, true, __ATOMIC_SEQ_CST))
        return;
    ask_others(NMI_REPORT_AND_STOP);
}

void smp_halt_others(void)
{
    if (__atomic_exchange_n(&others_stopped, true, __ATOMIC_SEQ_CST))
        return;
    ask_others(NMI_STOP);
}

static void print_all_cpus(void)
{
    printk_raw("CPU %u:\n", smp_processor_id());
    arch_dump_state();
    ask_others(NMI_REPORT);
}
KEY_HANDLER(registers, 'd', print_all_cpus, "print the registers of all CPUs");
