/*
 * The language of xl.cfg: settings `NAME = VALUE` and `NAME += VALUE`, each on a line or ended by a
 * semicolon; a value is a string in quotes, a number, or a list. Called by xlu_cfg_readdata().
 *
 *     text    = { [setting] (newline | ";") }
 *     setting = name ("=" | "+=") value
 *     value   = string | number | list
 *     list    = "[" [value { "," value } [","]] "]"      newlines may stand between its parts
 *     name    = a letter from a to z, then those, digits, "_" and "."
 *     number  = a digit, then digits, a to f and "x"; what it means is decided where it is used
 *
 * Blanks and comments (from "#" to the end of the line) may stand between all of these. It is read
 * by recursive descent, one function for each line above; the text may be anything.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "xlutil/internal.h"

/* Lists in lists. Nobody needs more, and each costs a piece of the stack. */
#define MAX_DEPTH 64

struct reader {
    XLU_Config *cfg;
    const char *at, *end;
    int line, depth;
};

static int parse_value(struct reader *r, XLU_ConfigValue **value);

static char next(const struct reader *r)
{
    return r->at < r->end ? *r->at : '\0';
}

static bool is_in(char c, const char *set)
{
    return c && strchr(set, c);
}

static bool is_name(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || is_in(c, "_.");
}

static bool is_number(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || c == 'x';
}

static void skip_blanks(struct reader *r)
{
    while (is_in(next(r), " \t"))
        r->at++;
    if (next(r) == '#')
        while (r->at < r->end && *r->at != '\n')
            r->at++;
}

static void skip_lines(struct reader *r)
{
    for (skip_blanks(r); next(r) == '\n'; skip_blanks(r)) {
        r->at++;
        r->line++;
    }
}

/* Say what should stand here, and what does. */
static int expected(const struct reader *r, const char *what)
{
    int length = 0;

    while (r->at + length < r->end && length < 20 && (unsigned char)r->at[length] > ' ')
        length++;
    if (r->at >= r->end)
        return report(r->cfg, r->line, "%s is expected, but the file ends", what);
    if (*r->at == '\n')
        return report(r->cfg, r->line, "%s is expected, but the line ends", what);
    if (*r->at == '\r')
        return report(r->cfg, r->line,
                      "the line ends with a carriage return; convert the file to Unix line ends");
    if (length == 0)
        return report(r->cfg, r->line, "the character with the code %d is not allowed here",
                      (unsigned char)*r->at);
    return report(r->cfg, r->line, "%s is expected instead of '%.*s'", what, length, r->at);
}

static int hex_digit(char c)
{
    const char *digits = "0123456789abcdef", *d = is_in(c, digits) ? strchr(digits, c) : NULL;

    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return d ? (int)(d - digits) : 16;
}

/* The character behind a backslash: a letter, three octal digits, or x and two hexadecimal ones;
 * -1 for anything else. r is behind the backslash, and is moved. */
static int parse_escape(struct reader *r)
{
    static const char letters[] = "abfnrtv\\'\"", meanings[] = "\a\b\f\n\r\t\v\\'\"";
    int base = next(r) == 'x' ? 16 : 8, digits = base == 16 ? 2 : 3, code = 0;

    if (is_in(next(r), letters))
        return meanings[strchr(letters, *r->at++) - letters];
    r->at += base == 16;
    for (int i = 0; i < digits; i++) {
        int digit = hex_digit(next(r));

        if (digit >= base)
            return -1;
        code = code * base + digit;
        r->at++;
    }
    return code > 0 && code < 256 ? code : -1;
}

/* How many characters stand between the quotes, escapes as they are written; or -1: no end. */
static ptrdiff_t quoted_length(const struct reader *r)
{
    const char *s = r->at + 1;

    while (s < r->end && *s != *r->at) {
        s += *s == '\\';
        if (s >= r->end || *s == '\n' || !*s)
            return -1;
        s++;
    }
    return s < r->end ? s - r->at - 1 : -1;
}

static int parse_string(struct reader *r, char **string)
{
    ptrdiff_t length = quoted_length(r);
    const char *end = r->at + 1 + length;
    char *s;

    if (length < 0)
        return report(r->cfg, r->line, "a string begins here that does not end on its line");
    /* Escapes only make it shorter. */
    *string = s = malloc((size_t)length + 1);
    if (!s)
        return ENOMEM;
    for (r->at++; r->at < end; s++) {
        const char *here = r->at;
        int c = (unsigned char)*r->at++;

        if (c == '\\')
            c = parse_escape(r);
        if (c < 0)
            return report(r->cfg, r->line,
                          "in a string, '%.2s' is no escape; write '\\\\' for a backslash", here);
        *s = (char)c;
    }
    r->at++;
    *s = '\0';
    return 0;
}

static int parse_number(struct reader *r, char **string)
{
    const char *start = r->at;

    while (is_number(next(r)))
        r->at++;
    *string = strndup(start, (size_t)(r->at - start));
    return *string ? 0 : ENOMEM;
}

/* Append to a list; it owns the value from then on. */
static int list_add(XLU_ConfigList *list, XLU_ConfigValue *value)
{
    XLU_ConfigValue **values;

    /* The room doubles when the count is a power of two. */
    if (!(list->count & (list->count - 1))) {
        size_t room = list->count ? 2 * (size_t)list->count : 1;

        values = realloc(list->values, room * sizeof(*values));
        if (!values)
            return ENOMEM;
        list->values = values;
    }
    list->values[list->count++] = value;
    return 0;
}

static int parse_list(struct reader *r, XLU_ConfigList *list)
{
    int rc = 0;

    if (++r->depth > MAX_DEPTH)
        return report(r->cfg, r->line, "lists are nested more than %d times", MAX_DEPTH);
    r->at++;
    for (skip_lines(r); next(r) != ']'; skip_lines(r)) {
        XLU_ConfigValue *value = NULL;

        rc = parse_value(r, &value);
        rc = rc ? rc : list_add(list, value);
        if (rc) {
            value_free(value);
            return rc;
        }
        skip_lines(r);
        if (next(r) == ',')
            r->at++;
        else if (next(r) != ']')
            return expected(r, "a comma or ']' after an element of a list");
    }
    r->at++;
    r->depth--;
    return 0;
}

/* *value is to be freed also after an error. */
static int parse_value(struct reader *r, XLU_ConfigValue **value)
{
    XLU_ConfigValue *v = *value = calloc(1, sizeof(*v));

    if (!v)
        return ENOMEM;
    v->line = r->line;
    v->type = next(r) == '[' ? XLU_LIST : XLU_STRING;
    if (next(r) == '[')
        return parse_list(r, &v->list);
    if (is_in(next(r), "\"'"))
        return parse_string(r, &v->string);
    if (next(r) >= '0' && next(r) <= '9')
        return parse_number(r, &v->string);
    return expected(r, "a value (a string in quotes, a number, or a list in brackets)");
}

/* Append the value to the old one: strings to strings, lists to lists. The value is used up. */
static int add_to(struct reader *r, struct setting *s, XLU_ConfigValue *value)
{
    XLU_ConfigValue *old = s->value;
    int rc = 0;

    if (old->type != value->type) {
        rc = report(r->cfg, value->line, "'%s' is a %s, to which no %s can be added", s->name,
                    old->type == XLU_LIST ? "list" : "string",
                    old->type == XLU_LIST ? "string" : "list");
    } else if (old->type == XLU_STRING) {
        size_t length = strlen(old->string), more = strlen(value->string);
        char *both = realloc(old->string, length + more + 1);

        if (both) {
            memcpy(both + length, value->string, more + 1);
            old->string = both;
        } else {
            rc = ENOMEM;
        }
    }
    for (int i = 0; !rc && i < value->list.count; i++) {
        rc = list_add(&old->list, value->list.values[i]);
        if (!rc)
            value->list.values[i] = NULL;
    }
    value_free(value);
    return rc;
}

/* The name is used up, and so is the value. */
static int store(struct reader *r, char *name, bool add, XLU_ConfigValue *value)
{
    struct setting *s = setting_find(r->cfg, name);

    if (s) {
        free(name);
        if (add)
            return add_to(r, s, value);
        value_free(s->value);
        s->value = value;
        return 0;
    }
    s = malloc(sizeof(*s));
    if (!s) {
        free(name);
        value_free(value);
        return ENOMEM;
    }
    *s = (struct setting){ .next = r->cfg->settings, .name = name, .value = value };
    r->cfg->settings = s;
    return 0;
}

static int parse_setting(struct reader *r)
{
    const char *start = r->at;
    XLU_ConfigValue *value = NULL;
    char *name;
    bool add;
    int rc;

    if (!(next(r) >= 'a' && next(r) <= 'z'))
        return expected(r, "the name of a setting, which begins with a small letter,");
    while (is_name(next(r)))
        r->at++;
    name = strndup(start, (size_t)(r->at - start));
    if (!name)
        return ENOMEM;
    skip_blanks(r);
    add = next(r) == '+' && r->at + 1 < r->end && r->at[1] == '=';
    if (!add && next(r) != '=') {
        free(name);
        return expected(r, "'=' or '+=' after the name of a setting");
    }
    r->at += add ? 2 : 1;
    skip_blanks(r);
    rc = parse_value(r, &value);
    if (rc) {
        free(name);
        value_free(value);
        return rc;
    }
    return store(r, name, add, value);
}

int parse_text(XLU_Config *cfg, const char *text, size_t length)
{
    struct reader r = { .cfg = cfg, .at = text, .end = text + length, .line = 1 };
    int rc;

    for (;;) {
        skip_lines(&r);
        if (r.at >= r.end)
            return 0;
        if (next(&r) == ';') {
            r.at++;
            continue;
        }
        rc = parse_setting(&r);
        if (rc)
            return rc;
        skip_blanks(&r);
        if (r.at < r.end && !is_in(next(&r), "\n;"))
            return expected(&r, "the end of the line or ';' after a setting");
    }
}
