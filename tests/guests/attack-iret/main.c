/*
 * The iret hypercall takes a frame on trust of nothing: ring 0 selectors, flags that only ring 0
 * may set, bad stacks. Each ends in the guest, at the guest's privilege.
 */
#include "pv.h"

static uint64_t stack_below(void)
{
    uint64_t stack;

    __asm__("mov %%rsp, %0" : "=r"(stack));
    return stack - 2048;
}

static void go(void *arg)
{
    resume(arg);
}

/* Written by the assembly below only. */
static uint64_t flags_seen __attribute__((used));
static uint16_t cs_seen __attribute__((used)), ss_seen __attribute__((used));

__asm__(".pushsection .text\n"
        "look_around:\n"
        "    pushfq; pop flags_seen(%rip)\n"
        "    mov %cs, cs_seen(%rip); mov %ss, ss_seen(%rip)\n"
        "    ud2\n"
        ".popsection\n");
extern char look_around[];

static struct fault run(uint64_t cs, uint64_t ss, uint64_t rflags)
{
    struct frame frame = {
        .rip = (uint64_t)look_around, .cs = cs, .ss = ss, .rflags = rflags, .rsp = stack_below()
    };

    cs_seen = ss_seen = 0;
    flags_seen = 0;
    return try_call(go, &frame);
}

static void check_selectors(void)
{
    static const uint16_t selectors[] = { 0,      3,      8,      0xb,    0x10,   0xe008, 0xe010,
                                          0xe018, 0xe01b, 0xe038, 0xe03b, 0xe040, 0xe043, 0xe048,
                                          0xe050, 0xe058, 0xe060, 0xe02b, 0xfff8, 0xffff, 0x7 };
    unsigned int escaped = 0;

    for (unsigned int i = 0; i < ARRAY_SIZE(selectors); i++) {
        run(selectors[i] & ~3ul, KERNEL_SS, RFLAGS_IF);
        run((selectors[i] & ~3ul) | 1, KERNEL_SS, RFLAGS_IF);
        escaped += cs_seen && (cs_seen & 3) != 3;
        run(KERNEL_CS, selectors[i], RFLAGS_IF);
        escaped += cs_seen && ((cs_seen & 3) != 3 || (ss_seen & 3) != 3);
    }
    is(escaped, 0, "no selector gives another ring");
    is(run(KERNEL_CS, KERNEL_SS, RFLAGS_IF).vector, VECTOR_UD, "the right ones still work");
    is(cs_seen, FLAT_KERNEL_CS, "and are what they were");
}

static void check_flags(void)
{
    static const struct {
        const char *name;
        uint64_t flag;
    } flags[] = { { "IOPL 3", 0x3000 }, { "NT", 0x4000 },    { "VM", 0x20000 },
                  { "VIF", 0x80000 },   { "VIP", 0x100000 }, { "the high half", ~0ul << 32 } };

    for (unsigned int i = 0; i < ARRAY_SIZE(flags); i++) {
        struct fault fault = run(KERNEL_CS, KERNEL_SS, RFLAGS_IF | flags[i].flag);

        ok(fault.vector != NO_FAULT && !(flags_seen & 0x3000 & flags[i].flag) &&
               !(flags_seen & 0x20000),
           "with %s: vector %d, flags seen 0x%lx", flags[i].name, fault.vector, flags_seen);
    }
    run(KERNEL_CS, KERNEL_SS, 0);
    ok(flags_seen & RFLAGS_IF, "interrupts are never off: flags seen 0x%lx", flags_seen);
    run(KERNEL_CS, KERNEL_SS, RFLAGS_IF | 0x40000);
    ok(true, "alignment checks are the guest's own trouble");
}

static void native_iret(void *arg)
{
    __asm__ volatile(
        "push %1; push %2; pushfq; push %0; lea 1f(%%rip), %%rax; push %%rax; iretq; 1:"
        :
        : "r"(arg), "i"(0), "r"(stack_below())
        : "rax", "memory");
}

static void native_sysret(void *arg)
{
    __asm__ volatile("sysretq" : : "c"(arg));
}

static void store_flags(void *arg)
{
    (void)arg;
    __asm__ volatile("pushfq; orq $0x3000, (%%rsp); popfq" : : : "memory", "cc");
}

static void clear_interrupts(void *arg)
{
    (void)arg;
    __asm__ volatile("cli");
}

static void check_instructions(void)
{
    uint64_t flags;

    is(try_call(native_iret, (void *)(KERNEL_CS)).vector, VECTOR_GP, "iretq to ring 0 is #GP");
    is(try_call(native_sysret, (void *)look_around).vector, VECTOR_GP, "sysret is #GP");
    try_call(store_flags, NULL);
    __asm__ volatile("pushfq; pop %0" : "=r"(flags));
    is((long)(flags & 0x3000), 0, "popf gives no IOPL");
    try_call(clear_interrupts, NULL);
    __asm__ volatile("pushfq; pop %0" : "=r"(flags));
    ok(flags & RFLAGS_IF, "cli takes no interrupts away");
}

void guest_main(void)
{
    check_selectors();
    check_flags();
    check_instructions();
}
