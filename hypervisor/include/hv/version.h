/* Who we are, and the Xen whose public ABI we speak. */
#ifndef HV_VERSION_H
#define HV_VERSION_H

#define HOSPES_VERSION "0.1"

#define XEN_ABI_MAJOR 4
#define XEN_ABI_MINOR 17

#endif
