/* Calling functions on other CPUs. */
#ifndef HV_SMP_H
#define HV_SMP_H

#include <hv/cpumask.h>

enum ipi { IPI_EVENT_CHECK, IPI_CALL, IPI_TLB_FLUSH, IPI_STOP, NR_IPIS };

/* arch: send; the target may be this CPU. */
void smp_send_ipi(unsigned int cpu, enum ipi ipi);
void smp_send_ipi_mask(const cpumask_t *mask, enum ipi ipi);
/* Run fn(arg) on every CPU of `mask` (this one included if in it) with interrupts off; returns when
 * all are done. Interrupts must be on. */
void smp_call(const cpumask_t *mask, void (*fn)(void *), void *arg);
void smp_call_interrupt(void);
/* What any CPU was doing with interrupts off when this was called is done. Interrupts on. */
void smp_grace(void);
/* Panic: stop all other CPUs (NMI), giving each the chance to report. */
void smp_stop_others(void);
/* Bring up every CPU that the firmware's tables list; prints how many came. */
void smp_boot_secondaries(void);

#endif
