/*
 * The kernel-image decoders: what the system's compressors make comes out again, whatever the
 * settings; broken input is refused, or unpacks to the same as in the system's decoders.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <hv/decompress.h>
#include <hv/errno.h>

#include "reference.h"
#include "samples.h"

#define PACKED_MAX (1u << 20)
#define MUTATIONS  400

static uint8_t *buffer(size_t size)
{
    uint8_t *p = malloc(size);

    assert_non_null(p);
    return p;
}

/* decompress() with buffers that end exactly where they should, and scratch full of rubbish. */
static int unpack(const uint8_t *in, size_t in_len, uint8_t *out, size_t out_size, size_t *out_len)
{
    static uint8_t *scratch;
    size_t scratch_size = decompress_scratch_size();
    uint8_t *in_copy = buffer(in_len);
    int err;

    if (!scratch)
        scratch = buffer(scratch_size);
    if (in_len)
        memcpy(in_copy, in, in_len);
    memset(scratch, 0xa5, scratch_size);
    *out_len = SIZE_MAX;
    err = decompress(in_copy, in_len, out, out_size, out_len, scratch, scratch_size);
    free(in_copy);
    return err;
}

static void round_trip(const struct packer *p, const uint8_t *data, size_t size, uint8_t *packed)
{
    size_t packed_len = p->pack(p, data, size, packed, PACKED_MAX), len;
    uint8_t *out = buffer(size);
    int err;

    assert_string_equal(decompress_format(packed, packed_len), p->format);
    err = unpack(packed, packed_len, out, size, &len);
    if (err || len != size || memcmp(out, data, size))
        fail_msg("%s, %zu bytes: error %d, %zu bytes", p->name, size, err, len);

    /* The size that Linux appends, or anything else. */
    memset(packed + packed_len, 0x13, 4);
    assert_int_equal(unpack(packed, packed_len + (p->ended ? 4 : 0), out, size, &len), 0);
    assert_int_equal(len, size);
    free(out);

    if (size) {
        out = buffer(size - 1);
        assert_int_equal(unpack(packed, packed_len, out, size - 1, &len), -ENOSPC);
        free(out);
    }
}

static void test_round_trips(void **state)
{
    static const size_t sizes[] = { 0, 1, 2, 5, 16, 100, 1000, 70000, 200000 };
    uint8_t *packed = buffer(PACKED_MAX + 4);

    (void)state;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
        for (enum content kind = 0; kind < CONTENTS; kind++) {
            uint8_t *data = buffer(sizes[i]);

            fill(kind, data, sizes[i]);
            for (size_t n = 0; n < packer_count; n++)
                round_trip(&packers[n], data, sizes[i], packed);
            free(data);
        }
    free(packed);
}

/* More than one full block of legacy LZ4, more than the longest LZMA2 chunk. */
static void test_large(void **state)
{
    const size_t size = (8 << 20) + 12345;
    uint8_t *data = buffer(size), *out = buffer(size), *packed = buffer(size + (1 << 20));
    size_t len;

    (void)state;
    fill(ZEROS, data, size);
    fill(CODE, data + (1 << 20), 1 << 20);
    fill(SHORT_PERIODS, data + (3 << 20), 1 << 20);
    for (size_t n = 0; n < packer_count; n += 3) {
        const struct packer *p = &packers[n];
        size_t packed_len = p->pack(p, data, size, packed, size + (1 << 20));

        memset(out, 0x5a, size);
        if (unpack(packed, packed_len, out, size, &len) || len != size || memcmp(out, data, size))
            fail_msg("%s", p->name);
    }

    /* A legacy block that is full, with nothing but the size behind it. */
    for (size_t n = 0; n < packer_count; n++) {
        const struct packer *p = &packers[n];
        size_t packed_len;

        if (p->ended)
            continue;
        packed_len = p->pack(p, data, 8 << 20, packed, size);
        assert_int_equal(unpack(packed, packed_len, out, size, &len), 0);
        assert_int_equal(len, 8 << 20);
    }
    free(packed);
    free(out);
    free(data);
}

static void test_truncation(void **state)
{
    uint8_t data[600], out[600];
    uint8_t *packed = buffer(PACKED_MAX);
    size_t len;

    (void)state;
    fill(TEXT, data, sizeof(data));
    for (size_t n = 0; n < packer_count; n++) {
        const struct packer *p = &packers[n];
        size_t packed_len = p->pack(p, data, sizeof(data), packed, PACKED_MAX), reference_len;

        for (size_t cut = 0; cut < packed_len; cut++) {
            int err = unpack(packed, cut, out, sizeof(out), &len);

            /* Right behind the first of several streams is not a truncation. */
            if (!err && !reference(packed, cut, data, sizeof(data), &reference_len) &&
                reference_len == len)
                continue;
            if (err != -EINVAL && (err != -EOPNOTSUPP || cut >= 6))
                fail_msg("%s cut to %zu of %zu: %d", p->name, cut, packed_len, err);
        }
    }
    free(packed);
}

/* Flip, replace, insert, remove. Returns the new length. */
static size_t mutate(uint8_t *data, size_t len)
{
    unsigned int changes = 1 + random32() % 3;

    while (changes--) {
        size_t at = random32() % len, n = 1 + random32() % 4;

        switch (random32() % 4) {
        case 0:
            data[at] ^= (uint8_t)(1u << random32() % 8);
            break;
        case 1:
            data[at] = (uint8_t)random32();
            break;
        case 2:
            memmove(data + at + n, data + at, len - at);
            len += n;
            break;
        case 3:
            n = n < len - at ? n : len - at;
            if (n == len)
                break;
            memmove(data + at, data + at + n, len - at - n);
            len -= n;
            break;
        }
    }
    return len;
}

static void test_mutations(void **state)
{
    const size_t size = 3000, room = 2 * size;
    uint8_t *data = buffer(size), *out = buffer(room), *expected = buffer(room);
    uint8_t *packed = buffer(PACKED_MAX), *mutant = buffer(PACKED_MAX);
    unsigned int accepted = 0, refused = 0;

    (void)state;
    for (size_t n = 0; n < packer_count * CONTENTS; n++) {
        const struct packer *p = &packers[n / CONTENTS];
        size_t packed_len, len, expected_len;

        fill((enum content)(n % CONTENTS), data, size);
        packed_len = p->pack(p, data, size, packed, PACKED_MAX);
        for (unsigned int i = 0; i < MUTATIONS; i++) {
            size_t mutant_len;
            int err;

            memcpy(mutant, packed, packed_len);
            mutant_len = mutate(mutant, packed_len);
            err = unpack(mutant, mutant_len, out, room, &len);
            if (err) {
                assert_true(err == -EINVAL || err == -EOPNOTSUPP || err == -ENOSPC);
                refused++;
                continue;
            }
            accepted++;
            if (!p->checked)
                continue;
            if (reference(mutant, mutant_len, expected, room, &expected_len) ||
                len != expected_len || memcmp(out, expected, len))
                fail_msg("%s, mutation %u: not as in the system's decoder", p->name, i);
        }
    }
    /* Some changes are harmless; most must be noticed. */
    assert_true(accepted > 0 && refused > accepted);
    free(mutant);
    free(packed);
    free(expected);
    free(out);
    free(data);
}

static void test_formats(void **state)
{
    static const uint8_t elf[8] = { 0x7f, 'E', 'L', 'F' };
    uint8_t out[8];
    size_t len;

    (void)state;
    assert_null(decompress_format(elf, sizeof(elf)));
    assert_null(decompress_format("", 0));
    assert_null(decompress_format("\x1f\x8b", 2));
    assert_int_equal(unpack(elf, sizeof(elf), out, sizeof(out), &len), -EOPNOTSUPP);
}

static void test_scratch(void **state)
{
    static const uint8_t text[] = "Needs some memory to unpack, and some more of it.";
    uint8_t packed[1000], out[sizeof(text)];
    size_t size = decompress_scratch_size(), len;
    uint8_t *scratch = buffer(size + 1);

    (void)state;
    assert_in_range(size, 1, 256 << 10);
    for (size_t n = 0; n < packer_count; n++) {
        const struct packer *p = &packers[n];
        size_t packed_len = p->pack(p, text, sizeof(text), packed, sizeof(packed));

        assert_int_equal(decompress(packed, packed_len, out, sizeof(out), &len, scratch, size - 1),
                         -ENOMEM);
        /* Of any alignment. */
        for (size_t shift = 0; shift <= 1; shift++) {
            assert_int_equal(
                decompress(packed, packed_len, out, sizeof(out), &len, scratch + shift, size), 0);
            assert_memory_equal(out, text, sizeof(text));
        }
    }
    free(scratch);
}

/* Valid, but of kinds that are not implemented. */
static void test_unsupported(void **state)
{
    /* xz with check 2, which is not assigned; gzip with a reserved flag; zstd with a dictionary. */
    static const uint8_t xz[] = { 0xfd, '7', 'z', 'X', 'Z', 0, 0, 2, 0xd3, 0x73, 0xd7, 0xaf, 0 };
    static const uint8_t gzip[18] = { 0x1f, 0x8b, 8, 0x20 };
    static const uint8_t zstd[] = { 0x28, 0xb5, 0x2f, 0xfd, 0x21, 7, 0, 1, 0, 0 };
    uint8_t out[8];
    size_t len;

    (void)state;
    assert_int_equal(unpack(gzip, sizeof(gzip), out, sizeof(out), &len), -EOPNOTSUPP);
    assert_int_equal(unpack(zstd, sizeof(zstd), out, sizeof(out), &len), -EOPNOTSUPP);
    assert_int_equal(unpack(xz, sizeof(xz), out, sizeof(out), &len), -EOPNOTSUPP);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_formats),     cmocka_unit_test(test_round_trips),
        cmocka_unit_test(test_large),       cmocka_unit_test(test_truncation),
        cmocka_unit_test(test_mutations),   cmocka_unit_test(test_scratch),
        cmocka_unit_test(test_unsupported),
    };

    return cmocka_run_group_tests_name("decompress", tests, NULL, NULL);
}
