/* hypfs_op: what is in the tree, what may be written, and that nothing is written beyond the room.
 */
#include "machine.h"

#include <hv/cmdline.h>
#include <hv/version.h>
#include <xen/hypfs.h>

static unsigned int parsed;

static int parse_word(const char *value)
{
    parsed++;
    return strcmp(value, "bad") ? 0 : -EINVAL;
}

static char word_text[8] = "first";
RUNTIME_OPTION("word", parse_word, word_text, "for the test");

static struct xen_hypfs_direntry *const entry = (struct xen_hypfs_direntry *)guest_buffer;
static char *const content = (char *)guest_buffer + sizeof(struct xen_hypfs_direntry);

static long hypfs(unsigned int cmd, const char *path, const void *data, uint64_t size)
{
    return do_hypfs_op(cmd, G(path), strlen(path) + 1, G(data), size);
}

static long read_it(const char *path)
{
    memset(guest_buffer, 0xaa, sizeof(guest_buffer));
    return hypfs(XEN_HYPFS_OP_read, path, guest_buffer, sizeof(guest_buffer));
}

static void assert_text(const char *path, const char *text)
{
    assert_int_equal(read_it(path), 0);
    assert_int_equal(entry->type, XEN_HYPFS_TYPE_STRING);
    assert_int_equal(entry->content_len, strlen(text) + 1);
    assert_string_equal(content, text);
    assert_int_equal((uint8_t)content[strlen(text) + 1], 0xaa);
}

static void facts(void **state)
{
    (void)state;
    assert_int_equal(do_hypfs_op(XEN_HYPFS_OP_get_version, G(NULL), 0, G(NULL), 0), 1);
    assert_int_equal(hypfs(XEN_HYPFS_OP_get_version, "/", NULL, 0), -EINVAL);
    assert_int_equal(hypfs(3, "/", NULL, 0), -EOPNOTSUPP);
    assert_int_equal(read_it("/buildinfo/version/minor"), 0);
    assert_int_equal(entry->type, XEN_HYPFS_TYPE_UINT);
    assert_int_equal(entry->content_len, 4);
    assert_int_equal(entry->max_write_len, 0);
    assert_int_equal(*(uint32_t *)content, XEN_ABI_MINOR);
    assert_text("/buildinfo/version/extra", XEN_ABI_EXTRA);
    assert_text("/buildinfo/compileinfo/compile_by", BUILD_BY);
    assert_text("/cpupool/0/sched-gran", "cpu");
    assert_int_equal(read_it("/cpupool/1"), -ENOENT);
    assert_int_equal(read_it("/cpupool/0/sched-gran/"), 0);
    world_be(dom1, 0);
    assert_int_equal(read_it("/"), -EPERM);
}

static void paths(void **state)
{
    static const char no_end[] = { '/', 'p', 'a' };
    char longest[XEN_HYPFS_MAX_PATHLEN + 1];

    (void)state;
    assert_int_equal(read_it("buildinfo"), -EINVAL);
    assert_int_equal(read_it(""), -EINVAL);
    assert_int_equal(read_it("//"), -ENOENT);
    assert_int_equal(read_it("/buildinf"), -ENOENT);
    assert_int_equal(read_it("/buildinfo2"), -ENOENT);
    assert_int_equal(read_it("/params/word/more"), -ENOENT);
    assert_int_equal(do_hypfs_op(XEN_HYPFS_OP_read, G(no_end), 3, G(guest_buffer), 100), -EINVAL);
    assert_int_equal(do_hypfs_op(XEN_HYPFS_OP_read, G("/"), 0, G(guest_buffer), 100), -EINVAL);
    assert_int_equal(do_hypfs_op(XEN_HYPFS_OP_read, BAD_POINTER, 2, G(guest_buffer), 100), -EFAULT);
    memset(longest, 'x', sizeof(longest));
    longest[0] = '/';
    longest[sizeof(longest) - 1] = 0;
    assert_int_equal(read_it(longest), -EINVAL);
    longest[sizeof(longest) - 2] = 0;
    assert_int_equal(read_it(longest), -ENOENT);
}

static void directories(void **state)
{
    static const char *const names[] = { "buildinfo", "cpupool", "params" };
    const struct xen_hypfs_dirlistentry *e = (void *)content;
    uint32_t size;

    (void)state;
    assert_int_equal(read_it("/"), 0);
    assert_int_equal(entry->type, XEN_HYPFS_TYPE_DIR);
    size = entry->content_len;
    assert_int_equal((uint8_t)content[size], 0xaa);
    for (unsigned int i = 0; i < 3; i++) {
        assert_string_equal(e->name, names[i]);
        assert_int_equal(e->e.type, XEN_HYPFS_TYPE_DIR);
        assert_int_equal(e->off_next == 0, i == 2);
        e = (const void *)((const char *)e + e->off_next);
    }
    /* Room for the description only, and for less. */
    memset(guest_buffer, 0xaa, sizeof(guest_buffer));
    assert_int_equal(hypfs(XEN_HYPFS_OP_read, "/", guest_buffer, sizeof(*entry) + size - 1),
                     -ENOBUFS);
    assert_int_equal(entry->content_len, size);
    assert_int_equal((uint8_t)content[0], 0xaa);
    assert_int_equal(hypfs(XEN_HYPFS_OP_read, "/", guest_buffer, sizeof(*entry) - 1), -EINVAL);
    assert_int_equal(hypfs(XEN_HYPFS_OP_read, "/", (void *)8, 100), -EFAULT);
}

static void settings(void **state)
{
    (void)state;
    assert_text("/params/word", "first");
    assert_int_equal(entry->max_write_len, sizeof(word_text));
    assert_int_equal(hypfs(XEN_HYPFS_OP_write_contents, "/params/word", "second", 7), 0);
    assert_text("/params/word", "second");
    assert_int_equal(parsed, 1);
    assert_int_equal(hypfs(XEN_HYPFS_OP_write_contents, "/params/word", "bad", 4), -EINVAL);
    assert_text("/params/word", "second");
    assert_int_equal(hypfs(XEN_HYPFS_OP_write_contents, "/params/word", "no end", 6), -EINVAL);
    assert_int_equal(hypfs(XEN_HYPFS_OP_write_contents, "/params/word", "a", 0), -ENOSPC);
    assert_int_equal(hypfs(XEN_HYPFS_OP_write_contents, "/params/word", "too long", 9), -ENOSPC);
    assert_int_equal(hypfs(XEN_HYPFS_OP_write_contents, "/params", "x", 2), -EACCES);
    assert_int_equal(hypfs(XEN_HYPFS_OP_write_contents, "/buildinfo/changeset", "x", 2), -EACCES);
    assert_int_equal(hypfs(XEN_HYPFS_OP_write_contents, "/nothing", "x", 2), -ENOENT);
    assert_int_equal(parsed, 2);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, machine_setup, machine_teardown)
const struct CMUnitTest hypfs_tests[] = {
    TEST(facts),
    TEST(paths),
    TEST(directories),
    TEST(settings),
};
const size_t nr_hypfs_tests = ARRAY_SIZE(hypfs_tests);
