/*
 * Kernel images: a small one made by hand, every field of it wrong in turn, a hundred thousand
 * mutations of it, and Debian's own where there is one. Each is parsed in a block of exactly its
 * size, so that ASan sees a byte too many.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <cmocka.h>
#include <unistd.h>

#include <hv/errno.h>
#include <hv/mem.h>
#include <arch/page.h>
#include <xen/elfnote.h>
#include "../fake/hv.h"
#include "../../../hypervisor/x86/pv/image.h"

#define VIRT_BASE 0xffffffff80000000UL
#define PHYS      0x1000000UL
#define ENTRY     (VIRT_BASE + PHYS + 0x100)
#define HYPERCALL (VIRT_BASE + PHYS + PAGE_SIZE)

/* ---- memory for what is unpacked ---- */

static int live;

mfn_t frames_alloc(unsigned int order, unsigned int flags, unsigned int node)
{
    (void)flags, (void)node;
    live++;
    return mfn((uintptr_t)malloc(PAGE_SIZE << order));
}

void frames_free(mfn_t first, unsigned int order)
{
    (void)order;
    live--;
    free((void *)first.v);
}

void *mfn_to_virt(mfn_t m)
{
    return (void *)m.v;
}

/* ---- a small kernel ---- */

struct header {
    uint8_t ident[16];
    uint16_t type, machine;
    uint32_t version;
    uint64_t entry, phoff, shoff;
    uint32_t flags;
    uint16_t ehsize, phentsize, phnum, shentsize, shnum, shstrndx;
};

struct phdr {
    uint32_t type, flags;
    uint64_t offset, vaddr, paddr, filesz, memsz, align;
};

struct note {
    uint32_t namesz, descsz, type;
    char name[4];
    uint64_t value;
};

#define NOTES_SIZE (offsetof(struct kernel, code) - offsetof(struct kernel, note))

static const struct kernel {
    struct header h;
    struct phdr load[2], notes;
    struct note note[4];
    struct {
        uint32_t namesz, descsz, type;
        char name[4], os[8];
    } text;
    uint8_t code[64];
} kernel = {
    .h = { .ident = { 0x7f, 'E', 'L', 'F', 2, 1, 1 },
           .type = 2,
           .machine = 62,
           .version = 1,
           .entry = PHYS,
           .phoff = offsetof(struct kernel, load),
           .ehsize = 64,
           .phentsize = sizeof(struct phdr),
           .phnum = 3 },
    .load = { { 1, 5, offsetof(struct kernel, code), VIRT_BASE + PHYS, PHYS, 64, 0x3000, 4096 },
              { 1, 6, 0, VIRT_BASE + PHYS + 0x10000, PHYS + 0x10000, 0, 0x8000, 4096 } },
    .notes = { .type = 4,
               .offset = offsetof(struct kernel, note),
               .filesz = NOTES_SIZE,
               .memsz = NOTES_SIZE },
    .note = { { 4, 8, XEN_ELFNOTE_ENTRY, "Xen", ENTRY },
              { 4, 8, XEN_ELFNOTE_VIRT_BASE, "Xen", VIRT_BASE },
              { 4, 8, XEN_ELFNOTE_HYPERCALL_PAGE, "Xen", HYPERCALL },
              { 4, 8, XEN_ELFNOTE_PADDR_OFFSET, "Xen", 0 } },
    .text = { 4, 6, XEN_ELFNOTE_GUEST_OS, "Xen", "linux" },
};

/* What the domain builder relies on. */
static void check_image(const struct pv_image *img, const void *file, size_t size)
{
    const char *start = file;

    assert_in_range(img->nr_segments, 1, PV_IMAGE_MAX_SEGMENTS);
    assert_true(img->va_start >= img->virt_base && img->va_end >= img->va_start);
    assert_true(img->va_end - img->virt_base <= 1UL << 30);
    assert_true(is_canonical(img->virt_base) && !(img->virt_base & ~PAGE_MASK));
    for (unsigned int i = 0; i < img->nr_segments; i++) {
        const struct pv_segment *s = &img->segment[i];

        assert_true(s->va >= img->va_start && s->memsz <= img->va_end - s->va);
        assert_true(s->filesz <= s->memsz);
        assert_true((const char *)s->data >= start && s->filesz <= size);
        assert_true((const char *)s->data + s->filesz <= start + size);
    }
    if (img->has_hypercall_page)
        assert_true(img->hypercall_page >= img->va_start && img->hypercall_page < img->va_end);
    assert_true(strlen(img->guest_os) < sizeof(img->guest_os));
}

static int parse(const void *file, size_t size, struct pv_image *img)
{
    void *exact = malloc(size);
    int rc;

    fake_said[0] = 0;
    memcpy(exact, file, size);
    rc = pv_image_parse(exact, size, img);
    if (rc == 0)
        check_image(img, exact, size);
    else
        assert_true(rc == -EINVAL && fake_said[0]);
    free(exact);
    return rc;
}

static void a_kernel(void **state)
{
    struct pv_image img;

    (void)state;
    assert_int_equal(parse(&kernel, sizeof(kernel), &img), 0);
    assert_int_equal(img.entry, ENTRY);
    assert_int_equal(img.virt_base, VIRT_BASE);
    assert_true(img.has_hypercall_page && !img.has_p2m_base && !img.mod_start_pfn);
    assert_int_equal(img.hypercall_page, HYPERCALL);
    assert_int_equal(img.nr_segments, 2);
    assert_int_equal(img.va_start, VIRT_BASE + PHYS);
    assert_int_equal(img.va_end, VIRT_BASE + PHYS + 0x18000);
    assert_string_equal(img.guest_os, "linux");
}

static void cut_short(void **state)
{
    struct pv_image img;

    (void)state;
    for (size_t size = 0; size < sizeof(kernel); size++)
        assert_int_equal(parse(&kernel, size, &img), -EINVAL);
}

static void wrong_fields(void **state)
{
    struct pv_image img;
    struct kernel k;

#define WRONG(field, value, text)                                                                  \
    do {                                                                                           \
        k = kernel;                                                                                \
        k.field = value;                                                                           \
        assert_int_equal(parse(&k, sizeof(k), &img), -EINVAL);                                     \
        assert_non_null(strstr(fake_said, text));                                                  \
    } while (0)
    (void)state;
    WRONG(h.ident[0], 0, "not one");
    WRONG(h.ident[4], 1, "x86-64");
    WRONG(h.machine, 3, "x86-64");
    WRONG(h.phnum, 65, "program headers");
    WRONG(h.phentsize, 8, "program headers");
    WRONG(h.phoff, ~0UL - 20, "outside");
    WRONG(load[0].offset, ~0UL, "outside");
    WRONG(load[0].filesz, 0x3001, "outside");
    WRONG(load[1].memsz, (1UL << 30) + 1, "address");
    WRONG(load[1].paddr, -0x4000UL, "address");
    WRONG(load[1].paddr, 1UL << 31, "address");
    WRONG(notes.type, 7, "no Xen notes");
    WRONG(note[1].value, VIRT_BASE + 1, "aligned");
    WRONG(note[1].value, HV_VIRT_START, "hypervisor");
    WRONG(note[1].value, HV_VIRT_END - PAGE_SIZE, "hypervisor");
    WRONG(note[1].value, 1UL << 50, "hypervisor");
    WRONG(note[2].value, VIRT_BASE, "hypercall page");
    WRONG(note[2].value, HYPERCALL + 8, "hypercall page");
    WRONG(note[2].value, VIRT_BASE + PHYS + 0x18000, "hypercall page");
#undef WRONG
}

static void too_many_segments(void **state)
{
    struct {
        struct kernel k;
        struct phdr more[PV_IMAGE_MAX_SEGMENTS + 2];
    } many = { kernel, { { 0 } } };
    struct pv_image img;

    (void)state;
    many.k.h.phoff = sizeof(many.k);
    for (unsigned int i = 0; i < PV_IMAGE_MAX_SEGMENTS + 1; i++)
        many.more[i] = kernel.load[1];
    many.more[PV_IMAGE_MAX_SEGMENTS + 1] = kernel.notes;
    many.k.h.phnum = PV_IMAGE_MAX_SEGMENTS + 2;
    assert_int_equal(parse(&many, sizeof(many), &img), -EINVAL);
    assert_non_null(strstr(fake_said, "too many"));
    many.k.note[2].type = 99; /* the hypercall page lies in the segment that is left out */
    many.k.h.phnum--;
    many.k.h.phoff += sizeof(struct phdr);
    assert_int_equal(parse(&many, sizeof(many), &img), 0);
    assert_int_equal(img.nr_segments, PV_IMAGE_MAX_SEGMENTS);
}

static uint64_t pick(void)
{
    static const uint64_t values[] = {
        0,          1,         4,    8,        0x7fffffff,    0x80000000,
        0xffffffff, 1UL << 47, ~0UL, ~0UL - 3, HV_VIRT_START, HV_VIRT_END,
        VIRT_BASE
    };

    return rand() % 2 ? values[(unsigned int)rand() % ARRAY_SIZE(values)]
                      : (uint64_t)rand() << (rand() % 40);
}

static void mutations(void **state)
{
    unsigned int accepted = 0;
    struct pv_image img;

    (void)state;
    srand(1);
    for (unsigned int i = 0; i < 100000; i++) {
        size_t size = rand() % 8 ? sizeof(kernel) : (size_t)rand() % sizeof(kernel);
        uint8_t bytes[sizeof(kernel)];

        memcpy(bytes, &kernel, sizeof(bytes));
        for (int n = 1 + rand() % 3; n > 0; n--) {
            size_t width = 1UL << (rand() % 4), at = (size_t)rand() % (sizeof(bytes) / width);
            uint64_t v = pick();

            memcpy(bytes + at * width, &v, width);
        }
        accepted += parse(bytes, size, &img) == 0;
    }
    assert_in_range(accepted, 1000, 99000);
}

/* ---- bzImage ---- */

/* The kernel, packed with gzip in a bzImage's clothes. */
static size_t make_bzimage(uint8_t *out, size_t room)
{
    z_stream z = { .next_in = (Bytef *)&kernel,
                   .avail_in = sizeof(kernel),
                   .next_out = out + 1024,
                   .avail_out = (uInt)(room - 1024) };
    uint32_t start = 0, length;

    memset(out, 0, 1024);
    assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 8, 0), Z_OK);
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    length = (uint32_t)z.total_out;
    deflateEnd(&z);
    out[0x1f1] = 1;
    memcpy(out + 0x202, "HdrS\x0f\x02", 6);
    memcpy(out + 0x248, &start, 4);
    memcpy(out + 0x24c, &length, 4);
    return 1024 + length;
}

static int unpack(const uint8_t *file, size_t size, struct pv_image *img)
{
    uint8_t *exact = malloc(size);
    const void *elf;
    size_t elf_size;
    int rc, order;

    memcpy(exact, file, size);
    rc = pv_image_unpack(exact, size, &elf, &elf_size, &order);
    if (rc == 0) {
        rc = parse(elf, elf_size, img);
        if (order >= 0)
            frames_free(mfn((uintptr_t)elf), (unsigned int)order);
    }
    free(exact);
    assert_int_equal(live, 0);
    assert_int_equal(fake_alloc_live, 0);
    return rc;
}

static void a_bzimage(void **state)
{
    uint8_t file[4096];
    size_t size = make_bzimage(file, sizeof(file));
    struct pv_image img;

    (void)state;
    assert_int_equal(unpack(file, size, &img), 0);
    assert_int_equal(img.entry, ENTRY);
    assert_int_equal(unpack(file + 1024, size - 1024, &img), 0); /* the payload alone */
    assert_int_equal(unpack((const uint8_t *)&kernel, sizeof(kernel), &img), 0);
    for (size_t cut = 0; cut < size; cut++)
        assert_true(unpack(file, cut, &img) < 0);
    for (size_t cut = 0; cut < size - 1024; cut++)
        assert_true(unpack(file + 1024, cut, &img) < 0);
    file[0x206] = 7; /* too old */
    assert_true(unpack(file, size, &img) < 0);
}

static void mutated_bzimages(void **state)
{
    uint8_t file[4096], copy[4096];
    size_t size = make_bzimage(file, sizeof(file));
    struct pv_image img;

    (void)state;
    srand(2);
    for (unsigned int i = 0; i < 2000; i++) {
        memcpy(copy, file, size);
        for (int n = 1 + rand() % 3; n > 0; n--) {
            /* The header's fields, the payload, its size. */
            static const unsigned int from[] = { 0x1f1, 0x202, 0x248, 1024 }, to[] = { 1, 6, 8, 0 };
            unsigned int where = (unsigned int)rand() % 4;
            unsigned int span = to[where] ? to[where] : (unsigned int)size - 1024;

            copy[from[where] + (unsigned int)rand() % span] = (uint8_t)rand();
        }
        /* A size that is only large, not wrong, takes its time: memory is not the matter here. */
        if (copy[size - 2] < 16 && copy[size - 1] == 0)
            (void)unpack(copy, size, &img);
    }
}

#define DEBIAN_KERNEL "build/debian/vmlinuz"

static void debian_kernel(void **state)
{
    FILE *f = fopen(DEBIAN_KERNEL, "rb");
    struct pv_image img;
    uint8_t *file;
    long size;

    (void)state;
    assert_non_null(f);
    fseek(f, 0, SEEK_END);
    size = ftell(f);
    rewind(f);
    file = malloc((size_t)size);
    assert_int_equal(fread(file, 1, (size_t)size, f), size);
    fclose(f);
    assert_int_equal(unpack(file, (size_t)size, &img), 0);
    assert_string_equal(img.guest_os, "linux");
    assert_true(img.has_p2m_base && img.mod_start_pfn);
    assert_int_equal(img.virt_base, VIRT_BASE);
    free(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_kernel),         cmocka_unit_test(cut_short),
        cmocka_unit_test(wrong_fields),     cmocka_unit_test(too_many_segments),
        cmocka_unit_test(mutations),        cmocka_unit_test(a_bzimage),
        cmocka_unit_test(mutated_bzimages), cmocka_unit_test(debian_kernel),
    };
    size_t count = ARRAY_SIZE(tests);

    if (access(DEBIAN_KERNEL, R_OK)) {
        printf("# " DEBIAN_KERNEL " is not there: scripts/fetch gets it\n");
        count--; /* the last one */
    }
    return _cmocka_run_group_tests("pv_image", tests, count, NULL, NULL);
}
