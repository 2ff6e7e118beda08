/*
 * Interrupt controllers: the CPU's local APIC (irq/lapic.c), the IO-APICs (irq/ioapic.c) and the
 * old 8259 pair (irq/i8259.c), which is only silenced.
 */
#ifndef ARCH_APIC_H
#define ARCH_APIC_H

#include <hv/types.h>

/* Physical destinations of IO-APIC entries and MSIs have 8 bits without interrupt remapping, and
 * the highest one is the broadcast. */
#define APIC_ID_MAX_EXTERNAL 254U
#define APIC_ID_NONE         0xffffffffU

/* ---- local APIC ---- */
void lapic_init(void);     /* boot CPU: choose xAPIC or x2APIC, map the registers */
void lapic_init_cpu(void); /* every CPU: masked LVTs, priority, error and spurious vectors */
uint32_t lapic_id(void);   /* of this CPU */
bool lapic_is_x2apic(void);
void lapic_eoi(void);
/* Did the vector now in service arrive as a level-triggered one? */
bool lapic_vector_level(unsigned int vector);
void lapic_error_interrupt(void);
/* Measure the timer against the TSC; boot CPU, after the TSC's own calibration. */
void lapic_timer_calibrate(void);

void lapic_send_ipi(uint32_t apic_id, unsigned int vector);
void lapic_send_nmi(uint32_t apic_id);
void lapic_send_init(uint32_t apic_id);
void lapic_send_startup(uint32_t apic_id, unsigned int page); /* page: 4 KiB units, below 1 MiB */

/* ---- IO-APICs: all functions with the line's irq_desc lock held, interrupts off ---- */
void ioapic_init(void); /* map them all, mask every entry */
unsigned int ioapic_nr_gsis(void);
bool ioapic_has_gsi(unsigned int gsi);
void ioapic_set_entry(unsigned int gsi, unsigned int vector, uint32_t apic_id, bool level,
                      bool active_low); /* and leave it masked */
void ioapic_mask(unsigned int gsi);
void ioapic_unmask(unsigned int gsi);
void ioapic_set_destination(unsigned int gsi, uint32_t apic_id);
/* Make it forget an interrupt in service whose EOI it will never see; line masked. */
void ioapic_clear_remote_irr(unsigned int gsi);
/* PHYSDEVOP_apic_read/write: an IO-APIC by physical address. -EINVAL: none there, or no such
 * register. */
must_check int ioapic_read_register(uint64_t base, uint32_t reg, uint32_t *value);
/* The GSI behind a redirection register and which half it is; -EINVAL if it is none. */
must_check int ioapic_register_gsi(uint64_t base, uint32_t reg, unsigned int *gsi, bool *high);
/* Is there an IO-APIC or the local APIC in this frame? */
bool apic_owns_frame(uint64_t frame);

/* ---- 8259 ---- */
void i8259_init(void); /* away from the exceptions, all lines masked */

#endif
