/* Objects full of random values, by their types' tables; and the other library. */
#include <dlfcn.h>
#include <stdio.h>

#include "types_test.h"

struct libxl__ctx our_ctx;
static void *library;

void *theirs(const char *prefix, const char *name, bool may_miss)
{
    char symbol[128];
    void *f;

    snprintf(symbol, sizeof(symbol), "%s%s", prefix, name);
    f = dlsym(library, symbol);
    if (!f && !may_miss)
        fail_msg("Debian's library has no %s", symbol);
    return f;
}

/* Debian's library forgets a string when it refuses one. */
const char *__lsan_default_suppressions(void);
__attribute__((visibility("default"))) const char *__lsan_default_suppressions(void)
{
    return "leak:libxenlight.so\n";
}

/* It looks at the logger, the first member, and keeps a list of memory. */
libxl_ctx *their_ctx(void)
{
    static struct {
        xentoollog_logger *lg;
        char rest[65536];
    } ctx;

    if (!ctx.lg)
        ctx.lg = (xentoollog_logger *)xtl_createlogger_stdiostream(stderr, XTL_CRITICAL, 0);
    return (libxl_ctx *)&ctx;
}

int types_setup(void **state)
{
    (void)state;
    library = dlopen("/usr/lib/x86_64-linux-gnu/libxenlight.so.4.17", RTLD_NOW | RTLD_LOCAL);
    if (!library)
        print_error("%s\n", dlerror());
    return library ? 0 : -1;
}

uint64_t dice(uint64_t n)
{
    static uint64_t state = 0x2545f4914f6cdd1d;

    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return n ? (state >> 11) % n : 0;
}

static char *random_string(void)
{
    static const char *const strings[] = {
        "",         "a", "/dev/xvda1", "two words", "quote \" back \\ slash /", "line\nbreak\ttab",
        "\xc3\xa9",
    };

    return strdup(strings[dice(sizeof(strings) / sizeof(strings[0]))]);
}

static void fill_number(const struct type *t, void *p)
{
    switch (dice(6)) {
    case 0: /* as it is */
        break;
    case 1:
        number_set(t, p, 0);
        break;
    case 2:
        number_set(t, p, t->min ? t->min : 1);
        break;
    case 3: /* Debian's reader knows no number above this one */
        number_set(t, p, t->max > INT64_MAX ? INT64_MAX : (int64_t)t->max);
        break;
    default:
        number_set(t, p, (int64_t)dice(1 + (t->max > INT64_MAX ? INT64_MAX : t->max)));
    }
}

static void fill_bytes(void *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        ((uint8_t *)p)[i] = (uint8_t)dice(256);
}

static char **fill_list(size_t n, bool holes)
{
    char **list = calloc(n + 1, sizeof(*list));

    for (size_t i = 0; i < n; i++)
        list[i] = holes && i % 2 && dice(3) == 0 ? NULL : random_string();
    return list;
}

static void fill_builtin(const struct type *t, void *p)
{
    if (t == &type_string)
        *(char **)p = random_string();
    else if (t == &type_defbool)
        *(int *)p = (int)dice(3) - 1;
    else if (t == &type_string_list)
        *(char ***)p = fill_list(dice(4), false);
    else if (t == &type_key_value_list)
        *(char ***)p = fill_list(2 * dice(4), true);
    else if (t == &type_bitmap) {
        libxl_bitmap_alloc(NULL, p, (int)dice(70));
        if (dice(3))
            fill_bytes(((libxl_bitmap *)p)->map, ((libxl_bitmap *)p)->size);
    } else if (t != &type_cpuid_policy_list)
        fill_bytes(p, t->size);
}

static void fill_enum(const struct type *t, void *p)
{
    size_t n = 0;

    while (t->strings[n].s)
        n++;
    number_set(t, p, t->strings[dice(n)].v);
}

static void fill_field(const struct type *t, const struct field *f, void *p)
{
    const struct field *c;

    if (f->role == FIELD_ARRAY) {
        int n = (int)dice(4);
        char *array = calloc(n ? n : 1, f->type->size);

        for (int i = 0; i < n; i++) {
            type_init(f->type, array + i * f->type->size);
            fill(f->type, array + i * f->type->size);
        }
        *(void **)field_at(f, p) = array;
        *(int *)((char *)p + f->count) = n;
    } else if (f->role == FIELD_KEY) {
        int32_t key;

        fill_enum(f->type, &key);
        type_init_key(t, p, key);
        c = field_case(f, p);
        if (c)
            fill(c->type, field_at(c, p));
    } else {
        fill(f->type, field_at(f, p));
    }
}

void fill(const struct type *t, void *p)
{
    if (t->fields)
        for (const struct field *f = t->fields; f->name; f++) {
            if (f->type->fields || dice(4))
                fill_field(t, f, p);
        }
    else if (t->strings)
        fill_enum(t, p);
    else if (t == &type_bool)
        *(bool *)p = dice(2);
    else if (t->max)
        fill_number(t, p);
    else
        fill_builtin(t, p);
}

char *their_json(const struct type *t, void *p)
{
    char *(*to_json)(libxl_ctx *, void *) = theirs(t->name, "_to_json", false);

    return to_json(their_ctx(), p);
}
