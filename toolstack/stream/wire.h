/*
 * The format of a domain's state, as bytes: what docs/specs of Xen 4.17 call the domain image
 * format, version 3, and, around it, libxl's domain image format, version 2. Pure functions over
 * memory: what comes in may be anything.
 */
#ifndef STREAM_WIRE_H
#define STREAM_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <xen/xen.h>
#include <xen/domctl.h>

/* A sentence for the administrator: why something failed */
struct wire_why {
    char text[256];
};
/* Store the sentence and return @error, unless there is one already: the first reason is the cause
 */
int wire_fail(struct wire_why *why, int error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* ---- the domain image */
#define WIRE_PAGE_SHIFT     12
#define WIRE_PAGE_SIZE      (1ul << WIRE_PAGE_SHIFT)
#define WIRE_PAGE_WORDS     (WIRE_PAGE_SIZE / 8)
#define WIRE_VERSION        3
#define WIRE_VERSION_OLDEST 2
/* HVM domains' pages are below: 4 TiB. Nothing in their images says it. */
#define WIRE_HVM_PAGES (1ull << 30)
/* Of a record's body */
#define WIRE_LENGTH_MAX (128u << 20)

enum wire_type {
    WIRE_END = 0x00,
    WIRE_PAGE_DATA = 0x01,
    WIRE_PV_INFO = 0x02,
    WIRE_PV_P2M_FRAMES = 0x03,
    WIRE_PV_VCPU_BASIC = 0x04,
    WIRE_PV_VCPU_EXTENDED = 0x05,
    WIRE_PV_VCPU_XSAVE = 0x06,
    WIRE_SHARED_INFO = 0x07,
    WIRE_TSC_INFO = 0x08,
    WIRE_HVM_CONTEXT = 0x09,
    WIRE_HVM_PARAMS = 0x0a,
    WIRE_TOOLSTACK = 0x0b,
    WIRE_PV_VCPU_MSRS = 0x0c,
    WIRE_VERIFY = 0x0d,
    WIRE_CHECKPOINT = 0x0e,
    WIRE_DIRTY_PFN_LIST = 0x0f,
    WIRE_STATIC_DATA_END = 0x10,
    WIRE_CPUID_POLICY = 0x11,
    WIRE_MSR_POLICY = 0x12,
    WIRE_TYPES,
};
/* A record of an unknown type with this bit may be passed over */
#define WIRE_OPTIONAL 0x80000000u

/* Domains of an image */
enum wire_domain { WIRE_PV = 1, WIRE_HVM = 2 };

/* Both headers, as they stand one after the other. The first three fields are big-endian. */
struct wire_headers {
    uint64_t marker;
    uint32_t id, version;
    uint16_t options, zero1;
    uint32_t zero2;
    uint32_t type;
    uint16_t page_shift, zero3;
    uint32_t xen_major, xen_minor;
};

struct wire_record {
    uint32_t type, length;
};

struct wire_pv_info {
    uint8_t width, levels, zero[6];
};

/* Followed by a pfn for each frame of the table with entries @first to @last */
struct wire_p2m_frames {
    uint32_t first, last;
};

/* Followed by a pfn with its type for each page, then the contents of those that have some */
struct wire_pages {
    uint32_t count, zero;
};
#define WIRE_PFN_MASK   ((1ull << 52) - 1)
#define WIRE_TYPE_SHIFT 32 /* from XEN_DOMCTL_PFINFO_* */

struct wire_vcpu {
    uint32_t id, zero;
};

struct wire_tsc {
    uint32_t mode, khz;
    uint64_t nsec;
    uint32_t incarnation, zero;
};

struct wire_hvm_params {
    uint32_t count, zero;
};
struct wire_hvm_param {
    uint64_t index, value;
};

struct wire_image {
    unsigned int version; /* 2 or 3 */
    enum wire_domain type;
    unsigned int xen_major, xen_minor;
};

void wire_put_headers(struct wire_headers *h, const struct wire_image *image);
/* -EINVAL with a sentence */
int wire_get_headers(const struct wire_headers *h, struct wire_image *image, struct wire_why *why);

/* The name of a record's type */
const char *wire_name(uint32_t type);
/* Body and padding */
static inline size_t wire_padded(uint32_t length)
{
    return ((size_t)length + 7) & ~(size_t)7;
}

/*
 * Where a stream stands. Each record is offered to wire_accept() before its body is read, which
 * checks its type, its length and that it may come now.
 */
struct wire_state {
    const struct wire_image *image;
    uint32_t seen; /* bit for each type */
};
/* 1: to be handled; 0: to be passed over; -EINVAL, or -ENOSYS for what is known and not supported
 */
int wire_accept(struct wire_state *s, const struct wire_record *r, struct wire_why *why);
/* Whether in this record the part ends that does not depend on the guest's running: a version 2
 * stream has no record that says so. To be asked before wire_accept(). */
bool wire_static_ends(const struct wire_state *s, uint32_t type);

/* ---- bodies; @length is the record's, which wire_accept() found in range */
/* Whether a page of this type comes with its contents */
bool wire_has_data(uint32_t pfinfo);
/* Before the array, p->count entries at @p + 1, is read: -EINVAL if the record has no room for it
 */
int wire_check_page_count(const struct wire_pages *p, uint32_t length, struct wire_why *why);
/* How many pages have contents; -EINVAL */
int wire_check_pages(const struct wire_pages *p, uint32_t length, uint32_t *with_data,
                     struct wire_why *why);
static inline uint64_t wire_pfn(uint64_t entry)
{
    return entry & WIRE_PFN_MASK;
}
/* XEN_DOMCTL_PFINFO_* */
static inline uint32_t wire_pfinfo(uint64_t entry)
{
    return (uint32_t)(entry >> WIRE_TYPE_SHIFT) & XEN_DOMCTL_PFINFO_LTAB_MASK;
}
/* The level of a page table, 1 to 4, or 0 */
static inline unsigned int wire_table_level(uint32_t pfinfo)
{
    const unsigned int level = pfinfo >> 28 & 7;

    return level <= 4 ? level : 0;
}
/* How many frames the table has; -EINVAL */
int wire_check_p2m_frames(const struct wire_p2m_frames *p, uint32_t length, uint32_t *frames,
                          struct wire_why *why);
int wire_check_hvm_params(const struct wire_hvm_params *p, uint32_t length, struct wire_why *why);

/* ---- libxl's image around it */
enum wire_outer_type {
    WIRE_OUTER_END = 0,
    WIRE_OUTER_LIBXC = 1,
    WIRE_OUTER_EMULATOR_STORE = 2,
    WIRE_OUTER_EMULATOR_CONTEXT = 3,
    WIRE_OUTER_CHECKPOINT_END = 4,
    WIRE_OUTER_CHECKPOINT_STATE = 5,
    WIRE_OUTER_TYPES,
};
#define WIRE_OUTER_LENGTH_MAX (512u << 20)

/* All fields are big-endian */
struct wire_outer_header {
    uint64_t ident;
    uint32_t version, options;
};
struct wire_emulator {
    uint32_t id, index;
};
#define WIRE_EMULATOR_QEMU 2

void wire_put_outer_header(struct wire_outer_header *h);
/* -EINVAL, -ENOSYS for one that was converted from the format before Xen 4.6 */
int wire_get_outer_header(const struct wire_outer_header *h, struct wire_why *why);
const char *wire_outer_name(uint32_t type);
/* 1: to be handled; 0: to be passed over; -EINVAL */
int wire_accept_outer(const struct wire_record *r, struct wire_why *why);
/* The next pair of an emulator's data of the store, keys relative: @at is in and out, 0 first.
 * 1 with @key and @value in the body; 0 at the end; -EINVAL */
int wire_next_pair(const char *body, size_t length, size_t *at, const char **key,
                   const char **value, struct wire_why *why);

#endif
