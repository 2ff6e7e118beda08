/*
 * Saving a PV domain: its table of frames (p2m, in its own memory), the machine's table back (m2p),
 * its page tables with guest frame numbers in place of the machine's, its shared page.
 *
 * All of the guest's tables are hostile, and may change under our hands while it runs. So a frame
 * number of the guest's counts only when both tables say so: m2p is the hypervisor's, and p2m must
 * lead back. A frame that is not the guest's cannot be mapped in its name at all.
 *
 * Called by save.c and save_pages.c, on the operation's thread; no lock.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include "stream/save.h"
#include "xc/domain.h"
#include "xc/memory.h"

#define PER_PAGE    WIRE_PAGE_WORDS
#define PTE_PRESENT 1ull
#define PTE_FRAME   (((1ull << 52) - 1) & ~(WIRE_PAGE_SIZE - 1))
/* The hypervisor's own slots of a top table */
#define XEN_SLOT_FIRST 256u
#define XEN_SLOT_LAST  271u
/* A guest with little memory may have a long table, with the same frame for its many holes; but
 * what that costs us has an end: 256 GiB of addresses, or this many times its memory. */
#define PAGES_ALWAYS (1ull << 26)
#define PAGES_FACTOR 512
/* 2 MiB of m2p: 1 GiB of memory */
#define M2P_CHUNK_SHIFT 18
#define M2P_CHUNK_PAGES 512

struct save_pv {
    const volatile struct shared_info *shared;
    uint64_t shared_frame;
    /* The frames of the p2m, and the whole of it in a row */
    xen_pfn_t *p2m_frames;
    uint64_t *p2m_pfns;
    unsigned int p2m_count;
    const volatile uint64_t *p2m;
    /* The m2p: mapped by chunks, when one is needed first */
    uint64_t frames_of_host;
    xen_pfn_t *m2p_frames;
    unsigned int m2p_chunks;
    const volatile uint64_t **m2p;
};

static unsigned long long ull(uint64_t value)
{
    return value;
}

/* ---- from machine frames to guest frames */

/* NULL if it cannot be mapped */
static const volatile uint64_t *m2p_chunk(struct save *s, unsigned int index)
{
    struct save_pv *pv = s->pv;
    xen_pfn_t frames[M2P_CHUNK_PAGES];

    if (!pv->m2p[index]) {
        for (unsigned int i = 0; i < M2P_CHUNK_PAGES; i++)
            frames[i] = pv->m2p_frames[index] + i;
        pv->m2p[index] = xc_map(s->xc, DOMID_XEN, PROT_READ, M2P_CHUNK_PAGES, frames, NULL);
    }
    return pv->m2p[index];
}

/* What the hypervisor says of a frame; the result is below s->pages, or ~0 */
static uint64_t m2p_says(struct save *s, xen_pfn_t frame)
{
    const volatile uint64_t *chunk;
    uint64_t pfn;

    if (frame >= s->pv->frames_of_host)
        return ~0ull;
    chunk = m2p_chunk(s, (unsigned int)(frame >> M2P_CHUNK_SHIFT));
    if (!chunk)
        return ~0ull;
    pfn = chunk[frame & ((1u << M2P_CHUNK_SHIFT) - 1)];
    return pfn < s->pages ? pfn : ~0ull;
}

uint64_t save_pfn_of(struct save *s, xen_pfn_t frame)
{
    const uint64_t pfn = m2p_says(s, frame);

    return pfn != ~0ull && s->pv->p2m[pfn] == frame ? pfn : ~0ull;
}

static xen_pfn_t frame_of(struct save *s, uint64_t pfn)
{
    const xen_pfn_t frame = s->pv->p2m[pfn];

    return m2p_says(s, frame) == pfn ? frame : INVALID_FRAME;
}

static int open_m2p(struct save *s)
{
    struct save_pv *pv = s->pv;
    const long frames = xc_maximum_ram_page(s->xc);
    unsigned int chunks;
    int rc;

    if (frames <= 0)
        return wire_fail(s->why, frames ? (int)frames : -EINVAL,
                         "the hypervisor does not tell how much memory the host has");
    chunks = (unsigned int)(((uint64_t)frames + (1u << M2P_CHUNK_SHIFT) - 1) >> M2P_CHUNK_SHIFT);
    pv->m2p_frames = calloc(chunks, sizeof(*pv->m2p_frames));
    pv->m2p = calloc(chunks, sizeof(*pv->m2p));
    if (!pv->m2p_frames || !pv->m2p)
        return wire_fail(s->why, -ENOMEM, "no memory for the table of the host's frames");
    pv->m2p_chunks = chunks;
    rc = xc_machphys_frames(s->xc, pv->m2p_frames, &chunks);
    if (rc < 0)
        return wire_fail(s->why, rc, "cannot find the hypervisor's table of frames: %s",
                         strerror(-rc));
    if (chunks < pv->m2p_chunks)
        pv->m2p_chunks = chunks;
    pv->frames_of_host = (uint64_t)pv->m2p_chunks << M2P_CHUNK_SHIFT;
    return 0;
}

/* ---- the guest's own table, from where the guest says that it is */

/* Copy a page of the guest's, found by its machine frame */
static int read_frame(struct save *s, uint64_t frame, uint64_t *copy, const char *what)
{
    void *page = xc_map(s->xc, s->domid, PROT_READ, 1, &frame, NULL);

    if (!page)
        return wire_fail(s->why, -EINVAL,
                         "the domain says that %s is in frame %#llx, which is not its own", what,
                         ull(frame));
    memcpy(copy, page, WIRE_PAGE_SIZE);
    xc_unmap(s->xc, page, 1);
    return 0;
}

/* Tables of which the last one of each level is at hand */
struct walk {
    struct {
        uint64_t frame;
        uint64_t words[PER_PAGE];
    } level[5];
};

static int walk_step(struct save *s, struct walk *w, unsigned int level, uint64_t frame)
{
    int rc;

    if (w->level[level].frame == frame)
        return 0;
    rc = read_frame(s, frame, w->level[level].words, "a table that maps its p2m");
    w->level[level].frame = rc ? ~0ull : frame;
    return rc;
}

/* The linear table: mapped at @address in the address space of @cr3 */
static int frames_by_address(struct save *s, uint64_t cr3, uint64_t address, xen_pfn_t *frames,
                             unsigned int count)
{
    struct walk *w = malloc(sizeof(*w));
    int rc = 0;

    if (!w)
        return wire_fail(s->why, -ENOMEM, "no memory to look for the domain's p2m");
    for (unsigned int i = 0; i < 5; i++)
        w->level[i].frame = ~0ull;
    for (unsigned int i = 0; i < count && !rc; i++, address += WIRE_PAGE_SIZE) {
        uint64_t frame = cr3 >> WIRE_PAGE_SHIFT;

        for (unsigned int level = 4; level && !rc; level--) {
            uint64_t entry;

            rc = walk_step(s, w, level, frame);
            entry = rc ? 0 : w->level[level].words[address >> (3 + 9 * level) & (PER_PAGE - 1)];
            if (!rc && !(entry & PTE_PRESENT))
                rc = wire_fail(s->why, -EINVAL,
                               "the domain says that its p2m is at %#llx, where nothing is mapped",
                               ull(address));
            frame = (entry & PTE_FRAME) >> WIRE_PAGE_SHIFT;
        }
        frames[i] = frame;
    }
    free(w);
    return rc;
}

/* The tree of three levels */
static int frames_by_tree(struct save *s, uint64_t root, xen_pfn_t *frames, unsigned int count)
{
    uint64_t(*list)[PER_PAGE] = malloc(2 * sizeof(*list));
    int rc;

    if (!list)
        return wire_fail(s->why, -ENOMEM, "no memory to look for the domain's p2m");
    if (count > PER_PAGE * PER_PAGE)
        rc = wire_fail(s->why, -EINVAL, "the domain's p2m is too long for its tree");
    else
        rc = read_frame(s, root, list[0], "the tree of its p2m");
    for (unsigned int i = 0; i < count && !rc; i++) {
        if (i % PER_PAGE == 0)
            rc = read_frame(s, list[0][i / PER_PAGE], list[1], "a branch of its p2m's tree");
        frames[i] = rc ? 0 : list[1][i % PER_PAGE];
    }
    free(list);
    return rc;
}

static int find_p2m_frames(struct save *s, xen_pfn_t *frames, unsigned int count)
{
    const uint64_t cr3 = s->pv->shared->arch.p2m_cr3;
    const uint64_t address = s->pv->shared->arch.p2m_vaddr;
    const uint64_t root = s->pv->shared->arch.pfn_to_mfn_frame_list_list;

    if (cr3)
        return frames_by_address(s, cr3, address, frames, count);
    if (!root || root == ~0ull)
        return wire_fail(s->why, -EINVAL,
                         "the domain does not say where its p2m is: its kernel has "
                         "not started, or cannot be saved");
    return frames_by_tree(s, root, frames, count);
}

static int map_p2m(struct save *s)
{
    struct save_pv *pv = s->pv;

    pv->p2m = xc_map(s->xc, s->domid, PROT_READ, pv->p2m_count, pv->p2m_frames, NULL);
    if (!pv->p2m)
        return wire_fail(s->why, -EINVAL,
                         "the %u frames that the domain says are its p2m are not all its own",
                         pv->p2m_count);
    for (unsigned int i = 0; i < pv->p2m_count; i++) {
        pv->p2m_pfns[i] = save_pfn_of(s, pv->p2m_frames[i]);
        if (pv->p2m_pfns[i] == ~0ull)
            return wire_fail(s->why, -EINVAL,
                             "frame %#llx, of the domain's p2m, has no place in it",
                             ull(pv->p2m_frames[i]));
    }
    return 0;
}

static int open_p2m(struct save *s)
{
    struct save_pv *pv = s->pv;
    const uint64_t most = s->info.tot_pages * PAGES_FACTOR;
    int rc;

    s->pages = pv->shared->arch.max_pfn;
    if (!s->pages || s->pages > (most > PAGES_ALWAYS ? most : PAGES_ALWAYS) ||
        s->pages > UINT32_MAX)
        return wire_fail(s->why, -EINVAL, "the domain says that its p2m has %#llx entries",
                         ull(s->pages));
    pv->p2m_count = (unsigned int)((s->pages + PER_PAGE - 1) / PER_PAGE);
    pv->p2m_frames = calloc(pv->p2m_count, sizeof(*pv->p2m_frames));
    pv->p2m_pfns = calloc(pv->p2m_count, sizeof(*pv->p2m_pfns));
    if (!pv->p2m_frames || !pv->p2m_pfns)
        return wire_fail(s->why, -ENOMEM, "no memory for the list of the domain's p2m");
    rc = find_p2m_frames(s, pv->p2m_frames, pv->p2m_count);
    return rc ? rc : map_p2m(s);
}

static int pv_begin(struct save *s)
{
    struct save_pv *pv = s->pv = calloc(1, sizeof(*pv));
    unsigned int width;
    int rc;

    if (!pv)
        return wire_fail(s->why, -ENOMEM, "no memory to save the domain");
    rc = xc_domain_get_address_size(s->xc, s->domid, &width);
    if (rc)
        return wire_fail(s->why, rc, "cannot learn the domain's width: %s", strerror(-rc));
    if (width != 64)
        return wire_fail(s->why, -ENOSYS, "PV domains of %u bits cannot be saved", width);
    pv->shared_frame = s->info.shared_info_frame;
    pv->shared = xc_map(s->xc, s->domid, PROT_READ, 1, &pv->shared_frame, NULL);
    if (!pv->shared)
        return wire_fail(s->why, -errno,
                         "cannot map the page that the domain shares with the "
                         "hypervisor: %s",
                         strerror(errno));
    rc = open_m2p(s);
    return rc ? rc : open_p2m(s);
}

static void pv_end(struct save *s)
{
    struct save_pv *pv = s->pv;

    if (!pv)
        return;
    if (pv->p2m)
        xc_unmap(s->xc, (void *)pv->p2m, pv->p2m_count);
    for (unsigned int i = 0; pv->m2p && i < pv->m2p_chunks; i++)
        if (pv->m2p[i])
            xc_unmap(s->xc, (void *)pv->m2p[i], M2P_CHUNK_PAGES);
    if (pv->shared)
        xc_unmap(s->xc, (void *)pv->shared, 1);
    free(pv->m2p);
    free(pv->m2p_frames);
    free(pv->p2m_frames);
    free(pv->p2m_pfns);
    free(pv);
}

/* ---- what is written */

static int pv_static_records(struct save *s)
{
    const struct wire_pv_info info = { .width = 8, .levels = 4 };

    return io_write_record(&s->io, WIRE_PV_INFO, &info, sizeof(info));
}

static int pv_first_records(struct save *s)
{
    const struct save_pv *pv = s->pv;
    const struct wire_p2m_frames body = { .last = (uint32_t)(s->pages - 1) };
    const size_t list = pv->p2m_count * sizeof(*pv->p2m_pfns);
    const struct wire_record record = { WIRE_PV_P2M_FRAMES, (uint32_t)(sizeof(body) + list) };
    struct iovec parts[] = {
        { (void *)&record, sizeof(record) },
        { (void *)&body, sizeof(body) },
        { pv->p2m_pfns, list },
    };

    return io_write_parts(&s->io, parts, 3);
}

/* The guest may have made its p2m anew while it ran. */
static int pv_suspended(struct save *s)
{
    struct save_pv *pv = s->pv;
    xen_pfn_t *now;
    int rc;

    if (pv->shared->arch.max_pfn != s->pages)
        return wire_fail(s->why, -EAGAIN,
                         "the domain's memory got another size while it was sent (p2m of %#llx "
                         "entries, %#llx before): try again",
                         ull(pv->shared->arch.max_pfn), ull(s->pages));
    now = calloc(pv->p2m_count, sizeof(*now));
    if (!now)
        return wire_fail(s->why, -ENOMEM, "no memory for the list of the domain's p2m");
    rc = find_p2m_frames(s, now, pv->p2m_count);
    if (!rc && memcmp(now, pv->p2m_frames, pv->p2m_count * sizeof(*now))) {
        xc_unmap(s->xc, (void *)pv->p2m, pv->p2m_count);
        memcpy(pv->p2m_frames, now, pv->p2m_count * sizeof(*now));
        rc = map_p2m(s);
        if (!rc)
            rc = pv_first_records(s);
    }
    free(now);
    return rc;
}

static int pv_copy_table(struct save *s, unsigned int level, const volatile uint64_t *from,
                         uint64_t *to)
{
    for (unsigned int i = 0; i < PER_PAGE; i++) {
        uint64_t entry = from[i], pfn;

        if (level == 4 && i >= XEN_SLOT_FIRST && i <= XEN_SLOT_LAST)
            entry = 0;
        if (entry & PTE_PRESENT) {
            pfn = save_pfn_of(s, (entry & PTE_FRAME) >> WIRE_PAGE_SHIFT);
            if (pfn == ~0ull && !s->suspended)
                return -EAGAIN;
            if (pfn == ~0ull)
                return wire_fail(
                    s->why, -EINVAL,
                    "a page table of the domain (level %u, entry %u) maps frame %#llx, "
                    "which is not its own",
                    level, i, ull((entry & PTE_FRAME) >> WIRE_PAGE_SHIFT));
            entry = (entry & ~PTE_FRAME) | pfn << WIRE_PAGE_SHIFT;
        }
        to[i] = entry;
    }
    return 0;
}

static int pv_last_records(struct save *s)
{
    char shared[WIRE_PAGE_SIZE];
    int rc;

    memcpy(shared, (const void *)s->pv->shared, sizeof(shared));
    rc = io_write_record(&s->io, WIRE_SHARED_INFO, shared, sizeof(shared));
    return rc ? rc : save_vcpus(s);
}

const struct save_kind save_pv = {
    .type = WIRE_PV,
    .begin = pv_begin,
    .end = pv_end,
    .static_records = pv_static_records,
    .first_records = pv_first_records,
    .suspended = pv_suspended,
    .frame = frame_of,
    .copy_table = pv_copy_table,
    .last_records = pv_last_records,
};
