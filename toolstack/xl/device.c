/*
 * What the commands for the devices of guests share.
 */
#include <limits.h>
#include "device.h"

int device_list(const struct args *args, const char *heading,
                void (*f)(struct listing *l, uint32_t domid))
{
    struct listing *l = listing_start(args);
    int status = EXIT_SUCCESS;

    if (heading)
        listing_heading(l, "%s\n", heading);
    for (int i = 0; i < args->count; i++) {
        uint32_t domid;

        if (domain_find_quietly(args->words[i], &domid)) {
            f(l, domid);
        } else {
            error("%s is an invalid domain identifier", args->words[i]);
            status = EXIT_FAILURE;
        }
    }
    listing_end(l);
    return status;
}

void device_read(const struct args *args, const struct language *language, void *device)
{
    for (int i = 1; i < args->count; i++) {
        if (parts_read(language, args->words[i], device))
            exit(EXIT_FAILURE);
    }
}

int device_show(const char *kind, char *text)
{
    need(text);
    printf("%s: %s\n", kind, text);
    free(text);
    return EXIT_SUCCESS;
}

int device_number(const char *text)
{
    unsigned long long number;

    if (!number_parse(text, 10, INT_MAX, &number))
        fatal("'%s' is no number of a device; the list of the devices shows them", text);
    return (int)number;
}

void cells_backend(struct listing *l, int devid, uint32_t backend)
{
    cell_number(l, "devid", "%-3d", devid);
    cell_number(l, "backend", " %-2u", backend);
}
