/*
 * HYPERVISOR_hypfs_op: a small tree of facts and settings for the control domain (public hypfs.h):
 * /buildinfo, /cpupool and /params, which has the command line's options that may change later.
 * A directory is a function that gives its n-th entry; nothing is kept between calls. Called by the
 * hypercall dispatcher with no lock held; works under LOCK_DOMCTL.
 */
#include "internal.h"

#include <hv/cmdline.h>
#include <hv/errno.h>
#include <hv/format.h>
#include <hv/guest_access.h>
#include <hv/hypercall.h>
#include <hv/mem.h>
#include <hv/printk.h>
#include <hv/sched.h>
#include <hv/string.h>
#include <hv/version.h>
#include <xen/hypfs.h>

#define MAX_TEXT     128
#define ENTRY_NAME   offsetof(struct xen_hypfs_dirlistentry, name)
#define ALIGN_ENTRY  4U
#define MAX_DIR_SIZE PAGE_SIZE

_Static_assert(sizeof(struct xen_hypfs_direntry) == 12, "ABI");

struct entry {
    char name[32];
    uint8_t type;
    bool (*child)(const struct entry *dir, unsigned int n, struct entry *out);
    char text[MAX_TEXT];        /* XEN_HYPFS_TYPE_STRING */
    uint32_t value;             /* XEN_HYPFS_TYPE_UINT */
    const struct option *param; /* may be written */
};

/* ---- the tree ---- */

static void name_it(struct entry *e, const char *name, uint8_t type)
{
    memset(e, 0, sizeof(*e));
    e->type = type;
    snprintf(e->name, sizeof(e->name), "%s", name);
}

static bool make_dir(struct entry *e, const char *name,
                     bool (*child)(const struct entry *dir, unsigned int n, struct entry *out))
{
    name_it(e, name, XEN_HYPFS_TYPE_DIR);
    e->child = child;
    return true;
}

static bool make_text(struct entry *e, const char *name, const char *text)
{
    name_it(e, name, XEN_HYPFS_TYPE_STRING);
    snprintf(e->text, sizeof(e->text), "%s", text);
    return true;
}

static bool make_number(struct entry *e, const char *name, uint32_t value)
{
    name_it(e, name, XEN_HYPFS_TYPE_UINT);
    e->value = value;
    return true;
}

static bool compileinfo_child(const struct entry *dir, unsigned int n, struct entry *out)
{
    static const char *const facts[][2] = { { "compile_by", BUILD_BY },
                                            { "compile_date", BUILD_DATE },
                                            { "compile_domain", BUILD_DOMAIN },
                                            { "compiler", __VERSION__ } };

    (void)dir;
    return n < ARRAY_SIZE(facts) && make_text(out, facts[n][0], facts[n][1]);
}

static bool version_child(const struct entry *dir, unsigned int n, struct entry *out)
{
    (void)dir;
    switch (n) {
    case 0:
        return make_text(out, "extra", XEN_ABI_EXTRA);
    case 1:
        return make_number(out, "major", XEN_ABI_MAJOR);
    case 2:
        return make_number(out, "minor", XEN_ABI_MINOR);
    default:
        return false;
    }
}

static bool buildinfo_child(const struct entry *dir, unsigned int n, struct entry *out)
{
    (void)dir;
    switch (n) {
    case 0:
        return make_text(out, "changeset", BUILD_CHANGESET);
    case 1:
        return make_dir(out, "compileinfo", compileinfo_child);
    case 2:
        return make_dir(out, "version", version_child);
    default:
        return false;
    }
}

/* CPUs are scheduled one by one, in every pool. */
static bool pool_child(const struct entry *dir, unsigned int n, struct entry *out)
{
    (void)dir;
    return n == 0 && make_text(out, "sched-gran", "cpu");
}

static bool cpupool_child(const struct entry *dir, unsigned int n, struct entry *out)
{
    struct cpupool_info pool = { .id = UINT32_MAX };
    char name[12];

    (void)dir;
    for (unsigned int i = 0; i <= n; i++) {
        if (cpupool_info(pool.id + 1, &pool))
            return false;
    }
    snprintf(name, sizeof(name), "%u", pool.id);
    return make_dir(out, name, pool_child);
}

static bool params_child(const struct entry *dir, unsigned int n, struct entry *out)
{
    const struct option *o = option_runtime(n);

    (void)dir;
    if (!o)
        return false;
    make_text(out, o->name, o->var);
    out->param = o;
    return true;
}

static bool root_child(const struct entry *dir, unsigned int n, struct entry *out)
{
    (void)dir;
    switch (n) {
    case 0:
        return make_dir(out, "buildinfo", buildinfo_child);
    case 1:
        return make_dir(out, "cpupool", cpupool_child);
    case 2:
        return make_dir(out, "params", params_child);
    default:
        return false;
    }
}

/* ---- paths ---- */

static bool find_child(const struct entry *dir, const char *name, size_t len, struct entry *out)
{
    for (unsigned int n = 0; dir->child && dir->child(dir, n, out); n++) {
        if (strlen(out->name) == len && !strncmp(out->name, name, len))
            return true;
    }
    return false;
}

static int walk(const char *path, struct entry *e)
{
    make_dir(e, "", root_child);
    if (*path++ != '/')
        return -EINVAL;
    while (*path) {
        const char *end = strchr(path, '/');
        size_t len = end ? (size_t)(end - path) : strlen(path);
        struct entry dir = *e;

        if (!find_child(&dir, path, len, e))
            return -ENOENT;
        path += len + (end ? 1 : 0);
    }
    return 0;
}

static int find(guest_ptr_t where, uint64_t len, struct entry *e)
{
    char path[MAX_TEXT]; /* as long as the longest there is, and more */

    if (len == 0 || len > XEN_HYPFS_MAX_PATHLEN)
        return -EINVAL;
    if (len > sizeof(path))
        return -ENOENT;
    if (copy_from_guest(path, where, len))
        return -EFAULT;
    return strnlen(path, len) == len - 1 ? walk(path, e) : -EINVAL;
}

/* ---- reading ---- */

static void describe(const struct entry *e, uint32_t len, struct xen_hypfs_direntry *out)
{
    *out =
        (struct xen_hypfs_direntry){ .type = e->type,
                                     .encoding = XEN_HYPFS_ENC_PLAIN,
                                     .content_len = len,
                                     .max_write_len = e->param ? (uint32_t)e->param->var_size : 0 };
}

static uint32_t content_size(const struct entry *e);

/* Lay out the entries of a directory in `out`, or only count if that is NULL. */
static uint32_t list(const struct entry *dir, char *out)
{
    struct xen_hypfs_dirlistentry *last = NULL;
    uint32_t size = 0;
    struct entry e;

    for (unsigned int n = 0; dir->child(dir, n, &e); n++) {
        uint32_t len = (uint32_t)(ENTRY_NAME + strlen(e.name) + 1);

        len = (len + ALIGN_ENTRY - 1) / ALIGN_ENTRY * ALIGN_ENTRY;
        if (size + len > MAX_DIR_SIZE)
            break;
        if (out) {
            last = (struct xen_hypfs_dirlistentry *)(out + size);
            describe(&e, content_size(&e), &last->e);
            last->off_next = (uint16_t)len;
            memcpy(last->name, e.name, strlen(e.name) + 1);
        }
        size += len;
    }
    if (last)
        last->off_next = 0;
    return size;
}

static uint32_t content_size(const struct entry *e)
{
    switch (e->type) {
    case XEN_HYPFS_TYPE_DIR:
        return list(e, NULL);
    case XEN_HYPFS_TYPE_UINT:
        return sizeof(e->value);
    default:
        return (uint32_t)strlen(e->text) + 1;
    }
}

static int put_directory(const struct entry *e, guest_ptr_t at, uint32_t size)
{
    char *listing = hv_alloc(MAX_DIR_SIZE);
    int rc = listing ? 0 : -ENOMEM;

    if (!rc) {
        list(e, listing);
        rc = copy_to_guest(at, listing, size);
    }
    hv_free(listing);
    return rc;
}

static int read_entry(const struct entry *e, guest_ptr_t at, uint64_t room)
{
    struct xen_hypfs_direntry d;

    describe(e, content_size(e), &d);
    if (room < sizeof(d))
        return -EINVAL;
    if (copy_to_guest(at, &d, sizeof(d)))
        return -EFAULT;
    if (room - sizeof(d) < d.content_len)
        return -ENOBUFS;
    at = guest_ptr_add(at, sizeof(d));
    if (e->type == XEN_HYPFS_TYPE_DIR)
        return put_directory(e, at, d.content_len);
    return copy_to_guest(at, e->type == XEN_HYPFS_TYPE_UINT ? (const void *)&e->value : e->text,
                         d.content_len);
}

/* ---- writing ---- */

static int write_entry(const struct entry *e, guest_ptr_t from, uint64_t len)
{
    char text[MAX_TEXT];

    if (!e->param)
        return -EACCES;
    if (len == 0 || len > min(sizeof(text), e->param->var_size))
        return -ENOSPC;
    if (copy_from_guest(text, from, len))
        return -EFAULT;
    return strnlen(text, len) == len - 1 ? option_set(e->param, text) : -EINVAL;
}

long do_hypfs_op(unsigned int cmd, guest_ptr_t path, uint64_t path_len, guest_ptr_t data,
                 uint64_t size)
{
    struct entry e;
    int rc;

    if (!current->domain->is_control)
        return -EPERM;
    if (cmd == XEN_HYPFS_OP_get_version)
        return path.v || path_len || data.v || size ? -EINVAL : XEN_HYPFS_VERSION;
    if (cmd != XEN_HYPFS_OP_read && cmd != XEN_HYPFS_OP_write_contents)
        return -EOPNOTSUPP;
    if (!control_begin())
        return hypercall_continue(__HYPERVISOR_hypfs_op, 5, (uint64_t)cmd, path.v, path_len, data.v,
                                  size);
    rc = find(path, path_len, &e);
    if (!rc)
        rc = cmd == XEN_HYPFS_OP_read ? read_entry(&e, data, size) : write_entry(&e, data, size);
    control_end();
    return rc;
}
