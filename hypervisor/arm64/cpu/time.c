/* The generic timer's counter, which runs from the machine's start at CNTFRQ_EL0 Hz. Arm ARM
 * (DDI 0487) D12. */
#include <hv/time.h>
#include <arch/processor.h>

static uint64_t counter(void)
{
    isb(); /* not read ahead of what comes before */
    return read_sysreg(cntpct_el0);
}

/* Firmware that left the frequency at 0 gives a clock that stands still. */
static s_time_t ticks_to_ns(uint64_t ticks)
{
    uint64_t hz = read_sysreg(cntfrq_el0);

    if (!hz)
        return 0;
    return (s_time_t)(ticks / hz * 1000000000 + ticks % hz * 1000000000 / hz);
}

s_time_t now(void)
{
    return ticks_to_ns(counter());
}

void delay_us(unsigned int us)
{
    uint64_t start = counter(), ticks = (uint64_t)us * read_sysreg(cntfrq_el0) / 1000000;

    while (counter() - start < ticks)
        cpu_relax();
}
