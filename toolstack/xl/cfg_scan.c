/*
 * The names that a configuration assigns to, with their lines. libxlutil tells what a name's value
 * is, but not which names there are; so xl reads the text once more, to refuse those that nobody
 * knows. libxlutil has found the text well-formed before.
 */
#include <ctype.h>
#include "cfg.h"

/* skip_space: to the first character that can start a statement; counts lines */
static const char *skip_space(const char *at, int *line)
{
    for (;; at++) {
        if (*at == '#')
            at += strcspn(at, "\n");
        if (*at == '\n')
            (*line)++;
        else if (*at != ';' && !isspace((unsigned char)*at))
            return at;
    }
}

/* skip_value: over strings, numbers and lists to the end of the statement */
static const char *skip_value(const char *at, int *line)
{
    int depth = 0;

    for (; *at; at++) {
        if (*at == '"' || *at == '\'') {
            char quote = *at++;

            while (*at && *at != quote) {
                if (*at == '\\' && at[1])
                    at++;
                at++;
            }
            if (!*at)
                return at;
        } else if (*at == '#') {
            at += strcspn(at, "\n");
            at--;
        } else if (*at == '[') {
            depth++;
        } else if (*at == ']') {
            depth--;
        } else if (*at == '\n' && depth > 0) {
            (*line)++;
        } else if ((*at == '\n' || *at == ';') && depth <= 0) {
            return at;
        }
    }
    return at;
}

bool assignment_next(struct assignment *assignment)
{
    const char *at = skip_space(assignment->at, &assignment->seen);
    size_t length = strcspn(at, " \t\r\n=+;");

    if (!*at)
        return false;
    assignment->line = assignment->seen + 1;
    snprintf(assignment->name, sizeof(assignment->name), "%.*s", (int)length, at);
    assignment->at = skip_value(at + length, &assignment->seen);
    return true;
}
