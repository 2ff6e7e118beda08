/* The kernels of kernel.h */
#include <elf.h>
#include <stdlib.h>
#include <string.h>
#include <bzlib.h>
#include <lz4.h>
#include <lzma.h>
#include <zlib.h>
#include <zstd.h>
#include <xen/elfnote.h>
#include "kernel.h"

static uint8_t *note(uint8_t *at, uint32_t type, const void *value, uint32_t size)
{
    uint32_t head[] = { 4, size, type };

    memcpy(at, head, sizeof(head));
    memcpy(at + 12, "Xen", 4);
    memcpy(at + 16, value, size);
    return at + 16 + (size + 3) / 4 * 4;
}

static uint8_t *number(uint8_t *at, uint32_t type, uint64_t value)
{
    return note(at, type, &value, sizeof(value));
}

static uint32_t put_notes(uint8_t *at, const struct kernel_options *o)
{
    const char *features = o->features ? o->features : "!writable_page_tables|pae_pgdir_above_4gb";
    uint8_t *start = at;

    if (o->no_notes)
        return 0;
    at = note(at, XEN_ELFNOTE_GUEST_OS, "test", 5);
    at = number(at, XEN_ELFNOTE_VIRT_BASE, KERNEL_BASE);
    at = number(at, XEN_ELFNOTE_ENTRY, KERNEL_BASE + KERNEL_TEXT + 0x10);
    at = number(at, XEN_ELFNOTE_HYPERCALL_PAGE, KERNEL_BASE + KERNEL_TEXT + 0x1000);
    at = note(at, XEN_ELFNOTE_FEATURES, features, strlen(features));
    if (o->own_p2m)
        at = number(at, XEN_ELFNOTE_INIT_P2M, KERNEL_P2M);
    if (o->mod_start_pfn)
        at = number(at, XEN_ELFNOTE_MOD_START_PFN, 1);
    if (o->pvh)
        at = number(at, XEN_ELFNOTE_PHYS32_ENTRY, KERNEL_TEXT + 0x20);
    if (o->paddr_is_virtual)
        at = number(at, XEN_ELFNOTE_PADDR_OFFSET, KERNEL_BASE);
    return at - start;
}

void kernel_make(uint8_t *file, const struct kernel_options *o)
{
    uint64_t offset = o->paddr_is_virtual ? KERNEL_BASE : 0;
    Elf64_Ehdr h = { .e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT },
                     .e_type = ET_EXEC,
                     .e_machine = EM_X86_64,
                     .e_entry = 1,
                     .e_phoff = sizeof(h),
                     .e_phentsize = sizeof(Elf64_Phdr),
                     .e_phnum = 3 };
    Elf64_Phdr p[3] = {
        { .p_type = PT_LOAD,
          .p_offset = 0x1000,
          .p_paddr = KERNEL_TEXT + offset,
          .p_filesz = 0x2010,
          .p_memsz = 0x2010 },
        { .p_type = PT_LOAD,
          .p_offset = 0x4800,
          .p_paddr = KERNEL_DATA + 0x800 + offset,
          .p_filesz = 0x1000,
          .p_memsz = 0x1000 + KERNEL_BSS },
        { .p_type = PT_NOTE, .p_offset = 0x200 },
    };

    memset(file, 0, KERNEL_BYTES);
    p[2].p_filesz = put_notes(file + 0x200, o);
    memcpy(file, &h, sizeof(h));
    memcpy(file + sizeof(h), p, sizeof(p));
    for (size_t i = 0x1000; i < 0x3010; i++)
        file[i] = i * 7 >> 3 | 1;
    for (size_t i = 0x4800; i < 0x5800; i++)
        file[i] = i * 5 >> 2 | 1;
}

static size_t pack_gzip(const uint8_t *in, size_t size, uint8_t *out, size_t room)
{
    z_stream z = { .next_in = (Bytef *)in, .avail_in = size, .next_out = out, .avail_out = room };

    if (deflateInit2(&z, 6, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY) != Z_OK ||
        deflate(&z, Z_FINISH) != Z_STREAM_END)
        abort();
    deflateEnd(&z);
    return z.total_out;
}

static size_t pack_lzma(const uint8_t *in, size_t size, uint8_t *out, size_t room)
{
    lzma_stream z = LZMA_STREAM_INIT;
    lzma_options_lzma options;

    lzma_lzma_preset(&options, 6);
    if (lzma_alone_encoder(&z, &options) != LZMA_OK)
        abort();
    z.next_in = in;
    z.avail_in = size;
    z.next_out = out;
    z.avail_out = room;
    if (lzma_code(&z, LZMA_FINISH) != LZMA_STREAM_END)
        abort();
    lzma_end(&z);
    return z.total_out;
}

size_t kernel_pack(const char *format, const uint8_t *in, size_t size, uint8_t *out, size_t room)
{
    size_t got = 0;
    unsigned int got32 = room;

    if (strcmp(format, "gzip") == 0)
        return pack_gzip(in, size, out, room);
    if (strcmp(format, "lzma") == 0)
        return pack_lzma(in, size, out, room);
    if (strcmp(format, "zstd") == 0)
        return ZSTD_compress(out, room, in, size, 3);
    if (strcmp(format, "xz") == 0 &&
        lzma_easy_buffer_encode(6, LZMA_CHECK_CRC32, NULL, in, size, out, &got, room) == LZMA_OK)
        return got;
    if (strcmp(format, "bzip2") == 0 &&
        BZ2_bzBuffToBuffCompress((char *)out, &got32, (char *)in, size, 9, 0, 0) == BZ_OK)
        return got32;
    if (strcmp(format, "lz4") == 0) {
        int n = LZ4_compress_default((const char *)in, (char *)out + 8, size, room - 8);

        memcpy(out, "\x02\x21\x4c\x18", 4);
        memcpy(out + 4, &n, 4);
        return n + 8;
    }
    abort();
}

size_t kernel_bzimage(const uint8_t *payload, size_t size, uint32_t unpacked, uint8_t *out)
{
    uint32_t offset = 0x40, length = size + 4;
    uint8_t *at = out + 3 * 512 + offset;

    memset(out, 0, 3 * 512 + offset);
    out[0x1f1] = 2;
    memcpy(out + 0x202, "HdrS\x0f\x02", 6);
    memcpy(out + 0x248, &offset, 4);
    memcpy(out + 0x24c, &length, 4);
    memcpy(at, payload, size);
    memcpy(at + size, &unpacked, 4);
    return at + size + 4 - out;
}
