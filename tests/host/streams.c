/*
 * streams: toolstack/stream without libxl, for jobs in dom0. Files have libxl's image; what stands
 * before it in one of xl's files is passed over, and `save` can take it from such a file, so that
 * xl restores what this saves.
 *
 *   streams save DOMID FILE [live] [verify] [head=XL-FILE] [stop=BYTES]
 *   streams restore FILE NAME MB VCPUS [pvh]     leaves the domain paused; prints its number; fails
 *                                                if pages were not the same when verified
 *
 * stop: the save is aborted when so much is written, which must be reported, and the domain
 * resumed.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/eventfd.h>
#include <xenstore.h>
#include <xen/sched.h>
#include "stream/outer.h"
#include "stream/stream.h"
#include "xc/domain.h"
#include "xc/event.h"
#include "xc/vcpu.h"

static struct xs_handle *store;

static void die(const char *what, int rc, const struct wire_why *why)
{
    fprintf(stderr, "streams: %s: %s (%d)\n", what, why ? why->text : strerror(-rc), rc);
    exit(1);
}

static void put(unsigned int domid, const char *path, const char *value, bool guests)
{
    struct xs_permissions perms[] = { { .id = guests ? domid : 0, .perms = XS_PERM_NONE },
                                      { .id = domid, .perms = XS_PERM_READ } };
    char full[128];

    snprintf(full, sizeof(full), "/local/domain/%u%s%s", domid, *path ? "/" : "", path);
    if (!xs_write(store, XBT_NULL, full, value, (unsigned int)strlen(value)) ||
        !xs_set_permissions(store, XBT_NULL, full, perms, guests ? 1 : 2))
        die(full, -errno, NULL);
}

static void put_number(unsigned int domid, const char *path, unsigned long value)
{
    char text[24];

    snprintf(text, sizeof(text), "%lu", value);
    put(domid, path, text, false);
}

/* ---- save */
struct saving {
    struct stream_save save;
    uint64_t stop;
    int abort;
};

static int suspend(void *context)
{
    struct saving *s = context;
    struct xen_domctl_getdomaininfo info;
    int rc;

    put(s->save.domid, "control/shutdown", "suspend", true);
    for (int i = 0; i < 2400; i++) {
        rc = xc_domain_info(s->save.xc, s->save.domid, &info);
        if (rc)
            return rc;
        if (info.flags & XEN_DOMINF_shutdown)
            return 0;
        poll(NULL, 0, 100);
    }
    return -ETIMEDOUT;
}

static void show(void *context, const struct stream_progress *p)
{
    struct saving *s = context;
    const uint64_t one = 1;
    static unsigned int round = ~0u;

    if (p->round != round || p->done == p->total)
        fprintf(stderr, "streams: round %u%s: %llu of %llu pages, %llu bytes\n", p->round,
                p->suspended ? " (suspended)" : "", (unsigned long long)p->done,
                (unsigned long long)p->total, (unsigned long long)p->bytes);
    round = p->round;
    if (s->stop && p->bytes > s->stop && write(s->abort, &one, sizeof(one)) < 0)
        die("abort", -errno, NULL);
}

static void copy_head(int out, const char *name)
{
    static char buffer[65536];
    const int in = open(name, O_RDONLY);
    const ssize_t got = in < 0 ? -1 : read(in, buffer, sizeof(buffer));
    const char *end = got > 0 ? memmem(buffer, (size_t)got, "LibxlFmt", 8) : NULL;

    if (!end || write(out, buffer, (size_t)(end - buffer)) != end - buffer)
        die(name, -EINVAL, NULL);
    close(in);
}

/* A guest sees by the result of its hypercall that it is where it was. */
static int resume(struct xc *xc, uint32_t domid)
{
    struct vcpu_guest_context context;
    struct xen_domctl_getdomaininfo info;
    int rc = xc_domain_info(xc, domid, &info);

    if (rc || !(info.flags & XEN_DOMINF_shutdown))
        return rc;
    rc = xc_vcpu_get_context(xc, domid, 0, &context);
    context.user_regs.rax = 1;
    if (!rc)
        rc = xc_vcpu_set_context(xc, domid, 0, &context);
    if (!rc)
        rc = xc_domain_resume(xc, domid);
    if (!rc && !xs_resume_domain(store, domid))
        rc = -errno;
    return rc;
}

static int save(struct xc *xc, char **args)
{
    struct saving s = { .save = { .xc = xc,
                                  .domid = (uint32_t)atoi(args[0]),
                                  .suspend = suspend,
                                  .progress = show,
                                  .context = &s },
                        .abort = eventfd(0, 0) };
    struct stream_io io = { .abort_fd = -1, .why = &s.save.why };
    int rc;

    io.fd = s.save.fd = open(args[1], O_CREAT | O_WRONLY | O_TRUNC, 0600);
    if (io.fd < 0)
        die(args[1], -errno, NULL);
    s.save.abort_fd = s.abort;
    for (args += 2; *args; args++) {
        if (!strcmp(*args, "live"))
            s.save.live = true;
        else if (!strcmp(*args, "verify"))
            s.save.verify = true;
        else if (!strncmp(*args, "head=", 5))
            copy_head(io.fd, *args + 5);
        else if (!strncmp(*args, "stop=", 5))
            s.stop = strtoull(*args + 5, NULL, 0);
        else
            die(*args, -EINVAL, NULL);
    }
    rc = outer_write_header(&io);
    if (!rc)
        rc = outer_write(&io, WIRE_OUTER_LIBXC);
    if (!rc)
        rc = stream_save(&s.save);
    if (s.stop) {
        if (rc != -ECANCELED)
            die("was not aborted", rc, &s.save.why);
        printf("aborted: %s\n", s.save.why.text);
        return resume(xc, s.save.domid);
    }
    if (!rc)
        rc = outer_write(&io, WIRE_OUTER_END);
    if (rc)
        die("save", rc, &s.save.why);
    return close(io.fd) ? -errno : 0;
}

/* ---- restore */
static void make_domain(struct xc *xc, struct stream_restore *r, unsigned int vcpus,
                        unsigned long kb, bool pvh)
{
    struct xen_domctl_createdomain config = {
        .handle = { 0x5a, 1 },
        .max_vcpus = vcpus,
        .max_evtchn_port = 1023,
        .max_grant_frames = 64,
        .max_maptrack_frames = 1024,
        .grant_opts = XEN_DOMCTL_GRANT_version(2),
    };
    int rc;

    if (pvh) {
        config.flags = XEN_DOMCTL_CDF_hvm | XEN_DOMCTL_CDF_hap;
        config.arch.emulation_flags = XEN_X86_EMU_LAPIC;
    }
    rc = xc_domain_create(xc, &r->domid, &config);
    if (!rc && pvh)
        rc = xc_domain_set_paging_pool(xc, r->domid, 16ul << 20);
    if (!rc)
        rc = xc_domain_max_vcpus(xc, r->domid, vcpus);
    if (!rc)
        rc = xc_domain_max_memory(xc, r->domid, kb + 1024);
    if (rc)
        die("create", rc, NULL);
    rc = xc_evtchn_alloc_unbound(xc, r->domid, 0);
    r->store_port = (uint32_t)rc;
    if (rc > 0)
        rc = xc_evtchn_alloc_unbound(xc, r->domid, 0);
    r->console_port = (uint32_t)rc;
    if (rc <= 0)
        die("event channels", rc, NULL);
}

static void tell_store(const struct stream_restore *r, const char *name, unsigned long kb)
{
    put(r->domid, "", "", false);
    put_number(r->domid, "domid", r->domid);
    put(r->domid, "name", name, false);
    put_number(r->domid, "memory/target", kb);
    put_number(r->domid, "memory/static-max", kb);
    put(r->domid, "control/shutdown", "", true);
    put(r->domid, "device", "", false);
    put_number(r->domid, "store/port", r->store_port);
    put_number(r->domid, "store/ring-ref", r->store_gfn);
    put(r->domid, "console", "", false);
    put(r->domid, "console/type", "xenconsoled", false);
    put_number(r->domid, "console/limit", 1048576);
    put_number(r->domid, "console/port", r->console_port);
    put_number(r->domid, "console/ring-ref", r->console_gfn);
    if (!xs_introduce_domain(store, r->domid, r->store_gfn, r->store_port))
        die("introduce", -errno, NULL);
}

static int static_done(void *context, unsigned int missing)
{
    (void)context;
    fprintf(stderr, "streams: static data is there, missing %u\n", missing);
    return 0;
}

/* Up to libxl's image; there is no other way through a pipe, but files are all that comes here */
static void seek_image(int fd, const char *name)
{
    static char buffer[65536];
    const ssize_t got = pread(fd, buffer, sizeof(buffer), 0);
    const char *start = got > 0 ? memmem(buffer, (size_t)got, "LibxlFmt", 8) : NULL;

    if (!start || lseek(fd, start - buffer, SEEK_SET) < 0)
        die(name, -EINVAL, NULL);
}

static int restore(struct xc *xc, char **args)
{
    struct stream_restore r = { .xc = xc, .abort_fd = -1, .static_done = static_done };
    struct stream_io io = { .abort_fd = -1, .why = &r.why };
    const unsigned long kb = strtoul(args[2], NULL, 0) << 10;
    const bool pvh = args[4] && !strcmp(args[4], "pvh");
    struct outer_record record;
    int rc;

    io.fd = r.fd = open(args[0], O_RDONLY);
    if (io.fd < 0)
        die(args[0], -errno, NULL);
    seek_image(io.fd, args[0]);
    rc = outer_read_header(&io);
    while (!rc) {
        rc = outer_read(&io, &record);
        if (rc)
            break;
        fprintf(stderr, "streams: %s, %u bytes\n", wire_outer_name(record.type), record.length);
        free(record.body);
        if (record.type == WIRE_OUTER_END)
            break;
        if (record.type == WIRE_OUTER_LIBXC) {
            make_domain(xc, &r, (unsigned int)atoi(args[3]), kb, pvh);
            rc = stream_restore(&r);
        }
    }
    if (rc) {
        if (r.domid)
            xc_domain_destroy(xc, r.domid);
        die("restore", rc, &r.why);
    }
    tell_store(&r, args[1], kb);
    fprintf(stderr, "streams: %llu pages, %llu different\n", (unsigned long long)r.pages,
            (unsigned long long)r.different);
    printf("%u\n", r.domid);
    return r.different ? -EUCLEAN : 0;
}

int main(int count, char **args)
{
    struct xc *xc;
    int rc;

    rc = xc_open(&xc, NULL);
    if (rc)
        die("xc_open", rc, NULL);
    store = xs_open(0);
    if (!store)
        die("xs_open", -errno, NULL);
    if (count >= 4 && !strcmp(args[1], "save"))
        rc = save(xc, args + 2);
    else if (count >= 6 && !strcmp(args[1], "restore"))
        rc = restore(xc, args + 2);
    else
        die("usage: see the top of tests/host/streams.c", -EINVAL, NULL);
    if (rc)
        die(args[1], rc, NULL);
    return 0;
}
