/*
 * Runs of 64-bit words, upwards, for core/lib/string.c: what is fastest from some hundred bytes on.
 */
#ifndef ARCH_STRING_H
#define ARCH_STRING_H

#include <stddef.h>
#include <stdint.h>

/* The ends may overlap if `to` is the lower. */
static inline void arch_copy_words(void *to, const void *from, size_t count)
{
    for (; count; count--, to = (char *)to + 8, from = (const char *)from + 8)
        __asm__ volatile("ldr x9, [%1]; str x9, [%0]" : : "r"(to), "r"(from) : "x9", "memory");
}

static inline void arch_fill_words(void *to, uint64_t value, size_t count)
{
    for (; count; count--, to = (char *)to + 8)
        __asm__ volatile("str %1, [%0]" : : "r"(to), "r"(value) : "memory");
}

#endif
