/*
 * A core of a domain: an ELF file of class 64 without segments, whose sections are what crash tools
 * for Xen look for by name: notes (.note.Xen), the vCPUs' contexts (.xen_prstatus), the shared
 * page, all pages (.xen_pages), and which frame each of those is (.xen_p2m: pairs of a guest's and
 * a machine's number). The domain should be paused, or its core is of many moments.
 *
 * How many pages there are is known when all have been looked at; so the pages are written first,
 * to their place in the file, then what tells of them.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "libxl/core/op.h"
#include "libxl/transfer/transfer.h"
#include "stream/save.h"
#include "xc/vcpu.h"
#include <xen/elfnote.h>
#include <xen/version.h>

#define MAGIC_PV       0xf00febedull
#define FORMAT_VERSION 1
#define BATCH          1024u

/* Notes as the format has them */
struct note_header {
    uint64_t magic, vcpus, pages, page_size;
};

struct note_version {
    uint64_t major, minor;
    xen_extraversion_t extra;
    xen_compile_info_t compile;
    xen_capabilities_info_t capabilities;
    xen_changeset_info_t changeset;
    xen_platform_parameters_t platform;
    uint64_t page_size;
};

struct note {
    Elf64_Nhdr h;
    char name[4];
};

struct notes {
    struct note none;
    struct note header;
    struct note_header header_body;
    struct note version;
    struct note_version version_body;
    struct note format;
    uint64_t format_body;
} __attribute__((packed));

struct p2m_entry {
    uint64_t pfn, gmfn;
};

/* Sections, in the order of the file */
enum { SECTION_NULL, STRINGS, NOTES, PRSTATUS, SHARED_INFO, PAGES, P2M, NR_SECTIONS };

static const char strings[] =
    "\0.shstrtab\0.note.Xen\0.xen_prstatus\0.xen_shared_info\0.xen_pages\0"
    ".xen_p2m";
static const Elf64_Word name_at[NR_SECTIONS] = {
    [STRINGS] = 1, [NOTES] = 11, [PRSTATUS] = 21, [SHARED_INFO] = 35, [PAGES] = 52, [P2M] = 63,
};

struct dump {
    struct op *op;
    const char *filename;
    int fd;
    struct xen_domctl_getdomaininfo info;
    uint64_t vcpus, pages;
    struct p2m_entry *p2m;
    Elf64_Shdr section[NR_SECTIONS];
};

static int put(struct dump *d, const void *data, size_t size, uint64_t at)
{
    const char *p = data;
    ssize_t n;

    while (size) {
        n = pwrite(d->fd, p, size, (off_t)at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return op_fail(d->op, ERROR_FAIL, n ? errno : ENOSPC, "%s cannot be written",
                           d->filename);
        p += n;
        at += (uint64_t)n;
        size -= (size_t)n;
    }
    return 0;
}

static void place(struct dump *d, int i, uint32_t type, uint64_t at, uint64_t size, uint64_t entry)
{
    d->section[i] = (Elf64_Shdr){
        .sh_name = name_at[i],
        .sh_type = type,
        .sh_offset = at,
        .sh_size = size,
        .sh_addralign = i == PAGES ? XC_PAGE_SIZE
                        : entry    ? 8
                                   : 0,
        .sh_entsize = entry,
    };
}

/* ---- vCPUs ---- */

static int dump_vcpus(struct dump *d)
{
    struct vcpu_guest_context *context = op_alloc(d->op, sizeof(*context));
    uint64_t at = d->section[PRSTATUS].sh_offset;
    unsigned int i;
    int err, rc;

    for (i = 0; i <= d->info.max_vcpu_id; i++) {
        err = xc_vcpu_get_context(op_xc(d->op), d->op->domid, i, context);
        if (err)
            continue; /* it was never started */
        rc = put(d, context, sizeof(*context), at + d->vcpus * sizeof(*context));
        if (rc)
            return rc;
        d->vcpus++;
    }
    d->section[PRSTATUS].sh_size = d->vcpus * sizeof(*context);
    return 0;
}

static int dump_shared_info(struct dump *d)
{
    xen_pfn_t frame = d->info.shared_info_frame;
    void *page = xc_map(op_xc(d->op), d->op->domid, PROT_READ, 1, &frame, NULL);
    int rc;

    if (!page)
        return op_fail(d->op, ERROR_FAIL, errno, "Its shared page cannot be read");
    rc = put(d, page, XC_PAGE_SIZE, d->section[SHARED_INFO].sh_offset);
    xc_unmap(op_xc(d->op), page, 1);
    return rc;
}

/* ---- pages ---- */

/* A page that cannot be mapped is not there. */
static int dump_batch(struct dump *d, const uint64_t *pfns, const xen_pfn_t *frames,
                      unsigned int count)
{
    int errors[BATCH], rc = 0;
    unsigned int i;
    char *pages;

    pages = xc_map(op_xc(d->op), d->op->domid, PROT_READ, count, frames, errors);
    if (!pages)
        return op_fail(d->op, ERROR_FAIL, errno, "Its memory cannot be read");
    for (i = 0; i < count && !rc; i++) {
        if (errors[i])
            continue;
        rc = put(d, pages + i * XC_PAGE_SIZE, XC_PAGE_SIZE,
                 d->section[PAGES].sh_offset + d->pages * XC_PAGE_SIZE);
        d->p2m[d->pages++] = (struct p2m_entry){ .pfn = pfns[i], .gmfn = frames[i] };
    }
    xc_unmap(op_xc(d->op), pages, count);
    return rc;
}

static int dump_pages(struct dump *d, struct save *memory)
{
    uint64_t pfn = 0, *pfns = op_calloc(d->op, BATCH, sizeof(*pfns));
    xen_pfn_t *frames = op_calloc(d->op, BATCH, sizeof(*frames));
    unsigned int count;
    int rc = 0;

    d->p2m = op_calloc(d->op, memory->pages, sizeof(*d->p2m));
    while (!rc && pfn < memory->pages) {
        for (count = 0; count < BATCH && pfn < memory->pages; pfn++) {
            frames[count] = memory->kind->frame(memory, pfn);
            pfns[count] = pfn;
            if (frames[count] != INVALID_FRAME)
                count++;
        }
        if (op_aborted(d->op))
            rc = ERROR_ABORTED;
        else if (count)
            rc = dump_batch(d, pfns, frames, count);
    }
    place(d, PAGES, SHT_PROGBITS, d->section[PAGES].sh_offset, d->pages * XC_PAGE_SIZE,
          XC_PAGE_SIZE);
    place(d, P2M, SHT_PROGBITS, d->section[PAGES].sh_offset + d->section[PAGES].sh_size,
          d->pages * sizeof(*d->p2m), sizeof(*d->p2m));
    return rc ? rc : put(d, d->p2m, d->section[P2M].sh_size, d->section[P2M].sh_offset);
}

/* Where a guest's pages are is known to those who save it. */
static int dump_memory(struct dump *d)
{
    struct wire_why why = { 0 };
    struct save memory = {
        .xc = op_xc(d->op),
        .domid = d->op->domid,
        .info = d->info,
        .why = &why,
        .kind = d->info.flags & XEN_DOMINF_hvm_guest ? &save_hvm : &save_pv,
    };
    int rc = memory.kind->begin(&memory);

    rc = rc ? transfer_failed(d->op, rc, &why, "dumped") : dump_pages(d, &memory);
    memory.kind->end(&memory);
    return rc;
}

/* ---- notes and headers ---- */

static struct note note(uint32_t type, size_t size)
{
    return (struct note){
        .h = { .n_namesz = sizeof("Xen"), .n_descsz = (Elf64_Word)size, .n_type = type },
        .name = "Xen",
    };
}

static int dump_notes(struct dump *d)
{
    struct notes *n = op_alloc(d->op, sizeof(*n));
    struct note_version *v = op_alloc(d->op, sizeof(*v));
    int version = xc_version(op_xc(d->op), XENVER_version, NULL, 0);

    v->major = (uint64_t)version >> 16;
    v->minor = version & 0xffff;
    v->page_size = XC_PAGE_SIZE;
    if (version < 0 || xc_version(op_xc(d->op), XENVER_extraversion, v->extra, sizeof(v->extra)) ||
        xc_version(op_xc(d->op), XENVER_compile_info, &v->compile, sizeof(v->compile)) ||
        xc_version(op_xc(d->op), XENVER_capabilities, v->capabilities, sizeof(v->capabilities)) ||
        xc_version(op_xc(d->op), XENVER_changeset, v->changeset, sizeof(v->changeset)) ||
        xc_version(op_xc(d->op), XENVER_platform_parameters, &v->platform, sizeof(v->platform)))
        return op_fail(d->op, ERROR_FAIL, 0, "The hypervisor does not say its version");
    *n = (struct notes){
        .none = note(XEN_ELFNOTE_DUMPCORE_NONE, 0),
        .header = note(XEN_ELFNOTE_DUMPCORE_HEADER, sizeof(n->header_body)),
        .header_body = { MAGIC_PV, d->vcpus, d->pages, XC_PAGE_SIZE },
        .version = note(XEN_ELFNOTE_DUMPCORE_XEN_VERSION, sizeof(n->version_body)),
        .version_body = *v,
        .format = note(XEN_ELFNOTE_DUMPCORE_FORMAT_VERSION, sizeof(n->format_body)),
        .format_body = FORMAT_VERSION,
    };
    return put(d, n, sizeof(*n), d->section[NOTES].sh_offset);
}

static int dump_header(struct dump *d)
{
    Elf64_Ehdr h = {
        .e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB, EV_CURRENT },
        .e_type = ET_CORE,
        .e_machine = EM_X86_64,
        .e_version = EV_CURRENT,
        .e_shoff = sizeof(h),
        .e_ehsize = sizeof(h),
        .e_shentsize = sizeof(Elf64_Shdr),
        .e_shnum = NR_SECTIONS,
        .e_shstrndx = STRINGS,
    };
    int rc;

    place(d, STRINGS, SHT_STRTAB, d->section[P2M].sh_offset + d->section[P2M].sh_size,
          sizeof(strings), 0);
    rc = put(d, d->section, sizeof(d->section), sizeof(h));
    if (!rc)
        rc = put(d, strings, sizeof(strings), d->section[STRINGS].sh_offset);
    return rc ? rc : put(d, &h, sizeof(h), 0);
}

/* The header goes last: until then the file is no core. */
static int dump_all(struct dump *d)
{
    uint64_t at = sizeof(Elf64_Ehdr) + sizeof(d->section);
    uint64_t context = sizeof(struct vcpu_guest_context);
    int rc;

    place(d, NOTES, SHT_NOTE, at, sizeof(struct notes), 0);
    at = (at + sizeof(struct notes) + 7) & ~7ull;
    place(d, PRSTATUS, SHT_PROGBITS, at, 0, context);
    at += (d->info.max_vcpu_id + 1ull) * context;
    place(d, SHARED_INFO, SHT_PROGBITS, at, XC_PAGE_SIZE, XC_PAGE_SIZE);
    at = (at + 2 * XC_PAGE_SIZE - 1) & ~(XC_PAGE_SIZE - 1);
    place(d, PAGES, SHT_PROGBITS, at, 0, XC_PAGE_SIZE);
    rc = dump_vcpus(d);
    if (!rc)
        rc = dump_shared_info(d);
    if (!rc)
        rc = dump_memory(d);
    if (!rc)
        rc = dump_notes(d);
    return rc ? rc : dump_header(d);
}

static int do_core_dump(struct op *op, void *args)
{
    struct dump d = { .op = op, .filename = *(const char **)args };
    int rc;

    rc = domain_info(op, op->domid, &d.info);
    if (rc)
        return op_fail(op, rc, 0, "There is no such domain");
    d.fd = open(d.filename, O_CREAT | O_RDWR | O_TRUNC | O_CLOEXEC, 0600);
    if (d.fd < 0)
        return op_fail(op, ERROR_FAIL, errno, "%s cannot be made", d.filename);
    rc = dump_all(&d);
    if (close(d.fd) && !rc)
        rc = op_fail(op, ERROR_FAIL, errno, "%s cannot be written", d.filename);
    return rc;
}

int libxl_domain_core_dump(libxl_ctx *ctx, uint32_t domid, const char *filename,
                           const libxl_asyncop_how *ao_how)
{
    return op_start(ctx, __func__, domid, ao_how, do_core_dump, &filename, sizeof(filename));
}
