/*
 * What the fault handlers ask of the emulator: stores to page tables, I/O with its permissions,
 * and which instructions are whose.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include <hv/errno.h>
#include <hv/percpu.h>
#include <arch/io.h>
#include <arch/policy.h>
#include <arch/processor.h>
#include "guest.h"

#define CODE_AT(va, bytes) guest_code(va, bytes, sizeof(bytes) - 1)
#define R                  (&guest_state)
#define PV                 (guest_vcpu.arch->pv)

static int setup(void **state)
{
    (void)state;
    fake_percpu_reset();
    guest_reset();
    return 0;
}

/* ---- page tables ---- */

static void store_of_an_entry(void **state)
{
    (void)state;
    CODE_AT(CODE, "\x48\x89\x07"); /* mov [rdi], rax */
    R->rdi = TABLE + 16;
    R->rax = 0x8000000000001067;
    R->rflags |= EFLAGS_RF;
    assert_true(pv_emulate_page_table_write(R, TABLE + 16));
    assert_int_equal(*guest_entry(2), 0x8000000000001067);
    assert_false(table_was_cmpxchg);
    assert_int_equal(R->rip, CODE + 3);
    assert_int_equal(R->rflags, 0x202);
    assert_int_equal(injected, -1);
}

static void single_step_goes_on(void **state)
{
    (void)state;
    CODE_AT(CODE, "\x48\x89\x07");
    R->rdi = TABLE;
    R->rflags |= EFLAGS_TF;
    assert_true(pv_emulate_page_table_write(R, TABLE));
    assert_int_equal(injected, 1);
    assert_int_equal(R->rip, CODE + 3);
    assert_int_equal(PV.dr[6] & 0x4000, 0x4000);
}

static void narrow_store_is_merged(void **state)
{
    (void)state;
    CODE_AT(CODE, "\xf0\x80\x67\x03\xfd"); /* lock and byte [rdi + 3], 0xfd */
    *guest_entry(1) = 0x80000000ff001067;
    R->rdi = TABLE + 8;
    table_races = 3;
    assert_true(pv_emulate_page_table_write(R, TABLE + 11));
    assert_int_equal(*guest_entry(1), 0x80000000fd001067 ^ 0x60);
    assert_int_equal(table_writes, 1);
    assert_true(table_was_cmpxchg);
    assert_int_equal(R->rip, CODE + 5);
}

/* With no end of others that come first, the guest runs it again: nothing has changed. */
static void endless_races_give_up(void **state)
{
    (void)state;
    CODE_AT(CODE, "\x48\x0f\xba\x37\x01"); /* btr qword [rdi], 1 */
    *guest_entry(0) = 0x1067;
    R->rdi = TABLE;
    table_races = 100000;
    assert_true(pv_emulate_page_table_write(R, TABLE));
    assert_int_equal(R->rip, CODE);
    assert_int_equal(table_writes, 0);
    assert_true(table_races > 99000);
    table_races = 100001;
    CODE_AT(CODE, "\x88\x07"); /* mov [rdi], al */
    assert_true(pv_emulate_page_table_write(R, TABLE));
    assert_int_equal(R->rip, CODE);
    assert_int_equal(table_writes, 0);
}

static void compare_and_exchange(void **state)
{
    (void)state;
    CODE_AT(CODE, "\xf0\x48\x0f\xb1\x0f"); /* lock cmpxchg [rdi], rcx */
    *guest_entry(0) = 0x1067;
    R->rdi = TABLE;
    R->rax = 0x1007;
    R->rcx = 0x2067;
    assert_true(pv_emulate_page_table_write(R, TABLE));
    assert_int_equal(*guest_entry(0), 0x1067);
    assert_int_equal(R->rax, 0x1067);
    assert_int_equal(R->rflags & 0x40, 0);
    R->rip = CODE;
    assert_true(pv_emulate_page_table_write(R, TABLE));
    assert_int_equal(*guest_entry(0), 0x2067);
    assert_int_equal(R->rflags & 0x40, 0x40);
    /* 4 bytes of 8 */
    CODE_AT(CODE, "\xf0\x0f\xb1\x57\x04"); /* lock cmpxchg [rdi + 4], edx */
    R->rax = 0;
    R->rdx = 0x80000000;
    assert_true(pv_emulate_page_table_write(R, TABLE + 4));
    assert_int_equal(*guest_entry(0), 0x8000000000002067);
}

/* The guest gets its page fault, and is as it was. */
static void not_for_us(void **state)
{
    static const struct {
        const char *bytes;
        unsigned int len;
        uint64_t rdi, cr2;
    } cases[] = {
        { "\x48\x89\x07", 3, TABLE + 4, TABLE + 4 }, /* across two entries */
        { "\x48\x89\x07", 3, TABLE + 8, TABLE },     /* not where it faulted */
        { "\x48\x89\x07", 3, DATA, TABLE },
        { "\x66\x48\x0f\x6e\xc0", 5, TABLE, TABLE }, /* movq xmm0, rax */
        { "\xf0\x48\x0f\xc7\x0f", 5, TABLE, TABLE }, /* cmpxchg16b */
        { "\x0f\x11\x07", 3, TABLE, TABLE },         /* movups [rdi], xmm0 */
        { "\x48\x8b\x07", 3, TABLE, TABLE },         /* a load */
        { "\x48\x89\xc7", 3, TABLE, TABLE },         /* no memory at all */
    };

    (void)state;
    for (unsigned int n = 0; n < ARRAY_SIZE(cases); n++) {
        struct regs before;

        guest_code(CODE, cases[n].bytes, cases[n].len);
        R->rdi = cases[n].rdi;
        before = *R;
        assert_false(pv_emulate_page_table_write(R, cases[n].cr2));
        assert_memory_equal(&before, R, sizeof(before));
        assert_int_equal(table_writes, 0);
    }
    CODE_AT(CODE, "\x48\x89\x07");
    R->rdi = TABLE;
    table_result = -EINVAL; /* mm refuses */
    assert_false(pv_emulate_page_table_write(R, TABLE));
    assert_int_equal(R->rip, CODE);
    table_result = -ERESTART; /* preempted: again */
    assert_true(pv_emulate_page_table_write(R, TABLE));
    assert_int_equal(R->rip, CODE);
    table_result = 0;
    PV.kernel_mode = false;
    assert_false(pv_emulate_page_table_write(R, TABLE));
    assert_int_equal(table_writes, 0);
}

static void code_at_a_page_end(void **state)
{
    (void)state;
    R->rdi = TABLE;
    R->rax = 7;
    CODE_AT(DATA - 3, "\x48\x89\x07");
    guest_unmapped = DATA;
    assert_true(pv_emulate_page_table_write(R, TABLE));
    assert_int_equal(R->rip, DATA);
    CODE_AT(DATA - 2, "\x48\x89\x47\x08"); /* goes on in the page that is not there */
    assert_false(pv_emulate_page_table_write(R, TABLE + 8));
    guest_unmapped = 0;
    assert_true(pv_emulate_page_table_write(R, TABLE + 8));
    assert_int_equal(*guest_entry(1), 7);
    R->rip = 0xffff800000000000;
    assert_false(pv_emulate_page_table_write(R, TABLE));
}

static void repeated_store(void **state)
{
    (void)state;
    CODE_AT(CODE, "\xf3\x48\xab"); /* rep stosq */
    R->rdi = TABLE;
    R->rcx = 3;
    R->rax = 9;
    for (unsigned int n = 0; n < 3; n++) {
        assert_int_equal(R->rip, CODE);
        assert_true(pv_emulate_page_table_write(R, TABLE + 8 * n));
    }
    assert_int_equal(R->rip, CODE + 3);
    assert_int_equal(R->rcx, 0);
    assert_true(*guest_entry(0) == 9 && *guest_entry(2) == 9 && *guest_entry(3) == 0);
}

static void gs_relative(void **state)
{
    (void)state;
    CODE_AT(CODE, "\x65\x48\x89\x87\x00\x10\x00\x00"); /* mov gs:[rdi + 0x1000], rax */
    R->rdi = 8;
    R->rax = 5;
    assert_true(pv_emulate_page_table_write(R, TABLE + 8));
    assert_int_equal(*guest_entry(1), 5);
}

static void store_to_a_readonly_device(void **state)
{
    (void)state;
    CODE_AT(CODE, "\xc7\x07\x01\x00\x00\x00"); /* mov dword [rdi], 1 */
    R->rdi = DATA;
    assert_true(pv_emulate_readonly_write(R, DATA));
    assert_int_equal(R->rip, CODE + 6);
    assert_int_equal(guest_memory[DATA - GUEST_BASE], 0);
    R->rip = CODE;
    assert_false(pv_emulate_readonly_write(R, DATA + 4));
}

/* ---- I/O ---- */

static void in_and_out(void **state)
{
    (void)state;
    port_value = 0x44332211;
    R->rax = ~0UL;
    R->rdx = 0xffff03f8;
    CODE_AT(CODE, "\xec"); /* in al, dx */
    assert_true(pv_emulate_privileged(R));
    assert_int_equal(R->rax, 0xffffffffffffff11);
    CODE_AT(CODE, "\x66\xed"); /* in ax, dx */
    assert_true(pv_emulate_privileged(R));
    assert_int_equal(R->rax, 0xffffffffffff2212);
    CODE_AT(CODE, "\x48\xed"); /* in eax, dx: REX.W does nothing */
    assert_true(pv_emulate_privileged(R));
    assert_int_equal(R->rax, 0x44332213);
    CODE_AT(CODE, "\xe6\x80"); /* out 0x80, al */
    assert_true(pv_emulate_privileged(R));
    assert_int_equal(out_port, 0x80);
    assert_int_equal(out_value, 0x13);
    assert_int_equal(R->rip, CODE + 2);
}

static void ports_not_given(void **state)
{
    (void)state;
    port_granted = false;
    CODE_AT(CODE, "\xed");
    R->rdx = 0x1f0;
    assert_true(pv_emulate_privileged(R));
    assert_int_equal(R->rax, 0xffffffff);
    CODE_AT(CODE, "\xef");
    assert_true(pv_emulate_privileged(R));
    assert_true(port_reads == 0 && out_port == 0);
    /* An access over the end of the port space. */
    port_granted = true;
    R->rdx = 0xffff;
    CODE_AT(CODE, "\xed");
    assert_true(pv_emulate_privileged(R));
    assert_int_equal(port_reads, 0);
}

/* dom0 may beep: of the PIT it has channel 2, of the speaker port two bits. */
static void shared_ports(void **state)
{
    (void)state;
    port_granted = false;
    pv_io_write(&guest_domain, 0x43, 1, 0xb6);
    assert_true(out_port == 0x43 && out_value == 0xb6);
    pv_io_write(&guest_domain, 0x43, 1, 0x34); /* channel 0 */
    pv_io_write(&guest_domain, 0x40, 1, 0x99);
    assert_true(out_port == 0x43 && out_value == 0xb6);
    port_value = 0x3c;
    pv_io_write(&guest_domain, 0x61, 1, 0xf3);
    assert_true(out_port == 0x61 && out_value == 0x0f);
    /* The CMOS index is latched; bit 7 would mask NMIs. */
    out_port = 0;
    pv_io_write(&guest_domain, 0x70, 1, 0x8a);
    assert_int_equal(out_port, 0);
    assert_int_equal(pv_io_read(&guest_domain, 0x70, 1), 0x0a);
    pv_io_write(&guest_domain, 0x71, 1, 0x55);
    assert_true(out_port == 0x71 && out_value == 0x55);
    guest_domain.is_hardware = false;
    out_port = 0;
    pv_io_write(&guest_domain, 0x61, 1, 3);
    pv_io_write(&guest_domain, 0x71, 1, 3);
    assert_int_equal(out_port, 0);
    assert_int_equal(pv_io_read(&guest_domain, 0x71, 1), 0xff);
    assert_int_equal(pv_io_read(&guest_domain, 0x42, 1), 0); /* a PIT that stands still */
    assert_int_equal(pv_io_read(&guest_domain, 0x61, 1), 0xff);
}

static void privilege(void **state)
{
    uint8_t bitmap[128];

    (void)state;
    CODE_AT(CODE, "\xed"); /* in eax, dx */
    R->rdx = 0x3f6;
    PV.iopl = 0;
    assert_false(pv_emulate_privileged(R));
    PV.kernel_mode = false;
    PV.iopl = 1;
    assert_false(pv_emulate_privileged(R));
    PV.iopl = 3;
    assert_true(pv_emulate_privileged(R));
    /* The user's bitmap: four ports, over a byte's edge. */
    PV.iopl = 0;
    R->rip = CODE;
    memset(bitmap, 0xff, sizeof(bitmap));
    bitmap[0x3f6 / 8] &= 0x3f;
    bitmap[0x3f8 / 8] &= 0xfc;
    memcpy(guest_memory + (DATA - GUEST_BASE), bitmap, sizeof(bitmap));
    PV.io_bitmap = guest_ptr(DATA);
    PV.io_bitmap_ports = 0x3fa;
    assert_true(pv_emulate_privileged(R));
    R->rip = CODE;
    PV.io_bitmap_ports = 0x3f9;
    assert_false(pv_emulate_privileged(R));
    PV.io_bitmap_ports = 0x400;
    R->rdx = 0x3f7;
    assert_false(pv_emulate_privileged(R));
    guest_unmapped = DATA;
    R->rdx = 0x3f6;
    assert_false(pv_emulate_privileged(R));
    /* cli and sti go with the level, not the bitmap. */
    CODE_AT(CODE, "\xfa");
    assert_false(pv_emulate_privileged(R));
    PV.kernel_mode = true;
    PV.iopl = 1;
    assert_true(pv_emulate_privileged(R));
    assert_int_equal(R->rflags, 0x202);
}

static void pci_configuration(void **state)
{
    (void)state;
    pv_io_write(&guest_domain, 0xcf8, 4, 0x80021804);
    assert_int_equal(pv_io_read(&guest_domain, 0xcf8, 4), 0x80021804);
    assert_int_equal(pv_io_read(&guest_domain, 0xcfe, 2), 0x16);
    assert_int_equal(pci_seen, 0x02180062);
    /* bytes 1 and 2 of the register: not aligned */
    assert_int_equal(pv_io_read(&guest_domain, 0xcfd, 2), 0x1615);
    assert_int_equal(pv_io_read(&guest_domain, 0xcfe, 4), 0xffffffff);
    pv_io_write(&guest_domain, 0xcfc, 4, 0x12345678);
    assert_int_equal(pci_written, 0x02180044);
    assert_int_equal(out_value, 0x12345678);
    pv_io_write(&guest_domain, 0xcf8, 4, 0x00021804); /* not enabled */
    pci_seen = 0;
    assert_int_equal(pv_io_read(&guest_domain, 0xcfc, 4), 0xffffffff);
    pv_io_write(&guest_domain, 0xcf8, 4, 0x80000000);
    guest_domain.is_hardware = false;
    assert_int_equal(pv_io_read(&guest_domain, 0xcfc, 1), 0xff);
    assert_int_equal(pci_seen, 0);
    assert_int_equal(port_reads, 0);
}

static void string_input(void **state)
{
    uint16_t first, last;

    (void)state;
    CODE_AT(CODE, "\xf3\x66\x6d"); /* rep insw */
    R->rdx = 0x1f0;
    R->rdi = DATA;
    R->rcx = 256;
    port_value = 1;
    while (R->rip == CODE)
        assert_true(pv_emulate_privileged(R));
    memcpy(&first, guest_memory + (DATA - GUEST_BASE), 2);
    memcpy(&last, guest_memory + (DATA - GUEST_BASE) + 510, 2);
    assert_true(first == 1 && last == 256);
    assert_true(R->rcx == 0 && R->rdi == DATA + 512 && port_reads == 256);
    assert_int_equal(injected, -1);
}

/* Up to the page that is not there, and not one read too many. */
static void string_input_faults(void **state)
{
    (void)state;
    CODE_AT(CODE, "\xf3\x6d"); /* rep insd */
    R->rdi = DATA + PAGE_SIZE - 20;
    R->rcx = 8;
    guest_unmapped = DATA + PAGE_SIZE;
    while (injected < 0)
        assert_true(pv_emulate_privileged(R));
    assert_int_equal(injected, 14);
    assert_int_equal(injected_cr2, DATA + PAGE_SIZE);
    assert_int_equal(port_reads, 5);
    assert_true(R->rcx == 3 && R->rip == CODE && R->rdi == DATA + PAGE_SIZE);
}

static void string_output_backward(void **state)
{
    (void)state;
    CODE_AT(CODE, "\xf3\x6e"); /* rep outsb */
    memcpy(guest_memory + (DATA - GUEST_BASE), "abc", 3);
    R->rsi = DATA + 2;
    R->rcx = 3;
    R->rdx = 0x3f8;
    R->rflags |= EFLAGS_DF;
    while (R->rip == CODE)
        assert_true(pv_emulate_privileged(R));
    assert_int_equal(out_value, 'a');
    assert_int_equal(R->rsi, DATA - 1);
    assert_int_equal(R->rcx, 0);
}

/* ---- the rest ---- */

static void msr_and_cpuid(void **state)
{
    (void)state;
    CODE_AT(CODE, "\x0f\x32"); /* rdmsr */
    R->rcx = 0xffffffff00000010;
    assert_true(pv_emulate_privileged(R));
    assert_true(R->rax == 0x9abcdef0 && R->rdx == 0x12345678);
    R->rip = CODE;
    R->rcx = 0x11;
    assert_true(pv_emulate_privileged(R));
    assert_true(injected == 13 && R->rip == CODE);
    CODE_AT(CODE, "\x0f\x30"); /* wrmsr */
    R->rcx = 0x10;
    R->rdx = 0x11;
    R->rax = 0xffffffff00000022;
    injected = -1;
    assert_true(pv_emulate_privileged(R));
    assert_int_equal(injected, -1);
    CODE_AT(CODE, "\x0f\x0bxen\x0f\xa2");
    R->rax = 7;
    R->rcx = 1;
    assert_true(pv_emulate_forced(R));
    assert_true(R->rax == 7 && R->rbx == 1 && R->rcx == 3 && R->rdx == 4);
    assert_int_equal(R->rip, CODE + 7);
    CODE_AT(CODE, "\x0f\x0bxen\x0f\x31");
    assert_false(pv_emulate_forced(R));
    CODE_AT(CODE, "\x0f\x0b");
    assert_false(pv_emulate_forced(R));
}

/* Its own kernel may forbid CPUID to a guest's user. */
static void cpuid_faulting(void **state)
{
    (void)state;
    PV.kernel_mode = false;
    CODE_AT(CODE, "\x0f\xa2");
    assert_true(pv_emulate_privileged(R));
    assert_int_equal(R->rip, CODE + 2);
    guest_vcpu.arch->misc_features = MISC_FEATURES_CPUID_FAULTING;
    R->rip = CODE;
    assert_true(pv_emulate_privileged(R));
    assert_true(injected == 13 && R->rip == CODE);
    guest_vcpu.arch->misc_features = 0;
}

/* RDTSC and RDTSCP of kernel and user, unless the guest's own CR4.TSD forbids its user. */
static void time_stamp(void **state)
{
    (void)state;
    guest_vcpu.arch->tsc_aux = 0x77;
    for (unsigned int n = 0; n < 3; n++) {
        PV.kernel_mode = n != 1;
        PV.cr4 = n == 2 ? CR4_TSD : 0;
        CODE_AT(CODE, "\x0f\x31");
        R->rax = R->rdx = ~0UL;
        assert_true(pv_emulate_privileged(R));
        assert_true(R->rax == 0x11223344 && R->rdx == 0x55667788 && R->rip == CODE + 2);
        CODE_AT(CODE, "\x0f\x01\xf9");
        R->rax = R->rdx = R->rcx = ~0UL;
        assert_true(pv_emulate_privileged(R));
        assert_true(R->rax == 0x11223344 && R->rdx == 0x55667788 && R->rcx == 0x77);
        assert_int_equal(R->rip, CODE + 3);
    }
    assert_true(pv_real_cr4(&guest_vcpu) & CR4_TSD);
    PV.cr4 = 0;
    assert_false(pv_real_cr4(&guest_vcpu) & CR4_TSD);
    guest_domain.arch->tsc.emulated = true;
    assert_true(pv_real_cr4(&guest_vcpu) & CR4_TSD);
    assert_false(pv_visible_cr4(&guest_vcpu) & CR4_TSD);
}

static void kernel_only(void **state)
{
    static const char code[][4] = {
        "\xf4",         "\x0f\x06",     "\x0f\x09",     "\x0f\x20\xc0", "\x0f\x22\xc0",
        "\x0f\x21\xf8", "\x0f\x23\xf8", "\x0f\x30",     "\x0f\x31",     "\x0f\x32",
        "\x0f\x01\xd1", "\x0f\x01\x38", "\x0f\x01\xf9",
    };

    (void)state;
    PV.kernel_mode = false;
    PV.iopl = 3;
    PV.cr4 = CR4_TSD;
    for (unsigned int n = 0; n < ARRAY_SIZE(code); n++) {
        guest_code(CODE, code[n], 3);
        assert_false(pv_emulate_privileged(R));
        assert_int_equal(R->rip, CODE);
    }
    assert_int_equal(injected, -1);
    PV.kernel_mode = true;
    /* Neither do these: a lock prefix, a load, descriptor tables, rdpmc, swapgs. */
    CODE_AT(CODE, "\xf0\x0f\x32");
    assert_false(pv_emulate_privileged(R));
    CODE_AT(CODE, "\x8b\x00");
    assert_false(pv_emulate_privileged(R));
    CODE_AT(CODE, "\x0f\x01\x18");
    assert_false(pv_emulate_privileged(R));
    CODE_AT(CODE, "\x0f\x33");
    assert_false(pv_emulate_privileged(R));
    CODE_AT(CODE, "\x0f\x01\xf8");
    assert_false(pv_emulate_privileged(R));
}

static void debug_and_control(void **state)
{
    (void)state;
    CODE_AT(CODE, "\x0f\x21\xf8"); /* mov rax, dr7 */
    assert_true(pv_emulate_privileged(R));
    assert_int_equal(R->rax, 0x1007);
    CODE_AT(CODE, "\x44\x0f\x21\xf8"); /* dr15 */
    assert_true(pv_emulate_privileged(R));
    assert_true(injected == 6 && R->rip == CODE);
    CODE_AT(CODE, "\x0f\x23\xc0"); /* mov dr0, rax */
    R->rax = 1;
    assert_true(pv_emulate_privileged(R));
    assert_int_equal(injected, 13);
    injected = -1;
    CODE_AT(CODE, "\x0f\x01\xd1"); /* xsetbv needs CR4.OSXSAVE */
    R->rax = 3;
    R->rcx = R->rdx = 0;
    assert_true(pv_emulate_privileged(R));
    assert_true(injected == 6 && R->rip == CODE);
    PV.cr4 = CR4_OSXSAVE;
    assert_true(pv_emulate_privileged(R));
    assert_int_equal(R->rip, CODE + 3);
    CODE_AT(CODE, "\xf4"); /* hlt */
    assert_true(pv_emulate_privileged(R));
    CODE_AT(CODE, "\x0f\x06"); /* clts */
    PV.cr0 = CR0_TS;
    assert_true(pv_emulate_privileged(R));
    assert_int_equal(PV.cr0, 0);
    CODE_AT(CODE, "\x0f\x20\xd0"); /* mov rax, cr2 */
    guest_vcpu.info->arch.cr2 = 0x1234;
    assert_true(pv_emulate_privileged(R));
    assert_int_equal(R->rax, 0x1234);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(store_of_an_entry, setup),
        cmocka_unit_test_setup(single_step_goes_on, setup),
        cmocka_unit_test_setup(narrow_store_is_merged, setup),
        cmocka_unit_test_setup(endless_races_give_up, setup),
        cmocka_unit_test_setup(compare_and_exchange, setup),
        cmocka_unit_test_setup(not_for_us, setup),
        cmocka_unit_test_setup(code_at_a_page_end, setup),
        cmocka_unit_test_setup(repeated_store, setup),
        cmocka_unit_test_setup(gs_relative, setup),
        cmocka_unit_test_setup(store_to_a_readonly_device, setup),
        cmocka_unit_test_setup(in_and_out, setup),
        cmocka_unit_test_setup(ports_not_given, setup),
        cmocka_unit_test_setup(shared_ports, setup),
        cmocka_unit_test_setup(privilege, setup),
        cmocka_unit_test_setup(pci_configuration, setup),
        cmocka_unit_test_setup(string_input, setup),
        cmocka_unit_test_setup(string_input_faults, setup),
        cmocka_unit_test_setup(string_output_backward, setup),
        cmocka_unit_test_setup(msr_and_cpuid, setup),
        cmocka_unit_test_setup(cpuid_faulting, setup),
        cmocka_unit_test_setup(time_stamp, setup),
        cmocka_unit_test_setup(kernel_only, setup),
        cmocka_unit_test_setup(debug_and_control, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
