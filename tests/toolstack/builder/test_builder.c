/*
 * The builder against a fake hypervisor: what stands in the guest's memory, page tables walked as a
 * CPU would; every failure of a call on the way; kernels packed in every format, or broken.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <cmocka.h>
#include <elf.h>
#include <errno.h>
#include <xen/elfnote.h>
#include "builder/internal.h"
#include "fake_xc.h"
#include "kernel.h"
#include <xen/arch-x86/hvm/start_info.h>
#include <xen/hvm/hvm_info_table.h>
#include <xen/hvm/params.h>
#include <xen/hvm/save.h>

#define PAGES   4096ul
#define CMDLINE "console=hvc0 quiet"

static struct xc *const xc = NULL; /* the fake needs none */
static uint8_t kernel[KERNEL_BYTES], ramdisk[0x2345];

static struct build_request request(void)
{
    return (struct build_request){
        .domid = FAKE_DOMID,
        .vcpus = 2,
        .memory_kb = PAGES << 2,
        .limit_kb = (PAGES << 2) + 1024,
        .kernel = { .data = kernel, .size = sizeof(kernel) },
        .ramdisk = { .data = ramdisk, .size = sizeof(ramdisk) },
        .cmdline = CMDLINE,
        .console = { 0, 3 },
        .store = { 0, 4 },
    };
}

/* As libxl does it */
static int make_domain(const struct build_request *r, struct build_result *result,
                       struct build_error *error)
{
    int rc = build_prepare(xc, r, error);

    return rc < 0 ? rc : build_domain(xc, r, result, error);
}

/* A page table entry of the guest for an address, or 0 */
static uint64_t walk(uint64_t va)
{
    uint64_t entry = fake.context.ctrlreg[3];

    for (int level = 4; level >= 1; level--) {
        const uint64_t *table = (const uint64_t *)fake_page(fake_pfn_of(entry << 12 >> 24));

        entry = table[va >> (3 + 9 * level) & 511];
        if (!(entry & 1))
            return 0;
    }
    return entry;
}

static const void *at(uint64_t va)
{
    uint64_t entry = walk(va);

    assert_true(entry & 1);
    return fake_page(fake_pfn_of(entry << 12 >> 24)) + (va & 4095);
}

static bool same(uint64_t va, const uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (*(const uint8_t *)at(va + i) != (bytes ? bytes[i] : 0))
            return false;
    return true;
}

static void check_kernel(void)
{
    uint64_t data = KERNEL_BASE + KERNEL_DATA + 0x800;

    assert_true(same(KERNEL_BASE + KERNEL_TEXT, kernel + 0x1000, 0x2010));
    assert_true(same(KERNEL_BASE + KERNEL_TEXT + 0x2010, NULL, 0xff0));
    assert_true(same(KERNEL_BASE + KERNEL_DATA, NULL, 0x800));
    assert_true(same(data, kernel + 0x4800, 0x1000));
    assert_true(same(data + 0x1000, NULL, KERNEL_BSS));
    assert_int_equal(fake_pfn_of(fake.hypercalls), (KERNEL_TEXT >> 12) + 1);
}

static void check_start_info(const struct kernel_options *o, const struct build_result *result)
{
    const struct start_info *si = at(fake.context.user_regs.rsi);
    uint64_t end = fake.context.user_regs.rsp;

    assert_string_equal(si->magic, "xen-3.0-x86_64");
    assert_int_equal(si->nr_pages, PAGES);
    assert_int_equal(si->shared_info, FAKE_SHARED << 12);
    assert_string_equal((const char *)si->cmd_line, CMDLINE);
    assert_int_equal(si->console.domU.evtchn, 3);
    assert_int_equal(si->store_evtchn, 4);
    assert_int_equal(si->console.domU.mfn, result->console_gfn);
    assert_int_equal(si->store_mfn, result->store_gfn);
    assert_int_equal(si->mod_len, sizeof(ramdisk));
    assert_int_equal(!!(si->flags & SIF_MOD_START_PFN), o->mod_start_pfn);
    for (size_t i = 0; i < sizeof(ramdisk); i++) {
        uint8_t is = o->mod_start_pfn ? fake_page(si->mod_start + (i >> 12))[i & 4095]
                                      : *(const uint8_t *)at(si->mod_start + i);
        assert_int_equal(is, ramdisk[i]);
    }
    assert_int_equal(si->mfn_list == KERNEL_P2M, o->own_p2m);
    for (uint64_t i = 0; i < PAGES; i++)
        assert_int_equal(*(const xen_pfn_t *)at(si->mfn_list + i * 8), fake.mfn_of[i]);
    assert_int_equal(si->pt_base + si->nr_pt_frames * 4096, end - 4096);
    /* The rings are empty, and mapped after start_info. */
    assert_true(same(fake.context.user_regs.rsi + 0x1000, NULL, 0x2000));
}

/* Tables are mapped read-only, all else for writing; and the mapping is one to one. */
static void check_mapping(void)
{
    const struct start_info *si = at(fake.context.user_regs.rsi);
    uint64_t pages = 0;

    for (uint64_t va = KERNEL_BASE; va >= KERNEL_BASE && walk(va); va += 4096, pages++) {
        bool table = va >= si->pt_base && va < si->pt_base + si->nr_pt_frames * 4096;

        assert_int_equal(fake_pfn_of(walk(va) << 12 >> 24), pages);
        assert_int_equal(walk(va) >> 1 & 1, !table);
    }
    assert_true(KERNEL_BASE + pages * 4096 >= fake.context.user_regs.rsp + (512 << 10));
    assert_int_equal(pages % 1024, 0);
}

static void check_guest(const struct kernel_options *o, const struct build_result *result)
{
    assert_true(fake.has_context);
    assert_int_equal(fake.context.user_regs.rip, KERNEL_BASE + KERNEL_TEXT + 0x10);
    assert_int_equal(fake.pinned, fake.context.ctrlreg[3] >> 12);
    assert_int_equal(fake.console, result->console_gfn);
    assert_int_equal(fake.store, result->store_gfn);
    assert_int_equal(fake.shared.vcpu_info[1].evtchn_upcall_mask, 1);
    check_kernel();
    check_start_info(o, result);
    check_mapping();
}

/* @bytes in a file, which stays until the test ends */
static const char *in_file(const void *bytes, size_t size)
{
    static char path[8][32];
    static unsigned int next;
    int fd = memfd_create("bytes", 0);
    char *name = path[next++ % 8];

    assert_int_equal(write(fd, bytes, size), size);
    snprintf(name, sizeof(path[0]), "/proc/self/fd/%d", fd);
    return name;
}

static void build_and_check(const struct kernel_options *o, bool no_big)
{
    struct build_request r = request();
    struct build_result result;
    struct build_error error;

    kernel_make(kernel, o);
    if (no_big) {
        r.kernel.path = in_file(kernel, sizeof(kernel));
        r.ramdisk.path = in_file(ramdisk, sizeof(ramdisk));
    }
    fake_start(PAGES + 8);
    fake.no_big = no_big;
    assert_int_equal(make_domain(&r, &result, &error), 0);
    assert_int_equal(fake.vcpus, 2);
    assert_int_equal(fake.max_kb, r.limit_kb);
    assert_int_equal(fake.map_end, PAGES << 12);
    assert_int_equal(fake.used, PAGES);
    check_guest(o, &result);
    assert_int_equal(fake.buffers, 0);
    assert_int_equal(fake.maps, 0);
    fake_end();
}

static void test_layouts(void **state)
{
    (void)state;
    for (unsigned int i = 0; i < 16; i++)
        build_and_check(&(struct kernel_options){ .own_p2m = i & 1,
                                                  .mod_start_pfn = i & 2,
                                                  .paddr_is_virtual = i & 4 },
                        i & 8);
}

static void test_maps_little(void **state)
{
    struct build_request r = request();
    struct build_result result;
    struct build_error error;

    (void)state;
    kernel_make(kernel, &(struct kernel_options){ .own_p2m = true, .mod_start_pfn = true });
    fake_start(PAGES);
    assert_int_equal(make_domain(&r, &result, &error), 0);
    /* Kernel 6, ramdisk 3, list 8, start_info, shared page, tables 8 + 3: no .bss, no rings */
    assert_true(fake.mapped <= 6 + 3 + 8 + 2 + 11);
    fake_end();
}

/* ---- PVH ---- */

static const void *pvh_at(uint64_t address)
{
    return fake_page(address >> 12) + (address & 4095);
}

static uint8_t sum(const void *data, size_t size)
{
    const uint8_t *p = data;
    uint8_t s = 0;

    while (size--)
        s += *p++;
    return s;
}

/* The table that a field of another one points to; in tables nothing is aligned */
static const uint8_t *table_at(const uint8_t *field)
{
    uint64_t address;

    memcpy(&address, field, sizeof(address));
    return pvh_at(address);
}

static void check_tables(uint64_t rsdp)
{
    const uint8_t *root = pvh_at(rsdp), *xsdt = table_at(root + 24);
    const uint8_t *fadt = table_at(xsdt + 36), *madt = table_at(xsdt + 44);

    assert_memory_equal(root, "RSD PTR ", 8);
    assert_int_equal(sum(root, 20), 0);
    assert_int_equal(sum(root, 36), 0);
    assert_int_equal(sum(xsdt, 52), 0);
    assert_memory_equal(fadt, "FACP", 4);
    assert_int_equal(sum(fadt, 276), 0);
    assert_memory_equal(table_at(fadt + 140), "DSDT", 4);
    assert_memory_equal(madt, "APIC", 4);
    assert_int_equal(madt[4], 44 + 2 * 8);
    assert_int_equal(sum(madt, 44 + 2 * 8), 0);
    assert_int_equal(madt[44 + 8 + 3], 2); /* the APIC of vCPU 1 */
}

/* The record at @at of what was set; returns where the next one is */
static size_t record(size_t at, struct hvm_save_descriptor *d, void *data, size_t size)
{
    memcpy(d, fake.state + at, sizeof(*d));
    if (data)
        memcpy(data, fake.state + at + sizeof(*d), size);
    return at + sizeof(*d) + d->length;
}

/* Returns where the start information is */
static uint64_t check_state(void)
{
    struct hvm_save_descriptor d;
    struct hvm_hw_cpu cpu;
    struct hvm_hw_mtrr mtrr;
    char header[12];
    size_t at = record(0, &d, header, sizeof(header));

    assert_string_equal(header, "the header");
    at = record(at, &d, &cpu, sizeof(cpu));
    assert_int_equal(d.typecode, HVM_SAVE_CODE(CPU));
    assert_int_equal(cpu.rip, KERNEL_TEXT + 0x20);
    at = record(at, &d, NULL, 0);
    at = record(at, &d, &mtrr, sizeof(mtrr));
    assert_int_equal(d.instance, 1);
    assert_int_equal(mtrr.msr_mtrr_def_type, 0x806);
    assert_int_equal(mtrr.msr_pat_cr, 0x70406);
    at = record(at, &d, NULL, 0);
    assert_int_equal(d.typecode, HVM_SAVE_CODE(END));
    assert_int_equal(at, fake.state_size);
    return cpu.rbx;
}

static void check_pvh(uint64_t info)
{
    const struct hvm_start_info *si = pvh_at(info);
    const struct hvm_modlist_entry *module = pvh_at(si->modlist_paddr);
    const struct hvm_memmap_table_entry *map = pvh_at(si->memmap_paddr);

    assert_int_equal(si->magic, XEN_HVM_START_MAGIC_VALUE);
    assert_int_equal(si->version, 1);
    assert_string_equal(pvh_at(si->cmdline_paddr), CMDLINE);
    assert_int_equal(si->nr_modules, 1);
    assert_int_equal(module->size, sizeof(ramdisk));
    for (size_t i = 0; i < sizeof(ramdisk); i++)
        assert_int_equal(*(const uint8_t *)pvh_at(module->paddr + i), ramdisk[i]);
    assert_int_equal(si->memmap_entries, 3);
    assert_int_equal(map[0].size, PAGES << 12);
    check_tables(si->rsdp_paddr);
}

static void test_pvh(void **state)
{
    struct build_request r = request();
    struct build_result result;
    struct build_error error;

    (void)state;
    r.type = BUILD_PVH;
    kernel_make(kernel, &(struct kernel_options){ .pvh = true });
    fake_start(PAGES + 16);
    fake.hvm = true;
    assert_int_equal(make_domain(&r, &result, &error), 0);
    assert_int_equal(fake.used, PAGES + 16);
    assert_memory_equal(pvh_at(KERNEL_TEXT), kernel + 0x1000, 0x1000);
    assert_memory_equal(pvh_at(KERNEL_DATA + 0x800), kernel + 0x4800, 0x800);
    assert_int_equal(sum(pvh_at(KERNEL_DATA + 0x3000), 4096), 0);
    assert_int_equal(fake.params[HVM_PARAM_CONSOLE_PFN], result.console_gfn);
    assert_int_equal(fake.params[HVM_PARAM_STORE_EVTCHN], 4);
    check_pvh(check_state());
    assert_int_equal(fake.buffers, 0);
    assert_int_equal(fake.maps, 0);
    fake_end();
}

/* ---- HVM ---- */

/* A loader of one page and a bit at 1 MiB, which is entered at its 16th byte */
static void loader_make(void)
{
    Elf32_Ehdr h = { .e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS32, ELFDATA2LSB, 1 },
                     .e_machine = EM_386,
                     .e_entry = 0x100010,
                     .e_phoff = sizeof(h),
                     .e_phentsize = sizeof(Elf32_Phdr),
                     .e_phnum = 1 };
    Elf32_Phdr p = { .p_type = PT_LOAD,
                     .p_offset = 0x1000,
                     .p_paddr = 0x100000,
                     .p_filesz = 0x1100,
                     .p_memsz = 0x3000 };

    memset(kernel, 0x5a, sizeof(kernel));
    memcpy(kernel, &h, sizeof(h));
    memcpy(kernel + sizeof(h), &p, sizeof(p));
}

static void check_loader(uint64_t info)
{
    const struct hvm_start_info *si = pvh_at(info);
    const struct hvm_modlist_entry *module = pvh_at(si->modlist_paddr);
    const struct hvm_info_table *t = pvh_at(HVM_INFO_PADDR);

    assert_int_equal(sum(pvh_at(0x100000), 4096), 0);
    assert_int_equal(*(const uint8_t *)pvh_at(0x1010ff), 0x5a);
    assert_int_equal(*(const uint8_t *)pvh_at(0x101100), 0);
    assert_string_equal(pvh_at(module->cmdline_paddr), "firmware");
    assert_int_equal(module->size, sizeof(ramdisk));
    assert_int_equal(*(const uint8_t *)pvh_at(module->paddr + 5), ramdisk[5]);
    assert_memory_equal(t->signature, "HVM INFO", 8);
    assert_int_equal(sum(t, t->length), 0);
    assert_int_equal(t->nr_vcpus, 2);
    assert_int_equal(t->vcpu_online[0], 1);
    assert_int_equal(t->low_mem_pgend, PAGES);
    assert_int_equal(t->high_mem_pgend, 0);
    assert_int_equal(t->reserved_mem_pgstart, fake.params[HVM_PARAM_IOREQ_SERVER_PFN]);
}

static void test_hvm(void **state)
{
    const uint8_t first = 1;
    struct build_request r = request();
    struct build_result result;
    struct build_error error;
    struct hvm_save_descriptor d;
    struct hvm_hw_cpu cpu;

    (void)state;
    r.type = BUILD_HVM;
    r.online = &first;
    loader_make();
    fake_start(PAGES + 16);
    fake.hvm = true;
    assert_int_equal(make_domain(&r, &result, &error), 0);
    assert_int_equal(fake.used, PAGES - 32 + 16); /* where the graphics card is there is none */
    record(record(0, &d, NULL, 0), &d, &cpu, sizeof(cpu));
    assert_int_equal(cpu.rip, 0x100010);
    check_loader(cpu.rbx);
    assert_int_equal(fake.params[HVM_PARAM_NR_IOREQ_SERVER_PAGES], 8);
    assert_int_equal(fake.buffers, 0);
    assert_int_equal(fake.maps, 0);
    fake_end();
}

/* Whatever fails: -errno, a sentence, and nothing kept. */
static void fail_each_call(enum build_type type)
{
    struct build_cpuid change = { .leaf = 1, .subleaf = XEN_CPUID_NO_SUBLEAF, .d.clear = 0x10 };
    struct build_result result;
    struct build_error error;
    int rc = -1;

    kernel_make(kernel, &(struct kernel_options){ .own_p2m = true, .pvh = true });
    if (type == BUILD_HVM)
        loader_make();
    for (int i = 1; rc < 0; i++) {
        struct build_request r = request();

        r.type = type;
        r.cpuid = &change;
        r.cpuid_count = 1;
        r.tsc_mode = 1;
        fake_start(PAGES + 16);
        fake.hvm = type != BUILD_PV;
        fake.fail_at = i;
        rc = make_domain(&r, &result, &error);
        assert_int_equal(fake.buffers, 0);
        assert_int_equal(fake.maps, 0);
        if (rc < 0)
            assert_true(strlen(error.text) > 10);
        assert_int_equal(rc < 0, !fake.has_context);
        /* Without large blocks there are still small ones: those failures are survived. */
        if (rc == 0 && fake.calls >= i)
            rc = -1;
        fake_end();
        assert_in_range(i, 1, 60);
    }
}

static void test_failures(void **state)
{
    (void)state;
    fail_each_call(BUILD_PV);
    fail_each_call(BUILD_PVH);
    fail_each_call(BUILD_HVM);
}

static void refused(struct build_request *r, int expected, const char *words)
{
    struct build_result result;
    struct build_error error;

    fake_start(PAGES);
    assert_int_equal(make_domain(r, &result, &error), expected);
    if (!strstr(error.text, words))
        fail_msg("\"%s\" is not in \"%s\"", words, error.text);
    assert_int_equal(fake.buffers, 0);
    assert_int_equal(fake.maps, 0);
    fake_end();
}

static void test_refusals(void **state)
{
    static char line[MAX_GUEST_CMDLINE + 1];
    struct build_cpuid change = { .leaf = 99 };
    struct build_request r = request();

    (void)state;
    kernel_make(kernel, &(struct kernel_options){ .no_notes = true });
    refused(&r, -EINVAL, "no Xen notes");
    kernel_make(kernel, &(struct kernel_options){ .features = "!auto_translated_physmap" });
    refused(&r, -EINVAL, "\"auto_translated_physmap\"");
    kernel_make(kernel, &(struct kernel_options){ 0 });
    r.features = "writable_page_tables|hvm_pirqs";
    refused(&r, -EINVAL, "\"hvm_pirqs\"");
    r = request();
    r.memory_kb = 1 << 10;
    refused(&r, -ENOMEM, "need at least 2 MiB");
    r.memory_kb = (PAGES + 1) << 2;
    refused(&r, -ENOMEM, "not enough free memory");
    r = request();
    memset(line, 'a', MAX_GUEST_CMDLINE);
    r.cmdline = line;
    refused(&r, -E2BIG, "1024 characters");
    r = request();
    r.type = BUILD_HVM;
    refused(&r, -EINVAL, "32-bit x86");
    r.type = BUILD_PVH;
    refused(&r, -EINVAL, "PVH support");
    r = request();
    r.kernel.size = 0;
    refused(&r, -EINVAL, "no kernel");
    r.kernel.path = "/nonexistent/kernel";
    refused(&r, -ENOENT, "cannot open the kernel /nonexistent/kernel");
    r.kernel.path = "/dev/zero";
    refused(&r, -EINVAL, "not a regular file");
    r = request();
    r.ramdisk.path = "/dev/null";
    refused(&r, -EINVAL, "the ramdisk /dev/null is not a regular file");
    r = request();
    r.cpuid = &change;
    r.cpuid_count = 1;
    refused(&r, -EINVAL, "leaf 0x63");
    r = request();
    kernel[4] = 1;
    refused(&r, -EINVAL, "64-bit");
}

static void test_cpuid(void **state)
{
    static const struct build_cpuid change[] = {
        { .leaf = 1, .subleaf = XEN_CPUID_NO_SUBLEAF, .a = { .set = 1, .clear = 0x10, .host = 2 } },
        { .leaf = 2, .subleaf = 0, .d.clear = ~0u },
    };
    struct build_request r = request();
    struct build_error error;

    (void)state;
    r.cpuid = change;
    r.cpuid_count = 2;
    fake_start(1);
    assert_int_equal(build_policy(xc, &r, &error), 0);
    assert_int_equal(fake.leaves[1].a, 0xe3);
    assert_int_equal(fake.leaves[1].b, 0xf0);
    assert_int_equal(fake.leaves[2].d, 0);
    fake_end();
}

/* ---- packed kernels ---- */

static int open_bytes(struct image *image, const uint8_t *file, size_t size,
                      struct build_error *error)
{
    return image_open(image, &(struct source){ .fd = -1, .data = file, .size = size }, error);
}

static void opens(const uint8_t *file, size_t size)
{
    struct build_error error = { "" };
    uint8_t bytes[0x2010];
    struct image image;

    if (open_bytes(&image, file, size, &error) < 0)
        fail_msg("%s", error.text);
    assert_int_equal(image.segments, 2);
    assert_int_equal(source_read(&image.elf, image.segment[0].offset, bytes, 0x2010), 0);
    assert_memory_equal(bytes, kernel + 0x1000, 0x2010);
    assert_int_equal(source_read(&image.elf, image.segment[1].offset, bytes, 0x1000), 0);
    assert_memory_equal(bytes, kernel + 0x4800, 0x1000);
    assert_string_equal(image.notes.guest_os, "test");
    image_close(&image);
}

/* Cut short at some places, or with a byte wrong, it is refused or opens: no more. */
static void damage(const uint8_t *file, size_t size)
{
    uint8_t *copy = malloc(size);
    struct build_error error;
    struct image image;

    for (size_t i = 0; i < size; i += 61) {
        uint8_t *cut = malloc(i);

        memcpy(cut, file, i);
        if (open_bytes(&image, cut, i, &error) == 0)
            image_close(&image);
        free(cut);
        memcpy(copy, file, size);
        copy[i] ^= 0x41;
        if (open_bytes(&image, copy, size, &error) == 0)
            image_close(&image);
    }
    free(copy);
}

static void test_formats(void **state)
{
    static const char *const formats[] = { "gzip", "bzip2", "xz", "lzma", "lz4", "zstd" };
    static uint8_t packed[3 * KERNEL_BYTES], file[4 * KERNEL_BYTES];

    (void)state;
    kernel_make(kernel, &(struct kernel_options){ .own_p2m = true });
    opens(kernel, sizeof(kernel));
    damage(kernel, sizeof(kernel));
    for (unsigned int i = 0; i < 6; i++) {
        size_t size = kernel_pack(formats[i], kernel, sizeof(kernel), packed, sizeof(packed));

        assert_string_equal(unpack_format(packed, size), formats[i]);
        opens(packed, size);
        damage(packed, size);
        size = kernel_bzimage(packed, size, sizeof(kernel), file);
        opens(file, size);
        damage(file, size);
    }
    opens(file, kernel_bzimage(kernel, sizeof(kernel), 0, file));
}

static void test_lzo(void **state)
{
    static const uint8_t lzo[64] = { 0x89, 'L', 'Z', 'O', 0, 0x0d, 0x0a, 0x1a, 0x0a };
    struct build_error error;
    struct image image;

    (void)state;
    assert_int_equal(open_bytes(&image, lzo, sizeof(lzo), &error), -EOPNOTSUPP);
    assert_non_null(strstr(error.text, "lzo"));
}

/* Far more than a kernel can have: refused at the bound, and the memory is given back. */
static void test_bomb(void **state)
{
    static uint8_t packed[2 << 20];
    size_t size = UNPACK_MAX + (1 << 20);
    uint8_t *zeros = calloc(1, size);
    struct build_error error;
    struct image image;

    (void)state;
    size = kernel_pack("zstd", zeros, size, packed, sizeof(packed));
    free(zeros);
    assert_int_equal(open_bytes(&image, packed, size, &error), -EFBIG);
    assert_non_null(strstr(error.text, "512 MiB"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_layouts),  cmocka_unit_test(test_maps_little),
        cmocka_unit_test(test_pvh),      cmocka_unit_test(test_hvm),
        cmocka_unit_test(test_failures), cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_cpuid),    cmocka_unit_test(test_formats),
        cmocka_unit_test(test_lzo),      cmocka_unit_test(test_bomb),
    };

    for (size_t i = 0; i < sizeof(ramdisk); i++)
        ramdisk[i] = i * 3 | 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
