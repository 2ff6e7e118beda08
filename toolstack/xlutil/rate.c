/*
 * The rate of a network interface, `rate=` of xl-network-configuration(5): "10Mb/s@50ms", a number
 * of bits (b) or bytes (B) a second, with K, M or G of 1000, and the time after which the interface
 * gets its share anew, 50ms unless it is given. libxl wants bytes for that time.
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "xlutil/internal.h"

#define DEFAULT_USECS 50000

/* A decimal number at *s, which is moved behind it: 0, EINVAL for none, EOVERFLOW */
static int read_number(const char **s, uint64_t *number)
{
    char *end;

    if (!isdigit((unsigned char)**s))
        return EINVAL;
    errno = 0;
    *number = strtoull(*s, &end, 10);
    *s = end;
    return errno ? EOVERFLOW : 0;
}

/* "10Mb/s": bytes a second; *s is moved behind it. */
static int read_rate(const char **s, uint64_t *bytes)
{
    uint64_t factor = 1;
    bool bits, over;
    int rc = read_number(s, bytes);

    if (rc == EINVAL)
        return rc;
    if (**s == 'K' || **s == 'M' || **s == 'G') {
        factor = **s == 'K' ? 1000 : **s == 'M' ? 1000000 : 1000000000;
        ++*s;
    }
    if (strncmp(*s, "b/s", 3) && strncmp(*s, "B/s", 3))
        return EINVAL;
    bits = **s == 'b';
    *s += 3;
    over = __builtin_mul_overflow(*bytes, factor, bytes) || *bytes == 0 || *bytes == UINT64_MAX;
    if (bits)
        *bytes /= 8;
    return rc || over ? EOVERFLOW : 0;
}

/* "50ms": microseconds; all of s */
static int read_interval(const char *s, uint32_t *usecs)
{
    uint64_t number, factor = 1000000;
    int rc = read_number(&s, &number);

    if (rc == EINVAL)
        return rc;
    if (*s == 'm' || *s == 'u')
        factor = *s++ == 'm' ? 1000 : 1;
    s += *s == 's';
    if (*s)
        return EINVAL;
    if (rc || __builtin_mul_overflow(number, factor, &number) || number == 0 || number > UINT32_MAX)
        return EOVERFLOW;
    *usecs = (uint32_t)number;
    return 0;
}

int xlu_vif_parse_rate(XLU_Config *cfg, const char *rate, libxl_device_nic *nic)
{
    const char *s = rate;
    uint64_t bytes;
    uint32_t usecs = DEFAULT_USECS;
    int rc = read_rate(&s, &bytes);

    if (!rc && *s && *s != '@')
        rc = EINVAL;
    if (!rc && *s == '@')
        rc = read_interval(s + 1, &usecs);
    if (!rc && __builtin_mul_overflow(bytes, (uint64_t)usecs, &bytes))
        rc = EOVERFLOW;
    if (rc) {
        report(cfg, 0, "the rate '%s' is %s; an example is 10Mb/s@50ms", rate,
               rc == EOVERFLOW ? "0 or too large" : "not understood");
        return rc;
    }
    nic->rate_bytes_per_interval = bytes / 1000000;
    nic->rate_interval_usecs = usecs;
    return 0;
}
