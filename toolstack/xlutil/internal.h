/*
 * What the files of libxlutil share: a configuration in memory, and how errors are told. A
 * configuration belongs to one thread at a time; there are no locks.
 */
#ifndef XLUTIL_INTERNAL_H
#define XLUTIL_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <libxlutil.h>

struct XLU_ConfigList {
    int count;
    XLU_ConfigValue **values;
};

struct XLU_ConfigValue {
    enum XLU_ConfigValueType type;
    int line; /* where it began, from 1 */
    char *string;
    XLU_ConfigList list;
};

struct setting {
    struct setting *next;
    char *name;
    XLU_ConfigValue *value;
};

struct XLU_Config {
    FILE *report; /* NULL: nothing is told */
    char *name;   /* of the file, for messages */
    struct setting *settings;
};

/* "NAME:LINE: sentence" (line 0: without) on the report. Returns EINVAL. */
int report(const XLU_Config *cfg, int line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

void value_free(XLU_ConfigValue *value);
/* The last setting of this name, or NULL */
struct setting *setting_find(const XLU_Config *cfg, const char *name);
/* Take the text's settings into cfg. Returns 0, EINVAL after a report, ENOMEM. */
int parse_text(XLU_Config *cfg, const char *text, size_t length);

#endif
