/* Unit tests: nothing to relax; ports are those of the test that links code which uses them. */
#ifndef ARCH_PROCESSOR_H
#define ARCH_PROCESSOR_H

#include <stdint.h>

static inline void cpu_relax(void)
{
}

uint8_t inb(uint16_t port);
uint16_t inw(uint16_t port);
uint32_t inl(uint16_t port);
void outb(uint16_t port, uint8_t value);
void outw(uint16_t port, uint16_t value);
void outl(uint16_t port, uint32_t value);

#endif
