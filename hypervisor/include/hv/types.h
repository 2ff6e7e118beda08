/*
 * Basic types. Addresses and frame numbers are one-field structs, always, so that
 * mixing a guest's frame number with a machine's does not compile.
 */
#ifndef HV_TYPES_H
#define HV_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <hv/compiler.h>

#define PAGE_SHIFT 12
#define PAGE_SIZE  (1UL << PAGE_SHIFT)
#define PAGE_MASK  (~(PAGE_SIZE - 1))

/* Machine frame number: index of a 4 KiB frame of real memory. */
typedef struct {
    uint64_t v;
} mfn_t;

/* Guest frame number: what the guest calls a frame (PV: pseudo-physical; HVM: guest-physical). */
typedef struct {
    uint64_t v;
} gfn_t;

/* Machine physical address, in bytes. */
typedef struct {
    uint64_t v;
} paddr_t;

/* Guest physical address, in bytes. */
typedef struct {
    uint64_t v;
} gaddr_t;

/* A pointer that a guest passed to a hypercall; never dereferenced, only given to guest_access.h.
 */
typedef struct {
    uint64_t v;
} guest_ptr_t;

#define INVALID_MFN ((mfn_t){ ~0ULL })
#define INVALID_GFN ((gfn_t){ ~0ULL })

/* Wrap any XEN_GUEST_HANDLE field (a pointer, struct or union, as the architecture has it) or a raw
 * hypercall argument. */
#define guest_ptr(handle)                                                                          \
    ({                                                                                             \
        __typeof__(handle) handle_ = (handle);                                                     \
        guest_ptr_t wrapped_ = { 0 };                                                              \
        _Static_assert(sizeof(handle_) <= sizeof(wrapped_), "a handle is a word");                 \
        __builtin_memcpy(&wrapped_, &handle_, sizeof(handle_));                                    \
        wrapped_;                                                                                  \
    })

static inline mfn_t mfn(uint64_t n)
{
    return (mfn_t){ n };
}

static inline gfn_t gfn(uint64_t n)
{
    return (gfn_t){ n };
}

static inline paddr_t paddr(uint64_t a)
{
    return (paddr_t){ a };
}

static inline mfn_t paddr_to_mfn(paddr_t a)
{
    return (mfn_t){ a.v >> PAGE_SHIFT };
}

static inline paddr_t mfn_to_paddr(mfn_t m)
{
    return (paddr_t){ m.v << PAGE_SHIFT };
}

static inline mfn_t mfn_add(mfn_t m, uint64_t n)
{
    return (mfn_t){ m.v + n };
}

/* Signed nanoseconds since the hypervisor's start. */
typedef int64_t s_time_t;
#define STIME_MAX     INT64_MAX
#define MICROSECS(us) ((s_time_t)(us)*1000)
#define MILLISECS(ms) ((s_time_t)(ms)*1000000)
#define SECONDS(s)    ((s_time_t)(s)*1000000000)

#define ARRAY_SIZE(a)                   (sizeof(a) / sizeof((a)[0]))
#define DIV_ROUND_UP(n, d)              (((n) + (d)-1) / (d))
#define ROUND_UP(n, align)              (((n) + (align)-1) & ~((__typeof__(n))(align)-1))
#define container_of(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))
#define min(a, b)                                                                                  \
    ({                                                                                             \
        __typeof__(a) min_a_ = (a);                                                                \
        __typeof__(b) min_b_ = (b);                                                                \
        min_a_ < min_b_ ? min_a_ : min_b_;                                                         \
    })
#define max(a, b)                                                                                  \
    ({                                                                                             \
        __typeof__(a) max_a_ = (a);                                                                \
        __typeof__(b) max_b_ = (b);                                                                \
        max_a_ > max_b_ ? max_a_ : max_b_;                                                         \
    })

#endif
