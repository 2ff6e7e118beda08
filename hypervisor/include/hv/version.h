/* Who we are, and the Xen whose public ABI we speak. */
#ifndef HV_VERSION_H
#define HV_VERSION_H

#define HOSPES_VERSION "0.1"

#define XEN_ABI_MAJOR 4
#define XEN_ABI_MINOR 17
#define XEN_ABI_EXTRA ".0-hospes"

/* Neither the builder nor the date: the same sources give the same image. */
#define BUILD_BY        "hospes"
#define BUILD_DOMAIN    "hospes"
#define BUILD_DATE      "not recorded"
#define BUILD_CHANGESET "unavailable"

#endif
