/*
 * Restoring a PV domain: its page tables get the machine's frame numbers, its own table of frames
 * (p2m) is written anew, the tables that were pinned are pinned, and its vCPUs, its shared page and
 * its start_info are made right. The numbers in the stream are hostile; each is looked up among the
 * pages that the stream brought. What a page table may contain the hypervisor checks when it is
 * pinned.
 *
 * Called by restore.c and restore_pages.c, on the operation's thread; no lock.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <xen/version.h>
#include "stream/restore.h"
#include "xc/domain.h"
#include "xc/event.h"
#include "xc/memory.h"
#include "xc/vcpu.h"

#define PER_PAGE    WIRE_PAGE_WORDS
#define PTE_PRESENT 1ull
#define PTE_FRAME   (((1ull << 52) - 1) & ~(WIRE_PAGE_SIZE - 1))
#define GDT_FRAMES  16u
#define CR3_THERE   1ul /* in the user's page table */

/* A record's body with what it is about */
struct blob {
    void *body; /* struct wire_vcpu first; NULL: did not come */
    uint32_t length;
};
enum { BASIC, EXTENDED, XSAVE, MSRS, VCPU_BLOBS };

struct restore_pv {
    struct wire_p2m_frames *p2m; /* the list follows */
    uint32_t p2m_count;
    struct shared_info *shared;
    unsigned int vcpus; /* that the domain has */
    struct blob (*vcpu)[VCPU_BLOBS];
};

static unsigned long long ull(uint64_t value)
{
    return value;
}

static int pv_begin(struct restore *r)
{
    struct restore_pv *pv = r->pv = calloc(1, sizeof(*pv));

    if (!pv)
        return wire_fail(r->why, -ENOMEM, "no memory to restore a domain");
    pv->vcpus = r->info.max_vcpu_id + 1;
    pv->vcpu = calloc(pv->vcpus, sizeof(*pv->vcpu));
    return pv->vcpu ? 0 : wire_fail(r->why, -ENOMEM, "no memory for %u vCPUs", pv->vcpus);
}

static void pv_end(struct restore *r)
{
    struct restore_pv *pv = r->pv;

    if (!pv)
        return;
    for (unsigned int i = 0; pv->vcpu && i < pv->vcpus; i++)
        for (unsigned int j = 0; j < VCPU_BLOBS; j++)
            free(pv->vcpu[i][j].body);
    free(pv->vcpu);
    free(pv->p2m);
    free(pv->shared);
    free(pv);
}

/* ---- records */

static int take_info(struct restore *r, const struct wire_pv_info *info)
{
    if (info->width != 8 || info->levels != 4)
        return wire_fail(r->why, info->width == 4 ? -ENOSYS : -EINVAL,
                         "PV domains with words of %u bytes and page tables of %u levels cannot be "
                         "restored",
                         info->width, info->levels);
    return 0;
}

/* A live sender may send the list again, when the guest has moved its table. */
static int take_p2m(struct restore *r, uint32_t length, void **body)
{
    struct restore_pv *pv = r->pv;
    const struct wire_p2m_frames *p = *body;
    const uint64_t limit = (uint64_t)p->last + 1;
    int rc;

    rc = wire_check_p2m_frames(p, length, &pv->p2m_count, r->why);
    if (rc)
        return rc;
    if (pv->p2m && limit != r->limit)
        return wire_fail(r->why, -EINVAL, "the domain's p2m has %llu entries now, %llu before",
                         ull(limit), ull(r->limit));
    if (!pv->p2m)
        rc = restore_set_limit(r, limit);
    free(pv->p2m);
    pv->p2m = *body;
    *body = NULL;
    return rc;
}

static int take_vcpu(struct restore *r, unsigned int kind, uint32_t length, void **body)
{
    const struct wire_vcpu *head = *body;
    struct blob *blob;

    if (head->id >= r->pv->vcpus)
        return wire_fail(r->why, -EINVAL, "the stream has vCPU %u; the new domain has %u", head->id,
                         r->pv->vcpus);
    /* Some senders have records with nothing in them. */
    if (length == sizeof(*head))
        return 0;
    blob = &r->pv->vcpu[head->id][kind];
    free(blob->body);
    *blob = (struct blob){ *body, length };
    *body = NULL;
    return 0;
}

static int pv_record(struct restore *r, uint32_t type, uint32_t length, void **body)
{
    switch (type) {
    case WIRE_PV_INFO:
        return take_info(r, *body);
    case WIRE_PV_P2M_FRAMES:
        return take_p2m(r, length, body);
    case WIRE_PV_VCPU_BASIC:
        return take_vcpu(r, BASIC, length, body);
    case WIRE_PV_VCPU_EXTENDED:
        return take_vcpu(r, EXTENDED, length, body);
    case WIRE_PV_VCPU_XSAVE:
        return take_vcpu(r, XSAVE, length, body);
    case WIRE_PV_VCPU_MSRS:
        return take_vcpu(r, MSRS, length, body);
    case WIRE_SHARED_INFO:
        free(r->pv->shared);
        r->pv->shared = *body;
        *body = NULL;
        return 0;
    default:
        return wire_fail(r->why, -ENOSYS, "%s of a PV domain is not handled", wire_name(type));
    }
}

static int pv_static_end(struct restore *r)
{
    const int rc = xc_domain_set_address_size(r->xc, r->domid, 64);

    return rc ? wire_fail(r->why, rc, "cannot make the domain one of 64 bits: %s", strerror(-rc))
              : 0;
}

/* ---- page tables */

/* Pages that a table speaks of before they come get their frames now. Until they come, they are as
 * pages that are not there: what a table said in an early round need not be so in the end. */
static int populate_mentioned(struct restore *r, unsigned int level, const uint64_t *table)
{
    unsigned int missing = 0;
    int rc;

    for (unsigned int i = 0; i < PER_PAGE; i++) {
        const uint64_t pfn = (table[i] & PTE_FRAME) >> WIRE_PAGE_SHIFT;

        if (!(table[i] & PTE_PRESENT))
            continue;
        if (pfn >= r->limit)
            return wire_fail(r->why, -EINVAL,
                             "a page table (level %u, entry %u) maps page %#llx, which the domain "
                             "does not have",
                             level, i, ull(pfn));
        if (!r->pages[pfn]) {
            r->pages[pfn] = 1;
            r->missing[missing++] = pfn;
        }
    }
    rc = restore_populate(r, missing);
    for (unsigned int i = 0; i < missing && !rc; i++)
        r->pages[r->missing[i]] = 1 + (XEN_DOMCTL_PFINFO_XTAB >> 28);
    return rc;
}

static int pv_localise(struct restore *r, unsigned int level, uint64_t *table)
{
    const int rc = populate_mentioned(r, level, table);

    for (unsigned int i = 0; i < PER_PAGE && !rc; i++) {
        const uint64_t entry = table[i];

        if (entry & PTE_PRESENT)
            table[i] = (entry & ~PTE_FRAME) | r->frames[(entry & PTE_FRAME) >> WIRE_PAGE_SHIFT]
                                                  << WIRE_PAGE_SHIFT;
    }
    return rc;
}

static int pin_tables(struct restore *r)
{
    static const unsigned int command[] = { MMUEXT_PIN_L1_TABLE, MMUEXT_PIN_L2_TABLE,
                                            MMUEXT_PIN_L3_TABLE, MMUEXT_PIN_L4_TABLE };
    struct mmuext_op *ops = xc_buffer_alloc(r->xc, RESTORE_BATCH * sizeof(*ops));
    unsigned int count = 0;
    int rc = ops ? 0 : -ENOMEM;

    for (uint64_t pfn = restore_next(r, 0); pfn < r->limit && rc >= 0;
         pfn = restore_next(r, pfn + 1)) {
        const unsigned int level = wire_table_level(restore_type(r, pfn));

        if (!level || !(restore_type(r, pfn) & XEN_DOMCTL_PFINFO_LPINTAB))
            continue;
        ops[count++] = (struct mmuext_op){ .cmd = command[level - 1], .arg1.mfn = r->frames[pfn] };
        if (count == RESTORE_BATCH) {
            rc = xc_mmuext_op(r->xc, r->domid, ops, count);
            count = 0;
        }
    }
    if (rc >= 0 && count)
        rc = xc_mmuext_op(r->xc, r->domid, ops, count);
    xc_buffer_free(r->xc, ops);
    if (rc < 0)
        return wire_fail(r->why, rc, "the hypervisor does not accept the domain's page tables: %s",
                         strerror(-rc));
    return 0;
}

/* ---- the guest's table of frames */

/* A page that must be memory and nothing else */
static bool is_memory(const struct restore *r, uint64_t pfn)
{
    return restore_has(r, pfn) && restore_type(r, pfn) == XEN_DOMCTL_PFINFO_NOTAB;
}

static void fill_p2m(const struct restore *r, uint64_t pfn, uint64_t *table)
{
    for (unsigned int i = 0; i < PER_PAGE; i++, pfn++)
        table[i] = restore_has(r, pfn) ? r->frames[pfn] : ~0ull;
}

static int write_p2m(struct restore *r)
{
    const uint64_t *list = (const uint64_t *)(r->pv->p2m + 1);
    uint32_t n;

    for (uint32_t at = 0; at < r->pv->p2m_count; at += n) {
        char *mapped;

        for (n = 0; n < RESTORE_BATCH && at + n < r->pv->p2m_count; n++) {
            if (!is_memory(r, list[at + n]))
                return wire_fail(r->why, -EINVAL,
                                 "the domain's p2m is in page %#llx, which is not plain memory",
                                 ull(list[at + n]));
            r->map[n] = r->frames[list[at + n]];
        }
        mapped = xc_map(r->xc, r->domid, PROT_READ | PROT_WRITE, n, r->map, NULL);
        if (!mapped)
            return wire_fail(r->why, -errno, "cannot map the new domain's p2m: %s",
                             strerror(errno));
        for (uint32_t i = 0; i < n; i++)
            fill_p2m(r, (uint64_t)(at + i) * PER_PAGE,
                     (uint64_t *)(mapped + (size_t)i * WIRE_PAGE_SIZE));
        xc_unmap(r->xc, mapped, n);
    }
    return 0;
}

/* ---- what start_info and the shared page say */

/* The page of a ring, whose number the guest left in start_info when it suspended itself */
static int find_ring(struct restore *r, const char *what, uint64_t pfn, xen_pfn_t *frame)
{
    if (!is_memory(r, pfn))
        return wire_fail(r->why, -EINVAL,
                         "the domain says that its ring for the %s is in page %#llx, which it does "
                         "not have",
                         what, ull(pfn));
    *frame = r->frames[pfn];
    return 0;
}

static int write_start_info(struct restore *r)
{
    const struct blob *first = &r->pv->vcpu[0][BASIC];
    struct vcpu_guest_context *context;
    struct start_info *start;
    uint64_t pfn;
    int version = xc_version(r->xc, XENVER_version, NULL, 0), rc;

    if (!first->body)
        return wire_fail(r->why, -EINVAL, "the stream has no vCPU 0");
    context = (struct vcpu_guest_context *)((struct wire_vcpu *)first->body + 1);
    pfn = context->user_regs.rdx;
    if (!is_memory(r, pfn))
        return wire_fail(r->why, -EINVAL,
                         "vCPU 0 has its start_info in page %#llx, which is not "
                         "plain memory",
                         ull(pfn));
    context->user_regs.rdx = r->frames[pfn];
    start = xc_map(r->xc, r->domid, PROT_READ | PROT_WRITE, 1, &r->frames[pfn], NULL);
    if (!start)
        return wire_fail(r->why, -errno, "cannot map the new domain's start_info: %s",
                         strerror(errno));
    rc = find_ring(r, "store", start->store_mfn, &r->request->store_gfn);
    if (!rc)
        rc = find_ring(r, "console", start->console.domU.mfn, &r->request->console_gfn);
    if (!rc) {
        snprintf(start->magic, sizeof(start->magic), "xen-%u.%u-x86_64",
                 (unsigned int)version >> 16, (unsigned int)version & 0xffff);
        start->nr_pages = r->request->pages;
        start->shared_info = r->info.shared_info_frame << WIRE_PAGE_SHIFT;
        start->flags = 0;
        start->store_mfn = r->request->store_gfn;
        start->store_evtchn = r->request->store_port;
        start->console.domU.mfn = r->request->console_gfn;
        start->console.domU.evtchn = r->request->console_port;
    }
    xc_unmap(r->xc, start, 1);
    return rc;
}

/* The guest's own part of the page. Event channels are made anew, and all are masked until the
 * guest has done so; the numbers of frames are old ones. */
static int write_shared_info(struct restore *r)
{
    const xen_pfn_t frame = r->info.shared_info_frame;
    const struct shared_info *old = r->pv->shared;
    struct shared_info *now;

    if (!old)
        return wire_fail(r->why, -EINVAL, "the stream has no SHARED_INFO");
    now = xc_map(r->xc, r->domid, PROT_READ | PROT_WRITE, 1, &frame, NULL);
    if (!now)
        return wire_fail(r->why, -errno, "cannot map the new domain's shared page: %s",
                         strerror(errno));
    memcpy(now->vcpu_info, old->vcpu_info, sizeof(now->vcpu_info));
    for (unsigned int i = 0; i < XEN_LEGACY_MAX_VCPUS; i++)
        now->vcpu_info[i].evtchn_pending_sel = 0;
    memset(now->evtchn_pending, 0, sizeof(now->evtchn_pending));
    memset(now->evtchn_mask, 0xff, sizeof(now->evtchn_mask));
    now->arch = old->arch;
    now->arch.pfn_to_mfn_frame_list_list = 0;
    now->arch.p2m_cr3 = 0;
    xc_unmap(r->xc, now, 1);
    return 0;
}

/* ---- vCPUs */

static int to_frame(struct restore *r, unsigned int vcpu, const char *what, unsigned int level,
                    uint64_t pfn, unsigned long *frame)
{
    if (!restore_has(r, pfn) || wire_table_level(restore_type(r, pfn)) != level)
        return wire_fail(r->why, -EINVAL, "vCPU %u has %s in page %#llx, which is none", vcpu, what,
                         ull(pfn));
    *frame = r->frames[pfn];
    return 0;
}

static int localise_context(struct restore *r, unsigned int vcpu, struct vcpu_guest_context *c)
{
    unsigned long frame = 0;
    int rc = 0;

    if (c->gdt_ents > GDT_FRAMES * PER_PAGE)
        return wire_fail(r->why, -EINVAL, "vCPU %u has a GDT of %lu entries", vcpu, c->gdt_ents);
    for (unsigned int i = 0; i < (c->gdt_ents + PER_PAGE - 1) / PER_PAGE && !rc; i++)
        rc = to_frame(r, vcpu, "its GDT", 0, c->gdt_frames[i], &c->gdt_frames[i]);
    if (!rc)
        rc = to_frame(r, vcpu, "its page table", 4, c->ctrlreg[3] >> WIRE_PAGE_SHIFT, &frame);
    c->ctrlreg[3] = frame << WIRE_PAGE_SHIFT;
    if (rc || !c->ctrlreg[1])
        return rc;
    rc = to_frame(r, vcpu, "its user page table", 4, c->ctrlreg[1] >> WIRE_PAGE_SHIFT, &frame);
    c->ctrlreg[1] = frame << WIRE_PAGE_SHIFT;
    return rc;
}

static int set_basic(struct restore *r, unsigned int vcpu, void *data)
{
    int rc = localise_context(r, vcpu, data);

    if (rc)
        return rc;
    rc = xc_vcpu_set_context(r->xc, r->domid, vcpu, data);
    return rc ? wire_fail(r->why, rc, "the hypervisor does not accept vCPU %u: %s", vcpu,
                          strerror(-rc))
              : 0;
}

static int set_extended(struct restore *r, unsigned int vcpu, const void *data, uint32_t length)
{
    struct xen_domctl_ext_vcpucontext context = { 0 };
    int rc;

    if (length > sizeof(context))
        return wire_fail(r->why, -EINVAL, "the callbacks of vCPU %u have %u bytes", vcpu, length);
    memcpy(&context, data, length);
    rc = xc_vcpu_set_ext_context(r->xc, r->domid, vcpu, &context);
    return rc ? wire_fail(r->why, rc, "cannot set the callbacks of vCPU %u: %s", vcpu,
                          strerror(-rc))
              : 0;
}

static int set_msrs(struct restore *r, unsigned int vcpu, const struct xen_domctl_vcpu_msr *msrs,
                    uint32_t length)
{
    uint32_t count = length / (uint32_t)sizeof(*msrs);
    int rc;

    if (length % sizeof(*msrs))
        return wire_fail(r->why, -EINVAL, "the MSRs of vCPU %u have %u bytes", vcpu, length);
    rc = xc_vcpu_set_msrs(r->xc, r->domid, vcpu, msrs, &count);
    if (!rc)
        return 0;
    return wire_fail(r->why, rc, "cannot set MSR %#x of vCPU %u: %s",
                     count < length / sizeof(*msrs) ? msrs[count].index : 0, vcpu, strerror(-rc));
}

static int set_vcpu(struct restore *r, unsigned int vcpu)
{
    const struct blob *blob = r->pv->vcpu[vcpu];
    uint32_t length[VCPU_BLOBS];
    void *data[VCPU_BLOBS];
    int rc = 0;

    for (unsigned int i = 0; i < VCPU_BLOBS; i++) {
        data[i] = blob[i].body ? (struct wire_vcpu *)blob[i].body + 1 : NULL;
        length[i] = blob[i].length - (uint32_t)sizeof(struct wire_vcpu);
    }
    if (data[BASIC])
        rc = set_basic(r, vcpu, data[BASIC]);
    if (!rc && data[EXTENDED])
        rc = set_extended(r, vcpu, data[EXTENDED], length[EXTENDED]);
    if (!rc && data[XSAVE]) {
        rc = xc_vcpu_set_xsave(r->xc, r->domid, vcpu, data[XSAVE], length[XSAVE]);
        if (rc)
            wire_fail(r->why, rc, "this CPU cannot take the XSAVE state of vCPU %u: %s", vcpu,
                      strerror(-rc));
    }
    if (!rc && data[MSRS])
        rc = set_msrs(r, vcpu, data[MSRS], length[MSRS]);
    return rc;
}

static int pv_complete(struct restore *r)
{
    int rc;

    if (!r->pv->p2m)
        return wire_fail(r->why, -EINVAL, "the stream has no X86_PV_P2M_FRAMES");
    rc = write_p2m(r);
    if (!rc)
        rc = write_start_info(r);
    if (!rc)
        rc = pin_tables(r);
    if (!rc)
        rc = write_shared_info(r);
    for (unsigned int vcpu = 0; vcpu < r->pv->vcpus && !rc; vcpu++)
        rc = set_vcpu(r, vcpu);
    if (rc)
        return rc;
    rc = xc_grant_reserved(r->xc, r->domid, r->request->console_gfn, r->request->console_domid,
                           r->request->store_gfn, r->request->store_domid);
    return rc ? wire_fail(r->why, rc, "cannot grant the pages of the rings: %s", strerror(-rc)) : 0;
}

const struct restore_kind restore_pv = {
    .begin = pv_begin,
    .end = pv_end,
    .record = pv_record,
    .static_end = pv_static_end,
    .localise = pv_localise,
    .complete = pv_complete,
};
