/* Nothing to do: wait for an interrupt. Called by the idle loop of core/sched. */
#include <hv/arch.h>

void arch_cpu_idle(void)
{
    /* STI takes effect after HLT: an interrupt between the caller's last look and here wakes us. */
    __asm__ volatile("sti; hlt" ::: "memory");
}
