/*
 * Each CPU's area (arch/layout.h): its per-CPU variables, its exception stacks, its one stack, with
 * unmapped pages between so that an overflow faults instead of corrupting.
 */
#include <hv/errno.h>
#include <hv/mem.h>
#include <hv/string.h>
#include <arch/page.h>
#include <arch/percpu.h>

static const struct {
    uint32_t offset, size;
} areas[] = {
    { CPU_DATA_OFF, CPU_DATA_PAGES << PAGE_SHIFT },
    { CPU_NMI_STACK - PAGE_SIZE, PAGE_SIZE },
    { CPU_DB_STACK - PAGE_SIZE, PAGE_SIZE },
    { CPU_DF_STACK - PAGE_SIZE, PAGE_SIZE },
    { CPU_MC_STACK - PAGE_SIZE, PAGE_SIZE },
    { CPU_STACK_OFF, CPU_AREA_SIZE - CPU_STACK_OFF },
};

int cpu_area_map(unsigned int cpu)
{
    for (unsigned int i = 0; i < ARRAY_SIZE(areas); i++)
        for (uint32_t off = 0; off < areas[i].size; off += PAGE_SIZE) {
            void *page = page_alloc();
            int rc;

            if (!page)
                return -ENOMEM;
            rc = map_range(cpu_area(cpu) + areas[i].offset + off, mfn_to_paddr(virt_to_mfn(page)),
                           PAGE_SIZE, HV_DATA);
            if (rc)
                return rc;
        }
    memcpy((void *)cpu_area(cpu), __start_percpu_data,
           (size_t)(__stop_percpu_data - __start_percpu_data));
    return 0;
}
