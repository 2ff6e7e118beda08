/*
 * Saving the vCPUs of a PV domain, which is suspended: what the hypervisor keeps of them, with
 * guest frame numbers in place of the machine's. The guest has put these numbers there, so they are
 * looked up as its tables' are.
 *
 * Called by save_pv.c, on the operation's thread; no lock.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "stream/save.h"
#include "xc/vcpu.h"

#define GDT_FRAMES 16u

static unsigned long long ull(uint64_t value)
{
    return value;
}

/* A frame number in a vCPU's registers, in place */
static int to_pfn(struct save *s, unsigned int vcpu, const char *what, uint64_t *frame)
{
    const uint64_t pfn = save_pfn_of(s, *frame);

    if (pfn == ~0ull)
        return wire_fail(s->why, -EINVAL,
                         "vCPU %u has %s in frame %#llx, which is not the domain's", vcpu, what,
                         ull(*frame));
    *frame = pfn;
    return 0;
}

static int cr3_to_pfn(struct save *s, unsigned int vcpu, const char *what, unsigned long *cr3)
{
    uint64_t frame = *cr3 >> WIRE_PAGE_SHIFT;
    const int rc = to_pfn(s, vcpu, what, &frame);

    *cr3 = frame << WIRE_PAGE_SHIFT;
    return rc;
}

static int write_vcpu_record(struct save *s, enum wire_type type, unsigned int vcpu,
                             const void *body, size_t length)
{
    static const char zeros[8];
    const struct wire_vcpu head = { .id = vcpu };
    const struct wire_record record = { type, (uint32_t)(sizeof(head) + length) };
    struct iovec parts[] = {
        { (void *)&record, sizeof(record) },
        { (void *)&head, sizeof(head) },
        { (void *)body, length },
        { (void *)zeros, wire_padded(record.length) - record.length },
    };

    return io_write_parts(&s->io, parts, 4);
}

static int basic_record(struct save *s, unsigned int vcpu)
{
    struct vcpu_guest_context c;
    unsigned int gdt_frames;
    uint64_t frame;
    int rc;

    rc = xc_vcpu_get_context(s->xc, s->domid, vcpu, &c);
    if (rc)
        return wire_fail(s->why, rc, "cannot read vCPU %u: %s", vcpu, strerror(-rc));
    if (vcpu == 0) {
        /* The guest gave its start_info when it suspended itself. */
        frame = c.user_regs.rdx;
        rc = to_pfn(s, vcpu, "its start_info", &frame);
        c.user_regs.rdx = frame;
    }
    gdt_frames = (unsigned int)((c.gdt_ents + WIRE_PAGE_WORDS - 1) / WIRE_PAGE_WORDS);
    if (c.gdt_ents > GDT_FRAMES * WIRE_PAGE_WORDS)
        rc = wire_fail(s->why, -EINVAL, "vCPU %u has a GDT of %lu entries", vcpu, c.gdt_ents);
    for (unsigned int i = 0; i < gdt_frames && !rc; i++) {
        frame = c.gdt_frames[i];
        rc = to_pfn(s, vcpu, "its GDT", &frame);
        c.gdt_frames[i] = frame;
    }
    if (!rc)
        rc = cr3_to_pfn(s, vcpu, "its page table", &c.ctrlreg[3]);
    if (!rc && c.ctrlreg[1]) {
        rc = cr3_to_pfn(s, vcpu, "its user page table", &c.ctrlreg[1]);
        c.ctrlreg[1] |= 1; /* there is one: page 0 would be nothing else */
    }
    return rc ? rc : write_vcpu_record(s, WIRE_PV_VCPU_BASIC, vcpu, &c, sizeof(c));
}

/* The structure says itself how long it is. */
static int extended_record(struct save *s, unsigned int vcpu)
{
    struct xen_domctl_ext_vcpucontext context = { 0 };
    const int rc = xc_vcpu_get_ext_context(s->xc, s->domid, vcpu, &context);

    if (rc)
        return wire_fail(s->why, rc, "cannot read the callbacks of vCPU %u: %s", vcpu,
                         strerror(-rc));
    if (context.size > sizeof(context))
        return wire_fail(s->why, -EINVAL, "the callbacks of vCPU %u have %u bytes", vcpu,
                         context.size);
    return write_vcpu_record(s, WIRE_PV_VCPU_EXTENDED, vcpu, &context, context.size);
}

static int xsave_record(struct save *s, unsigned int vcpu)
{
    uint64_t size = 0, features = 0;
    void *state;
    int rc;

    rc = xc_vcpu_get_xsave(s->xc, s->domid, vcpu, NULL, &size, &features);
    if (!rc && !size)
        return 0;
    state = rc ? NULL : malloc(size);
    if (!rc)
        rc = state ? xc_vcpu_get_xsave(s->xc, s->domid, vcpu, state, &size, &features) : -ENOMEM;
    if (rc)
        wire_fail(s->why, rc, "cannot read the XSAVE state of vCPU %u: %s", vcpu, strerror(-rc));
    else
        rc = write_vcpu_record(s, WIRE_PV_VCPU_XSAVE, vcpu, state, size);
    free(state);
    return rc;
}

static int msrs_record(struct save *s, unsigned int vcpu)
{
    struct xen_domctl_vcpu_msr *msrs = NULL;
    uint32_t count = 0;
    int rc;

    rc = xc_vcpu_get_msrs(s->xc, s->domid, vcpu, NULL, &count);
    if (!rc && !count)
        return 0;
    msrs = rc ? NULL : calloc(count, sizeof(*msrs));
    if (!rc)
        rc = msrs ? xc_vcpu_get_msrs(s->xc, s->domid, vcpu, msrs, &count) : -ENOMEM;
    if (rc)
        wire_fail(s->why, rc, "cannot read the MSRs of vCPU %u: %s", vcpu, strerror(-rc));
    else if (count)
        rc = write_vcpu_record(s, WIRE_PV_VCPU_MSRS, vcpu, msrs, count * sizeof(*msrs));
    free(msrs);
    return rc;
}

static int vcpu_records(struct save *s, unsigned int vcpu)
{
    int rc = basic_record(s, vcpu);

    if (!rc)
        rc = extended_record(s, vcpu);
    if (!rc)
        rc = xsave_record(s, vcpu);
    return rc ? rc : msrs_record(s, vcpu);
}

int save_vcpus(struct save *s)
{
    struct xen_domctl_getvcpuinfo info;
    int rc = 0;

    for (unsigned int vcpu = 0; vcpu <= s->info.max_vcpu_id && !rc; vcpu++) {
        rc = xc_vcpu_info(s->xc, s->domid, vcpu, &info);
        if (rc)
            return wire_fail(s->why, rc, "cannot look at vCPU %u: %s", vcpu, strerror(-rc));
        if (info.online)
            rc = vcpu_records(s, vcpu);
    }
    return rc;
}
