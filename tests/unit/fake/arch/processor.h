/* Unit tests: x86's own constants and what user code may execute; ports and MSRs are those of the
 * test that links code which uses them. */
#ifndef FAKE_ARCH_PROCESSOR_H
#define FAKE_ARCH_PROCESSOR_H

#include <stdint.h>

#if defined(__x86_64__)
#define inb       cpu_inb
#define inw       cpu_inw
#define inl       cpu_inl
#define outb      cpu_outb
#define outw      cpu_outw
#define outl      cpu_outl
#define rdmsr     cpu_rdmsr
#define wrmsr     cpu_wrmsr
#define write_cr3 cpu_write_cr3
#include "../../../../hypervisor/x86/include/arch/processor.h"
#undef inb
#undef inw
#undef inl
#undef outb
#undef outw
#undef outl
#undef rdmsr
#undef wrmsr
#undef write_cr3
#else
static inline void cpu_relax(void)
{
}
#endif

uint8_t inb(uint16_t port);
uint16_t inw(uint16_t port);
uint32_t inl(uint16_t port);
void outb(uint16_t port, uint8_t value);
void outw(uint16_t port, uint16_t value);
void outl(uint16_t port, uint32_t value);
uint64_t rdmsr(uint32_t msr);
void wrmsr(uint32_t msr, uint64_t value);
void write_cr3(uint64_t value);

#endif
