/* Running one instruction on the real CPU, with all its registers chosen. */
#ifndef NATIVE_H
#define NATIVE_H

#include <stdbool.h>
#include <stdint.h>

#include <arch/regs.h>

#define ARENA_SIZE 0x4000u /* memory that instructions may work on */

struct native {
    uint8_t *code;  /* executable page */
    uint8_t *arena; /* all below 2 GiB, within reach of RIP-relative operands */
    uint64_t gs_base;
};

struct native native_open(void);
void native_close(struct native *n);
/* Where in the code page the instruction under test will start. */
uint64_t native_rip(const struct native *n);
/* Execute: registers (but RSP) and flags come from and go to *r. False: it faulted. */
bool native_run(const struct native *n, const uint8_t *bytes, unsigned int len, struct regs *r);

#endif
