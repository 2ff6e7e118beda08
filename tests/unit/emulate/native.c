/*
 * The sandbox of native.h: a page of code that loads every register from the page behind it, runs
 * one instruction, and stores them again. A signal on the way ends the run.
 */
#define _GNU_SOURCE
#include <asm/prctl.h>
#include <assert.h>
#include <setjmp.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "native.h"

#define PAGE      0x1000u
#define GS_OFFSET 0x123450u /* GS base: below the arena by this */

/* The second page. */
struct context {
    uint64_t gpr[16]; /* by number; [4] is not used */
    uint64_t flags, saved_rsp;
};

static sigjmp_buf escape;

static void on_signal(int number)
{
    siglongjmp(escape, number);
}

struct native native_open(void)
{
    struct native n;

    n.code = mmap(NULL, 2 * PAGE + ARENA_SIZE, PROT_READ | PROT_WRITE | PROT_EXEC,
                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
    assert(n.code != MAP_FAILED);
    n.arena = n.code + 2 * PAGE;
    n.gs_base = (uint64_t)n.arena - GS_OFFSET;
    return n;
}

void native_close(struct native *n)
{
    munmap(n->code, 2 * PAGE + ARENA_SIZE);
}

struct writer {
    uint8_t *at;
    uint8_t *context;
};

static void put(struct writer *w, const void *bytes, unsigned int len)
{
    memcpy(w->at, bytes, len);
    w->at += len;
}

/* prefix bytes, then the distance to a field of the context */
static void put_field(struct writer *w, const char *bytes, unsigned int len, unsigned int field)
{
    int32_t distance;

    put(w, bytes, len);
    distance = (int32_t)(w->context + field - (w->at + 4));
    put(w, &distance, 4);
}

/* mov between register n and its place: opcode 0x8b loads, 0x89 stores */
static void put_moves(struct writer *w, uint8_t opcode)
{
    for (unsigned int n = 0; n < 16; n++) {
        char bytes[3] = { (char)(n < 8 ? 0x48 : 0x4c), (char)opcode, (char)(5 | (n & 7) << 3) };

        if (n != 4)
            put_field(w, bytes, 3, 8 * n);
    }
}

static void put_prologue(struct writer *w)
{
    put(w, "\x53\x55\x41\x54\x41\x55\x41\x56\x41\x57\x9c", 11); /* push callee-saved, flags */
    put_field(w, "\x48\x89\x25", 3, offsetof(struct context, saved_rsp));
    put_field(w, "\xff\x35", 2, offsetof(struct context, flags)); /* push; popf */
    put(w, "\x9d", 1);
    put_moves(w, 0x8b);
}

static void put_epilogue(struct writer *w)
{
    put_moves(w, 0x89);
    put(w, "\x9c", 1); /* pushf; pop */
    put_field(w, "\x8f\x05", 2, offsetof(struct context, flags));
    put(w, "\x9d\x41\x5f\x41\x5e\x41\x5d\x41\x5c\x5d\x5b\xc3", 12);
}

uint64_t native_rip(const struct native *n)
{
    struct writer w = { n->code, n->code + PAGE };

    put_prologue(&w);
    return (uint64_t)w.at;
}

static void exchange(struct context *c, struct regs *r, bool load)
{
    uint64_t *const field[16] = { &r->rax, &r->rcx, &r->rdx, &r->rbx, NULL,    &r->rbp,
                                  &r->rsi, &r->rdi, &r->r8,  &r->r9,  &r->r10, &r->r11,
                                  &r->r12, &r->r13, &r->r14, &r->r15 };

    for (unsigned int n = 0; n < 16; n++)
        if (n != 4 && load)
            c->gpr[n] = *field[n];
        else if (n != 4)
            *field[n] = c->gpr[n];
    if (load)
        c->flags = r->rflags;
    else
        r->rflags = c->flags;
}

bool native_run(const struct native *n, const uint8_t *bytes, unsigned int len, struct regs *r)
{
    static const int signals[] = { SIGSEGV, SIGILL, SIGBUS, SIGTRAP };
    struct sigaction action = { .sa_handler = on_signal }, old[4];
    struct context *c = (struct context *)(n->code + PAGE);
    struct writer w = { n->code, n->code + PAGE };
    volatile bool ok = false;
    unsigned long gs;

    put_prologue(&w);
    put(&w, bytes, len);
    put_epilogue(&w);
    exchange(c, r, true);
    for (unsigned int s = 0; s < 4; s++)
        sigaction(signals[s], &action, &old[s]);
    syscall(SYS_arch_prctl, ARCH_GET_GS, &gs);
    syscall(SYS_arch_prctl, ARCH_SET_GS, n->gs_base);
    if (!sigsetjmp(escape, 1)) {
        ((void (*)(void))n->code)();
        ok = true;
    }
    syscall(SYS_arch_prctl, ARCH_SET_GS, gs);
    for (unsigned int s = 0; s < 4; s++)
        sigaction(signals[s], &old[s], NULL);
    exchange(c, r, false);
    return ok;
}
