/*
 * What the boot loader says, by Multiboot 1 (Multiboot Specification 0.6.96 section 3.3) or
 * Multiboot 2 (section 3.6), into boot_info. Runs once, on the boot CPU, before anything else;
 * strings are copied since the loader's memory is soon given away.
 */
#include <hv/mem.h>
#include <hv/string.h>
#include <arch/page.h>

#include "boot.h"

#define MB1_LOADER_MAGIC 0x2badb002U
#define MB2_LOADER_MAGIC 0x36d76289U

#define MB1_CMDLINE 0x004U
#define MB1_MODULES 0x008U
#define MB1_MMAP    0x040U
#define MB1_NAME    0x200U

struct mb1_info {
    uint32_t flags, mem_lower, mem_upper, boot_device, cmdline, mods_count, mods_addr;
    uint32_t syms[4];
    uint32_t mmap_length, mmap_addr, drives_length, drives_addr, config_table, boot_loader_name;
};

struct mb1_module {
    uint32_t start, end, cmdline, reserved;
};

struct mb1_mmap {
    uint32_t size; /* of the rest */
    uint64_t base, length;
    uint32_t type;
} packed;

enum mb2_tag_type {
    MB2_END,
    MB2_CMDLINE,
    MB2_NAME,
    MB2_MODULE,
    MB2_MMAP = 6,
    MB2_FRAMEBUFFER = 8,
    MB2_RSDP_OLD = 14,
    MB2_RSDP_NEW = 15,
};

struct mb2_tag {
    uint32_t type, size;
};

struct mb2_module {
    struct mb2_tag tag;
    uint32_t start, end;
    char cmdline[];
};

struct mb2_mmap {
    struct mb2_tag tag;
    uint32_t entry_size, entry_version;
};

struct mb2_mmap_entry {
    uint64_t base, length;
    uint32_t type, zero;
};

struct mb2_framebuffer {
    struct mb2_tag tag;
    uint64_t addr;
    uint32_t pitch, width, height;
    uint8_t bpp, type;
    uint16_t reserved;
    uint8_t colors[6];
};

#define RSDP_SIZE_V1 20 /* ACPI 6.4 table 5.3: the first version's part, and all of it */
#define RSDP_SIZE    36

struct boot_info boot_info;

/* The loader's copy of the ACPI root pointer: where the original lies, it does not say. */
static char rsdp[RSDP_SIZE];

static char strings[8192]; /* boot_info points here */
static init_data size_t strings_used;

static init_text void *phys(uint64_t address)
{
    return (char *)mfn_to_virt(paddr_to_mfn(paddr(address))) + (address & ~PAGE_MASK);
}

/* A copy of the string, of which at most `max` bytes are there; cut where ours are used up. */
static init_text const char *keep(const char *s, size_t max)
{
    char *copy = strings + strings_used;
    size_t room = sizeof(strings) - strings_used, len;

    if (room == 0)
        return "";
    len = strnlen(s, min(max, room - 1));
    memcpy(copy, s, len);
    copy[len] = 0;
    strings_used += len + 1;
    return copy;
}

/* The loader puts the image's own name first; skip it. */
static init_text const char *without_name(const char *s)
{
    while (*s == ' ')
        s++;
    while (*s && *s != ' ')
        s++;
    while (*s == ' ')
        s++;
    return s;
}

static init_text void add_module(uint64_t start, uint64_t end, const char *cmdline, size_t max)
{
    if (boot_info.nr_modules == BOOT_MAX_MODULES || end <= start)
        return;
    boot_info.module[boot_info.nr_modules++] = (struct boot_module){
        .start = paddr(start), .size = end - start, .cmdline = keep(cmdline, max)
    };
}

static init_text void add_range(uint64_t start, uint64_t size, uint32_t type)
{
    if (size == 0 || boot_info.nr_ranges == BOOT_MAX_RANGES || start + size < start)
        return;
    boot_info.range[boot_info.nr_ranges++] =
        (struct mem_range){ start, size, type ? type : MEM_RESERVED };
}

/* What is at `at`: 0 if no range covers it. Where firmware lets ranges overlap, the highest type
 * wins, since RAM is the lowest. *end: up to where nothing changes. */
static init_text uint32_t type_at(const struct mem_range *range, unsigned int count, uint64_t at,
                                  uint64_t *end)
{
    uint32_t type = 0;

    *end = UINT64_MAX;
    for (unsigned int i = 0; i < count; i++) {
        uint64_t last = range[i].start + range[i].size;

        if (at < range[i].start)
            *end = min(*end, range[i].start);
        else if (at < last) {
            *end = min(*end, last);
            type = max(type, range[i].type);
        }
    }
    return type;
}

/* Sorted, without overlaps, neighbours of one type joined. */
static init_text void sort_ranges(void)
{
    static init_data struct mem_range raw[BOOT_MAX_RANGES];
    unsigned int count = boot_info.nr_ranges, n = 0;

    memcpy(raw, boot_info.range, sizeof(raw));
    for (uint64_t at = 0, end; at != UINT64_MAX; at = end) {
        struct mem_range *last = &boot_info.range[n - (n > 0)];
        uint32_t type = type_at(raw, count, at, &end);

        if (type && n > 0 && last->type == type && last->start + last->size == at)
            last->size += end - at;
        else if (type && n < BOOT_MAX_RANGES)
            boot_info.range[n++] = (struct mem_range){ at, end - at, type };
    }
    boot_info.nr_ranges = n;
}

static init_text void parse_mb1(const struct mb1_info *info)
{
    const struct mb1_module *mod = phys(info->mods_addr);

    boot_info.loader =
        info->flags & MB1_NAME ? keep(phys(info->boot_loader_name), SIZE_MAX) : "multiboot";
    boot_info.cmdline =
        info->flags & MB1_CMDLINE ? keep(without_name(phys(info->cmdline)), SIZE_MAX) : "";
    if (info->flags & MB1_MODULES)
        for (uint32_t i = 0; i < min(info->mods_count, (uint32_t)BOOT_MAX_MODULES); i++)
            add_module(mod[i].start, mod[i].end,
                       mod[i].cmdline ? without_name(phys(mod[i].cmdline)) : "", SIZE_MAX);
    if (info->flags & MB1_MMAP)
        for (uint64_t off = 0; off + sizeof(struct mb1_mmap) <= info->mmap_length;) {
            const struct mb1_mmap *e = phys(info->mmap_addr + off);

            if (e->size < sizeof(*e) - sizeof(e->size))
                break;
            add_range(e->base, e->length, e->type);
            off += (uint64_t)e->size + sizeof(e->size);
        }
    boot_info.fb.type = 1; /* by specification the BIOS text mode is left as it was */
}

static init_text void parse_mb2_mmap(const struct mb2_mmap *m)
{
    uint64_t off = sizeof(*m);

    if (m->entry_size < sizeof(struct mb2_mmap_entry))
        return;
    for (; off + m->entry_size <= m->tag.size; off += m->entry_size) {
        const struct mb2_mmap_entry *e = (const void *)((const char *)m + off);

        add_range(e->base, e->length, e->type);
    }
}

static init_text void parse_mb2_framebuffer(const struct mb2_tag *tag)
{
    struct mb2_framebuffer f = { .type = 0 }; /* text has no colors in its tag */

    memcpy(&f, tag, min((size_t)tag->size, sizeof(f)));
    boot_info.fb = (struct boot_framebuffer){
        .base = f.addr,
        .pitch = f.pitch,
        .width = f.width,
        .height = f.height,
        .bpp = f.bpp,
        .type = f.type == 2 ? 1 : 2,
        .red_pos = f.colors[0],
        .red_size = f.colors[1],
        .green_pos = f.colors[2],
        .green_size = f.colors[3],
        .blue_pos = f.colors[4],
        .blue_size = f.colors[5],
    };
}

/* Loaders may give the first version of the root pointer beside the later one, in any order. */
static init_text void keep_rsdp(const struct mb2_tag *tag)
{
    if (boot_info.rsdp.v && tag->type == MB2_RSDP_OLD)
        return;
    memset(rsdp, 0, sizeof(rsdp));
    memcpy(rsdp, tag + 1, tag->type == MB2_RSDP_OLD ? RSDP_SIZE_V1 : RSDP_SIZE);
    boot_info.rsdp = image_phys(rsdp);
}

/* What a tag must have at least. */
static init_text size_t tag_size(uint32_t type)
{
    switch (type) {
    case MB2_MODULE:
        return sizeof(struct mb2_module);
    case MB2_MMAP:
        return sizeof(struct mb2_mmap);
    case MB2_FRAMEBUFFER:
        return offsetof(struct mb2_framebuffer, colors);
    case MB2_RSDP_OLD:
        return sizeof(struct mb2_tag) + RSDP_SIZE_V1;
    case MB2_RSDP_NEW:
        return sizeof(struct mb2_tag) + RSDP_SIZE;
    default:
        return sizeof(struct mb2_tag);
    }
}

static init_text void parse_mb2(uint32_t info_phys)
{
    uint32_t total = *(const uint32_t *)phys(info_phys);

    boot_info.loader = "multiboot2";
    boot_info.cmdline = "";
    for (uint64_t off = 8; off + sizeof(struct mb2_tag) <= total;) {
        const struct mb2_tag *tag = phys(info_phys + off);
        size_t text = tag->size - sizeof(*tag);

        if (tag->type == MB2_END || tag->size < tag_size(tag->type) || tag->size > total - off)
            break;
        switch (tag->type) {
        case MB2_CMDLINE: /* GRUB leaves the image's name out */
            boot_info.cmdline = keep((const char *)(tag + 1), text);
            break;
        case MB2_NAME:
            boot_info.loader = keep((const char *)(tag + 1), text);
            break;
        case MB2_MODULE: {
            const struct mb2_module *m = (const void *)tag;

            add_module(m->start, m->end, m->cmdline, tag->size - sizeof(*m));
            break;
        }
        case MB2_MMAP:
            parse_mb2_mmap((const void *)tag);
            break;
        case MB2_FRAMEBUFFER:
            parse_mb2_framebuffer(tag);
            break;
        case MB2_RSDP_OLD:
        case MB2_RSDP_NEW:
            keep_rsdp(tag);
            break;
        }
        off = ROUND_UP(off + tag->size, 8UL);
    }
}

init_text bool multiboot_parse(uint32_t magic, uint32_t info_phys)
{
    if (magic == MB1_LOADER_MAGIC)
        parse_mb1(phys(info_phys));
    else if (magic == MB2_LOADER_MAGIC)
        parse_mb2(info_phys);
    else
        return false;
    sort_ranges();
    return true;
}
