/*
 * The hypervisor's command line. Parsed once on the boot CPU before there is a console (what is
 * said here waits in the ring). The options themselves are declared where they are used and
 * collected by the linker; see hv/cmdline.h. Names compare with '-' and '_' equal, as in Xen.
 */
#include <hv/cmdline.h>
#include <hv/errno.h>
#include <hv/printk.h>
#include <hv/string.h>

#define WORD_SIZE 512 /* longest option */

extern const struct option __start_option_table[], __stop_option_table[];

static char fold(char c)
{
    return c == '-' ? '_' : c;
}

/* `name` is the option's, `s` what was typed, `len` characters up to its '=' or end. */
static bool name_is(const char *name, const char *s, size_t len)
{
    if (strlen(name) != len)
        return false;
    for (size_t i = 0; i < len; i++)
        if (fold(name[i]) != fold(s[i]))
            return false;
    return true;
}

static const struct option *find_option(const char *s, size_t len)
{
    for (const struct option *o = __start_option_table; o < __stop_option_table; o++)
        if (name_is(o->name, s, len))
            return o;
    return NULL;
}

int parse_bool(const char *s)
{
    static const char *const words[][2] = {
        { "off", "on" }, { "false", "true" }, { "no", "yes" }, { "0", "1" }, { "disable", "enable" }
    };

    for (unsigned int i = 0; i < ARRAY_SIZE(words); i++)
        for (int value = 0; value < 2; value++)
            if (!strcmp(s, words[i][value]))
                return value;
    return -1;
}

static int digit_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return 16;
}

/* A C number; *end is `s` if there is none. What does not fit gives the largest number. */
static uint64_t parse_number(const char *s, const char **end)
{
    bool hex = s[0] == '0' && (s[1] == 'x' || s[1] == 'X') && digit_value(s[2]) < 16;
    unsigned int base = hex ? 16 : 10;
    uint64_t value = 0;

    if (hex)
        s += 2;
    for (; digit_value(*s) < (int)base; s++)
        if (__builtin_mul_overflow(value, base, &value) ||
            __builtin_add_overflow(value, (unsigned int)digit_value(*s), &value))
            value = UINT64_MAX / base + 1; /* the next digit overflows again */
    *end = s;
    return value;
}

uint64_t parse_size(const char *s, const char **end, uint64_t bare_unit)
{
    static const char suffixes[] = "BKMGT";
    uint64_t value = parse_number(s, end), unit = bare_unit;
    const char *suffix;
    char upper;

    if (*end == s)
        return 0;
    upper = **end >= 'a' && **end <= 'z' ? (char)(**end - 'a' + 'A') : **end;
    suffix = upper ? strchr(suffixes, upper) : NULL;
    if (suffix) {
        unit = 1UL << (10 * (suffix - suffixes));
        ++*end;
    }
    return __builtin_mul_overflow(value, unit, &value) ? UINT64_MAX : value;
}

static int set_bool(const struct option *o, const char *value, bool negated)
{
    int parsed = *value ? parse_bool(value) : 1;

    if (parsed < 0)
        return -EINVAL;
    *(bool *)o->var = negated ? !parsed : parsed;
    return 0;
}

static int set_uint(const struct option *o, const char *value)
{
    const char *end;
    uint64_t number = parse_number(value, &end);

    if (end == value || *end || number > UINT32_MAX)
        return -EINVAL;
    *(unsigned int *)o->var = (unsigned int)number;
    return 0;
}

static int set_size(const struct option *o, const char *value)
{
    const char *end;
    uint64_t bytes = parse_size(value, &end, 1024);

    if (end == value || *end)
        return -EINVAL;
    *(uint64_t *)o->var = bytes;
    return 0;
}

static int set_string(const struct option *o, const char *value)
{
    size_t len = strlen(value);

    if (len >= o->var_size)
        return -EINVAL;
    memcpy(o->var, value, len + 1);
    return 0;
}

int option_set(const struct option *o, const char *value)
{
    if (strlen(value) >= o->var_size || o->parse(value))
        return -EINVAL;
    return set_string(o, value);
}

const struct option *option_runtime(unsigned int n)
{
    for (const struct option *o = __start_option_table; o < __stop_option_table; o++)
        if (o->type == OPTION_RUNTIME && n-- == 0)
            return o;
    return NULL;
}

static int set_option(const struct option *o, const char *value, bool negated)
{
    if (negated && o->type != OPTION_BOOL) {
        if (*value || o->type != OPTION_CUSTOM)
            return -EINVAL;
        return o->parse("no");
    }
    switch (o->type) {
    case OPTION_BOOL:
        return set_bool(o, value, negated);
    case OPTION_UINT:
        return set_uint(o, value);
    case OPTION_SIZE:
        return set_size(o, value);
    case OPTION_STRING:
        return set_string(o, value);
    case OPTION_CUSTOM:
        return o->parse(value);
    case OPTION_RUNTIME:
        return option_set(o, value);
    }
    return -EINVAL;
}

static void parse_word(const char *word)
{
    const char *equals = strchr(word, '=');
    size_t len = equals ? (size_t)(equals - word) : strlen(word);
    const char *value = equals ? equals + 1 : "";
    const struct option *o = find_option(word, len);
    bool negated = false;

    if (!o && len > 3 && name_is("no_", word, 3)) {
        o = find_option(word + 3, len - 3);
        negated = true;
    }
    if (!o)
        printk(LOG_WARN, "The command line's option \"%s\" is not known; it was ignored.\n", word);
    else if (set_option(o, value, negated))
        printk(LOG_WARN,
               "The command line's \"%s\" is not a value that this option takes; it was "
               "ignored.\n",
               word);
}

/* One word without its quotes; a blank within quotes does not end it. Returns what follows;
 * *fits is false if the word was too long for the buffer. */
static const char *take_word(const char *s, char *word, bool *fits)
{
    size_t len = 0;
    char quote = '\0';

    for (; *s && (quote || (*s != ' ' && *s != '\t' && *s != '\n')); s++) {
        if (quote ? *s == quote : (*s == '"' || *s == '\'')) {
            quote = quote ? '\0' : *s;
            continue;
        }
        if (len < WORD_SIZE - 1)
            word[len] = *s;
        len++;
    }
    *fits = len < WORD_SIZE;
    word[*fits ? len : WORD_SIZE - 1] = '\0';
    return s;
}

void cmdline_parse(const char *line)
{
    char word[WORD_SIZE];
    bool fits;

    for (;;) {
        while (*line == ' ' || *line == '\t' || *line == '\n')
            line++;
        if (!*line)
            return;
        line = take_word(line, word, &fits);
        if (!strcmp(word, "--")) /* what follows is for dom0's kernel */
            return;
        if (!fits)
            printk(LOG_WARN,
                   "The command line's option \"%.32s...\" is too long; it was ignored.\n", word);
        else if (*word)
            parse_word(word);
    }
}

void cmdline_print_help(void)
{
    static const char *const forms[] = {
        [OPTION_BOOL] = "[=yes|no]", [OPTION_UINT] = "=number", [OPTION_SIZE] = "=size",
        [OPTION_STRING] = "=text",   [OPTION_CUSTOM] = "=...",  [OPTION_RUNTIME] = "=..."
    };

    for (const struct option *o = __start_option_table; o < __stop_option_table; o++)
        printk_raw("  %s%-*s %s\n", o->name, max(24 - (int)strlen(o->name), 1), forms[o->type],
                   o->help);
}
