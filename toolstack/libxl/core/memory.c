/*
 * Memory: of an operation, from its arena, and of its caller, from malloc(). A program that gets no
 * memory cannot go on and would not be able to undo what it did; so it ends, as libxl.h says.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libxl/core/op.h"

#define CHUNK_SIZE 8192u
#define ALIGNMENT  16u

struct arena {
    struct arena *next;
    size_t used, size;
    _Alignas(ALIGNMENT) char bytes[];
};

static void *checked(void *p)
{
    if (!p) {
        fprintf(stderr, "libxl: there is no memory left\n");
        exit(255);
    }
    return p;
}

void *xl_calloc(size_t count, size_t size)
{
    return checked(calloc(count ? count : 1, size ? size : 1));
}

void *xl_realloc(void *old, size_t size)
{
    return checked(realloc(old, size ? size : 1));
}

char *xl_strdup(const char *s)
{
    return s ? checked(strdup(s)) : NULL;
}

char *xl_printf(const char *format, ...)
{
    va_list args;
    char *s;
    int n;

    va_start(args, format);
    n = vasprintf(&s, format, args);
    va_end(args);
    return checked(n < 0 ? NULL : s);
}

/* Large pieces get a chunk of their own, behind the one that is being filled. */
static void *arena_new_chunk(struct op *op, size_t size)
{
    size_t room = size > CHUNK_SIZE / 4 ? size : CHUNK_SIZE;
    struct arena *chunk = xl_calloc(1, sizeof(*chunk) + room);

    chunk->size = room;
    chunk->used = size;
    if (op->arena && room == size) {
        chunk->next = op->arena->next;
        op->arena->next = chunk;
    } else {
        chunk->next = op->arena;
        op->arena = chunk;
    }
    return chunk->bytes;
}

void *op_alloc(struct op *op, size_t size)
{
    struct arena *a = op->arena;
    void *p;

    if (size > SIZE_MAX / 2)
        checked(NULL);
    size = (size + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
    if (!a || size > a->size - a->used)
        return arena_new_chunk(op, size);
    p = a->bytes + a->used;
    a->used += size;
    return p;
}

void *op_calloc(struct op *op, size_t count, size_t size)
{
    size_t bytes;

    if (__builtin_mul_overflow(count, size, &bytes))
        checked(NULL);
    return op_alloc(op, bytes);
}

void *op_realloc(struct op *op, void *old, size_t old_size, size_t size)
{
    void *p;

    if (old && size <= old_size)
        return old;
    p = op_alloc(op, size);
    if (old)
        memcpy(p, old, old_size);
    return p;
}

char *op_strndup(struct op *op, const char *s, size_t size)
{
    size_t n = strnlen(s, size);
    char *copy = op_alloc(op, n + 1);

    memcpy(copy, s, n);
    return copy;
}

char *op_strdup(struct op *op, const char *s)
{
    return s ? op_strndup(op, s, strlen(s)) : NULL;
}

char *op_vprintf(struct op *op, const char *format, va_list args)
{
    char small[256], *s;
    va_list again;
    int n;

    va_copy(again, args);
    n = vsnprintf(small, sizeof(small), format, args);
    if (n < 0)
        checked(NULL);
    s = op_alloc(op, (size_t)n + 1);
    if ((size_t)n < sizeof(small))
        memcpy(s, small, (size_t)n + 1);
    else
        vsnprintf(s, (size_t)n + 1, format, again);
    va_end(again);
    return s;
}

char *op_printf(struct op *op, const char *format, ...)
{
    va_list args;
    char *s;

    va_start(args, format);
    s = op_vprintf(op, format, args);
    va_end(args);
    return s;
}

void op_free_memory(struct op *op)
{
    struct arena *a;

    while ((a = op->arena)) {
        op->arena = a->next;
        free(a);
    }
}
