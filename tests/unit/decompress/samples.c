/*
 * Contents and compressors for the decompress test: liblzma, zlib, liblz4 and libzstd with the
 * settings that exercise different parts of our decoders.
 */
#include "samples.h"

#include <assert.h>
#include <lz4.h>
#include <lz4frame.h>
#include <lz4hc.h>
#include <lzma.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#define ZLIB_CONST
#include <zlib.h>
#include <zstd.h>

static uint64_t random_state = 0x9e3779b97f4a7c15;

uint32_t random32(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)(random_state >> 32);
}

/* Like machine code: some opcodes again and again, calls of few functions, jumps too near. */
static void fill_code(uint8_t *data, size_t size)
{
    static const uint8_t common[] = { 0x48, 0x89, 0x8b, 0xe8, 0xe9, 0x0f, 0x00, 0xff };

    for (size_t i = 0; i < size;) {
        uint32_t r = random32(), target = (r >> 8) % 16 * 1024 - (uint32_t)i - 5;

        if (r % 4 == 0 && size - i >= 5) {
            data[i] = r & 16 ? 0xe8 : 0xe9;
            memcpy(data + i + 1, &target, 4);
            i += 5;
        } else {
            data[i++] = r % 4 == 1 ? (uint8_t)(r >> 8) : common[(r >> 8) % sizeof(common)];
        }
    }
}

void fill(enum content kind, uint8_t *data, size_t size)
{
    switch (kind) {
    case ZEROS:
        memset(data, 0, size);
        break;
    case NOISE:
        for (size_t i = 0; i < size; i++)
            data[i] = (uint8_t)random32();
        break;
    case TEXT:
        for (size_t i = 0; i < size;) {
            char word[32];
            int len =
                snprintf(word, sizeof(word), "%u word-%x ", random32() % 50, random32() % 500);

            for (int j = 0; j < len && i < size; j++)
                data[i++] = (uint8_t)word[j];
        }
        break;
    case CODE:
        fill_code(data, size);
        break;
    case SHORT_PERIODS:
        for (size_t i = 0, start = 0, period = 1; i < size; i++) {
            if (random32() % 64 == 0) {
                start = i;
                period = 1 + random32() % 20;
            }
            data[i] = i < start + period ? (uint8_t)random32() : data[i - period];
        }
        break;
    case CONTENTS:
        break;
    }
}

/* One .xz stream; args: check, preset, properties as 100 * lc + 10 * lp + pb, x86 start + 1 or 0.
 */
static size_t pack_xz(const struct packer *p, const uint8_t *in, size_t len, uint8_t *out,
                      size_t out_size)
{
    lzma_options_lzma options;
    lzma_options_bcj bcj = { .start_offset = (uint32_t)p->args[3] - 1 };
    lzma_filter filters[3] = { { LZMA_FILTER_X86, &bcj },
                               { LZMA_FILTER_LZMA2, &options },
                               { LZMA_VLI_UNKNOWN, NULL } };
    size_t pos = 0;

    assert(!lzma_lzma_preset(&options, (uint32_t)p->args[1]));
    options.lc = (uint32_t)p->args[2] / 100;
    options.lp = (uint32_t)p->args[2] / 10 % 10;
    options.pb = (uint32_t)p->args[2] % 10;
    options.dict_size = 1 << 20;
    assert(lzma_stream_buffer_encode(p->args[3] ? filters : filters + 1, (lzma_check)p->args[0],
                                     NULL, in, len, out, &pos, out_size) == LZMA_OK);
    return pos;
}

/* Several blocks; args: check, size of a block. */
static size_t pack_xz_blocks(const struct packer *p, const uint8_t *in, size_t len, uint8_t *out,
                             size_t out_size)
{
    lzma_stream s = LZMA_STREAM_INIT;

    assert(lzma_easy_encoder(&s, 1, (lzma_check)p->args[0]) == LZMA_OK);
    s.next_out = out;
    s.avail_out = out_size;
    for (size_t i = 0; i < len; i += (size_t)p->args[1]) {
        s.next_in = in + i;
        s.avail_in = len - i < (size_t)p->args[1] ? len - i : (size_t)p->args[1];
        assert(lzma_code(&s, LZMA_FULL_FLUSH) == LZMA_STREAM_END);
    }
    assert(lzma_code(&s, LZMA_FINISH) == LZMA_STREAM_END);
    lzma_end(&s);
    return s.total_out;
}

/* Two streams with padding between them. */
static size_t pack_xz_streams(const struct packer *p, const uint8_t *in, size_t len, uint8_t *out,
                              size_t out_size)
{
    static const struct packer one = { .args = { LZMA_CHECK_CRC32, 1, 302, 0 } };
    size_t half = len / 2, n = pack_xz(&one, in, half, out, out_size);

    (void)p;
    memset(out + n, 0, 8);
    n += 8;
    return n + pack_xz(&one, in + half, len - half, out + n, out_size - n);
}

/* args: level, strategy, flags: 1 header with all optional fields, 2 two members. */
static size_t pack_gzip(const struct packer *p, const uint8_t *in, size_t len, uint8_t *out,
                        size_t out_size)
{
    gz_header header = { .extra = (Bytef *)"extra",
                         .extra_len = 5,
                         .name = (Bytef *)"name",
                         .comment = (Bytef *)"comment",
                         .hcrc = 1 };
    int members = p->args[2] & 2 ? 2 : 1;
    size_t n = 0;

    for (int i = 0; i < members; i++) {
        size_t part = i < members - 1 ? len / 2 : len;
        z_stream s = { 0 };

        assert(deflateInit2(&s, p->args[0], Z_DEFLATED, 15 + 16, 8, p->args[1]) == Z_OK);
        if (p->args[2] & 1)
            assert(deflateSetHeader(&s, &header) == Z_OK);
        s.next_in = in;
        s.avail_in = (unsigned int)part;
        s.next_out = out + n;
        s.avail_out = (unsigned int)(out_size - n);
        assert(deflate(&s, Z_FINISH) == Z_STREAM_END);
        n += s.total_out;
        deflateEnd(&s);
        in += part;
        len -= part;
    }
    return n;
}

static void put32(uint8_t *p, size_t v)
{
    uint32_t v32 = (uint32_t)v;

    memcpy(p, &v32, sizeof(v32));
}

/* args: HC level. With the size appended, as Linux's build does. */
static size_t pack_lz4_legacy(const struct packer *p, const uint8_t *in, size_t len, uint8_t *out,
                              size_t out_size)
{
    size_t n = 4;

    put32(out, 0x184c2102);
    for (size_t i = 0; i < len; i += 8 << 20) {
        size_t part = len - i < 8 << 20 ? len - i : 8 << 20;
        int made = LZ4_compress_HC((const char *)in + i, (char *)out + n + 4, (int)part,
                                   (int)(out_size - n - 4), p->args[0]);

        assert(made > 0);
        put32(out + n, (size_t)made);
        n += 4 + (size_t)made;
    }
    put32(out + n, len);
    return n + 4;
}

/* args: level, block mode, checksums, block size id. */
static size_t pack_lz4(const struct packer *p, const uint8_t *in, size_t len, uint8_t *out,
                       size_t out_size)
{
    LZ4F_preferences_t prefs = {
        .frameInfo = { .blockMode = (LZ4F_blockMode_t)p->args[1],
                       .contentChecksumFlag = p->args[2] & 1,
                       .blockChecksumFlag = p->args[2] & 2 ? 1 : 0,
                       .contentSize = p->args[2] & 4 ? len : 0,
                       .blockSizeID = (LZ4F_blockSizeID_t)p->args[3] },
        .compressionLevel = p->args[0],
    };
    size_t n = LZ4F_compressFrame(out, out_size, in, len, &prefs);

    assert(!LZ4F_isError(n));
    return n;
}

/* args: level, checksum, flags: 1 no content size, 2 a skippable frame and another frame behind. */
static size_t pack_zstd(const struct packer *p, const uint8_t *in, size_t len, uint8_t *out,
                        size_t out_size)
{
    size_t part = p->args[2] & 2 ? len / 3 : len, n = 0;

    for (;;) {
        ZSTD_CCtx *ctx = ZSTD_createCCtx();
        size_t made;

        ZSTD_CCtx_setParameter(ctx, ZSTD_c_compressionLevel, p->args[0]);
        ZSTD_CCtx_setParameter(ctx, ZSTD_c_checksumFlag, p->args[1]);
        ZSTD_CCtx_setParameter(ctx, ZSTD_c_contentSizeFlag, !(p->args[2] & 1));
        made = ZSTD_compress2(ctx, out + n, out_size - n, in, part);
        assert(!ZSTD_isError(made));
        ZSTD_freeCCtx(ctx);
        n += made;
        if (part == len)
            return n;
        put32(out + n, 0x184d2a53);
        put32(out + n + 4, 3);
        memcpy(out + n + 8, "abc", 3);
        n += 11;
        in += part;
        len -= part;
        part = len;
    }
}

const struct packer packers[] = {
    { "xz -9 crc32", "xz", 1, 1, pack_xz, { LZMA_CHECK_CRC32, 9, 302, 0 } },
    { "xz x86 crc32", "xz", 1, 1, pack_xz, { LZMA_CHECK_CRC32, 6, 302, 1 } },
    { "xz x86 at 4096 crc64", "xz", 1, 1, pack_xz, { LZMA_CHECK_CRC64, 3, 40, 4097 } },
    { "xz lc 0 lp 4 sha256", "xz", 1, 1, pack_xz, { LZMA_CHECK_SHA256, 0, 44, 0 } },
    { "xz lc 4 pb 4 no check", "xz", 0, 1, pack_xz, { LZMA_CHECK_NONE, 1, 404, 0 } },
    { "xz blocks", "xz", 1, 1, pack_xz_blocks, { LZMA_CHECK_CRC32, 3000 } },
    { "xz streams", "xz", 1, 1, pack_xz_streams, { 0 } },
    { "gzip -1", "gzip", 1, 1, pack_gzip, { 1, Z_DEFAULT_STRATEGY, 0 } },
    { "gzip -9", "gzip", 1, 1, pack_gzip, { 9, Z_DEFAULT_STRATEGY, 0 } },
    { "gzip stored", "gzip", 1, 1, pack_gzip, { 0, Z_DEFAULT_STRATEGY, 1 } },
    { "gzip fixed codes", "gzip", 1, 1, pack_gzip, { 6, Z_FIXED, 1 } },
    { "gzip literals only", "gzip", 1, 1, pack_gzip, { 6, Z_HUFFMAN_ONLY, 0 } },
    { "gzip runs only", "gzip", 1, 1, pack_gzip, { 6, Z_RLE, 0 } },
    { "gzip two members", "gzip", 1, 1, pack_gzip, { 6, Z_DEFAULT_STRATEGY, 2 } },
    { "lz4 legacy", "lz4", 0, 0, pack_lz4_legacy, { 1 } },
    { "lz4 legacy -12", "lz4", 0, 0, pack_lz4_legacy, { 12 } },
    { "lz4 linked blocks", "lz4", 1, 1, pack_lz4, { 0, LZ4F_blockLinked, 1, LZ4F_max64KB } },
    { "lz4 all checks", "lz4", 1, 1, pack_lz4, { 9, LZ4F_blockIndependent, 7, LZ4F_max64KB } },
    { "lz4 4 MiB blocks", "lz4", 0, 1, pack_lz4, { 1, LZ4F_blockIndependent, 0, LZ4F_max4MB } },
    { "zstd -1", "zstd", 1, 1, pack_zstd, { 1, 1, 0 } },
    { "zstd fast", "zstd", 1, 1, pack_zstd, { -5, 1, 1 } },
    { "zstd -9, size unknown", "zstd", 1, 1, pack_zstd, { 9, 1, 1 } },
    { "zstd -22", "zstd", 1, 1, pack_zstd, { 22, 1, 0 } },
    { "zstd no check", "zstd", 0, 1, pack_zstd, { 5, 0, 0 } },
    { "zstd frames", "zstd", 1, 1, pack_zstd, { 19, 1, 2 } },
};

const size_t packer_count = sizeof(packers) / sizeof(packers[0]);
