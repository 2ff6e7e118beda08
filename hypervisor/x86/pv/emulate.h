/* Shared by the files that emulate instructions for PV guests. */
#ifndef PV_EMULATE_H
#define PV_EMULATE_H

#include <arch/domain.h>
#include <arch/emulate.h>

/* How an emulated instruction ended. */
enum outcome {
    RETIRE,  /* done: go on behind it */
    AGAIN,   /* a part is done, registers say which: the guest runs it again */
    FAULTED, /* a fault was injected at it */
    NOT_OURS /* the caller bounces what the CPU raised */
};

/* Fetch and decode what r->rip points at. False: not readable, or not known. */
bool pv_fetch(const struct regs *r, struct insn *i);
/* Go on behind an instruction of `len` bytes, with the single-step trap if it is due. */
void pv_retire(struct vcpu *v, struct regs *r, unsigned int len);
/* insn_ops.segment_base of the current guest. */
uint64_t pv_segment_base(void *context, enum insn_segment segment);

/* pv/privileged.c */
enum outcome pv_execute_privileged(struct vcpu *v, struct regs *r, const struct insn *i);
enum outcome pv_execute_cpuid(struct vcpu *v, struct regs *r);

#endif
