/* Which NUMA node a frame is on: from the SRAT, or node 0. */
#ifndef HV_NUMA_H
#define HV_NUMA_H

#include <hv/types.h>

unsigned int mfn_to_node(mfn_t m); /* < NR_NODES */

#endif
