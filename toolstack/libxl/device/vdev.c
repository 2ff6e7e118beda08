/*
 * Names of virtual disks and their numbers, as the block interface counts (xen/io/blkif.h): the
 * number is what frontends and the store use. Three naming schemes have numbers of their own; disks
 * and partitions that they have no room for use the extended form, bit 28 and up.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "libxl/device/device.h"

#define EXTENDED      (1u << 28)
#define MAJOR_XVD     202u
#define MAJOR_SD      8u
#define NR_HD_MAJORS  2u
#define MAX_DISK      ((1u << 20) - 1)
#define MAX_PARTITION 255u

static const unsigned int hd_majors[NR_HD_MAJORS] = { 3, 22 };

/* A scheme: its letters, and how many disks and partitions its own numbers have room for */
static const struct scheme {
    const char *prefix;
    unsigned int disks, partitions;
} schemes[] = {
    { "xvd", 16, 15 },
    { "sd", 16, 15 },
    { "hd", 4, 63 },
};

/* Letters count as a, b, ..., z, aa, ab, ...; moves on *p past them; false when there are none */
static bool parse_letters(const char **p, unsigned int *disk)
{
    const char *start = *p;
    unsigned int n = 0;

    for (; **p >= 'a' && **p <= 'z'; (*p)++) {
        if (n > MAX_DISK)
            return false;
        n = n * 26 + (unsigned int)(**p - 'a') + 1;
    }
    *disk = n - 1;
    return *p != start && *disk <= MAX_DISK;
}

/* A decimal number without a sign, that does not begin with a zero unless it is one */
static bool parse_number(const char **p, unsigned int max, unsigned int *value)
{
    const char *start = *p;
    unsigned long n = 0;

    for (; isdigit((unsigned char)**p); (*p)++) {
        n = n * 10 + (unsigned long)(**p - '0');
        if (n > max)
            return false;
    }
    *value = (unsigned int)n;
    return *p != start && (*start != '0' || *p == start + 1);
}

static int extended_number(unsigned int disk, unsigned int partition)
{
    return (int)(EXTENDED | disk << 8 | partition);
}

static int scheme_number(const struct scheme *s, unsigned int disk, unsigned int partition)
{
    if (s->prefix[0] == 'h' && (disk >= s->disks || partition > s->partitions))
        return -1;
    if (disk >= s->disks || partition > s->partitions)
        return s->prefix[0] == 'x' ? extended_number(disk, partition) : -1;
    switch (s->prefix[0]) {
    case 'x':
        return (int)(MAJOR_XVD << 8 | disk << 4 | partition);
    case 's':
        return (int)(MAJOR_SD << 8 | disk << 4 | partition);
    default:
        return (int)(hd_majors[disk >> 1] << 8 | (disk & 1) << 6 | partition);
    }
}

/* What a bare number says about disk and partition */
static void decode(unsigned int number, unsigned int *disk, unsigned int *partition)
{
    unsigned int major = number >> 8;

    *disk = number >> 4 & 15;
    *partition = number & 15;
    if (number & EXTENDED) {
        *disk = number >> 8 & MAX_DISK;
        *partition = number & 255;
    } else if (major == hd_majors[0] || major == hd_majors[1]) {
        *disk = (major == hd_majors[1] ? 2 : 0) + (number >> 6 & 1);
        *partition = number & 63;
    }
}

/* The scheme of d: d0, d0p1 */
static int parse_plain(const char *p, unsigned int *disk, unsigned int *partition)
{
    *partition = 0;
    if (!parse_number(&p, MAX_DISK, disk))
        return -1;
    if (*p == 'p') {
        p++;
        if (!parse_number(&p, MAX_PARTITION, partition))
            return -1;
    }
    if (*p)
        return -1;
    if (*disk < schemes[0].disks && *partition <= schemes[0].partitions)
        return scheme_number(&schemes[0], *disk, *partition);
    return extended_number(*disk, *partition);
}

int vdev_number(const char *name, unsigned int *disk, unsigned int *partition)
{
    unsigned int own_disk, own_partition;
    char *end;

    disk = disk ? disk : &own_disk;
    partition = partition ? partition : &own_partition;
    if (name[0] == 'd' && isdigit((unsigned char)name[1]))
        return parse_plain(name + 1, disk, partition);
    for (size_t i = 0; i < sizeof(schemes) / sizeof(*schemes); i++) {
        const char *p = name + strlen(schemes[i].prefix);

        if (strncmp(name, schemes[i].prefix, strlen(schemes[i].prefix)) != 0 ||
            !parse_letters(&p, disk))
            continue;
        *partition = 0;
        if (*p && (!parse_number(&p, MAX_PARTITION, partition) || *p || *partition == 0))
            return -1;
        return scheme_number(&schemes[i], *disk, *partition);
    }
    if (isdigit((unsigned char)name[0])) {
        unsigned long number = strtoul(name, &end, 0);

        if (*end || number == 0 || number > INT32_MAX)
            return -1;
        decode((unsigned int)number, disk, partition);
        return (int)number;
    }
    return -1;
}

/* Letters of a disk: 0 is a, 26 is aa */
static char *letters(struct op *op, unsigned int disk)
{
    char *rest = disk >= 26 ? letters(op, disk / 26 - 1) : op_strdup(op, "");

    return op_printf(op, "%s%c", rest, (char)('a' + disk % 26));
}

char *vdev_name(struct op *op, int number)
{
    unsigned int disk, partition, major = (unsigned int)number >> 8;
    const char *prefix = "xvd";

    decode((unsigned int)number, &disk, &partition);
    if (!((unsigned int)number & EXTENDED)) {
        if (major == MAJOR_SD)
            prefix = "sd";
        else if (major == hd_majors[0] || major == hd_majors[1])
            prefix = "hd";
    }
    return partition ? op_printf(op, "%s%s%u", prefix, letters(op, disk), partition)
                     : op_printf(op, "%s%s", prefix, letters(op, disk));
}
