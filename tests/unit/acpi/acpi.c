/* ACPI tables: what good ones say, and that bad ones do no harm. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <hv/acpi.h>
#include <hv/boot.h>
#include <hv/errno.h>
#include "../../../hypervisor/drivers/acpi/internal.h"
#include "machine.h"

#define XSDT_AT 0x1000
#define RSDT_AT 0x1800
#define MADT_AT 0x2000
#define FADT_AT 0x3003 /* tables need not be aligned */
#define HPET_AT 0x4000
#define MCFG_AT 0x5000
#define SRAT_AT 0x6000
#define SLIT_AT 0x7000

static const uint8_t madt_body[] = {
    0, 0,  0xe0, 0xfe, 1,    0, 0,    0,                               /* LAPIC base, dual 8259 */
    0, 8,  0,    0,    1,    0, 0,    0,                               /* CPU 0 */
    0, 8,  1,    2,    1,    0, 0,    0,                               /* CPU 1, APIC id 2 */
    0, 8,  2,    4,    0,    0, 0,    0,                               /* none */
    0, 8,  3,    6,    2,    0, 0,    0,                               /* may come later */
    0, 8,  4,    0xff, 1,    0, 0,    0,                               /* no id */
    1, 12, 5,    0,    0,    0, 0xc0, 0xfe, 0,    0, 0, 0,             /* IO-APIC */
    2, 10, 0,    0,    2,    0, 0,    0,    0,    0,                   /* IRQ 0 is GSI 2 */
    2, 10, 0,    9,    9,    0, 0,    0,    0x0d, 0,                   /* SCI, level, high */
    2, 10, 1,    3,    9,    0, 0,    0,    0,    0,                   /* not ISA */
    4, 6,  0xff, 0,    0,    1,                                        /* NMI */
    9, 16, 0,    0,    2,    0, 0,    0,    1,    0, 0, 0, 1, 0, 0, 0, /* CPU 1 again */
    9, 16, 0,    0,    0x2c, 1, 0,    0,    1,    0, 0, 0, 7, 0, 0, 0, /* x2APIC id 300 */
    5, 12, 0,    0,    0,    0, 0xe1, 0xfe, 0,    0, 0, 0,             /* LAPIC base, 64-bit */
};

static const uint8_t hpet_body[] = { 1,    0xa2, 0x86, 0x80, 0, 64, 0, 0,    0, 0,
                                     0xd0, 0xfe, 0,    0,    0, 0,  0, 0x64, 0, 0 };

static const uint8_t mcfg_body[] = {
    0,    0, 0, 0,    0, 0, 0, 0,                             /* reserved */
    0,    0, 0, 0xb0, 0, 0, 0, 0, 0, 0, 0,  0xff, 0, 0, 0, 0, /* segment 0 */
    0,    0, 0, 0,    2, 0, 0, 0, 1, 0, 16, 31,   0, 0, 0, 0, /* segment 1 at 8 GiB */
    0,    0, 0, 0xc0, 0, 0, 0, 0, 2, 0, 9,  8,    0, 0, 0, 0, /* buses backwards */
    0x10, 0, 0, 0xc0, 0, 0, 0, 0, 3, 0, 0,  8,    0, 0, 0, 0, /* not aligned */
};

static const uint8_t slit_body[] = { 3, 0, 0, 0, 0, 0, 0, 0, 10, 21, 31, 22, 10, 40, 32, 41, 10 };
static const uint8_t srat_body[] = {
    1, 0,    0, 0,  0, 0, 0, 0, 0,    0, 0, 0, 0, 16,   3, 2,    1, 0, 0, 0, 0, 1,
    0, 0,    0, 0,  0, 0,                                     /* APIC 2 in 0x103 */
    0, 16,   9, 0,  0, 0, 0, 0, 0,    0, 0, 0, 0, 0,    0, 0, /* disabled */
    2, 24,   0, 0,  5, 0, 0, 0, 0x2c, 1, 0, 0, 1, 0,    0, 0,    0, 0, 0, 0, 0, 0,
    0, 0,    1, 40, 1, 0, 0, 0, 0,    0, 0, 0, 0, 0x80, 0, 0,    0, 0, 0, 0, 0, 0x40,
    0, 0,    0, 0,  0, 0, 0, 0, 1,    0, 0, 0, 0, 0,    0, 0,    0, 0, 0, 0, /* 2 GiB, 1 GiB: domain
                                                                                1 */
    1, 40,   2, 0,  0, 0, 0, 0, 0,    0, 0, 0, 0, 0,    0, 0x80, 0, 0, 0, 0, 0, 0,
    0, 0xf0, 0, 0,  0, 0, 1, 0, 0,    0, 0, 0, 0, 0,    0, 0,    0, 0, /* wraps around */
};

/* Fixed part of a FADT, from offset 36 on; the caller sets what it wants to see. */
static uint8_t fadt_body[276 - 36];

static void set16(size_t offset, uint16_t v)
{
    memcpy(fadt_body + offset - 36, &v, sizeof(v));
}

static void set32(size_t offset, uint32_t v)
{
    memcpy(fadt_body + offset - 36, &v, sizeof(v));
}

static void set_address(size_t offset, uint8_t space, uint8_t width, uint64_t address)
{
    fadt_body[offset - 36] = space;
    fadt_body[offset - 35] = width;
    memcpy(fadt_body + offset - 32, &address, sizeof(address));
}

static void fill_fadt(void)
{
    memset(fadt_body, 0, sizeof(fadt_body));
    set32(36, 0x7fe0000); /* FACS */
    set16(46, 9);
    set32(56, 0x600);
    set32(64, 0x604);
    set32(76, 0x608);
    fadt_body[91 - 36] = 4;
    set16(109, 0x2);
    set32(112, 0x500); /* 32-bit timer, reset register */
    set_address(116, ACPI_SPACE_IO, 8, 0xcf9);
    fadt_body[128 - 36] = 0x0f;
}

static void put_root(bool wide)
{
    uint64_t entries[] = { FADT_AT, SRAT_AT, MADT_AT, HPET_AT, MCFG_AT, 0, 0x1ffffff0 };
    uint32_t narrow[7];

    for (size_t i = 0; i < 7; i++)
        narrow[i] = (uint32_t)entries[i];
    if (wide)
        put_table(XSDT_AT, "XSDT", 1, entries, sizeof(entries));
    else
        put_table(RSDT_AT, "RSDT", 1, narrow, sizeof(narrow));
}

static int setup(void **state)
{
    (void)state;
    machine_reset();
    memset(&acpi, 0, sizeof(acpi));
    fill_fadt();
    put_table(MADT_AT, "APIC", 3, madt_body, sizeof(madt_body));
    put_table(FADT_AT, "FACP", 3, fadt_body, 132 - 36);
    put_table(HPET_AT, "HPET", 1, hpet_body, sizeof(hpet_body));
    put_table(MCFG_AT, "MCFG", 1, mcfg_body, sizeof(mcfg_body));
    put_table(SRAT_AT, "SRAT", 3, srat_body, sizeof(srat_body));
    put_table(SLIT_AT, "SLIT", 1, slit_body, sizeof(slit_body));
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    assert_int_equal(nr_mappings, 0);
    return 0;
}

static void check_all(void)
{
    assert_true(acpi.present);
    assert_int_equal(nr_messages, 0);

    assert_int_equal(acpi.lapic_base, 0xfee10000);
    assert_true(acpi.pcat_compat);
    assert_int_equal(acpi.nr_cpus, 4);
    assert_int_equal(acpi.cpu[1].apic_id, 2);
    assert_int_equal(acpi.cpu[1].acpi_uid, 1);
    assert_true(acpi.cpu[1].enabled);
    assert_false(acpi.cpu[2].enabled);
    assert_int_equal(acpi.cpu[2].apic_id, 6);
    assert_int_equal(acpi.cpu[3].apic_id, 300);
    assert_true(acpi.cpu[3].x2apic);
    assert_int_equal(acpi.nr_ioapics, 1);
    assert_int_equal(acpi.ioapic[0].id, 5);
    assert_int_equal(acpi.ioapic[0].base, 0xfec00000);
    assert_int_equal(acpi.nr_overrides, 2);
    assert_int_equal(acpi.override[0].gsi, 2);
    assert_int_equal(acpi.override[1].flags, 0xd);

    assert_int_equal(acpi.cpu[0].pxm, 0);
    assert_int_equal(acpi.cpu[1].pxm, 0x103);
    assert_int_equal(acpi.cpu[3].pxm, 5);
    assert_int_equal(acpi.nr_mem_affinity, 1);
    assert_int_equal(acpi.mem_affinity[0].base, 2UL << 30);
    assert_int_equal(acpi.mem_affinity[0].size, 1UL << 30);
    assert_int_equal(acpi.mem_affinity[0].pxm, 1);

    assert_int_equal(acpi.hpet_base, 0xfed00000);
    assert_int_equal(acpi.nr_mcfg, 2);
    assert_int_equal(acpi.mcfg[0].base, 0xb0000000);
    assert_int_equal(acpi.mcfg[0].bus_end, 255);
    assert_int_equal(acpi.mcfg[1].base, 8UL << 30);
    assert_int_equal(acpi.mcfg[1].segment, 1);
    assert_int_equal(acpi.mcfg[1].bus_start, 16);

    assert_int_equal(acpi.sci_irq, 9);
    assert_int_equal(acpi.pm1a_evt, 0x600);
    assert_int_equal(acpi.pm1a_cnt, 0x604);
    assert_int_equal(acpi.pm1b_cnt, 0);
    assert_int_equal(acpi.pmtimer_port, 0x608);
    assert_true(acpi.pmtimer_32bit);
    assert_int_equal(acpi.facs, 0x7fe0000);
    assert_int_equal(acpi.boot_flags, 2);
    assert_true(acpi.reset.present);
    assert_int_equal(acpi.reset.address, 0xcf9);
}

static void test_given_rsdp_and_xsdt(void **state)
{
    (void)state;
    put_root(true);
    put_rsdp(0x500, 2, XSDT_AT);
    boot_info.rsdp = paddr(0x500);
    acpi_init();
    check_all();
    assert_int_equal(acpi.rsdp.v, 0x500);
}

static void test_scanned_rsdp_and_rsdt(void **state)
{
    (void)state;
    put_root(false);
    put_rsdp(0xf5a10, 0, RSDT_AT);
    acpi_init();
    check_all();
    assert_int_equal(acpi.rsdp.v, 0xf5a10);
}

static void test_rsdp_at_the_end(void **state)
{
    (void)state;
    put_root(false);
    put_rsdp(0xfffe0, 0, RSDT_AT);
    acpi_init();
    check_all();
}

static void test_rsdp_in_ebda(void **state)
{
    (void)state;
    put_root(true);
    memory[0x40f] = 0x9f; /* segment 0x9fc0 */
    memory[0x40e] = 0xc0;
    put_rsdp(0x9fc40, 2, XSDT_AT);
    acpi_init();
    check_all();
    assert_int_equal(acpi.rsdp.v, 0x9fc40);
}

/* The EBDA's pointer may be anything; one that holds no checksum is not a root pointer. */
static void test_no_rsdp(void **state)
{
    (void)state;
    put_root(true);
    memory[0x40f] = 0xff;
    put_rsdp(0xf0000, 2, XSDT_AT);
    memory[0xf0009]++;
    acpi_init();
    assert_false(acpi.present);
    assert_int_equal(acpi.nr_cpus, 0);
    assert_int_equal(nr_messages, 1);
}

/* A damaged table is named and left out, the others are used. */
static void test_bad_checksum_of_one(void **state)
{
    (void)state;
    put_root(true);
    put_rsdp(0xf0000, 2, XSDT_AT);
    memory[MADT_AT + 40]++;
    acpi_init();
    assert_true(acpi.present);
    assert_int_equal(acpi.nr_cpus, 0);
    assert_int_equal(nr_messages, 1);
    assert_int_equal(acpi.hpet_base, 0xfed00000);
}

static void test_bad_extended_checksum_means_rsdt(void **state)
{
    uint32_t rsdt = RSDT_AT;
    uint64_t root;
    bool wide;

    (void)state;
    put_rsdp(0xf0000, 2, XSDT_AT);
    memcpy(memory + 0xf0010, &rsdt, 4);
    fix_checksum(memory + 0xf0000, 20, 8);
    memory[0xf0020]++;
    assert_int_equal(acpi_parse_rsdp(memory + 0xf0000, 36, &root, &wide), 0);
    assert_false(wide);
    assert_int_equal(root, RSDT_AT);
}

static void test_absurd_length(void **state)
{
    uint32_t len = 0xffffffff;

    (void)state;
    put_root(true);
    put_rsdp(0xf0000, 2, XSDT_AT);
    memcpy(memory + MADT_AT + 4, &len, 4);
    len = 3;
    memcpy(memory + HPET_AT + 4, &len, 4);
    acpi_init();
    assert_int_equal(acpi.nr_cpus, 0);
    assert_int_equal(acpi.hpet_base, 0);
    assert_int_equal(nr_messages, 2);
}

static void test_fadt_revisions(void **state)
{
    struct acpi_info info = { .present = false };

    (void)state;
    /* The 64-bit ports win; those in memory are not ports. */
    set_address(148, ACPI_SPACE_IO, 32, 0xb000);
    set_address(172, ACPI_SPACE_MEMORY, 16, 0xfed80000);
    set_address(208, ACPI_SPACE_IO, 32, 0x1234567);
    put_table(FADT_AT, "FACP", 6, fadt_body, sizeof(fadt_body));
    assert_int_equal(acpi_parse_fadt(memory + FADT_AT, 276, &info), 0);
    assert_int_equal(info.pm1a_evt, 0xb000);
    assert_int_equal(info.pm1a_cnt, 0x604);
    assert_int_equal(info.pmtimer_port, 0x608);

    /* Revision 1: no reset register, whatever the flags say; the old devices are there. */
    put_table(FADT_AT, "FACP", 1, fadt_body, 116 - 36);
    assert_int_equal(acpi_parse_fadt(memory + FADT_AT, 116, &info), 0);
    assert_false(info.reset.present);
    assert_int_equal(info.boot_flags, 3);
    assert_int_equal(info.pm1a_evt, 0x600);
    assert_int_equal(acpi_parse_fadt(memory + FADT_AT, 115, &info), -EINVAL);
}

static void test_too_many(void **state)
{
    static uint8_t body[8 + 400 * 8 + 50 * 12 + 50 * 10];
    uint8_t *p = body + 8;
    struct acpi_info info = { .present = false };
    size_t len;

    (void)state;
    for (unsigned int i = 0; i < 400; i++, p += 8) {
        memcpy(p, (uint8_t[8]){ 0, 8, 0, (uint8_t)(i % 255), 1 }, 8);
        if (i > 250) { /* the last ones as ids of their own are not enough to fill: x2APIC would */
            p[1] = 8;
            p[3] = (uint8_t)(i % 250);
        }
    }
    for (unsigned int i = 0; i < 50; i++, p += 12)
        memcpy(p, (uint8_t[12]){ 1, 12, 0, 0, 1 }, 12);
    for (unsigned int i = 0; i < 50; i++, p += 10)
        memcpy(p, (uint8_t[10]){ 2, 10, 0, 1 }, 10);
    len = put_table(MADT_AT, "APIC", 1, body, sizeof(body));
    assert_int_equal(acpi_parse_madt(memory + MADT_AT, len, &info), 0);
    assert_int_equal(info.nr_cpus, 251);
    assert_int_equal(info.nr_ioapics, ACPI_MAX_IOAPICS);
    assert_int_equal(info.nr_overrides, ACPI_MAX_OVERRIDES);
}

static void test_too_many_x2apics(void **state)
{
    static uint8_t body[8 + 1000 * 16];
    struct acpi_info info = { .present = false };
    size_t len;

    (void)state;
    for (unsigned int i = 0; i < 1000; i++)
        memcpy(body + 8 + i * 16,
               (uint8_t[16]){ 9, 16, 0, 0, (uint8_t)i, (uint8_t)(i >> 8), 0, 0, 1 }, 16);
    len = put_table(MADT_AT, "APIC", 1, body, sizeof(body));
    assert_int_equal(acpi_parse_madt(memory + MADT_AT, len, &info), 0);
    assert_int_equal(info.nr_cpus, ACPI_MAX_CPUS);
    assert_int_equal(info.cpu[ACPI_MAX_CPUS - 1].apic_id, ACPI_MAX_CPUS - 1);
}

/* Three nodes, not as far from each other both ways; a matrix that makes no sense is left out. */
static void test_distances(void **state)
{
    static struct acpi_info info;
    uint8_t body[sizeof(slit_body)];
    size_t len = put_table(SLIT_AT, "SLIT", 1, slit_body, sizeof(slit_body));

    (void)state;
    assert_int_equal(acpi_parse_slit(memory + SLIT_AT, len, &info), 0);
    assert_int_equal(info.nr_distances, 3);
    assert_int_equal(info.distance[0][2], 31);
    assert_int_equal(info.distance[2][0], 32);
    assert_int_equal(acpi_parse_slit(memory + SLIT_AT, len - 1, &info), -EINVAL);
    for (unsigned int bad = 0; bad < 3; bad++) {
        memset(&info, 0, sizeof(info));
        memcpy(body, slit_body, sizeof(body));
        body[(unsigned int[]){ 0, 8, 9 }[bad]] = (uint8_t[]){ 0, 11, 10 }[bad];
        len = put_table(SLIT_AT, "SLIT", 1, body, sizeof(body));
        assert_int_equal(acpi_parse_slit(memory + SLIT_AT, len, &info), -EINVAL);
        assert_int_equal(info.nr_distances, 0);
    }
}

static const struct parser {
    const char *name;
    uint64_t address;
    int (*parse)(const void *table, size_t len, struct acpi_info *info);
} parsers[] = {
    { "APIC", MADT_AT, acpi_parse_madt }, { "FACP", FADT_AT, acpi_parse_fadt },
    { "HPET", HPET_AT, acpi_parse_hpet }, { "MCFG", MCFG_AT, acpi_parse_mcfg },
    { "SRAT", SRAT_AT, acpi_parse_srat }, { "SLIT", SLIT_AT, acpi_parse_slit },
};

static void check_bounds(const struct acpi_info *info)
{
    assert_in_range(info->nr_cpus, 0, ACPI_MAX_CPUS);
    assert_in_range(info->nr_ioapics, 0, ACPI_MAX_IOAPICS);
    assert_in_range(info->nr_overrides, 0, ACPI_MAX_OVERRIDES);
    assert_in_range(info->nr_mcfg, 0, ACPI_MAX_MCFG);
    assert_in_range(info->nr_mem_affinity, 0, ACPI_MAX_MEM_AFFINITY);
    assert_in_range(info->nr_distances, 0, ACPI_MAX_PXM);
    assert_in_range(info->pm1a_cnt, 0, 0xffff);
}

/* Parse `len` bytes in an allocation of just that size. */
static int parse_copy(const struct parser *p, const uint8_t *table, size_t len)
{
    static struct acpi_info info;
    uint8_t *copy = malloc(len);
    int rc;

    memset(&info, 0, sizeof(info));
    memcpy(copy, table, len);
    rc = p->parse(copy, len, &info);
    free(copy);
    check_bounds(&info);
    return rc;
}

static void test_every_truncation(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(parsers); i++) {
        const uint8_t *table = memory + parsers[i].address;
        uint32_t full;

        memcpy(&full, table + 4, 4);
        for (size_t len = 0; len < full; len++)
            assert_in_range(-parse_copy(&parsers[i], table, len), 0, len < 44 ? EINVAL : full);
        assert_int_equal(parse_copy(&parsers[i], table, 36), -EINVAL);
        assert_int_equal(parse_copy(&parsers[i], table, full), 0);
    }
}

static void test_random_damage(void **state)
{
    (void)state;
    srand(4);
    for (unsigned int round = 0; round < 40000; round++) {
        const struct parser *p = &parsers[round % ARRAY_SIZE(parsers)];
        uint8_t copy[1024];
        uint32_t full;

        memcpy(&full, memory + p->address + 4, 4);
        memcpy(copy, memory + p->address, full);
        for (int n = rand() % 8; n >= 0; n--)
            copy[36 + (size_t)rand() % (full - 36)] = (uint8_t)(rand() % 3 ? rand() : rand() % 17);
        parse_copy(p, copy, full - (rand() % 4 ? 0 : (size_t)rand() % full));
    }
}

/* The whole way, with damage in the pointers too; checksums are made good so that it goes deep. */
static void test_random_damage_of_the_roots(void **state)
{
    (void)state;
    srand(5);
    for (unsigned int round = 0; round < 300; round++) {
        setup(NULL);
        put_root(true);
        put_rsdp(0x500, 2, XSDT_AT);
        boot_info.rsdp = paddr(0x500);
        for (int n = rand() % 4; n >= 0; n--)
            memory[XSDT_AT + 36 + rand() % 56] = (uint8_t)rand();
        fix_checksum(memory + XSDT_AT, 36 + 56, 9);
        if (rand() % 4 == 0)
            memory[0x500 + rand() % 36] = (uint8_t)rand();
        acpi_init();
        check_bounds(&acpi);
        assert_int_equal(nr_mappings, 0);
    }
}

static void test_sleep(void **state)
{
    (void)state;
    assert_int_equal(acpi_enter_sleep(0x3400, 0), -ENODEV);
    acpi.pm1a_cnt = 0x604;
    acpi.pm1b_cnt = 0x704;
    acpi.pm1a_evt = 0x600;
    assert_int_equal(acpi_enter_sleep(0x3401, 0x3402), -EIO);
    assert_int_equal(nr_port_writes, 5);
    assert_int_equal(port_writes[0].port, 0x600); /* wake status cleared */
    assert_int_equal(port_writes[0].value, 0x8000);
    assert_int_equal(port_writes[1].port, 0x604); /* the type, then the go */
    assert_int_equal(port_writes[1].value, 0x1401);
    assert_int_equal(port_writes[2].value, 0x1402);
    assert_int_equal(port_writes[3].value, 0x3401);
    assert_int_equal(port_writes[4].port, 0x704);
    assert_int_equal(port_writes[4].value, 0x3402);
}

static void test_reboot(void **state)
{
    (void)state;
    acpi_reboot();
    assert_int_equal(nr_port_writes, 0);
    acpi.reset.present = true;
    acpi.reset.space_id = ACPI_SPACE_IO;
    acpi.reset.address = 0xcf9;
    acpi.reset.value = 6;
    acpi_reboot();
    assert_int_equal(nr_port_writes, 1);
    assert_int_equal(port_writes[0].port, 0xcf9);
    assert_int_equal(port_writes[0].value, 6);
    acpi.reset.space_id = ACPI_SPACE_PCI_CONFIG;
    acpi.reset.address = 31UL << 32 | 2UL << 16 | 0x44;
    acpi_reboot();
    assert_int_equal(port_writes[1].port, 31 << 11 | 2 << 8 | 0x44);
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_given_rsdp_and_xsdt),
        TEST(test_scanned_rsdp_and_rsdt),
        TEST(test_rsdp_at_the_end),
        TEST(test_rsdp_in_ebda),
        TEST(test_no_rsdp),
        TEST(test_bad_checksum_of_one),
        TEST(test_bad_extended_checksum_means_rsdt),
        TEST(test_absurd_length),
        TEST(test_fadt_revisions),
        TEST(test_too_many),
        TEST(test_too_many_x2apics),
        TEST(test_distances),
        TEST(test_every_truncation),
        TEST(test_random_damage),
        TEST(test_random_damage_of_the_roots),
        TEST(test_sleep),
        TEST(test_reboot),
    };

    return cmocka_run_group_tests_name("acpi", tests, NULL, NULL);
}
