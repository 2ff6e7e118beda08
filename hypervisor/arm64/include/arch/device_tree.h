/* The device tree that the loader passed; there for good once the boot CPU runs C. */
#ifndef ARCH_DEVICE_TREE_H
#define ARCH_DEVICE_TREE_H

#include <hv/fdt.h>

extern struct dt device_tree;

/* The device that is the console: what /chosen says, else the first PL011. -ENOENT. */
dt_node_t device_tree_console(void);

#endif
