/* What state.h describes, and what is not linked. */
#include "state.h"

#include <arch/cpu_features.h>
#include <arch/debugreg.h>
#include <hv/arch.h>
#include <hv/guest_access.h>
#include <hv/sched.h>

struct domain *guest;
struct vcpu_guest_context good;
uint64_t tsc_hz = 2000000000;

static struct cpu_policy policy;

const struct arch_abi arch_abi = { .vm_assist_all = 1UL << VMASST_TYPE_runstate_update_flag |
                                                    1UL << VMASST_TYPE_m2p_strict };

/* ---- not linked ---- */

unsigned int any_index(void)
{
    return below(PTES_PER_TABLE);
}

int arch_vcpu_send_nmi(struct vcpu *v)
{
    v->nmi_pending = true;
    return 0;
}

bool tsc_is_synchronised(void)
{
    return true;
}

uint64_t rdmsr(uint32_t msr)
{
    (void)msr;
    return 0;
}

void wrmsr(uint32_t msr, uint64_t value)
{
    fail_msg("a vCPU that does not run: MSR 0x%x is written (0x%lx)", msr, value);
}

uint64_t pv_visible_cr4(const struct vcpu *v)
{
    return v->arch->pv.cr4 | CR4_PAE;
}

void pv_set_cr4(struct vcpu *v, uint64_t value)
{
    v->arch->pv.cr4 = value & (CR4_TSD | CR4_DE | CR4_FSGSBASE | CR4_OSXSAVE);
}

void pv_inject_fault(unsigned int vector, uint32_t error)
{
    (void)vector, (void)error;
}

int policy_domain_init(struct domain *d)
{
    policy = (struct cpu_policy){ .vendor = VENDOR_INTEL, .xcr0 = fpu_max_xcr0() };
    policy.features[WORD_E1D] = 1u << (X86_RDTSCP % 32);
    policy.cpuid_faulting = true;
    d->arch->policy = &policy;
    return 0;
}

void policy_domain_free(struct domain *d)
{
    d->arch->policy = NULL;
}

/* ---- the guest ---- */

static void fill(void *at, size_t size)
{
    for (size_t n = 0; n < size; n++)
        ((uint8_t *)at)[n] = (uint8_t)random64();
}

static void make_good(void)
{
    struct cpu_user_regs *u = &good.user_regs;
    uint32_t mxcsr = 0x1fa0;

    memset(&good, 0, sizeof(good));
    good.flags = VGCF_in_kernel | VGCF_online | VGCF_i387_valid | VGCF_failsafe_disables_events |
                 VGCF_syscall_disables_events;
    fill(&good.fpu_ctxt, sizeof(good.fpu_ctxt));
    memcpy(good.fpu_ctxt.x + 24, &mxcsr, sizeof(mxcsr));
    fill(u, offsetof(struct cpu_user_regs, error_code));
    u->rip = 0xffffffff81000000;
    u->cs = 0xe033;
    u->rflags = 0x200000 | 0x1000 | 0x246; /* ID, IOPL 1 */
    u->rsp = 0xffffffff82000000;
    u->ss = 0xe02b;
    u->ds = 0x2b;
    u->es = 0x33;
    u->fs = 0x3b;
    u->gs = 0x43;
    for (unsigned int n = 0; n < 256; n++)
        good.trap_ctxt[n] = (struct trap_info){ (uint8_t)n, n & 7, 0xe033, 0x1000 + n };
    good.ldt_base = 0x7000;
    good.ldt_ents = 700;
    for (unsigned int n = 0; n < 3; n++)
        good.gdt_frames[n] = own[1][GDT_FIRST + n].v;
    good.gdt_ents = 2 * 512 + 3;
    good.kernel_ss = 0xe02b;
    good.kernel_sp = 0xffff888000001000;
    good.ctrlreg[0] = CR0_PG | CR0_PE | CR0_NE | CR0_WP | CR0_AM | CR0_ET | CR0_MP | CR0_TS;
    good.ctrlreg[1] = xen_pfn_to_cr3(own[1][USER_TABLE].v);
    good.ctrlreg[3] = xen_pfn_to_cr3(own[1][0].v);
    good.ctrlreg[4] = CR4_PAE | CR4_DE;
    good.debugreg[0] = 0x1000;
    good.debugreg[3] = 0xffff888000000000;
    good.debugreg[6] = DR6_DEFAULT | 1;
    good.debugreg[7] = DR7_DEFAULT | 0xd0001;
    good.event_callback_eip = 0xffffffff81000100;
    good.failsafe_callback_eip = 0xffffffff81000200;
    good.syscall_callback_eip = 0xffffffff81000300;
    good.vm_assist = 1UL << VMASST_TYPE_m2p_strict;
    good.fs_base = 0x7f0000000000;
    good.gs_base_kernel = 0xffff888000000000;
    good.gs_base_user = 0x1234;
}

int setup(void **state)
{
    (void)state;
    guest = make_domain(1, 2, 0);
    for (unsigned int n = 0; n < 2; n++) {
        guest->vcpu[n]->is_running = false;
        guest->vcpu[n]->pause_flags = 1UL << VCPU_DOWN;
    }
    run_on(CPUS);
    make_good();
    return 0;
}

int teardown(void **state)
{
    (void)state;
    assert_int_equal(guest->pause_count, 0);
    preempt_one_in = fault_one_in = 0;
    kill_domain(1);
    free_domain(1);
    assert_int_equal(hv_heap_used(), 0);
    return 0;
}

int set_context(unsigned int vcpu, const struct vcpu_guest_context *c)
{
    struct xen_domctl op = { .u.vcpucontext.vcpu = vcpu };

    op.u.vcpucontext.ctxt.p = (struct vcpu_guest_context *)(uintptr_t)c;
    return domctl_setvcpucontext(guest, &op);
}

int get_context(unsigned int vcpu, struct vcpu_guest_context *c)
{
    struct xen_domctl op = { .u.vcpucontext.vcpu = vcpu };

    op.u.vcpucontext.ctxt.p = c;
    return domctl_getvcpucontext(guest, &op);
}

void assert_context(unsigned int vcpu, const struct vcpu_guest_context *c)
{
    struct vcpu_guest_context got;

    assert_int_equal(get_context(vcpu, &got), 0);
    assert_memory_equal(&got, c, sizeof(got));
}

int main(void)
{
    struct CMUnitTest all[32];
    size_t n = 0;

    host_cpu.features[WORD_1C] = cpuid(1, 0).ecx & 1u << (X86_XSAVE % 32);
    fpu_detect();
    machine_start();
    for (size_t i = 0; i < nr_context_tests; i++)
        all[n++] = context_tests[i];
    for (size_t i = 0; i < nr_extended_tests; i++)
        all[n++] = extended_tests[i];
    return _cmocka_run_group_tests("vcpu_state", all, n, NULL, NULL);
}
