/*
 * The memory of a guest: mem-max, mem-set.
 */
#include "xl.h"
#include "commands.h"

static int64_t amount_of(const char *text)
{
    int64_t kib;

    if (!memory_parse(text, &kib))
        fatal("invalid memory size: %s", text);
    return kib;
}

int run_mem_max(const struct args *args)
{
    uint32_t domid = domain_find(args->words[0]);

    if (libxl_domain_setmaxmem(xl.ctx, domid, (uint64_t)amount_of(args->words[1])))
        fatal("cannot set domid %u static max memory to : %s", domid, args->words[1]);
    return EXIT_SUCCESS;
}

int run_mem_set(const struct args *args)
{
    uint32_t domid = domain_find(args->words[0]);

    if (libxl_set_memory_target(xl.ctx, domid, amount_of(args->words[1]), 0, 1))
        fatal("cannot set domid %u dynamic max memory to : %s", domid, args->words[1]);
    return EXIT_SUCCESS;
}
