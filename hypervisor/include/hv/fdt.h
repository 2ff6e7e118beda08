/*
 * Reading a flattened device tree (Devicetree Specification 0.4, chapter 5). The tree comes from a
 * loader and is not trusted: nothing outside it is read, whatever it says. No state, no lock.
 */
#ifndef HV_FDT_H
#define HV_FDT_H

#include <hv/types.h>

#define FDT_MAX_SIZE  (2U << 20) /* as boot protocols have it */
#define FDT_MAX_DEPTH 32

struct dt {
    const uint8_t *blob;
    uint32_t size;
    uint32_t structure, structure_size, strings, strings_size, reservations; /* offsets, sizes */
};

/* A node: where it begins in the structure. Negative: an error, mostly -ENOENT. */
typedef int32_t dt_node_t;

/* What the header at `blob` says its size is; `blob` is 8 bytes at least. -EINVAL: it is no tree,
 * or one larger than FDT_MAX_SIZE. */
int dt_total_size(const void *blob);
/* Check header and structure; `size` bytes may be read. -EINVAL. */
must_check int dt_open(struct dt *f, const void *blob, size_t size);

dt_node_t dt_root(const struct dt *f);
/* The next node in the order of the tree; *depth (may be NULL) follows, the root's being 0. */
dt_node_t dt_next(const struct dt *f, dt_node_t node, int *depth);
dt_node_t dt_parent(const struct dt *f, dt_node_t node);
dt_node_t dt_first_child(const struct dt *f, dt_node_t node);
dt_node_t dt_next_sibling(const struct dt *f, dt_node_t node);
/* "/soc/serial@9000000"; unit addresses may be left out. */
dt_node_t dt_find_path(const struct dt *f, const char *path);
/* Behind `after`, or from the root on if that is negative. */
dt_node_t dt_find_compatible(const struct dt *f, dt_node_t after, const char *compatible);

const char *dt_name(const struct dt *f, dt_node_t node); /* with unit address */
/* A property's value and its length; NULL if there is none. Values are big endian. */
const void *dt_property(const struct dt *f, dt_node_t node, const char *name, uint32_t *len);
/* A property that is one string; NULL if it is none. */
const char *dt_string(const struct dt *f, dt_node_t node, const char *name);
/* The 32-bit number in a property, or `otherwise`. */
uint32_t dt_u32(const struct dt *f, dt_node_t node, const char *name, uint32_t otherwise);
bool dt_is_compatible(const struct dt *f, dt_node_t node, const char *compatible);
/* "status" is absent or okay. */
bool dt_is_enabled(const struct dt *f, dt_node_t node);

/* The n-th range of "reg", as the CPU sees it: translated by the "ranges" of all parents. -ENOENT:
 * there is no such; -EINVAL: it makes no sense. */
must_check int dt_reg(const struct dt *f, dt_node_t node, unsigned int n, uint64_t *address,
                      uint64_t *size);
/* The n-th entry of the list of reserved memory. -ENOENT behind the last. */
must_check int dt_reservation(const struct dt *f, unsigned int n, uint64_t *address,
                              uint64_t *size);

#endif
