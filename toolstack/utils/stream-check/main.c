/*
 * xen-stream-check: what is in a saved domain, and whether it is whole. Reads a file of xl, or an
 * image of libxl, or a domain's image alone; needs no hypervisor. It says what a restore would say
 * of the format; what the hypervisor would say of the contents it cannot know.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "stream/outer.h"

/* What `xl save` puts first: see docs/design/stream.md */
#define XL_MAGIC       "Xen saved domain, xl format\n \0 \r"
#define XL_ORDER       0x01020304u
#define XL_KNOWN_FLAGS 3u
#define XL_OPTIONAL    (1u << 20)

struct xl_head {
    char magic[32];
    uint32_t order, mandatory, optional, length;
};

struct pages {
    uint64_t records, memory, tables, absent;
};

/* What xl puts first, of which the first 16 bytes are there */
static int read_head(struct stream_io *io, struct xl_head *head)
{
    uint32_t config;
    int rc;

    rc = io_read(io, (char *)head + 16, sizeof(*head) - 16);
    if (rc)
        return rc;
    if (memcmp(head->magic, XL_MAGIC, sizeof(head->magic)))
        return wire_fail(io->why, -EINVAL, "it begins like a file of xl, but goes on otherwise");
    if (head->order != XL_ORDER)
        return wire_fail(io->why, -EINVAL, "the file of xl is of a big-endian machine");
    if (head->mandatory & ~XL_KNOWN_FLAGS)
        return wire_fail(io->why, -EINVAL, "the file of xl has unknown mandatory flags (%#x)",
                         head->mandatory);
    if (head->length > XL_OPTIONAL || head->length < sizeof(config))
        return wire_fail(io->why, -EINVAL, "the file of xl has a configuration of %u bytes",
                         head->length);
    rc = io_read(io, &config, sizeof(config));
    if (!rc && config != head->length - sizeof(config))
        rc = wire_fail(io->why, -EINVAL, "the lengths of the configuration (%u, %u) do not agree",
                       config, head->length);
    if (rc)
        return rc;
    printf("xl's file: flags %#x, a configuration of %u bytes (%s)\n", head->mandatory, config,
           head->mandatory & 1 ? "JSON" : "as written");
    return io_skip(io, config);
}

/* ---- the domain's image */

static int check_page_data(struct stream_io *io, uint32_t length, struct pages *p)
{
    struct wire_pages head, *list;
    uint32_t with_data = 0;
    int rc;

    rc = io_read(io, &head, sizeof(head));
    if (!rc)
        rc = wire_check_page_count(&head, length, io->why);
    if (rc)
        return rc;
    list = malloc(sizeof(head) + head.count * sizeof(uint64_t));
    if (!list)
        return wire_fail(io->why, -ENOMEM, "no memory for a list of %u pages", head.count);
    *list = head;
    rc = io_read(io, list + 1, head.count * sizeof(uint64_t));
    if (!rc)
        rc = wire_check_pages(list, length, &with_data, io->why);
    for (uint32_t i = 0; i < head.count && !rc; i++) {
        const uint32_t type = wire_pfinfo(((uint64_t *)(list + 1))[i]);

        p->absent += !wire_has_data(type);
        p->tables += wire_has_data(type) && wire_table_level(type);
        p->memory += wire_has_data(type) && !wire_table_level(type);
    }
    free(list);
    p->records++;
    return rc ? rc : io_skip(io, with_data * WIRE_PAGE_SIZE);
}

static void show_pages(struct pages *p)
{
    if (p->records)
        printf("  %-26s %llu records: %llu pages of memory, %llu page tables, %llu not there\n",
               "PAGE_DATA", (unsigned long long)p->records, (unsigned long long)p->memory,
               (unsigned long long)p->tables, (unsigned long long)p->absent);
    *p = (struct pages){ 0 };
}

static int check_body(struct stream_io *io, const struct wire_record *r)
{
    uint32_t frames;
    void *body;
    int rc = io_read_body(io, r->length, &body);

    if (!rc && r->type == WIRE_PV_P2M_FRAMES)
        rc = wire_check_p2m_frames(body, r->length, &frames, io->why);
    if (!rc && r->type == WIRE_HVM_PARAMS)
        rc = wire_check_hvm_params(body, r->length, io->why);
    if (!rc && r->type >= WIRE_PV_VCPU_BASIC && r->type <= WIRE_PV_VCPU_XSAVE)
        printf("  %-26s %u bytes, vCPU %u\n", wire_name(r->type), r->length,
               ((struct wire_vcpu *)body)->id);
    else if (!rc)
        printf("  %-26s %u bytes\n", wire_name(r->type), r->length);
    free(body);
    return rc;
}

static int check_record(struct stream_io *io, struct wire_state *state, struct wire_record *r,
                        struct pages *pages)
{
    int rc, kind;

    rc = io_read(io, r, sizeof(*r));
    if (rc)
        return rc;
    kind = wire_accept(state, r, io->why);
    if (kind < 0)
        return kind;
    if (kind && r->type == WIRE_PAGE_DATA)
        return check_page_data(io, r->length, pages);
    show_pages(pages);
    if (kind)
        return check_body(io, r);
    printf("  type %#-20x %u bytes, to be passed over\n", r->type, r->length);
    return io_skip(io, wire_padded(r->length));
}

/* @marker: its first bytes */
static int check_domain(struct stream_io *io, uint64_t marker)
{
    struct wire_headers headers = { .marker = marker };
    struct wire_image image;
    struct wire_state state = { .image = &image };
    struct wire_record record;
    struct pages pages = { 0 };
    int rc;

    rc = io_read(io, (char *)&headers + sizeof(marker), sizeof(headers) - sizeof(marker));
    if (!rc)
        rc = wire_get_headers(&headers, &image, io->why);
    if (rc)
        return rc;
    printf("a domain's image, version %u: %s, saved on Xen %u.%u\n", image.version,
           image.type == WIRE_PV ? "PV" : "HVM or PVH", image.xen_major, image.xen_minor);
    do {
        rc = check_record(io, &state, &record, &pages);
    } while (!rc && record.type != WIRE_END);
    return rc;
}

/* ---- libxl's image */

static int check_libxl(struct stream_io *io, const struct wire_outer_header *header)
{
    struct outer_record r = { 0 };
    uint64_t marker;
    int rc;

    rc = wire_get_outer_header(header, io->why);
    if (rc)
        return rc;
    puts("libxl's image, version 2");
    while (!rc) {
        rc = outer_read(io, &r);
        if (rc)
            break;
        printf("  %-26s %u bytes\n", wire_outer_name(r.type), r.length);
        free(r.body);
        if (r.type == WIRE_OUTER_END)
            break;
        if (r.type == WIRE_OUTER_LIBXC) {
            rc = io_read(io, &marker, sizeof(marker));
            rc = rc ? rc : check_domain(io, marker);
        }
    }
    return rc;
}

static int check(struct stream_io *io)
{
    union {
        struct xl_head xl;
        struct wire_outer_header libxl;
        uint64_t marker;
    } head;
    int rc;

    rc = io_read(io, &head, sizeof(head.marker));
    if (!rc && head.marker == UINT64_MAX)
        return check_domain(io, head.marker);
    if (!rc)
        rc = io_read(io, (char *)&head + 8, sizeof(head.libxl) - 8);
    if (!rc && !memcmp(&head, XL_MAGIC, sizeof(head.libxl))) {
        rc = read_head(io, &head.xl);
        if (!rc)
            rc = io_read(io, &head, sizeof(head.libxl));
    }
    return rc ? rc : check_libxl(io, &head.libxl);
}

int main(int count, char **args)
{
    struct wire_why why = { "" };
    struct stream_io io = { .abort_fd = -1, .why = &why };

    if (count > 2 || (count == 2 && args[1][0] == '-')) {
        fputs(
            "usage: xen-stream-check [FILE]\n"
            "Shows what is in a saved domain, from FILE or from standard input, and whether it is\n"
            "whole: status 0 if it is, 1 if not, 2 if it cannot be read.\n",
            stderr);
        return 2;
    }
    io.fd = count == 2 ? open(args[1], O_RDONLY | O_CLOEXEC) : STDIN_FILENO;
    if (io.fd < 0) {
        fprintf(stderr, "xen-stream-check: cannot read %s: %s\n", args[1], strerror(errno));
        return 2;
    }
    if (check(&io)) {
        fflush(stdout);
        fprintf(stderr, "xen-stream-check: %s (byte %llu)\n", why.text,
                (unsigned long long)io.bytes);
        return 1;
    }
    printf("whole: %llu bytes\n", (unsigned long long)io.bytes);
    return 0;
}
