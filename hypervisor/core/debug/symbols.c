/*
 * Names for addresses, for backtraces. scripts/symbols makes the table from the image's first link
 * and describes its form; the second link adds it, so that here it may be missing. Read only, no
 * lock, any context.
 */
#include <hv/printk.h>
#include <hv/string.h>
#include <hv/symbols.h>

#define NAME_SIZE   64 /* what callers provide */
#define INDEX_EVERY 16 /* names that one entry of the index stands for */
#define FIRST_WORD  0x80

struct symbol_table {
    uint64_t base;                           /* address that the offsets count from */
    uint32_t count;                          /* of offsets; the last one ends the last function */
    uint32_t words, index, names, addresses; /* where these begin, from the table's start */
};

extern const struct symbol_table symbol_table __attribute__((weak));

/* Read at run time only: an address within an instruction could not be 0, far from the image. */
const struct symbol_table *volatile symbol_table_address = &symbol_table;

static const void *part(const struct symbol_table *t, uint32_t offset)
{
    return (const char *)t + offset;
}

/* Index of the last symbol at or below `offset`; the caller knows that there is one. */
static uint32_t find_symbol(const uint32_t *addresses, uint32_t count, uint32_t offset)
{
    uint32_t low = 0, high = count;

    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;

        if (addresses[middle] <= offset)
            low = middle;
        else
            high = middle;
    }
    return low;
}

static size_t append(char *buf, size_t fill, const char *s, size_t len)
{
    len = min(len, NAME_SIZE - 1 - fill);
    memcpy(buf + fill, s, len);
    return fill + len;
}

/* A name is its length in bytes and that many bytes; those from FIRST_WORD on stand for words. */
static void expand_name(const struct symbol_table *t, uint32_t number, char *buf)
{
    const uint32_t *index = part(t, t->index);
    const uint8_t *name = (const uint8_t *)part(t, t->names) + index[number / INDEX_EVERY];
    size_t fill = 0;

    for (uint32_t skip = number % INDEX_EVERY; skip; skip--)
        name += *name + 1;
    for (size_t i = 1; i <= *name; i++) {
        const char *word = part(t, t->words);

        if (name[i] < FIRST_WORD) {
            fill = append(buf, fill, (const char *)&name[i], 1);
            continue;
        }
        for (unsigned int skip = name[i] - FIRST_WORD; skip; skip--)
            word += strlen(word) + 1;
        fill = append(buf, fill, word, strlen(word));
    }
    buf[fill] = '\0';
}

const char *symbol_lookup(uintptr_t addr, char *buf, size_t *offset, size_t *size)
{
    const struct symbol_table *t = symbol_table_address;
    const uint32_t *addresses;
    uint32_t number;

    if (!t)
        return NULL;
    addresses = part(t, t->addresses);
    if (addr < t->base || addr - t->base >= addresses[t->count - 1])
        return NULL;
    number = find_symbol(addresses, t->count, (uint32_t)(addr - t->base));
    *offset = addr - t->base - addresses[number];
    *size = addresses[number + 1] - addresses[number];
    expand_name(t, number, buf);
    return buf;
}

const char *symbol_by_number(uint32_t number, char *buf, uintptr_t *addr)
{
    const struct symbol_table *t = symbol_table_address;
    const uint32_t *addresses;

    if (!t || number >= t->count - 1)
        return NULL;
    addresses = part(t, t->addresses);
    *addr = t->base + addresses[number];
    expand_name(t, number, buf);
    return buf;
}

void symbol_print(uintptr_t addr)
{
    char name[NAME_SIZE];
    size_t offset, size;

    if (symbol_lookup(addr, name, &offset, &size))
        printk_raw("%s+0x%zx/0x%zx", name, offset, size);
    else
        printk_raw("0x%016lx", addr);
}
