/*
 * What every microguest sees, whatever kind of guest it is built as: output in TAP, memory, faults
 * that can be survived, events, grants, time and vCPUs. lib/pv/ holds the PV back end; guests that
 * exercise the PV interface itself include "pv.h" on top.
 *
 * A guest defines guest_main() and returns from it; the library prints the TAP plan and reboots,
 * which ends an emulator started with -no-reboot.
 */
#ifndef LIB_GUEST_H
#define LIB_GUEST_H

#include "hypercall.h"

#define PAGE_SIZE       4096ul
#define PAGE_SHIFT      12
#define MAX_GUEST_VCPUS 8
#define ARRAY_SIZE(a)   (sizeof(a) / sizeof((a)[0]))

void guest_main(void);

/* The guest's console: dom0's is the hypervisor's. */
void guest_output(const char *text, size_t length);
void guest_output_drain(void); /* whoever reads it has got all */
bool is_dom0(void);

/* print.c: one write per call, so that a line never mixes with the hypervisor's own. */
void print(const char *format, ...) __attribute__((format(printf, 1, 2)));
size_t format_text(char *buffer, size_t size, const char *format, __builtin_va_list args);

/* tap.c: test results. Each returns whether the test passed. */
bool ok(bool passed, const char *format, ...) __attribute__((format(printf, 2, 3)));
bool is(long got, long want, const char *format, ...) __attribute__((format(printf, 3, 4)));
bool refused(long got, const char *format, ...) __attribute__((format(printf, 2, 3)));
void skip(const char *what, const char *why);
void note(const char *format, ...) __attribute__((format(printf, 1, 2)));
_Noreturn void bail(const char *format, ...) __attribute__((format(printf, 1, 2)));
_Noreturn void finish(void);

/* string.c */
void *memset(void *to, int value, size_t length);
void *memcpy(void *to, const void *from, size_t length);
int memcmp(const void *a, const void *b, size_t length);
size_t strlen(const char *text);
int strncmp(const char *a, const char *b, size_t length);

/* option.c: "name=value" words of the guest's command line; numbers in decimal or 0x hex. */
unsigned long option(const char *name, unsigned long otherwise);
const char *guest_command_line(void);

/* random.c: xorshift; the same seed gives the same run everywhere. */
void random_seed(uint64_t seed);
uint64_t random_next(void);
uint64_t random_below(uint64_t limit);

/* memory: pages come zeroed, mapped writable, and are never given back. */
void *alloc_pages(unsigned int count);
static inline void *alloc_page(void)
{
    return alloc_pages(1);
}
unsigned long virt_to_gfn(const void *address); /* what hypercalls call a frame: mfn for PV */
unsigned long guest_pages(void);                /* memory the guest was started with, in pages */

/*
 * Faults. try_call() runs fn(arg) and reports the exception that ended it, or vector NO_FAULT when
 * it returned. A hook sees an exception first and resumes the interrupted code if it returns true.
 */
#define NO_FAULT   (-1)
#define VECTOR_DE  0
#define VECTOR_DB  1
#define VECTOR_NMI 2
#define VECTOR_BP  3
#define VECTOR_OF  4
#define VECTOR_BR  5
#define VECTOR_UD  6
#define VECTOR_NM  7
#define VECTOR_TS  10
#define VECTOR_NP  11
#define VECTOR_SS  12
#define VECTOR_GP  13
#define VECTOR_PF  14
#define VECTOR_MF  16
#define VECTOR_AC  17
#define VECTOR_XM  19

struct frame {
    uint64_t r15, r14, r13, r12, rbp, rbx, r11, r10, r9, r8, rax, rcx, rdx, rsi, rdi;
    uint64_t vector, error;
    uint64_t rip, cs, rflags, rsp, ss;
};

struct fault {
    int vector;
    uint32_t error;
    uint64_t rip, cr2;
};

typedef bool trap_hook(struct frame *frame);
struct fault try_call(void (*fn)(void *), void *arg);
struct fault try_read(const volatile void *address, uint64_t *value);
struct fault try_write(volatile void *address, uint64_t value);
struct fault try_jump(uint64_t address);
void hook_trap(int vector, trap_hook *hook);

/* Events, 2-level ABI. Handlers run in the upcall, with events masked. */
typedef void event_handler(unsigned int port);
extern struct shared_info *shared_info;
struct vcpu_info *vcpu_info(void); /* of the running vCPU */
unsigned int vcpu_id(void);
void events_enable(void); /* on this vCPU; delivers what is pending */
void events_disable(void);
void event_bind(unsigned int port, event_handler *handler); /* also unmasks the port */
void event_mask(unsigned int port);
void event_unmask(unsigned int port);
bool event_pending(unsigned int port);
void event_clear(unsigned int port);
int event_bind_virq(unsigned int virq, unsigned int vcpu); /* port, or -XEN_E* */
int event_bind_ipi(unsigned int vcpu);
int event_alloc_unbound(unsigned int remote);
int event_bind_interdomain(unsigned int remote, unsigned int remote_port);
unsigned int guest_domid(void); /* the guest's own number */
long event_send(unsigned int port);
long event_close(unsigned int port);
void events_upcall(void);                    /* called by the back end */
void event_set_upcall(void (*upcall)(void)); /* replaces the 2-level scan, e.g. for FIFO */

/* Time, in nanoseconds since the hypervisor started. */
uint64_t time_now(void);
uint64_t read_tsc(void);
void time_spin(uint64_t ns);
#define LATE 60000000000ul /* ns: who has waited for so long has waited in vain */
/* Lets others run until the value is as large, or it is LATE; whether it is. */
bool wait_for(volatile unsigned int *value, unsigned int wanted);
void time_sleep(uint64_t ns); /* or until another event; wants VIRQ_TIMER bound; enables events */

/* vCPUs: starts another one on fn(arg), its events masked. It may return: the vCPU goes down. */
long vcpu_start(unsigned int vcpu, void (*fn)(void *), void *arg);

/* Grants v1: the shared table, of `frames` pages, mapped for this domain; NULL if refused. */
struct grant_entry_v1 *grant_table_map(unsigned int frames);

_Noreturn void guest_shutdown(unsigned int reason);

static inline void relax(void)
{
    __asm__ volatile("pause" ::: "memory");
}

static inline void barrier(void)
{
    __asm__ volatile("" ::: "memory");
}

#endif
