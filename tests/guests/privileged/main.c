/*
 * Privileged instructions that a PV kernel may use all the same: emulated to the extent that the
 * guest owns what they touch, #GP otherwise.
 */
#include "pv.h"

#include <xen/arch-x86/cpuid.h>

static uint32_t forced_cpuid(uint32_t leaf, uint32_t out[4])
{
    __asm__ volatile(XEN_EMULATE_PREFIX "cpuid"
                     : "=a"(out[0]), "=b"(out[1]), "=c"(out[2]), "=d"(out[3])
                     : "a"(leaf), "c"(0));
    return out[0];
}

struct msr {
    uint32_t index;
    uint64_t value;
};

static void do_rdmsr(void *arg)
{
    struct msr *msr = arg;
    uint32_t low, high;

    __asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr->index));
    msr->value = (uint64_t)high << 32 | low;
}

static void do_wrmsr(void *arg)
{
    struct msr *msr = arg;

    __asm__ volatile("wrmsr"
                     :
                     : "c"(msr->index), "a"((uint32_t)msr->value),
                       "d"((uint32_t)(msr->value >> 32)));
}

static int rdmsr(uint32_t index, uint64_t *value)
{
    struct msr msr = { .index = index };
    int vector = try_call(do_rdmsr, &msr).vector;

    *value = msr.value;
    return vector;
}

static int wrmsr(uint32_t index, uint64_t value)
{
    struct msr msr = { index, value };

    return try_call(do_wrmsr, &msr).vector;
}

static void read_cr0(void *arg)
{
    __asm__ volatile("mov %%cr0, %0" : "=r"(*(uint64_t *)arg));
}

static void write_cr0(void *arg)
{
    __asm__ volatile("mov %0, %%cr0" : : "r"(*(uint64_t *)arg));
}

static void read_cr2(void *arg)
{
    __asm__ volatile("mov %%cr2, %0" : "=r"(*(uint64_t *)arg));
}

static void read_cr3(void *arg)
{
    __asm__ volatile("mov %%cr3, %0" : "=r"(*(uint64_t *)arg));
}

static void write_cr3(void *arg)
{
    __asm__ volatile("mov %0, %%cr3" : : "r"(*(uint64_t *)arg));
}

static void read_cr4(void *arg)
{
    __asm__ volatile("mov %%cr4, %0" : "=r"(*(uint64_t *)arg));
}

static void write_cr4(void *arg)
{
    __asm__ volatile("mov %0, %%cr4" : : "r"(*(uint64_t *)arg));
}

static void do_clts(void *arg)
{
    (void)arg;
    __asm__ volatile("clts");
}

static void touch_fpu(void *arg)
{
    (void)arg;
    __asm__ volatile("fnop");
}

static void do_wbinvd(void *arg)
{
    (void)arg;
    __asm__ volatile("wbinvd");
}

static void do_lidt(void *arg)
{
    __asm__ volatile("lidt (%0)" : : "r"(arg) : "memory");
}

static void do_ltr(void *arg)
{
    __asm__ volatile("ltr %w0" : : "r"(arg));
}

struct port {
    uint16_t number;
    uint32_t value;
};

static void do_in8(void *arg)
{
    struct port *port = arg;
    uint8_t value;

    __asm__ volatile("inb %w1, %b0" : "=a"(value) : "d"(port->number));
    port->value = value;
}

static void do_in32(void *arg)
{
    struct port *port = arg;

    __asm__ volatile("inl %w1, %0" : "=a"(port->value) : "d"(port->number));
}

static void do_out8(void *arg)
{
    struct port *port = arg;

    __asm__ volatile("outb %b0, %w1" : : "a"((uint8_t)port->value), "d"(port->number));
}

static void do_out32(void *arg)
{
    struct port *port = arg;

    __asm__ volatile("outl %0, %w1" : : "a"(port->value), "d"(port->number));
}

static void do_insb(void *arg)
{
    void *to = arg;
    uint64_t count = 4;

    __asm__ volatile("rep insb" : "+D"(to), "+c"(count) : "d"(0x71) : "memory");
}

static void check_cpuid(void)
{
    uint32_t out[4];

    forced_cpuid(XEN_CPUID_FIRST_LEAF, out);
    ok(out[1] == XEN_CPUID_SIGNATURE_EBX && out[2] == XEN_CPUID_SIGNATURE_ECX &&
           out[3] == XEN_CPUID_SIGNATURE_EDX,
       "forced CPUID has the hypervisor's signature");
    ok(out[0] >= XEN_CPUID_FIRST_LEAF + 2, "and at least two leaves more");
    is(forced_cpuid(XEN_CPUID_FIRST_LEAF + 1, out), 4 << 16 | 17, "version 4.17");
    forced_cpuid(XEN_CPUID_FIRST_LEAF + 2, out);
    ok(out[2] & XEN_CPUID_FEAT1_MMU_PT_UPDATE_PRESERVE_AD, "preserve_ad is promised");
    forced_cpuid(1, out);
    ok(out[2] >> 31, "leaf 1 says that there is a hypervisor");
    ok(!(out[2] >> 5 & 1), "and no VMX");
}

static void check_msrs(void)
{
    static uint64_t word = 0x99;
    uint64_t value;

    is(rdmsr(0xc0000080, &value), NO_FAULT, "read EFER");
    ok((value & 0x501) == 0x501, "EFER 0x%lx has SCE, LME and LMA", value);
    is(wrmsr(0xc0000101, (uint64_t)&word), NO_FAULT, "write GS_BASE");
    __asm__ volatile("mov %%gs:0, %0" : "=r"(value));
    is((long)value, 0x99, "it counts");
    is(rdmsr(0xc0000101, &value), NO_FAULT, "read it");
    is((long)value, (long)&word, "it reads back");
    is(wrmsr(0xc0000100, 0x1234), NO_FAULT, "write FS_BASE");
    is(rdmsr(0xc0000100, &value), NO_FAULT, "read it");
    is((long)value, 0x1234, "it reads back");
    is(rdmsr(0x1b, &value), NO_FAULT, "read APIC_BASE");
    is(rdmsr(0x12345678, &value), VECTOR_GP, "an unknown MSR is #GP");
    is(wrmsr(0x12345678, 1), VECTOR_GP, "to write as well");
    is(wrmsr(0xc0000101, 0x8000000000000000), VECTOR_GP, "a non-canonical base is #GP");
}

static void check_control_registers(void)
{
    uint64_t cr0 = 0, cr3 = 0, cr4 = 0, value;

    is(try_call(read_cr0, &cr0).vector, NO_FAULT, "read CR0");
    ok((cr0 & 0x80000001) == 0x80000001, "CR0 0x%lx has PG and PE", cr0);
    value = cr0 | 8;
    is(try_call(write_cr0, &value).vector, NO_FAULT, "set TS");
    is(try_call(touch_fpu, NULL).vector, VECTOR_NM, "and the FPU raises #NM");
    value = cr0 | 8;
    try_call(write_cr0, &value);
    is(try_call(do_clts, NULL).vector, NO_FAULT, "clts");
    is(try_call(touch_fpu, NULL).vector, NO_FAULT, "and it does not");
    value = cr0 & ~0x80000000ul;
    is(try_call(write_cr0, &value).vector, VECTOR_GP, "clearing PG is #GP");
    try_read((void *)0xdead1000ul, NULL);
    is(try_call(read_cr2, &value).vector, NO_FAULT, "read CR2");
    is((long)value, 0xdead1000, "it is the last fault's address");
    is(try_call(read_cr3, &cr3).vector, NO_FAULT, "read CR3");
    is((long)cr3, (long)xen_pfn_to_cr3(root_mfn()), "it names the root table");
    is(try_call(write_cr3, &cr3).vector, NO_FAULT, "write it back");
    value = xen_pfn_to_cr3(virt_to_mfn(alloc_page()));
    is(try_call(write_cr3, &value).vector, VECTOR_GP, "a writable page as root is #GP");
    is(try_call(read_cr4, &cr4).vector, NO_FAULT, "read CR4");
    ok(cr4 & 0x20, "CR4 0x%lx has PAE", cr4);
    is(try_call(write_cr4, &cr4).vector, NO_FAULT, "write it back");
}

static void check_others(void)
{
    static char descriptor[16];

    is(try_call(do_wbinvd, NULL).vector, NO_FAULT, "wbinvd");
    is(try_call(do_lidt, descriptor).vector, VECTOR_GP, "lidt is #GP");
    is(try_call(do_ltr, (void *)0x40).vector, VECTOR_GP, "ltr is #GP");
}

static void check_ports(void)
{
    struct physdev_set_iopl iopl = { .iopl = 1 };
    struct port rtc = { .number = 0x70, .value = 0x0b }, uart = { .number = 0x3f8 },
                pit = { 0x40, 0 };
    struct port address = { 0xcf8, 0x80000000 }, data = { 0xcfc, 0 };
    uint8_t bytes[4] = { 0 };

    is(try_call(do_in8, &rtc).vector, VECTOR_GP, "a port without IOPL is #GP");
    is(physdev_op(PHYSDEVOP_set_iopl, &iopl), 0, "set_iopl(1)");
    is(try_call(do_out8, &rtc).vector, NO_FAULT, "write the RTC's index");
    rtc.number = 0x71;
    is(try_call(do_in8, &rtc).vector, NO_FAULT, "read its data");
    ok(rtc.value & 2, "register B 0x%x says 24 hours", rtc.value);
    is(try_call(do_insb, bytes).vector, NO_FAULT, "read it with rep insb");
    is(try_call(do_out32, &address).vector, NO_FAULT, "write the PCI address port");
    is(try_call(do_in32, &address).vector, NO_FAULT, "read it");
    is(address.value, 0x80000000, "it reads back");
    is(try_call(do_in32, &data).vector, NO_FAULT, "read the PCI data port");
    is(data.value & 0xffff, 0x8086, "the host bridge's vendor");
    /* Ports that are the hypervisor's own float, or fault, but never reach the device. */
    is(try_call(do_in8, &pit).vector, NO_FAULT, "reading the PIT does not fault");
    uart.value = 0x5a;
    ok(try_call(do_in8, &uart).vector == VECTOR_GP || uart.value == 0xff,
       "the console's UART is not read");
    iopl.iopl = 4;
    is(physdev_op(PHYSDEVOP_set_iopl, &iopl), -XEN_EINVAL, "set_iopl(4) is EINVAL");
    iopl.iopl = 0;
    physdev_op(PHYSDEVOP_set_iopl, &iopl);
    is(try_call(do_in8, &rtc).vector, VECTOR_GP, "back to IOPL 0: #GP");
}

static void check_port_bitmap(void)
{
    struct physdev_set_iobitmap arg = { .nr_ports = 0x100 };
    struct port delay = { 0x80, 0 }, rtc = { 0x70, 0 };
    uint8_t *bitmap = alloc_page();

    memset(bitmap, 0xff, PAGE_SIZE);
    bitmap[0x80 / 8] = 0xfe;
    set_xen_guest_handle(arg.bitmap, (void *)bitmap);
    is(physdev_op(PHYSDEVOP_set_iobitmap, &arg), 0, "set_iobitmap");
    is(try_call(do_in8, &delay).vector, NO_FAULT, "a port that it allows");
    is(try_call(do_in8, &rtc).vector, VECTOR_GP, "a port that it does not");
    arg.nr_ports = 0x20000;
    is(physdev_op(PHYSDEVOP_set_iobitmap, &arg), -XEN_EINVAL, "too many ports are EINVAL");
}

void guest_main(void)
{
    check_cpuid();
    check_msrs();
    check_control_registers();
    check_others();
    check_ports();
    check_port_bitmap();
}
