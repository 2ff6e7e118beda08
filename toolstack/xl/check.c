/*
 * `xl create --dry-run`: what would go wrong, before anything is made. Each finding is a sentence
 * with what to do; as many as there are, not only the first one.
 */
#include <fcntl.h>
#include <net/if.h>
#include <sys/stat.h>
#include <unistd.h>
#include "domain.h"

struct findings {
    const char *path; /* of the configuration */
    int count;
};

static void found(struct findings *f, const char *format, ...) PRINTF(2, 3);

static void found(struct findings *f, const char *format, ...)
{
    va_list ap;

    fflush(stdout);
    fprintf(stderr, "%s: ", f->path ? f->path : "command line");
    va_start(ap, format);
    vfprintf(stderr, format, ap);
    va_end(ap);
    fputc('\n', stderr);
    f->count++;
}

static void check_file(struct findings *f, const char *what, const char *path)
{
    if (path && access(path, R_OK))
        found(f, "the %s %s cannot be read: %m; set %s= to a file of this domain", what, path,
              what);
}

/* Whether a file starts like a kernel: ELF, Linux's boot sector, or what gzip, xz, zstd, lz4, lzma
 * or bzip2 made of one */
static bool is_kernel(const char *path)
{
    static const struct {
        size_t at;
        const char *bytes;
        size_t length;
    } starts[] = {
        { 0, "\177ELF", 4 },
        { 0x202, "HdrS", 4 },
        { 0, "\037\213", 2 },
        { 0, "\3757zXZ", 5 },
        { 0, "\050\265\057\375", 4 },
        { 0, "\004\042\115\030", 4 },
        { 0, "BZh", 3 },
        { 0, "\135\000\000", 3 },
        { 0x38, "ARM\x64", 4 },
        { 0, "\002\041\114\030", 4 },
    };
    char head[0x210] = { 0 };
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : read(fd, head, sizeof(head));

    if (fd >= 0)
        close(fd);
    for (size_t i = 0; got > 0 && i < ARRAY_LENGTH(starts); i++) {
        if (!memcmp(head + starts[i].at, starts[i].bytes, starts[i].length))
            return true;
    }
    return false;
}

static void check_boot(struct findings *f, const libxl_domain_config *config)
{
    const libxl_domain_build_info *b = &config->b_info;

    /* With a boot loader, kernel and ramdisk are files of the guest's disk. */
    if (b->bootloader) {
        if (strchr(b->bootloader, '/'))
            check_file(f, "bootloader", b->bootloader);
        if (!config->num_disks)
            found(f, "there is no disk for the bootloader to read; set disk=, or kernel= alone");
        return;
    }
    check_file(f, "kernel", b->kernel);
    check_file(f, "ramdisk", b->ramdisk);
    if (b->kernel && !access(b->kernel, R_OK) && !is_kernel(b->kernel))
        found(f, "%s is no kernel that a guest can boot; set kernel= to one", b->kernel);
}

static void check_name(struct findings *f, const libxl_domain_config *config)
{
    const char *name = config->c_info.name;
    uint32_t domid;
    libxl_vminfo *list;
    int count;

    if (!libxl_name_to_domid(xl.ctx, name, &domid))
        found(
            f,
            "there is a domain %u with the name '%s' already; choose another name=, or 'xl destroy %s'",
            domid, name, name);
    list = libxl_list_vm(xl.ctx, &count);
    for (int i = 0; list && i < count; i++) {
        if (!libxl_uuid_compare(&list[i].uuid, &config->c_info.uuid))
            found(f, "domain %u has the same uuid; remove uuid= to get a new one", list[i].domid);
    }
    if (list)
        libxl_vminfo_list_free(list, count);
}

/* ---- disks: there, and not written to by two */
static bool same_file(const char *a, const char *b)
{
    struct stat sa, sb;

    if (stat(a, &sa) || stat(b, &sb))
        return !strcmp(a, b);
    if (S_ISBLK(sa.st_mode) && S_ISBLK(sb.st_mode))
        return sa.st_rdev == sb.st_rdev;
    return sa.st_dev == sb.st_dev && sa.st_ino == sb.st_ino;
}

static void check_users(struct findings *f, const libxl_device_disk *disk)
{
    int count;
    libxl_dominfo *domains = libxl_list_domain(xl.ctx, &count);

    for (int i = 0; domains && i < count; i++) {
        int ndisks;
        libxl_device_disk *disks = libxl_device_disk_list(xl.ctx, domains[i].domid, &ndisks);

        for (int j = 0; disks && j < ndisks; j++) {
            if (disks[j].pdev_path && same_file(disk->pdev_path, disks[j].pdev_path) &&
                (disk->readwrite || disks[j].readwrite))
                found(f,
                      "the disk %s is in use by domain %u; two that write it destroy what is on it",
                      disk->pdev_path, domains[i].domid);
        }
        if (disks)
            libxl_device_disk_list_free(disks, ndisks);
    }
    if (domains)
        libxl_dominfo_list_free(domains, count);
}

static void check_disks(struct findings *f, const libxl_domain_config *config)
{
    for (int i = 0; i < config->num_disks; i++) {
        const libxl_device_disk *disk = &config->disks[i];
        bool local = !disk->backend_domname || !strcmp(disk->backend_domname, "0");

        if (!local || disk->script || !disk->pdev_path || !*disk->pdev_path ||
            disk->format == LIBXL_DISK_FORMAT_EMPTY)
            continue;
        if (access(disk->pdev_path, disk->readwrite ? R_OK | W_OK : R_OK))
            found(f, "the disk %s (%s) cannot be %s: %m", disk->vdev, disk->pdev_path,
                  disk->readwrite ? "written" : "read");
        else
            check_users(f, disk);
        for (int j = 0; j < i; j++) {
            if (disk->vdev && config->disks[j].vdev && !strcmp(disk->vdev, config->disks[j].vdev))
                found(f, "two disks are %s; each needs a name of its own", disk->vdev);
        }
    }
}

static void check_nics(struct findings *f, const libxl_domain_config *config)
{
    for (int i = 0; i < config->num_nics; i++) {
        const libxl_device_nic *nic = &config->nics[i];
        const char *bridge = nic->bridge ? nic->bridge : "xenbr0";
        bool local = !nic->backend_domname || !strcmp(nic->backend_domname, "0");

        if (local && (!nic->script || strstr(nic->script, "vif-bridge")) &&
            !if_nametoindex(bridge)) {
            found(
                f,
                "there is no bridge %s for network card %d; make one ('ip link add %s type bridge'), or "
                "set bridge= in vif",
                bridge, i, bridge);
        }
    }
}

static void check_resources(struct findings *f, libxl_domain_config *config)
{
    uint64_t need_kb, free_kb;
    libxl_physinfo host;
    int cpus = libxl_get_max_cpus(xl.ctx);
    uint32_t pool;

    if (config->b_info.max_vcpus > 4 * cpus && cpus > 0)
        error("%s: WARNING: %d vCPUs share %d CPUs", f->path ? f->path : "command line",
              config->b_info.max_vcpus, cpus);
    libxl_physinfo_init(&host);
    if (!libxl_get_physinfo(xl.ctx, &host)) {
        if (config->c_info.type == LIBXL_DOMAIN_TYPE_PV ? !host.cap_pv : !host.cap_hvm)
            found(f, "this host cannot run %s guests; 'xl info' shows virt_caps",
                  libxl_domain_type_to_string(config->c_info.type));
    }
    libxl_physinfo_dispose(&host);
    if (config->c_info.pool_name &&
        libxl_cpupool_qualifier_to_cpupoolid(xl.ctx, config->c_info.pool_name, &pool, NULL))
        found(f, "there is no CPU pool %s; 'xl cpupool-list' shows them", config->c_info.pool_name);
    if (libxl_domain_need_memory(xl.ctx, config, INVALID_DOMID, &need_kb) ||
        libxl_get_free_memory(xl.ctx, &free_kb))
        found(f, "libxl cannot say how much memory this guest needs; see the messages above");
    else if (need_kb > free_kb)
        found(
            f,
            "the guest needs %llu MiB, and %llu MiB are free; set memory= to less, or end another guest",
            (unsigned long long)(need_kb + 1023) / 1024, (unsigned long long)free_kb / 1024);
}

int domain_check(const libxl_domain_config *config, const char *path)
{
    struct findings f = { .path = path };
    libxl_domain_config copy;

    check_name(&f, config);
    check_boot(&f, config);
    check_disks(&f, config);
    check_nics(&f, config);
    /* libxl completes what it is asked about, so it gets a copy */
    libxl_domain_config_init(&copy);
    libxl_domain_config_copy(xl.ctx, &copy, config);
    check_resources(&f, &copy);
    libxl_domain_config_dispose(&copy);
    if (f.count)
        error("%d finding%s: this guest could not be created like that", f.count,
              f.count > 1 ? "s" : "");
    return f.count;
}
