/* NUMA: which node a frame is on (from the SRAT, or node 0), and how far nodes are apart. */
#ifndef HV_NUMA_H
#define HV_NUMA_H

#include <hv/types.h>

unsigned int mfn_to_node(mfn_t m); /* < NR_NODES */
/* 10: itself; 20: twice as long as that. Nodes < NR_NODES. */
unsigned int numa_distance(unsigned int from, unsigned int to);

#endif
