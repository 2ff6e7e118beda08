/* Which node a frame is on, from the firmware's SRAT; node 0 without one. Proximity domains are
 * used as node numbers where they are small enough. Distances are the SLIT's. */
#include <hv/acpi.h>
#include <hv/mem.h>
#include <hv/numa.h>

unsigned int mfn_to_node(mfn_t m)
{
    uint64_t address = m.v << PAGE_SHIFT;

    for (unsigned int i = 0; i < acpi.nr_mem_affinity; i++) {
        const struct acpi_mem_affinity *a = &acpi.mem_affinity[i];

        if (address - a->base < a->size)
            return a->pxm < NR_NODES ? a->pxm : 0;
    }
    return 0;
}

_Static_assert(ACPI_MAX_PXM == NR_NODES, "a distance for each pair of nodes");

unsigned int numa_distance(unsigned int from, unsigned int to)
{
    if (from < acpi.nr_distances && to < acpi.nr_distances)
        return acpi.distance[from][to];
    return from == to ? ACPI_DISTANCE_LOCAL : ACPI_DISTANCE_REMOTE;
}
