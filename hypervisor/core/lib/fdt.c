/*
 * A reader of flattened device trees, see hv/fdt.h. dt_open() walks the whole structure once, so
 * that afterwards every token is known to be well formed; the later walks check again because it
 * costs nothing. Used at boot by arm64.
 */
#include <hv/errno.h>
#include <hv/fdt.h>
#include <hv/string.h>

#define MAGIC        0xd00dfeedU
#define VERSION      17U /* and what is compatible with it */
#define OLDEST       16U
#define HEADER_SIZE  40U
#define MAX_CELLS    4U /* of an address or size; more than 2 must be 0 above 64 bits */
#define CELL         4U
#define DEFAULT_ADDR 2U
#define DEFAULT_SIZE 1U

enum { TAG_BEGIN = 1, TAG_END_NODE = 2, TAG_PROPERTY = 3, TAG_NOP = 4, TAG_END = 9 };

struct token {
    uint32_t tag, next; /* offset of the token behind it */
    const char *name;   /* of a node or property */
    const uint8_t *value;
    uint32_t len;
};

static uint32_t load32(const void *p)
{
    uint32_t v;

    memcpy(&v, p, sizeof(v));
    return __builtin_bswap32(v);
}

static uint64_t load64(const void *p)
{
    uint64_t v;

    memcpy(&v, p, sizeof(v));
    return __builtin_bswap64(v);
}

/* The string at `offset` of an area, NULL if it does not end within. */
static const char *area_string(const struct dt *f, uint32_t area, uint32_t area_size,
                               uint32_t offset, uint32_t *len)
{
    const char *s = (const char *)f->blob + area + offset;

    if (offset >= area_size)
        return NULL;
    *len = (uint32_t)strnlen(s, area_size - offset);
    return *len < area_size - offset ? s : NULL;
}

static bool property_token(const struct dt *f, uint32_t offset, struct token *t)
{
    uint32_t name_len, room;

    if (f->structure_size - offset < 2 * CELL)
        return false;
    t->len = load32(f->blob + f->structure + offset);
    t->name = area_string(f, f->strings, f->strings_size,
                          load32(f->blob + f->structure + offset + CELL), &name_len);
    offset += 2 * CELL;
    room = f->structure_size - offset;
    if (!t->name || t->len > room || ROUND_UP(t->len, CELL) > room)
        return false;
    t->value = f->blob + f->structure + offset;
    t->next = offset + ROUND_UP(t->len, CELL);
    return true;
}

/* False at the end and where the structure makes no sense. */
static bool read_token(const struct dt *f, uint32_t offset, struct token *t)
{
    uint32_t len;

    if (offset % CELL || offset >= f->structure_size || f->structure_size - offset < CELL)
        return false;
    *t = (struct token){ .tag = load32(f->blob + f->structure + offset), .next = offset + CELL };
    switch (t->tag) {
    case TAG_BEGIN:
        t->name = area_string(f, f->structure, f->structure_size, t->next, &len);
        t->next += t->name ? ROUND_UP(len + 1, CELL) : 0;
        return t->name && t->next <= f->structure_size;
    case TAG_PROPERTY:
        return property_token(f, offset + CELL, t);
    case TAG_END_NODE:
    case TAG_NOP:
        return true;
    default:
        return false; /* TAG_END too */
    }
}

/* One root, every node closed, properties before children, and the end where it should be. */
static bool structure_ok(const struct dt *f)
{
    uint32_t offset = 0;
    int depth = 0;
    bool after_child = false, seen_root = false;
    struct token t;

    for (; read_token(f, offset, &t); offset = t.next) {
        if (t.tag == TAG_BEGIN) {
            if (++depth > FDT_MAX_DEPTH || (depth == 1 && seen_root))
                return false;
            seen_root = true;
            after_child = false;
        } else if (t.tag == TAG_END_NODE) {
            if (--depth < 0)
                return false;
            after_child = true;
        } else if (t.tag == TAG_PROPERTY && (depth == 0 || after_child)) {
            return false;
        }
    }
    return seen_root && depth == 0 && offset < f->structure_size &&
           f->structure_size - offset >= CELL && t.tag == TAG_END;
}

static bool area_ok(uint32_t offset, uint32_t size, uint32_t total)
{
    return offset >= HEADER_SIZE && offset <= total && size <= total - offset;
}

int dt_total_size(const void *blob)
{
    uint32_t size = load32((const uint8_t *)blob + 4);

    if (load32(blob) != MAGIC || size < HEADER_SIZE || size > FDT_MAX_SIZE)
        return -EINVAL;
    return (int)size;
}

int dt_open(struct dt *f, const void *blob, size_t size)
{
    const uint8_t *p = blob;
    int total = size >= HEADER_SIZE ? dt_total_size(blob) : -EINVAL;

    if (total < 0 || (size_t)total > size)
        return -EINVAL;
    *f = (struct dt){ .blob = blob,
                      .size = (uint32_t)total,
                      .structure = load32(p + 8),
                      .strings = load32(p + 12),
                      .reservations = load32(p + 16),
                      .strings_size = load32(p + 32),
                      .structure_size = load32(p + 36) };
    if (load32(p + 20) < VERSION || load32(p + 24) > VERSION || load32(p + 24) < OLDEST ||
        f->structure % CELL || !area_ok(f->structure, f->structure_size, f->size) ||
        !area_ok(f->strings, f->strings_size, f->size) || f->reservations % 8 ||
        !area_ok(f->reservations, 0, f->size) || !structure_ok(f))
        return -EINVAL;
    return 0;
}

/* The first BEGIN token at or behind `offset`, counting what is closed on the way. */
static dt_node_t next_begin(const struct dt *f, uint32_t offset, int *depth)
{
    struct token t;

    for (; read_token(f, offset, &t); offset = t.next) {
        if (t.tag == TAG_BEGIN)
            return (dt_node_t)offset;
        if (t.tag == TAG_END_NODE)
            --*depth;
    }
    return -ENOENT;
}

dt_node_t dt_root(const struct dt *f)
{
    int depth = 0;

    return next_begin(f, 0, &depth);
}

dt_node_t dt_next(const struct dt *f, dt_node_t node, int *depth)
{
    int level = (depth ? *depth : 0) + 1;
    struct token t;

    if (node < 0 || !read_token(f, (uint32_t)node, &t) || t.tag != TAG_BEGIN)
        return -ENOENT;
    node = next_begin(f, t.next, &level);
    if (depth)
        *depth = level;
    return node;
}

dt_node_t dt_parent(const struct dt *f, dt_node_t node)
{
    dt_node_t path[FDT_MAX_DEPTH];
    int depth = 0;

    for (dt_node_t n = dt_root(f); n >= 0 && n <= node; n = dt_next(f, n, &depth)) {
        path[depth] = n;
        if (n == node)
            return depth ? path[depth - 1] : -ENOENT;
    }
    return -ENOENT;
}

dt_node_t dt_first_child(const struct dt *f, dt_node_t node)
{
    int depth = 0;
    dt_node_t next = dt_next(f, node, &depth);

    return next >= 0 && depth == 1 ? next : -ENOENT;
}

dt_node_t dt_next_sibling(const struct dt *f, dt_node_t node)
{
    int depth = 0;

    do {
        node = dt_next(f, node, &depth);
    } while (node >= 0 && depth > 0);
    return node >= 0 && depth == 0 ? node : -ENOENT;
}

const char *dt_name(const struct dt *f, dt_node_t node)
{
    struct token t;

    if (node < 0 || !read_token(f, (uint32_t)node, &t) || t.tag != TAG_BEGIN)
        return "";
    return t.name;
}

/* `part` is one component of a path, `len` long; the unit address may be missing in it. */
static bool name_matches(const char *name, const char *part, size_t len)
{
    return strnlen(name, len) == len && !memcmp(name, part, len) &&
           (name[len] == '\0' || name[len] == '@');
}

dt_node_t dt_find_path(const struct dt *f, const char *path)
{
    dt_node_t node = *path == '/' ? dt_root(f) : -ENOENT;

    while (node >= 0) {
        size_t len = 0;

        while (*path == '/')
            path++;
        if (!*path)
            return node;
        while (path[len] && path[len] != '/')
            len++;
        node = dt_first_child(f, node);
        while (node >= 0 && !name_matches(dt_name(f, node), path, len))
            node = dt_next_sibling(f, node);
        path += len;
    }
    return node;
}

const void *dt_property(const struct dt *f, dt_node_t node, const char *name, uint32_t *len)
{
    struct token t;

    if (node < 0 || !read_token(f, (uint32_t)node, &t) || t.tag != TAG_BEGIN)
        return NULL;
    while (read_token(f, t.next, &t) && (t.tag == TAG_PROPERTY || t.tag == TAG_NOP)) {
        if (t.tag == TAG_PROPERTY && !strcmp(t.name, name)) {
            *len = t.len;
            return t.value;
        }
    }
    return NULL;
}

const char *dt_string(const struct dt *f, dt_node_t node, const char *name)
{
    uint32_t len;
    const char *s = dt_property(f, node, name, &len);

    return s && len && strnlen(s, len) == len - 1 ? s : NULL;
}

uint32_t dt_u32(const struct dt *f, dt_node_t node, const char *name, uint32_t otherwise)
{
    uint32_t len;
    const void *p = dt_property(f, node, name, &len);

    return p && len == CELL ? load32(p) : otherwise;
}

bool dt_is_compatible(const struct dt *f, dt_node_t node, const char *compatible)
{
    uint32_t len, size = (uint32_t)strlen(compatible) + 1;
    const char *list = dt_property(f, node, "compatible", &len);

    while (list && len) {
        uint32_t item = (uint32_t)strnlen(list, len) + 1;

        if (item > len) /* the last one does not end */
            return false;
        if (item == size && !memcmp(list, compatible, size))
            return true;
        list += item;
        len -= item;
    }
    return false;
}

bool dt_is_enabled(const struct dt *f, dt_node_t node)
{
    const char *status = dt_string(f, node, "status");
    uint32_t len;

    if (!status)
        return !dt_property(f, node, "status", &len);
    return !strcmp(status, "okay") || !strcmp(status, "ok");
}

dt_node_t dt_find_compatible(const struct dt *f, dt_node_t after, const char *compatible)
{
    dt_node_t node = after < 0 ? dt_root(f) : dt_next(f, after, NULL);

    while (node >= 0 && !dt_is_compatible(f, node, compatible))
        node = dt_next(f, node, NULL);
    return node;
}

/* A number of some cells; false if it does not fit. */
static bool read_cells(const uint8_t *p, uint32_t cells, uint64_t *value)
{
    *value = 0;
    for (; cells; cells--, p += CELL) {
        if (*value >> 32)
            return false;
        *value = *value << 32 | load32(p);
    }
    return true;
}

/* How many cells the children of `node` use. */
static bool child_cells(const struct dt *f, dt_node_t node, uint32_t *address, uint32_t *size)
{
    *address = dt_u32(f, node, "#address-cells", DEFAULT_ADDR);
    *size = dt_u32(f, node, "#size-cells", DEFAULT_SIZE);
    return *address <= MAX_CELLS && *size <= MAX_CELLS;
}

/* From the addresses of the children of `bus` to those of its parent. */
static int translate(const struct dt *f, dt_node_t bus, dt_node_t parent, uint64_t size,
                     uint64_t *address)
{
    uint32_t len, entry, from_cells, size_cells, to_cells, unused;
    const uint8_t *ranges = dt_property(f, bus, "ranges", &len);

    if (!ranges)
        return -ENOENT; /* not reachable from above */
    if (!len)
        return 0;
    if (!child_cells(f, bus, &from_cells, &size_cells) ||
        !child_cells(f, parent, &to_cells, &unused))
        return -EINVAL;
    entry = (from_cells + size_cells + to_cells) * CELL;
    for (; entry && len >= entry; ranges += entry, len -= entry) {
        uint64_t from, to, length;

        if (!read_cells(ranges, from_cells, &from) ||
            !read_cells(ranges + from_cells * CELL, to_cells, &to) ||
            !read_cells(ranges + (from_cells + to_cells) * CELL, size_cells, &length))
            continue;
        if (*address < from || *address - from > length || size > length - (*address - from) ||
            __builtin_add_overflow(to, *address - from, &to))
            continue;
        *address = to;
        return 0;
    }
    return -ENOENT;
}

int dt_reg(const struct dt *f, dt_node_t node, unsigned int n, uint64_t *address, uint64_t *size)
{
    uint32_t len, address_cells, size_cells, entry;
    const uint8_t *reg = dt_property(f, node, "reg", &len);
    dt_node_t bus = dt_parent(f, node), parent;
    int rc = 0;

    if (!reg || bus < 0)
        return -ENOENT;
    if (!child_cells(f, bus, &address_cells, &size_cells) || !address_cells)
        return -EINVAL;
    entry = (address_cells + size_cells) * CELL;
    if (n >= len / entry)
        return -ENOENT;
    reg += n * entry;
    if (!read_cells(reg, address_cells, address) ||
        !read_cells(reg + address_cells * CELL, size_cells, size))
        return -EINVAL;
    for (; !rc && (parent = dt_parent(f, bus)) >= 0; bus = parent)
        rc = translate(f, bus, parent, *size, address);
    return rc ? rc : *address > UINT64_MAX - *size ? -EINVAL : 0;
}

int dt_reservation(const struct dt *f, unsigned int n, uint64_t *address, uint64_t *size)
{
    const uint32_t entry = 16;
    const uint8_t *p = f->blob + f->reservations;

    if (n >= (f->size - f->reservations) / entry)
        return -ENOENT;
    for (unsigned int i = 0;; i++, p += entry) {
        *address = load64(p);
        *size = load64(p + 8);
        if (!*address && !*size)
            return -ENOENT;
        if (i == n)
            return 0;
    }
}
