/*
 * What nearly every area needs of others: memory, messages, panic, the clock, online CPUs. All
 * weak: a test that links the real thing, or wants another fake, just defines it.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hv/cpumask.h>
#include <hv/domain.h>
#include <hv/mem.h>
#include <hv/printk.h>
#include <hv/symbols.h>
#include <hv/time.h>
#include "hv.h"

#define weak __attribute__((weak))

unsigned int fake_alloc_fail_at, fake_allocs;
int fake_alloc_live;
s_time_t fake_now;
char fake_panic_text[256];
jmp_buf fake_panic_jmp;
bool fake_panic_armed;
char fake_said[8192];

weak cpumask_t cpu_online_mask = { { 0xf } };
weak unsigned int nr_cpus = 4;

/* Nobody migrates anything. */
weak unsigned int domains_logged;

weak void arch_frame_dirtied(const struct frame *f)
{
    (void)f;
}

weak void *hv_alloc(size_t size)
{
    fake_allocs++;
    if (fake_alloc_fail_at && fake_allocs >= fake_alloc_fail_at)
        return NULL;
    fake_alloc_live++;
    return calloc(1, size);
}

weak void *hv_alloc_array_checked(size_t size, size_t count)
{
    return hv_alloc(size * count);
}

weak void hv_free(void *p)
{
    if (p)
        fake_alloc_live--;
    free(p);
}

weak void memory_check_low(uint64_t free_frames)
{
    (void)free_frames;
}

weak s_time_t now(void)
{
    return fake_now;
}

static void say(const char *fmt, va_list args)
{
    size_t len = strlen(fake_said);

    vsnprintf(fake_said + len, sizeof(fake_said) - len, fmt, args);
}

#define SAY(fmt)                                                                                   \
    do {                                                                                           \
        va_list args;                                                                              \
        va_start(args, fmt);                                                                       \
        say(fmt, args);                                                                            \
        va_end(args);                                                                              \
    } while (0)

weak void printk(enum log_level level, const char *fmt, ...)
{
    (void)level;
    SAY(fmt);
}

weak void printk_raw(const char *fmt, ...)
{
    SAY(fmt);
}

weak void guest_printk(const struct domain *d, enum log_level level, const char *fmt, ...)
{
    (void)d, (void)level;
    SAY(fmt);
}

weak void symbol_print(uintptr_t addr)
{
    printk_raw("%#lx", (unsigned long)addr);
}

weak void panic(const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    vsnprintf(fake_panic_text, sizeof(fake_panic_text), fmt, args);
    va_end(args);
    if (fake_panic_armed) {
        fake_panic_armed = false;
        longjmp(fake_panic_jmp, 1);
    }
    fprintf(stderr, "panic: %s\n", fake_panic_text);
    abort();
}

/* The last words before it are what a test looks at. */
weak void reboot_or_halt(void)
{
    size_t len = strlen(fake_said);

    panic("%s", fake_said + (len > 100 ? len - 100 : 0));
}

weak void bug(const char *file, int line, const char *what)
{
    panic("bug: %s (%s:%d)", what, file, line);
}

/* Who runs, where the scheduler is part of the test. */
extern weak struct vcpu *percpu__running_vcpu;

weak struct vcpu *current_vcpu(void)
{
    return this_cpu(running_vcpu);
}
