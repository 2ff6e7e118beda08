/*
 * A guest with hardware virtualisation. A PVH guest has memory as a PC has it, without devices; its
 * kernel is entered in 32-bit protected mode with paging off (xen/arch-x86/hvm/start_info.h), and
 * there are tables that tell of its processors. An HVM guest is a PC, with a device model: its
 * firmware's loader is entered like that, finds the firmware as a module, and makes such tables.
 *
 *   memory up to the hole for devices, the rest from 4 GiB on
 *   HVM_INFO_PADDR   HVM: what the loader wants to know (xen/hvm/hvm_info_table.h)
 *   VGA_PAGE         HVM: no memory, for the graphics card
 *   ACPI_PAGE        PVH: tables
 *   SERVER_PAGE      HVM: where device models are asked
 *   SPECIAL_PAGE     rings, of programs that look into the guest, too, and the identity map that
 *                    some processors need until paging is on
 *
 * The kernel or loader lies where it asks; ramdisk or firmware, and start information follow it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <xen/elfnote.h>
#include "builder/internal.h"
#include "xc/event.h"
#include "xc/hvm.h"
#include "xc/memory.h"
#include <xen/arch-x86/hvm/start_info.h>
#include <xen/hvm/hvm_info_table.h>

#define HIGH_START    (1ul << (32 - XC_PAGE_SHIFT))
#define HOLE_KB       (256ul << 10)
#define VGA_PAGE      0xa0ul
#define VGA_END       0xc0ul
#define LOADER_PAGE   0x100ul /* below are the firmware's own places */
#define ACPI_PAGE     0xfc000ul
#define ACPI_PAGES    8ul
#define SERVER_PAGE   (SPECIAL_PAGE - SERVER_PAGES)
#define SERVER_PAGES  8ul
#define SPECIAL_PAGE  0xfeff8ul
#define SPECIAL_PAGES 8ul
#define PAGING_PAGE   (SPECIAL_PAGE + 0)
#define MONITOR_PAGE  (SPECIAL_PAGE + 1)
#define SHARING_PAGE  (SPECIAL_PAGE + 2)
#define BUFIOREQ_PAGE (SPECIAL_PAGE + 3)
#define STORE_PAGE    (SPECIAL_PAGE + 4)
#define IOREQ_PAGE    (SPECIAL_PAGE + 5)
#define IDENT_PAGE    (SPECIAL_PAGE + 6)
#define CONSOLE_PAGE  (SPECIAL_PAGE + 7)
#define MAX_MAP       5
#define MAX_PIECES    (IMAGE_MAX_PIECES + 8)
#define IDENT_ENTRY   0xe7u /* present, writable, user, accessed, dirty, 4 MiB */

/* What is told to who is entered, in one piece */
struct hvm_text {
    struct hvm_start_info start;
    struct hvm_modlist_entry module;
    struct hvm_memmap_table_entry map[MAX_MAP];
    char module_name[16];
    char cmdline[MAX_GUEST_CMDLINE];
};

struct hvm_build {
    struct build in;
    bool pc; /* HVM */
    struct frames frames;
    uint64_t low_pages, high_pages;
    uint64_t entry, module, info; /* addresses */
    uint64_t special;             /* the first page of the range that ends with SPECIAL_PAGES */
    struct hvm_text text;
    struct hvm_info_table table;
    struct xc_e820_entry map[MAX_MAP];
    unsigned int map_rows;
    uint8_t acpi[ACPI_PAGES * XC_PAGE_SIZE];
    uint32_t ident[XC_PAGE_SIZE / sizeof(uint32_t)];
    struct piece piece[MAX_PIECES];
    unsigned int pieces;
};

static uint64_t page_up(uint64_t address)
{
    return (address + XC_PAGE_SIZE - 1) & ~(XC_PAGE_SIZE - 1);
}

/* ---- plan ---- */

static int check_image(const struct hvm_build *b)
{
    const struct image *image = b->in.image;

    if (!b->pc && !image_has_note(image, XEN_ELFNOTE_PHYS32_ENTRY))
        return build_fail(
            b->in.error, -EINVAL,
            "the kernel does not name an entry for PVH: was it built with PVH support?");
    if (b->entry < image->start || b->entry >= image->end ||
        image->end > ACPI_PAGE << XC_PAGE_SHIFT)
        return build_fail(b->in.error, -EINVAL,
                          "the entry of the %s does not lie in it, or it is too large",
                          b->pc ? "firmware's loader" : "kernel for PVH");
    if (b->pc && image->start < LOADER_PAGE << XC_PAGE_SHIFT)
        return build_fail(
            b->in.error, -EINVAL,
            "the firmware's loader wants to lie below 1 MiB, where the firmware goes");
    return 0;
}

static int plan(struct hvm_build *b)
{
    const struct build_request *r = b->in.request;
    const struct image *image = b->in.image;
    uint64_t total = r->memory_kb >> 2, hole = r->hole_kb ? r->hole_kb : HOLE_KB, low, need;
    int rc;

    b->entry = b->pc ? image->elf_entry : image->notes.phys32_entry;
    rc = check_image(b);
    if (rc < 0)
        return rc;
    if (hole < HOLE_KB || hole >= HIGH_START << 2)
        return build_fail(b->in.error, -EINVAL, "the hole below 4 GiB cannot have %lu MiB",
                          (unsigned long)hole >> 10);
    if (r->maximum_kb > r->memory_kb)
        return build_fail(b->in.error, -ENOSYS,
                          "a PVH or HVM guest cannot start with less than its maximum of memory "
                          "yet");
    low = HIGH_START - (hole >> 2);
    b->low_pages = total < low ? total : low;
    b->high_pages = total - b->low_pages;
    b->special = b->pc ? SERVER_PAGE : SPECIAL_PAGE;
    b->module = page_up(image->end);
    b->info = page_up(b->module + b->in.ramdisk->size);
    need = page_up(b->info + sizeof(b->text)) >> XC_PAGE_SHIFT;
    if (b->pc && need < 2 * LOADER_PAGE)
        need = 2 * LOADER_PAGE;
    if (need > b->low_pages)
        return build_fail(
            b->in.error, -ENOMEM,
            "the guest has %lu MiB of memory, but its kernel and ramdisk need at least "
            "%lu MiB",
            (unsigned long)(total >> 8), (unsigned long)(need + 255) >> 8);
    return 0;
}

/* ---- contents ---- */

static void add_row(struct hvm_build *b, uint64_t page, uint64_t pages, uint32_t type)
{
    if (pages)
        b->map[b->map_rows++] =
            (struct xc_e820_entry){ page << XC_PAGE_SHIFT, pages << XC_PAGE_SHIFT, type };
}

/* The firmware makes a map of its own from what it finds here and what it takes. */
static void make_map(struct hvm_build *b)
{
    if (b->pc) {
        add_row(b, LOADER_PAGE, b->low_pages - LOADER_PAGE, XEN_HVM_MEMMAP_TYPE_RAM);
    } else {
        add_row(b, 0, b->low_pages, XEN_HVM_MEMMAP_TYPE_RAM);
        add_row(b, ACPI_PAGE, ACPI_PAGES, XEN_HVM_MEMMAP_TYPE_ACPI);
        add_row(b, SPECIAL_PAGE, SPECIAL_PAGES, XEN_HVM_MEMMAP_TYPE_RESERVED);
    }
    add_row(b, HIGH_START, b->high_pages, XEN_HVM_MEMMAP_TYPE_RAM);
}

static int tell_map(struct hvm_build *b)
{
    int rc;

    make_map(b);
    for (unsigned int i = 0; i < b->map_rows; i++)
        b->text.map[i] = (struct hvm_memmap_table_entry){ .addr = b->map[i].start,
                                                          .size = b->map[i].size,
                                                          .type = b->map[i].type };
    rc = xc_set_memory_map(b->in.xc, b->in.request->domid, b->map, b->map_rows);
    return rc < 0 ? build_failed(&b->in, rc, "give the domain a memory map") : 0;
}

static int make_info(struct hvm_build *b)
{
    const struct build_request *r = b->in.request;
    const char *cmdline = r->cmdline ? r->cmdline : "";
    struct hvm_text *t = &b->text;

    if (strlen(cmdline) >= sizeof(t->cmdline))
        return build_fail(b->in.error, -E2BIG,
                          "the kernel's command line has %zu characters; at most %zu are possible",
                          strlen(cmdline), sizeof(t->cmdline) - 1);
    memcpy(t->cmdline, cmdline, strlen(cmdline) + 1);
    t->start = (struct hvm_start_info){
        .magic = XEN_HVM_START_MAGIC_VALUE,
        .version = 1,
        .flags = r->flags,
        .cmdline_paddr = b->info + offsetof(struct hvm_text, cmdline),
        .rsdp_paddr = b->pc ? 0 : ACPI_PAGE << XC_PAGE_SHIFT,
        .memmap_paddr = b->info + offsetof(struct hvm_text, map),
        .memmap_entries = b->map_rows,
    };
    if (!b->in.ramdisk->size)
        return 0;
    t->start.nr_modules = 1;
    t->start.modlist_paddr = b->info + offsetof(struct hvm_text, module);
    t->module = (struct hvm_modlist_entry){ .paddr = b->module, .size = b->in.ramdisk->size };
    if (b->pc) { /* the loader knows it by this name */
        strcpy(t->module_name, "firmware");
        t->module.cmdline_paddr = b->info + offsetof(struct hvm_text, module_name);
    }
    return 0;
}

static int make_tables(struct hvm_build *b)
{
    if (!acpi_tables(b->acpi, sizeof(b->acpi), ACPI_PAGE << XC_PAGE_SHIFT, b->in.request->vcpus))
        return build_fail(b->in.error, -E2BIG, "a PVH guest cannot have %u vCPUs",
                          b->in.request->vcpus);
    return 0;
}

/* What the firmware's loader wants to know: its bytes add up to 0 */
static int make_pc_table(struct hvm_build *b)
{
    const struct build_request *r = b->in.request;
    struct hvm_info_table *t = &b->table;
    const uint8_t *bytes = (const uint8_t *)t;

    if (r->vcpus > HVM_MAX_VCPUS)
        return build_fail(b->in.error, -E2BIG, "an HVM guest cannot have %u vCPUs, but %u at most",
                          r->vcpus, HVM_MAX_VCPUS);
    memcpy(t->signature, "HVM INFO", sizeof(t->signature));
    t->length = sizeof(*t);
    t->apic_mode = 1;
    t->nr_vcpus = r->vcpus;
    t->low_mem_pgend = b->low_pages;
    t->high_mem_pgend = b->high_pages ? HIGH_START + b->high_pages : 0;
    t->reserved_mem_pgstart = b->special;
    for (unsigned int i = 0; i < r->vcpus; i++)
        if (!r->online || r->online[i / 8] >> i % 8 & 1)
            t->vcpu_online[i / 8] |= 1u << i % 8;
    for (size_t i = 0; i < sizeof(*t); i++)
        t->checksum -= bytes[i] * (bytes + i != &t->checksum);
    return 0;
}

static void add(struct hvm_build *b, uint64_t address, const void *data, uint64_t size)
{
    b->piece[b->pieces++] = (struct piece){ address, size, data, NULL, 0 };
}

static int write_memory(struct hvm_build *b)
{
    const struct source *ramdisk = b->in.ramdisk;

    if (b->pc)
        add(b, HVM_INFO_PADDR, &b->table, sizeof(b->table));
    b->pieces += image_pieces(b->in.image, b->piece + b->pieces);
    if (ramdisk->size)
        b->piece[b->pieces++] = (struct piece){ b->module, ramdisk->size, NULL, ramdisk, 0 };
    add(b, b->info, &b->text, sizeof(b->text));
    if (!b->pc)
        add(b, ACPI_PAGE << XC_PAGE_SHIFT, b->acpi, sizeof(b->acpi));
    add(b, b->special << XC_PAGE_SHIFT, NULL, (IDENT_PAGE - b->special) << XC_PAGE_SHIFT);
    add(b, IDENT_PAGE << XC_PAGE_SHIFT, b->ident, sizeof(b->ident));
    add(b, CONSOLE_PAGE << XC_PAGE_SHIFT, NULL, XC_PAGE_SIZE);
    return frames_write(&b->frames, b->piece, b->pieces, b->in.error);
}

static int get_low_memory(struct hvm_build *b)
{
    int rc;

    if (!b->pc)
        return frames_populate(&b->frames, 0, b->low_pages, b->in.error);
    rc = frames_populate(&b->frames, 0, VGA_PAGE, b->in.error);
    if (rc == 0) /* to where a large block can begin */
        rc = frames_populate(&b->frames, VGA_END, 2 * LOADER_PAGE - VGA_END, b->in.error);
    return rc < 0 ? rc
                  : frames_populate(&b->frames, 2 * LOADER_PAGE, b->low_pages - 2 * LOADER_PAGE,
                                    b->in.error);
}

static int get_memory(struct hvm_build *b)
{
    int rc = get_low_memory(b);

    if (rc == 0 && b->high_pages)
        rc = frames_populate(&b->frames, HIGH_START, b->high_pages, b->in.error);
    if (rc == 0 && !b->pc)
        rc = frames_populate(&b->frames, ACPI_PAGE, ACPI_PAGES, b->in.error);
    return rc < 0 ? rc
                  : frames_populate(&b->frames, b->special,
                                    SPECIAL_PAGE + SPECIAL_PAGES - b->special, b->in.error);
}

/* ---- the hypervisor's part ---- */

struct param {
    unsigned int index;
    uint64_t value;
};

static int set_params(struct hvm_build *b, const struct param *params, size_t count)
{
    int rc = 0;

    for (size_t i = 0; i < count && rc == 0; i++)
        rc = xc_hvm_set_param(b->in.xc, b->in.request->domid, params[i].index, params[i].value);
    return rc < 0 ? build_failed(&b->in, rc, "set the guest's parameters") : 0;
}

static int set_server_params(struct hvm_build *b)
{
    static const struct param params[] = {
        { HVM_PARAM_IOREQ_PFN, IOREQ_PAGE },
        { HVM_PARAM_BUFIOREQ_PFN, BUFIOREQ_PAGE },
        { HVM_PARAM_IOREQ_SERVER_PFN, SERVER_PAGE },
        { HVM_PARAM_NR_IOREQ_SERVER_PAGES, SERVER_PAGES },
    };

    return b->pc ? set_params(b, params, sizeof(params) / sizeof(params[0])) : 0;
}

static int connect(struct hvm_build *b)
{
    const struct build_request *r = b->in.request;
    const struct param params[] = {
        { HVM_PARAM_STORE_PFN, STORE_PAGE },
        { HVM_PARAM_STORE_EVTCHN, r->store.port },
        { HVM_PARAM_CONSOLE_PFN, CONSOLE_PAGE },
        { HVM_PARAM_CONSOLE_EVTCHN, r->console.port },
        { HVM_PARAM_IDENT_PT, IDENT_PAGE << XC_PAGE_SHIFT },
        { HVM_PARAM_PAGING_RING_PFN, PAGING_PAGE },
        { HVM_PARAM_MONITOR_RING_PFN, MONITOR_PAGE },
        { HVM_PARAM_SHARING_RING_PFN, SHARING_PAGE },
    };
    int rc = set_params(b, params, sizeof(params) / sizeof(params[0]));

    if (rc == 0)
        rc = set_server_params(b);
    if (rc < 0)
        return rc;
    b->in.result->console_gfn = CONSOLE_PAGE;
    b->in.result->store_gfn = STORE_PAGE;
    rc = xc_grant_reserved(b->in.xc, r->domid, CONSOLE_PAGE, r->console.domid, STORE_PAGE,
                           r->store.domid);
    return rc < 0 ? build_failed(&b->in, rc, "grant the guest's rings") : 0;
}

static int build(struct hvm_build *b)
{
    int rc = plan(b);

    if (rc == 0)
        rc = tell_map(b);
    if (rc == 0)
        rc = make_info(b);
    if (rc == 0)
        rc = b->pc ? make_pc_table(b) : make_tables(b);
    if (rc == 0)
        rc = get_memory(b);
    if (rc == 0)
        rc = write_memory(b);
    if (rc == 0)
        rc = connect(b);
    return rc < 0 ? rc : start_hvm_vcpu(&b->in, b->entry, b->info, !b->pc);
}

int build_hvm(const struct build *in)
{
    struct hvm_build *b = calloc(1, sizeof(*b));
    int rc;

    if (!b)
        return build_failed(in, -ENOMEM, "build the guest");
    b->in = *in;
    b->pc = in->request->type == BUILD_HVM;
    b->frames = (struct frames){ .xc = in->xc, .domid = in->request->domid, .count = HIGH_START };
    for (unsigned int i = 0; i < XC_PAGE_SIZE / sizeof(b->ident[0]); i++)
        b->ident[i] = i << 22 | IDENT_ENTRY;
    rc = build(b);
    free(b);
    return rc;
}
