/*
 * The story of the boot. The architecture's first code brings the boot CPU to C on its own stack,
 * parses the command line, opens the console (console_init()), and calls hospes_main(), which never
 * returns: at its end the boot CPU idles, and dom0 runs.
 */
#include <hv/arch.h>
#include <hv/boot.h>
#include <hv/console.h>
#include <hv/cpumask.h>
#include <hv/mem.h>
#include <hv/percpu.h>
#include <hv/printk.h>
#include <hv/sched.h>
#include <hv/smp.h>
#include <hv/softirq.h>
#include <hv/timer.h>
#include <hv/version.h>

#ifdef NDEBUG
#define BUILD_KIND ""
#else
#define BUILD_KIND ", debug build"
#endif

cpumask_t cpu_online_mask = { { 1 } }; /* the boot CPU */
unsigned int nr_cpus = 1;

static void init_text print_banner(void)
{
    printk(LOG_INFO,
           "hospes " HOSPES_VERSION " (" __VERSION__ "), Xen %d.%d interfaces" BUILD_KIND "\n",
           XEN_ABI_MAJOR, XEN_ABI_MINOR);
    printk(LOG_INFO, "Started by %s: %s\n", boot_info.loader, boot_info.cmdline);
}

static void init_text print_memory_map(void)
{
    static const char *const names[] = {
        [MEM_RAM] = "RAM",      [MEM_RESERVED] = "reserved", [MEM_ACPI] = "ACPI tables",
        [MEM_NVS] = "ACPI NVS", [MEM_UNUSABLE] = "unusable", [MEM_PMEM] = "persistent"
    };
    uint64_t ram = 0;

    printk(LOG_INFO, "Memory map:\n");
    for (unsigned int i = 0; i < boot_info.nr_ranges; i++) {
        const struct mem_range *r = &boot_info.range[i];
        const char *name = r->type < ARRAY_SIZE(names) ? names[r->type] : NULL;

        printk(LOG_INFO, "  %016lx-%016lx %s\n", r->start, r->start + r->size - 1,
               name ? name : "unknown");
        if (r->type == MEM_RAM)
            ram += r->size;
    }
    printk(LOG_INFO, "%lu MiB of RAM.\n", ram >> 20);
}

static void init_text start_timers(void)
{
    timers_init_cpu(smp_processor_id());
}

static void init_text start_scheduler(void)
{
    int rc;

    sched_init();
    rc = sched_cpu_up(smp_processor_id());
    if (rc)
        panic("The boot CPU cannot schedule: error %d", rc);
    sched_cpu_online(smp_processor_id());
}

static void init_text start_dom0(void)
{
    int rc = arch_start_dom0();

    if (rc)
        panic("Dom0 cannot be started: error %d", rc);
    console_give_to_dom0();
}

static init_data const struct {
    const char *name;
    void (*fn)(void);
} steps[] = {
    { "banner", print_banner },
    { "memory map", print_memory_map },
    { "memory", arch_init_memory },
    { "traps", arch_init_traps },
    { "interrupts", arch_init_irq },
    { "time", arch_init_time },
    { "timers", start_timers },
    { "scheduler", start_scheduler },
    { "interrupts on", irq_enable },
    { "console input", console_init_late },
    { "other CPUs", smp_boot_secondaries },
    { "dom0", start_dom0 },
    { "memory watch", memory_watch },
};

/* Not start-up code: it gives that back. */
static noinline noreturn void enter_service(void)
{
    arch_init_late();
    softirq_raise(SOFTIRQ_SCHEDULE);
    arch_idle_entry();
}

void init_text hospes_main(void)
{
    for (unsigned int i = 0; i < ARRAY_SIZE(steps); i++) {
        printk(LOG_DEBUG, "Boot: %s\n", steps[i].name);
        steps[i].fn();
    }
    enter_service();
}

void hospes_main_secondary(unsigned int cpu)
{
    cpumask_set(cpu, &cpu_online_mask);
    timers_init_cpu(cpu);
    irq_enable();
    /* The first decision makes this CPU known as idle. */
    softirq_raise(SOFTIRQ_SCHEDULE);
    arch_idle_entry();
}
