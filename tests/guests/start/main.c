/*
 * What a PV guest is given: start info, shared info, and the answers of xen_version.
 */
#include "pv.h"

static void check_start_info(void)
{
    ok(!strncmp(start_info->magic, "xen-3.0-x86_64", 14), "start info magic is xen-3.0-x86_64");
    ok(start_info->nr_pages > 1000, "the guest has %lu pages", start_info->nr_pages);
    ok((start_info->flags & (SIF_PRIVILEGED | SIF_INITDOMAIN)) == (SIF_PRIVILEGED | SIF_INITDOMAIN),
       "flags 0x%x say privileged and initial domain", start_info->flags);
    ok(start_info->pt_base % PAGE_SIZE == 0 && start_info->nr_pt_frames >= 4,
       "%lu page tables at %lx", start_info->nr_pt_frames, start_info->pt_base);
    ok(start_info->mfn_list % PAGE_SIZE == 0, "the p2m list is page aligned");
    ok(start_info->shared_info % PAGE_SIZE == 0, "shared info is a page's machine address");
    is(start_info->mod_len, 0, "no initrd was given");
    is((long)option("answer", 0), 42, "the command line arrived: \"%s\"", start_info->cmd_line);
}

static void check_translation(void)
{
    unsigned long wrong = 0;

    for (unsigned long pfn = 0; pfn < start_info->nr_pages; pfn++)
        wrong += mfn_to_pfn(pfn_to_mfn(pfn)) != pfn;
    is((long)wrong, 0, "M2P inverts P2M for every page");
    is((long)pte_mfn(*pte_of((uint64_t)start_info, 1)), (long)virt_to_mfn(start_info),
       "page tables map what the p2m says");
    ok(!(*pte_of(start_info->pt_base, 1) & PTE_RW), "the root table is mapped read-only");
    ok(pte_of(HYPERVISOR_VIRT_START, 4) && (*pte_of(HYPERVISOR_VIRT_START, 4) & PTE_P),
       "the M2P's slot of the root is present");
    ok(try_write((void *)HYPERVISOR_VIRT_START, 0).vector == VECTOR_PF, "the M2P is read-only");
}

static void check_shared_info(void)
{
    struct vcpu_info *self = vcpu_info();

    is(self->evtchn_upcall_mask, 1, "the first vCPU starts with events masked");
    ok(self->time.tsc_to_system_mul != 0 && !(self->time.version & 1), "time info is filled in");
    ok(shared_info->wc_sec > 1000000000u, "wall clock says %u s since 1970", shared_info->wc_sec);
    ok(!(shared_info->wc_version & 1), "wall clock version is even");
}

static void check_version(void)
{
    static char text[PAGE_SIZE];
    struct xen_platform_parameters platform;
    struct xen_feature_info features = { .submap_idx = 0 };
    xen_domain_handle_t handle;
    uint32_t need = 1u << XENFEAT_mmu_pt_update_preserve_ad | 1u << XENFEAT_dom0 |
                    1u << XENFEAT_gnttab_map_avail_bits;

    is(xen_version(XENVER_version, NULL), 4 << 16 | 17, "the version is 4.17");
    is(xen_version(XENVER_extraversion, text), 0, "extraversion");
    ok(text[0] == '.', "extraversion starts with a dot: \"%s\"", text);
    is(xen_version(XENVER_compile_info, text), 0, "compile info");
    ok(text[0], "it names a compiler: \"%s\"", text);
    is(xen_version(XENVER_capabilities, text), 0, "capabilities");
    ok(!strncmp(text, "xen-3.0-x86_64", 14), "they name this ABI: \"%s\"", text);
    is(xen_version(XENVER_changeset, text), 0, "changeset");
    is(xen_version(XENVER_platform_parameters, &platform), 0, "platform parameters");
    is((long)platform.virt_start, (long)HYPERVISOR_VIRT_START, "virt_start");
    is(xen_version(XENVER_get_features, &features), 0, "features");
    note("features 0x%x", features.submap);
    is(features.submap & need, need, "promises preserve_ad, dom0 and gnttab avail bits");
    is(features.submap & (1u << XENFEAT_auto_translated_physmap), 0, "not auto-translated");
    features.submap_idx = 1;
    is(xen_version(XENVER_get_features, &features), -XEN_EINVAL, "there is one feature word");
    is(xen_version(XENVER_pagesize, NULL), PAGE_SIZE, "page size");
    is(xen_version(XENVER_guest_handle, handle), 0, "guest handle");
    is(xen_version(XENVER_commandline, text), 0, "hypervisor command line");
    ok(!strncmp(text, "console=com1", 12), "it is what was given: \"%s\"", text);
    is(xen_version(1000, NULL), -XEN_ENOSYS, "an unknown subop is ENOSYS");
    is(xen_version(XENVER_extraversion, (void *)0xdead000ul), -XEN_EFAULT,
       "a bad buffer is EFAULT");
}

void guest_main(void)
{
    check_start_info();
    check_translation();
    check_shared_info();
    check_version();
}
