/* What boot loaders say, well-formed and not: the loader's memory is a block that ASan watches. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <hv/mem.h>
#include <arch/layout.h>
#include "../../../hypervisor/x86/boot/boot.h"

#define MB1 0x2badb002U
#define MB2 0x36d76289U

static uint8_t *memory; /* physical address 0 */
static size_t length;

void *mfn_to_virt(mfn_t m)
{
    return memory + m.v * PAGE_SIZE;
}

static void begin(size_t size)
{
    memory = calloc(1, size);
    memset(&boot_info, 0, sizeof(boot_info));
}

static void end(void)
{
    free(memory);
}

static void put32(size_t at, uint32_t v)
{
    memcpy(memory + at, &v, sizeof(v));
}

static void put64(size_t at, uint64_t v)
{
    memcpy(memory + at, &v, sizeof(v));
}

/* ---- Multiboot 2, its information at 8 ---- */

static void tag(uint32_t type, const void *data, uint32_t size)
{
    put32(8 + length, type);
    put32(8 + length + 4, size + 8);
    memcpy(memory + 8 + length + 8, data, size);
    length = ROUND_UP(length + size + 8, 8UL);
    put32(8, (uint32_t)length);
}

static void begin_tags(void)
{
    begin(16384);
    length = 8;
}

/* Cut the loader's memory to exactly what it says is there, so that ASan sees the edge. */
static void parse_tags(void)
{
    uint8_t *exact = malloc(8 + length);

    memcpy(exact, memory, 8 + length);
    free(memory);
    memory = exact;
    assert_true(multiboot_parse(MB2, 8));
}

static void multiboot2(void **state)
{
    const struct {
        uint32_t start, end;
        char text[8];
    } module = { 0x100000, 0x123456, "quiet" };
    const struct {
        uint32_t entry_size, version;
        struct {
            uint64_t base, size;
            uint32_t type, zero;
        } e[3];
    } map = { 24,
              0,
              { { 0x100000, 0x7f00000, 1, 0 }, { 0, 0x9fc00, 1, 0 }, { 0x9fc00, 1024, 2, 0 } } };
    const struct {
        uint64_t addr;
        uint32_t pitch, width, height;
        uint8_t bpp, type, reserved[2], colors[6];
    } linear = { 0xfd000000, 4096, 1024, 768, 32, 1, { 0 }, { 16, 8, 8, 8, 0, 8 } };

    (void)state;
    begin_tags();
    tag(2, "GRUB 2", 7);
    tag(1, "loglvl=all", 11);
    tag(3, &module, sizeof(module));
    tag(6, &map, sizeof(map));
    tag(8, &linear, 30);
    tag(99, "unknown", 8);
    tag(0, "", 0);
    parse_tags();
    assert_string_equal(boot_info.loader, "GRUB 2");
    assert_string_equal(boot_info.cmdline, "loglvl=all");
    assert_int_equal(boot_info.nr_modules, 1);
    assert_int_equal(boot_info.module[0].start.v, 0x100000);
    assert_int_equal(boot_info.module[0].size, 0x23456);
    assert_string_equal(boot_info.module[0].cmdline, "quiet");
    assert_int_equal(boot_info.nr_ranges, 3);
    assert_int_equal(boot_info.range[0].size, 0x9fc00);
    assert_int_equal(boot_info.range[1].type, MEM_RESERVED);
    assert_int_equal(boot_info.range[2].start, 0x100000);
    assert_int_equal(boot_info.fb.type, 2);
    assert_int_equal(boot_info.fb.red_pos, 16);
    assert_int_equal(boot_info.fb.blue_size, 8);
    end();
}

static void text_screen_without_colors(void **state)
{
    uint8_t fb[24] = { 0 };

    (void)state;
    fb[21] = 2;
    begin_tags();
    tag(8, fb, sizeof(fb));
    parse_tags();
    assert_int_equal(boot_info.fb.type, 1);
    end();
}

/* The loader's memory is gone when the tables are read: what is kept is a copy in the image. */
static const char *kept_rsdp(void)
{
    return (const char *)(uintptr_t)(boot_info.rsdp.v + IMAGE_VIRT_BASE);
}

static void acpi_root_pointer(void **state)
{
    char first[20], second[40];

    (void)state;
    memset(first, 'a', sizeof(first));
    memset(second, 'b', sizeof(second));
    begin_tags();
    tag(14, first, sizeof(first));
    parse_tags();
    end();
    assert_memory_equal(kept_rsdp(), first, 20);
    for (unsigned int i = 20; i < 36; i++)
        assert_int_equal(kept_rsdp()[i], 0);
    /* The later version is taken, whatever comes first. */
    for (unsigned int order = 0; order < 2; order++) {
        begin_tags();
        tag(14 + order, order ? second : first, order ? 36 : 20);
        tag(15 - order, order ? first : second, order ? 20 : 36);
        parse_tags();
        end();
        assert_memory_equal(kept_rsdp(), second, 36);
    }
    /* Less than a whole one is none. */
    begin_tags();
    tag(15, second, 35);
    parse_tags();
    assert_int_equal(boot_info.rsdp.v, 0);
    end();
}

/* Strings that do not end, tags that reach beyond the end, sizes that wrap. */
static void bad_tags(void **state)
{
    uint32_t sizes[] = { 0, 7, 9, 15, 17, 100, 0x7fffffff, 0xfffffff0, 0xffffffff };

    (void)state;
    begin_tags();
    tag(1, "not terminated", 8);
    parse_tags();
    assert_string_equal(boot_info.cmdline, "not term");
    end();
    for (uint32_t type = 1; type < 20; type++)
        for (unsigned int i = 0; i < ARRAY_SIZE(sizes); i++) {
            begin_tags();
            tag(type, "\1\0\0\0\2\0\0\0", 8);
            put32(8 + 8 + 4, sizes[i]);
            parse_tags();
            assert_int_equal(boot_info.nr_ranges, 0);
            end();
        }
    /* A memory map with entries of no size, and of almost 4 GiB. */
    for (uint32_t size = 0xfffffff0; size != 25; size = size == UINT32_MAX ? 0 : size + 1) {
        uint32_t map[8] = { size };

        map[4] = 1; /* of length 2^32 */
        begin_tags();
        tag(6, map, sizeof(map));
        parse_tags();
        assert_int_equal(boot_info.nr_ranges, size == 24);
        end();
    }
}

static void strings_fill_their_room(void **state)
{
    char long_text[3000];

    (void)state;
    memset(long_text, 'x', sizeof(long_text));
    begin(65536);
    length = 8;
    for (unsigned int i = 0; i < 5; i++)
        tag(1, long_text, sizeof(long_text));
    assert_true(multiboot_parse(MB2, 8));
    assert_string_equal(boot_info.cmdline, "");
    end();
}

/* ---- Multiboot 1 ---- */

static void multiboot1(void **state)
{
    (void)state;
    begin(8192);
    put32(64, 0x4 | 0x8 | 0x40 | 0x200);
    put32(64 + 16, 1024); /* command line */
    strcpy((char *)memory + 1024, "/boot/hospes  dom0_mem=1G console=com1");
    put32(64 + 20, 2); /* modules */
    put32(64 + 24, 2048);
    put32(2048, 0x400000);
    put32(2052, 0x500000);
    put32(2056, 1100);
    strcpy((char *)memory + 1100, "vmlinuz root=/dev/sda1");
    put32(2064, 0x500000);
    put32(2068, 0x500000); /* empty: left out */
    put32(64 + 44, 48);    /* memory map: two entries */
    put32(64 + 48, 3000);
    put32(3000, 20);
    put64(3012, 0xa0000);
    put32(3020, 1);
    put32(3024, 20);
    put64(3028, 0x100000);
    put64(3036, 0x1000000);
    put32(3044, 1);
    put32(64 + 64, 1200); /* loader's name */
    strcpy((char *)memory + 1200, "qemu");
    assert_true(multiboot_parse(MB1, 64));
    assert_string_equal(boot_info.loader, "qemu");
    assert_string_equal(boot_info.cmdline, "dom0_mem=1G console=com1");
    assert_int_equal(boot_info.nr_modules, 1);
    assert_string_equal(boot_info.module[0].cmdline, "root=/dev/sda1");
    assert_int_equal(boot_info.nr_ranges, 2);
    assert_int_equal(boot_info.range[1].size, 0x1000000);
    /* Sizes that would go on for ever, or back. */
    for (uint32_t size = 0xfffffff8; size != 20; size = size == UINT32_MAX ? 0 : size + 1) {
        put32(3000, size);
        memset(&boot_info, 0, sizeof(boot_info));
        assert_true(multiboot_parse(MB1, 64));
        assert_true(boot_info.nr_ranges <= 1);
    }
    assert_false(multiboot_parse(0x12345678, 64));
    end();
}

/* ---- overlapping ranges, against an array of bytes ---- */

#define SPAN 96U

static void ranges_do_not_overlap(void **state)
{
    (void)state;
    srand(1);
    for (unsigned int round = 0; round < 4000; round++) {
        unsigned int n = 1 + (unsigned int)rand() % 12;
        uint8_t want[SPAN] = { 0 }, got[SPAN] = { 0 };
        uint32_t map[2 + 12 * 6] = { 24 };

        begin_tags();
        for (unsigned int i = 0; i < n; i++) {
            uint32_t *e = &map[2 + 6 * i], start = (uint32_t)rand() % SPAN;
            uint32_t size = (uint32_t)rand() % (SPAN - start), type = 1 + (uint32_t)rand() % 4;

            e[0] = start;
            e[2] = size;
            e[4] = type;
            for (uint32_t at = start; at < start + size; at++)
                want[at] = (uint8_t)max((uint32_t)want[at], type);
        }
        tag(6, map, 8 + 24 * n);
        parse_tags();
        for (unsigned int i = 0; i < boot_info.nr_ranges; i++) {
            const struct mem_range *r = &boot_info.range[i];

            assert_true(r->size > 0);
            if (i > 0)
                assert_true(r->start >= r[-1].start + r[-1].size);
            for (uint64_t at = r->start; at < r->start + r->size; at++)
                got[at] = (uint8_t)r->type;
        }
        assert_memory_equal(got, want, SPAN);
        end();
    }
}

static void too_many_ranges(void **state)
{
    static uint32_t map[2 + 400 * 6];

    (void)state;
    map[0] = 24;
    for (unsigned int i = 0; i < 400; i++) {
        map[2 + 6 * i] = i * 4096;
        map[2 + 6 * i + 2] = 4096;
        map[2 + 6 * i + 4] = 1 + i % 2;
    }
    begin_tags();
    tag(6, map, sizeof(map));
    parse_tags();
    assert_int_equal(boot_info.nr_ranges, BOOT_MAX_RANGES);
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(multiboot2),
        cmocka_unit_test(text_screen_without_colors),
        cmocka_unit_test(acpi_root_pointer),
        cmocka_unit_test(bad_tags),
        cmocka_unit_test(multiboot1),
        cmocka_unit_test(ranges_do_not_overlap),
        cmocka_unit_test(too_many_ranges),
        cmocka_unit_test(strings_fill_their_room), /* none is left afterwards */
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
