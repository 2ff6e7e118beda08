/*
 * Bitmaps: sets of CPUs, nodes and so on, of any size. Bits behind the end of a map are 0, and
 * setting one there does nothing. Called by everybody.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "libxl/types/types.h"

/* What a text may ask for: 128 KiB. */
#define MAX_BITS (1 << 20)

static bool has_bit(const libxl_bitmap *map, int bit)
{
    return bit >= 0 && (uint32_t)bit / 8 < map->size;
}

static uint8_t byte_of(const libxl_bitmap *map, uint32_t i)
{
    return i < map->size ? map->map[i] : 0;
}

void libxl_bitmap_init(libxl_bitmap *map)
{
    memset(map, 0, sizeof(*map));
}

int libxl_bitmap_alloc(libxl_ctx *ctx, libxl_bitmap *map, int n_bits)
{
    (void)ctx;
    map->size = n_bits > 0 ? ((uint32_t)n_bits + 7) / 8 : 0;
    map->map = xl_calloc(map->size, 1);
    return 0;
}

void libxl_bitmap_dispose(libxl_bitmap *map)
{
    if (!map)
        return;
    free(map->map);
    libxl_bitmap_init(map);
}

void libxl_bitmap_copy(libxl_ctx *ctx, libxl_bitmap *dst, const libxl_bitmap *src)
{
    (void)ctx;
    for (uint32_t i = 0; i < dst->size; i++)
        dst->map[i] = byte_of(src, i);
}

void libxl_bitmap_copy_alloc(libxl_ctx *ctx, libxl_bitmap *dst, const libxl_bitmap *src)
{
    libxl_bitmap_alloc(ctx, dst, (int)src->size * 8);
    libxl_bitmap_copy(ctx, dst, src);
}

int libxl_bitmap_is_full(const libxl_bitmap *map)
{
    for (uint32_t i = 0; i < map->size; i++)
        if (map->map[i] != 0xff)
            return 0;
    return 1;
}

int libxl_bitmap_is_empty(const libxl_bitmap *map)
{
    for (uint32_t i = 0; i < map->size; i++)
        if (map->map[i])
            return 0;
    return 1;
}

int libxl_bitmap_test(const libxl_bitmap *map, int bit)
{
    return has_bit(map, bit) && (map->map[bit / 8] >> (bit % 8) & 1);
}

void libxl_bitmap_set(libxl_bitmap *map, int bit)
{
    if (has_bit(map, bit))
        map->map[bit / 8] |= (uint8_t)(1 << (bit % 8));
}

void libxl_bitmap_reset(libxl_bitmap *map, int bit)
{
    if (has_bit(map, bit))
        map->map[bit / 8] &= (uint8_t) ~(1 << (bit % 8));
}

int libxl_bitmap_count_set(const libxl_bitmap *map)
{
    int n = 0;

    for (uint32_t i = 0; i < map->size; i++)
        n += __builtin_popcount(map->map[i]);
    return n;
}

/* The result has the size of the larger of both. */
int libxl_bitmap_or(libxl_ctx *ctx, libxl_bitmap *result, const libxl_bitmap *a,
                    const libxl_bitmap *b)
{
    libxl_bitmap map;

    libxl_bitmap_alloc(ctx, &map, (int)(a->size > b->size ? a->size : b->size) * 8);
    for (uint32_t i = 0; i < map.size; i++)
        map.map[i] = byte_of(a, i) | byte_of(b, i);
    libxl_bitmap_dispose(result);
    *result = map;
    return 0;
}

/* The result has the size of the smaller of both. */
int libxl_bitmap_and(libxl_ctx *ctx, libxl_bitmap *result, const libxl_bitmap *a,
                     const libxl_bitmap *b)
{
    libxl_bitmap map;

    libxl_bitmap_alloc(ctx, &map, (int)(a->size < b->size ? a->size : b->size) * 8);
    for (uint32_t i = 0; i < map.size; i++)
        map.map[i] = byte_of(a, i) & byte_of(b, i);
    libxl_bitmap_dispose(result);
    *result = map;
    return 0;
}

char *libxl_bitmap_to_hex_string(libxl_ctx *ctx, const libxl_bitmap *map)
{
    char *text = xl_calloc(2 * (size_t)map->size + 3, 1);
    char *s = text + sprintf(text, "0x");

    (void)ctx;
    for (uint32_t i = map->size; i-- > 0;)
        s += sprintf(s, "%02x", map->map[i]);
    return text;
}

static void bitmap_dispose(const struct type *t, void *p)
{
    (void)t;
    libxl_bitmap_dispose(p);
}

static void bitmap_copy(const struct type *t, void *dst, const void *src)
{
    (void)t;
    libxl_bitmap_copy_alloc(NULL, dst, src);
}

static bool bitmap_is_default(const struct type *t, const void *p, int64_t initial)
{
    (void)t;
    (void)initial;
    return libxl_bitmap_is_empty(p);
}

static yajl_gen_status bitmap_gen(const struct type *t, yajl_gen hand, const void *p)
{
    const libxl_bitmap *map = p;
    yajl_gen_status s = yajl_gen_array_open(hand);

    (void)t;
    for (int bit = 0; s == yajl_gen_status_ok && has_bit(map, bit); bit++)
        if (libxl_bitmap_test(map, bit))
            s = yajl_gen_integer(hand, bit);
    return s == yajl_gen_status_ok ? yajl_gen_array_close(hand) : s;
}

yajl_gen_status libxl_bitmap_gen_json(yajl_gen hand, libxl_bitmap *p)
{
    return bitmap_gen(&type_bitmap, hand, p);
}

/* The map is as large as the largest bit needs. */
static int bitmap_parse(const struct type *t, const struct place *at, yajl_val v, void *p)
{
    long long bit, largest = -1;
    size_t n;

    (void)t;
    if (!YAJL_IS_ARRAY(v))
        return bad_value(at, "should be an array of numbers");
    n = YAJL_GET_ARRAY(v)->len;
    for (size_t i = 0; i < n; i++) {
        yajl_val element = YAJL_GET_ARRAY(v)->values[i];

        bit = YAJL_IS_INTEGER(element) ? YAJL_GET_INTEGER(element) : -1;
        if (bit < 0 || bit >= MAX_BITS)
            return bad_value(at, "should have only numbers from 0 to 1048575");
        largest = bit > largest ? bit : largest;
    }
    libxl_bitmap_dispose(p);
    if (n)
        libxl_bitmap_alloc(NULL, p, (int)largest + 1);
    for (size_t i = 0; i < n; i++)
        libxl_bitmap_set(p, (int)YAJL_GET_INTEGER(YAJL_GET_ARRAY(v)->values[i]));
    return 0;
}

static const struct type_ops bitmap_ops = {
    .dispose = bitmap_dispose,
    .copy = bitmap_copy,
    .is_default = bitmap_is_default,
    .gen = bitmap_gen,
    .parse = bitmap_parse,
};
const struct type type_bitmap = {
    .name = "bitmap",
    .size = sizeof(libxl_bitmap),
    .ops = &bitmap_ops,
};
