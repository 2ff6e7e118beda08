/*
 * printf's formatting, the subset that hv/printk.h lists. It keeps no state and takes no lock, so
 * that an NMI or a panic can format while another CPU does. C17 7.21.6.1 is the manual.
 */
#include <hv/format.h>
#include <hv/printk.h>
#include <hv/string.h>

enum length { LENGTH_CHAR = 1, LENGTH_SHORT = 2, LENGTH_INT = 4, LENGTH_LONG = 8 };

struct spec {
    bool left, zero, alternate, plus, space;
    size_t width;
    int precision; /* -1: none given */
    enum length length;
    char conversion;
};

struct out {
    format_put_t put;
    void *ctx;
    size_t total;
};

static void put(struct out *o, const char *s, size_t len)
{
    if (!len)
        return;
    o->put(o->ctx, s, len);
    o->total += len;
}

static void put_repeated(struct out *o, char c, size_t count)
{
    char chunk[16];

    memset(chunk, c, sizeof(chunk));
    for (; count > sizeof(chunk); count -= sizeof(chunk))
        put(o, chunk, sizeof(chunk));
    put(o, chunk, count);
}

static void put_padded(struct out *o, const struct spec *spec, const char *s, size_t len)
{
    size_t pad = spec->width > len ? spec->width - len : 0;

    if (!spec->left)
        put_repeated(o, ' ', pad);
    put(o, s, len);
    if (spec->left)
        put_repeated(o, ' ', pad);
}

static void put_string(struct out *o, const struct spec *spec, const char *s)
{
    if (!s)
        s = "(null)";
    put_padded(o, spec, s, spec->precision < 0 ? strlen(s) : strnlen(s, (size_t)spec->precision));
}

/* Digits of `value` to the end of `buf`; returns how many. */
static size_t make_digits(char *buf, size_t size, uint64_t value, unsigned int base, bool upper)
{
    const char *digits = upper ? "0123456789ABCDEF" : "0123456789abcdef";
    size_t len = 0;

    while (value) {
        buf[size - ++len] = digits[value % base];
        value /= base;
    }
    return len;
}

/* `prefix` is the sign or the base. */
static void put_number(struct out *o, const struct spec *spec, const char *prefix, uint64_t value,
                       unsigned int base)
{
    char buf[24]; /* 64 bits in octal are 22 digits */
    size_t len = make_digits(buf, sizeof(buf), value, base, spec->conversion == 'X');
    size_t prefix_len = strlen(prefix);
    size_t zeroes = 0, pad = 0;

    if (spec->precision >= 0)
        zeroes = (size_t)spec->precision > len ? (size_t)spec->precision - len : 0;
    else if (len == 0)
        zeroes = 1;
    if (base == 8 && spec->alternate && zeroes == 0)
        zeroes = 1;
    if (spec->width > prefix_len + zeroes + len)
        pad = spec->width - prefix_len - zeroes - len;
    if (spec->zero && !spec->left && spec->precision < 0) {
        zeroes += pad;
        pad = 0;
    }

    if (!spec->left)
        put_repeated(o, ' ', pad);
    put(o, prefix, prefix_len);
    put_repeated(o, '0', zeroes);
    put(o, buf + sizeof(buf) - len, len);
    if (spec->left)
        put_repeated(o, ' ', pad);
}

static void put_signed(struct out *o, const struct spec *spec, int64_t value)
{
    const char *sign = value < 0 ? "-" : spec->plus ? "+" : spec->space ? " " : "";

    put_number(o, spec, sign, value < 0 ? 0 - (uint64_t)value : (uint64_t)value, 10);
}

static void put_unsigned(struct out *o, const struct spec *spec, uint64_t value)
{
    const char *prefix = "";
    unsigned int base = 10;

    if (spec->conversion == 'o') {
        base = 8;
    } else if (spec->conversion != 'u') {
        base = 16;
        if (spec->alternate && value)
            prefix = spec->conversion == 'X' ? "0X" : "0x";
    }
    put_number(o, spec, prefix, value, base);
}

static int64_t sign_extend(uint64_t value, enum length length)
{
    unsigned int shift = 64 - 8 * (unsigned int)length;

    return (int64_t)(value << shift) >> shift;
}

static uint64_t zero_extend(uint64_t value, enum length length)
{
    unsigned int shift = 64 - 8 * (unsigned int)length;

    return value << shift >> shift;
}

static const char *parse_flags(const char *fmt, struct spec *spec)
{
    for (;; fmt++) {
        switch (*fmt) {
        case '-':
            spec->left = true;
            break;
        case '0':
            spec->zero = true;
            break;
        case '#':
            spec->alternate = true;
            break;
        case '+':
            spec->plus = true;
            break;
        case ' ':
            spec->space = true;
            break;
        default:
            return fmt;
        }
    }
}

/* A decimal number; one that is out of all proportion is cut to what a line can hold. */
static const char *parse_number(const char *fmt, int *number)
{
    for (*number = 0; *fmt >= '0' && *fmt <= '9'; fmt++)
        *number = min(*number * 10 + (*fmt - '0'), 4096);
    return fmt;
}

static const char *parse_length(const char *fmt, enum length *length)
{
    *length = LENGTH_INT;
    if (*fmt == 'h') {
        *length = fmt[1] == 'h' ? LENGTH_CHAR : LENGTH_SHORT;
        return fmt[1] == 'h' ? fmt + 2 : fmt + 1;
    }
    if (*fmt == 'z' || *fmt == 't') {
        *length = LENGTH_LONG;
        return fmt + 1;
    }
    while (*fmt == 'l') {
        *length = LENGTH_LONG;
        fmt++;
    }
    return fmt;
}

/* va_list may be an array type, which a function's argument would turn into a pointer. */
struct arguments {
    va_list list;
};

/* Everything behind '%' up to the conversion itself; '*' takes its argument. */
static const char *parse_spec(const char *fmt, struct spec *spec, struct arguments *args)
{
    int number;

    *spec = (struct spec){ .precision = -1 };
    fmt = parse_flags(fmt, spec);
    if (*fmt == '*') {
        number = va_arg(args->list, int);
        spec->left = spec->left || number < 0;
        number = number < 0 ? -max(number, -4096) : min(number, 4096);
        fmt++;
    } else {
        fmt = parse_number(fmt, &number);
    }
    spec->width = (size_t)number;
    if (*fmt == '.') {
        if (*++fmt == '*') {
            spec->precision = max(va_arg(args->list, int), -1);
            fmt++;
        } else {
            fmt = parse_number(fmt, &spec->precision);
        }
    }
    fmt = parse_length(fmt, &spec->length);
    spec->conversion = *fmt;
    return fmt;
}

/* False for a conversion that is not ours. */
static bool put_conversion(struct out *o, struct spec *spec, struct arguments *args)
{
    uint64_t value;
    char c;

    switch (spec->conversion) {
    case '%':
        put(o, "%", 1);
        return true;
    case 'c':
        c = (char)va_arg(args->list, int);
        put_padded(o, spec, &c, 1);
        return true;
    case 's':
        put_string(o, spec, va_arg(args->list, const char *));
        return true;
    case 'p':
        spec->precision = 16;
        put_number(o, spec, "0x", (uintptr_t)va_arg(args->list, void *), 16);
        return true;
    case 'd':
    case 'i':
    case 'u':
    case 'x':
    case 'X':
    case 'o':
        value = spec->length == LENGTH_LONG ? va_arg(args->list, uint64_t)
                                            : va_arg(args->list, unsigned int);
        if (spec->conversion == 'd' || spec->conversion == 'i')
            put_signed(o, spec, sign_extend(value, spec->length));
        else
            put_unsigned(o, spec, zero_extend(value, spec->length));
        return true;
    default:
        return false;
    }
}

size_t format_to(format_put_t put_fn, void *ctx, const char *fmt, va_list list)
{
    struct out o = { .put = put_fn, .ctx = ctx };
    struct arguments args;
    struct spec spec;

    va_copy(args.list, list);
    while (*fmt) {
        const char *percent = fmt;

        while (*percent && *percent != '%')
            percent++;
        put(&o, fmt, (size_t)(percent - fmt));
        if (!*percent)
            break;
        fmt = parse_spec(percent + 1, &spec, &args);
        if (!*fmt || !put_conversion(&o, &spec, &args)) {
            /* The rest as it stands: its arguments cannot be told apart any more. */
            put(&o, percent, strlen(percent));
            break;
        }
        fmt++;
    }
    va_end(args.list);
    return o.total;
}

struct string_out {
    char *buf;
    size_t size, fill;
};

static void put_in_string(void *ctx, const char *s, size_t len)
{
    struct string_out *out = ctx;
    size_t room = out->size > out->fill ? out->size - out->fill - 1 : 0;

    len = min(len, room);
    if (!len)
        return;
    memcpy(out->buf + out->fill, s, len);
    out->fill += len;
}

int vsnprintf(char *buf, size_t size, const char *fmt, va_list args)
{
    struct string_out out = { .buf = buf, .size = size };
    size_t total;

    total = format_to(put_in_string, &out, fmt, args);
    if (size)
        buf[out.fill] = '\0';
    return (int)total;
}

int snprintf(char *buf, size_t size, const char *fmt, ...)
{
    va_list args;
    int total;

    va_start(args, fmt);
    total = vsnprintf(buf, size, fmt, args);
    va_end(args);
    return total;
}
