/*
 * The handle of the hypercall library, and the ways into the hypervisor that all areas share.
 *
 * Arguments travel in buffers of libxencall, which the kernel neither moves nor takes away while
 * the hypervisor reads them. It keeps some for reuse and has its own lock; nothing here changes
 * after xc_open(), so no other lock is needed.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <xencall.h>
#include <xenforeignmemory.h>
#include "xc/xc.h"
#include <xen/hypfs.h>

#define UNMAP_MANY  8  /* pages, from which on a hypercall is worth it */
#define UNMAP_BATCH 64 /* what fits in one page of libxencall's */

struct xc {
    xencall_handle *call;
    xenforeignmemory_handle *memory;
};

int xc_open(struct xc **out, struct xentoollog_logger *log)
{
    struct xc *xc = calloc(1, sizeof(*xc));
    int error;

    if (!xc)
        return -ENOMEM;
    xc->call = xencall_open(log, 0);
    if (xc->call)
        xc->memory = xenforeignmemory_open(log, 0);
    if (!xc->memory) {
        error = errno ? -errno : -ENODEV;
        xc_close(xc);
        return error;
    }
    *out = xc;
    return 0;
}

void xc_close(struct xc *xc)
{
    if (!xc)
        return;
    if (xc->memory)
        xenforeignmemory_close(xc->memory);
    if (xc->call)
        xencall_close(xc->call);
    free(xc);
}

void *xc_buffer_alloc(struct xc *xc, size_t size)
{
    void *buffer = xencall_alloc_buffer(xc->call, size ? size : 1);

    if (buffer)
        memset(buffer, 0, size);
    return buffer;
}

void xc_buffer_free(struct xc *xc, void *buffer)
{
    int saved = errno;

    if (buffer)
        xencall_free_buffer(xc->call, buffer);
    errno = saved;
}

int xc_bounce_in(struct xc *xc, struct xc_bounce *b, const void *array, size_t size,
                 enum xc_direction direction)
{
    *b = (struct xc_bounce){ .array = (void *)array, .size = size, .direction = direction };
    if (!array || !size)
        return 0;
    b->buffer = xc_buffer_alloc(xc, size);
    if (!b->buffer)
        return -ENOMEM;
    if (direction & XC_IN)
        memcpy(b->buffer, array, size);
    return 0;
}

void xc_bounce_out(struct xc *xc, struct xc_bounce *b)
{
    if (!b->buffer)
        return;
    if (b->direction & XC_OUT)
        memcpy(b->array, b->buffer, b->size);
    xc_buffer_free(xc, b->buffer);
    b->buffer = NULL;
}

/* What the library says by -1 and errno, as one number */
static long result(long rc)
{
    return rc < 0 ? -errno : rc;
}

long xc_request(struct xc *xc, unsigned int number, void *arg, size_t size)
{
    struct xc_bounce b;
    long rc = xc_bounce_in(xc, &b, arg, size, XC_INOUT);

    if (rc == 0)
        rc = result(xencall1(xc->call, number, (uintptr_t)b.buffer));
    xc_bounce_out(xc, &b);
    return rc;
}

int xc_domctl(struct xc *xc, struct xen_domctl *op)
{
    op->interface_version = XEN_DOMCTL_INTERFACE_VERSION;
    return xc_request(xc, __HYPERVISOR_domctl, op, sizeof(*op));
}

int xc_sysctl(struct xc *xc, struct xen_sysctl *op)
{
    op->interface_version = XEN_SYSCTL_INTERFACE_VERSION;
    return xc_request(xc, __HYPERVISOR_sysctl, op, sizeof(*op));
}

long xc_command(struct xc *xc, unsigned int number, unsigned int cmd, void *arg, size_t size)
{
    struct xc_bounce b;
    long rc;

    rc = xc_bounce_in(xc, &b, arg, size, XC_INOUT);
    if (rc == 0)
        rc = result(xencall2L(xc->call, number, cmd, (uintptr_t)b.buffer));
    xc_bounce_out(xc, &b);
    return rc;
}

int xc_hypfs_write(struct xc *xc, const char *path, const void *value, size_t size)
{
    struct xc_bounce p, v = { 0 };
    int rc = xc_bounce_in(xc, &p, path, strlen(path) + 1, XC_IN);

    if (rc == 0)
        rc = xc_bounce_in(xc, &v, value, size, XC_IN);
    if (rc == 0)
        rc = result(xencall5(xc->call, __HYPERVISOR_hypfs_op, XEN_HYPFS_OP_write_contents,
                             (uintptr_t)p.buffer, strlen(path) + 1, (uintptr_t)v.buffer, size));
    xc_bounce_out(xc, &v);
    xc_bounce_out(xc, &p);
    return rc;
}

long xc_memory_op(struct xc *xc, unsigned int cmd, void *arg, size_t size)
{
    return xc_command(xc, __HYPERVISOR_memory_op, cmd, arg, size);
}

int xc_version(struct xc *xc, unsigned int cmd, void *arg, size_t size)
{
    return xc_command(xc, __HYPERVISOR_xen_version, cmd, arg, size);
}

int xc_mmuext_op(struct xc *xc, uint32_t domid, struct mmuext_op *ops, unsigned int count)
{
    return result(
        xencall4(xc->call, __HYPERVISOR_mmuext_op, (uintptr_t)ops, count, (uintptr_t)NULL, domid));
}

int xc_mmu_update(struct xc *xc, uint32_t domid, struct mmu_update *ops, unsigned int count)
{
    return result(
        xencall4(xc->call, __HYPERVISOR_mmu_update, (uintptr_t)ops, count, (uintptr_t)NULL, domid));
}

void *xc_map(struct xc *xc, uint32_t domid, int prot, size_t count, const xen_pfn_t *frames,
             int *errors)
{
    return xenforeignmemory_map(xc->memory, domid, prot, count, frames, errors);
}

/*
 * Empty the entries of the own page tables for these pages. Linux in a PV domain does that, in
 * munmap(), by writes to its tables, each of which the hypervisor has to catch and look at; many in
 * a hypercall cost a fifth. munmap() then finds entries as they are before a page is first used.
 * Nobody else changes them: the mapping is ours until then. In another kind of domain there is no
 * such call, and munmap() does it all.
 */
static void clear_entries(struct xc *xc, void *address, size_t count)
{
    multicall_entry_t *call = xc_buffer_alloc(xc, UNMAP_BATCH * sizeof(*call));
    uintptr_t at = (uintptr_t)address, end = at + count * XC_PAGE_SIZE;
    unsigned int n;

    while (call && at < end) {
        for (n = 0; n < UNMAP_BATCH && at < end; n++, at += XC_PAGE_SIZE)
            call[n] = (multicall_entry_t){ .op = __HYPERVISOR_update_va_mapping, .args = { at } };
        call[n - 1].args[2] = UVMF_TLB_FLUSH | UVMF_ALL;
        if (xencall2(xc->call, __HYPERVISOR_multicall, (uintptr_t)call, n) || call[0].result)
            break;
    }
    xc_buffer_free(xc, call);
}

void xc_unmap(struct xc *xc, void *address, size_t count)
{
    if (!address)
        return;
    if (count >= UNMAP_MANY)
        clear_entries(xc, address, count);
    xenforeignmemory_unmap(xc->memory, address, count);
}

int xc_map_resource(struct xc *xc, struct xc_resource *r, uint32_t domid, unsigned int type,
                    unsigned int id, unsigned long frame, unsigned long count, int prot)
{
    *r = (struct xc_resource){ 0 };
    r->handle = xenforeignmemory_map_resource(xc->memory, domid, type, id, frame, count,
                                              &r->address, prot, 0);
    return r->handle ? 0 : -errno;
}

void xc_unmap_resource(struct xc *xc, struct xc_resource *r)
{
    if (r->handle)
        xenforeignmemory_unmap_resource(xc->memory, r->handle);
    r->handle = NULL;
}
