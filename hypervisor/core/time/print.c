/* Debug key 't': what each CPU holds for the time. */
#include <hv/keyhandler.h>
#include <hv/printk.h>
#include <hv/smp.h>
#include <hv/time.h>

static void read_clock(void *arg)
{
    *(s_time_t *)arg = now();
}

/* A CPU's clock is read between two readings of this one's, so the difference can be told no
 * better than by how long that took. */
static void print_clocks(void)
{
    unsigned int cpu;

    printk_raw("System time %lld ns\n", (long long)now());
    for_each_online_cpu (cpu) {
        cpumask_t one = cpumask_of(cpu);
        s_time_t before = now(), there = 0, after;

        smp_call(&one, read_clock, &there);
        after = now();
        printk_raw("CPU %u: ahead by %lld ns, give or take %lld\n", cpu,
                   (long long)(there - before / 2 - after / 2), (long long)(after - before) / 2);
    }
}

KEY_HANDLER(clocks, 't', print_clocks, "compare the clocks of the CPUs");
