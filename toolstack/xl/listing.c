/*
 * Rows that a command prints: as a table, or with --json as a list of objects. A cell is formatted
 * once, with its column's width; JSON takes the same text without the blanks. So both always have
 * the same columns.
 */
#include "xl.h"

struct listing {
    yajl_gen json; /* NULL for a table */
    bool object;   /* one row, not a list of them */
};

yajl_gen json_start(void)
{
    yajl_gen json = need(yajl_gen_alloc(NULL));

    yajl_gen_config(json, yajl_gen_beautify, 1);
    return json;
}

void json_text(yajl_gen json, const char *text)
{
    yajl_gen_string(json, (const unsigned char *)text, strlen(text));
}

void json_print(yajl_gen json, FILE *to)
{
    const unsigned char *text;
    size_t length;

    if (yajl_gen_get_buf(json, &text, &length) != yajl_gen_status_ok)
        fatal("unable to format domain config as JSON");
    fwrite(text, 1, length, to);
    yajl_gen_free(json);
}

struct listing *listing_object(const struct args *args)
{
    struct listing *l = need(calloc(1, sizeof(*l)));

    l->object = true;
    if (args->json)
        l->json = json_start();
    return l;
}

struct listing *listing_start(const struct args *args)
{
    struct listing *l = listing_object(args);

    l->object = false;
    if (l->json)
        yajl_gen_array_open(l->json);
    return l;
}

bool listing_is_table(const struct listing *l)
{
    return !l->json;
}

static void table_text(const struct listing *l, const char *format, va_list ap)
{
    if (!l->json)
        vprintf(format, ap);
}

void listing_heading(struct listing *l, const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    table_text(l, format, ap);
    va_end(ap);
}

void listing_row(struct listing *l)
{
    if (l->json)
        yajl_gen_map_open(l->json);
}

void listing_lines_end(struct listing *l)
{
    if (l->json)
        yajl_gen_map_close(l->json);
}

void listing_row_end(struct listing *l)
{
    if (l->json)
        yajl_gen_map_close(l->json);
    else
        putchar('\n');
}

static void cell(struct listing *l, const char *key, bool number, const char *format, va_list ap)
{
    char *text;

    if (!l->json) {
        vprintf(format, ap);
        return;
    }
    if (vasprintf(&text, format, ap) < 0)
        need(NULL);
    trim(text);
    json_text(l->json, key);
    if (number)
        yajl_gen_number(l->json, text, strlen(text));
    else
        json_text(l->json, text);
    free(text);
}

void cell_text(struct listing *l, const char *key, const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    cell(l, key, false, format, ap);
    va_end(ap);
}

void cell_number(struct listing *l, const char *key, const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    cell(l, key, true, format, ap);
    va_end(ap);
}

void cell_set(struct listing *l, const char *key, const libxl_bitmap *map)
{
    int bit;

    if (!l->json)
        return;
    json_text(l->json, key);
    yajl_gen_array_open(l->json);
    for (bit = 0; bit < (int)map->size * 8; bit++) {
        if (libxl_bitmap_test(map, bit))
            yajl_gen_integer(l->json, bit);
    }
    yajl_gen_array_close(l->json);
}

void cell_plain(struct listing *l, const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    table_text(l, format, ap);
    va_end(ap);
}

void cell_hidden(struct listing *l, const char *key, long long number)
{
    if (l->json) {
        json_text(l->json, key);
        yajl_gen_integer(l->json, number);
    }
}

void listing_rows(struct listing *l, const char *key)
{
    if (l->json) {
        json_text(l->json, key);
        yajl_gen_array_open(l->json);
    }
}

void listing_rows_end(struct listing *l)
{
    if (l->json)
        yajl_gen_array_close(l->json);
}

void listing_end(struct listing *l)
{
    if (l->json && !l->object)
        yajl_gen_array_close(l->json);
    if (l->json)
        json_print(l->json, stdout);
    free(l);
}
