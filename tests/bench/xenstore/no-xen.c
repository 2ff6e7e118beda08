/*
 * Preloaded into Xen's xenstored so that it runs on a host without Xen: a hypervisor on which only
 * domain 0 lives and nothing happens. tests/bench/xenstore/run builds it.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xenctrl.h>
#include <xenevtchn.h>
#include <xengnttab.h>

static int ends[2];

xenevtchn_handle *xenevtchn_open(struct xentoollog_logger *logger, unsigned int flags)
{
    (void)logger;
    (void)flags;
    return pipe(ends) ? NULL : (void *)ends;
}

int xenevtchn_fd(xenevtchn_handle *xce)
{
    (void)xce;
    return ends[0];
}

int xenevtchn_notify(xenevtchn_handle *xce, evtchn_port_t port)
{
    (void)xce;
    (void)port;
    return 0;
}

xenevtchn_port_or_error_t xenevtchn_bind_interdomain(xenevtchn_handle *xce, uint32_t domid,
                                                     evtchn_port_t port)
{
    (void)xce;
    (void)domid;
    return (int)port;
}

xenevtchn_port_or_error_t xenevtchn_bind_virq(xenevtchn_handle *xce, unsigned int virq)
{
    (void)xce;
    return 100 + (int)virq;
}

xengnttab_handle *xengnttab_open(struct xentoollog_logger *logger, unsigned int flags)
{
    (void)logger;
    (void)flags;
    return (void *)ends;
}

int xengnttab_set_max_grants(xengnttab_handle *xgt, uint32_t count)
{
    (void)xgt;
    (void)count;
    return 0;
}

xc_interface *xc_interface_open(xentoollog_logger *logger, xentoollog_logger *dombuild,
                                unsigned int flags)
{
    (void)logger;
    (void)dombuild;
    (void)flags;
    return (void *)ends;
}

int xc_domain_getinfo(xc_interface *xch, uint32_t first, unsigned int max, xc_dominfo_t *info)
{
    (void)xch;
    (void)max;
    memset(info, 0, sizeof(*info));
    info->domid = first;
    info->running = 1;
    return 1;
}

/* The files of dom0's kernel */
int open(const char *path, int flags, ...)
{
    int (*real)(const char *, int, ...) = (int (*)(const char *, int, ...))dlsym(RTLD_NEXT, "open");
    int file[2], mode;
    va_list args;

    va_start(args, flags);
    mode = va_arg(args, int);
    va_end(args);
    if (!strcmp(path, "/proc/xen/xsd_port")) {
        if (pipe(file) || write(file[1], "3", 1) != 1)
            return -1;
        close(file[1]);
        return file[0];
    }
    if (!strcmp(path, "/proc/xen/xsd_kva")) {
        file[0] = real("/tmp", O_TMPFILE | O_RDWR, 0600);
        return ftruncate(file[0], 4096) ? -1 : file[0];
    }
    return real(path, flags, mode);
}
