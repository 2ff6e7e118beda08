/*
 * A PVH guest: memory as a PC has it without devices, a kernel entered in 32-bit protected mode
 * with paging off (xen/arch-x86/hvm/start_info.h), and the tables that tell of its processors.
 *
 *   memory up to LOW_END, the rest from 4 GiB on
 *   ACPI_PAGE      tables
 *   SPECIAL_PAGE   rings, and the identity map that some processors need until paging is on
 *
 * The kernel lies where it asks; ramdisk and start information follow it.
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
#include <xen/hvm/save.h>

#define LOW_END       (0xf0000000ul >> XC_PAGE_SHIFT)
#define HIGH_START    (1ul << (32 - XC_PAGE_SHIFT))
#define ACPI_PAGE     0xfc000ul
#define ACPI_PAGES    8ul
#define SPECIAL_PAGE  0xfeff8ul
#define SPECIAL_PAGES 8ul
#define STORE_PAGE    (SPECIAL_PAGE + 4)
#define IDENT_PAGE    (SPECIAL_PAGE + 6)
#define CONSOLE_PAGE  (SPECIAL_PAGE + 7)
#define MAX_MAP       5
#define MAX_PIECES    (IMAGE_MAX_PIECES + 8)
#define MTRR_WB       (1u << 11 | 6) /* enabled, write back */
#define IDENT_ENTRY   0xe7u          /* present, writable, user, accessed, dirty, 4 MiB */

/* What the kernel is told, in one piece */
struct pvh_info {
    struct hvm_start_info start;
    struct hvm_modlist_entry module;
    struct hvm_memmap_table_entry map[MAX_MAP];
    char cmdline[MAX_GUEST_CMDLINE];
};

struct pvh_build {
    struct build in;
    struct frames frames;
    uint64_t low_pages, high_pages;
    uint64_t ramdisk, info; /* addresses */
    struct pvh_info text;
    struct xc_e820_entry map[MAX_MAP];
    unsigned int map_rows;
    uint8_t acpi[ACPI_PAGES * XC_PAGE_SIZE];
    size_t acpi_size;
    uint32_t ident[XC_PAGE_SIZE / sizeof(uint32_t)];
    struct piece piece[MAX_PIECES];
    unsigned int pieces;
};

static uint64_t page_up(uint64_t address)
{
    return (address + XC_PAGE_SIZE - 1) & ~(XC_PAGE_SIZE - 1);
}

static int plan(struct pvh_build *b)
{
    const struct build_request *r = b->in.request;
    const struct image *image = b->in.image;
    uint64_t total = r->memory_kb >> 2, entry = image->notes.phys32_entry, need;

    if (!image_has_note(image, XEN_ELFNOTE_PHYS32_ENTRY))
        return build_fail(
            b->in.error, -EINVAL,
            "the kernel does not name an entry for PVH: was it built with PVH support?");
    if (entry < image->start || entry >= image->end || image->end > LOW_END << XC_PAGE_SHIFT)
        return build_fail(b->in.error, -EINVAL,
                          "the kernel's entry for PVH does not lie in it, or it is too large");
    if (r->maximum_kb > r->memory_kb)
        return build_fail(b->in.error, -ENOSYS,
                          "a PVH guest cannot start with less than its maximum of memory yet");
    b->low_pages = total < LOW_END ? total : LOW_END;
    b->high_pages = total - b->low_pages;
    b->ramdisk = page_up(image->end);
    b->info = page_up(b->ramdisk + b->in.ramdisk->size);
    need = page_up(b->info + sizeof(b->text)) >> XC_PAGE_SHIFT;
    if (need > b->low_pages)
        return build_fail(
            b->in.error, -ENOMEM,
            "the guest has %lu MiB of memory, but its kernel and ramdisk need at least "
            "%lu MiB",
            (unsigned long)(total >> 8), (unsigned long)(need + 255) >> 8);
    return 0;
}

/* ---- contents ---- */

static void add_row(struct pvh_build *b, uint64_t page, uint64_t pages, uint32_t type)
{
    if (pages)
        b->map[b->map_rows++] =
            (struct xc_e820_entry){ page << XC_PAGE_SHIFT, pages << XC_PAGE_SHIFT, type };
}

static int tell_map(struct pvh_build *b)
{
    int rc;

    add_row(b, 0, b->low_pages, XEN_HVM_MEMMAP_TYPE_RAM);
    add_row(b, ACPI_PAGE, ACPI_PAGES, XEN_HVM_MEMMAP_TYPE_ACPI);
    add_row(b, SPECIAL_PAGE, SPECIAL_PAGES, XEN_HVM_MEMMAP_TYPE_RESERVED);
    add_row(b, HIGH_START, b->high_pages, XEN_HVM_MEMMAP_TYPE_RAM);
    for (unsigned int i = 0; i < b->map_rows; i++)
        b->text.map[i] = (struct hvm_memmap_table_entry){ .addr = b->map[i].start,
                                                          .size = b->map[i].size,
                                                          .type = b->map[i].type };
    rc = xc_set_memory_map(b->in.xc, b->in.request->domid, b->map, b->map_rows);
    return rc < 0 ? build_failed(&b->in, rc, "give the domain a memory map") : 0;
}

static int make_info(struct pvh_build *b)
{
    const struct build_request *r = b->in.request;
    const char *cmdline = r->cmdline ? r->cmdline : "";
    struct pvh_info *t = &b->text;

    if (strlen(cmdline) >= sizeof(t->cmdline))
        return build_fail(b->in.error, -E2BIG,
                          "the kernel's command line has %zu characters; at most %zu are possible",
                          strlen(cmdline), sizeof(t->cmdline) - 1);
    memcpy(t->cmdline, cmdline, strlen(cmdline) + 1);
    t->start = (struct hvm_start_info){
        .magic = XEN_HVM_START_MAGIC_VALUE,
        .version = 1,
        .flags = r->flags,
        .cmdline_paddr = b->info + offsetof(struct pvh_info, cmdline),
        .rsdp_paddr = ACPI_PAGE << XC_PAGE_SHIFT,
        .memmap_paddr = b->info + offsetof(struct pvh_info, map),
        .memmap_entries = b->map_rows,
    };
    if (b->in.ramdisk->size) {
        t->start.nr_modules = 1;
        t->start.modlist_paddr = b->info + offsetof(struct pvh_info, module);
        t->module = (struct hvm_modlist_entry){ .paddr = b->ramdisk, .size = b->in.ramdisk->size };
    }
    b->acpi_size =
        acpi_tables(b->acpi, sizeof(b->acpi), ACPI_PAGE << XC_PAGE_SHIFT, b->in.request->vcpus);
    if (!b->acpi_size)
        return build_fail(b->in.error, -E2BIG, "a PVH guest cannot have %u vCPUs", r->vcpus);
    for (unsigned int i = 0; i < XC_PAGE_SIZE / sizeof(b->ident[0]); i++)
        b->ident[i] = i << 22 | IDENT_ENTRY;
    return 0;
}

static void add(struct pvh_build *b, uint64_t address, const void *data, uint64_t size)
{
    b->piece[b->pieces++] = (struct piece){ address, size, data, NULL, 0 };
}

static int write_memory(struct pvh_build *b)
{
    const struct source *ramdisk = b->in.ramdisk;

    b->pieces = image_pieces(b->in.image, b->piece);
    if (ramdisk->size)
        b->piece[b->pieces++] = (struct piece){ b->ramdisk, ramdisk->size, NULL, ramdisk, 0 };
    add(b, b->info, &b->text, sizeof(b->text));
    add(b, ACPI_PAGE << XC_PAGE_SHIFT, b->acpi, sizeof(b->acpi));
    add(b, STORE_PAGE << XC_PAGE_SHIFT, NULL, XC_PAGE_SIZE);
    add(b, IDENT_PAGE << XC_PAGE_SHIFT, b->ident, sizeof(b->ident));
    add(b, CONSOLE_PAGE << XC_PAGE_SHIFT, NULL, XC_PAGE_SIZE);
    return frames_write(&b->frames, b->piece, b->pieces, b->in.error);
}

static int get_memory(struct pvh_build *b)
{
    int rc = frames_populate(&b->frames, 0, b->low_pages, b->in.error);

    if (rc == 0 && b->high_pages)
        rc = frames_populate(&b->frames, HIGH_START, b->high_pages, b->in.error);
    if (rc == 0)
        rc = frames_populate(&b->frames, ACPI_PAGE, ACPI_PAGES, b->in.error);
    return rc < 0 ? rc : frames_populate(&b->frames, SPECIAL_PAGE, SPECIAL_PAGES, b->in.error);
}

/* ---- the hypervisor's part ---- */

static int set_params(struct pvh_build *b)
{
    const struct build_request *r = b->in.request;
    const struct {
        unsigned int index;
        uint64_t value;
    } params[] = {
        { HVM_PARAM_PAE_ENABLED, 1 },
        { HVM_PARAM_STORE_PFN, STORE_PAGE },
        { HVM_PARAM_STORE_EVTCHN, r->store.port },
        { HVM_PARAM_CONSOLE_PFN, CONSOLE_PAGE },
        { HVM_PARAM_CONSOLE_EVTCHN, r->console.port },
        { HVM_PARAM_IDENT_PT, IDENT_PAGE << XC_PAGE_SHIFT },
    };
    int rc = 0;

    for (unsigned int i = 0; i < sizeof(params) / sizeof(params[0]) && rc == 0; i++)
        rc = xc_hvm_set_param(b->in.xc, r->domid, params[i].index, params[i].value);
    if (rc < 0)
        return build_failed(&b->in, rc, "set the guest's parameters");
    b->in.result->console_gfn = CONSOLE_PAGE;
    b->in.result->store_gfn = STORE_PAGE;
    rc = xc_grant_reserved(b->in.xc, r->domid, CONSOLE_PAGE, r->console.domid, STORE_PAGE,
                           r->store.domid);
    return rc < 0 ? build_failed(&b->in, rc, "grant the guest's rings") : 0;
}

/* A list of records, as the hypervisor saves and loads it: the next one of a kind, or NULL */
static struct hvm_save_descriptor *next_record(uint8_t *state, uint32_t size, uint32_t *at,
                                               uint16_t type)
{
    while (size - *at >= sizeof(struct hvm_save_descriptor)) {
        struct hvm_save_descriptor *d = (void *)(state + *at);

        if (d->length > size - *at - sizeof(*d))
            break;
        *at += sizeof(*d) + d->length;
        if (d->typecode == type)
            return d;
    }
    return NULL;
}

static uint8_t *put_record(uint8_t *to, uint16_t type, uint16_t instance, const void *data,
                           uint32_t length)
{
    struct hvm_save_descriptor d = { type, instance, length };

    memcpy(to, &d, sizeof(d));
    if (length)
        memcpy(to + sizeof(d), data, length);
    return to + sizeof(d) + length;
}

/* Flat segments, protection on, paging off, the start information in EBX */
static struct hvm_hw_cpu first_registers(const struct pvh_build *b)
{
    return (struct hvm_hw_cpu){
        .rip = b->in.image->notes.phys32_entry,
        .rbx = b->info,
        .rflags = 2,
        .cr0 = 0x11, /* protection, and the bit that is always set */
        .dr6 = 0xffff0ff0,
        .dr7 = 0x400,
        .cs_limit = ~0u,
        .ds_limit = ~0u,
        .es_limit = ~0u,
        .ss_limit = ~0u,
        .tr_limit = 0x67,
        .cs_arbytes = 0xc9b,
        .ds_arbytes = 0xc93,
        .es_arbytes = 0xc93,
        .ss_arbytes = 0xc93,
        .tr_arbytes = 0x8b,
    };
}

/* The hypervisor's own header, then the first vCPU's registers, and memory that is cached for all.
 * @to has room for as much as @state and a vCPU more. */
static uint32_t make_state(const struct pvh_build *b, uint8_t *state, uint32_t size, uint8_t *to)
{
    struct hvm_hw_cpu cpu = first_registers(b);
    struct hvm_save_descriptor *d;
    uint8_t *start = to;
    uint32_t at = 0;

    d = next_record(state, size, &at, HVM_SAVE_CODE(HEADER));
    if (!d)
        return 0;
    to = put_record(to, d->typecode, 0, d + 1, d->length);
    to = put_record(to, HVM_SAVE_CODE(CPU), 0, &cpu, sizeof(cpu));
    for (at = 0; (d = next_record(state, size, &at, HVM_SAVE_CODE(MTRR)));) {
        struct hvm_hw_mtrr mtrr;

        if (d->length != sizeof(mtrr))
            return 0;
        memcpy(&mtrr, d + 1, sizeof(mtrr));
        mtrr.msr_mtrr_def_type = MTRR_WB;
        to = put_record(to, d->typecode, d->instance, &mtrr, sizeof(mtrr));
    }
    to = put_record(to, HVM_SAVE_CODE(END), 0, NULL, 0);
    return to - start;
}

static int start_vcpu(struct pvh_build *b)
{
    const struct build_request *r = b->in.request;
    uint8_t *state = NULL, *mine = NULL;
    uint32_t size = 0, mine_size;
    int rc = xc_hvm_get_context(b->in.xc, r->domid, NULL, &size);

    if (rc >= 0) {
        state = malloc(size);
        mine = malloc(size + 2 * sizeof(struct hvm_save_descriptor) + sizeof(struct hvm_hw_cpu));
        rc = state && mine ? xc_hvm_get_context(b->in.xc, r->domid, state, &size) : -ENOMEM;
    }
    if (rc >= 0) {
        mine_size = make_state(b, state, size, mine);
        rc = mine_size ? xc_hvm_set_context(b->in.xc, r->domid, mine, mine_size) : -EPROTO;
    }
    free(state);
    free(mine);
    return rc < 0 ? build_failed(&b->in, rc, "set the registers of the first vCPU") : 0;
}

static int build(struct pvh_build *b)
{
    int rc = plan(b);

    if (rc == 0)
        rc = tell_map(b);
    if (rc == 0)
        rc = make_info(b);
    if (rc == 0)
        rc = get_memory(b);
    if (rc == 0)
        rc = write_memory(b);
    if (rc == 0)
        rc = set_params(b);
    return rc < 0 ? rc : start_vcpu(b);
}

int build_pvh(const struct build *in)
{
    struct pvh_build *b = calloc(1, sizeof(*b));
    int rc;

    if (!b)
        return build_failed(in, -ENOMEM, "build the guest");
    b->in = *in;
    b->frames = (struct frames){ .xc = in->xc, .domid = in->request->domid, .count = HIGH_START };
    rc = build(b);
    free(b);
    return rc;
}
