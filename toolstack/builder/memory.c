/*
 * A new domain's frames, and the writing of them. What takes time is neither copying nor
 * allocating, but mapping: a page of another domain costs the kernel and the hypervisor a check and
 * a change of a page table, twice. So only pages that get something are mapped, many at once; those
 * that must be empty (a kernel's .bss, rings) are cleared by the hypervisor, and the rest is not
 * touched.
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

#define BIG_ORDER 9
#define BIG       (1ul << BIG_ORDER)
#define MAP_BATCH 8192
#define OPS_BATCH 512

/* ---- frames ---- */

static int no_memory(struct frames *frames, uint64_t done, struct build_error *error)
{
    return build_fail(error, -ENOMEM,
                      "the host has not enough free memory: %lu of %lu MiB could be had",
                      (unsigned long)(done >> 8), (unsigned long)(frames->count >> 8));
}

/* As much as possible in blocks of 2 MiB: returns how many pages that are */
static uint64_t populate_big(struct frames *frames)
{
    unsigned long want = frames->count / BIG;
    xen_pfn_t *block = xc_buffer_alloc(frames->xc, want * sizeof(*block));
    long got;

    if (!block)
        return 0;
    for (unsigned long i = 0; i < want; i++)
        block[i] = i * BIG;
    got = want ? xc_populate(frames->xc, frames->domid, want, BIG_ORDER, 0, block) : 0;
    for (long b = 0; b < got; b++)
        for (unsigned long i = 0; i < BIG; i++)
            frames->mfn[b * BIG + i] = block[b] + i;
    xc_buffer_free(frames->xc, block);
    return got < 0 ? 0 : got * BIG;
}

int frames_populate(struct frames *frames, struct build_error *error)
{
    uint64_t done;
    long got = 0;

    frames->mfn = xc_buffer_alloc(frames->xc, frames->count * sizeof(*frames->mfn));
    if (!frames->mfn)
        return build_fail(error, -ENOMEM, "there is no memory for a list of the guest's pages");
    done = populate_big(frames);
    for (uint64_t i = done; i < frames->count; i++)
        frames->mfn[i] = i;
    if (done < frames->count)
        got =
            xc_populate(frames->xc, frames->domid, frames->count - done, 0, 0, frames->mfn + done);
    if (got < 0 || done + got < frames->count) {
        frames_free(frames);
        return no_memory(frames, done + (got < 0 ? 0 : got), error);
    }
    return 0;
}

void frames_free(struct frames *frames)
{
    xc_buffer_free(frames->xc, frames->mfn);
    frames->mfn = NULL;
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

static int clear_page(struct writer *w, uint64_t pfn)
{
    w->op[w->ops++] =
        (struct mmuext_op){ .cmd = MMUEXT_CLEAR_PAGE, .arg1.mfn = w->frames->mfn[pfn] };
    return w->ops == OPS_BATCH ? clear_pages(w) : 0;
}

static int add_part(struct writer *w, uint64_t pfn, bool fresh, struct part part)
{
    if (pfn != w->last_pfn)
        w->mfn[w->pages++] = w->frames->mfn[pfn];
    w->last_pfn = pfn;
    part.fresh = fresh;
    part.slot = w->pages - 1;
    w->part[w->parts++] = part;
    return w->parts == MAP_BATCH ? write_parts(w) : 0;
}

/* @before, @after: the pages that the neighbours end and begin in */
static int write_piece(struct writer *w, const struct piece *piece, uint64_t before, uint64_t after)
{
    const uint8_t *data = piece->data;
    uint64_t at = piece->address, end = at + piece->size;
    int rc = 0;

    if (end > w->frames->count << XC_PAGE_SHIFT || end < at)
        return build_fail(w->error, -EINVAL, "the kernel does not fit in the guest's memory");
    while (at < end && rc == 0) {
        uint64_t pfn = at >> XC_PAGE_SHIFT, offset = at & (XC_PAGE_SIZE - 1);
        uint64_t size = XC_PAGE_SIZE - offset < end - at ? XC_PAGE_SIZE - offset : end - at;

        if (pfn != before && pfn != after && is_zero(data, size))
            rc = clear_page(w, pfn);
        else
            rc = add_part(w, pfn, pfn != before, (struct part){ data, offset, size, false, 0 });
        data = data ? data + size : NULL;
        at += size;
    }
    return rc;
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
    w.op = xc_buffer_alloc(frames->xc, OPS_BATCH * sizeof(*w.op));
    if (!w.part || !w.mfn || !w.op)
        rc = build_fail(error, -ENOMEM, "there is no memory to fill the guest's");
    for (size_t i = 0; i < count && rc == 0; i++)
        rc = write_piece(&w, &pieces[i], i ? last_page(&pieces[i - 1]) : ~0ul,
                         i + 1 < count ? pieces[i + 1].address >> XC_PAGE_SHIFT : ~0ul);
    if (rc == 0)
        rc = write_parts(&w);
    if (rc == 0)
        rc = clear_pages(&w);
    xc_buffer_free(frames->xc, w.op);
    free(w.mfn);
    free(w.part);
    return rc;
}
