/*
 * The configurations of guests: each NAME.cfg here becomes NAME.json, which is what Debian's xl
 * makes of it, but for the names in `differs`; a NAME.cfg without is refused. The same with those
 * that stand as administrators write them, tests/toolstack/configs, whose results are in `real`,
 * on a larger host. And the pieces below: the tables, names, sets, amounts, options.
 */
#include <setjmp.h>
#include <dirent.h>
#include <sys/wait.h>
#include <unistd.h>
#include "xl/cfg.h"
#include "xl/savefile.h"
#include "fake.h"
#include <cmocka.h>

#define HERE "tests/toolstack/xl-cfg/"
#define REAL "tests/toolstack/configs/"

struct session xl;

/* xl ends before it would have to free what it made */
__attribute__((visibility("default"))) const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "detect_leaks=0";
}

static int open_session(void **state)
{
    (void)state;
    xl.log = xtl_createlogger_stdiostream(stderr, XTL_CRITICAL, 0);
    return libxl_ctx_alloc(&xl.ctx, LIBXL_VERSION, 0, (xentoollog_logger *)xl.log);
}

/* ---- configurations */

/* UUIDs are new each time */
static void without_uuids(char *text)
{
    for (char *at = text; (at = strstr(at, "\"uuid\": \"")); at++) {
        for (char *c = at + 9; *c && *c != '"'; c++)
            *c = *c == '-' ? '-' : '0';
    }
}

static char *json_of(const char *path, const char *data, size_t length)
{
    libxl_domain_config config;
    char *text;

    if (cfg_read(&config, path, data, length, true))
        return NULL;
    text = libxl_domain_config_to_json(xl.ctx, &config);
    without_uuids(text);
    return text;
}

/* Whether it is a guest's */
static bool check_config(const char *folder, const char *results, const char *name)
{
    char *path = text_of("%s%s.cfg", folder, name);
    char *expected_path = text_of("%s%s.json", results, name);
    size_t length, expected_length;
    char *data = file_read(path, &length), *expected = file_read(expected_path, &expected_length);
    char *json;

    assert_non_null(data);
    json = json_of(path, data, length);
    if (!expected) {
        if (json)
            fail_msg("%s was not refused", path);
        return false;
    }
    if (!json)
        fail_msg("%s was refused", path);
    without_uuids(expected);
    if (strcmp(json, expected))
        fail_msg("%s became\n%s", path, json);
    return true;
}

/* How many of the configurations are guests' */
static int check_folder(const char *folder, const char *results)
{
    DIR *dir = opendir(folder);
    struct dirent *entry;
    int count = 0;

    assert_non_null(dir);
    while ((entry = readdir(dir))) {
        char *end = strstr(entry->d_name, ".cfg");

        if (!end || end[4])
            continue;
        *end = 0;
        count += check_config(folder, results, entry->d_name);
    }
    closedir(dir);
    return count;
}

static void configs(void **state)
{
    (void)state;
    assert_true(check_folder(HERE, HERE) >= 60);
}

static void real_configs(void **state)
{
    (void)state;
    fake_cpus = 16;
    fake_nodes = 2;
    assert_true(check_folder(REAL, HERE "real/") >= 50);
    fake_cpus = 2;
    fake_nodes = 1;
}

static bool is_key(const char *name)
{
    for (int i = 0; i < cfg_key_count; i++) {
        if (!strcmp(cfg_keys[i].name, name))
            return true;
    }
    return false;
}

static void documented_keys(void **state)
{
    (void)state;
    size_t length;
    char *names = file_read(HERE "documented", &length);
    int count = 0;

    assert_non_null(names);
    for (char *name = strtok(names, "\n"); name; name = strtok(NULL, "\n")) {
        if (!is_key(name))
            fail_msg("there is no key %s", name);
        count++;
    }
    assert_true(count > 140);
}

static void keys_have_help(void **state)
{
    (void)state;
    for (int i = 0; i < cfg_key_count; i++) {
        const struct key *key = &cfg_keys[i];

        assert_non_null(key->help);
        assert_true((key->kind == FIELD_CUSTOM) == (key->set != NULL));
        assert_true((key->kind == FIELD_CHOICE) == (key->choices != NULL));
        for (int j = 0; j < i; j++)
            assert_string_not_equal(key->name, cfg_keys[j].name);
    }
    for (const struct language *const *l = languages; *l; l++) {
        for (int i = 0; i < (*l)->count; i++)
            assert_non_null((*l)->parts[i].help);
    }
}

static void refuses(const char *line)
{
    char *text = text_of("name = \"x\"\nkernel = \"/k\"\n%s\n", line);

    if (json_of("test", text, strlen(text)))
        fail_msg("not refused: %s", line);
}

static void bad_values(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "memroy = 1",
        "memory = 0",
        "memory = -5",
        "memory = 9999999999999999999",
        "vcpus = 0",
        "vcpus = 5000",
        "vcpus = 2; maxvcpus = 1",
        "maxmem = 10; memory = 20",
        "name = \"\"",
        "name = \"a/b\"",
        "cpus = \"9\"",
        "cpus = \"1-0\"",
        "cpus = \"node:7\"",
        "vif = \"mac=1\"",
        "vif = [ \"mac=00:16:3e:00:00:01:07\" ]",
        "vif = [ \"mac=zz:16:3e:00:00:01\" ]",
        "vif = [ \"rate=fast\" ]",
        "vif = [ \"bridge\" ]",
        "ioports = [ \"10000\" ]",
        "ioports = [ \"3f8-3f0\" ]",
        "irqs = [ \"x\" ]",
        "iomem = [ \"1\" ]",
        "iomem = [ \"1,2,3\" ]",
        "p9 = [ \"tag=x\" ]",
        "vtpm = [ \"\" ]",
        "vdispl = [ \"connectors=a:1y2\" ]",
        "vsnd = [ [ \"STREAM, type=p\" ] ]",
        "vsnd = [ [ \"CARD, colour=red\" ] ]",
        "channel = [ \"name=a\" ]",
        "channel = [ \"connection=socket,name=a\" ]",
        "channel = [ \"connection=socket,name=a,path=/x,connection=pty\" ]",
        "channel = [ \"connection=pty,name=a,path=/x\" ]",
        "vkb = [ \"width=1\" ]",
        "usbctrl = [ \"type=serial\" ]",
        "tsc_mode = \"never\"",
        "tsc_mode = 9",
        "cpuid = \"tm=0\"",
        "cpuid = \"host,nosuchflag=0\"",
        "cpuid = [ \"1:eex=0\" ]",
        "on_crash = \"\"",
        "memory = [ 1 ]",
    };

    for (size_t i = 0; i < ARRAY_LENGTH(lines); i++)
        refuses(lines[i]);
}

static void hostile_text(void **state)
{
    (void)state;
    libxl_domain_config config;

    assert_int_not_equal(cfg_read(&config, "test", "name=\0x", 7, true), 0);
    assert_int_not_equal(cfg_read(&config, "test", "[[[[", 4, true), 0);
    assert_int_not_equal(cfg_read(&config, "test", "", 0, true), 0);
}

/* ---- headers of saved domains */
struct saved_header {
    char magic[32];
    uint32_t order, mandatory, optional, length;
};

/* read_header: with so many bytes of configuration behind it */
static int read_header(const struct saved_header *header, const char *config, size_t length,
                       struct saved *saved)
{
    int fds[2], rc;

    assert_int_equal(pipe(fds), 0);
    assert_int_equal(write(fds[1], header, sizeof(*header)), sizeof(*header));
    if (length)
        assert_int_equal(write(fds[1], config, length), length);
    close(fds[1]);
    rc = saved_read(fds[0], "test", saved);
    close(fds[0]);
    return rc;
}

static void saved_headers(void **state)
{
    static const struct saved_header good = { "Xen saved domain, xl format\n \0 \r", 0x01020304, 3,
                                              0, 7 };
    struct saved_header header = good;
    struct saved saved;

    (void)state;
    assert_int_equal(read_header(&good, "\3\0\0\0{}", 7, &saved), 0);
    assert_true(saved.json);
    assert_string_equal(saved.config, "{}");
    assert_int_not_equal(read_header(&good, "\4\0\0\0{}", 7, &saved), 0);
    assert_int_not_equal(read_header(&good, "\377\377\377\377{}", 7, &saved), 0);
    assert_int_not_equal(read_header(&good, "\3\0\0\0", 4, &saved), 0);
    header.length = 0xffffffff;
    assert_int_not_equal(read_header(&header, "\3\0\0\0{}", 7, &saved), 0);
    header.length = 3;
    assert_int_not_equal(read_header(&header, "\3\0\0\0{}", 7, &saved), 0);
    header.length = 0;
    assert_int_equal(read_header(&header, "", 0, &saved), 0);
    assert_null(saved.config);
    header.mandatory = 7;
    assert_int_not_equal(read_header(&header, "", 0, &saved), 0);
    header.mandatory = 1;
    assert_int_not_equal(read_header(&header, "", 0, &saved), 0);
    header = good;
    header.order = 0x04030201;
    assert_int_not_equal(read_header(&header, "\3\0\0\0{}", 7, &saved), 0);
    header = good;
    header.magic[0] = 'x';
    assert_int_not_equal(read_header(&header, "\3\0\0\0{}", 7, &saved), 0);
}

/* ---- the scanner */
static void scan(void **state)
{
    (void)state;
    struct assignment a = {
        .at = "# one\nname = 'a;b=c' ; x=\"#\"\nlist = [ # two\n 'p=q',\n [ 1 ] ]\n"
              "more += [ 'z' ]\nlast=1"
    };
    static const struct {
        const char *name;
        int line;
    } expected[] = { { "name", 2 }, { "x", 2 }, { "list", 3 }, { "more", 6 }, { "last", 7 } };

    for (size_t i = 0; i < ARRAY_LENGTH(expected); i++) {
        assert_true(assignment_next(&a));
        assert_string_equal(a.name, expected[i].name);
        assert_int_equal(a.line, expected[i].line);
    }
    assert_false(assignment_next(&a));
}

/* ---- names */
static const char *fruit_at(const void *state, int i)
{
    (void)state;
    static const char *const fruits[] = { "apple", "pear", "plum", NULL };

    return fruits[i];
}

static void nearest(void **state)
{
    (void)state;
    assert_string_equal(nearest_name("aple", fruit_at, NULL), "apple");
    assert_string_equal(nearest_name("paer", fruit_at, NULL), "pear");
    assert_string_equal(nearest_name("plums", fruit_at, NULL), "plum");
    assert_null(nearest_name("banana", fruit_at, NULL));
    assert_null(nearest_name("", fruit_at, NULL));
}

/* ---- sets and amounts */
static char *ranges_of(const char *text, int end)
{
    libxl_bitmap map;

    libxl_bitmap_init(&map);
    assert_int_equal(libxl_bitmap_alloc(xl.ctx, &map, 64), 0);
    if (set_parse(text, &map))
        return need(strdup("wrong"));
    return ranges_text(&map, end);
}

static void ranges(void **state)
{
    (void)state;
    assert_string_equal(ranges_of("0-3,5", 64), "0-3,5");
    assert_string_equal(ranges_of("5,0,1,2,3", 64), "0-3,5");
    assert_string_equal(ranges_of("0-3", 4), "all");
    assert_string_equal(ranges_of("63", 4), "none");
    assert_string_equal(ranges_of("64", 64), "wrong");
    assert_string_equal(ranges_of("3-", 64), "wrong");
    assert_string_equal(ranges_of("-3", 64), "wrong");
    assert_string_equal(ranges_of("1-2-3", 64), "wrong");
    assert_string_equal(ranges_of("", 64), "wrong");
}

static int64_t kib_of(const char *text)
{
    int64_t kib;

    return memory_parse(text, &kib) ? kib : -1;
}

static void amounts(void **state)
{
    (void)state;
    assert_int_equal(kib_of("1"), 1024);
    assert_int_equal(kib_of("2048b"), 2);
    assert_int_equal(kib_of("7k"), 7);
    assert_int_equal(kib_of("2G"), 2 << 20);
    assert_int_equal(kib_of("1t"), 1 << 30);
    assert_int_equal(kib_of("-1"), -1);
    assert_int_equal(kib_of("1x"), -1);
    assert_int_equal(kib_of("1mb"), -1);
    assert_int_equal(kib_of("99999999999t"), -1);
    assert_int_equal(kib_of(""), -1);
}

static void words(void **state)
{
    (void)state;
    char **parts = split(" a, b=c ,,", ',');

    assert_string_equal(parts[0], "a");
    assert_string_equal(parts[1], "b=c");
    assert_string_equal(parts[2], "");
    assert_string_equal(parts[3], "");
    assert_null(parts[4]);
    assert_string_equal(value_of("b=c", "b"), "c");
    assert_null(value_of("bb=c", "b"));
    assert_null(value_of("b", "b"));
}

/* ---- options */
static const struct command sample = {
    .name = "sample",
    .usage = "<A> [B]",
    .summary = "A command",
    .options = (const struct option_row[]){ { 'a', "all", NULL, "All" },
                                            { 'n', "number", "N", "A number" },
                                            { OPTION_DEBUG, "debug", NULL, "More" },
                                            { 0 } },
    .min = 1,
    .max = 2,
    .flags = COMMAND_LISTING,
};

static void parse(const char *line, struct args *args)
{
    char **argv = split(text_of("sample %s", line), ' ');
    int argc = 0;

    while (argv[argc] && *argv[argc])
        argc++;
    argv[argc] = NULL;
    args_parse(args, &sample, argc, argv);
}

static void options(void **state)
{
    (void)state;
    struct args args;

    parse("x -a --number=7 y --debug -n 8 --json", &args);
    assert_int_equal(args.count, 2);
    assert_string_equal(args.words[0], "x");
    assert_string_equal(args.words[1], "y");
    assert_true(args_has(&args, 'a'));
    assert_true(args_has(&args, OPTION_DEBUG));
    assert_true(args.json);
    assert_int_equal(args.ngiven, 5);
    assert_int_equal(args_number(&args, 'n', -1), 8);
    assert_int_equal(args_number(&args, 'z', -1), -1);
}

/* status_of_parse: with which args_parse() ends the process, or 77 */
static int status_of_parse(const char *line)
{
    pid_t pid = fork();
    int status;

    if (!pid) {
        struct args args;

        if (!freopen("/dev/null", "w", stderr) || !freopen("/dev/null", "w", stdout))
            _exit(1);
        parse(line, &args);
        _exit(77);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void wrong_options(void **state)
{
    (void)state;
    assert_int_equal(status_of_parse("x"), 77);
    assert_int_equal(status_of_parse("-h"), 0);
    assert_int_equal(status_of_parse("-q"), 2);
    assert_int_equal(status_of_parse("--alll"), 2);
    assert_int_equal(status_of_parse("x -n"), 2);
    assert_int_equal(status_of_parse(""), 1);
    assert_int_equal(status_of_parse("x y z"), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(configs),         cmocka_unit_test(real_configs),
        cmocka_unit_test(documented_keys), cmocka_unit_test(keys_have_help),
        cmocka_unit_test(bad_values),      cmocka_unit_test(hostile_text),
        cmocka_unit_test(saved_headers),   cmocka_unit_test(scan),
        cmocka_unit_test(nearest),         cmocka_unit_test(ranges),
        cmocka_unit_test(amounts),         cmocka_unit_test(words),
        cmocka_unit_test(options),         cmocka_unit_test(wrong_options),
    };

    return cmocka_run_group_tests_name("xl", tests, open_session, NULL);
}
