/*
 * Waiting for those who look at something without a lock: they do it with interrupts off, and a CPU
 * takes a call only with interrupts on.
 */
#include <hv/smp.h>

static void nothing(void *arg)
{
    (void)arg;
}

void smp_grace(void)
{
    smp_call(&cpu_online_mask, nothing, NULL);
}
