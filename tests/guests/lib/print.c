/*
 * Formatted output to the guest's console. Knows %d %i %u %x %c %s %p %%, the lengths l, ll
 * and z, a width, and the flags 0 and -. A call is one write.
 */
#include <stdarg.h>

#include "guest.h"

struct sink {
    char *buffer;
    size_t size, used;
};

static void put(struct sink *sink, char c)
{
    if (sink->used + 1 < sink->size)
        sink->buffer[sink->used++] = c;
}

static void put_padded(struct sink *sink, const char *text, size_t length, int width, bool left,
                       char pad)
{
    int fill = width - (int)length;

    while (!left && fill-- > 0)
        put(sink, pad);
    for (size_t i = 0; i < length; i++)
        put(sink, text[i]);
    while (left && fill-- > 0)
        put(sink, ' ');
}

static void put_number(struct sink *sink, unsigned long value, unsigned int base, bool negative,
                       int width, bool left, char pad)
{
    char digits[24];
    size_t at = sizeof(digits);

    do {
        digits[--at] = "0123456789abcdef"[value % base];
        value /= base;
    } while (value);
    if (negative)
        digits[--at] = '-';
    put_padded(sink, digits + at, sizeof(digits) - at, width, left, pad);
}

size_t format_text(char *buffer, size_t size, const char *format, va_list args)
{
    struct sink sink = { buffer, size, 0 };

    for (const char *p = format; *p; p++) {
        bool left = false, is_long = false;
        char pad = ' ';
        int width = 0;

        if (*p != '%') {
            put(&sink, *p);
            continue;
        }
        for (p++; *p == '-' || *p == '0'; p++) {
            left |= *p == '-';
            pad = *p == '0' ? '0' : pad;
        }
        for (; *p >= '0' && *p <= '9'; p++)
            width = width * 10 + (*p - '0');
        for (; *p == 'l' || *p == 'z'; p++)
            is_long = true;

        if (*p == 's') {
            const char *text = va_arg(args, const char *);

            put_padded(&sink, text, strlen(text), width, left, ' ');
        } else if (*p == 'c') {
            char c = (char)va_arg(args, int);

            put_padded(&sink, &c, 1, width, left, ' ');
        } else if (*p == 'd' || *p == 'i') {
            long value = is_long ? va_arg(args, long) : va_arg(args, int);

            put_number(&sink, value < 0 ? 0ul - (unsigned long)value : (unsigned long)value, 10,
                       value < 0, width, left, pad);
        } else if (*p == 'u' || *p == 'x') {
            unsigned long value =
                is_long ? va_arg(args, unsigned long) : va_arg(args, unsigned int);

            put_number(&sink, value, *p == 'u' ? 10 : 16, false, width, left, pad);
        } else if (*p == 'p') {
            put_number(&sink, (unsigned long)va_arg(args, void *), 16, false, 16, false, '0');
        } else if (*p) {
            put(&sink, *p);
        } else {
            break;
        }
    }
    if (size)
        buffer[sink.used] = '\0';
    return sink.used;
}

void print(const char *format, ...)
{
    char line[512];
    va_list args;
    size_t length;

    va_start(args, format);
    length = format_text(line, sizeof(line), format, args);
    va_end(args);
    guest_output(line, length);
}
