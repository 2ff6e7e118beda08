/* Values as text; see text.h. Numbers are "\ooo" below 8, "\xhh" above. */
#include "text.h"

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char letters[] = "tnr\\", meanings[] = "\t\n\r\\";

char *text_escape(const char *value, size_t len)
{
    char *out = malloc(len * 4 + 1), *p = out;
    const char *special;
    size_t i;

    if (!out)
        err(1, NULL);
    for (i = 0; i < len; i++) {
        unsigned char c = (unsigned char)value[i];

        special = c ? strchr(meanings, c) : NULL;
        if (special)
            p += sprintf(p, "\\%c", letters[special - meanings]);
        else if (c >= ' ' && c <= '~')
            *p++ = (char)c;
        else
            p += sprintf(p, c < 8 ? "\\%03o" : "\\x%02x", c);
    }
    *p = '\0';
    return out;
}

/* The number at @s with @digits digits at most, of the base; *used of them were some */
static int number(const char *s, int digits, int base, int *used)
{
    static const char all[] = "0123456789abcdef";
    int value = 0;
    const char *digit;

    for (*used = 0; *used < digits && s[*used]; (*used)++) {
        digit = memchr(all, s[*used] | (s[*used] > '9' ? 0x20 : 0), (size_t)base);
        if (!digit)
            break;
        value = value * base + (int)(digit - all);
    }
    return value;
}

char *text_unescape(const char *text, size_t *len)
{
    char *out = malloc(strlen(text) + 1), *p = out;
    const char *letter;
    int used, value;

    if (!out)
        err(1, NULL);
    while (*text) {
        if (*text != '\\' || !text[1]) {
            *p++ = *text++;
            continue;
        }
        text++;
        letter = strchr(letters, *text);
        if (letter) {
            *p++ = meanings[letter - letters];
            text++;
            continue;
        }
        value = *text == 'x' ? number(text + 1, 2, 16, &used) : number(text, 3, 8, &used);
        if (used) {
            *p++ = (char)value;
            text += used + (*text == 'x');
        } else {
            *p++ = *text++;
        }
    }
    *p = '\0';
    *len = (size_t)(p - out);
    return out;
}
