/*
 * The symbol table: scripts/symbols makes it from invented output of nm, the assembler turns it
 * into bytes, and symbols.c must find every function in them again. Runs from the tree's top.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include <hv/printk.h>
#include <hv/symbols.h>

#define BASE       0xffff828000201000UL
#define NR_SYMBOLS 2500

extern const void *volatile symbol_table_address;

static char printed[256];

void printk_raw(const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    vsnprintf(printed, sizeof(printed), fmt, args);
    va_end(args);
}

static char dir[] = "/tmp/symbols-test-XXXXXX";

static void run(const char *fmt)
{
    char command[512];

    snprintf(command, sizeof(command), fmt, dir, dir);
    assert_int_equal(system(command), 0);
}

static FILE *open_file(const char *name, const char *mode)
{
    char path[128];
    FILE *f;

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    f = fopen(path, mode);
    assert_non_null(f);
    return f;
}

/* From dir/nm to the table; returns its size. */
static size_t make_table(void)
{
    static uint64_t table[65536];
    FILE *f;
    size_t size;

    run("scripts/symbols < %s/nm > %s/table.S");
    run("gcc -c -o %s/table.o %s/table.S");
    run("objcopy -O binary -j .symbols %s/table.o %s/table");
    f = open_file("table", "r");
    size = fread(table, 1, sizeof(table), f);
    fclose(f);
    symbol_table_address = table;
    return size;
}

static int setup(void **state)
{
    (void)state;
    return mkdtemp(dir) ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    run("rm -r %s");
    return 0;
}

static void test_no_table(void **state)
{
    char name[64];
    size_t offset, size;

    (void)state;
    assert_null(symbol_lookup(BASE, name, &offset, &size));
    symbol_print(0x1234);
    assert_string_equal(printed, "0x0000000000001234");
}

static void test_few(void **state)
{
    char name[64];
    size_t offset, size;
    uintptr_t address;
    FILE *f = open_file("nm", "w");

    (void)state;
    fprintf(f, "0000000000000020 A some_constant\n"
               "                 w symbol_table\n"
               "0000000000200000 T start_before_paging\n"
               "0000000000200100 t low\n"
               "ffff828000201000 t first\n"
               "ffff828000201000 T first_alias\n"
               "ffff828000201040 T second_function\n"
               "ffff828000201040 t $x\n"
               "ffff828000201080 d in_between\n"
               "ffff828000301080 t init_function.isra.0\n"
               "ffff828000301100 B data\n"
               "ffff828000401100 B more_data\n");
    fclose(f);
    make_table();
    assert_string_equal(symbol_lookup(BASE, name, &offset, &size), "first");
    assert_int_equal(offset, 0);
    assert_int_equal(size, 0x40);
    assert_string_equal(symbol_lookup(BASE + 0x3f, name, &offset, &size), "first");
    assert_int_equal(offset, 0x3f);
    assert_string_equal(symbol_lookup(BASE + 0x41, name, &offset, &size), "second_function");
    assert_string_equal(symbol_lookup(BASE + 0x1000ff, name, &offset, &size),
                        "init_function.isra.0");
    assert_null(symbol_lookup(BASE - 1, name, &offset, &size));
    assert_null(symbol_lookup(BASE + 0x100100, name, &offset, &size));
    assert_null(symbol_lookup(0, name, &offset, &size));
    assert_null(symbol_lookup(UINTPTR_MAX, name, &offset, &size));
    assert_string_equal(symbol_by_number(1, name, &address), "second_function");
    assert_int_equal(address, BASE + 0x40);
    assert_string_equal(symbol_by_number(2, name, &address), "init_function.isra.0");
    assert_null(symbol_by_number(3, name, &address));
    assert_null(symbol_by_number(UINT32_MAX, name, &address));
    symbol_print(BASE + 0x52);
    assert_string_equal(printed, "second_function+0x12/0x100040");
}

static char names[NR_SYMBOLS][64];
static uint64_t addresses[NR_SYMBOLS + 1];

static void invent_symbols(void)
{
    static const char *const words[] = { "event", "domain",  "frame", "get",  "put",   "vcpu",
                                         "sched", "timer",   "irq",   "pirq", "guest", "do",
                                         "check", "release", "__x",   "a1" };
    uint64_t address = BASE;

    srand(3);
    for (unsigned int i = 0; i < NR_SYMBOLS; i++) {
        char *s = names[i];

        for (int n = rand() % 4; n >= 0; n--)
            s += sprintf(s, "%s_", words[(size_t)rand() % 16]);
        sprintf(s, "%x%s", rand() % 5000, rand() % 9 ? "" : ".part.0");
        addresses[i] = address;
        address += 1 + (unsigned int)rand() % 500;
    }
    addresses[NR_SYMBOLS] = address;
}

static void test_many(void **state)
{
    FILE *f = open_file("nm", "w");
    char name[64];
    size_t offset, size;

    (void)state;
    invent_symbols();
    for (unsigned int i = 0; i < NR_SYMBOLS; i++)
        fprintf(f, "%016lx %c %s\n", addresses[i], rand() % 2 ? 't' : 'T', names[i]);
    fprintf(f, "%016lx R end\n", addresses[NR_SYMBOLS]);
    fclose(f);
    assert_in_range(make_table(), 20000, 60000);
    for (unsigned int i = 0; i < NR_SYMBOLS; i++) {
        uint64_t length = addresses[i + 1] - addresses[i];

        assert_string_equal(symbol_lookup(addresses[i] + length - 1, name, &offset, &size),
                            names[i]);
        assert_int_equal(offset, length - 1);
        assert_int_equal(size, length);
    }
}

/* A name longer than the caller's buffer is cut. */
static void test_long_name(void **state)
{
    struct {
        char name[64], canary[8];
    } buf = { .canary = "canary" };
    size_t offset, size;
    FILE *f = open_file("nm", "w");

    (void)state;
    fprintf(f, "%016lx t ", BASE);
    for (int i = 0; i < 200; i++)
        fputc('a' + i % 26, f);
    fprintf(f, "\n%016lx R end\n", BASE + 16);
    fclose(f);
    make_table();
    assert_non_null(symbol_lookup(BASE, buf.name, &offset, &size));
    assert_int_equal(strlen(buf.name), 63);
    assert_string_equal(buf.canary, "canary");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_table),
        cmocka_unit_test(test_few),
        cmocka_unit_test(test_many),
        cmocka_unit_test(test_long_name),
    };

    return cmocka_run_group_tests_name("symbols", tests, setup, teardown);
}
