/*
 * The system's decoders behind one interface: liblzma, zlib, liblz4, libzstd. Called by the unit
 * test and the fuzzers. What follows the end of a stream is ignored unless it is another stream of
 * the same format, as decompress() has it.
 */
#include "reference.h"

#define ZLIB_CONST
#include <lz4.h>
#include <lz4frame.h>
#include <lzma.h>
#include <stdbool.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

struct span {
    const uint8_t *in;
    size_t in_len;
    uint8_t *out;
    size_t out_size;
};

static void advance(struct span *s, size_t in, size_t out)
{
    s->in += in;
    s->in_len -= in;
    s->out += out;
    s->out_size -= out;
}

static uint32_t le32(const uint8_t *p)
{
    return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static bool starts_with(const struct span *s, const void *magic, size_t len)
{
    return s->in_len >= len && !memcmp(s->in, magic, len);
}

static int run_lzma(lzma_stream *stream, struct span *s)
{
    lzma_ret ret;

    stream->next_in = s->in;
    stream->avail_in = s->in_len;
    stream->next_out = s->out;
    stream->avail_out = s->out_size;
    ret = lzma_code(stream, LZMA_FINISH);
    advance(s, stream->total_in, stream->total_out);
    lzma_end(stream);
    return ret == LZMA_STREAM_END ? 0 : -1;
}

static int xz(struct span *s)
{
    static const char magic[] = "\xfd"
                                "7zXZ";

    while (starts_with(s, magic, 6)) {
        lzma_stream stream = LZMA_STREAM_INIT;

        if (lzma_stream_decoder(&stream, UINT64_MAX, 0) != LZMA_OK || run_lzma(&stream, s))
            return -1;
        while (s->in_len >= 4 && !le32(s->in))
            advance(s, 4, 0);
    }
    return 0;
}

int reference_lzma2(const uint8_t *in, size_t in_len, uint8_t *out, size_t out_size,
                    size_t *in_used, size_t *out_len)
{
    struct span s = { in, in_len, out, out_size };
    lzma_options_lzma options = { .dict_size = 2u << 20 };
    lzma_filter filters[] = { { LZMA_FILTER_LZMA2, &options }, { LZMA_VLI_UNKNOWN, NULL } };
    lzma_stream stream = LZMA_STREAM_INIT;

    if (lzma_raw_decoder(&stream, filters) != LZMA_OK || run_lzma(&stream, &s))
        return -1;
    *in_used = in_len - s.in_len;
    *out_len = out_size - s.out_size;
    return 0;
}

static int run_zlib(struct span *s, int window_bits)
{
    z_stream stream = { 0 };
    int ret;

    if (inflateInit2(&stream, window_bits) != Z_OK)
        return -1;
    stream.next_in = s->in;
    stream.avail_in = (unsigned)s->in_len;
    stream.next_out = s->out;
    stream.avail_out = (unsigned)s->out_size;
    ret = inflate(&stream, Z_FINISH);
    advance(s, stream.total_in, stream.total_out);
    inflateEnd(&stream);
    return ret == Z_STREAM_END ? 0 : -1;
}

static int gzip(struct span *s)
{
    while (starts_with(s, "\x1f\x8b\x08", 3))
        if (run_zlib(s, 15 + 16))
            return -1;
    return 0;
}

int reference_deflate(const uint8_t *in, size_t in_len, uint8_t *out, size_t out_size,
                      size_t *in_used, size_t *out_len)
{
    struct span s = { in, in_len, out, out_size };

    if (run_zlib(&s, -15))
        return -1;
    *in_used = in_len - s.in_len;
    *out_len = out_size - s.out_size;
    return 0;
}

static int lz4_frame(struct span *s)
{
    size_t in_len = s->in_len, out_len = s->out_size, ret;
    LZ4F_dctx *ctx;

    if (LZ4F_isError(LZ4F_createDecompressionContext(&ctx, LZ4F_VERSION)))
        return -1;
    ret = LZ4F_decompress(ctx, s->out, &out_len, s->in, &in_len, NULL);
    LZ4F_freeDecompressionContext(ctx);
    if (ret)
        return -1;
    advance(s, in_len, out_len);
    return 0;
}

static int lz4_legacy(struct span *s)
{
    int made;

    advance(s, 4, 0);
    do {
        size_t size, max = s->out_size < 8u << 20 ? s->out_size : 8u << 20;

        if (s->in_len <= 4 || !le32(s->in) || le32(s->in) == 0x184c2102)
            return 0;
        size = le32(s->in);
        advance(s, 4, 0);
        if (size > s->in_len)
            return -1;
        made = LZ4_decompress_safe((const char *)s->in, (char *)s->out, (int)size, (int)max);
        if (made < 0)
            return -1;
        advance(s, size, (size_t)made);
    } while (made == 8 << 20);
    return 0;
}

static int lz4(struct span *s)
{
    int err = 0;

    while (!err && s->in_len >= 4) {
        uint32_t magic = le32(s->in);

        if (magic == 0x184c2102)
            err = lz4_legacy(s);
        else if (magic == 0x184d2204 || (magic & ~15u) == 0x184d2a50)
            err = lz4_frame(s);
        else
            return 0;
    }
    return err;
}

static int zstd(struct span *s)
{
    while (s->in_len >= 4 && (le32(s->in) == 0xfd2fb528 || (le32(s->in) & ~15u) == 0x184d2a50)) {
        size_t size = ZSTD_findFrameCompressedSize(s->in, s->in_len), made;

        if (ZSTD_isError(size))
            return -1;
        made = ZSTD_decompress(s->out, s->out_size, s->in, size);
        if (ZSTD_isError(made))
            return -1;
        advance(s, size, made);
    }
    return 0;
}

int reference(const uint8_t *in, size_t in_len, uint8_t *out, size_t out_size, size_t *out_len)
{
    struct span s = { in, in_len, out, out_size };
    int err = -1;

    if (in_len >= 4 && in[0] == 0xfd)
        err = xz(&s);
    else if (in_len >= 4 && in[0] == 0x1f)
        err = gzip(&s);
    else if (in_len >= 4 && in[3] == 0x18)
        err = lz4(&s);
    else if (in_len >= 4)
        err = zstd(&s);
    *out_len = out_size - s.out_size;
    return err;
}
