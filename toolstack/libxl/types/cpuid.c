/*
 * A guest's CPUID policy: made from the strings of `cpuid=` in xl.cfg (each "NAME=VALUE", or
 * "LEAF[,SUBLEAF]:REGISTER=BITS,..."), kept as types/cpuid.h says, written and read as JSON.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include "libxl/types/types.h"
#include "libxl/types/cpuid.h"

static const char *const register_names[CPUID_REGISTERS] = { "eax", "ebx", "ecx", "edx" };
static const char rule_characters[] = "01xks";

/* ---- rows ---- */

static struct libxl__cpu_policy *policy_of(libxl_cpuid_policy_list *list)
{
    if (!*list)
        *list = xl_calloc(1, sizeof(**list));
    return *list;
}

static struct cpuid_rule *find_cpuid(libxl_cpuid_policy_list *list, uint32_t leaf, uint32_t subleaf)
{
    struct libxl__cpu_policy *p = policy_of(list);
    struct cpuid_rule *r;

    for (size_t i = 0; i < p->nr_cpuid; i++)
        if (p->cpuid[i].leaf == leaf && p->cpuid[i].subleaf == subleaf)
            return &p->cpuid[i];
    p->cpuid = xl_realloc(p->cpuid, (p->nr_cpuid + 1) * sizeof(*r));
    r = &p->cpuid[p->nr_cpuid++];
    *r = (struct cpuid_rule){ .leaf = leaf, .subleaf = subleaf };
    return r;
}

static struct msr_rule *find_msr(libxl_cpuid_policy_list *list, uint32_t index)
{
    struct libxl__cpu_policy *p = policy_of(list);
    struct msr_rule *r;

    for (size_t i = 0; i < p->nr_msr; i++)
        if (p->msr[i].index == index)
            return &p->msr[i];
    p->msr = xl_realloc(p->msr, (p->nr_msr + 1) * sizeof(*r));
    r = &p->msr[p->nr_msr++];
    *r = (struct msr_rule){ .index = index };
    return r;
}

/* The string that has the rules of these bits, and its length. */
static char *rule_string(libxl_cpuid_policy_list *list, const struct cpuid_bits *bits,
                         size_t *length)
{
    bool msr = bits->subleaf == CPUID_MSR;
    char *rule = msr ? find_msr(list, bits->leaf)->policy
                     : find_cpuid(list, bits->leaf, bits->subleaf)->reg[bits->reg];

    *length = msr ? 64 : 32;
    if (!*rule)
        memset(rule, 'x', *length);
    return rule;
}

/* Set the rules of some bits to a number, or all to the character that is not 0. */
static void set_bits(libxl_cpuid_policy_list *list, const struct cpuid_bits *bits, unsigned int low,
                     unsigned int width, unsigned long long number, char character)
{
    size_t length;
    char *rule = rule_string(list, bits, &length);

    for (unsigned int i = 0; i < width; i++)
        rule[length - 1 - low - i] = character ? character : (char)('0' + (number >> i & 1));
}

/* ---- the strings of a configuration ---- */

/* False: the bits cannot hold the number. */
static bool set_number(libxl_cpuid_policy_list *list, const struct cpuid_bits *bits,
                       unsigned long long number)
{
    unsigned long long high = 0;

    if (bits->high == CPUID_HIGH_SHIFTED) {
        high = number >> bits->width;
        number -= high << bits->width;
    } else if (bits->high == CPUID_HIGH_ADDED && number >> bits->width) {
        high = number - ((1U << bits->width) - 1);
        number -= high;
    }
    if (number >> bits->width || high >> bits->high_width)
        return false;
    set_bits(list, bits, bits->low, bits->width, number, 0);
    set_bits(list, bits, bits->high_low, bits->high_width, high, 0);
    return true;
}

/* Returns 0, or 1: has no '=', 2: unknown name, 3: bad value. What follows a comma is not read. */
int libxl_cpuid_parse_config(libxl_cpuid_policy_list *list, const char *str)
{
    const char *value = strchr(str, '=');
    struct cpuid_bits bits;
    unsigned long long number;
    size_t length;
    char *end;

    if (!value)
        return 1;
    if (!cpuid_find_bits(str, (size_t)(value - str), &bits))
        return 2;
    value++;
    length = strcspn(value, ",");
    if (length == 1 && strchr("xks", *value)) {
        set_bits(list, &bits, bits.low, bits.width, 0, *value);
        set_bits(list, &bits, bits.high_low, bits.high_width, 0, *value);
        return 0;
    }
    errno = 0;
    number = strtoull(value, &end, 0);
    if (length == 0 || strchr("-+ \t", *value) || end != value + length || errno)
        return 3;
    return set_number(list, &bits, number) ? 0 : 3;
}

static bool is_rule(const char *s, size_t length, size_t wanted)
{
    return length == wanted && strspn(s, rule_characters) >= length;
}

static int register_named(const char *name, size_t length)
{
    for (int i = 0; i < CPUID_REGISTERS; i++)
        if (length == 3 && !memcmp(name, register_names[i], 3))
            return i;
    return -1;
}

/* A number up to 2^32 - 1; false: there is none. */
static bool read_number(const char *s, char **end, uint32_t *number)
{
    unsigned long long n;

    errno = 0;
    n = strtoull(s, end, 0);
    *number = (uint32_t)n;
    return *end != s && !errno && n <= UINT32_MAX && !memchr(s, '-', (size_t)(*end - s));
}

/* Returns 0, or 1: no leaf, 2: no subleaf after the comma, 3: no ':', 4: no register, 5: its rule
 * does not have 32 characters of "01xks". */
int libxl_cpuid_parse_config_xend(libxl_cpuid_policy_list *list, const char *str)
{
    uint32_t leaf, subleaf = CPUID_NO_SUBLEAF;
    struct cpuid_rule rule = { 0 }, *r;
    char *s;

    if (!read_number(str, &s, &leaf))
        return 1;
    if (*s == ',' && !read_number(s + 1, &s, &subleaf))
        return 2;
    if (*s++ != ':')
        return 3;
    while (*s) {
        size_t name = strcspn(s, "="), length;
        int reg = s[name] ? register_named(s, name) : -1;

        if (reg < 0)
            return 4;
        s += name + 1;
        length = strcspn(s, ",");
        if (!is_rule(s, length, 32))
            return 5;
        memcpy(rule.reg[reg], s, 32);
        s += length + (s[length] == ',');
    }
    r = find_cpuid(list, leaf, subleaf);
    for (int i = 0; i < CPUID_REGISTERS; i++)
        if (*rule.reg[i])
            memcpy(r->reg[i], rule.reg[i], sizeof(rule.reg[i]));
    return 0;
}

/* ---- as a type of a member ---- */

void libxl_cpuid_dispose(libxl_cpuid_policy_list *list)
{
    if (!*list)
        return;
    free((*list)->cpuid);
    free((*list)->msr);
    free(*list);
    *list = NULL;
}

int libxl_cpuid_policy_list_length(const libxl_cpuid_policy_list *list)
{
    return *list ? (int)(*list)->nr_cpuid : 0;
}

void libxl_cpuid_policy_list_copy(libxl_ctx *ctx, libxl_cpuid_policy_list *dst,
                                  const libxl_cpuid_policy_list *src)
{
    const struct libxl__cpu_policy *from = *src;

    (void)ctx;
    *dst = NULL;
    for (size_t i = 0; from && i < from->nr_cpuid; i++)
        *find_cpuid(dst, from->cpuid[i].leaf, from->cpuid[i].subleaf) = from->cpuid[i];
    for (size_t i = 0; from && i < from->nr_msr; i++)
        *find_msr(dst, from->msr[i].index) = from->msr[i];
}

static void cpuid_dispose(const struct type *t, void *p)
{
    (void)t;
    libxl_cpuid_dispose(p);
}

static void cpuid_copy(const struct type *t, void *dst, const void *src)
{
    (void)t;
    libxl_cpuid_policy_list_copy(NULL, dst, src);
}

static bool cpuid_is_default(const struct type *t, const void *p, int64_t initial)
{
    const struct libxl__cpu_policy *policy = *(const libxl_cpuid_policy_list *)p;

    (void)t;
    (void)initial;
    return !policy || (!policy->nr_cpuid && !policy->nr_msr);
}

static void gen_cpuid_rule(yajl_gen hand, const struct cpuid_rule *r)
{
    yajl_gen_map_open(hand);
    gen_string(hand, "leaf");
    yajl_gen_integer(hand, r->leaf);
    if (r->subleaf != CPUID_NO_SUBLEAF) {
        gen_string(hand, "subleaf");
        yajl_gen_integer(hand, r->subleaf);
    }
    for (int i = 0; i < CPUID_REGISTERS; i++)
        if (*r->reg[i]) {
            gen_string(hand, register_names[i]);
            gen_string(hand, r->reg[i]);
        }
    yajl_gen_map_close(hand);
}

static void gen_msr_rule(yajl_gen hand, const struct msr_rule *r)
{
    yajl_gen_map_open(hand);
    gen_string(hand, "index");
    yajl_gen_integer(hand, r->index);
    gen_string(hand, "policy");
    gen_string(hand, r->policy);
    yajl_gen_map_close(hand);
}

/* An error of yajl stays with the handle, so the last status is that of all. */
static yajl_gen_status cpuid_gen(const struct type *t, yajl_gen hand, const void *p)
{
    const struct libxl__cpu_policy *policy = *(const libxl_cpuid_policy_list *)p;

    (void)t;
    yajl_gen_map_open(hand);
    gen_string(hand, "cpuid");
    yajl_gen_array_open(hand);
    for (size_t i = 0; policy && i < policy->nr_cpuid; i++)
        gen_cpuid_rule(hand, &policy->cpuid[i]);
    yajl_gen_array_close(hand);
    gen_string(hand, "msr");
    yajl_gen_array_open(hand);
    for (size_t i = 0; policy && i < policy->nr_msr; i++)
        gen_msr_rule(hand, &policy->msr[i]);
    yajl_gen_array_close(hand);
    return yajl_gen_map_close(hand);
}

yajl_gen_status libxl_cpuid_policy_list_gen_json(yajl_gen hand, libxl_cpuid_policy_list *p)
{
    return cpuid_gen(&type_cpuid_policy_list, hand, p);
}

/* A member of the JSON object v: a rule of this length in *rule, which stays empty without one. */
static int parse_rule(const struct place *at, yajl_val v, const char *name, size_t length,
                      char *rule)
{
    struct place here = { .up = at, .ctx = at->ctx, .name = name };
    yajl_val member = yajl_tree_get(v, (const char *[]){ name, NULL }, yajl_t_any);
    const char *s = YAJL_IS_STRING(member) ? YAJL_GET_STRING(member) : "";

    if (!member)
        return 0;
    if (!is_rule(s, strlen(s), length))
        return bad_value(&here, "should be a string of 32 (of an MSR 64) characters of 01xks");
    memcpy(rule, s, length + 1);
    return 0;
}

static int parse_index(const struct place *at, yajl_val v, const char *name, uint32_t *index)
{
    struct place here = { .up = at, .ctx = at->ctx, .name = name };
    yajl_val member = yajl_tree_get(v, (const char *[]){ name, NULL }, yajl_t_any);

    return member ? type_uint32.ops->parse(&type_uint32, &here, member, index) : 0;
}

static int parse_cpuid_rule(const struct place *at, yajl_val v, libxl_cpuid_policy_list *list)
{
    uint32_t leaf = 0, subleaf = CPUID_NO_SUBLEAF;
    struct cpuid_rule *r;
    int rc;

    rc = parse_index(at, v, "leaf", &leaf);
    rc = rc ? rc : parse_index(at, v, "subleaf", &subleaf);
    if (rc)
        return rc;
    r = find_cpuid(list, leaf, subleaf);
    for (int i = 0; !rc && i < CPUID_REGISTERS; i++)
        rc = parse_rule(at, v, register_names[i], 32, r->reg[i]);
    return rc;
}

static int parse_msr_rule(const struct place *at, yajl_val v, libxl_cpuid_policy_list *list)
{
    uint32_t index = 0;
    int rc = parse_index(at, v, "index", &index);

    return rc ? rc : parse_rule(at, v, "policy", 64, find_msr(list, index)->policy);
}

static int parse_rules(const struct place *at, yajl_val v, libxl_cpuid_policy_list *list,
                       int (*parse)(const struct place *, yajl_val, libxl_cpuid_policy_list *))
{
    int rc = 0;

    if (!v)
        return 0;
    if (!YAJL_IS_ARRAY(v) || YAJL_GET_ARRAY(v)->len > 1024)
        return bad_value(at, "should be an array of at most 1024 rules");
    for (size_t i = 0; !rc && i < YAJL_GET_ARRAY(v)->len; i++) {
        struct place here = { .up = at, .ctx = at->ctx, .index = i };

        rc = parse(&here, YAJL_GET_ARRAY(v)->values[i], list);
    }
    return rc;
}

/* Before there were rules for MSRs, the array of CPUID's rules stood alone. */
static int cpuid_parse(const struct type *t, const struct place *at, yajl_val v, void *p)
{
    yajl_val cpuid, msr;
    int rc;

    (void)t;
    if (YAJL_IS_ARRAY(v))
        return parse_rules(at, v, p, parse_cpuid_rule);
    if (!YAJL_IS_OBJECT(v))
        return bad_value(at, "should be an object");
    cpuid = yajl_tree_get(v, (const char *[]){ "cpuid", NULL }, yajl_t_any);
    msr = yajl_tree_get(v, (const char *[]){ "msr", NULL }, yajl_t_any);
    rc = parse_rules(at, cpuid, p, parse_cpuid_rule);
    return rc ? rc : parse_rules(at, msr, p, parse_msr_rule);
}

static const struct type_ops cpuid_ops = {
    .dispose = cpuid_dispose,
    .copy = cpuid_copy,
    .is_default = cpuid_is_default,
    .gen = cpuid_gen,
    .parse = cpuid_parse,
};
const struct type type_cpuid_policy_list = {
    .name = "cpuid_policy_list",
    .size = sizeof(libxl_cpuid_policy_list),
    .ops = &cpuid_ops,
};
