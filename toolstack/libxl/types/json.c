/*
 * Objects as JSON, by the table of their type. libxl keeps a domain's configuration as such a text
 * in its store of user data, and sends it in the migration stream, so what is written is exactly
 * what Xen's libxl writes: members in the header's order, those that have their default left out, a
 * union as "KEY.VALUE": {...}.
 *
 * What is read comes from a file or another host. Nesting is bounded before a tree is made of the
 * text, each number is checked against its type, unknown members are ignored (a newer libxl may
 * have written them), and an error names the member.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "libxl/types/types.h"

#define MAX_DEPTH    32
#define MAX_ELEMENTS (1 << 16)

yajl_gen_status gen_string(yajl_gen hand, const char *s)
{
    return s ? yajl_gen_string(hand, (const unsigned char *)s, strlen(s)) : yajl_gen_null(hand);
}

static yajl_gen_status gen_array(const struct type *t, yajl_gen hand, const char *array, int n)
{
    yajl_gen_status s = yajl_gen_array_open(hand);

    for (int i = 0; s == yajl_gen_status_ok && i < n; i++)
        s = type_gen_json(t, hand, array + (size_t)i * t->size);
    return s == yajl_gen_status_ok ? yajl_gen_array_close(hand) : s;
}

/* The union behind a key: "KEY.VALUE": { the selected member's members }, nothing for a key that
 * has no name. */
static yajl_gen_status gen_union(const struct field *f, yajl_gen hand, const void *p)
{
    const struct field *c = field_case(f, p);
    const char *value = enum_name(f->type, (int)number_get(f->type, field_at(f, p)));
    yajl_gen_status s;
    char name[64];

    if (!value)
        return yajl_gen_status_ok;
    snprintf(name, sizeof(name), "%s.%s", f->name, value);
    s = gen_string(hand, name);
    if (s != yajl_gen_status_ok)
        return s;
    if (c)
        return type_gen_json(c->type, hand, field_at(c, p));
    s = yajl_gen_map_open(hand);
    return s == yajl_gen_status_ok ? yajl_gen_map_close(hand) : s;
}

static yajl_gen_status gen_member(const struct field *f, yajl_gen hand, const void *p)
{
    int n = f->role == FIELD_ARRAY ? *(const int *)((const char *)p + f->count) : 0;
    yajl_gen_status s;

    if (f->role == FIELD_KEY)
        return gen_union(f, hand, p);
    if (f->role == FIELD_ARRAY ? n <= 0 : type_is_default(f->type, field_at(f, p), f->initial))
        return yajl_gen_status_ok;
    s = gen_string(hand, f->name);
    if (s != yajl_gen_status_ok)
        return s;
    if (f->role == FIELD_ARRAY)
        return gen_array(f->type, hand, *(char **)field_at(f, p), n);
    return type_gen_json(f->type, hand, field_at(f, p));
}

yajl_gen_status struct_gen(const struct type *t, yajl_gen hand, const void *p)
{
    yajl_gen_status s = yajl_gen_map_open(hand);

    for (const struct field *f = t->fields; s == yajl_gen_status_ok && f->name; f++)
        s = gen_member(f, hand, p);
    return s == yajl_gen_status_ok ? yajl_gen_map_close(hand) : s;
}

yajl_gen_status type_gen_json(const struct type *t, yajl_gen hand, const void *p)
{
    return t->ops->gen(t, hand, p);
}

char *type_to_json(libxl_ctx *ctx, const struct type *t, const void *p)
{
    yajl_gen hand = libxl_yajl_gen_alloc(NULL);
    const unsigned char *text;
    char *copy = NULL;
    size_t length;

    (void)ctx;
    if (hand && type_gen_json(t, hand, p) == yajl_gen_status_ok &&
        yajl_gen_get_buf(hand, &text, &length) == yajl_gen_status_ok)
        copy = strdup((const char *)text);
    if (hand)
        yajl_gen_free(hand);
    return copy;
}

/* Log what is wrong with a text. */
static int refuse(libxl_ctx *ctx, const char *name, const char *what)
{
    struct op op = { .ctx = ctx, .name = name, .domid = LIBXL_INVALID_DOMID };

    return op_fail(&op, ERROR_FAIL, 0, "JSON: %s %s", name, what);
}

/* Write the names from the text down to this place, as in "domain_config.disks[2].vdev". */
static void name_place(const struct place *at, FILE *to)
{
    if (at->up)
        name_place(at->up, to);
    if (!at->name)
        fprintf(to, "[%zu]", at->index);
    else
        fprintf(to, "%s%s", at->up ? "." : "", at->name);
}

int bad_value(const struct place *at, const char *what)
{
    char *name = NULL;
    size_t length;
    FILE *to = open_memstream(&name, &length);
    int rc;

    if (to) {
        name_place(at, to);
        fclose(to);
    }
    rc = refuse(at->ctx, name ? name : at->name, what);
    free(name);
    return rc;
}

static yajl_val member_of(yajl_val object, const char *name)
{
    return yajl_tree_get(object, (const char *[]){ name, NULL }, yajl_t_any);
}

static int parse_array(const struct field *f, const struct place *at, yajl_val v, void *p)
{
    int *count = (int *)((char *)p + f->count);
    size_t n;
    char *array;
    int rc = 0;

    if (!YAJL_IS_ARRAY(v))
        return bad_value(at, "should be an array");
    n = YAJL_GET_ARRAY(v)->len;
    if (n > MAX_ELEMENTS)
        return bad_value(at, "has more than 65536 elements");
    type_list_free(f->type, *(void **)field_at(f, p), *count);
    array = xl_calloc(n, f->type->size);
    *(void **)field_at(f, p) = array;
    *count = (int)n;
    for (size_t i = 0; i < n; i++)
        type_init(f->type, array + i * f->type->size);
    for (size_t i = 0; !rc && i < n; i++) {
        struct place here = { .up = at, .ctx = at->ctx, .index = i };

        rc = f->type->ops->parse(f->type, &here, YAJL_GET_ARRAY(v)->values[i],
                                 array + i * f->type->size);
    }
    return rc;
}

/* The member of the JSON object v whose name is "KEY.VALUE" for a value of the key f. */
static int parse_union(const struct type *t, const struct field *f, const struct place *at,
                       yajl_val v, void *p)
{
    int rc = 0;

    for (const libxl_enum_string_table *s = f->type->strings; !rc && s->s; s++) {
        struct place here = { .up = at, .ctx = at->ctx };
        const struct field *c;
        char name[64];
        yajl_val inner;

        snprintf(name, sizeof(name), "%s.%s", f->name, s->s);
        inner = member_of(v, name);
        if (!inner)
            continue;
        here.name = name;
        if (number_get(f->type, field_at(f, p)) != f->initial)
            return bad_value(&here, "contradicts a member of the same union before it");
        type_init_key(t, p, s->v);
        c = field_case(f, p);
        if (c)
            rc = c->type->ops->parse(c->type, &here, inner, field_at(c, p));
    }
    return rc;
}

int struct_parse(const struct type *t, const struct place *at, yajl_val v, void *p)
{
    int rc = 0;

    if (!YAJL_IS_OBJECT(v))
        return bad_value(at, "should be an object");
    for (const struct field *f = t->fields; !rc && f->name; f++) {
        struct place here = { .up = at, .ctx = at->ctx, .name = f->name };
        yajl_val inner = member_of(v, f->name);

        if (f->role == FIELD_KEY)
            rc = parse_union(t, f, at, v, p);
        else if (inner && f->role == FIELD_ARRAY)
            rc = parse_array(f, &here, inner, p);
        else if (inner)
            rc = f->type->ops->parse(f->type, &here, inner, field_at(f, p));
    }
    return rc;
}

static int deeper(void *depth)
{
    return ++*(int *)depth <= MAX_DEPTH;
}

static int shallower(void *depth)
{
    --*(int *)depth;
    return 1;
}

/* The tree of the text is freed by recursion, so it must not be deep. */
static bool nesting_is_bounded(const char *text)
{
    static const yajl_callbacks callbacks = {
        .yajl_start_map = deeper,
        .yajl_end_map = shallower,
        .yajl_start_array = deeper,
        .yajl_end_array = shallower,
    };
    int depth = 0;
    yajl_handle hand = yajl_alloc(&callbacks, NULL, &depth);
    bool bounded;

    if (!hand)
        return false;
    yajl_config(hand, yajl_allow_comments, 1);
    bounded =
        yajl_parse(hand, (const unsigned char *)text, strlen(text)) != yajl_status_client_canceled;
    yajl_free(hand);
    return bounded;
}

int type_from_json(libxl_ctx *ctx, const struct type *t, void *p, const char *text)
{
    struct place at = { .ctx = ctx, .name = t->name };
    char why[256] = "";
    yajl_val tree;
    int rc;

    if (!nesting_is_bounded(text))
        return bad_value(&at, "is nested too deeply");
    tree = yajl_tree_parse(text, why, sizeof(why));
    if (!tree) {
        why[strcspn(why, "\n")] = '\0';
        return refuse(ctx, t->name, why);
    }
    rc = t->ops->parse(t, &at, tree, p);
    yajl_tree_free(tree);
    return rc;
}
