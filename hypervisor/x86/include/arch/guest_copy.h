/* STAC and CLAC around deliberate accesses to a guest's pages; no-ops until smap_patch(). */
#ifndef ARCH_GUEST_COPY_H
#define ARCH_GUEST_COPY_H

#include <hv/types.h>
#include <arch/extable.h>
#include <arch/layout.h>

#define SMAP_SITE(modrm)                                                                           \
    "771: .byte 0x0f, 0x1f, 0x00\n\t"                                                              \
    ".pushsection smap_sites, \"a\"\n\t"                                                           \
    ".long 771b - ., " #modrm "\n\t"                                                               \
    ".popsection\n\t"
#define ASM_STAC SMAP_SITE(0xcb)
#define ASM_CLAC SMAP_SITE(0xca)

/* [addr, addr+size) is outside the hypervisor's part and does not wrap. */
static inline bool guest_range_ok(uint64_t addr, uint64_t size)
{
    uint64_t end = addr + size;

    return end >= addr && (end <= HV_VIRT_START || addr >= HV_VIRT_END);
}

#endif
