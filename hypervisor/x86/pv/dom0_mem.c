/*
 * How much memory dom0 gets: dom0_mem=[min:A,][max:B,][C], sizes as Xen takes them: a bare number
 * is KiB, a negative one means that much less than there is. Without it: all but a sixteenth, which
 * is at most 128 MiB.
 */
#include <hv/cmdline.h>
#include <hv/mem.h>
#include <hv/printk.h>
#include <hv/string.h>

#include "dom0.h"

struct amount {
    uint64_t bytes;
    bool set, negative;
};

static struct amount amount_min, amount_max, amount_want;

static int parse_amount(const char *s, const char **end, struct amount *a)
{
    bool negative = *s == '-';
    const char *start = s + negative;

    a->bytes = parse_size(start, end, 1024);
    a->negative = negative;
    a->set = true;
    return *end == start ? -1 : 0;
}

static int parse_dom0_mem(const char *s)
{
    do {
        struct amount *a = &amount_want;

        if (strncmp(s, "min:", 4) == 0 || strncmp(s, "max:", 4) == 0) {
            a = s[1] == 'i' ? &amount_min : &amount_max;
            s += 4;
        }
        if (parse_amount(s, &s, a))
            return -1;
    } while (*s++ == ',');
    return s[-1] == 0 ? 0 : -1;
}
CUSTOM_OPTION("dom0_mem", parse_dom0_mem,
              "[min:<size>,][max:<size>,]<size>: dom0's memory; a negative size is that much less "
              "than there is");

static uint64_t pages_of(const struct amount *a, uint64_t avail)
{
    uint64_t pages = a->bytes >> PAGE_SHIFT;

    if (!a->negative)
        return pages;
    return pages < avail ? avail - pages : 0;
}

uint64_t dom0_pages(uint64_t more, uint64_t *max_pages)
{
    uint64_t avail = frames_free_count() + more;
    uint64_t reserve = min(avail / 16, (128UL << 20) >> PAGE_SHIFT), want = avail - reserve;

    if (amount_want.set)
        want = pages_of(&amount_want, avail);
    if (amount_min.set)
        want = max(want, pages_of(&amount_min, avail));
    if (amount_max.set)
        want = min(want, pages_of(&amount_max, avail));
    *max_pages = amount_max.set ? max(pages_of(&amount_max, avail), want) : UINT64_MAX;
    if (want > avail - min(avail, 2048UL)) {
        printk(LOG_WARN, "dom0_mem asks for %lu MiB; only %lu MiB are free.\n",
               (unsigned long)(want >> 8), (unsigned long)(avail >> 8));
        want = avail - reserve;
    }
    return want;
}
