/* See fake_xc.h. Memory is a file, so that frames can be mapped in any order, as foreign ones are.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "fake_xc.h"
#include "xc/domain.h"
#include "xc/event.h"
#include "xc/hvm.h"
#include "xc/memory.h"
#include "xc/policy.h"
#include "xc/vcpu.h"

struct fake fake;
static int memory_fd = -1, m2p_fd = -1;

static void *shared_file(int *fd, size_t size)
{
    void *p;

    *fd = memfd_create("fake", 0);
    if (*fd < 0 || ftruncate(*fd, (off_t)size) < 0)
        abort();
    p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, *fd, 0);
    if (p == MAP_FAILED)
        abort();
    return p;
}

uint64_t *fake_frame(xen_pfn_t frame)
{
    if (frame >= FAKE_FRAMES)
        abort();
    return (uint64_t *)(fake.memory + frame * XC_PAGE_SIZE);
}

/* Frames are given out in an order that is not the pages'. */
static xen_pfn_t new_frame(unsigned int domid)
{
    for (unsigned int i = 0; i < FAKE_FRAMES; i++) {
        const unsigned int frame = (i * 167 + 100) % FAKE_FRAMES;

        if (fake.owner[frame])
            continue;
        fake.owner[frame] = (uint16_t)domid;
        fake.type[frame] = XEN_DOMCTL_PFINFO_NOTAB;
        memset(fake_frame(frame), 0, XC_PAGE_SIZE);
        return frame;
    }
    return ~0ull;
}

xen_pfn_t fake_add(unsigned int domid, uint64_t pfn, uint32_t type)
{
    const xen_pfn_t frame = new_frame(domid);

    if (frame != ~0ull) {
        fake.m2p[frame] = pfn;
        fake.type[frame] = type;
        fake.domain[domid].pages++;
    }
    return frame;
}

void fake_reset(void)
{
    char *memory = fake.memory;
    uint64_t *m2p = fake.m2p;

    if (!memory) {
        memory = shared_file(&memory_fd, FAKE_FRAMES * XC_PAGE_SIZE);
        m2p = shared_file(&m2p_fd, 2u << 20);
    }
    fake = (struct fake){ .memory = memory, .m2p = m2p };
    memset(m2p, 0xff, FAKE_FRAMES * sizeof(*m2p));
    for (unsigned int i = 1; i < FAKE_DOMAINS; i++) {
        fake.domain[i].exists = true;
        fake.domain[i].max_pages = 200;
        fake.domain[i].shared = new_frame(i);
    }
}

/* ---- the guest */
static xen_pfn_t guest_frames[G_PAGES];

xen_pfn_t fake_guest_frame(unsigned int pfn)
{
    return guest_frames[pfn];
}

static uint64_t pte(unsigned int pfn)
{
    return guest_frames[pfn] << 12 | 0x67;
}

static uint64_t *page(unsigned int pfn)
{
    return fake_frame(guest_frames[pfn]);
}

static void guest_vcpus(void)
{
    for (unsigned int i = 0; i < FAKE_VCPUS; i++) {
        struct fake_vcpu *v = &fake.domain[1].vcpu[i];

        v->online = true;
        v->context.user_regs.rip = 0x1000 + i;
        v->context.user_regs.rdx = i ? 77 : guest_frames[G_START];
        v->context.gdt_ents = 512;
        v->context.gdt_frames[0] = guest_frames[G_GDT];
        v->context.ctrlreg[3] = guest_frames[G_L4] << 12;
        v->context.ctrlreg[1] = i ? 0 : guest_frames[G_USER_L4] << 12;
        v->ext.size = 40;
        v->ext.syscall32_callback_eip = 0x5000 + i;
        v->xsave[0] = 7;
        v->xsave_size = sizeof(v->xsave);
        v->msrs[0] = (struct xen_domctl_vcpu_msr){ .index = 0x140, .value = i };
        v->msr_count = i;
    }
}

void fake_guest(bool linear)
{
    static const uint32_t types[G_PAGES] = {
        [G_L4] = XEN_DOMCTL_PFINFO_L4TAB | XEN_DOMCTL_PFINFO_LPINTAB,
        [G_L3] = XEN_DOMCTL_PFINFO_L3TAB,
        [G_L2] = XEN_DOMCTL_PFINFO_L2TAB,
        [G_L1] = XEN_DOMCTL_PFINFO_L1TAB,
        [G_USER_L4] = XEN_DOMCTL_PFINFO_L4TAB | XEN_DOMCTL_PFINFO_LPINTAB,
    };
    struct fake_domain *d = &fake.domain[1];
    struct shared_info *shared = (struct shared_info *)fake_frame(d->shared);
    struct start_info *start;

    for (unsigned int i = 0; i < G_PAGES; i++)
        guest_frames[i] = i == G_HOLE ? ~0ull : fake_add(1, i, types[i]);
    for (unsigned int i = 0; i < G_PAGES; i++)
        page(G_P2M)[i] = guest_frames[i];
    memset(&page(G_P2M)[G_PAGES], 0xff, (512 - G_PAGES) * 8);
    page(G_L4)[G_ADDRESS >> 39 & 511] = pte(G_L3);
    page(G_L4)[256] = 0xdead000 | 1; /* the hypervisor's */
    page(G_L3)[0] = pte(G_L2);
    page(G_L2)[0] = pte(G_L1);
    page(G_L1)[0] = pte(G_P2M);
    page(G_L1)[1] = pte(G_DATA + 1);
    page(G_L1)[2] = 0x123456000; /* not present: the guest's own affair */
    page(G_ROOT)[0] = guest_frames[G_LIST];
    page(G_LIST)[0] = guest_frames[G_P2M];
    for (unsigned int i = G_DATA; i < G_PAGES; i++)
        for (unsigned int j = 0; j < 512; j++)
            page(i)[j] = (uint64_t)i << 32 | j;
    start = (struct start_info *)page(G_START);
    start->store_mfn = G_STORE;
    start->console.domU.mfn = G_CONSOLE;
    start->flags = 99;

    shared->arch.max_pfn = G_PAGES;
    shared->arch.pfn_to_mfn_frame_list_list = guest_frames[G_ROOT];
    shared->arch.p2m_cr3 = linear ? guest_frames[G_L4] << 12 : 0;
    shared->arch.p2m_vaddr = G_ADDRESS;
    shared->vcpu_info[1].arch.cr2 = 0x4242;
    shared->evtchn_pending[0] = 6;
    guest_vcpus();
    d->tsc = (struct xen_domctl_tsc_info){ .tsc_mode = 1, .gtsc_khz = 2000, .elapsed_nsec = 55 };
    d->suspended = true;
}

void fake_hvm_guest(void)
{
    fake.domain[1].hvm = fake.domain[2].hvm = fake.domain[1].suspended = true;
    for (unsigned int i = 0; i < 16; i++)
        memset(fake_frame(fake_add(1, 5 + 30 * i, XEN_DOMCTL_PFINFO_NOTAB)), (int)i + 1, 4096);
    fake.domain[1].param[HVM_PARAM_STORE_PFN] = 5;
    fake.domain[1].param[HVM_PARAM_CONSOLE_PFN] = 35;
    fake.domain[1].param[HVM_PARAM_IOREQ_PFN] = 65;
    strcpy(fake.domain[1].context, "registers of a guest");
}

/* A frame's number for its domain: translated domains have their own */
static xen_pfn_t real_frame(uint32_t domid, xen_pfn_t frame)
{
    if (domid >= FAKE_DOMAINS || !fake.domain[domid].hvm)
        return frame;
    for (unsigned int i = 0; i < FAKE_FRAMES; i++)
        if (fake.owner[i] == domid && fake.m2p[i] == frame)
            return i;
    return ~0ull;
}

/* ---- xc */
struct xc {
    int unused;
};

static struct fake_domain *find(uint32_t domid)
{
    return domid && domid < FAKE_DOMAINS && fake.domain[domid].exists ? &fake.domain[domid] : NULL;
}

void *xc_buffer_alloc(struct xc *xc, size_t size)
{
    (void)xc;
    fake.buffers++;
    return calloc(1, size ? size : 1);
}

void xc_buffer_free(struct xc *xc, void *buffer)
{
    (void)xc;
    fake.buffers -= buffer != NULL;
    free(buffer);
}

static int map_one(char *at, uint32_t domid, int prot, xen_pfn_t frame)
{
    int fd = memory_fd;

    if (domid == DOMID_XEN) {
        if (frame < FAKE_M2P || frame >= FAKE_M2P + 512 || prot & PROT_WRITE)
            return EINVAL;
        frame -= FAKE_M2P;
        fd = m2p_fd;
    } else {
        frame = real_frame(domid, frame);
        if (frame >= FAKE_FRAMES || fake.owner[frame] != domid)
            return EINVAL;
    }
    if (mmap(at, XC_PAGE_SIZE, prot, MAP_SHARED | MAP_FIXED, fd, (off_t)(frame * XC_PAGE_SIZE)) ==
        MAP_FAILED)
        abort();
    return 0;
}

void *xc_map(struct xc *xc, uint32_t domid, int prot, size_t count, const xen_pfn_t *frames,
             int *errors)
{
    char *p = mmap(NULL, count * XC_PAGE_SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int error;

    (void)xc;
    if (p == MAP_FAILED)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        error = map_one(p + i * XC_PAGE_SIZE, domid, prot, frames[i]);
        if (errors) {
            errors[i] = error;
        } else if (error) {
            munmap(p, count * XC_PAGE_SIZE);
            errno = error;
            return NULL;
        }
    }
    fake.mapped += (int)count;
    return p;
}

void xc_unmap(struct xc *xc, void *address, size_t count)
{
    (void)xc;
    fake.mapped -= (int)count;
    munmap(address, count * XC_PAGE_SIZE);
}

int xc_version(struct xc *xc, unsigned int cmd, void *arg, size_t size)
{
    (void)xc, (void)cmd, (void)arg, (void)size;
    return 4 << 16 | 17;
}

int xc_mmuext_op(struct xc *xc, uint32_t domid, struct mmuext_op *ops, unsigned int count)
{
    static const uint32_t types[] = { XEN_DOMCTL_PFINFO_L1TAB, XEN_DOMCTL_PFINFO_L2TAB,
                                      XEN_DOMCTL_PFINFO_L3TAB, XEN_DOMCTL_PFINFO_L4TAB };

    (void)xc;
    for (unsigned int i = 0; i < count; i++) {
        const uint64_t frame = ops[i].arg1.mfn;

        if (frame >= FAKE_FRAMES || fake.owner[frame] != domid)
            return -EINVAL;
        if (ops[i].cmd > MMUEXT_PIN_L4_TABLE)
            return -ENOSYS;
        fake.type[frame] = types[ops[i].cmd] | XEN_DOMCTL_PFINFO_LPINTAB;
        fake.domain[domid].pins++;
    }
    return 0;
}

int xc_domain_info(struct xc *xc, uint32_t domid, struct xen_domctl_getdomaininfo *info)
{
    const struct fake_domain *d = find(domid);

    (void)xc;
    if (!d)
        return -ESRCH;
    *info = (struct xen_domctl_getdomaininfo){
        .flags = (d->suspended ? XEN_DOMINF_shutdown | SHUTDOWN_suspend << XEN_DOMINF_shutdownshift
                               : 0) |
                 (d->hvm ? XEN_DOMINF_hvm_guest : 0),
        .tot_pages = d->pages,
        .max_pages = d->max_pages,
        .max_vcpu_id = FAKE_VCPUS - 1,
        .shared_info_frame = d->shared,
    };
    return 0;
}

int xc_domain_get_address_size(struct xc *xc, uint32_t domid, unsigned int *size)
{
    (void)xc, (void)domid;
    *size = 64;
    return 0;
}

int xc_domain_set_address_size(struct xc *xc, uint32_t domid, unsigned int size)
{
    (void)xc, (void)domid;
    return size == 64 ? 0 : -EINVAL;
}

int xc_domain_get_tsc(struct xc *xc, uint32_t domid, struct xen_domctl_tsc_info *info)
{
    (void)xc;
    *info = find(domid)->tsc;
    return 0;
}

int xc_domain_set_tsc(struct xc *xc, uint32_t domid, const struct xen_domctl_tsc_info *info)
{
    (void)xc;
    find(domid)->tsc = *info;
    return 0;
}

long xc_populate(struct xc *xc, uint32_t domid, unsigned long count, unsigned int order,
                 unsigned int mem_flags, xen_pfn_t *frames)
{
    struct fake_domain *d = find(domid);
    unsigned long i;

    (void)xc, (void)mem_flags;
    for (i = 0; i < count && d->pages < d->max_pages && !order; i++) {
        const xen_pfn_t frame = fake_add(domid, frames[i], XEN_DOMCTL_PFINFO_NOTAB);

        if (frame == ~0ull)
            break;
        if (!d->hvm)
            frames[i] = frame;
    }
    return (long)i;
}

long xc_decrease(struct xc *xc, uint32_t domid, unsigned long count, unsigned int order,
                 xen_pfn_t *frames)
{
    (void)xc, (void)order;
    for (unsigned long i = 0; i < count; i++) {
        const xen_pfn_t frame = real_frame(domid, frames[i]);

        if (frame >= FAKE_FRAMES || fake.owner[frame] != domid)
            return (long)i;
        fake.owner[frame] = 0;
        fake.m2p[frame] = ~0ull;
        find(domid)->pages--;
    }
    return (long)count;
}

long xc_maximum_ram_page(struct xc *xc)
{
    (void)xc;
    return FAKE_FRAMES;
}

int xc_machphys_frames(struct xc *xc, xen_pfn_t *frames, unsigned int *count)
{
    (void)xc;
    frames[0] = FAKE_M2P;
    *count = 1;
    return 0;
}

int xc_page_types(struct xc *xc, uint32_t domid, unsigned long count, xen_pfn_t *frames)
{
    (void)xc;
    for (unsigned long i = 0; i < count; i++) {
        const xen_pfn_t frame = real_frame(domid, frames[i]);

        frames[i] = frame < FAKE_FRAMES && fake.owner[frame] == domid ? fake.type[frame]
                                                                      : XEN_DOMCTL_PFINFO_XTAB;
    }
    return 0;
}

long xc_maximum_gpfn(struct xc *xc, uint32_t domid)
{
    (void)xc, (void)domid;
    return 500;
}

int xc_hvm_get_param(struct xc *xc, uint32_t domid, unsigned int index, uint64_t *value)
{
    (void)xc;
    *value = find(domid)->param[index];
    return 0;
}

int xc_hvm_set_param(struct xc *xc, uint32_t domid, unsigned int index, uint64_t value)
{
    (void)xc;
    find(domid)->param[index] = value;
    return 0;
}

int xc_hvm_get_context(struct xc *xc, uint32_t domid, void *state, uint32_t *size)
{
    struct fake_domain *d = find(domid);

    (void)xc;
    if (state)
        memcpy(state, d->context, *size);
    *size = sizeof(d->context);
    return 0;
}

int xc_hvm_set_context(struct xc *xc, uint32_t domid, const void *state, uint32_t size)
{
    struct fake_domain *d = find(domid);

    (void)xc;
    if (size != sizeof(d->context))
        return -EINVAL;
    memcpy(d->context, state, size);
    return 0;
}

int xc_shadow_op(struct xc *xc, uint32_t domid, struct xen_domctl_shadow_op *op)
{
    struct fake_domain *d = find(domid);
    const size_t size = op->pages / 8 < sizeof(d->dirty) ? op->pages / 8 : sizeof(d->dirty);

    (void)xc;
    d->log_dirty = op->op != XEN_DOMCTL_SHADOW_OP_OFF;
    if (op->op == XEN_DOMCTL_SHADOW_OP_CLEAN) {
        memcpy(op->dirty_bitmap.p, d->dirty, size);
        memset(d->dirty, 0, sizeof(d->dirty));
    }
    return 0;
}

int xc_vcpu_info(struct xc *xc, uint32_t domid, unsigned int vcpu,
                 struct xen_domctl_getvcpuinfo *info)
{
    (void)xc;
    *info = (struct xen_domctl_getvcpuinfo){ .online = find(domid)->vcpu[vcpu].online };
    return 0;
}

int xc_vcpu_get_context(struct xc *xc, uint32_t domid, unsigned int vcpu,
                        struct vcpu_guest_context *context)
{
    (void)xc;
    *context = find(domid)->vcpu[vcpu].context;
    return 0;
}

int xc_vcpu_set_context(struct xc *xc, uint32_t domid, unsigned int vcpu,
                        const struct vcpu_guest_context *context)
{
    struct fake_vcpu *v = &find(domid)->vcpu[vcpu];

    (void)xc;
    v->context = *context;
    v->set = true;
    return 0;
}

int xc_vcpu_get_ext_context(struct xc *xc, uint32_t domid, unsigned int vcpu,
                            struct xen_domctl_ext_vcpucontext *context)
{
    (void)xc;
    *context = find(domid)->vcpu[vcpu].ext;
    return 0;
}

int xc_vcpu_set_ext_context(struct xc *xc, uint32_t domid, unsigned int vcpu,
                            const struct xen_domctl_ext_vcpucontext *context)
{
    (void)xc;
    find(domid)->vcpu[vcpu].ext = *context;
    return 0;
}

int xc_vcpu_get_xsave(struct xc *xc, uint32_t domid, unsigned int vcpu, void *state, uint64_t *size,
                      uint64_t *features)
{
    const struct fake_vcpu *v = &find(domid)->vcpu[vcpu];

    (void)xc;
    if (state)
        memcpy(state, v->xsave, *size < v->xsave_size ? *size : v->xsave_size);
    *size = v->xsave_size;
    *features = 7;
    return 0;
}

int xc_vcpu_set_xsave(struct xc *xc, uint32_t domid, unsigned int vcpu, const void *state,
                      uint64_t size)
{
    struct fake_vcpu *v = &find(domid)->vcpu[vcpu];

    (void)xc;
    if (size > sizeof(v->xsave))
        return -EINVAL;
    memcpy(v->xsave, state, size);
    v->xsave_size = size;
    return 0;
}

int xc_vcpu_get_msrs(struct xc *xc, uint32_t domid, unsigned int vcpu,
                     struct xen_domctl_vcpu_msr *msrs, uint32_t *count)
{
    const struct fake_vcpu *v = &find(domid)->vcpu[vcpu];

    (void)xc;
    if (msrs)
        memcpy(msrs, v->msrs, v->msr_count * sizeof(*msrs));
    *count = msrs ? v->msr_count : 2;
    return 0;
}

int xc_vcpu_set_msrs(struct xc *xc, uint32_t domid, unsigned int vcpu,
                     const struct xen_domctl_vcpu_msr *msrs, uint32_t *count)
{
    struct fake_vcpu *v = &find(domid)->vcpu[vcpu];

    (void)xc;
    if (*count > 2) {
        *count = 2;
        return -EINVAL;
    }
    memcpy(v->msrs, msrs, *count * sizeof(*msrs));
    v->msr_count = *count;
    return 0;
}

int xc_policy_size(struct xc *xc, struct xc_policy *p)
{
    (void)xc;
    p->leaf_count = 8;
    p->msr_count = 2;
    return 0;
}

int xc_policy_of_domain(struct xc *xc, uint32_t domid, struct xc_policy *p)
{
    (void)xc, (void)domid;
    p->leaf_count = 5;
    memset(p->leaves, 0, 5 * sizeof(*p->leaves));
    p->msr_count = 0;
    return 0;
}

int xc_policy_set(struct xc *xc, uint32_t domid, const struct xc_policy *p,
                  struct xc_policy_refusal *refused)
{
    (void)xc, (void)refused;
    find(domid)->leaves = p->leaf_count;
    find(domid)->msrs = p->msr_count;
    return 0;
}

int xc_grant_reserved(struct xc *xc, uint32_t domid, xen_pfn_t console_gfn, uint32_t console_domid,
                      xen_pfn_t store_gfn, uint32_t store_domid)
{
    (void)xc, (void)console_domid, (void)store_domid;
    find(domid)->granted[0] = console_gfn;
    find(domid)->granted[1] = store_gfn;
    return 0;
}
