/* Values as text: what cannot be printed is written with a backslash, as in C. */
#ifndef UTILS_XENSTORE_TEXT_H
#define UTILS_XENSTORE_TEXT_H

#include <stddef.h>

/* @value as text with an end; the caller frees it */
char *text_escape(const char *value, size_t len);
/* The value that @text says, with an end, *len its length; the caller frees it */
char *text_unescape(const char *text, size_t *len);

#endif
