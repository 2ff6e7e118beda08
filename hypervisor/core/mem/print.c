/* Debug keys 'm' and 'u': where the machine's memory is. */
#include <hv/control.h>
#include <hv/domain.h>
#include <hv/keyhandler.h>
#include <hv/mem.h>
#include <hv/printk.h>

static void print_memory(void)
{
    struct domain *d;

    for (unsigned int node = 0; node < frames_node_count(); node++)
        printk_raw("node %u: %llu of %llu pages free\n", node,
                   (unsigned long long)frames_node_free(node),
                   (unsigned long long)frames_node_total(node));
    printk_raw("heap: %zu bytes in use, %zu pages of small objects\n", hv_heap_used(),
               hv_heap_slabs());
    for (unsigned int id = 0; (d = domain_next(id)) != NULL; id = d->id + 1U) {
        printk_raw("d%u: %llu pages of %llu, %llu shared with it\n", d->id,
                   (unsigned long long)d->mem->tot_pages, (unsigned long long)d->mem->max_pages,
                   (unsigned long long)d->mem->shared_pages);
        domain_put(d);
    }
}

KEY_HANDLER(memory, 'm', print_memory, "print free memory, the heap, each domain's memory");

static void print_nodes(void)
{
    unsigned int cpu;

    for (unsigned int node = 0; node < frames_node_count(); node++) {
        printk_raw("node %u: %llu of %llu pages free, CPUs", node,
                   (unsigned long long)frames_node_free(node),
                   (unsigned long long)frames_node_total(node));
        for_each_online_cpu (cpu) {
            struct cpu_place place;

            arch_cpu_place(cpu, &place);
            if (place.node == node)
                printk_raw(" %u", cpu);
        }
        printk_raw("\n");
    }
}

KEY_HANDLER(nodes, 'u', print_nodes, "print the NUMA nodes");
