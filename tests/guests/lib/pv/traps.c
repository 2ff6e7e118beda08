/*
 * The guest's virtual IDT and what happens behind it: hooks first, then the innermost try_call(),
 * otherwise the guest gives up with the registers.
 */
#include "pv.h"

struct recovery {
    uint64_t rsp;
    struct fault fault;
    struct recovery *outer;
};

long catch_call(uint64_t *saved_rsp, void (*fn)(void *), void *arg);
extern char catch_fault[];
void trap(struct frame *frame);

static struct recovery *recoveries[MAX_GUEST_VCPUS];
static struct frame last_frames[MAX_GUEST_VCPUS];
static trap_hook *hooks[VECTORS];

void hook_trap(int vector, trap_hook *hook)
{
    hooks[vector] = hook;
}

struct frame *last_fault_frame(void)
{
    return &last_frames[vcpu_id()];
}

uint64_t try_stack(void)
{
    return recoveries[vcpu_id()]->rsp;
}

void trap(struct frame *frame)
{
    unsigned int self = vcpu_id();
    struct recovery *recovery = recoveries[self];

    if (frame->vector == VECTOR_UPCALL) {
        events_upcall();
        return;
    }
    if (hooks[frame->vector] && hooks[frame->vector](frame))
        return;
    if (!recovery) {
        bail("unexpected trap %ld, error 0x%lx, rip %lx:%lx, rsp %lx, cr2 %lx, vcpu %u",
             frame->vector, frame->error, frame->cs, frame->rip, frame->rsp, vcpu_info()->arch.cr2,
             self);
    }
    last_frames[self] = *frame;
    recovery->fault.vector = (int)frame->vector;
    recovery->fault.error = (uint32_t)frame->error;
    recovery->fault.rip = frame->rip;
    recovery->fault.cr2 = vcpu_info()->arch.cr2;
    frame->rip = (uint64_t)catch_fault;
    frame->cs = KERNEL_CS;
    frame->ss = KERNEL_SS;
    frame->rsp = recovery->rsp;
    frame->rflags &= RFLAGS_IF;
}

struct fault try_call(void (*fn)(void *), void *arg)
{
    struct recovery here = { .fault = { .vector = NO_FAULT } };
    unsigned int self = vcpu_id();

    here.outer = recoveries[self];
    recoveries[self] = &here;
    catch_call(&here.rsp, fn, arg);
    recoveries[self] = here.outer;
    return here.fault;
}

struct access {
    uint64_t address, value;
};

static void do_read(void *arg)
{
    struct access *access = arg;

    __asm__ volatile("mov (%1), %0" : "=r"(access->value) : "r"(access->address) : "memory");
}

static void do_write(void *arg)
{
    struct access *access = arg;

    __asm__ volatile("mov %0, (%1)" : : "r"(access->value), "r"(access->address) : "memory");
}

static void do_jump(void *arg)
{
    __asm__ volatile("call *%0" : : "r"(arg) : "memory");
}

struct fault try_read(const volatile void *address, uint64_t *value)
{
    struct access access = { .address = (uint64_t)address };
    struct fault fault = try_call(do_read, &access);

    if (value)
        *value = access.value;
    return fault;
}

struct fault try_write(volatile void *address, uint64_t value)
{
    struct access access = { .address = (uint64_t)address, .value = value };

    return try_call(do_write, &access);
}

struct fault try_jump(uint64_t address)
{
    return try_call(do_jump, (void *)address);
}

void traps_fill(struct trap_info *table)
{
    for (unsigned int vector = 0; vector < 256; vector++) {
        bool from_user = vector == VECTOR_BP || vector == VECTOR_OF || vector == 0x80;

        table[vector] = (struct trap_info){
            .vector = (uint8_t)vector,
            .flags = from_user ? 3 : 0,
            .cs = FLAT_KERNEL_CS,
            .address = (unsigned long)vector_stubs + vector * 32ul,
        };
    }
    memset(&table[256], 0, sizeof(table[256]));
}

long callback_register(unsigned int type, unsigned int flags, uint64_t address)
{
    struct callback_register arg = {
        .type = (uint16_t)type,
        .flags = (uint16_t)flags,
        .address = address,
    };

    return hypercall2(__HYPERVISOR_callback_op, CALLBACKOP_register, (unsigned long)&arg);
}

void traps_init(void)
{
    static struct trap_info table[257];

    traps_fill(table);
    if (set_trap_table(table))
        bail("set_trap_table refused");
    if (callback_register(CALLBACKTYPE_event, 0, (uint64_t)upcall_stub) ||
        callback_register(CALLBACKTYPE_failsafe, 0, (uint64_t)failsafe_stub) ||
        callback_register(CALLBACKTYPE_syscall, CALLBACKF_mask_events, (uint64_t)syscall_stub))
        bail("callback_op refused");
}
