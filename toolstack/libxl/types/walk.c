/*
 * Initialise, free and copy an object by its type's table. Called by the functions that the
 * generator makes (libxl_X_init() and so on), by the API functions that return lists, and, for
 * arrays, by reading JSON.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include "libxl/types/types.h"

void *field_at(const struct field *f, const void *p)
{
    return (char *)p + f->offset;
}

const struct field *field_case(const struct field *f, const void *p)
{
    int64_t key = number_get(f->type, field_at(f, p));

    for (const struct field *c = f->cases; c->name; c++)
        if (c->initial == key)
            return c;
    return NULL;
}

static void init(const struct type *t, void *p, int64_t initial)
{
    memset(p, 0, t->size);
    if (t->ops->init)
        t->ops->init(t, p, initial);
}

static void dispose(const struct type *t, void *p)
{
    if (t->ops->dispose)
        t->ops->dispose(t, p);
}

static void dispose_array(const struct type *t, void *array, int n)
{
    for (int i = 0; array && i < n; i++)
        dispose(t, (char *)array + (size_t)i * t->size);
    free(array);
}

static void *copy_array(const struct type *t, const void *array, int n)
{
    char *copy;

    if (!array || n <= 0)
        return NULL;
    copy = xl_calloc((size_t)n, t->size);
    for (size_t i = 0; i < (size_t)n; i++)
        type_copy(t, copy + i * t->size, (const char *)array + i * t->size);
    return copy;
}

static void struct_init(const struct type *t, void *p, int64_t initial)
{
    (void)initial;
    for (const struct field *f = t->fields; f->name; f++)
        if (f->role != FIELD_ARRAY)
            init(f->type, field_at(f, p), f->initial);
}

static void struct_dispose(const struct type *t, void *p)
{
    for (const struct field *f = t->fields; f->name; f++) {
        const struct field *c = f->role == FIELD_KEY ? field_case(f, p) : NULL;

        if (f->role == FIELD_ARRAY)
            dispose_array(f->type, *(void **)field_at(f, p), *(int *)((char *)p + f->count));
        else
            dispose(f->type, field_at(f, p));
        if (c)
            dispose(c->type, field_at(c, p));
    }
}

static void struct_copy(const struct type *t, void *dst, const void *src)
{
    for (const struct field *f = t->fields; f->name; f++) {
        const struct field *c = f->role == FIELD_KEY ? field_case(f, src) : NULL;

        if (f->role == FIELD_ARRAY) {
            int n = *(const int *)((const char *)src + f->count);

            *(void **)field_at(f, dst) = copy_array(f->type, *(void **)field_at(f, src), n);
            *(int *)((char *)dst + f->count) = n;
        } else {
            type_copy(f->type, field_at(f, dst), field_at(f, src));
        }
        if (c)
            type_copy(c->type, field_at(c, dst), field_at(c, src));
    }
}

static bool struct_is_default(const struct type *t, const void *p, int64_t initial)
{
    (void)t;
    (void)p;
    (void)initial;
    return false;
}

const struct type_ops struct_ops = {
    .init = struct_init,
    .dispose = struct_dispose,
    .copy = struct_copy,
    .is_default = struct_is_default,
    .gen = struct_gen,
    .parse = struct_parse,
};

void type_init(const struct type *t, void *p)
{
    init(t, p, 0);
}

void type_dispose(const struct type *t, void *p)
{
    if (!p)
        return;
    dispose(t, p);
    memset(p, 0, t->size);
}

void type_copy(const struct type *t, void *dst, const void *src)
{
    if (t->ops->copy)
        t->ops->copy(t, dst, src);
    else
        memcpy(dst, src, t->size);
}

void type_init_key(const struct type *t, void *p, int64_t value)
{
    const struct field *f = t->fields, *c;

    while (f->role != FIELD_KEY)
        f++;
    /* Another member of the union may own memory: to choose twice is the caller's mistake. */
    assert(number_get(f->type, field_at(f, p)) == f->initial);
    number_set(f->type, field_at(f, p), value);
    c = field_case(f, p);
    if (c)
        init(c->type, field_at(c, p), 0);
}

void type_list_free(const struct type *t, void *list, int n)
{
    dispose_array(t, list, n);
}

bool type_is_default(const struct type *t, const void *p, int64_t initial)
{
    static const char zeroes[sizeof(libxl_uuid)];

    if (t->ops->is_default)
        return t->ops->is_default(t, p, initial);
    assert(t->size <= sizeof(zeroes));
    return !memcmp(p, zeroes, t->size);
}
