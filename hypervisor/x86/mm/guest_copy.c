/*
 * Copying between the hypervisor and the current PV guest's address space. Addresses of ours are
 * refused before, faults are caught during the copy; SMAP is lifted for just the copy itself.
 */
#include <hv/errno.h>
#include <hv/guest_access.h>
#include <arch/cpu_features.h>
#include <arch/guest_copy.h>
#include <arch/page.h>
#include <arch/trap.h>

/* True if all was copied. Words first: a string instruction counts its elements. */
static bool copy(void *dst, const void *src, size_t size)
{
    size_t words = size / 8, bytes = size % 8, failed = 1;

    __asm__ volatile(ASM_STAC "1: rep movsq\n\t"
                              "mov %4, %2\n"
                              "2: rep movsb\n\t"
                              "xor %k3, %k3\n"
                              "3:\n\t" ASM_CLAC EXTABLE(1b, 3b) EXTABLE(2b, 3b)
                     : "+D"(dst), "+S"(src), "+c"(words), "+r"(failed)
                     : "r"(bytes)
                     : "memory");
    return !failed;
}

int copy_from_guest(void *dst, guest_ptr_t src, size_t size)
{
    if (!guest_range_ok(src.v, size) || !copy(dst, (const void *)src.v, size))
        return -EFAULT;
    return 0;
}

int copy_to_guest(guest_ptr_t dst, const void *src, size_t size)
{
    if (!guest_range_ok(dst.v, size) || !copy((void *)dst.v, src, size))
        return -EFAULT;
    return 0;
}

int clear_guest(guest_ptr_t dst, size_t size)
{
    size_t failed = 1;
    void *p = (void *)dst.v;

    if (!guest_range_ok(dst.v, size))
        return -EFAULT;
    __asm__ volatile(ASM_STAC "1: rep stosb\n\t"
                              "xor %k2, %k2\n"
                              "2:\n\t" ASM_CLAC EXTABLE(1b, 2b)
                     : "+D"(p), "+c"(size), "+r"(failed)
                     : "a"(0)
                     : "memory");
    return failed ? -EFAULT : 0;
}

extern const struct {
    int32_t offset;
    uint32_t modrm;
} __start_smap_sites[], __stop_smap_sites[];

void smap_patch(void)
{
    for (const __typeof__(__start_smap_sites[0]) *s = __start_smap_sites; s < __stop_smap_sites;
         s++) {
        uint8_t *insn = (uint8_t *)&s->offset + s->offset;

        insn[0] = 0x0f;
        insn[1] = 0x01;
        insn[2] = (uint8_t)s->modrm;
    }
}
