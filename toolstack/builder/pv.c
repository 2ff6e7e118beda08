/*
 * A PV guest: its memory, what stands in it when it starts, and its first vCPU. The order: plan
 * (layout.c), frames, all contents in one sorted list of pieces, one walk that writes them, then
 * what only the hypervisor can do (hypercall page, pin, registers, grants).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <xen/elfnote.h>
#include "builder/pv.h"
#include "xc/domain.h"
#include "xc/event.h"
#include "xc/memory.h"
#include "xc/vcpu.h"

#define MAX_PIECES (IMAGE_MAX_PIECES + 8)
#define RFLAGS_IF  (1ul << 9)

struct pv_build {
    struct build in;
    struct pv_layout layout;
    struct frames frames;
    uint64_t shared_info_mfn;
    struct start_info start_info;
    uint64_t *tables;
    struct piece piece[MAX_PIECES];
    unsigned int pieces;
};

/* What domains of this type have; the kernel may ask for no more. */
static const char *const offered[] = { "writable_page_tables", "writable_descriptor_tables",
                                       "pae_pgdir_above_4gb", "gnttab_map_avail_bits", NULL };

static bool is_offered(const char *name, size_t length)
{
    for (unsigned int i = 0; offered[i]; i++)
        if (strlen(offered[i]) == length && memcmp(offered[i], name, length) == 0)
            return true;
    return false;
}

/* Names between bars; one that is demanded has a "!" in front, or @all are. */
static int check_features(const struct pv_build *b, const char *names, bool all)
{
    for (const char *name = names; *name;) {
        size_t length = strcspn(name, "|");
        bool demanded = all || *name == '!';
        size_t skip = *name == '!';

        if (demanded && length > skip && !is_offered(name + skip, length - skip))
            return build_fail(b->in.error, -EINVAL,
                              "the feature \"%.*s\" is required, which a PV guest cannot have",
                              (int)(length - skip < 40 ? length - skip : 40), name + skip);
        name += length + (name[length] == '|');
    }
    return 0;
}

/* ---- contents ---- */

static uint64_t va(const struct pv_build *b, uint64_t pfn)
{
    return b->layout.virt_base + (pfn << XC_PAGE_SHIFT);
}

static int make_start_info(struct pv_build *b)
{
    const struct build_request *r = b->in.request;
    const struct pv_layout *l = &b->layout;
    struct start_info *si = &b->start_info;
    const char *cmdline = r->cmdline ? r->cmdline : "";

    if (strlen(cmdline) >= MAX_GUEST_CMDLINE)
        return build_fail(b->in.error, -E2BIG,
                          "the kernel's command line has %zu characters; at most %d are possible",
                          strlen(cmdline), MAX_GUEST_CMDLINE - 1);
    memcpy(si->magic, "xen-3.0-x86_64", sizeof("xen-3.0-x86_64"));
    si->nr_pages = l->total;
    si->shared_info = b->shared_info_mfn << XC_PAGE_SHIFT;
    si->flags = r->flags;
    si->store_mfn = b->frames.mfn[l->store];
    si->store_evtchn = r->store.port;
    si->console.domU.mfn = b->frames.mfn[l->console];
    si->console.domU.evtchn = r->console.port;
    si->pt_base = va(b, l->tables);
    si->nr_pt_frames = l->table_pages;
    si->mfn_list = l->p2m_base;
    if (l->own_p2m) {
        si->first_p2m_pfn = l->p2m;
        si->nr_p2m_frames = l->p2m_pages + l->p2m_table_pages;
    }
    if (b->in.ramdisk->size) {
        bool by_page = b->in.image->notes.mod_start_pfn & 1;

        si->mod_start = by_page ? l->ramdisk : va(b, l->ramdisk);
        si->mod_len = b->in.ramdisk->size;
        si->flags |= by_page ? SIF_MOD_START_PFN : 0;
    }
    memcpy(si->cmd_line, cmdline, strlen(cmdline) + 1);
    return 0;
}

static void add(struct pv_build *b, struct piece piece)
{
    if (piece.size)
        b->piece[b->pieces++] = piece;
}

static void add_page(struct pv_build *b, uint64_t pfn, const void *data, uint64_t size)
{
    add(b, (struct piece){ pfn << XC_PAGE_SHIFT, size, data, NULL, 0 });
}

static void add_ramdisk(struct pv_build *b)
{
    add(b, (struct piece){ b->layout.ramdisk << XC_PAGE_SHIFT, b->in.ramdisk->size, NULL,
                           b->in.ramdisk, 0 });
}

/* In the order of their addresses: layout.c. The stack is empty, whatever is in it. */
static void list_pieces(struct pv_build *b)
{
    const struct pv_layout *l = &b->layout;
    bool map_ramdisk = l->ramdisk < l->start_info;

    b->pieces = image_pieces(b->in.image, b->piece);
    if (map_ramdisk)
        add_ramdisk(b);
    if (!l->own_p2m)
        add_page(b, l->p2m, b->frames.mfn, l->total * sizeof(xen_pfn_t));
    add_page(b, l->start_info, &b->start_info, sizeof(b->start_info));
    add_page(b, l->store, NULL, XC_PAGE_SIZE);
    add_page(b, l->console, NULL, XC_PAGE_SIZE);
    add_page(b, l->tables, b->tables, l->table_pages * XC_PAGE_SIZE);
    if (!map_ramdisk)
        add_ramdisk(b);
    if (l->own_p2m) {
        add_page(b, l->p2m, b->frames.mfn, l->total * sizeof(xen_pfn_t));
        add_page(b, l->p2m_tables, b->tables + l->table_pages * PV_ENTRIES,
                 l->p2m_table_pages * XC_PAGE_SIZE);
    }
}

/* Events stay masked until the guest can take them. */
static int init_shared_info(struct pv_build *b)
{
    xen_pfn_t frame = b->shared_info_mfn;
    struct shared_info *si =
        xc_map(b->in.xc, b->in.request->domid, PROT_READ | PROT_WRITE, 1, &frame, NULL);

    if (!si)
        return build_failed(&b->in, -errno, "map the guest's shared page");
    for (unsigned int i = 0; i < XEN_LEGACY_MAX_VCPUS; i++)
        si->vcpu_info[i].evtchn_upcall_mask = 1;
    xc_unmap(b->in.xc, si, 1);
    return 0;
}

/* ---- the hypervisor's part ---- */

static int start_vcpu(struct pv_build *b)
{
    const struct pv_layout *l = &b->layout;
    struct vcpu_guest_context *context = calloc(1, sizeof(*context));
    int rc;

    if (!context)
        return build_failed(&b->in, -ENOMEM, "start the first vCPU");
    context->flags = VGCF_in_kernel | VGCF_online;
    context->user_regs.rip = l->entry;
    context->user_regs.rsp = va(b, l->stack + 1);
    context->user_regs.rsi = va(b, l->start_info);
    context->user_regs.rflags = RFLAGS_IF;
    context->user_regs.cs = FLAT_KERNEL_CS;
    context->user_regs.ss = FLAT_KERNEL_SS;
    context->user_regs.ds = context->user_regs.es = FLAT_KERNEL_DS;
    context->user_regs.fs = context->user_regs.gs = FLAT_KERNEL_DS;
    context->kernel_ss = FLAT_KERNEL_SS;
    context->kernel_sp = context->user_regs.rsp;
    context->ctrlreg[3] = b->frames.mfn[l->tables] << XC_PAGE_SHIFT;
    context->debugreg[6] = 0xffff0ff0;
    context->debugreg[7] = 0x400;
    rc = xc_vcpu_set_context(b->in.xc, b->in.request->domid, 0, context);
    free(context);
    return rc < 0 ? build_failed(&b->in, rc, "set the registers of the first vCPU") : 0;
}

static int finish(struct pv_build *b)
{
    const struct build_request *r = b->in.request;
    const struct pv_layout *l = &b->layout;
    const struct notes *n = &b->in.image->notes;
    int rc;

    if (image_has_note(b->in.image, XEN_ELFNOTE_HYPERCALL_PAGE)) {
        uint64_t pfn = (n->hypercall_page - l->virt_base) >> XC_PAGE_SHIFT;

        rc = xc_domain_hypercall_init(b->in.xc, r->domid, b->frames.mfn[pfn]);
        if (rc < 0)
            return build_failed(&b->in, rc, "fill the guest's hypercall page");
    }
    rc = xc_pin(b->in.xc, r->domid, MMUEXT_PIN_L4_TABLE, b->frames.mfn[l->tables]);
    if (rc < 0)
        return build_failed(&b->in, rc, "pin the guest's first page table");
    *b->in.result = (struct build_result){
        .console_gfn = b->frames.mfn[l->console],
        .store_gfn = b->frames.mfn[l->store],
    };
    rc = xc_grant_reserved(b->in.xc, r->domid, b->in.result->console_gfn, r->console.domid,
                           b->in.result->store_gfn, r->store.domid);
    if (rc < 0)
        return build_failed(&b->in, rc, "grant the guest's rings");
    rc = init_shared_info(b);
    return rc < 0 ? rc : start_vcpu(b);
}

static int fill_memory(struct pv_build *b)
{
    int rc = make_start_info(b);

    if (rc < 0)
        return rc;
    b->tables = pv_tables(&b->layout, b->frames.mfn);
    if (!b->tables)
        return build_failed(&b->in, -ENOMEM, "make the guest's page tables");
    list_pieces(b);
    return frames_write(&b->frames, b->piece, b->pieces, b->in.error);
}

static int build(struct pv_build *b)
{
    struct xen_domctl_getdomaininfo info;
    const struct build_request *r = b->in.request;
    int rc;

    rc = check_features(b, b->in.image->notes.features, false);
    if (rc == 0 && r->features)
        rc = check_features(b, r->features, true);
    if (rc == 0)
        rc = pv_plan(&b->layout, b->in.image, r->memory_kb >> 2, b->in.ramdisk->size, b->in.error);
    if (rc < 0)
        return rc;
    rc = xc_domain_info(b->in.xc, r->domid, &info);
    if (rc < 0)
        return build_failed(&b->in, rc, "look at the new domain");
    b->shared_info_mfn = info.shared_info_frame;
    b->frames = (struct frames){ .xc = b->in.xc, .domid = r->domid, .count = b->layout.total };
    b->frames.mfn = malloc(b->layout.total * sizeof(xen_pfn_t));
    if (!b->frames.mfn)
        return build_failed(&b->in, -ENOMEM, "list the guest's pages");
    rc = frames_populate(&b->frames, 0, b->layout.total, b->in.error);
    if (rc == 0)
        rc = fill_memory(b);
    return rc < 0 ? rc : finish(b);
}

int build_pv(const struct build *in)
{
    struct pv_build *b = calloc(1, sizeof(*b));
    int rc;

    if (!b)
        return build_failed(in, -ENOMEM, "build the guest");
    b->in = *in;
    rc = build(b);
    free(b->tables);
    free(b->frames.mfn);
    free(b);
    return rc;
}
