/*
 * The functions of libxlutil.h that read a configuration and look up its settings. Callers are xl
 * and everybody else who reads xl.cfg. All return 0 or an errno value: ESRCH for a setting that is
 * not there, EINVAL for one of another form, which is told as a warning unless dont_warn.
 */
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include "xlutil/internal.h"

/* Larger files are not configurations. */
#define MAX_FILE (16 << 20)

int report(const XLU_Config *cfg, int line, const char *format, ...)
{
    va_list args;

    if (!cfg->report)
        return EINVAL;
    if (line)
        fprintf(cfg->report, "%s:%d: ", cfg->name, line);
    else
        fprintf(cfg->report, "%s: ", cfg->name);
    va_start(args, format);
    vfprintf(cfg->report, format, args);
    va_end(args);
    fputc('\n', cfg->report);
    return EINVAL;
}

void value_free(XLU_ConfigValue *value)
{
    if (!value)
        return;
    for (int i = 0; i < value->list.count; i++)
        value_free(value->list.values[i]);
    free(value->list.values);
    free(value->string);
    free(value);
}

struct setting *setting_find(const XLU_Config *cfg, const char *name)
{
    struct setting *s = cfg->settings;

    while (s && strcmp(s->name, name))
        s = s->next;
    return s;
}

XLU_Config *xlu_cfg_init(FILE *to, const char *report_filename)
{
    XLU_Config *cfg = calloc(1, sizeof(*cfg));

    if (!cfg)
        return NULL;
    cfg->report = to;
    cfg->name = strdup(report_filename);
    if (!cfg->name) {
        free(cfg);
        return NULL;
    }
    return cfg;
}

void xlu_cfg_destroy(XLU_Config *cfg)
{
    struct setting *s;

    if (!cfg)
        return;
    while ((s = cfg->settings)) {
        cfg->settings = s->next;
        free(s->name);
        value_free(s->value);
        free(s);
    }
    free(cfg->name);
    free(cfg);
}

int xlu_cfg_readdata(XLU_Config *cfg, const char *data, int length)
{
    int rc = length < 0 ? EINVAL : parse_text(cfg, data, (size_t)length);

    if (rc == ENOMEM)
        report(cfg, 0, "there is no memory to read the configuration");
    return rc;
}

/* All of a file, from malloc(), or NULL with errno. */
static char *read_all(const char *path, int *length)
{
    FILE *f = fopen(path, "re");
    char *data = NULL, *more;
    size_t size = 0, room = 0, n = 1;
    int saved;

    if (!f)
        return NULL;
    while (n > 0 && size < MAX_FILE) {
        room += 65536;
        more = realloc(data, room);
        if (!more)
            break;
        data = more;
        n = fread(data + size, 1, room - size, f);
        size += n;
    }
    saved = ferror(f) ? errno : size >= MAX_FILE ? EFBIG : n > 0 ? ENOMEM : 0;
    fclose(f);
    *length = (int)size;
    if (!saved)
        return data;
    free(data);
    errno = saved;
    return NULL;
}

int xlu_cfg_readfile(XLU_Config *cfg, const char *real_filename)
{
    int length, rc;
    char *data = read_all(real_filename, &length);

    if (!data) {
        rc = errno;
        report(cfg, 0, "the file %s cannot be read: %s", real_filename, strerror(rc));
        return rc;
    }
    rc = xlu_cfg_readdata(cfg, data, length);
    free(data);
    return rc;
}

/* The setting if it has this type; else NULL, and *rc says why. */
static const struct setting *find(const XLU_Config *cfg, const char *name,
                                  enum XLU_ConfigValueType type, int dont_warn, int *rc)
{
    const struct setting *s = setting_find(cfg, name);

    *rc = ESRCH;
    if (!s)
        return NULL;
    *rc = 0;
    if (s->value->type == type)
        return s;
    *rc = EINVAL;
    if (!dont_warn)
        report(cfg, s->value->line, "warning: '%s' is a %s, but should be a %s", name,
               type == XLU_LIST ? "single value" : "list",
               type == XLU_LIST ? "list" : "single value");
    return NULL;
}

int xlu_cfg_get_string(const XLU_Config *cfg, const char *name, const char **value_r, int dont_warn)
{
    int rc;
    const struct setting *s = find(cfg, name, XLU_STRING, dont_warn, &rc);

    if (s)
        *value_r = s->value->string;
    return rc;
}

int xlu_cfg_replace_string(const XLU_Config *cfg, const char *name, char **value_r, int dont_warn)
{
    const char *string;
    char *copy;
    int rc = xlu_cfg_get_string(cfg, name, &string, dont_warn);

    if (rc)
        return rc;
    copy = strdup(string);
    if (!copy)
        return ENOMEM;
    free(*value_r);
    *value_r = copy;
    return 0;
}

static int get_number(const XLU_Config *cfg, const char *name, long min, long max, long *value_r,
                      int dont_warn)
{
    int rc;
    const struct setting *s = find(cfg, name, XLU_STRING, dont_warn, &rc);
    char *end;
    long number;

    if (!s)
        return rc;
    errno = 0;
    number = strtol(s->value->string, &end, 0);
    if (end == s->value->string || *end)
        rc = EINVAL;
    else if (errno)
        rc = errno;
    if (rc) {
        if (!dont_warn)
            report(cfg, s->value->line, "warning: '%s' is '%s', which is %s", name,
                   s->value->string, rc == ERANGE ? "too large" : "not a number");
        return rc;
    }
    if (number < min || number > max) {
        if (!dont_warn)
            report(cfg, s->value->line, "warning: '%s' is %ld, but should be from %ld to %ld", name,
                   number, min, max);
        return EINVAL;
    }
    *value_r = number;
    return 0;
}

int xlu_cfg_get_long(const XLU_Config *cfg, const char *name, long *value_r, int dont_warn)
{
    return get_number(cfg, name, LONG_MIN, LONG_MAX, value_r, dont_warn);
}

int xlu_cfg_get_bounded_long(const XLU_Config *cfg, const char *name, long min, long max,
                             long *value_r, int dont_warn)
{
    return get_number(cfg, name, min, max, value_r, dont_warn);
}

int xlu_cfg_get_defbool(const XLU_Config *cfg, const char *name, libxl_defbool *b, int dont_warn)
{
    long number;
    int rc = xlu_cfg_get_long(cfg, name, &number, dont_warn);

    if (!rc)
        libxl_defbool_set(b, number != 0);
    return rc;
}

int xlu_cfg_get_list(const XLU_Config *cfg, const char *name, XLU_ConfigList **list_r,
                     int *entries_r, int dont_warn)
{
    int rc;
    const struct setting *s = find(cfg, name, XLU_LIST, dont_warn, &rc);

    if (s && list_r)
        *list_r = &s->value->list;
    if (s && entries_r)
        *entries_r = s->value->list.count;
    return rc;
}

int xlu_cfg_get_list_as_string_list(const XLU_Config *cfg, const char *name,
                                    libxl_string_list *strings, int dont_warn)
{
    XLU_ConfigList *list;
    libxl_string_list copy;
    int rc = xlu_cfg_get_list(cfg, name, &list, NULL, dont_warn);

    if (rc)
        return rc;
    copy = calloc((size_t)list->count + 1, sizeof(*copy));
    if (!copy)
        return ENOMEM;
    for (int i = 0; !rc && i < list->count; i++) {
        XLU_ConfigValue *value = list->values[i];

        if (value->type == XLU_LIST) {
            rc = EINVAL;
            if (!dont_warn)
                report(cfg, value->line, "warning: '%s' should have only strings, no lists", name);
        } else {
            copy[i] = strdup(value->string);
            rc = copy[i] ? 0 : ENOMEM;
        }
    }
    if (rc)
        libxl_string_list_dispose(&copy);
    else
        *strings = copy;
    return rc;
}

XLU_ConfigValue *xlu_cfg_get_listitem2(const XLU_ConfigList *list, int entry)
{
    return entry < 0 || entry >= list->count ? NULL : list->values[entry];
}

const char *xlu_cfg_get_listitem(const XLU_ConfigList *list, int entry)
{
    const XLU_ConfigValue *value = xlu_cfg_get_listitem2(list, entry);

    return value ? value->string : NULL;
}

enum XLU_ConfigValueType xlu_cfg_value_type(const XLU_ConfigValue *value)
{
    return value->type;
}

static int has_type(const XLU_Config *cfg, const XLU_ConfigValue *value,
                    enum XLU_ConfigValueType type, int dont_warn)
{
    if (value->type == type)
        return 0;
    if (!dont_warn)
        report(cfg, value->line, "warning: this should be a %s",
               type == XLU_LIST ? "list" : "single value");
    return EINVAL;
}

int xlu_cfg_value_get_string(const XLU_Config *cfg, XLU_ConfigValue *value, char **value_r,
                             int dont_warn)
{
    int rc = has_type(cfg, value, XLU_STRING, dont_warn);

    if (!rc)
        *value_r = value->string;
    return rc;
}

int xlu_cfg_value_get_list(const XLU_Config *cfg, XLU_ConfigValue *value, XLU_ConfigList **value_r,
                           int dont_warn)
{
    int rc = has_type(cfg, value, XLU_LIST, dont_warn);

    if (!rc)
        *value_r = &value->list;
    return rc;
}
