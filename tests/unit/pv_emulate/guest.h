/* A guest of a few pages, a page table in the last one, and a machine with some ports. */
#ifndef GUEST_H
#define GUEST_H

#include <arch/domain.h>
#include <arch/pv.h>

#define GUEST_BASE 0x10000u
#define GUEST_SIZE 0x4000u
#define CODE       0x10000u
#define DATA       0x11000u
#define TABLE      0x13000u /* the page of 8-byte entries */

extern struct domain guest_domain;
extern struct vcpu guest_vcpu;
extern struct regs guest_state;
extern uint8_t guest_memory[GUEST_SIZE];
extern uint64_t guest_unmapped; /* a page that is not there; 0: none */

/* What was injected last: vector -1 nothing. */
extern int injected;
extern uint64_t injected_cr2;

/* pv_pt_write(): how many more times somebody else comes first, what it returns else. */
extern unsigned int table_races, table_writes;
extern int table_result;
extern bool table_was_cmpxchg;

/* Ports: what an IN gives, and the last OUT. */
extern uint32_t port_value, out_port, out_value, port_reads;
extern bool port_granted;
extern uint32_t pci_seen, pci_written; /* bus<<24 | devfn<<16 | reg<<4 | size */

void guest_reset(void);
/* Put code at `va` and point RIP at it. */
void guest_code(uint64_t va, const void *bytes, unsigned int len);
uint64_t *guest_entry(unsigned int n);

#endif
