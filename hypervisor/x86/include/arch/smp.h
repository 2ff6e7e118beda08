/* CPUs: their numbers, APIC IDs and bring-up. The calls between them are in hv/smp.h. */
#ifndef ARCH_SMP_H
#define ARCH_SMP_H

#include <hv/smp.h>
#include <hv/cpumask.h>

extern uint32_t cpu_apic_id[NR_CPUS];
extern uint32_t cpu_acpi_uid[NR_CPUS];

/* Number the CPUs: the boot CPU is 0, the rest follow the MADT. Sets nr_cpus. */
void smp_number_cpus(void);
/* Can devices send interrupts to this CPU? */
bool cpu_takes_device_irqs(unsigned int cpu);
/* Start a CPU that has its area and idle vCPU; -ETIMEDOUT if it does not come. */
must_check int cpu_boot(unsigned int cpu);
/* Calls to CPUs that are not online by now are done. Interrupts on. */
void smp_call_barrier(void);
/* C entry of a secondary CPU, on its own stack, interrupts off. */
noreturn void secondary_start(unsigned int cpu);
/* Stop all other CPUs for good, without a report: before a power-off or a reset. */
void smp_halt_others(void);
/* An NMI arrived: was it ours (stop, or a request for a report)? May not return. */
struct regs;
bool smp_handle_nmi(struct regs *r);

#endif
