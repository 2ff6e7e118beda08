/*
 * From the boot modules to a running dom0: its kernel (module 0) and initrd (module 1), laid out as
 * public xen.h describes under "start_info". What the modules hold is the administrator's, but is
 * checked like any image.
 *
 * - From frame 0: the kernel's addresses from VIRT_BASE on, all mapped: kernel, initrd (if the
 *   kernel needs it mapped), p2m (if it has no place of its own), start_info, page tables, stack.
 * - Then an initrd that is only named by its frame, in place.
 * - Then the p2m list with the page tables that map it at INIT_P2M, and free memory.
 */
#include <hv/arch.h>
#include <hv/boot.h>
#include <hv/cmdline.h>
#include <hv/console.h>
#include <hv/errno.h>
#include <hv/mem.h>
#include <hv/printk.h>
#include <hv/sched.h>
#include <hv/string.h>
#include <arch/io.h>
#include <arch/processor.h>
#include <arch/trap.h>

#include "dom0.h"
#include "image.h"
#include "internal.h"

#define BOOT_PADDING (512UL << 10) /* free mapped memory behind the stack, at least */
#define BOOT_ALIGN   (4UL << 20)

static unsigned int max_vcpus;
UINT_OPTION("dom0_max_vcpus", max_vcpus, "number of dom0's vCPUs (default: one per CPU)");

struct layout {
    struct domain *d;
    struct pv_image image;
    struct dom0_memory mem;
    const struct boot_module *kernel, *initrd; /* initrd NULL: none */
    uint64_t total;                            /* pages, all in all */
    /* All in pages from virt_base, which are also the frame numbers. */
    uint64_t initrd_pfn, initrd_pages, p2m_pfn, p2m_pages, start_info_pfn, pt_pfn, pt_pages,
        stack_pfn, mapped_pages;
    uint64_t p2m_pt_pfn, p2m_pt_pages;
};

static init_text uint64_t tables_for(uint64_t va, uint64_t pages)
{
    uint64_t count = 0, end = va + (pages << PAGE_SHIFT) - 1;

    for (unsigned int level = 1; level < 4; level++) {
        unsigned int shift = PAGE_SHIFT + 9 * level;

        count += (end >> shift) - (va >> shift) + 1;
    }
    return count;
}

/* Whole pages that only the kernel's module was in. */
static init_text void kernel_module_pages(const struct layout *l, uint64_t *start, uint64_t *end)
{
    *start = DIV_ROUND_UP(l->kernel->start.v, PAGE_SIZE);
    *end = max(*start, (l->kernel->start.v + l->kernel->size) >> PAGE_SHIFT);
}

/* Decide where everything goes. */
static init_text void plan(struct layout *l)
{
    uint64_t pfn = DIV_ROUND_UP(l->image.va_end - l->image.virt_base, PAGE_SIZE);
    bool map_initrd = l->initrd && !l->image.mod_start_pfn;

    l->initrd_pages = l->initrd ? DIV_ROUND_UP(l->initrd->size, PAGE_SIZE) : 0;
    l->p2m_pages = DIV_ROUND_UP(l->total * sizeof(uint64_t), PAGE_SIZE);
    if (map_initrd) {
        l->initrd_pfn = pfn;
        pfn += l->initrd_pages;
    }
    if (!l->image.has_p2m_base) {
        l->p2m_pfn = pfn;
        pfn += l->p2m_pages;
    }
    l->start_info_pfn = pfn++;
    l->pt_pfn = pfn;
    /* The tables map themselves, so their number decides how many there must be. */
    for (l->pt_pages = 1;; l->pt_pages++) {
        l->stack_pfn = l->pt_pfn + l->pt_pages;
        l->mapped_pages =
            ROUND_UP(((l->stack_pfn + 1) << PAGE_SHIFT) + BOOT_PADDING, BOOT_ALIGN) >> PAGE_SHIFT;
        if (1 + tables_for(l->image.virt_base, l->mapped_pages) <= l->pt_pages)
            break;
    }
    pfn = l->mapped_pages;
    if (l->initrd && !map_initrd) {
        l->initrd_pfn = pfn;
        pfn += l->initrd_pages;
    }
    if (l->image.has_p2m_base) {
        l->p2m_pfn = pfn;
        l->p2m_pt_pfn = pfn + l->p2m_pages;
        l->p2m_pt_pages = tables_for(l->image.p2m_base, l->p2m_pages);
    }
}

/* What must be there before the kernel is loaded; the rest comes when the module has been freed. */
static init_text int get_memory(struct layout *l)
{
    uint64_t first = l->initrd ? l->initrd->start.v >> PAGE_SHIFT : 0;
    uint64_t need = max(l->p2m_pt_pfn + l->p2m_pt_pages, l->mapped_pages + l->initrd_pages);
    bool in_place = l->initrd && !(l->initrd->start.v & ~PAGE_MASK);
    int rc;

    if (l->total < need + 256) {
        printk(LOG_ERR, "dom0 needs at least %lu MiB for its kernel and initrd.\n",
               (unsigned long)((need + 256 + 255) >> 8));
        return -ENOMEM;
    }
    if (!l->initrd)
        return dom0_memory_alloc(l->d, &l->mem, need);
    rc = dom0_memory_alloc(l->d, &l->mem, l->initrd_pfn);
    if (rc == 0 && in_place) {
        /* The module's own frames become dom0's; behind its last byte stands nobody's data. */
        uint64_t tail = -l->initrd->size & (PAGE_SIZE - 1);

        memset((char *)mfn_to_virt(mfn(first)) + l->initrd->size, 0, tail);
        rc = dom0_memory_donate(l->d, &l->mem, first, l->initrd_pages);
    } else if (rc == 0) {
        rc = dom0_memory_alloc(l->d, &l->mem, l->initrd_pages);
        for (uint64_t i = 0; rc == 0 && i < l->initrd_pages; i++)
            memcpy(dom0_page(&l->mem, l->initrd_pfn + i),
                   (char *)mfn_to_virt(mfn(first)) + (l->initrd->start.v & ~PAGE_MASK) +
                       (i << PAGE_SHIFT),
                   min(PAGE_SIZE, l->initrd->size - (i << PAGE_SHIFT)));
    }
    return rc ? rc : dom0_memory_alloc(l->d, &l->mem, need - l->mem.nr_pages);
}

/* Copy (src NULL: zero) to dom0's frames at an address of the kernel's. */
static init_text void put(struct layout *l, uint64_t va, const void *src, uint64_t size)
{
    uint64_t at = va - l->image.virt_base;

    while (size) {
        uint64_t n = min(size, PAGE_SIZE - (at & ~PAGE_MASK));
        char *to = (char *)dom0_page(&l->mem, at >> PAGE_SHIFT) + (at & ~PAGE_MASK);

        if (src) {
            memcpy(to, src, n);
            src = (const char *)src + n;
        } else {
            memset(to, 0, n);
        }
        at += n;
        size -= n;
    }
}

static init_text void load_kernel(struct layout *l)
{
    for (unsigned int i = 0; i < l->image.nr_segments; i++) {
        const struct pv_segment *s = &l->image.segment[i];

        put(l, s->va, s->data, s->filesz);
        put(l, s->va + s->filesz, NULL, s->memsz - s->filesz);
    }
    if (l->image.has_hypercall_page)
        pv_hypercall_page(
            dom0_page(&l->mem, (l->image.hypercall_page - l->image.virt_base) >> PAGE_SHIFT));
}

static init_text int get_the_rest(struct layout *l)
{
    uint64_t start, end;

    kernel_module_pages(l, &start, &end);
    frames_add_range(mfn(start), mfn(end), NUMA_ANY);
    return dom0_memory_alloc(l->d, &l->mem, l->total - l->mem.nr_pages);
}

static init_text void write_p2m(struct layout *l)
{
    uint64_t *entry = NULL;

    for (unsigned int p = 0; p < l->mem.nr_pieces; p++)
        for (uint64_t i = 0; i < l->mem.piece[p].count; i++) {
            uint64_t pfn = l->mem.piece[p].pfn + i, offset = pfn * sizeof(*entry) & ~PAGE_MASK;

            if (offset == 0)
                entry = dom0_page(&l->mem, l->p2m_pfn + (pfn * sizeof(*entry) >> PAGE_SHIFT));
            entry[offset / sizeof(*entry)] = l->mem.piece[p].mfn + i;
        }
}

/* Map `pages` of dom0 from pfn on at va, with tables from *next on. Tables are mapped read-only. */
static init_text void map(struct layout *l, uint64_t va, uint64_t pfn, uint64_t pages,
                          uint64_t *next)
{
    for (uint64_t i = 0; i < pages; i++, va += PAGE_SIZE) {
        pte_t *table = dom0_page(&l->mem, l->pt_pfn);
        bool is_table = pfn + i >= l->pt_pfn && pfn + i < l->pt_pfn + l->pt_pages;

        for (unsigned int level = 4; level > 1; level--) {
            pte_t *e = &table[pte_index(va, level)];

            if (!(*e & PTE_PRESENT)) {
                memset(dom0_page(&l->mem, *next), 0, PAGE_SIZE);
                *e = pte_make(dom0_mfn(&l->mem, (*next)++),
                              PTE_PRESENT | PTE_WRITE | PTE_USER | PTE_ACCESSED | PTE_DIRTY);
            }
            table = mfn_to_virt(pte_mfn(*e));
        }
        table[pte_index(va, 1)] =
            pte_make(dom0_mfn(&l->mem, pfn + i),
                     PTE_PRESENT | PTE_ACCESSED | PTE_DIRTY | (is_table ? 0 : PTE_WRITE));
    }
}

static init_text void build_tables(struct layout *l)
{
    uint64_t next = l->pt_pfn + 1;

    memset(dom0_page(&l->mem, l->pt_pfn), 0, PAGE_SIZE);
    map(l, l->image.virt_base, 0, l->mapped_pages, &next);
    if (l->image.has_p2m_base) {
        next = l->p2m_pt_pfn;
        map(l, l->image.p2m_base, l->p2m_pfn, l->p2m_pages, &next);
    }
}

static init_text void write_vga_info(struct start_info *si)
{
    struct dom0_vga_console_info *vga = (void *)(si + 1);

    if (boot_info.fb.type != 1)
        return;
    vga->video_type = XEN_VGATYPE_TEXT_MODE_3;
    vga->u.text_mode_3.rows = 25;
    vga->u.text_mode_3.columns = 80;
    vga->u.text_mode_3.font_height = 16;
    si->console.dom0.info_off = sizeof(*si);
    si->console.dom0.info_size = sizeof(*vga);
}

static init_text void write_start_info(struct layout *l)
{
    struct start_info *si = dom0_page(&l->mem, l->start_info_pfn);

    memset(si, 0, PAGE_SIZE);
    memcpy(si->magic, "xen-3.0-x86_64", sizeof("xen-3.0-x86_64"));
    si->nr_pages = l->total;
    si->shared_info = mfn_to_paddr(l->d->shared_info_mfn).v;
    si->flags = SIF_PRIVILEGED | SIF_INITDOMAIN;
    si->pt_base = l->image.virt_base + (l->pt_pfn << PAGE_SHIFT);
    si->nr_pt_frames = l->pt_pages;
    si->mfn_list =
        l->image.has_p2m_base ? l->image.p2m_base : l->image.virt_base + (l->p2m_pfn << PAGE_SHIFT);
    if (l->image.has_p2m_base) {
        si->first_p2m_pfn = l->p2m_pfn;
        si->nr_p2m_frames = l->p2m_pages + l->p2m_pt_pages;
    }
    if (l->initrd) {
        if (l->image.mod_start_pfn) {
            si->flags |= SIF_MOD_START_PFN;
            si->mod_start = l->initrd_pfn;
        } else {
            si->mod_start = l->image.virt_base + (l->initrd_pfn << PAGE_SHIFT);
        }
        si->mod_len = l->initrd->size;
    }
    if (strnlen(l->kernel->cmdline, MAX_GUEST_CMDLINE) == MAX_GUEST_CMDLINE)
        printk(LOG_WARN, "dom0's command line is cut to %d characters.\n", MAX_GUEST_CMDLINE - 1);
    memcpy(si->cmd_line, l->kernel->cmdline, strnlen(l->kernel->cmdline, MAX_GUEST_CMDLINE - 1));
    write_vga_info(si);
}

/* From here on the tables are validated like any other's. */
static init_text int start_vcpu(struct layout *l)
{
    struct vcpu *v = l->d->vcpu[0];
    int rc;

    spin_lock(&l->d->arch->pv.lock);
    do
        rc = pv_set_base(v, dom0_mfn(&l->mem, l->pt_pfn), false);
    while (rc == -ERESTART);
    if (rc == 0) /* the ABI promises it pinned */
        rc = pv_pin(l->d, dom0_mfn(&l->mem, l->pt_pfn), FRAME_L4);
    spin_unlock(&l->d->arch->pv.lock);
    if (rc)
        return rc;
    v->arch->regs.rip = l->image.entry;
    v->arch->regs.rsp = l->image.virt_base + ((l->stack_pfn + 1) << PAGE_SHIFT);
    v->arch->regs.rsi = l->image.virt_base + (l->start_info_pfn << PAGE_SHIFT);
    v->arch->regs.cs = GUEST_CS64;
    v->arch->regs.ss = GUEST_DS;
    v->arch->pv.kernel_ss = GUEST_DS;
    v->is_initialised = true;
    __atomic_fetch_and(&v->pause_flags, ~(1UL << VCPU_DOWN), __ATOMIC_SEQ_CST);
    return 0;
}

static init_text int create(struct layout *l)
{
    unsigned int vcpus = max_vcpus ? max_vcpus : cpumask_weight(&cpu_online_mask);
    struct domain_config config = {
        .type = DOMAIN_PV,
        .flags = DOMAIN_CREATE_CONTROL | DOMAIN_CREATE_HARDWARE,
        .max_vcpus = min(vcpus, (unsigned int)MAX_VCPUS),
        .max_grant_frames = -1,
        .max_maptrack_frames = -1,
    };
    uint64_t limit, start, end;
    int rc = domain_create(0, &config, &l->d);

    if (rc)
        return rc;
    for (unsigned int i = 0; rc == 0 && i < config.max_vcpus; i++) {
        struct vcpu *v;

        rc = vcpu_create(l->d, i, &v);
        if (rc == 0)
            v->info->evtchn_upcall_mask = 1;
    }
    if (rc)
        return rc;
    hardware_domain = l->d;
    kernel_module_pages(l, &start, &end);
    l->total = dom0_pages(end - start, &limit);
    l->d->mem->max_pages = limit;
    return pv_io_setup_dom0(l->d);
}

static init_text void report(const struct layout *l)
{
    printk(LOG_INFO, "dom0: %s kernel at %#lx-%#lx, entry %#lx, %lu MiB, %u vCPUs\n",
           l->image.guest_os[0] ? l->image.guest_os : "unnamed", (unsigned long)l->image.va_start,
           (unsigned long)l->image.va_end, (unsigned long)l->image.entry,
           (unsigned long)(l->total >> 8), l->d->max_vcpus);
}

init_text int arch_start_dom0(void)
{
    struct layout *l = hv_alloc_type(struct layout);
    const void *elf;
    size_t size;
    int rc, order;

    if (!l)
        return -ENOMEM;
    if (boot_info.nr_modules == 0) {
        printk(LOG_ERR, "The boot loader gave no kernel for dom0: its first module is missing.\n");
        return -ENOENT;
    }
    l->kernel = &boot_info.module[0];
    if (boot_info.nr_modules > 1)
        l->initrd = &boot_info.module[1];
    rc = pv_image_unpack((char *)mfn_to_virt(mfn(0)) + l->kernel->start.v, l->kernel->size, &elf,
                         &size, &order);
    if (rc == 0)
        rc = pv_image_parse(elf, size, &l->image);
    if (rc == 0)
        rc = create(l);
    if (rc)
        return rc;
    plan(l);
    rc = get_memory(l);
    if (rc)
        return rc;
    load_kernel(l);
    if (order >= 0)
        frames_free(virt_to_mfn(elf), (unsigned int)order);
    rc = get_the_rest(l);
    if (rc)
        return rc;
    write_p2m(l);
    build_tables(l);
    write_start_info(l);
    rc = start_vcpu(l);
    if (rc)
        return rc;
    report(l);
    domain_unpause(l->d);
    hv_free(l);
    return 0;
}
