/* Every type of the header: what our helpers do is what Debian's do. */
#include <stdio.h>

#include "types_test.h"

#define MAX_SIZE 2048
#define ROUNDS   200

static bool is_zero(const char *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (p[i])
            return false;
    return true;
}

/* For each type that is a struct */
static void each_struct(void (*test)(const struct type *t))
{
    for (const struct type *const *t = all_types; *t; t++)
        if ((*t)->fields) {
            assert_true((*t)->size <= MAX_SIZE);
            test(*t);
        }
}

static void new_object(const struct type *t)
{
    void (*init)(void *) = theirs(t->name, "_init", false);
    char a[MAX_SIZE], b[MAX_SIZE];
    char *ja, *jb;

    memset(a, 0xcc, sizeof(a));
    memset(b, 0xcc, sizeof(b));
    type_init(t, a);
    init(b);
    if (memcmp(a, b, sizeof(a)))
        print_error("a new %s differs\n", t->name);
    assert_memory_equal(a, b, sizeof(a));
    ja = type_to_json(&our_ctx, t, a);
    jb = their_json(t, b);
    assert_string_equal(ja, jb);
    free(ja);
    free(jb);
}

static void new_objects_are_equal(void **state)
{
    (void)state;
    each_struct(new_object);
}

static void check_key(const struct type *t, const struct field *key)
{
    char name[32] = "_init_";
    void (*init)(void *) = theirs(t->name, "_init", false);
    void (*init_key)(void *, int) = theirs(t->name, strcat(name, key->name), false);

    for (const libxl_enum_string_table *s = key->type->strings; s->s; s++) {
        char a[MAX_SIZE] = "", b[MAX_SIZE] = "";

        type_init(t, a);
        type_init_key(t, a, s->v);
        init(b);
        init_key(b, s->v);
        assert_memory_equal(a, b, sizeof(a));
        type_dispose(t, a);
    }
}

static void check_keys(const struct type *t)
{
    for (const struct field *f = t->fields; f->name; f++)
        if (f->role == FIELD_KEY)
            check_key(t, f);
}

static void new_unions_are_equal(void **state)
{
    (void)state;
    each_struct(check_keys);
}

/* Ours written by both, read by both, copied by both. */
static void check_json(const struct type *t)
{
    int (*their_parse)(libxl_ctx *, void *, const char *) = theirs(t->name, "_from_json", false);
    void (*their_copy)(libxl_ctx *, void *, void *) = theirs(t->name, "_copy", false);
    void (*their_dispose)(void *) = theirs(t->name, "_dispose", true);
    char a[MAX_SIZE], b[MAX_SIZE], c[MAX_SIZE], d[MAX_SIZE];
    char *text, *again;

    type_init(t, a);
    fill(t, a);
    text = type_to_json(&our_ctx, t, a);
    again = their_json(t, a);
    assert_string_equal(text, again);
    free(again);

    type_init(t, b);
    if (type_from_json(&our_ctx, t, b, text))
        fail_msg("%s: we do not read what we wrote: %s", t->name, text);
    again = type_to_json(&our_ctx, t, b);
    assert_string_equal(text, again);
    free(again);

    type_init(t, c);
    assert_int_equal(their_parse(their_ctx(), c, text), 0);
    again = type_to_json(&our_ctx, t, c);
    assert_string_equal(text, again);
    free(again);
    type_dispose(t, c);

    type_copy(t, c, b);
    type_init(t, d);
    their_copy(their_ctx(), d, b);
    type_dispose(t, b);
    assert_true(is_zero(b, t->size));
    again = type_to_json(&our_ctx, t, c);
    assert_string_equal(text, again);
    free(again);
    again = type_to_json(&our_ctx, t, d);
    assert_string_equal(text, again);
    free(again);
    type_dispose(t, a);
    type_dispose(t, c);
    if (their_dispose) {
        their_dispose(d);
        assert_true(is_zero(d, t->size));
    } else {
        type_dispose(t, d);
    }
    free(text);
}

static void json_is_equal_and_read_by_both(void **state)
{
    (void)state;
    for (int i = 0; i < ROUNDS; i++)
        each_struct(check_json);
}

static void check_enum(const struct type *t)
{
    const libxl_enum_string_table *table = theirs(t->name, "_string_table", false);
    const char *(*to_string)(int) = theirs(t->name, "_to_string", false);
    int (*from_string)(const char *, int *) = theirs(t->name, "_from_string", false);
    size_t i;

    for (i = 0; t->strings[i].s; i++) {
        const char *s = t->strings[i].s;
        char upper[64] = "";
        int a = 77, b = 77;

        assert_string_equal(s, table[i].s);
        assert_int_equal(t->strings[i].v, table[i].v);
        assert_string_equal(enum_name(t, table[i].v), to_string(table[i].v));
        for (size_t n = 0; s[n]; n++)
            upper[n] = s[n] == '_' ? '_' : (char)(n % 2 ? s[n] : s[n] & ~32);
        assert_int_equal(enum_value(t, upper, &a), from_string(upper, &b));
        assert_int_equal(a, b);
    }
    assert_null(table[i].s);
    assert_int_equal(table[i].v, t->strings[i].v);
    for (int value = -40; value < 60; value++)
        if (!enum_name(t, value))
            assert_null(to_string(value));
    for (const char *const *s = (const char *const[]){ "", "nosuch", "default ", NULL }; *s; s++) {
        int a = 77, b = 77;

        assert_int_equal(enum_value(t, *s, &a), from_string(*s, &b));
        assert_int_equal(a, b);
    }
}

static void enums_are_equal(void **state)
{
    (void)state;
    for (const struct type *const *t = all_types; *t; t++)
        if ((*t)->strings)
            check_enum(*t);
}

static void enum_json_is_equal(void **state)
{
    (void)state;
    for (const struct type *const *t = all_types; *t; t++) {
        char *(*to_json)(libxl_ctx *, int);
        char *a, *b;

        if (!(*t)->strings)
            continue;
        to_json = theirs((*t)->name, "_to_json", false);
        for (int value = -2; value < 8; value++) {
            a = type_to_json(&our_ctx, *t, &value);
            b = to_json(their_ctx(), value);
            assert_string_equal(a, b);
            free(a);
            free(b);
        }
    }
}

/* Values that do not fit are refused, never taken for something else. */
static void bad_json_is_refused(void **state)
{
    static const char *const bad[] = {
        "",
        "{",
        "[]",
        "7",
        "{\"max_vcpus\": 3",
        "{\"max_vcpus\": 2147483648}",
        "{\"max_vcpus\": -2147483649}",
        "{\"max_vcpus\": 3.0}",
        "{\"max_vcpus\": 1e3}",
        "{\"max_vcpus\": \"3\"}",
        "{\"max_vcpus\": true}",
        "{\"max_memkb\": -1}",
        "{\"max_memkb\": 18446744073709551616}",
        "{\"rtc_timeoffset\": 4294967296}",
        "{\"avail_vcpus\": [-1]}",
        "{\"avail_vcpus\": [1048576]}",
        "{\"avail_vcpus\": [\"a\"]}",
        "{\"avail_vcpus\": \"all\"}",
        "{\"numa_placement\": \"true\"}",
        "{\"numa_placement\": true}",
        "{\"tsc_mode\": \"nope\"}",
        "{\"tsc_mode\": 2}",
        "{\"extra\": [1]}",
        "{\"extra\": [\"a\", null]}",
        "{\"extra\": {}}",
        "{\"irqs\": 7}",
        "{\"irqs\": [1, -1]}",
        "{\"ioports\": [{\"first\": 1}, 5]}",
        "{\"kernel\": 5}",
        "{\"type.hvm\": {}, \"type.pv\": {}}",
        "{\"type.hvm\": 5}",
        "{\"type.hvm\": {\"ms_vm_genid\": [1, 2, 3]}}",
        "{\"sched_params\": []}",
        "{\"cpuid\": \"host\"}",
        "{\"cpuid\": {\"cpuid\": [{\"leaf\": 1, \"eax\": \"x\"}]}}",
        "{\"cpuid\": {\"msr\": [{\"index\": 1, \"policy\": \"01\"}]}}",
    };
    const struct type *const *t = all_types;

    (void)state;
    while (strcmp((*t)->name, "libxl_domain_build_info"))
        t++;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        libxl_domain_build_info info;

        type_init(*t, &info);
        if (type_from_json(&our_ctx, *t, &info, bad[i]) != ERROR_FAIL)
            fail_msg("taken: %s", bad[i]);
        type_dispose(*t, &info);
    }
}

static void deep_json_is_refused(void **state)
{
    const struct type *const *t = all_types;
    size_t depth = 1 << 20;
    char *text = malloc(depth + 1);
    libxl_domain_config config;

    (void)state;
    while (strcmp((*t)->name, "libxl_domain_config"))
        t++;
    memset(text, '[', depth);
    text[depth] = '\0';
    type_init(*t, &config);
    assert_int_equal(type_from_json(&our_ctx, *t, &config, text), ERROR_FAIL);
    type_dispose(*t, &config);
    free(text);
}

static char logged[256];

static void keep_message(xentoollog_logger *logger, xentoollog_level level, int err,
                         const char *context, const char *format, va_list args)
{
    (void)logger, (void)level, (void)err, (void)context;
    vsnprintf(logged, sizeof(logged), format, args);
}

static void errors_name_the_place(void **state)
{
    struct xentoollog_logger logger = { .vmessage = keep_message };
    const struct type *const *t = all_types;
    libxl_domain_config config;

    (void)state;
    while (strcmp((*t)->name, "libxl_domain_config"))
        t++;
    type_init(*t, &config);
    our_ctx.lg = &logger;
    type_from_json(&our_ctx, *t, &config, "{\"disks\": [{}, {\"readwrite\": 3.5}]}");
    our_ctx.lg = NULL;
    type_dispose(*t, &config);
    assert_string_equal(logged, "JSON: libxl_domain_config.disks[1].readwrite should be an integer "
                                "from -2147483648 to 2147483647");
}

int main(void)
{
    static const struct CMUnitTest own[] = {
        cmocka_unit_test(new_objects_are_equal),
        cmocka_unit_test(new_unions_are_equal),
        cmocka_unit_test(json_is_equal_and_read_by_both),
        cmocka_unit_test(enums_are_equal),
        cmocka_unit_test(enum_json_is_equal),
        cmocka_unit_test(bad_json_is_refused),
        cmocka_unit_test(deep_json_is_refused),
        cmocka_unit_test(errors_name_the_place),
    };
    struct CMUnitTest tests[64];
    size_t n = 0;

    for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
        tests[n++] = own[i];
    for (size_t i = 0; i < nr_builtin_tests; i++)
        tests[n++] = builtin_tests[i];
    for (size_t i = 0; i < nr_cpuid_tests; i++)
        tests[n++] = cpuid_tests[i];
    return _cmocka_run_group_tests("types", tests, n, types_setup, NULL);
}
