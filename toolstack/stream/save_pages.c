/*
 * The memory part of a save: batches of pages, and the rounds of a live save. The guest may run and
 * change its memory and its tables meanwhile: a number that it wrote is read once, and everything
 * that is done with it is bounded by what the hypervisor says of its frames.
 *
 * Called by save.c, on the operation's thread; no lock.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include "stream/save.h"
#include "xc/domain.h"
#include "xc/memory.h"

#define BITS 64

static void set_bit(uint64_t *map, uint64_t bit)
{
    map[bit / BITS] |= 1ull << bit % BITS;
}

static uint64_t count_bits(const uint64_t *map, size_t words)
{
    uint64_t count = 0;

    for (size_t i = 0; i < words; i++)
        count += (unsigned int)__builtin_popcountll(map[i]);
    return count;
}

static void set_all(const struct save *s, uint64_t *map)
{
    memset(map, 0xff, s->words * sizeof(*map));
    if (s->pages % BITS)
        map[s->words - 1] = (1ull << s->pages % BITS) - 1;
}

/* ---- a batch */

/* The types of the batch's pages into s->types, in place of their frames; XTAB for what is not
 * there */
static int find_types(struct save *s)
{
    int rc;

    for (unsigned int i = 0; i < s->count; i++)
        s->types[i] = s->frames[i] = s->kind->frame(s, s->pfns[i]);
    rc = xc_page_types(s->xc, s->domid, s->count, s->types);
    if (rc)
        return wire_fail(s->why, rc, "cannot learn the types of the domain's pages: %s",
                         strerror(-rc));
    for (unsigned int i = 0; i < s->count; i++) {
        s->types[i] &= XEN_DOMCTL_PFINFO_LTAB_MASK;
        if (s->frames[i] == INVALID_FRAME)
            s->types[i] = XEN_DOMCTL_PFINFO_XTAB;
    }
    return 0;
}

/* Map those with contents, in a row: *@mapped is NULL when there are none */
static int map_contents(struct save *s, char **mapped, unsigned int *count)
{
    unsigned int n = 0;

    *mapped = NULL;
    for (unsigned int i = 0; i < s->count; i++)
        if (wire_has_data((uint32_t)s->types[i]))
            s->frames[n++] = s->frames[i];
    *count = n;
    if (!n)
        return 0;
    *mapped = xc_map(s->xc, s->domid, PROT_READ, n, s->frames, s->errors);
    if (!*mapped)
        return wire_fail(s->why, -errno, "cannot map %u pages of the domain: %s", n,
                         strerror(errno));
    return 0;
}

/* A record PAGE_DATA, as far as it is made */
struct page_data {
    struct wire_record record;
    struct wire_pages header;
    unsigned int parts;
    uint32_t length; /* of contents */
};

/* A part of what is written: joined to the one before where that ends */
static void add_part(struct save *s, struct page_data *out, const void *start, size_t size)
{
    struct iovec *last = &s->parts[out->parts - 1];

    if ((const char *)last->iov_base + last->iov_len == start)
        last->iov_len += size;
    else
        s->parts[out->parts++] = (struct iovec){ .iov_base = (void *)start, .iov_len = size };
    out->length += (uint32_t)size;
}

/* Page @i of the batch with its contents */
static int add_contents(struct save *s, struct page_data *out, unsigned int i, const char *page)
{
    const unsigned int level = wire_table_level((uint32_t)s->types[i]);
    uint64_t *copy = s->tables + i * WIRE_PAGE_WORDS;
    int rc;

    if (level && s->kind->copy_table) {
        rc = s->kind->copy_table(s, level, (const volatile uint64_t *)page, copy);
        if (rc)
            return rc;
        page = (const char *)copy;
    }
    add_part(s, out, page, WIRE_PAGE_SIZE);
    return 0;
}

/* Page @i of the batch; @page is NULL if it has no contents, else it is in @frame */
static int add_page(struct save *s, struct page_data *out, unsigned int i, const char *page,
                    xen_pfn_t frame)
{
    const uint64_t pfn = s->pfns[i];
    int rc;

    if (page) {
        rc = add_contents(s, out, i, page);
        if (rc == -EAGAIN && !s->suspended) {
            set_bit(s->deferred, pfn);
            return 0;
        }
        if (rc)
            return rc;
    } else if (!s->sent || s->sent[pfn] == INVALID_FRAME) {
        /* What was never there needs no word. */
        return 0;
    }
    if (s->sent)
        s->sent[pfn] = page ? frame : INVALID_FRAME;
    s->entries[out->header.count++] = s->types[i] << WIRE_TYPE_SHIFT | pfn;
    return 0;
}

static int write_batch(struct save *s, const char *mapped)
{
    struct page_data out = { .record.type = WIRE_PAGE_DATA, .parts = 3 };
    unsigned int at = 0;
    int rc = 0;

    s->parts[2] = (struct iovec){ s->entries, 0 };
    for (unsigned int i = 0; i < s->count && !rc; i++) {
        const char *page = NULL;

        if (wire_has_data((uint32_t)s->types[i])) {
            page = mapped + (size_t)at * WIRE_PAGE_SIZE;
            /* The guest gave it away since its type was asked for. */
            if (s->errors[at]) {
                page = NULL;
                s->types[i] = XEN_DOMCTL_PFINFO_XTAB;
            }
            at++;
        }
        rc = add_page(s, &out, i, page, page ? s->frames[at - 1] : INVALID_FRAME);
    }
    if (rc || !out.header.count)
        return rc;
    out.record.length =
        (uint32_t)(sizeof(out.header) + out.header.count * sizeof(*s->entries)) + out.length;
    s->parts[0] = (struct iovec){ &out.record, sizeof(out.record) };
    s->parts[1] = (struct iovec){ &out.header, sizeof(out.header) };
    s->parts[2].iov_len = out.header.count * sizeof(*s->entries);
    return io_write_parts(&s->io, s->parts, out.parts);
}

static int send_batch(struct save *s)
{
    char *mapped;
    unsigned int count;
    int rc;

    rc = io_check_abort(&s->io);
    if (!rc)
        rc = find_types(s);
    if (!rc)
        rc = map_contents(s, &mapped, &count);
    if (rc)
        return rc;
    rc = write_batch(s, mapped);
    if (mapped)
        xc_unmap(s->xc, mapped, count);
    s->done += s->count;
    s->count = 0;
    if (!rc && s->request->progress)
        s->request->progress(s->request->context, &(struct stream_progress){
                                                      .round = s->round,
                                                      .suspended = s->suspended,
                                                      .done = s->done,
                                                      .total = s->total,
                                                      .bytes = s->io.bytes,
                                                  });
    return rc;
}

/* Send the pages of s->todo */
static int save_pages(struct save *s)
{
    int rc = 0;

    s->done = 0;
    s->total = count_bits(s->todo, s->words);
    for (size_t i = 0; i < s->words && !rc; i++) {
        for (uint64_t bits = s->todo[i]; bits && !rc; bits &= bits - 1) {
            s->pfns[s->count++] = i * BITS + (unsigned int)__builtin_ctzll(bits);
            if (s->count == SAVE_BATCH)
                rc = send_batch(s);
        }
    }
    if (!rc && s->count)
        rc = send_batch(s);
    return rc;
}

/* ---- rounds */

/* What was written since the last time, into s->dirty */
static int read_dirty(struct save *s, bool last)
{
    struct xen_domctl_shadow_op op = {
        .op = XEN_DOMCTL_SHADOW_OP_CLEAN,
        .mode = last ? XEN_DOMCTL_SHADOW_LOGDIRTY_FINAL : 0,
        .pages = s->pages,
    };
    int rc;

    set_xen_guest_handle_raw(op.dirty_bitmap, (void *)s->dirty);
    rc = xc_shadow_op(s->xc, s->domid, &op);
    if (rc < 0)
        return wire_fail(s->why, rc, "cannot read which pages the domain has written: %s",
                         strerror(-rc));
    if (s->pages % BITS)
        s->dirty[s->words - 1] &= (1ull << s->pages % BITS) - 1;
    return 0;
}

static int start_log(struct save *s)
{
    struct xen_domctl_shadow_op op = { .op = XEN_DOMCTL_SHADOW_OP_ENABLE_LOGDIRTY };
    int rc;

    rc = xc_shadow_op(s->xc, s->domid, &op);
    if (rc < 0)
        return wire_fail(s->why, rc,
                         "the hypervisor cannot log which pages the domain writes (%s): "
                         "it can be saved, but not while it runs",
                         strerror(-rc));
    s->log_dirty = true;
    if (!s->request->emulator_log_dirty)
        return 0;
    rc = s->request->emulator_log_dirty(s->request->context, true);
    return rc ? wire_fail(s->why, rc, "the emulator does not log its writes") : 0;
}

int save_suspend(struct save *s)
{
    unsigned int reason;
    int rc;

    rc = s->request->suspend(s->request->context);
    if (rc)
        return wire_fail(s->why, rc, "the domain does not suspend: %s", strerror(-rc));
    rc = xc_domain_info(s->xc, s->domid, &s->info);
    if (rc)
        return wire_fail(s->why, rc, "the domain is gone: %s", strerror(-rc));
    reason = s->info.flags >> XEN_DOMINF_shutdownshift & XEN_DOMINF_shutdownmask;
    if (!(s->info.flags & XEN_DOMINF_shutdown) || reason != SHUTDOWN_suspend)
        return wire_fail(s->why, -EINVAL, "the domain is not suspended (flags %#x)", s->info.flags);
    s->suspended = true;
    return s->request->live ? s->kind->suspended(s) : 0;
}

/* Pages that were somewhere else, or not there, when they were sent: the log does not know of them
 */
static void find_moved(struct save *s)
{
    for (uint64_t pfn = 0; pfn < s->pages; pfn++)
        if (s->kind->frame(s, pfn) != s->sent[pfn])
            set_bit(s->todo, pfn);
}

static int live_rounds(struct save *s)
{
    const unsigned int rounds = s->request->rounds ? s->request->rounds : 5;
    const uint64_t few = s->request->few_pages ? s->request->few_pages : 50;
    int rc;

    rc = start_log(s);
    set_all(s, s->todo);
    for (s->round = 0; !rc && s->round < rounds; s->round++) {
        if (count_bits(s->todo, s->words) <= few)
            break;
        rc = save_pages(s);
        if (!rc)
            rc = read_dirty(s, false);
        if (!rc)
            memcpy(s->todo, s->dirty, s->words * sizeof(*s->todo));
    }
    if (!rc)
        rc = save_suspend(s);
    if (!rc)
        rc = read_dirty(s, true);
    if (rc)
        return rc;
    for (size_t i = 0; i < s->words; i++)
        s->todo[i] |= s->dirty[i] | s->deferred[i];
    find_moved(s);
    return save_pages(s);
}

int save_memory(struct save *s)
{
    int rc;

    if (s->request->live) {
        rc = live_rounds(s);
    } else {
        set_all(s, s->todo);
        rc = save_pages(s);
    }
    if (rc || !s->request->verify)
        return rc;
    rc = io_write_record(&s->io, WIRE_VERIFY, NULL, 0);
    set_all(s, s->todo);
    return rc ? rc : save_pages(s);
}
