/*
 * A new domain's frames, and the writing of them. What takes time is neither copying nor
 * allocating, but mapping: a page of another domain costs the kernel and the hypervisor a check and
 * a change of a page table, twice. So only pages that get something are mapped, many at once; those
 * that must be empty (a kernel's .bss, rings) are cleared by the hypervisor in a PV domain, and the
 * rest is not touched.
 *
 * "Must be empty": the hypervisor scrubs what a dead domain had, but not what a running one gave
 * back, so a new page can hold bytes of dom0.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include "builder/internal.h"
#include "xc/memory.h"

#define BIG_ORDER      9
#define POPULATE_BATCH 4096
#define MAP_BATCH      1024
#define BUFFER         (256 * XC_PAGE_SIZE)
#define OPS_BATCH      512

/* ---- frames ---- */

/* Note the machine's frames of one block, if the domain has to know them. */
static void note_block(struct frames *frames, uint64_t pfn, unsigned int order, xen_pfn_t mfn)
{
    if (frames->mfn)
        for (unsigned long i = 0; i < 1ul << order; i++)
            frames->mfn[pfn + i] = mfn + i;
}

/* Blocks from @first on, as many as there are up to @want: returns how many. @batch is for their
 * numbers. */
static uint64_t populate(struct frames *frames, uint64_t first, uint64_t want, unsigned int order,
                         xen_pfn_t *batch)
{
    uint64_t done = 0;
    long count, got;

    do {
        count = want - done < POPULATE_BATCH ? want - done : POPULATE_BATCH;
        for (long i = 0; i < count; i++)
            batch[i] = first + ((done + i) << order);
        got = count ? xc_populate(frames->xc, frames->domid, count, order, 0, batch) : 0;
        for (long i = 0; i < got; i++)
            note_block(frames, first + ((done + i) << order), order, batch[i]);
        done += got < 0 ? 0 : got;
    } while (got == count && done < want);
    return done;
}

int frames_populate(struct frames *frames, uint64_t first, uint64_t count,
                    struct build_error *error)
{
    xen_pfn_t *batch = xc_buffer_alloc(frames->xc, POPULATE_BATCH * sizeof(*batch));
    uint64_t done;

    if (!batch)
        return build_fail(error, -ENOMEM, "there is no memory for a list of the guest's pages");
    done = populate(frames, first, count >> BIG_ORDER, BIG_ORDER, batch) << BIG_ORDER;
    done += populate(frames, first + done, count - done, 0, batch);
    xc_buffer_free(frames->xc, batch);
    if (done < count)
        return build_fail(error, -ENOMEM,
                          "the host has not enough free memory: %lu of %lu MiB could be had",
                          (unsigned long)(done >> 8), (unsigned long)(count >> 8));
    return 0;
}

static xen_pfn_t frame_of(const struct frames *frames, uint64_t pfn)
{
    return frames->mfn ? frames->mfn[pfn] : pfn;
}

/* ---- writing ---- */

/* What a piece has in one page */
struct part {
    const uint8_t *data; /* NULL: zeros */
    uint16_t offset, size;
    bool fresh; /* the first in its page: what is not written is to be zero */
    uint32_t slot;
};

struct writer {
    struct frames *frames;
    struct build_error *error;
    struct part *part; /* MAP_BATCH of them, and of ... */
    xen_pfn_t *mfn;    /* ... the pages they are in */
    uint8_t *buffer;   /* for bytes of files: BUFFER of them */
    struct mmuext_op *op;
    unsigned int parts, pages, ops;
    uint64_t last_pfn; /* that a part was in */
};

static void fill(const struct part *part, uint8_t *page)
{
    if (part->fresh) {
        memset(page, 0, part->offset);
        memset(page + part->offset + part->size, 0, XC_PAGE_SIZE - part->offset - part->size);
    }
    if (part->data)
        memcpy(page + part->offset, part->data, part->size);
    else
        memset(page + part->offset, 0, part->size);
}

static int write_parts(struct writer *w)
{
    uint8_t *pages;

    if (!w->parts)
        return 0;
    pages = xc_map(w->frames->xc, w->frames->domid, PROT_READ | PROT_WRITE, w->pages, w->mfn, NULL);
    if (!pages)
        return build_fail(w->error, -errno, "cannot map the guest's memory: %s", strerror(errno));
    for (unsigned int i = 0; i < w->parts; i++)
        fill(&w->part[i], pages + w->part[i].slot * XC_PAGE_SIZE);
    xc_unmap(w->frames->xc, pages, w->pages);
    w->parts = w->pages = 0;
    w->last_pfn = ~0ul;
    return 0;
}

static int clear_pages(struct writer *w)
{
    unsigned int count = w->ops;
    int rc;

    w->ops = 0;
    rc = count ? xc_mmuext_op(w->frames->xc, w->frames->domid, w->op, count) : 0;
    return rc < 0 ? build_fail(w->error, rc, "cannot clear the guest's memory: %s", strerror(-rc))
                  : 0;
}

static bool is_zero(const uint8_t *data, size_t size)
{
    return !data || (data[0] == 0 && memcmp(data, data + 1, size - 1) == 0);
}

/* Of a PV domain; the hypervisor does not know the pages of others by number here. */
static int clear_page(struct writer *w, uint64_t pfn)
{
    w->op[w->ops++] =
        (struct mmuext_op){ .cmd = MMUEXT_CLEAR_PAGE, .arg1.mfn = frame_of(w->frames, pfn) };
    return w->ops == OPS_BATCH ? clear_pages(w) : 0;
}

static int add_part(struct writer *w, uint64_t pfn, bool fresh, struct part part)
{
    if (pfn != w->last_pfn)
        w->mfn[w->pages++] = frame_of(w->frames, pfn);
    w->last_pfn = pfn;
    part.fresh = fresh;
    part.slot = w->pages - 1;
    w->part[w->parts++] = part;
    return w->parts == MAP_BATCH ? write_parts(w) : 0;
}

/* A run of bytes, or zeros, for the guest. @before, @after: the pages that what stands on either
 * side ends and begins in. */
static int write_run(struct writer *w, uint64_t at, uint64_t length, const uint8_t *data,
                     uint64_t before, uint64_t after)
{
    uint64_t end = at + length;
    int rc = 0;

    while (at < end && rc == 0) {
        uint64_t pfn = at >> XC_PAGE_SHIFT, offset = at & (XC_PAGE_SIZE - 1);
        uint64_t size = XC_PAGE_SIZE - offset < end - at ? XC_PAGE_SIZE - offset : end - at;

        if (w->frames->mfn && pfn != before && pfn != after && is_zero(data, size))
            rc = clear_page(w, pfn);
        else
            rc = add_part(w, pfn, pfn != before, (struct part){ data, offset, size, false, 0 });
        data = data ? data + size : NULL;
        at += size;
    }
    return rc;
}

/* By way of the buffer, in runs that end with a page */
static int write_from_source(struct writer *w, const struct piece *piece, uint64_t before,
                             uint64_t after)
{
    uint64_t done = 0, at = piece->address;
    int rc = 0;

    while (done < piece->size && rc == 0) {
        uint64_t size = BUFFER - (at & (XC_PAGE_SIZE - 1));
        bool last = size >= piece->size - done;

        size = last ? piece->size - done : size;
        rc = write_parts(w);
        if (rc < 0)
            return rc;
        rc = source_read(piece->source, piece->offset + done, w->buffer, size);
        if (rc < 0)
            return build_fail(w->error, rc, "cannot read the kernel or ramdisk: %s", strerror(-rc));
        rc = write_run(w, at, size, w->buffer, done ? ~0ul : before, last ? after : ~0ul);
        done += size;
        at += size;
    }
    return rc;
}

static int write_piece(struct writer *w, const struct piece *piece, uint64_t before, uint64_t after)
{
    uint64_t end = piece->address + piece->size;

    if (end > w->frames->count << XC_PAGE_SHIFT || end < piece->address)
        return build_fail(w->error, -EINVAL, "the kernel does not fit in the guest's memory");
    if (piece->source)
        return write_from_source(w, piece, before, after);
    return write_run(w, piece->address, piece->size, piece->data, before, after);
}

static uint64_t last_page(const struct piece *piece)
{
    return (piece->address + piece->size - 1) >> XC_PAGE_SHIFT;
}

int frames_write(struct frames *frames, const struct piece *pieces, size_t count,
                 struct build_error *error)
{
    struct writer w = { .frames = frames, .error = error, .last_pfn = ~0ul };
    int rc = 0;

    w.part = malloc(MAP_BATCH * sizeof(*w.part));
    w.mfn = malloc(MAP_BATCH * sizeof(*w.mfn));
    w.buffer = malloc(BUFFER);
    w.op = xc_buffer_alloc(frames->xc, OPS_BATCH * sizeof(*w.op));
    if (!w.part || !w.mfn || !w.buffer || !w.op)
        rc = build_fail(error, -ENOMEM, "there is no memory to fill the guest's");
    for (size_t i = 0; i < count && rc == 0; i++)
        rc = write_piece(&w, &pieces[i], i ? last_page(&pieces[i - 1]) : ~0ul,
                         i + 1 < count ? pieces[i + 1].address >> XC_PAGE_SHIFT : ~0ul);
    if (rc == 0)
        rc = write_parts(&w);
    if (rc == 0)
        rc = clear_pages(&w);
    xc_buffer_free(frames->xc, w.op);
    free(w.buffer);
    free(w.mfn);
    free(w.part);
    return rc;
}
