/*
 * Floating point and vector registers belong to a vCPU: two of them sharing a CPU keep their own
 * through thousands of switches, whether by yielding or by preemption.
 */
#include "pv.h"

#define ROUNDS 2000

static bool have_avx;
static volatile unsigned int running, finished, wrong[2];

static void load(uint64_t pattern)
{
    uint64_t words[4] = { pattern, pattern + 1, pattern + 2, pattern + 3 };

    __asm__ volatile("movdqu %0, %%xmm0; movdqu %0, %%xmm15; fninit; fildll %0" : : "m"(words));
    if (have_avx)
        __asm__ volatile("vmovdqu %0, %%ymm7" : : "m"(words));
}

static bool kept(uint64_t pattern)
{
    uint64_t low[2], high[2], wide[4] = { pattern, pattern + 1, pattern + 2, pattern + 3 };
    int64_t x87;

    __asm__ volatile("movdqu %%xmm0, %0; movdqu %%xmm15, %1; fistpll %2"
                     : "=m"(low), "=m"(high), "=m"(x87));
    if (have_avx)
        __asm__ volatile("vmovdqu %%ymm7, %0" : "=m"(wide));
    return low[0] == pattern && low[1] == pattern + 1 && high[0] == pattern &&
           high[1] == pattern + 1 && x87 == (int64_t)pattern && wide[0] == pattern &&
           wide[3] == pattern + 3;
}

static void work(unsigned int self)
{
    for (unsigned int i = 0; i < ROUNDS; i++) {
        uint64_t pattern = 0x1000000ul * (self + 1) + i;

        load(pattern);
        sched_op(SCHEDOP_yield, NULL);
        if (!kept(pattern))
            wrong[self]++;
    }
}

static void enable_avx(void *arg)
{
    uint64_t cr4;

    (void)arg;
    __asm__ volatile("mov %%cr4, %0; or $0x40000, %0; mov %0, %%cr4" : "=&r"(cr4));
    __asm__ volatile("xsetbv" : : "c"(0), "a"(7), "d"(0));
    __asm__ volatile("vzeroall");
}

static void second(void *arg)
{
    (void)arg;
    if (have_avx)
        enable_avx(NULL);
    running = 1;
    work(1);
    finished = 1;
}

void guest_main(void)
{
    uint32_t a = 1, b, c = 0, d;
    uint64_t end;

    __asm__ volatile(XEN_EMULATE_PREFIX "cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
    if (c >> 28 & 1) {
        is(try_call(enable_avx, NULL).vector, NO_FAULT, "the guest may enable AVX");
        have_avx = true;
    } else {
        skip("the guest may enable AVX", "the CPU has none");
    }
    is(vcpu_start(1, second, NULL), 0, "start a second vCPU");
    end = time_now() + 240000000000;
    while (!running && time_now() < end)
        sched_op(SCHEDOP_yield, NULL);
    work(0);
    while (!finished && time_now() < end)
        sched_op(SCHEDOP_yield, NULL);
    ok(finished, "both made %u rounds", ROUNDS);
    is(wrong[0], 0, "vCPU 0 kept its registers");
    is(wrong[1], 0, "vCPU 1 kept its registers");

    load(0x777);
    end = time_now() + 50000000;
    while (time_now() < end)
        ;
    ok(kept(0x777), "registers survive timer interrupts");
    load(0x778);
    fpu_taskswitch(1);
    fpu_taskswitch(0);
    ok(kept(0x778), "and fpu_taskswitch");
}
