/*
 * Memory and string functions of <hv/string.h>, in portable C for every architecture.
 *
 * Called by everyone, and by the compiler itself: this file must be built so that a loop is not
 * turned back into a call to the function it implements (-ffreestanding -fno-builtin and
 * -fno-tree-loop-distribute-patterns). Copies go by 64-bit words once the destination is aligned;
 * the source may be unaligned, which x86-64 and arm64 handle in hardware. No locks.
 */
#include <hv/string.h>

#include <arch/string.h>
#include <stdint.h>

#define WORD sizeof(uint64_t)
#define LONG 256 /* bytes, from which on the architecture's way is the fastest */

/* A word at any address, of any type. */
struct word {
    uint64_t v;
} __attribute__((packed, may_alias));

static uint64_t load(const uint8_t *p)
{
    return ((const struct word *)p)->v;
}

static void store(uint8_t *p, uint64_t v)
{
    ((struct word *)p)->v = v;
}

/* Bytes from p to the next word boundary, at most len. */
static size_t to_boundary(const uint8_t *p, size_t len)
{
    size_t n = -(uintptr_t)p % WORD;

    return n < len ? n : len;
}

static void copy_up(uint8_t *d, const uint8_t *s, size_t len)
{
    size_t head = to_boundary(d, len);

    for (len -= head; head; head--)
        *d++ = *s++;
    if (len >= LONG) {
        arch_copy_words(d, s, len / WORD);
        d += len & -WORD;
        s += len & -WORD;
        len %= WORD;
    }
    /* All loads of a round come before its stores: an overlap of less than a round stays right. */
    for (; len >= 4 * WORD; len -= 4 * WORD, d += 4 * WORD, s += 4 * WORD) {
        uint64_t a = load(s), b = load(s + 8), c = load(s + 16), e = load(s + 24);

        store(d, a);
        store(d + 8, b);
        store(d + 16, c);
        store(d + 24, e);
    }
    for (; len >= WORD; len -= WORD, d += WORD, s += WORD)
        store(d, load(s));
    while (len--)
        *d++ = *s++;
}

/* d and s point one past the end. */
static void copy_down(uint8_t *d, const uint8_t *s, size_t len)
{
    size_t tail = (uintptr_t)d % WORD;

    for (tail = tail < len ? tail : len, len -= tail; tail; tail--)
        *--d = *--s;
    for (; len >= WORD; len -= WORD)
        store(d -= WORD, load(s -= WORD));
    while (len--)
        *--d = *--s;
}

void *memcpy(void *restrict dst, const void *restrict src, size_t len)
{
    copy_up(dst, src, len);
    return dst;
}

void *memmove(void *dst, const void *src, size_t len)
{
    uint8_t *d = dst;
    const uint8_t *s = src;

    /* One unsigned comparison: false when d lies inside [s, s + len). */
    if ((uintptr_t)d - (uintptr_t)s >= len)
        copy_up(d, s, len);
    else
        copy_down(d + len, s + len, len);
    return dst;
}

void *memset(void *dst, int byte, size_t len)
{
    uint8_t *d = dst;
    uint64_t v = (uint8_t)byte * 0x0101010101010101ull;
    size_t head = to_boundary(d, len);

    for (len -= head; head; head--)
        *d++ = (uint8_t)byte;
    if (len >= LONG) {
        arch_fill_words(d, v, len / WORD);
        d += len & -WORD;
        len %= WORD;
    }
    for (; len >= 4 * WORD; len -= 4 * WORD, d += 4 * WORD) {
        store(d, v);
        store(d + 8, v);
        store(d + 16, v);
        store(d + 24, v);
    }
    for (; len >= WORD; len -= WORD, d += WORD)
        store(d, v);
    while (len--)
        *d++ = (uint8_t)byte;
    return dst;
}

int memcmp(const void *a, const void *b, size_t len)
{
    const uint8_t *p = a, *q = b;

    while (len >= WORD && load(p) == load(q))
        p += WORD, q += WORD, len -= WORD;
    for (; len; p++, q++, len--)
        if (*p != *q)
            return *p - *q;
    return 0;
}

size_t strlen(const char *s)
{
    const char *p = s;

    while (*p)
        p++;
    return (size_t)(p - s);
}

size_t strnlen(const char *s, size_t max)
{
    size_t n = 0;

    while (n < max && s[n])
        n++;
    return n;
}

int strcmp(const char *a, const char *b)
{
    for (; *a && *a == *b; a++, b++)
        ;
    return (unsigned char)*a - (unsigned char)*b;
}

int strncmp(const char *a, const char *b, size_t max)
{
    for (; max; a++, b++, max--)
        if (*a != *b || !*a)
            return (unsigned char)*a - (unsigned char)*b;
    return 0;
}

char *strchr(const char *s, int c)
{
    for (;; s++) {
        if (*s == (char)c)
            return (char *)(uintptr_t)s;
        if (!*s)
            return NULL;
    }
}

char *strstr(const char *haystack, const char *needle)
{
    size_t len = strlen(needle);

    for (;; haystack++) {
        if (!strncmp(haystack, needle, len))
            return (char *)(uintptr_t)haystack;
        if (!*haystack)
            return NULL;
    }
}
