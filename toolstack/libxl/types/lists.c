/*
 * Strings, lists of strings, and lists of pairs as members of objects. A list is an array from
 * malloc() that ends with NULL; in a list of pairs each name is followed by its value, and a value
 * may be NULL.
 */
#include <stdlib.h>
#include <string.h>
#include "libxl/types/types.h"

static void string_dispose(const struct type *t, void *p)
{
    (void)t;
    free(*(char **)p);
}

static void string_copy(const struct type *t, void *dst, const void *src)
{
    (void)t;
    *(char **)dst = xl_strdup(*(char *const *)src);
}

static yajl_gen_status string_gen(const struct type *t, yajl_gen hand, const void *p)
{
    (void)t;
    return gen_string(hand, *(char *const *)p);
}

static int string_parse(const struct type *t, const struct place *at, yajl_val v, void *p)
{
    (void)t;
    if (YAJL_IS_NULL(v))
        return 0;
    if (!YAJL_IS_STRING(v))
        return bad_value(at, "should be a string");
    free(*(char **)p);
    *(char **)p = xl_strdup(YAJL_GET_STRING(v));
    return 0;
}

static const struct type_ops string_ops = {
    .dispose = string_dispose,
    .copy = string_copy,
    .gen = string_gen,
    .parse = string_parse,
};
const struct type type_string = {
    .name = "string",
    .size = sizeof(char *),
    .ops = &string_ops,
};

void libxl_string_copy(libxl_ctx *ctx, char **dst, char *const *src)
{
    (void)ctx;
    type_copy(&type_string, dst, src);
}

static size_t count_strings(char *const *list)
{
    size_t n = 0;

    while (list && list[n])
        n++;
    return n;
}

static size_t count_pairs(char *const *list)
{
    size_t n = 0;

    while (list && list[2 * n])
        n++;
    return n;
}

static void free_strings(char **list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        free(list[i]);
    free(list);
}

/* A list of n strings, each NULL or a copy, and the end. */
static char **copy_strings(char *const *list, size_t n)
{
    char **copy;

    if (!list)
        return NULL;
    copy = xl_calloc(n + 1, sizeof(*copy));
    for (size_t i = 0; i < n; i++)
        copy[i] = xl_strdup(list[i]);
    return copy;
}

int libxl_string_list_length(const libxl_string_list *list)
{
    return (int)count_strings(*list);
}

void libxl_string_list_dispose(libxl_string_list *list)
{
    free_strings(*list, count_strings(*list));
    *list = NULL;
}

void libxl_string_list_copy(libxl_ctx *ctx, libxl_string_list *dst, const libxl_string_list *src)
{
    (void)ctx;
    *dst = copy_strings(*src, count_strings(*src));
}

yajl_gen_status libxl_string_list_gen_json(yajl_gen hand, libxl_string_list *list)
{
    yajl_gen_status s = yajl_gen_array_open(hand);

    for (size_t i = 0; s == yajl_gen_status_ok && i < count_strings(*list); i++)
        s = gen_string(hand, (*list)[i]);
    return s == yajl_gen_status_ok ? yajl_gen_array_close(hand) : s;
}

static void string_list_dispose(const struct type *t, void *p)
{
    (void)t;
    libxl_string_list_dispose(p);
}

static void string_list_copy(const struct type *t, void *dst, const void *src)
{
    (void)t;
    libxl_string_list_copy(NULL, dst, src);
}

/* Of pairs, too: there is none when the first name is NULL. */
static bool list_is_empty(const struct type *t, const void *p, int64_t initial)
{
    (void)t;
    (void)initial;
    return count_strings(*(char **const *)p) == 0;
}

static yajl_gen_status string_list_gen(const struct type *t, yajl_gen hand, const void *p)
{
    (void)t;
    return libxl_string_list_gen_json(hand, (libxl_string_list *)p);
}

static int string_list_parse(const struct type *t, const struct place *at, yajl_val v, void *p)
{
    char **list;
    size_t n;

    (void)t;
    if (!YAJL_IS_ARRAY(v))
        return bad_value(at, "should be an array of strings");
    n = YAJL_GET_ARRAY(v)->len;
    libxl_string_list_dispose(p);
    *(char ***)p = list = xl_calloc(n + 1, sizeof(*list));
    for (size_t i = 0; i < n; i++) {
        yajl_val element = YAJL_GET_ARRAY(v)->values[i];

        if (!YAJL_IS_STRING(element))
            return bad_value(at, "should have only strings");
        list[i] = xl_strdup(YAJL_GET_STRING(element));
    }
    return 0;
}

static const struct type_ops string_list_ops = {
    .dispose = string_list_dispose,
    .copy = string_list_copy,
    .is_default = list_is_empty,
    .gen = string_list_gen,
    .parse = string_list_parse,
};
const struct type type_string_list = {
    .name = "string_list",
    .size = sizeof(libxl_string_list),
    .ops = &string_list_ops,
};

int libxl_key_value_list_length(const libxl_key_value_list *list)
{
    return (int)count_pairs(*list);
}

void libxl_key_value_list_dispose(libxl_key_value_list *list)
{
    free_strings(*list, 2 * count_pairs(*list));
    *list = NULL;
}

void libxl_key_value_list_copy(libxl_ctx *ctx, libxl_key_value_list *dst,
                               const libxl_key_value_list *src)
{
    (void)ctx;
    *dst = copy_strings(*src, 2 * count_pairs(*src));
}

yajl_gen_status libxl_key_value_list_gen_json(yajl_gen hand, libxl_key_value_list *list)
{
    yajl_gen_status s = yajl_gen_map_open(hand);

    for (size_t i = 0; s == yajl_gen_status_ok && i < 2 * count_pairs(*list); i++)
        s = gen_string(hand, (*list)[i]);
    return s == yajl_gen_status_ok ? yajl_gen_map_close(hand) : s;
}

static void key_value_list_dispose(const struct type *t, void *p)
{
    (void)t;
    libxl_key_value_list_dispose(p);
}

static void key_value_list_copy(const struct type *t, void *dst, const void *src)
{
    (void)t;
    libxl_key_value_list_copy(NULL, dst, src);
}

static yajl_gen_status key_value_list_gen(const struct type *t, yajl_gen hand, const void *p)
{
    (void)t;
    return libxl_key_value_list_gen_json(hand, (libxl_key_value_list *)p);
}

static int key_value_list_parse(const struct type *t, const struct place *at, yajl_val v, void *p)
{
    char **list;
    size_t n;

    (void)t;
    if (!YAJL_IS_OBJECT(v))
        return bad_value(at, "should be an object of strings");
    n = YAJL_GET_OBJECT(v)->len;
    libxl_key_value_list_dispose(p);
    *(char ***)p = list = xl_calloc(2 * n + 1, sizeof(*list));
    for (size_t i = 0; i < n; i++) {
        yajl_val value = YAJL_GET_OBJECT(v)->values[i];

        if (!YAJL_IS_STRING(value) && !YAJL_IS_NULL(value))
            return bad_value(at, "should have only strings");
        list[2 * i] = xl_strdup(YAJL_GET_OBJECT(v)->keys[i]);
        list[2 * i + 1] = YAJL_IS_STRING(value) ? xl_strdup(YAJL_GET_STRING(value)) : NULL;
    }
    return 0;
}

static const struct type_ops key_value_list_ops = {
    .dispose = key_value_list_dispose,
    .copy = key_value_list_copy,
    .is_default = list_is_empty,
    .gen = key_value_list_gen,
    .parse = key_value_list_parse,
};
const struct type type_key_value_list = {
    .name = "key_value_list",
    .size = sizeof(libxl_key_value_list),
    .ops = &key_value_list_ops,
};
