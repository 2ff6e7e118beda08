/*
 * Fuzzer for the builder's reading of kernels: any file as an image, and what is left of it laid
 * out as a PV guest.
 *
 *   make toolstack && clang -g -O1 -fsanitize=fuzzer,address,undefined -D_GNU_SOURCE \
 *       -D__XEN_TOOLS__ -I toolstack tests/fuzz/kernel/fuzz_kernel.c \
 *       toolstack/builder/{source,image,layout,unpack}.c toolstack/unpack/decoders.c \
 *       -lz -lbz2 -llzma -llz4 -lzstd -o fuzz_kernel
 *   ./fuzz_kernel -rss_limit_mb=4096 corpus
 *
 * Good first files for the corpus: tests/guests' ELF files, also packed by gzip, xz, zstd, lz4 -l.
 */
#include <stdlib.h>
#include <string.h>
#include "builder/pv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Each byte that an image points to is there. */
static void touch(const struct image *image)
{
    static uint8_t byte;

    for (unsigned int i = 0; i < image->segments; i++) {
        const struct segment *s = &image->segment[i];

        if (i && s->address < s[-1].address + s[-1].size)
            abort();
        for (uint64_t at = 0; at < s->filled; at += 64)
            if (source_read(&image->elf, s->offset + at, &byte, 1) < 0)
                abort();
        if (s->filled && source_read(&image->elf, s->offset + s->filled - 1, &byte, 1) < 0)
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint64_t totals[] = { 256, 16384, 1ul << 20 };
    struct build_error error;
    struct pv_layout layout;
    struct image image;
    struct source file = { .fd = -1, .data = data, .size = size };

    if (image_open(&image, &file, &error) < 0)
        return 0;
    touch(&image);
    for (unsigned int i = 0; i < 3; i++) {
        if (pv_plan(&layout, &image, totals[i], size, &error) < 0)
            continue;
        if (layout.stack >= totals[i] || layout.p2m + layout.p2m_pages > totals[i] ||
            layout.ramdisk + layout.ramdisk_pages > totals[i] ||
            layout.p2m_tables + layout.p2m_table_pages > totals[i] ||
            image.end > layout.start_info << XC_PAGE_SHIFT)
            abort();
        if (totals[i] == 16384) {
            xen_pfn_t *mfn = calloc(totals[i], sizeof(*mfn));

            free(pv_tables(&layout, mfn));
            free(mfn);
        }
    }
    image_close(&image);
    return 0;
}
