/*
 * Helpers of all commands: memory, text, errors, domains by name.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include "xl.h"

void *need(void *memory)
{
    if (!memory) {
        fputs("xl: no memory left in this domain; nothing more was done\n", stderr);
        exit(EXIT_FAILURE);
    }
    return memory;
}

char *text_of(const char *format, ...)
{
    va_list ap;
    char *text;

    va_start(ap, format);
    if (vasprintf(&text, format, ap) < 0)
        text = NULL;
    va_end(ap);
    return need(text);
}

void *grown(void *array, int count, size_t size)
{
    char *bigger = need(reallocarray(array, (size_t)count + 1, size));

    memset(bigger + (size_t)count * size, 0, size);
    return bigger;
}

/* Behind what was printed before */
static void say(const char *format, va_list ap)
{
    fflush(stdout);
    vfprintf(stderr, format, ap);
    fputc('\n', stderr);
}

void error(const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    say(format, ap);
    va_end(ap);
}

void fatal(const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    say(format, ap);
    va_end(ap);
    exit(EXIT_FAILURE);
}

bool number_parse(const char *text, int base, unsigned long long max, unsigned long long *number)
{
    char *end;

    if (!isxdigit((unsigned char)text[0]))
        return false;
    errno = 0;
    *number = strtoull(text, &end, base);
    return !errno && end != text && !*end && *number <= max;
}

bool starts_with(const char *text, const char *start)
{
    return !strncmp(text, start, strlen(start));
}

void trim(char *text)
{
    size_t length = strlen(text), start = 0;

    while (length && isspace((unsigned char)text[length - 1]))
        length--;
    while (start < length && isspace((unsigned char)text[start]))
        start++;
    memmove(text, text + start, length - start);
    text[length - start] = 0;
}

char **split(const char *text, char separator)
{
    char **parts = NULL;
    int count = 0;

    for (const char *end;; text = end + 1) {
        end = strchrnul(text, separator);
        parts = grown(parts, count, sizeof(*parts));
        parts[count] = need(strndup(text, (size_t)(end - text)));
        trim(parts[count++]);
        if (!*end)
            break;
    }
    return grown(parts, count, sizeof(*parts));
}

const char *value_of(const char *part, const char *name)
{
    size_t length = strlen(name);

    return !strncmp(part, name, length) && part[length] == '=' ? part + length + 1 : NULL;
}

struct names {
    libxl_dominfo *list;
    int count;
};

static const char *domain_name_at(const void *state, int i)
{
    const struct names *names = state;
    char *name;

    if (i >= names->count)
        return NULL;
    name = libxl_domid_to_name(xl.ctx, names->list[i].domid);
    return name ? name : "";
}

bool domain_find_quietly(const char *spec, uint32_t *domid)
{
    return !libxl_domain_qualifier_to_domid(xl.ctx, spec, domid);
}

uint32_t domain_find(const char *spec)
{
    uint32_t domid;
    struct names names;
    const char *near;
    int rc = libxl_domain_qualifier_to_domid(xl.ctx, spec, &domid);

    if (!rc)
        return domid;
    error("%s is an invalid domain identifier (rc=%d)", spec, rc);
    names.list = libxl_list_domain(xl.ctx, &names.count);
    if (!names.list)
        names.count = 0;
    near = nearest_name(spec, domain_name_at, &names);
    if (near && *near)
        error("did you mean '%s'?", near);
    exit(EXIT_FAILURE);
}

char *domain_name(uint32_t domid)
{
    char *name = libxl_domid_to_name(xl.ctx, domid);

    return name ? name : need(strdup("(null)"));
}

/* memory_parse: an amount of memory, in KiB; without a unit it is MiB. A negative amount is
 * refused. */
bool memory_parse(const char *text, int64_t *kib)
{
    static const struct {
        char unit;
        int shift; /* from the unit to bytes */
    } units[] = { { 'b', 0 }, { 'k', 10 }, { 'm', 20 }, { 'g', 30 }, { 't', 40 } };
    unsigned long long amount;
    char *end;
    int shift = 20;

    if (!isdigit((unsigned char)text[0]))
        return false;
    errno = 0;
    amount = strtoull(text, &end, 0);
    if (*end) {
        shift = -1;
        for (size_t i = 0; i < ARRAY_LENGTH(units); i++) {
            if (tolower((unsigned char)*end) == units[i].unit && !end[1])
                shift = units[i].shift;
        }
    }
    if (errno || shift < 0 || amount > (UINT64_MAX >> 1) >> shift)
        return false;
    *kib = (int64_t)((amount << shift) >> 10);
    return true;
}

void uuid_print(char text[37], const libxl_uuid *uuid)
{
    snprintf(text, 37, LIBXL_UUID_FMT, LIBXL_UUID_BYTES(*uuid));
}

char *file_read(const char *path, size_t *length)
{
    int fd = strcmp(path, "-") ? open(path, O_RDONLY | O_CLOEXEC) : dup(STDIN_FILENO);
    size_t room = 1 << 14, have = 0;
    char *data;
    ssize_t got;

    if (fd < 0)
        return NULL;
    data = need(malloc(room));
    while ((got = read(fd, data + have, room - have - 1)) > 0) {
        have += (size_t)got;
        if (room - have < 2)
            data = need(realloc(data, room *= 2));
    }
    if (got < 0) {
        int saved = errno;

        free(data);
        close(fd);
        errno = saved;
        return NULL;
    }
    close(fd);
    data[have] = 0;
    *length = have;
    return data;
}

int status_of(int rc)
{
    return rc ? EXIT_FAILURE : EXIT_SUCCESS;
}
