/*
 * Numbers, truth values, and enums as members of objects, and the names of enums. Called by the
 * walks (walk.c, json.c) and by the functions that the generator makes for enums.
 */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "libxl/types/types.h"

/* Of an unsigned type, the largest values come out negative: 64 bits hold them all. */
int64_t number_get(const struct type *t, const void *p)
{
    switch (t->size) {
    case 1:
        return *(const uint8_t *)p;
    case 2:
        return *(const uint16_t *)p;
    case 4:
        return t->min < 0 || t->strings ? *(const int32_t *)p : (int64_t) * (const uint32_t *)p;
    default:
        return *(const int64_t *)p;
    }
}

void number_set(const struct type *t, void *p, int64_t value)
{
    switch (t->size) {
    case 1:
        *(uint8_t *)p = (uint8_t)value;
        break;
    case 2:
        *(uint16_t *)p = (uint16_t)value;
        break;
    case 4:
        *(uint32_t *)p = (uint32_t)value;
        break;
    default:
        *(int64_t *)p = value;
    }
}

static bool number_is_default(const struct type *t, const void *p, int64_t initial)
{
    return number_get(t, p) == initial;
}

static yajl_gen_status number_gen(const struct type *t, yajl_gen hand, const void *p)
{
    char text[24];
    int64_t value = number_get(t, p);

    /* yajl_gen_integer() has no unsigned twin. */
    snprintf(text, sizeof(text), t->min < 0 ? "%" PRId64 : "%" PRIu64, value);
    return yajl_gen_number(hand, text, strlen(text));
}

static int number_parse(const struct type *t, const struct place *at, yajl_val v, void *p)
{
    const char *text = YAJL_IS_NUMBER(v) ? YAJL_GET_NUMBER(v) : "";
    bool negative = *text == '-';
    unsigned long long magnitude;
    char what[80], *end;

    snprintf(what, sizeof(what), "should be an integer from %" PRId64 " to %" PRIu64, t->min,
             t->max);
    errno = 0;
    magnitude = strtoull(text + negative, &end, 10);
    if (end == text + negative || *end || errno ||
        magnitude > (negative ? -(uint64_t)t->min : t->max))
        return bad_value(at, what);
    number_set(t, p, (int64_t)(negative ? -magnitude : magnitude));
    return 0;
}

static void number_init(const struct type *t, void *p, int64_t initial)
{
    number_set(t, p, initial);
}

static const struct type_ops number_ops = {
    .init = number_init,
    .is_default = number_is_default,
    .gen = number_gen,
    .parse = number_parse,
};
const struct type type_int = {
    .name = "int",
    .size = sizeof(int),
    .ops = &number_ops,
    .min = INT_MIN,
    .max = INT_MAX,
};
const struct type type_uint8 = {
    .name = "uint8",
    .size = 1,
    .ops = &number_ops,
    .max = UINT8_MAX,
};
const struct type type_uint16 = {
    .name = "uint16",
    .size = 2,
    .ops = &number_ops,
    .max = UINT16_MAX,
};
const struct type type_uint32 = {
    .name = "uint32",
    .size = 4,
    .ops = &number_ops,
    .max = UINT32_MAX,
};
const struct type type_uint64 = {
    .name = "uint64",
    .size = 8,
    .ops = &number_ops,
    .max = UINT64_MAX,
};

yajl_gen_status libxl__uint64_gen_json(yajl_gen hand, uint64_t value)
{
    return number_gen(&type_uint64, hand, &value);
}

static yajl_gen_status bool_gen(const struct type *t, yajl_gen hand, const void *p)
{
    return yajl_gen_bool(hand, number_get(t, p) != 0);
}

static int bool_parse(const struct type *t, const struct place *at, yajl_val v, void *p)
{
    if (!YAJL_IS_TRUE(v) && !YAJL_IS_FALSE(v))
        return bad_value(at, "should be true or false");
    number_set(t, p, YAJL_IS_TRUE(v));
    return 0;
}

static const struct type_ops bool_ops = { .gen = bool_gen, .parse = bool_parse };
const struct type type_bool = {
    .name = "bool",
    .size = sizeof(bool),
    .ops = &bool_ops,
};

const char *enum_name(const struct type *t, int value)
{
    for (const libxl_enum_string_table *s = t->strings; s->s; s++)
        if (s->v == value)
            return s->s;
    return NULL;
}

int enum_value(const struct type *t, const char *name, void *p)
{
    for (const libxl_enum_string_table *s = t->strings; s->s; s++)
        if (!strcasecmp(s->s, name)) {
            number_set(t, p, s->v);
            return 0;
        }
    return ERROR_FAIL;
}

static yajl_gen_status enum_gen(const struct type *t, yajl_gen hand, const void *p)
{
    return gen_string(hand, enum_name(t, (int)number_get(t, p)));
}

static int enum_parse(const struct type *t, const struct place *at, yajl_val v, void *p)
{
    if (!YAJL_IS_STRING(v))
        return bad_value(at, "should be a string");
    return enum_value(t, YAJL_GET_STRING(v), p) ? bad_value(at, "has an unknown value") : 0;
}

const struct type_ops enum_ops = {
    .init = number_init,
    .is_default = number_is_default,
    .gen = enum_gen,
    .parse = enum_parse,
};
