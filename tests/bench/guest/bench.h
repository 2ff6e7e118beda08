/*
 * What the files of the benchmark guest share.
 */
#ifndef BENCH_H
#define BENCH_H

#include "pv.h"

#define SPARE_VA 0xffffffffa0000000ul

/* measure.c: prints what one call of fn costs, in TSC ticks, as the mean of `count` calls. */
void measure(const char *name, void (*fn)(void), unsigned int count);

/*
 * The leanest handlers that still do the job: skip the 3-byte faulting instruction; return from a
 * system call; acknowledge an event and count it. Each returns by the iret hypercall.
 */
extern char bench_fault_stub[], bench_syscall_stub[], bench_upcall_stub[];
extern volatile uint64_t bench_upcalls;
extern const char bench_user[], bench_user_end[]; /* makes rbx system calls, from user mode */

/* pair.c: works with the domain `peer`, which measures if this one does not. Never returns. */
_Noreturn void pair(domid_t peer, bool measures);

#endif
