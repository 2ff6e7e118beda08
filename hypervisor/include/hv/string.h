/*
 * Memory and string functions: the few of C's <string.h> a hypervisor needs, with C's meaning.
 * Implemented in core/lib/string.c; hosted builds link the C library's instead. The compiler emits
 * calls to the first four on its own.
 */
#ifndef HV_STRING_H
#define HV_STRING_H

#include <stddef.h>

void *memcpy(void *restrict dst, const void *restrict src, size_t len);
void *memmove(void *dst, const void *src, size_t len);
void *memset(void *dst, int byte, size_t len);
int memcmp(const void *a, const void *b, size_t len);

size_t strlen(const char *s);
/* Length of s, at most max; never reads s[max]. */
size_t strnlen(const char *s, size_t max);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t max);
char *strchr(const char *s, int c);
char *strstr(const char *haystack, const char *needle);

#endif
