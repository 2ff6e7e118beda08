/* What the boot loader handed over, in one form whatever the protocol. */
#ifndef HV_BOOT_H
#define HV_BOOT_H

#include <hv/types.h>

#define BOOT_MAX_MODULES 16
#define BOOT_MAX_RANGES  256

enum mem_type { MEM_RAM = 1, MEM_RESERVED, MEM_ACPI, MEM_NVS, MEM_UNUSABLE, MEM_PMEM = 7 };

struct mem_range {
    uint64_t start, size; /* bytes */
    uint32_t type;        /* enum mem_type: the E820 numbers */
};

struct boot_module {
    paddr_t start;
    uint64_t size;
    const char *cmdline; /* of the module; "" if none */
};

struct boot_framebuffer {
    uint64_t base;
    uint32_t pitch, width, height;
    uint8_t bpp, type; /* type: 0 none, 1 EGA text, 2 linear */
    uint8_t red_pos, red_size, green_pos, green_size, blue_pos, blue_size;
};

struct boot_info {
    const char *loader;  /* its name */
    const char *cmdline; /* the hypervisor's, without the image's name */
    unsigned int nr_modules;
    struct boot_module module[BOOT_MAX_MODULES];
    unsigned int nr_ranges;
    struct mem_range range[BOOT_MAX_RANGES]; /* sorted, not overlapping */
    paddr_t rsdp;                            /* 0 if the loader did not say */
    struct boot_framebuffer fb;
};

extern struct boot_info boot_info;

/* core/init/main.c: the story of the boot, from the architecture's first C code on. */
noreturn void hospes_main(void);
/* Secondary CPUs arrive here. */
noreturn void hospes_main_secondary(unsigned int cpu);

#endif
