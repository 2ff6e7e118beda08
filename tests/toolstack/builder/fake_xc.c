/* The fake of fake_xc.h */
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
#include <xen/hvm/save.h>

struct fake fake;
static int fd = -1;
static uint8_t *memory;

void fake_start(uint64_t room)
{
    fake = (struct fake){ .room = room, .mfn_of = calloc(FAKE_GFNS, sizeof(xen_pfn_t)) };
    fd = memfd_create("fake", 0);
    if (ftruncate(fd, (room + 1) << 12) < 0)
        abort();
    memory = mmap(NULL, (room + 1) << 12, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (memory == MAP_FAILED)
        abort();
    memset(memory, 0xdd, room << 12);
    for (unsigned int i = 0; i < 3; i++) {
        fake.leaves[i] =
            (xen_cpuid_leaf_t){ i, i ? 0 : XEN_CPUID_NO_SUBLEAF, 0xf0, 0xf0, 0xf0, 0xf0 };
        fake.host[i] =
            (xen_cpuid_leaf_t){ i, i ? 0 : XEN_CPUID_NO_SUBLEAF, 0xff, 0xff, 0xff, 0xff };
    }
}

void fake_end(void)
{
    munmap(memory, (fake.room + 1) << 12);
    close(fd);
    free(fake.mfn_of);
}

/* The last page of the file is the shared one. */
static uint64_t index_of(xen_pfn_t mfn)
{
    if (mfn == FAKE_SHARED)
        return fake.room;
    if (fake.hvm)
        mfn = fake.mfn_of[mfn];
    if (mfn < FAKE_BASE || mfn - FAKE_BASE >= fake.room)
        abort();
    return mfn - FAKE_BASE;
}

const uint8_t *fake_page(uint64_t pfn)
{
    return memory + (index_of(fake.hvm ? pfn : fake.mfn_of[pfn]) << 12);
}

uint64_t fake_pfn_of(xen_pfn_t mfn)
{
    for (uint64_t i = 0; i < fake.used; i++)
        if (fake.mfn_of[i] == mfn)
            return i;
    return ~0ul;
}

static bool fails(void)
{
    return ++fake.calls == fake.fail_at;
}

void *xc_buffer_alloc(struct xc *xc, size_t size)
{
    (void)xc;
    if (fails())
        return NULL;
    fake.buffers++;
    return calloc(1, size ? size : 1);
}

void xc_buffer_free(struct xc *xc, void *buffer)
{
    (void)xc;
    fake.buffers -= buffer != NULL;
    free(buffer);
}

long xc_populate(struct xc *xc, uint32_t domid, unsigned long count, unsigned int order,
                 unsigned int flags, xen_pfn_t *frames)
{
    unsigned long i;

    (void)xc, (void)flags;
    if (domid != FAKE_DOMID || fails())
        return -ENOMEM;
    if (order && fake.no_big)
        return 0;
    for (i = 0; i < count && fake.used + (1ul << order) <= fake.room; i++) {
        /* From the end of the machine's memory, so that no number is like the guest's */
        xen_pfn_t mfn = FAKE_BASE + fake.room - fake.used - (1ul << order);

        for (unsigned long j = 0; j < 1ul << order; j++)
            fake.mfn_of[frames[i] + j] = mfn + j;
        if (!fake.hvm)
            frames[i] = mfn;
        fake.used += 1ul << order;
    }
    return i;
}

void *xc_map(struct xc *xc, uint32_t domid, int prot, size_t count, const xen_pfn_t *frames,
             int *errors)
{
    uint8_t *at;

    (void)xc, (void)errors;
    if (domid != FAKE_DOMID || fails()) {
        errno = EPERM;
        return NULL;
    }
    at = mmap(NULL, count << 12, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (size_t i = 0; i < count; i++)
        if (mmap(at + (i << 12), 4096, prot, MAP_SHARED | MAP_FIXED, fd,
                 index_of(frames[i]) << 12) == MAP_FAILED)
            abort();
    fake.maps++;
    fake.mapped += count;
    return at;
}

void xc_unmap(struct xc *xc, void *address, size_t count)
{
    (void)xc;
    munmap(address, count << 12);
    fake.maps--;
    memcpy(&fake.shared, memory + (fake.room << 12), sizeof(fake.shared));
}

int xc_mmuext_op(struct xc *xc, uint32_t domid, struct mmuext_op *ops, unsigned int count)
{
    (void)xc;
    if (domid != FAKE_DOMID || fails() || fake.hvm)
        return -EINVAL;
    for (unsigned int i = 0; i < count; i++) {
        if (ops[i].cmd != MMUEXT_CLEAR_PAGE)
            abort();
        memset(memory + (index_of(ops[i].arg1.mfn) << 12), 0, 4096);
    }
    return 0;
}

int xc_pin(struct xc *xc, uint32_t domid, unsigned int cmd, xen_pfn_t mfn)
{
    (void)xc, (void)domid;
    if (cmd != MMUEXT_PIN_L4_TABLE)
        abort();
    fake.pinned = mfn;
    return fails() ? -EINVAL : 0;
}

int xc_domain_hypercall_init(struct xc *xc, uint32_t domid, uint64_t gmfn)
{
    (void)xc, (void)domid;
    fake.hypercalls = gmfn;
    return fails() ? -EINVAL : 0;
}

int xc_domain_info(struct xc *xc, uint32_t domid, struct xen_domctl_getdomaininfo *info)
{
    (void)xc;
    *info = (struct xen_domctl_getdomaininfo){ .domain = domid, .shared_info_frame = FAKE_SHARED };
    return fails() ? -ESRCH : 0;
}

int xc_domain_max_vcpus(struct xc *xc, uint32_t domid, unsigned int count)
{
    (void)xc, (void)domid;
    fake.vcpus = count;
    return fails() ? -EINVAL : 0;
}

int xc_domain_max_memory(struct xc *xc, uint32_t domid, uint64_t kb)
{
    (void)xc, (void)domid;
    fake.max_kb = kb;
    return fails() ? -EINVAL : 0;
}

int xc_domain_set_tsc(struct xc *xc, uint32_t domid, const struct xen_domctl_tsc_info *info)
{
    (void)xc, (void)domid, (void)info;
    return fails() ? -EINVAL : 0;
}

int xc_set_memory_map(struct xc *xc, uint32_t domid, const struct xc_e820_entry *map,
                      unsigned int count)
{
    (void)xc, (void)domid;
    fake.map_end = map[count - 1].start + map[count - 1].size;
    return fails() ? -EINVAL : 0;
}

int xc_machine_memory_map(struct xc *xc, struct xc_e820_entry *map, unsigned int *count)
{
    (void)xc;
    map[0] = (struct xc_e820_entry){ .size = 64 << 20, .type = 1 };
    map[1] = (struct xc_e820_entry){ .start = 64 << 20, .size = 64 << 20, .type = 2 };
    *count = 2;
    return fails() ? -EINVAL : 0;
}

int xc_grant_reserved(struct xc *xc, uint32_t domid, xen_pfn_t console_gfn, uint32_t console_domid,
                      xen_pfn_t store_gfn, uint32_t store_domid)
{
    (void)xc, (void)domid, (void)console_domid, (void)store_domid;
    fake.console = console_gfn;
    fake.store = store_gfn;
    return fails() ? -EINVAL : 0;
}

int xc_vcpu_set_context(struct xc *xc, uint32_t domid, unsigned int vcpu,
                        const struct vcpu_guest_context *context)
{
    (void)xc, (void)domid;
    if (vcpu || fails())
        return -EINVAL;
    fake.context = *context;
    fake.has_context = true;
    return 0;
}

int xc_policy_size(struct xc *xc, struct xc_policy *p)
{
    (void)xc;
    p->leaf_count = 3;
    p->msr_count = 1;
    return fails() ? -EINVAL : 0;
}

int xc_policy_of_host(struct xc *xc, unsigned int index, struct xc_policy *p)
{
    (void)xc, (void)index;
    memcpy(p->leaves, fake.host, sizeof(fake.host));
    return fails() ? -EINVAL : 0;
}

int xc_policy_of_domain(struct xc *xc, uint32_t domid, struct xc_policy *p)
{
    (void)xc, (void)domid;
    memcpy(p->leaves, fake.leaves, sizeof(fake.leaves));
    return fails() ? -EINVAL : 0;
}

int xc_policy_set(struct xc *xc, uint32_t domid, const struct xc_policy *p,
                  struct xc_policy_refusal *refused)
{
    (void)xc, (void)domid;
    *refused = (struct xc_policy_refusal){ ~0u, ~0u, ~0u };
    if (fails()) {
        refused->leaf = 1;
        return -EINVAL;
    }
    memcpy(fake.leaves, p->leaves, sizeof(fake.leaves));
    return 0;
}

int xc_hvm_set_param(struct xc *xc, uint32_t domid, unsigned int index, uint64_t value)
{
    (void)xc, (void)domid;
    fake.params[index] = value;
    return fails() ? -EINVAL : 0;
}

/* A header, something else, and what two vCPUs have of caching */
int xc_hvm_get_context(struct xc *xc, uint32_t domid, void *state, uint32_t *size)
{
    struct {
        struct hvm_save_descriptor header;
        char text[12];
        struct hvm_save_descriptor other;
        struct hvm_save_descriptor mtrr[1];
        struct hvm_hw_mtrr first;
        struct hvm_save_descriptor next;
        struct hvm_hw_mtrr second;
        struct hvm_save_descriptor end;
    } __attribute__((packed)) all = {
        .header = { 1, 0, 12 },
        .text = "the header",
        .other = { 5, 0, 0 },
        .mtrr = { { 14, 0, sizeof(struct hvm_hw_mtrr) } },
        .first.msr_pat_cr = 0x70406,
        .next = { 14, 1, sizeof(struct hvm_hw_mtrr) },
        .second.msr_pat_cr = 0x70406,
    };

    (void)xc, (void)domid;
    if (state)
        memcpy(state, &all, sizeof(all));
    *size = sizeof(all);
    return fails() ? -EINVAL : 0;
}

int xc_hvm_set_context(struct xc *xc, uint32_t domid, const void *state, uint32_t size)
{
    (void)xc, (void)domid;
    if (fails() || size > sizeof(fake.state))
        return -EINVAL;
    memcpy(fake.state, state, size);
    fake.state_size = size;
    fake.has_context = true;
    return 0;
}
