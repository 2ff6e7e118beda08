/* The types that the headers declare by hand: bitmaps, UUIDs, lists, truth values. */
#include <stdio.h>

#include "types_test.h"

static void make_bitmap(libxl_bitmap *map, int bits)
{
    libxl_bitmap_alloc(&our_ctx, map, bits);
    for (uint32_t i = 0; i < map->size; i++)
        map->map[i] = (uint8_t)(dice(3) == 0 ? 0 : dice(3) == 0 ? 0xff : dice(256));
}

static void check_same_bitmap(const libxl_bitmap *a, const libxl_bitmap *b)
{
    assert_int_equal(a->size, b->size);
    if (a->size)
        assert_memory_equal(a->map, b->map, a->size);
}

static void bitmaps_answer_alike(void **state)
{
    int (*is_full)(const libxl_bitmap *) = theirs("libxl_bitmap_is_full", "", false);
    int (*is_empty)(const libxl_bitmap *) = theirs("libxl_bitmap_is_empty", "", false);
    int (*count_set)(const libxl_bitmap *) = theirs("libxl_bitmap_count_set", "", false);
    int (*test)(const libxl_bitmap *, int) = theirs("libxl_bitmap_test", "", false);
    char *(*to_hex)(libxl_ctx *, const libxl_bitmap *) =
        theirs("libxl_bitmap_to_hex_string", "", false);

    (void)state;
    for (int bits = -1; bits < 70; bits++) {
        libxl_bitmap map;
        char *a, *b;

        make_bitmap(&map, bits);
        assert_int_equal(libxl_bitmap_is_full(&map), is_full(&map));
        assert_int_equal(libxl_bitmap_is_empty(&map), is_empty(&map));
        assert_int_equal(libxl_bitmap_count_set(&map), count_set(&map));
        for (int bit = -3; bit < 90; bit++)
            assert_int_equal(libxl_bitmap_test(&map, bit), test(&map, bit));
        a = libxl_bitmap_to_hex_string(&our_ctx, &map);
        b = to_hex(their_ctx(), &map);
        assert_string_equal(a, b);
        free(a);
        free(b);
        libxl_bitmap_dispose(&map);
        assert_null(map.map);
        assert_int_equal(map.size, 0);
    }
}

static void bitmaps_change_alike(void **state)
{
    int (*alloc)(libxl_ctx *, libxl_bitmap *, int) = theirs("libxl_bitmap_alloc", "", false);
    void (*set)(libxl_bitmap *, int) = theirs("libxl_bitmap_set", "", false);
    void (*reset)(libxl_bitmap *, int) = theirs("libxl_bitmap_reset", "", false);

    (void)state;
    for (int bits = 1; bits < 40; bits++) {
        libxl_bitmap a, b;

        assert_int_equal(libxl_bitmap_alloc(&our_ctx, &a, bits), alloc(their_ctx(), &b, bits));
        for (int i = 0; i < 100; i++) {
            int bit = (int)dice(60) - 5;

            if (dice(2)) {
                libxl_bitmap_set(&a, bit);
                set(&b, bit);
            } else {
                libxl_bitmap_reset(&a, bit);
                reset(&b, bit);
            }
            check_same_bitmap(&a, &b);
        }
        libxl_bitmap_dispose(&a);
        libxl_bitmap_dispose(&b);
    }
}

static void bitmaps_combine_alike(void **state)
{
    int (*both)(libxl_ctx *, libxl_bitmap *, const libxl_bitmap *, const libxl_bitmap *) =
        theirs("libxl_bitmap_and", "", false);
    int (*any)(libxl_ctx *, libxl_bitmap *, const libxl_bitmap *, const libxl_bitmap *) =
        theirs("libxl_bitmap_or", "", false);
    void (*copy_alloc)(libxl_ctx *, libxl_bitmap *, const libxl_bitmap *) =
        theirs("libxl_bitmap_copy_alloc", "", false);

    (void)state;
    for (int i = 0; i < 300; i++) {
        libxl_bitmap a, b, ours, their;

        make_bitmap(&a, 1 + (int)dice(40));
        make_bitmap(&b, 1 + (int)dice(40));
        libxl_bitmap_init(&ours);
        libxl_bitmap_init(&their);
        assert_int_equal(libxl_bitmap_and(&our_ctx, &ours, &a, &b),
                         both(their_ctx(), &their, &a, &b));
        check_same_bitmap(&ours, &their);
        assert_int_equal(libxl_bitmap_or(&our_ctx, &ours, &a, &b),
                         any(their_ctx(), &their, &a, &b));
        check_same_bitmap(&ours, &their);
        libxl_bitmap_dispose(&ours);
        libxl_bitmap_dispose(&their);
        libxl_bitmap_copy_alloc(&our_ctx, &ours, &a);
        copy_alloc(their_ctx(), &their, &a);
        check_same_bitmap(&ours, &their);
        libxl_bitmap_copy(&our_ctx, &ours, &b);
        for (int bit = 0; bit < (int)ours.size * 8; bit++)
            assert_int_equal(libxl_bitmap_test(&ours, bit), libxl_bitmap_test(&b, bit));
        libxl_bitmap_dispose(&ours);
        libxl_bitmap_dispose(&their);
        libxl_bitmap_dispose(&a);
        libxl_bitmap_dispose(&b);
    }
}

static void uuids_are_read_alike(void **state)
{
    static const char *const texts[] = {
        "00112233-4455-6677-8899-AABBccddeeff",  "00000000-0000-0000-0000-000000000000",
        "00112233445566778899aabbccddeeff",      "00112233-4455-6677-8899-aabbccddeefg",
        "00112233-4455-6677-8899-aabbccddeeffz", " 00112233-4455-6677-8899-aabbccddeeff",
        "00112233-4455-6677-8899-aabbccddeef",   "",
    };
    int (*from_string)(libxl_uuid *, const char *) = theirs("libxl_uuid_from_string", "", false);
    int (*compare)(const libxl_uuid *, const libxl_uuid *) =
        theirs("libxl_uuid_compare", "", false);
    int (*is_nil)(const libxl_uuid *) = theirs("libxl_uuid_is_nil", "", false);

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        libxl_uuid a = { { 1 } }, b = { { 1 } };

        assert_int_equal(libxl_uuid_from_string(&a, texts[i]), from_string(&b, texts[i]));
        assert_memory_equal(&a, &b, sizeof(a));
        assert_int_equal(libxl_uuid_is_nil(&a), is_nil(&a));
        libxl_uuid_generate(&b);
        assert_false(libxl_uuid_is_nil(&b));
        assert_int_equal(libxl_uuid_compare(&a, &b), compare(&a, &b));
        libxl_uuid_copy(NULL, &a, &b);
        assert_int_equal(libxl_uuid_compare(&a, &b), 0);
        assert_ptr_equal(libxl_uuid_bytearray(&a), a.uuid);
        libxl_uuid_clear(&a);
        assert_true(libxl_uuid_is_nil(&a));
    }
}

static void defbools_are_three_valued(void **state)
{
    libxl_defbool db = { .val = 1 };

    (void)state;
    libxl_defbool_unset(&db);
    assert_true(libxl_defbool_is_default(db));
    assert_string_equal(libxl_defbool_to_string(db), "<default>");
    libxl_defbool_setdefault(&db, false);
    assert_false(libxl_defbool_is_default(db));
    assert_false(libxl_defbool_val(db));
    assert_string_equal(libxl_defbool_to_string(db), "False");
    libxl_defbool_setdefault(&db, true);
    assert_false(libxl_defbool_val(db));
    libxl_defbool_set(&db, true);
    assert_true(libxl_defbool_val(db));
    assert_string_equal(libxl_defbool_to_string(db), "True");
}

static void lists_have_lengths(void **state)
{
    char a[] = "a", b[] = "b", c[] = "c";
    char *strings[] = { a, b, c, NULL }, *pairs[] = { a, NULL, b, c, NULL };
    libxl_string_list list = strings, list_copy, no_list = NULL;
    libxl_key_value_list kvl = pairs, kvl_copy;
    char *copy;

    (void)state;
    assert_int_equal(libxl_string_list_length(&list), 3);
    assert_int_equal(libxl_string_list_length(&no_list), 0);
    assert_int_equal(libxl_key_value_list_length(&kvl), 2);
    assert_int_equal(libxl_key_value_list_length(&no_list), 0);
    libxl_string_list_copy(NULL, &list_copy, &list);
    libxl_key_value_list_copy(NULL, &kvl_copy, &kvl);
    for (int i = 0; i < 3; i++)
        assert_string_equal(list_copy[i], strings[i]);
    assert_null(list_copy[3]);
    assert_null(kvl_copy[1]);
    assert_string_equal(kvl_copy[3], "c");
    assert_null(kvl_copy[4]);
    libxl_string_list_dispose(&list_copy);
    libxl_key_value_list_dispose(&kvl_copy);
    assert_null(list_copy);
    assert_null(kvl_copy);
    libxl_string_copy(NULL, &copy, &strings[1]);
    assert_string_equal(copy, "b");
    free(copy);
    libxl_string_copy(NULL, &copy, &strings[3]);
    assert_null(copy);
}

static void generation_ids_are_random(void **state)
{
    libxl_ms_vm_genid a = { { 0 } }, b;

    (void)state;
    assert_true(libxl_ms_vm_genid_is_zero(&a));
    assert_int_equal(libxl_ms_vm_genid_generate(&our_ctx, &a), 0);
    assert_int_equal(libxl_ms_vm_genid_generate(&our_ctx, &b), 0);
    assert_false(libxl_ms_vm_genid_is_zero(&a));
    assert_memory_not_equal(&a, &b, sizeof(a));
    libxl_ms_vm_genid_copy(NULL, &b, &a);
    assert_memory_equal(&a, &b, sizeof(a));
}

const struct CMUnitTest builtin_tests[] = {
    cmocka_unit_test(bitmaps_answer_alike),      cmocka_unit_test(bitmaps_change_alike),
    cmocka_unit_test(bitmaps_combine_alike),     cmocka_unit_test(uuids_are_read_alike),
    cmocka_unit_test(defbools_are_three_valued), cmocka_unit_test(lists_have_lengths),
    cmocka_unit_test(generation_ids_are_random),
};
const size_t nr_builtin_tests = sizeof(builtin_tests) / sizeof(builtin_tests[0]);
