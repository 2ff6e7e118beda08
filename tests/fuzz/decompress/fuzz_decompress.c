/*
 * Fuzzer for decompress(), against the system's decoders.
 *
 *   clang -g -O1 -fsanitize=fuzzer,address,undefined -I hypervisor/include -I build/include \
 *       tests/fuzz/decompress/fuzz_decompress.c tests/unit/decompress/reference.c \
 *       hypervisor/core/lib/decompress/[a-z]*.c -llzma -lz -llz4 -lzstd -o fuzz_decompress
 *   tests/fuzz/decompress/make-seeds corpus && ./fuzz_decompress corpus
 *
 * Checksums would keep a fuzzer from ever seeing a success, so for xz and gzip the first byte of
 * the input may ask for a bare LZMA2 or deflate stream, to which a container is added here.
 */
#include "../../../hypervisor/core/lib/decompress/internal.h"
#include "../../unit/decompress/reference.h"

#include <stdio.h>
#include <stdlib.h>

#define OUT_MAX (1u << 20)

enum { WHOLE, LZMA2, LZMA2_X86, DEFLATE, MODES };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool ok, const char *what)
{
    if (!ok) {
        fprintf(stderr, "%s\n", what);
        abort();
    }
}

/* decompress() with buffers of exactly the sizes given, so that the sanitizer sees their ends. */
static int run(const uint8_t *in, size_t in_len, uint8_t *out, size_t out_size, size_t *out_len)
{
    size_t scratch_size = decompress_scratch_size();
    uint8_t *copy = malloc(in_len), *scratch = malloc(scratch_size);
    int err;

    if (in_len)
        memcpy(copy, in, in_len);
    memset(scratch, 0xa5, scratch_size);
    err = decompress(copy, in_len, out, out_size, out_len, scratch, scratch_size);
    free(scratch);
    free(copy);
    return err;
}

static void whole(const uint8_t *in, size_t in_len, uint8_t *out, size_t out_size,
                  uint8_t *expected)
{
    size_t out_len, expected_len;
    int err = run(in, in_len, out, out_size, &out_len);

    require(err == 0 || err == -EINVAL || err == -EOPNOTSUPP || err == -ENOSPC, "odd error");
    if (err)
        return;
    if (reference(in, in_len, expected, OUT_MAX, &expected_len)) {
        /* liblz4 wants the last match of a block to keep clear of the end of the output buffer. */
        require(!strcmp(decompress_format(in, in_len), "lz4"), "accepted what is invalid");
        return;
    }
    require(out_len == expected_len && !memcmp(out, expected, out_len), "differs");
}

/* Both must agree on what is valid, too. */
static void lzma2(const uint8_t *in, size_t in_len, uint8_t *out, size_t out_size,
                  uint8_t *expected)
{
    struct unpack u = { in, in + in_len, out, out + out_size, NULL };
    size_t in_used, expected_len;
    void *scratch = malloc(lzma2_scratch_size());
    int err, expected_err;

    memset(scratch, 0xa5, lzma2_scratch_size());
    err = lzma2_decode(&u, scratch);
    free(scratch);
    expected_err = reference_lzma2(in, in_len, expected, out_size, &in_used, &expected_len);
    require(!err == !expected_err || err == -ENOSPC, "validity differs");
    if (!err) {
        require((size_t)(u.in - in) == in_used, "input length differs");
        require((size_t)(u.out - out) == expected_len, "length differs");
        require(!memcmp(out, expected, expected_len), "differs");
    }
}

/* Any bytes are valid input of the filter; compare it inside a valid file. */
static void lzma2_x86(const uint8_t *in, size_t in_len, uint8_t *out, size_t out_size,
                      uint8_t *expected)
{
    static const uint8_t header[] = { 0xfd, '7', 'z', 'X', 'Z', 0, 0, 0, 0xff, 0x12, 0xd9, 0x41 };
    uint8_t block[] = { 2, 1, 4, 0, 0x21, 1, 18, 0, 0, 0, 0, 0 };
    uint8_t *file = malloc(sizeof(header) + sizeof(block) + in_len + 64), *p = file;
    struct crc32 *crc = malloc(sizeof(*crc));
    size_t in_used, len, packed, records;

    if (!reference_lzma2(in, in_len, expected, OUT_MAX, &in_used, &len)) {
        crc32_init(crc);
        put_le32(block + 8, crc32_add(crc, 0, block, 8));
        memcpy(p, header, sizeof(header));
        memcpy(p + sizeof(header), block, sizeof(block));
        p += sizeof(header) + sizeof(block);
        memcpy(p, in, in_used);
        memset(p + in_used, 0, 32);
        packed = sizeof(block) + in_used;
        p += (in_used + 3) & ~(size_t)3;
        records = 2;
        p[1] = 1;
        for (size_t v = packed; records == 2 || v; v >>= 7)
            p[records++] = (uint8_t)((v & 0x7f) | (v > 0x7f ? 0x80 : 0));
        for (size_t v = len, n = 0; !n || v; v >>= 7, n++)
            p[records++] = (uint8_t)((v & 0x7f) | (v > 0x7f ? 0x80 : 0));
        records = (records + 3) & ~(size_t)3;
        put_le32(p + records, crc32_add(crc, 0, p, records));
        p += records + 4;
        put_le32(p + 4, (uint32_t)records / 4);
        p[8] = p[9] = 0;
        memcpy(p + 10, "YZ", 2);
        put_le32(p, crc32_add(crc, 0, p + 4, 6));
        p += 12;
        require(!reference(file, (size_t)(p - file), expected, OUT_MAX, &len),
                "file not built right");
        if (len <= out_size) {
            size_t out_len;

            require(!run(file, (size_t)(p - file), out, out_size, &out_len), "refused");
            require(out_len == len && !memcmp(out, expected, len), "differs");
        }
    }
    free(crc);
    free(file);
}

static void deflate(const uint8_t *in, size_t in_len, uint8_t *out, size_t out_size,
                    uint8_t *expected)
{
    static const uint8_t header[10] = { 0x1f, 0x8b, 8 };
    uint8_t *file = calloc(1, sizeof(header) + in_len + 8);
    struct crc32 *crc = malloc(sizeof(*crc));
    size_t in_used, len, out_len;
    int err, expected_err;

    expected_err = reference_deflate(in, in_len, expected, out_size, &in_used, &len);
    if (expected_err)
        in_used = in_len;
    memcpy(file, header, sizeof(header));
    if (in_used)
        memcpy(file + sizeof(header), in, in_used);
    if (!expected_err) {
        crc32_init(crc);
        put_le32(file + sizeof(header) + in_used, crc32_add(crc, 0, expected, len));
        put_le32(file + sizeof(header) + in_used + 4, (uint32_t)len);
    }
    err = run(file, sizeof(header) + in_used + 8, out, out_size, &out_len);
    if (!expected_err)
        require(!err && out_len == len && !memcmp(out, expected, len), "differs");
    free(crc);
    free(file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const modes[MODES])(const uint8_t *, size_t, uint8_t *, size_t, uint8_t *) = {
        [WHOLE] = whole,
        [LZMA2] = lzma2,
        [LZMA2_X86] = lzma2_x86,
        [DEFLATE] = deflate,
    };
    static uint8_t large[OUT_MAX], expected[OUT_MAX];
    uint8_t *small;
    size_t small_size;

    if (!size || data[0] % 8 >= MODES)
        return 0;
    if (data[0] & 8) {
        /* Probably does not fit. */
        small_size = 100 + data[0];
        small = malloc(small_size);
        modes[data[0] % 8](data + 1, size - 1, small, small_size, expected);
        free(small);
    } else {
        modes[data[0] % 8](data + 1, size - 1, large, sizeof(large), expected);
    }
    return 0;
}
