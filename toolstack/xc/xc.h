/*
 * Typed hypercalls: a handle, the calls by number, and memory that a hypercall may use. One header
 * for each area stands beside this one: domain.h, memory.h, vcpu.h, policy.h, event.h.
 *
 * All functions return 0 or a positive result, or -errno as the hypervisor gave it. None logs, none
 * retries, none decides. A handle may be used by many threads at once.
 */
#ifndef XC_XC_H
#define XC_XC_H

#include <stddef.h>
#include <stdint.h>
#include <xen/xen.h>
#include <xen/domctl.h>
#include <xen/sysctl.h>

#define XC_PAGE_SHIFT 12
#define XC_PAGE_SIZE  (1ul << XC_PAGE_SHIFT)

struct xentoollog_logger;
struct xc;

/*
 * Open /dev/xen/privcmd twice: for hypercalls and for memory of other domains. The libraries below
 * report their own failures to @log, which may be NULL. -errno if the device is not there or not
 * ours.
 */
int xc_open(struct xc **xc, struct xentoollog_logger *log);
void xc_close(struct xc *xc);

/* Memory that the hypervisor can reach at any time, zeroed; NULL without memory. free(NULL) is fine
 */
void *xc_buffer_alloc(struct xc *xc, size_t size);
void xc_buffer_free(struct xc *xc, void *buffer);

/*
 * A caller's array while a hypercall uses it: bounce_in() gets a buffer and, with XC_IN, fills it,
 * bounce_out() gives it back and, with XC_OUT, copies the result. -ENOMEM. An empty or NULL array
 * has the buffer NULL.
 */
enum xc_direction { XC_IN = 1, XC_OUT = 2, XC_INOUT = 3 };
struct xc_bounce {
    void *buffer, *array;
    size_t size;
    enum xc_direction direction;
};
int xc_bounce_in(struct xc *xc, struct xc_bounce *b, const void *array, size_t size,
                 enum xc_direction direction);
void xc_bounce_out(struct xc *xc, struct xc_bounce *b);

/* The calls. @op is copied in and out, the version is filled in; what @op points to is the caller's
 * to bounce. */
int xc_domctl(struct xc *xc, struct xen_domctl *op);
int xc_sysctl(struct xc *xc, struct xen_sysctl *op);
/* Hypercall @number, whose one argument has @size bytes and says what to do; copied in and out */
long xc_request(struct xc *xc, unsigned int number, void *arg, size_t size);
/* @cmd of hypercall @number with one argument of @size bytes, copied in and out */
long xc_command(struct xc *xc, unsigned int number, unsigned int cmd, void *arg, size_t size);
/* Write a leaf of the hypervisor's tree of parameters, "/params/...", @size bytes in its own form
 */
int xc_hypfs_write(struct xc *xc, const char *path, const void *value, size_t size);
/* XENMEM_*. The result may exceed an int: pages of a host. */
long xc_memory_op(struct xc *xc, unsigned int cmd, void *arg, size_t size);
/* @count operations at @ops, from xc_buffer_alloc(), on tables of @domid */
int xc_mmuext_op(struct xc *xc, uint32_t domid, struct mmuext_op *ops, unsigned int count);
int xc_mmu_update(struct xc *xc, uint32_t domid, struct mmu_update *ops, unsigned int count);
/* XENVER_*; @arg may be NULL when @size is 0 */
int xc_version(struct xc *xc, unsigned int cmd, void *arg, size_t size);

/* Map @count frames of @domid in a row, PROT_*; NULL with errno. @errors, if not NULL, gets a
 * positive errno or 0 for each, and then some may be missing. */
void *xc_map(struct xc *xc, uint32_t domid, int prot, size_t count, const xen_pfn_t *frames,
             int *errors);
void xc_unmap(struct xc *xc, void *address, size_t count);
/* Map @count frames of a resource, XENMEM_resource_*, from @frame on; -errno. */
struct xc_resource {
    void *address, *handle;
};
int xc_map_resource(struct xc *xc, struct xc_resource *r, uint32_t domid, unsigned int type,
                    unsigned int id, unsigned long frame, unsigned long count, int prot);
void xc_unmap_resource(struct xc *xc, struct xc_resource *r);

#endif
