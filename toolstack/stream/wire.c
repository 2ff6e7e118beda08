/*
 * The format's rules: one row for each type of record says how long it may be, for which domains it
 * is, what must have come before and whether it may come again. Called by save.c, restore*.c and
 * outer.c, and by the fuzzer. No state but the caller's, no lock.
 */
#include <ctype.h>
#include <endian.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "stream/wire.h"

#define IMAGE_MARKER UINT64_MAX
#define IMAGE_ID     0x58454e46u           /* XENF */
#define OPTION_BIG   1u                    /* integers after the header are big-endian */
#define OUTER_IDENT  0x4c6962786c466d74ull /* LibxlFmt */
#define OUTER_LEGACY 2u
#define OUTER_VER    2u

_Static_assert(sizeof(struct wire_headers) == 40, "headers of an image");
_Static_assert(sizeof(struct wire_record) == 8, "header of a record");
_Static_assert(sizeof(struct wire_pv_info) == 8, "X86_PV_INFO");
_Static_assert(sizeof(struct wire_tsc) == 24, "X86_TSC_INFO");
_Static_assert(sizeof(struct wire_outer_header) == 16, "header of libxl's image");

int wire_fail(struct wire_why *why, int error, const char *format, ...)
{
    va_list args;

    if (!why->text[0]) {
        va_start(args, format);
        vsnprintf(why->text, sizeof(why->text), format, args);
        va_end(args);
    }
    return error;
}

#define BOTH         (1u << WIRE_PV | 1u << WIRE_HVM)
#define PV           (1u << WIRE_PV)
#define HVM          (1u << WIRE_HVM)
#define AFTER(type)  (1u << (type))
#define BASIC_LENGTH (sizeof(struct wire_vcpu) + sizeof(struct vcpu_guest_context))
#define VCPU_AFTER   (AFTER(WIRE_PV_INFO) | AFTER(WIRE_PV_P2M_FRAMES))

/* @length: in bytes. @after: a bit for each type that must have come, if
 * the domain is one that has it. */
struct rule {
    const char *name;
    struct {
        uint32_t min, max, unit;
    } length;
    uint32_t domains, after;
    bool once, fixed; /* fixed: before the end of the static data */
    const char *refused;
};

static const struct rule rules[WIRE_TYPES] = {
    [WIRE_END] = { .name = "END", .length = { 0, 0, 1 }, .domains = BOTH },
    [WIRE_PAGE_DATA] = { .name = "PAGE_DATA",
                         .length = { 16, WIRE_LENGTH_MAX, 8 },
                         .domains = BOTH,
                         .after = AFTER(WIRE_PV_P2M_FRAMES) },
    [WIRE_PV_INFO] = { .name = "X86_PV_INFO",
                       .length = { 8, 8, 8 },
                       .domains = PV,
                       .once = true,
                       .fixed = true },
    [WIRE_PV_P2M_FRAMES] = { .name = "X86_PV_P2M_FRAMES",
                             .length = { 16, WIRE_LENGTH_MAX, 8 },
                             .domains = PV,
                             .after = AFTER(WIRE_PV_INFO) },
    [WIRE_PV_VCPU_BASIC] = { .name = "X86_PV_VCPU_BASIC",
                             .length = { BASIC_LENGTH, BASIC_LENGTH, 8 },
                             .domains = PV,
                             .after = VCPU_AFTER },
    [WIRE_PV_VCPU_EXTENDED] = { .name = "X86_PV_VCPU_EXTENDED",
                                .length = { 8, 8 + 128, 8 },
                                .domains = PV,
                                .after = VCPU_AFTER },
    [WIRE_PV_VCPU_XSAVE] = { .name = "X86_PV_VCPU_XSAVE",
                             .length = { 8, 8 + (64u << 10), 1 },
                             .domains = PV,
                             .after = VCPU_AFTER },
    [WIRE_SHARED_INFO] = { .name = "SHARED_INFO",
                           .length = { 4096, 4096, 1 },
                           .domains = PV,
                           .after = AFTER(WIRE_PV_INFO) },
    [WIRE_TSC_INFO] = { .name = "X86_TSC_INFO", .length = { 24, 24, 1 }, .domains = BOTH },
    [WIRE_HVM_CONTEXT] = { .name = "HVM_CONTEXT", .length = { 1, 4u << 20, 1 }, .domains = HVM },
    [WIRE_HVM_PARAMS] = { .name = "HVM_PARAMS", .length = { 8, 8 + 256 * 16, 8 }, .domains = HVM },
    [WIRE_TOOLSTACK] = { .name = "TOOLSTACK",
                         .length = { 0, WIRE_LENGTH_MAX, 1 },
                         .domains = BOTH,
                         .refused = "only tools before Xen 4.6 wrote it" },
    [WIRE_PV_VCPU_MSRS] = { .name = "X86_PV_VCPU_MSRS",
                            .length = { 8, 8 + 4096 * sizeof(struct xen_domctl_vcpu_msr), 8 },
                            .domains = PV,
                            .after = VCPU_AFTER },
    [WIRE_VERIFY] = { .name = "VERIFY",
                      .length = { 0, 0, 1 },
                      .domains = BOTH,
                      .after = AFTER(WIRE_PAGE_DATA),
                      .once = true },
    [WIRE_CHECKPOINT] = { .name = "CHECKPOINT",
                          .length = { 0, 0, 1 },
                          .domains = BOTH,
                          .refused = "streams of checkpoints (Remus, COLO) are not supported" },
    [WIRE_DIRTY_PFN_LIST] = { .name = "CHECKPOINT_DIRTY_PFN_LIST",
                              .length = { 0, WIRE_LENGTH_MAX, 1 },
                              .domains = BOTH,
                              .refused = "streams of checkpoints (COLO) are not supported" },
    [WIRE_STATIC_DATA_END] = { .name = "STATIC_DATA_END",
                               .length = { 0, 0, 1 },
                               .domains = BOTH,
                               .once = true,
                               .fixed = true },
    [WIRE_CPUID_POLICY] = { .name = "X86_CPUID_POLICY",
                            .length = { 24, 24 * 65536, 24 },
                            .domains = BOTH,
                            .once = true,
                            .fixed = true },
    [WIRE_MSR_POLICY] = { .name = "X86_MSR_POLICY",
                          .length = { 16, 16 * 65536, 16 },
                          .domains = BOTH,
                          .once = true,
                          .fixed = true },
};

const char *wire_name(uint32_t type)
{
    return type < WIRE_TYPES ? rules[type].name : "an unknown record";
}

void wire_put_headers(struct wire_headers *h, const struct wire_image *image)
{
    *h = (struct wire_headers){
        .marker = IMAGE_MARKER,
        .id = htobe32(IMAGE_ID),
        .version = htobe32(WIRE_VERSION),
        .type = image->type,
        .page_shift = WIRE_PAGE_SHIFT,
        .xen_major = image->xen_major,
        .xen_minor = image->xen_minor,
    };
}

int wire_get_headers(const struct wire_headers *h, struct wire_image *image, struct wire_why *why)
{
    const uint32_t version = be32toh(h->version);

    if (h->marker != IMAGE_MARKER || be32toh(h->id) != IMAGE_ID)
        return wire_fail(why, -EINVAL, "this is not a domain's image: its first bytes are others");
    if (version < WIRE_VERSION_OLDEST || version > WIRE_VERSION)
        return wire_fail(why, -EINVAL, "the image has version %u; versions %d and %d are known",
                         version, WIRE_VERSION_OLDEST, WIRE_VERSION);
    if (be16toh(h->options) & OPTION_BIG)
        return wire_fail(why, -EINVAL, "the image is of a big-endian machine");
    if (h->type != WIRE_PV && h->type != WIRE_HVM)
        return wire_fail(why, -EINVAL, "the image is of a domain of type %u; PV is 1, HVM 2",
                         h->type);
    if (h->page_shift != WIRE_PAGE_SHIFT)
        return wire_fail(why, -EINVAL, "the image has pages of 2^%u bytes", h->page_shift);
    *image = (struct wire_image){
        .version = version,
        .type = h->type,
        .xen_major = h->xen_major,
        .xen_minor = h->xen_minor,
    };
    return 0;
}

bool wire_static_ends(const struct wire_state *s, uint32_t type)
{
    if (s->seen & AFTER(WIRE_STATIC_DATA_END) || type & WIRE_OPTIONAL)
        return false;
    if (s->image->version >= 3)
        return type == WIRE_STATIC_DATA_END;
    return type < WIRE_TYPES && !rules[type].fixed;
}

/* The first of these types that such a domain has, or WIRE_TYPES */
static unsigned int first_of(uint32_t types, enum wire_domain domain)
{
    for (; types; types &= types - 1)
        if (rules[__builtin_ctz(types)].domains & 1u << domain)
            return (unsigned int)__builtin_ctz(types);
    return WIRE_TYPES;
}

static int check_order(const struct wire_state *s, uint32_t type, struct wire_why *why)
{
    const struct rule *rule = &rules[type];
    const unsigned int missing = first_of(rule->after & ~s->seen, s->image->type);
    const bool dynamic = s->seen & AFTER(WIRE_STATIC_DATA_END);

    if (s->seen & AFTER(WIRE_END))
        return wire_fail(why, -EINVAL, "the stream goes on after its END");
    if (missing != WIRE_TYPES)
        return wire_fail(why, -EINVAL, "%s comes before %s", rule->name, rules[missing].name);
    if (rule->once && s->seen & AFTER(type))
        return wire_fail(why, -EINVAL, "%s comes twice", rule->name);
    if (s->image->version >= 3 && rule->fixed == dynamic)
        return wire_fail(why, -EINVAL, "%s comes %s STATIC_DATA_END", rule->name,
                         dynamic ? "after" : "before");
    if (type == WIRE_STATIC_DATA_END && s->image->type == WIRE_PV &&
        !(s->seen & AFTER(WIRE_PV_INFO)))
        return wire_fail(why, -EINVAL, "X86_PV_INFO is missing");
    return 0;
}

int wire_accept(struct wire_state *s, const struct wire_record *r, struct wire_why *why)
{
    const struct rule *rule;
    int rc;

    if (r->length > WIRE_LENGTH_MAX)
        return wire_fail(why, -EINVAL, "a record (type %#x) of %u bytes is too long", r->type,
                         r->length);
    if (r->type >= WIRE_TYPES) {
        if (r->type & WIRE_OPTIONAL)
            return 0;
        return wire_fail(why, -EINVAL, "records of type %#x are unknown", r->type);
    }
    rule = &rules[r->type];
    if (rule->refused)
        return wire_fail(why, -ENOSYS, "%s in the stream: %s", rule->name, rule->refused);
    if (!(rule->domains & 1u << s->image->type))
        return wire_fail(why, -EINVAL, "%s does not belong to a %s domain", rule->name,
                         s->image->type == WIRE_PV ? "PV" : "HVM");
    rc = check_order(s, r->type, why);
    if (rc)
        return rc;
    if (r->length < rule->length.min || r->length > rule->length.max ||
        r->length % rule->length.unit)
        return wire_fail(why, -EINVAL, "%s has %u bytes, which it cannot have", rule->name,
                         r->length);
    s->seen |= AFTER(r->type);
    /* What depends on the guest has begun, though this version has no record that says so. */
    if (s->image->version < 3 && !rule->fixed)
        s->seen |= AFTER(WIRE_STATIC_DATA_END);
    return 1;
}

bool wire_has_data(uint32_t pfinfo)
{
    return pfinfo < XEN_DOMCTL_PFINFO_BROKEN;
}

static bool known_pfinfo(uint32_t pfinfo)
{
    const unsigned int type = pfinfo >> 28;

    return type <= 4 || type >= 9;
}

int wire_check_page_count(const struct wire_pages *p, uint32_t length, struct wire_why *why)
{
    if (!p->count || p->count > (length - sizeof(*p)) / sizeof(uint64_t))
        return wire_fail(why, -EINVAL, "PAGE_DATA of %u bytes cannot be about %u pages", length,
                         p->count);
    return 0;
}

int wire_check_pages(const struct wire_pages *p, uint32_t length, uint32_t *with_data,
                     struct wire_why *why)
{
    const uint64_t *entry = (const uint64_t *)(p + 1);

    *with_data = 0;
    for (uint32_t i = 0; i < p->count; i++) {
        if (entry[i] & ~WIRE_PFN_MASK & ((1ull << 60) - 1))
            return wire_fail(why, -EINVAL, "PAGE_DATA has reserved bits (%#llx)",
                             (unsigned long long)entry[i]);
        if (!known_pfinfo(wire_pfinfo(entry[i])))
            return wire_fail(why, -EINVAL, "PAGE_DATA has a page of an unknown type (%#llx)",
                             (unsigned long long)entry[i]);
        *with_data += wire_has_data(wire_pfinfo(entry[i]));
    }
    if (length != sizeof(*p) + p->count * sizeof(*entry) + (uint64_t)*with_data * WIRE_PAGE_SIZE)
        return wire_fail(why, -EINVAL, "PAGE_DATA has %u bytes, which %u pages with contents lack",
                         length, *with_data);
    return 0;
}

int wire_check_p2m_frames(const struct wire_p2m_frames *p, uint32_t length, uint32_t *frames,
                          struct wire_why *why)
{
    if (p->first > p->last)
        return wire_fail(why, -EINVAL, "X86_PV_P2M_FRAMES ends (%#x) before it begins (%#x)",
                         p->last, p->first);
    if (p->first)
        return wire_fail(why, -EINVAL, "X86_PV_P2M_FRAMES begins with page %#x, not with the first",
                         p->first);
    *frames = p->last / WIRE_PAGE_WORDS + 1;
    if (length != sizeof(*p) + (uint64_t)*frames * sizeof(uint64_t))
        return wire_fail(why, -EINVAL, "X86_PV_P2M_FRAMES has %u bytes, not those of %u frames",
                         length, *frames);
    return 0;
}

int wire_check_hvm_params(const struct wire_hvm_params *p, uint32_t length, struct wire_why *why)
{
    if (length != sizeof(*p) + (uint64_t)p->count * sizeof(struct wire_hvm_param))
        return wire_fail(why, -EINVAL, "HVM_PARAMS has %u bytes, not those of %u parameters",
                         length, p->count);
    return 0;
}

/* ---- libxl's image */
static const struct {
    const char *name;
    uint32_t min, max;
} outer_rules[WIRE_OUTER_TYPES] = {
    [WIRE_OUTER_END] = { "END", 0, 0 },
    [WIRE_OUTER_LIBXC] = { "LIBXC_CONTEXT", 0, 0 },
    [WIRE_OUTER_EMULATOR_STORE] = { "EMULATOR_XENSTORE_DATA", 8, 1u << 20 },
    [WIRE_OUTER_EMULATOR_CONTEXT] = { "EMULATOR_CONTEXT", 8, WIRE_OUTER_LENGTH_MAX },
    [WIRE_OUTER_CHECKPOINT_END] = { "CHECKPOINT_END", 0, 0 },
    [WIRE_OUTER_CHECKPOINT_STATE] = { "CHECKPOINT_STATE", 8, 8 },
};

const char *wire_outer_name(uint32_t type)
{
    return type < WIRE_OUTER_TYPES ? outer_rules[type].name : "an unknown record";
}

void wire_put_outer_header(struct wire_outer_header *h)
{
    *h = (struct wire_outer_header){ .ident = htobe64(OUTER_IDENT), .version = htobe32(OUTER_VER) };
}

int wire_get_outer_header(const struct wire_outer_header *h, struct wire_why *why)
{
    const uint32_t options = be32toh(h->options);

    if (be64toh(h->ident) != OUTER_IDENT)
        return wire_fail(why, -EINVAL, "this is not libxl's image: its first bytes are others");
    if (be32toh(h->version) != OUTER_VER)
        return wire_fail(why, -EINVAL, "libxl's image has version %u; version %u is known",
                         be32toh(h->version), OUTER_VER);
    if (options & OPTION_BIG)
        return wire_fail(why, -EINVAL, "libxl's image is of a big-endian machine");
    if (options & OUTER_LEGACY)
        return wire_fail(why, -ENOSYS,
                         "libxl's image was converted from the format before Xen 4.6");
    return 0;
}

int wire_accept_outer(const struct wire_record *r, struct wire_why *why)
{
    if (r->length > WIRE_OUTER_LENGTH_MAX)
        return wire_fail(why, -EINVAL,
                         "a record of libxl's image (type %#x) of %u bytes is too long", r->type,
                         r->length);
    if (r->type >= WIRE_OUTER_TYPES) {
        if (r->type & WIRE_OPTIONAL)
            return 0;
        return wire_fail(why, -EINVAL, "records of type %#x of libxl's image are unknown", r->type);
    }
    if (r->length < outer_rules[r->type].min || r->length > outer_rules[r->type].max)
        return wire_fail(why, -EINVAL, "%s has %u bytes, which it cannot have",
                         outer_rules[r->type].name, r->length);
    return 1;
}

static bool key_fits(const char *key, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (!isalnum((unsigned char)key[i]) && !strchr("-/_@", key[i]))
            return false;
    /* Relative, and below its root: there is no way up in the store, but an absolute path is one.
     */
    return length && key[0] != '/';
}

int wire_next_pair(const char *body, size_t length, size_t *at, const char **key,
                   const char **value, struct wire_why *why)
{
    const char *end_of_key, *end_of_value;

    if (*at >= length)
        return 0;
    *key = body + *at;
    end_of_key = memchr(*key, 0, length - *at);
    if (!end_of_key)
        return wire_fail(why, -EINVAL, "a key of the emulator's data has no end");
    if (!key_fits(*key, (size_t)(end_of_key - *key)))
        return wire_fail(why, -EINVAL, "a key of the emulator's data is not one: '%.64s'", *key);
    *value = end_of_key + 1;
    end_of_value = memchr(*value, 0, (size_t)(body + length - *value));
    if (!end_of_value)
        return wire_fail(why, -EINVAL, "the value of '%.64s' in the emulator's data has no end",
                         *key);
    *at = (size_t)(end_of_value + 1 - body);
    return 1;
}
