/*
 * libhospes-unpack: the decoders of packed kernels, through the system's libraries. A library of
 * its own, so that only who meets a packed kernel loads those five. Linked in or loaded:
 * builder/unpack.c.
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
#include "unpack/decoders.h"

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
    if (out->room >= UNPACK_MAX)
        return -EFBIG;
    if (room > UNPACK_MAX)
        room = UNPACK_MAX;
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

/* One for each packing */
__attribute__((visibility("default"))) decoder_t *const hospes_decoders[PACKINGS] = {
    [PACKED_GZIP] = unpack_gzip, [PACKED_BZIP2] = unpack_bzip2, [PACKED_XZ] = unpack_xz,
    [PACKED_LZMA] = unpack_lzma, [PACKED_LZ4] = unpack_lz4,     [PACKED_ZSTD] = unpack_zstd,
};
