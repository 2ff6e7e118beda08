/*
 * The memory part of a restore. Contents are read from the stream right into the domain's pages, so
 * they are copied once; the domain cannot run yet, so nobody changes them meanwhile, and page
 * tables are turned into the machine's numbers where they lie. Until they are pinned, which checks
 * them, they are plain memory for the hypervisor.
 *
 * Called by restore.c, on the operation's thread; no lock.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include "stream/restore.h"
#include "xc/memory.h"

static unsigned long long ull(uint64_t value)
{
    return value;
}

static void *address_space(size_t size)
{
    void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
                   -1, 0);

    return p == MAP_FAILED ? NULL : p;
}

int restore_set_limit(struct restore *r, uint64_t limit)
{
    r->limit = limit;
    r->pages = address_space(limit);
    if (r->image.type == WIRE_PV)
        r->frames = address_space(limit * sizeof(*r->frames));
    if (!r->pages || (r->image.type == WIRE_PV && !r->frames))
        return wire_fail(r->why, -ENOMEM, "no memory to restore a domain of %llu pages",
                         ull(limit));
    return 0;
}

void restore_free_pages(struct restore *r)
{
    if (r->pages)
        munmap(r->pages, r->limit);
    if (r->frames)
        munmap(r->frames, r->limit * sizeof(*r->frames));
}

uint64_t restore_next(const struct restore *r, uint64_t pfn)
{
    /* Eight at a time: between pages there may be much that is not. */
    while (pfn < r->limit && !r->pages[pfn])
        pfn += pfn % 8 || *(const uint64_t *)(r->pages + pfn) ? 1 : 8;
    return pfn < r->limit ? pfn : r->limit;
}

int restore_populate(struct restore *r, unsigned int count)
{
    long made;

    if (!count)
        return 0;
    memcpy(r->batch, r->missing, count * sizeof(*r->batch));
    made = xc_populate(r->xc, r->domid, count, 0, 0, r->batch);
    if (made < 0 || made < (long)count)
        return wire_fail(
            r->why, made < 0 ? (int)made : -ENOMEM,
            "cannot get more than %llu pages of memory for the domain: the host has no "
            "more, or its limit is below what the stream has",
            ull(r->request->pages));
    for (unsigned int i = 0; i < count; i++) {
        r->pages[r->missing[i]] = 1 + (XEN_DOMCTL_PFINFO_NOTAB >> 28);
        if (r->frames)
            r->frames[r->missing[i]] = r->batch[i];
    }
    r->request->pages += count;
    return 0;
}

/* One page of what the stream speaks of; adds it to r->missing */
static int check_entry(struct restore *r, uint64_t entry, unsigned int *missing)
{
    const uint64_t pfn = wire_pfn(entry);
    const uint32_t type = wire_pfinfo(entry);

    if (pfn >= r->limit)
        return wire_fail(r->why, -EINVAL,
                         "the stream has page %#llx, but only ones below %#llx exist", ull(pfn),
                         ull(r->limit));
    if (type != XEN_DOMCTL_PFINFO_NOTAB && wire_has_data(type) && !r->kind->localise)
        return wire_fail(r->why, -EINVAL, "page %#llx is a page table in a domain without such",
                         ull(pfn));
    if ((wire_has_data(type) || type == XEN_DOMCTL_PFINFO_XALLOC) && !r->pages[pfn]) {
        /* Mark it: the stream may name it twice. */
        r->pages[pfn] = 1;
        r->missing[(*missing)++] = pfn;
    }
    return 0;
}

/* The contents of these pages, as they are to be in the domain's memory */
static int read_contents(struct restore *r, const uint64_t *entries, unsigned int count,
                         char *pages, size_t size)
{
    int rc = io_read(&r->io, pages, size);

    for (unsigned int i = 0; i < count && !rc; i++) {
        const uint32_t type = wire_pfinfo(entries[i]);

        if (!wire_has_data(type))
            continue;
        if (wire_table_level(type) && r->kind->localise)
            rc = r->kind->localise(r, wire_table_level(type), (uint64_t *)pages);
        pages += WIRE_PAGE_SIZE;
    }
    return rc;
}

/* The other side verifies: what is in memory should be what comes now */
static int compare_contents(struct restore *r, const uint64_t *entries, unsigned int count,
                            char *mapped, size_t size)
{
    char *sent = malloc(size);
    int rc;

    if (!sent)
        return wire_fail(r->why, -ENOMEM, "no memory to compare %u pages", count);
    rc = read_contents(r, entries, count, sent, size);
    for (size_t at = 0; at < size && !rc; at += WIRE_PAGE_SIZE)
        r->request->different += memcmp(sent + at, mapped + at, WIRE_PAGE_SIZE) != 0;
    free(sent);
    return rc;
}

/* At most RESTORE_BATCH pages */
static int restore_batch(struct restore *r, const uint64_t *entries, unsigned int count)
{
    unsigned int missing = 0, n = 0;
    char *mapped;
    int rc = io_check_abort(&r->io);

    for (unsigned int i = 0; i < count && !rc; i++)
        rc = check_entry(r, entries[i], &missing);
    if (!rc)
        rc = restore_populate(r, missing);
    if (rc)
        return rc;
    for (unsigned int i = 0; i < count; i++) {
        const uint64_t pfn = wire_pfn(entries[i]);

        if (wire_has_data(wire_pfinfo(entries[i])))
            r->map[n++] = r->frames ? r->frames[pfn] : pfn;
        if (r->pages[pfn])
            r->pages[pfn] = (uint8_t)(1 + (wire_pfinfo(entries[i]) >> 28));
    }
    if (!n)
        return 0;
    mapped = xc_map(r->xc, r->domid, PROT_READ | PROT_WRITE, n, r->map, NULL);
    if (!mapped)
        return wire_fail(r->why, -errno, "cannot map %u pages of the new domain: %s", n,
                         strerror(errno));
    rc = (r->verify ? compare_contents : read_contents)(r, entries, count, mapped,
                                                        n * WIRE_PAGE_SIZE);
    xc_unmap(r->xc, mapped, n);
    return rc;
}

int restore_pages(struct restore *r, uint32_t length)
{
    struct wire_pages head, *body;
    uint32_t with_data;
    int rc;

    rc = io_read(&r->io, &head, sizeof(head));
    if (!rc)
        rc = wire_check_page_count(&head, length, r->why);
    if (rc)
        return rc;
    body = malloc(sizeof(*body) + head.count * sizeof(uint64_t));
    if (!body)
        return wire_fail(r->why, -ENOMEM, "no memory for a list of %u pages", head.count);
    *body = head;
    rc = io_read(&r->io, body + 1, head.count * sizeof(uint64_t));
    if (!rc)
        rc = wire_check_pages(body, length, &with_data, r->why);
    for (uint32_t i = 0; i < head.count && !rc; i += RESTORE_BATCH)
        rc = restore_batch(r, (const uint64_t *)(body + 1) + i,
                           head.count - i < RESTORE_BATCH ? head.count - i : RESTORE_BATCH);
    free(body);
    if (!rc && r->request->progress)
        r->request->progress(r->request->context, &(struct stream_progress){
                                                      .done = r->request->pages,
                                                      .total = r->info.max_pages,
                                                      .bytes = r->io.bytes,
                                                  });
    return rc;
}

static int give_back(struct restore *r, unsigned int count)
{
    const long given = xc_decrease(r->xc, r->domid, count, 0, r->batch);

    if (given != (long)count)
        return wire_fail(r->why, given < 0 ? (int)given : -EBUSY,
                         "cannot give back %u pages that the domain no longer has", count);
    r->request->pages -= count;
    return 0;
}

int restore_drop(struct restore *r)
{
    unsigned int count = 0;
    uint64_t pfn = 0;
    int rc = 0;

    for (uint64_t left = r->request->pages; left && !rc; left--, pfn++) {
        pfn = restore_next(r, pfn);
        if (restore_type(r, pfn) != XEN_DOMCTL_PFINFO_XTAB &&
            restore_type(r, pfn) != XEN_DOMCTL_PFINFO_BROKEN)
            continue;
        r->batch[count++] = r->frames ? r->frames[pfn] : pfn;
        r->pages[pfn] = 0;
        if (count == RESTORE_BATCH) {
            rc = give_back(r, count);
            count = 0;
        }
    }
    return !rc && count ? give_back(r, count) : rc;
}
