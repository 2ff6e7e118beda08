/*
 * Packed kernels: the formats that Linux's build knows, through the system's libraries. The input
 * is whatever a guest's administrator or disk supplies: output grows as it comes and is bounded,
 * and so is what a decoder may ask for itself.
 *
 * Each decoder reads one stream and stops at its end; a bzImage has the unpacked size behind it.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <bzlib.h>
#include <lz4.h>
#include <lzma.h>
#include <zlib.h>
#include <zstd.h>
#include "builder/internal.h"

#define FIRST_ROOM      (16ul << 20)
#define XZ_MEMORY       (256ul << 20)
#define ZSTD_WINDOW_LOG 27 /* what zstd --ultra -22 uses */
#define LZ4_BLOCK       (8ul << 20)

/* Have at least one more byte of room; -EFBIG when the limit is reached. */
static int grow(struct unpacked *out)
{
    size_t room = out->room * 2;
    void *data;

    if (out->size < out->room)
        return 0;
    if (out->room >= BUILD_MAX_KERNEL)
        return -EFBIG;
    if (room > BUILD_MAX_KERNEL)
        room = BUILD_MAX_KERNEL;
    data = mremap(out->data, out->room, room, MREMAP_MAYMOVE);
    if (data == MAP_FAILED)
        return -ENOMEM;
    out->data = data;
    out->room = room;
    return 0;
}

/* How much of the room a library may be told, whose counts are 32 bits wide */
static unsigned int room32(const struct unpacked *out)
{
    return out->room - out->size;
}

static int unpack_gzip(const uint8_t *in, size_t size, struct unpacked *out)
{
    z_stream z = { .next_in = (Bytef *)in, .avail_in = size };
    int rc, z_rc = Z_OK;

    if (inflateInit2(&z, 16 + MAX_WBITS) != Z_OK)
        return -ENOMEM;
    while ((rc = grow(out)) == 0) {
        z.next_out = out->data + out->size;
        z.avail_out = room32(out);
        z_rc = inflate(&z, Z_NO_FLUSH);
        out->size = z.next_out - out->data;
        if (z_rc != Z_OK || z.avail_out)
            break;
    }
    inflateEnd(&z);
    if (rc == 0 && z_rc != Z_STREAM_END)
        rc = z_rc == Z_MEM_ERROR ? -ENOMEM : -EINVAL;
    return rc;
}

static int unpack_bzip2(const uint8_t *in, size_t size, struct unpacked *out)
{
    bz_stream z = { .next_in = (char *)in, .avail_in = size };
    int rc, z_rc = BZ_OK;

    if (BZ2_bzDecompressInit(&z, 0, 0) != BZ_OK)
        return -ENOMEM;
    while ((rc = grow(out)) == 0) {
        z.next_out = (char *)out->data + out->size;
        z.avail_out = room32(out);
        z_rc = BZ2_bzDecompress(&z);
        out->size = (uint8_t *)z.next_out - out->data;
        if (z_rc != BZ_OK || z.avail_out)
            break;
    }
    BZ2_bzDecompressEnd(&z);
    if (rc == 0 && z_rc != BZ_STREAM_END)
        rc = z_rc == BZ_MEM_ERROR ? -ENOMEM : -EINVAL;
    return rc;
}

static int run_lzma(lzma_stream *z, lzma_ret ready, const uint8_t *in, size_t size,
                    struct unpacked *out)
{
    lzma_ret z_rc = LZMA_OK;
    int rc;

    if (ready != LZMA_OK)
        return -ENOMEM;
    z->next_in = in;
    z->avail_in = size;
    while ((rc = grow(out)) == 0) {
        z->next_out = out->data + out->size;
        z->avail_out = out->room - out->size;
        z_rc = lzma_code(z, LZMA_RUN);
        out->size = z->next_out - out->data;
        if (z_rc != LZMA_OK || z->avail_out)
            break;
    }
    lzma_end(z);
    if (rc == 0 && z_rc != LZMA_STREAM_END)
        rc = z_rc == LZMA_MEM_ERROR || z_rc == LZMA_MEMLIMIT_ERROR ? -ENOMEM : -EINVAL;
    return rc;
}

static int unpack_xz(const uint8_t *in, size_t size, struct unpacked *out)
{
    lzma_stream z = LZMA_STREAM_INIT;

    return run_lzma(&z, lzma_stream_decoder(&z, XZ_MEMORY, 0), in, size, out);
}

static int unpack_lzma(const uint8_t *in, size_t size, struct unpacked *out)
{
    lzma_stream z = LZMA_STREAM_INIT;

    return run_lzma(&z, lzma_alone_decoder(&z, XZ_MEMORY), in, size, out);
}

static int unpack_zstd(const uint8_t *in, size_t size, struct unpacked *out)
{
    ZSTD_inBuffer from = { .src = in, .size = size };
    ZSTD_DStream *z = ZSTD_createDStream();
    size_t left = 1;
    int rc = 0;

    if (!z)
        return -ENOMEM;
    ZSTD_DCtx_setParameter(z, ZSTD_d_windowLogMax, ZSTD_WINDOW_LOG);
    while (left && (rc = grow(out)) == 0) {
        ZSTD_outBuffer to = { .dst = out->data, .size = out->room, .pos = out->size };

        left = ZSTD_decompressStream(z, &to, &from);
        out->size = to.pos;
        if (ZSTD_isError(left) || (left && to.pos < to.size && from.pos == from.size)) {
            rc = -EINVAL;
            break;
        }
    }
    ZSTD_freeDStream(z);
    return rc;
}

/* The legacy frame: a magic number, then blocks, each after its packed size; 8 MiB unpacked, but
 * the last. The four bytes that a bzImage has behind it cannot be a block. */
static int unpack_lz4(const uint8_t *in, size_t size, struct unpacked *out)
{
    const uint8_t *p = in + 4, *end = in + size;
    uint32_t block = 0;
    int n = LZ4_BLOCK, rc;

    while (n == (int)LZ4_BLOCK && (size_t)(end - p) > sizeof(block)) {
        memcpy(&block, p, sizeof(block));
        p += sizeof(block);
        if (block > (size_t)(end - p))
            return -EINVAL;
        while (out->room - out->size < LZ4_BLOCK) {
            size_t size_now = out->size;

            out->size = out->room;
            rc = grow(out);
            out->size = size_now;
            if (rc < 0)
                return rc;
        }
        n = LZ4_decompress_safe((const char *)p, (char *)out->data + out->size, block, LZ4_BLOCK);
        if (n < 0)
            return -EINVAL;
        out->size += n;
        p += block;
    }
    return out->size ? 0 : -EINVAL;
}

static const struct format {
    const char *name;
    uint8_t magic[6];
    uint8_t magic_size;
    int (*unpack)(const uint8_t *in, size_t size, struct unpacked *out); /* NULL: no library */
} formats[] = {
    { "gzip", { 0x1f, 0x8b }, 2, unpack_gzip },
    { "bzip2", { 'B', 'Z', 'h' }, 3, unpack_bzip2 },
    { "xz", { 0xfd, '7', 'z', 'X', 'Z', 0 }, 6, unpack_xz },
    { "lzma", { 0x5d, 0, 0 }, 3, unpack_lzma },
    { "lz4", { 0x02, 0x21, 0x4c, 0x18 }, 4, unpack_lz4 },
    { "zstd", { 0x28, 0xb5, 0x2f, 0xfd }, 4, unpack_zstd },
    { "lzo", { 0x89, 'L', 'Z', 'O', 0 }, 5, NULL },
};

static const struct format *find_format(const void *in, size_t size)
{
    for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
        if (size >= UNPACK_MAGIC && memcmp(in, formats[i].magic, formats[i].magic_size) == 0)
            return &formats[i];
    return NULL;
}

const char *unpack_format(const void *in, size_t size)
{
    const struct format *f = find_format(in, size);

    return f ? f->name : NULL;
}

int unpack(const void *in, size_t size, size_t expect, struct unpacked *out,
           struct build_error *error)
{
    const struct format *f = find_format(in, size);
    int rc;

    *out = (struct unpacked){ 0 };
    if (!f)
        return build_fail(error, -EINVAL, "the kernel is packed in an unknown format");
    if (!f->unpack)
        return build_fail(error, -EOPNOTSUPP,
                          "the kernel is packed with %s, which cannot be unpacked here", f->name);
    /* One byte more than expected, so that a decoder reaches the end in one go. Pages that a wrong
     * guess leaves over are never touched. */
    out->room = expect >= FIRST_ROOM && expect < BUILD_MAX_KERNEL ? expect + 1 : FIRST_ROOM;
    out->data = mmap(NULL, out->room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (out->data == MAP_FAILED) {
        *out = (struct unpacked){ 0 };
        return build_fail(error, -ENOMEM, "there is no memory to unpack the kernel");
    }
    rc = f->unpack(in, size, out);
    if (rc == 0)
        return 0;
    unpack_free(out);
    if (rc == -EFBIG)
        return build_fail(error, rc, "the kernel is larger than %lu MiB when unpacked",
                          BUILD_MAX_KERNEL >> 20);
    if (rc == -ENOMEM)
        return build_fail(error, rc, "there is no memory to unpack the kernel (%s)", f->name);
    return build_fail(error, rc, "the kernel's %s data is damaged or cut short", f->name);
}

void unpack_free(struct unpacked *out)
{
    if (out->data)
        munmap(out->data, out->room);
    *out = (struct unpacked){ 0 };
}
