/*
 * `xl doctor`: looks at all that guests need of the host, from below: hypervisor, drivers, daemons,
 * network, memory. Each row of the table is a check, with the mend for when it fails. It opens
 * libxl itself, for libxl may be what does not work.
 */
#include <dirent.h>
#include <sys/socket.h>
#include <sys/statvfs.h>
#include <sys/un.h>
#include <unistd.h>
#include "commands.h"
#include "conf.h"
#include "process.h"

enum verdict {
    VERDICT_FINE,
    VERDICT_NOTE, /* guests can be created, but not all kinds of them */
    VERDICT_WRONG,
};

struct check {
    const char *what;
    enum verdict worst; /* what a failure is */
    bool (*fine)(char **detail);
    const char *mend;
};

static char *line_of(const char *path)
{
    size_t length;
    char *text = file_read(path, &length);

    if (text)
        text[strcspn(text, "\n")] = 0;
    return text;
}

static bool below(char **detail)
{
    char *type = line_of("/sys/hypervisor/type"), *uuid = line_of("/sys/hypervisor/uuid");

    if (!type || strcmp(type, "xen")) {
        *detail = text_of("this system runs on no hypervisor");
        return false;
    }
    *detail = text_of("xen %s.%s%s", line_of("/sys/hypervisor/version/major") ?: "?",
                      line_of("/sys/hypervisor/version/minor") ?: "?",
                      line_of("/sys/hypervisor/version/extra") ?: "");
    return uuid != NULL;
}

static bool control(char **detail)
{
    char *caps = line_of("/proc/xen/capabilities");

    *detail = text_of("/proc/xen/capabilities: %s", caps ? caps : "not there");
    return caps && strstr(caps, "control_d");
}

static bool device(const char *path, char **detail)
{
    *detail = text_of("%s", path);
    return !access(path, R_OK | W_OK);
}

static bool privcmd(char **detail)
{
    return device("/dev/xen/privcmd", detail);
}

static bool evtchn(char **detail)
{
    return device("/dev/xen/evtchn", detail);
}

static bool gntdev(char **detail)
{
    return device("/dev/xen/gntdev", detail);
}

static bool module(const char *name, char **detail)
{
    char *path = text_of("/sys/module/%s", name);
    bool there = !access(path, F_OK);

    *detail = text_of("module %s", name);
    free(path);
    return there;
}

static bool blkback(char **detail)
{
    return module("xen_blkback", detail);
}

static bool netback(char **detail)
{
    return module("xen_netback", detail);
}

static bool pciback(char **detail)
{
    return module("xen_pciback", detail);
}

/* answers: somebody listens at a socket */
static bool answers(const char *path)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool is;

    snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    is = fd >= 0 && !connect(fd, (struct sockaddr *)&address, sizeof(address));
    if (fd >= 0)
        close(fd);
    return is;
}

static bool store(char **detail)
{
    *detail = text_of("/run/xenstored/socket");
    return answers("/run/xenstored/socket") || answers("/var/run/xenstored/socket");
}

/* running: a process with this name, by its file of /proc */
static bool running(const char *name)
{
    DIR *dir = opendir("/proc");
    struct dirent *entry;
    bool is = false;

    while (dir && !is && (entry = readdir(dir))) {
        char *comm;

        if (entry->d_name[0] < '0' || entry->d_name[0] > '9')
            continue;
        comm = line_of(text_of("/proc/%s/comm", entry->d_name));
        is = comm && !strcmp(comm, name);
        free(comm);
    }
    if (dir)
        closedir(dir);
    return is;
}

static bool consoles(char **detail)
{
    *detail = text_of("xenconsoled");
    return running("xenconsoled");
}

static bool library(char **detail)
{
    *detail = text_of("libxenlight");
    return !libxl_ctx_alloc(&xl.ctx, LIBXL_VERSION, 0, (xentoollog_logger *)xl.log);
}

static bool dom0(char **detail)
{
    char *name = xl.ctx ? libxl_domid_to_name(xl.ctx, 0) : NULL;

    *detail = text_of("domain 0 is called %s", name ? name : "nothing");
    return name != NULL;
}

static bool memory(char **detail)
{
    uint64_t kib;

    if (!xl.ctx || libxl_get_free_memory(xl.ctx, &kib)) {
        *detail = text_of("not known");
        return false;
    }
    *detail = text_of("%llu MiB are free", (unsigned long long)kib / 1024);
    return kib >= 64 * 1024 || conf_autoballoon();
}

static bool bridge(char **detail)
{
    const char *name = conf.vif_bridge ? conf.vif_bridge : "xenbr0";

    *detail = text_of("%s", name);
    return !access(text_of("/sys/class/net/%s/bridge", name), F_OK);
}

static bool scripts(char **detail)
{
    *detail = text_of("/etc/xen/scripts");
    return !access("/etc/xen/scripts/vif-bridge", X_OK) && !access("/etc/xen/scripts/block", X_OK);
}

static bool folders(char **detail)
{
    static const char *const paths[] = { "/var/lib/xen", "/var/log/xen", "/run/xen" };

    for (size_t i = 0; i < ARRAY_LENGTH(paths); i++) {
        *detail = text_of("%s", paths[i]);
        if (access(paths[i], W_OK))
            return false;
    }
    return true;
}

static bool space(char **detail)
{
    struct statvfs fs;
    unsigned long long mib;

    if (statvfs("/var/lib/xen", &fs)) {
        *detail = text_of("/var/lib/xen: %m");
        return false;
    }
    mib = (unsigned long long)fs.f_bavail * fs.f_frsize >> 20;
    *detail = text_of("%llu MiB in /var/lib/xen", mib);
    return mib >= 16;
}

static bool loops(char **detail)
{
    *detail = text_of("/dev/loop-control");
    return !access("/dev/loop-control", R_OK | W_OK);
}

static bool qemu(char **detail)
{
    static const char *const paths[] = { "/usr/libexec/xen-qemu-system-i386",
                                         "/usr/lib/xen-4.17/bin/qemu-system-i386",
                                         "/usr/bin/qemu-system-i386",
                                         "/usr/bin/qemu-system-x86_64" };

    for (size_t i = 0; i < ARRAY_LENGTH(paths); i++) {
        *detail = text_of("%s", paths[i]);
        if (!access(paths[i], X_OK))
            return true;
    }
    return false;
}

/* Guests that are dying, for references to their memory keep them; and those without a name */
static bool remains(char **detail)
{
    int count, odd = 0;
    libxl_dominfo *list = xl.ctx ? libxl_list_domain(xl.ctx, &count) : NULL;

    for (int i = 0; list && i < count; i++) {
        char *name = libxl_domid_to_name(xl.ctx, list[i].domid);

        odd += list[i].dying || !name;
        free(name);
    }
    *detail = text_of("%d domain%s dying or without a name", odd, odd == 1 ? "" : "s");
    if (list)
        libxl_dominfo_list_free(list, count);
    return !odd;
}

static const struct check checks[] = {
    { "hypervisor", VERDICT_WRONG, below, "Boot the hypervisor: choose its entry in GRUB's menu." },
    { "control domain", VERDICT_WRONG, control,
      "This must be domain 0, and /proc/xen be mounted: 'systemctl start proc-xen.mount'." },
    { "hypercalls", VERDICT_WRONG, privcmd, "'modprobe xen-privcmd', as root." },
    { "event channels", VERDICT_WRONG, evtchn, "'modprobe xen-evtchn', as root." },
    { "grants", VERDICT_WRONG, gntdev, "'modprobe xen-gntdev', as root." },
    { "disks by the kernel", VERDICT_NOTE, blkback,
      "'modprobe xen-blkback', for disks of guests." },
    { "network by the kernel", VERDICT_NOTE, netback,
      "'modprobe xen-netback', for network cards of guests." },
    { "PCI for guests", VERDICT_NOTE, pciback,
      "'modprobe xen-pciback', to give PCI devices to guests." },
    { "loop devices", VERDICT_NOTE, loops, "'modprobe loop', for disks that are files." },
    { "xenstored", VERDICT_WRONG, store,
      "'systemctl start xenstored'; 'journalctl -u xenstored' says why it ended." },
    { "xenconsoled", VERDICT_WRONG, consoles,
      "'systemctl start xenconsoled'; without it guests have no console." },
    { "libxl", VERDICT_WRONG, library,
      "Mend what is above this line; only root may manage guests." },
    { "domain 0 is known", VERDICT_WRONG, dom0,
      "'systemctl start xen-init-dom0', or run xen-init-dom0." },
    { "memory for guests", VERDICT_NOTE, memory,
      "'xl mem-set 0 MBYTES' lets domain 0 give memory; better: dom0_mem= for the hypervisor." },
    { "bridge", VERDICT_NOTE, bridge,
      "Make a bridge with this name, or set vif.default.bridge in xl.conf." },
    { "scripts of devices", VERDICT_NOTE, scripts,
      "Install the package that has /etc/xen/scripts." },
    { "folders", VERDICT_WRONG, folders, "Create the folder, owned by root." },
    { "space on the disk", VERDICT_NOTE, space, "Remove old dumps from /var/lib/xen/dump." },
    { "QEMU", VERDICT_NOTE, qemu,
      "Install qemu-system-xen, for HVM guests and for disks that are no raw images." },
    { "no remains of guests", VERDICT_NOTE, remains,
      "'xl list' shows them; 'xl destroy' ends what is left." },
};

int run_doctor(const struct args *args)
{
    static const char *const verdicts[] = { "fine", "note", "WRONG" };
    struct listing *l = listing_start(args);
    int status = EXIT_SUCCESS;

    /* what libxl complains of is what the mend is for */
    xl.log = need(xtl_createlogger_stdiostream(stderr, XTL_CRITICAL, 0));
    conf_read(XL_CONF);
    for (size_t i = 0; i < ARRAY_LENGTH(checks); i++) {
        char *detail = NULL;
        bool fine = checks[i].fine(&detail);
        enum verdict verdict = fine ? VERDICT_FINE : checks[i].worst;

        listing_row(l);
        cell_text(l, "verdict", "%-6s", verdicts[verdict]);
        cell_text(l, "check", " %-22s", checks[i].what);
        cell_text(l, "detail", " %s", detail);
        if (!fine) {
            cell_plain(l, "\n       -> ");
            cell_text(l, "mend", "%s", checks[i].mend);
        }
        listing_row_end(l);
        if (verdict == VERDICT_WRONG)
            status = EXIT_FAILURE;
        free(detail);
    }
    listing_end(l);
    return status;
}
