/*
 * Disks as xl.cfg has them (xl-disk-configuration(5)): parameters with commas between them. Each is
 * NAME=VALUE, a flag, or the next of the positional ones target, format, vdev, access; older forms
 * have prefixes, as in "tap:qcow2:TARGET,VDEV:cdrom,r", where the format has no position of its
 * own.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "xlutil/internal.h"

struct disk_reader {
    XLU_Config *cfg;
    libxl_device_disk *disk;
    const char *spec; /* for messages */
    bool had_format;  /* the next positional parameter is no format, */
    bool had_access;  /* and no access mode */
};

struct word {
    const char *text;
    size_t length;
};

static bool word_is(struct word w, const char *text)
{
    return w.length == strlen(text) && !memcmp(w.text, text, w.length);
}

static int bad(const struct disk_reader *r, struct word w, const char *what)
{
    return report(r->cfg, 0, "disk '%s': '%.*s' %s", r->spec, (int)w.length, w.text, what);
}

/* An empty value may still be replaced. */
static int set_string(const struct disk_reader *r, char **string, struct word w)
{
    char *copy;

    if (*string && **string)
        return bad(r, w, "would replace a value that was given before");
    copy = strndup(w.text, w.length);
    if (!copy)
        return ENOMEM;
    free(*string);
    *string = copy;
    return 0;
}

static int set_format(struct disk_reader *r, struct word w)
{
    static const struct {
        const char *name;
        libxl_disk_format format;
    } formats[] = {
        { "raw", LIBXL_DISK_FORMAT_RAW },     { "qcow", LIBXL_DISK_FORMAT_QCOW },
        { "qcow2", LIBXL_DISK_FORMAT_QCOW2 }, { "vhd", LIBXL_DISK_FORMAT_VHD },
        { "qed", LIBXL_DISK_FORMAT_QED },     { "empty", LIBXL_DISK_FORMAT_EMPTY },
    };

    r->had_format = true;
    if (!w.length)
        w = (struct word){ "raw", 3 };
    for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
        if (!word_is(w, formats[i].name))
            continue;
        if (r->disk->format != LIBXL_DISK_FORMAT_UNKNOWN && r->disk->format != formats[i].format)
            return bad(r, w, "is a second format");
        r->disk->format = formats[i].format;
        return 0;
    }
    return bad(r, w, "is not a format; there are raw, qcow, qcow2, vhd and qed");
}

static int set_target(struct disk_reader *r, struct word w)
{
    return set_string(r, &r->disk->pdev_path, w);
}

static int set_vdev(struct disk_reader *r, struct word w)
{
    return set_string(r, &r->disk->vdev, w);
}

static int set_access(struct disk_reader *r, struct word w)
{
    if (word_is(w, "rw") || word_is(w, "w") || !w.length)
        r->disk->readwrite = 1;
    else if (word_is(w, "ro") || word_is(w, "r"))
        r->disk->readwrite = 0;
    else
        return bad(r, w, "is not an access mode; there are ro and rw");
    return 0;
}

static int set_devtype(struct disk_reader *r, struct word w)
{
    if (!word_is(w, "cdrom") && !word_is(w, "disk"))
        return bad(r, w, "is not a type of device; there are disk and cdrom");
    r->disk->is_cdrom = word_is(w, "cdrom");
    return 0;
}

static int set_backend(struct disk_reader *r, struct word w)
{
    return set_string(r, &r->disk->backend_domname, w);
}

static int set_backendtype(struct disk_reader *r, struct word w)
{
    static const libxl_disk_backend types[] = {
        LIBXL_DISK_BACKEND_PHY,
        LIBXL_DISK_BACKEND_TAP,
        LIBXL_DISK_BACKEND_QDISK,
        LIBXL_DISK_BACKEND_STANDALONE,
    };

    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (!word_is(w, libxl_disk_backend_to_string(types[i])))
            continue;
        if (r->disk->backend != LIBXL_DISK_BACKEND_UNKNOWN && r->disk->backend != types[i])
            return bad(r, w, "is a second backend type");
        r->disk->backend = types[i];
        return 0;
    }
    return bad(r, w, "is not a backend type; there are phy, qdisk and standalone");
}

static int set_specification(struct disk_reader *r, struct word w)
{
    if (word_is(w, "xen"))
        r->disk->specification = LIBXL_DISK_SPECIFICATION_XEN;
    else if (word_is(w, "virtio"))
        r->disk->specification = LIBXL_DISK_SPECIFICATION_VIRTIO;
    else
        return bad(r, w, "is not a specification; there are xen and virtio");
    return 0;
}

static int set_script(struct disk_reader *r, struct word w)
{
    return set_string(r, &r->disk->script, w);
}

static int set_colo_host(struct disk_reader *r, struct word w)
{
    return set_string(r, &r->disk->colo_host, w);
}

static int set_colo_port(struct disk_reader *r, struct word w)
{
    char *end;
    long port = strtol(w.text, &end, 10);

    if (end != w.text + w.length || port < 1 || port > 65535)
        return bad(r, w, "is not a port number from 1 to 65535");
    r->disk->colo_port = (int)port;
    return 0;
}

static int set_colo_export(struct disk_reader *r, struct word w)
{
    return set_string(r, &r->disk->colo_export, w);
}

static int set_active_disk(struct disk_reader *r, struct word w)
{
    return set_string(r, &r->disk->active_disk, w);
}

static int set_hidden_disk(struct disk_reader *r, struct word w)
{
    return set_string(r, &r->disk->hidden_disk, w);
}

static const struct {
    const char *name;
    int (*set)(struct disk_reader *r, struct word value);
} parameters[] = {
    { "target", set_target },
    { "format", set_format },
    { "vdev", set_vdev },
    { "access", set_access },
    { "devtype", set_devtype },
    { "backend", set_backend },
    { "backendtype", set_backendtype },
    { "specification", set_specification },
    { "script", set_script },
    { "colo-host", set_colo_host },
    { "colo-port", set_colo_port },
    { "colo-export", set_colo_export },
    { "active-disk", set_active_disk },
    { "hidden-disk", set_hidden_disk },
};

/* True if the word is a flag, which is set then. */
static bool set_flag(libxl_device_disk *disk, struct word w)
{
    const struct {
        const char *name;
        libxl_defbool *field;
        bool value;
    } flags[] = {
        { "discard", &disk->discard_enable, true }, { "no-discard", &disk->discard_enable, false },
        { "colo", &disk->colo_enable, true },       { "no-colo", &disk->colo_enable, false },
        { "trusted", &disk->trusted, true },        { "untrusted", &disk->trusted, false },
    };

    if (word_is(w, "cdrom"))
        disk->is_cdrom = 1;
    else if (word_is(w, "direct-io-safe"))
        disk->direct_io_safe = true;
    else {
        for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
            if (word_is(w, flags[i].name)) {
                libxl_defbool_set(flags[i].field, flags[i].value);
                return true;
            }
        return false;
    }
    return true;
}

/* ---- prefixes of older forms ---- */

static const char name_characters[] = "abcdefghijklmnopqrstuvwxyz0123456789";

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_one_of(struct word w, const char *const *names)
{
    while (*names && !word_is(w, *names))
        names++;
    return *names;
}

static int set_prefix_script(struct disk_reader *r, struct word name)
{
    char script[32];

    snprintf(script, sizeof(script), "block-%.*s", (int)name.length, name.text);
    return set_script(r, (struct word){ script, strlen(script) });
}

/* Take a prefix, "abc:", from the beginning of *s. *taken says whether there was one. */
static int take_prefix(struct disk_reader *r, const char **s, bool *taken)
{
    static const char *const formats[] = { "raw", "qcow", "qcow2", "vhd", NULL };
    static const char *const scripts[] = { "iscsi", "nbd", "enbd", "drbd", NULL };
    static const char *const ignored[] = { "tap",   "tap2", "tapdisk", "aio",
                                           "ioemu", "file", "phy",     NULL };
    struct word name = { *s, strspn(*s, name_characters) };
    const char *rest = *s + name.length + 1;
    int rc = 0;

    *taken = false;
    if (name.length == 0 || is_digit(**s) || rest[-1] != ':')
        return 0;
    if (is_one_of(name, formats))
        rc = set_format(r, name);
    else if (is_one_of(name, scripts))
        rc = set_prefix_script(r, name);
    else if (is_one_of(name, ignored))
        rc = 0;
    else if (*rest && strchr(name_characters, *rest))
        return 0; /* a name and a type, "hda:cdrom" */
    else
        return bad(r, name, "is no prefix; a target with a colon is written target=...");
    r->had_format = true;
    *taken = true;
    *s = rest;
    return rc;
}

/* ---- parameters ---- */

/* "VDEV:TYPE" in an older form */
static int set_positional_vdev(struct disk_reader *r, struct word w)
{
    const char *colon = memrchr(w.text, ':', w.length);
    struct word type;

    if (!colon)
        return set_vdev(r, w);
    type = (struct word){ colon + 1, (size_t)(w.text + w.length - colon - 1) };
    w.length = (size_t)(colon - w.text);
    return set_vdev(r, w) ?: set_devtype(r, type);
}

static int set_positional(struct disk_reader *r, struct word w)
{
    libxl_device_disk *disk = r->disk;

    if (memchr(w.text, '=', w.length))
        return bad(r, w, "has a '='; a target with one is written target=...");
    if (!disk->pdev_path)
        return set_target(r, w);
    if (!r->had_format) {
        /* ",hdc:cdrom,r": an empty drive, in an older form */
        if (*disk->pdev_path || !memchr(w.text, ':', w.length))
            return set_format(r, w);
        r->had_format = true;
        disk->format = LIBXL_DISK_FORMAT_EMPTY;
        return set_positional_vdev(r, w);
    }
    if (!disk->vdev)
        return set_positional_vdev(r, w);
    if (!r->had_access) {
        r->had_access = true;
        return set_access(r, w);
    }
    return bad(r, w, "is one parameter too many");
}

/* The length of a name with a '=' behind it, or 0 */
static size_t name_length(struct word w)
{
    size_t n = strspn(w.text, "abcdefghijklmnopqrstuvwxyz0123456789-");

    return n && n < w.length && w.text[n] == '=' && !is_digit(*w.text) && *w.text != '-' ? n : 0;
}

static int set_named(struct disk_reader *r, struct word w, size_t name)
{
    struct word value = { w.text + name + 1, w.length - name - 1 };

    for (size_t i = 0; i < sizeof(parameters) / sizeof(parameters[0]); i++)
        if (word_is((struct word){ w.text, name }, parameters[i].name))
            return parameters[i].set(r, value);
    return bad(r, w, "is not a parameter of a disk");
}

static const char *skip_space(const char *s)
{
    return s + strspn(s, " \t\n");
}

static int parse_spec(struct disk_reader *r)
{
    const char *s = skip_space(r->spec);
    int rc = 0;

    while (!rc && *s) {
        struct word w;
        size_t name;
        bool taken;

        rc = take_prefix(r, &s, &taken);
        if (rc || taken) {
            s = skip_space(s);
            continue;
        }
        w = (struct word){ s, strcspn(s, ",") };
        name = name_length(w);
        /* The target is all the rest, commas and all, but for one at the end. */
        if (name && word_is((struct word){ s, name }, "target")) {
            w.length = strlen(s);
            w.length -= s[w.length - 1] == ',';
        }
        if (name)
            rc = set_named(r, w, name);
        else if (!set_flag(r->disk, w))
            rc = set_positional(r, w);
        s += w.length;
        s = skip_space(s + (*s == ','));
    }
    return rc;
}

/* What was left open, and what cannot be left open. */
static int complete(const struct disk_reader *r)
{
    libxl_device_disk *disk = r->disk;
    bool has_target = disk->pdev_path && *disk->pdev_path;

    if (disk->is_cdrom) {
        disk->removable = 1;
        disk->readwrite = 0;
        if (!has_target)
            disk->format = LIBXL_DISK_FORMAT_EMPTY;
    }
    if (disk->format == LIBXL_DISK_FORMAT_UNKNOWN)
        disk->format = LIBXL_DISK_FORMAT_RAW;
    if (!disk->vdev)
        return report(r->cfg, 0, "disk '%s' has no vdev, the name that the guest sees (as xvda)",
                      r->spec);
    if (!disk->pdev_path && !disk->removable)
        return report(r->cfg, 0, "disk '%s' has no target, and is not a CD drive", r->spec);
    return 0;
}

int xlu_disk_parse(XLU_Config *cfg, int nspecs, const char *const *specs, libxl_device_disk *disk)
{
    struct disk_reader r = { .cfg = cfg, .disk = disk, .spec = "" };
    int rc = 0;

    disk->readwrite = 1;
    for (int i = 0; !rc && i < nspecs; i++) {
        r.spec = specs[i];
        rc = parse_spec(&r);
    }
    return rc ? rc : complete(&r);
}
