/*
 * libxlutil: what it accepts, and what it makes of that, is what Debian's does; but for the few
 * differences that are tested by name.
 */
#include <dirent.h>

#include "xlutil_test.h"

#define ROUNDS 20000

static void configs_are_read_alike(void **state)
{
    (void)state;
    for (size_t i = 0; config_cases[i]; i++)
        compare_configs(config_cases[i], strlen(config_cases[i]));
}

/* With its disks, PCI devices and rates */
static void check_accepted(const char *text, size_t length)
{
    XLU_Config *cfg = xlu_cfg_init(stderr, "config");
    libxl_string_list disks = NULL, pcis = NULL;

    assert_int_equal(xlu_cfg_readdata(cfg, text, (int)length), 0);
    xlu_cfg_get_list_as_string_list(cfg, "disk", &disks, 1);
    xlu_cfg_get_list_as_string_list(cfg, "pci", &pcis, 1);
    for (int i = 0; disks && disks[i]; i++) {
        const char *spec = disks[i];
        libxl_device_disk disk;

        libxl_device_disk_init(&disk);
        assert_int_equal(xlu_disk_parse(cfg, 1, &spec, &disk), 0);
        libxl_device_disk_dispose(&disk);
    }
    for (int i = 0; pcis && pcis[i]; i++) {
        libxl_device_pci pci;

        libxl_device_pci_init(&pci);
        assert_int_equal(xlu_pci_parse_spec_string(cfg, &pci, pcis[i]), 0);
        libxl_device_pci_dispose(&pci);
    }
    libxl_string_list_dispose(&disks);
    libxl_string_list_dispose(&pcis);
    xlu_cfg_destroy(cfg);
}

#define CONFIGS "tests/toolstack/configs"

/* What administrators write; run from the top of the tree. */
static void real_configs_are_read_alike(void **state)
{
    DIR *folder = opendir(CONFIGS);
    struct dirent *entry;
    int n = 0;

    (void)state;
    if (!folder)
        fail_msg("there is no " CONFIGS " below the working directory");
    while ((entry = readdir(folder))) {
        char path[512], text[8192];
        size_t length;
        FILE *f;

        if (!strstr(entry->d_name, ".cfg"))
            continue;
        snprintf(path, sizeof(path), CONFIGS "/%s", entry->d_name);
        f = fopen(path, "r");
        assert_non_null(f);
        length = fread(text, 1, sizeof(text) - 1, f);
        fclose(f);
        text[length] = '\0';
        reported();
        check_accepted(text, length);
        compare_configs(text, length);
        n++;
    }
    closedir(folder);
    assert_true(n >= 50);
}

/* Settings from a grammar, of which a piece is then lost, doubled or replaced. */
static void random_value(FILE *to, int depth)
{
    static const char *const values[] = {
        "1",  "0x1f",    "007", "\"x\"", "'y z'", "\"\"", "'it\\'s'", "\"a\\tb\\n\\\\\"",
        "9a", "\"#;=\"",
    };
    static const char *const blanks[] = { "", "", "", " ", "\t", "\n", " # c\n" };

    if (depth > 3 || dice(3)) {
        fputs(values[dice(sizeof(values) / sizeof(values[0]))], to);
        return;
    }
    fputc('[', to);
    for (uint64_t n = dice(4); n > 0; n--) {
        fputs(blanks[dice(7)], to);
        random_value(to, depth + 1);
        fputs(blanks[dice(7)], to);
        if (n > 1 || !dice(4))
            fputc(',', to);
    }
    fputs(blanks[dice(7)], to);
    fputc(']', to);
}

static void random_setting(FILE *to)
{
    static const char *const names[] = { "a", "b", "c", "a1", "b_c", "d.e" };
    static const char *const signs[] = { "=", " = ", "+=", "\t+= ", "=" };
    static const char *const ends[] = { "\n", ";", " ; ", "\n\n", " # x\n", ";\n" };

    fputs(names[dice(6)], to);
    fputs(signs[dice(5)], to);
    random_value(to, 0);
    fputs(ends[dice(6)], to);
}

/* No escapes with digits, which Debian's reads otherwise, or not at all. */
static void damage(char *text)
{
    static const char letters[] = "a1=+[],;'\"#\n \tX_.-{";
    size_t length = strlen(text);

    if (dice(2) && length)
        text[dice(length)] = letters[dice(sizeof(letters) - 1)];
    if (!dice(4) && length) {
        size_t at = dice(length);

        memmove(text + at, text + at + 1, length - at);
    }
    for (char *s = strchr(text, '\\'); s; s = strchr(s + 1, '\\'))
        if (s[1] >= '0' && s[1] <= '7')
            s[1] = 'n';
}

static void random_configs_are_read_alike(void **state)
{
    (void)state;
    for (int i = 0; i < ROUNDS; i++) {
        char *text;
        size_t length;
        FILE *to = open_memstream(&text, &length);

        for (uint64_t n = dice(5); n > 0; n--)
            random_setting(to);
        fputs("\n\n", to);
        fclose(to);
        if (dice(2))
            damage(text);
        strcpy(text + strlen(text) - 1, "\n");
        compare_configs(text, strlen(text));
        free(text);
    }
}

/* The setting a of this text */
static void check_string(const char *text, const char *wanted)
{
    XLU_Config *cfg = xlu_cfg_init(NULL, "test.cfg");
    const char *value;

    assert_int_equal(xlu_cfg_readdata(cfg, text, (int)strlen(text)), 0);
    assert_int_equal(xlu_cfg_get_string(cfg, "a", &value, 0), 0);
    assert_string_equal(value, wanted);
    xlu_cfg_destroy(cfg);
}

/* Debian's drops octal characters, and refuses hexadecimal ones and a last line without an end. */
static void escapes_have_their_meaning(void **state)
{
    (void)state;
    check_string("a='\\101\\0621'", "A21");
    check_string("a='\\x41\\x4ag'", "AJg");
    check_string("a='\\377'", "\xff");
    check_string("a=1 # end", "1");
    check_string("a=1\n# end", "1");
}

static void check_report(const char *text, size_t length, const char *wanted)
{
    XLU_Config *cfg = our_report();

    reported();
    assert_int_equal(xlu_cfg_readdata(cfg, text, (int)length), EINVAL);
    if (strncmp(reported(), wanted, strlen(wanted)))
        assert_string_equal(reported(), wanted);
}

static void errors_name_the_line(void **state)
{
    char deep[200];

    (void)state;
#define REPORTS(text, wanted) check_report(text, sizeof(text) - 1, wanted)
    REPORTS("b=1\na=abc\n", "test.cfg:2: a value (a string in quotes, a number, or a list in "
                            "brackets) is expected instead of 'abc'\n");
    REPORTS("b=[1,\n\n2 3]", "test.cfg:3: a comma or ']' after an element of a list is expected "
                             "instead of '3]'\n");
    REPORTS("a='x\n", "test.cfg:1: a string begins here that does not end on its line\n");
    REPORTS("a=1\r\n", "test.cfg:1: the line ends with a carriage return");
    REPORTS("a='\\q'", "test.cfg:1: in a string, '\\q' is no escape; write '\\\\' for a");
    REPORTS("a='\\0001'", "test.cfg:1: in a string, '\\0' is no escape");
    REPORTS("a=1\na+=[1]", "test.cfg:2: 'a' is a string, to which no list can be added\n");
    REPORTS("a=[", "test.cfg:1: a value (a string in quotes, a number, or a list in brackets) is "
                   "expected, but the file ends\n");
    REPORTS("a=1\0", "test.cfg:1: the character with the code 0 is not allowed here\n");
    REPORTS("a='\0'", "test.cfg:1: a string begins here that does not end on its line\n");
#undef REPORTS
    memset(deep, '[', sizeof(deep));
    memcpy(deep, "a=", 2);
    check_report(deep, sizeof(deep), "test.cfg:1: lists are nested more than 64 times\n");
}

static void settings_are_looked_up_alike(void **state)
{
    static const char text[] = "n=5\nh='0x1f'\ns='xyz'\nbig=99999999999999999999\nneg='-3'\n"
                               "sp='5 '\nps=' 5'\nempty=''\noct=010\nbin='0b1'\nzero=0\n"
                               "list=[1,'x']\nnone=[]\n";
    static const char *const names[] = { "n",     "h",   "s",   "big",  "neg",  "sp",   "ps",
                                         "empty", "oct", "bin", "zero", "list", "none", "missing" };
    XLU_Config *(*their_init)(FILE *, const char *) = theirs("xlu_cfg_init");
    int (*their_read)(XLU_Config *, const char *, int) = theirs("xlu_cfg_readdata");
    int (*their_long)(XLU_Config *, const char *, long *, int) = theirs("xlu_cfg_get_long");
    int (*their_bounded)(XLU_Config *, const char *, long, long, long *, int) =
        theirs("xlu_cfg_get_bounded_long");
    int (*their_defbool)(XLU_Config *, const char *, libxl_defbool *, int) =
        theirs("xlu_cfg_get_defbool");
    int (*their_strings)(XLU_Config *, const char *, libxl_string_list *, int) =
        theirs("xlu_cfg_get_list_as_string_list");
    int (*their_replace)(XLU_Config *, const char *, char **, int) =
        theirs("xlu_cfg_replace_string");
    void (*their_destroy)(XLU_Config *) = theirs("xlu_cfg_destroy");
    XLU_Config *ours = xlu_cfg_init(NULL, "x"), *their = their_init(stderr, "x");

    (void)state;
    assert_int_equal(xlu_cfg_readdata(ours, text, sizeof(text) - 1), 0);
    assert_int_equal(their_read(their, text, sizeof(text) - 1), 0);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        long a = 77, b = 77;
        libxl_defbool da = { 0 }, db = { 0 };
        libxl_string_list la = NULL, lb = NULL;
        char *sa = strdup("old"), *sb = strdup("old");

        assert_int_equal(xlu_cfg_get_long(ours, names[i], &a, 1),
                         their_long(their, names[i], &b, 1));
        assert_int_equal(a, b);
        assert_int_equal(xlu_cfg_get_bounded_long(ours, names[i], 0, 10, &a, 1),
                         their_bounded(their, names[i], 0, 10, &b, 1));
        assert_int_equal(a, b);
        assert_int_equal(xlu_cfg_get_defbool(ours, names[i], &da, 1),
                         their_defbool(their, names[i], &db, 1));
        assert_int_equal(da.val, db.val);
        assert_int_equal(xlu_cfg_get_list_as_string_list(ours, names[i], &la, 1),
                         their_strings(their, names[i], &lb, 1));
        assert_int_equal(libxl_string_list_length(&la), libxl_string_list_length(&lb));
        for (int n = 0; la && la[n]; n++)
            assert_string_equal(la[n], lb[n]);
        assert_int_equal(xlu_cfg_replace_string(ours, names[i], &sa, 1),
                         their_replace(their, names[i], &sb, 1));
        assert_string_equal(sa, sb);
        free(sa);
        free(sb);
        libxl_string_list_dispose(&la);
        libxl_string_list_dispose(&lb);
    }
    xlu_cfg_destroy(ours);
    their_destroy(their);
}

static void lists_of_lists_are_no_string_lists(void **state)
{
    XLU_Config *cfg = xlu_cfg_init(NULL, "x");
    libxl_string_list list = NULL;
    XLU_ConfigList *items;

    (void)state;
    assert_int_equal(xlu_cfg_readdata(cfg, "a=['x',[1]]", 11), 0);
    assert_int_equal(xlu_cfg_get_list_as_string_list(cfg, "a", &list, 0), EINVAL);
    assert_null(list);
    assert_int_equal(xlu_cfg_get_list(cfg, "a", &items, NULL, 0), 0);
    assert_string_equal(xlu_cfg_get_listitem(items, 0), "x");
    assert_null(xlu_cfg_get_listitem(items, 1));
    assert_null(xlu_cfg_get_listitem(items, 2));
    assert_null(xlu_cfg_get_listitem2(items, -1));
    assert_int_equal(xlu_cfg_value_type(xlu_cfg_get_listitem2(items, 1)), XLU_LIST);
    xlu_cfg_destroy(cfg);
}

static void files_are_read(void **state)
{
    char path[] = "/tmp/xlutil-XXXXXX";
    int fd = mkstemp(path);
    XLU_Config *cfg = xlu_cfg_init(NULL, path);
    long value = 0;

    (void)state;
    dprintf(fd, "# %070000d\na=7\n", 0);
    assert_int_equal(xlu_cfg_readfile(cfg, path), 0);
    assert_int_equal(xlu_cfg_get_long(cfg, "a", &value, 0), 0);
    assert_int_equal(value, 7);
    remove(path);
    assert_int_equal(xlu_cfg_readfile(cfg, path), ENOENT);
    assert_int_equal(xlu_cfg_readfile(cfg, "/"), EISDIR);
    xlu_cfg_destroy(cfg);
}

/* ---- disks and so on: what is written is compared as JSON ---- */

static void compare_disks(int n, const char *const *specs)
{
    int (*their_parse)(XLU_Config *, int, const char *const *, libxl_device_disk *) =
        theirs("xlu_disk_parse");
    libxl_device_disk a, b;
    int rc;

    libxl_device_disk_init(&a);
    libxl_device_disk_init(&b);
    reported();
    rc = xlu_disk_parse(our_report(), n, specs, &a);
    if (rc != their_parse(their_report(), n, specs, &b))
        fail_msg("we return %d for '%s': %s", rc, specs[0], reported());
    if (!rc) {
        char *ja = libxl_device_disk_to_json(NULL, &a), *jb = libxl_device_disk_to_json(NULL, &b);

        if (strcmp(ja, jb))
            print_error("of '%s':\n", specs[0]);
        assert_string_equal(ja, jb);
        free(ja);
        free(jb);
    }
    libxl_device_disk_dispose(&a);
    libxl_device_disk_dispose(&b);
}

static void disks_are_read_alike(void **state)
{
    (void)state;
    for (size_t i = 0; disk_cases[i]; i++)
        compare_disks(1, &disk_cases[i]);
    compare_disks(2, (const char *const[]){ "phy:/a", "xvda,w" });
    compare_disks(3, (const char *const[]){ "/a", "raw", "xvda" });
    compare_disks(2, (const char *const[]){ "target=/a,b", "vdev=xvda" });
    compare_disks(2, (const char *const[]){ "/a", ",xvda:cdrom" });
    compare_disks(2, (const char *const[]){ "", "/a,,xvda" });
}

static void random_disks_are_read_alike(void **state)
{
    static const char *const words[] = {
        "/dev/a",
        "",
        "raw",
        "qcow2",
        "xvda",
        "hdc:cdrom",
        "hda:disk",
        "w",
        "r",
        "ro",
        "rw",
        "cdrom",
        "discard",
        "no-discard",
        "vdev=xvdb",
        "format=qed",
        "format=",
        "access=r",
        "access=w",
        "devtype=cdrom",
        "devtype=disk",
        "backend=dom",
        "backendtype=qdisk",
        "script=block-x",
        "direct-io-safe",
        "target=/b,c",
        "phy:/c",
        "file:/d",
        "tap:aio:/e",
        "qcow:/f",
        "iscsi:x",
        "foo:/g",
        "vhd",
        "ioemu:hdb",
        "empty",
        "colo",
        "specification=virtio",
        "nosuch=1",
        "xvdc:tape",
        ":cdrom",
        "a:b:c",
    };

    (void)state;
    for (int i = 0; i < ROUNDS; i++) {
        char spec[256] = "";

        for (uint64_t n = 1 + dice(5); n > 0; n--) {
            strcat(spec, dice(6) ? "" : " ");
            strcat(spec, words[dice(sizeof(words) / sizeof(words[0]))]);
            strcat(spec, n > 1 || !dice(8) ? "," : "");
        }
        compare_disks(1, (const char *const[]){ spec });
    }
}

/* The manual's "trusted" and "untrusted" are not known to Debian's. */
static void disks_can_be_untrusted(void **state)
{
    const char *spec = "/a,,xvda,untrusted";
    libxl_device_disk disk;

    (void)state;
    libxl_device_disk_init(&disk);
    assert_int_equal(xlu_disk_parse(our_report(), 1, &spec, &disk), 0);
    assert_false(libxl_defbool_val(disk.trusted));
    libxl_device_disk_dispose(&disk);
}

static void bad_disks_are_refused(void **state)
{
    static const char *const specs[] = {
        "/a,,xvda,w=",           "/a,,xvda,=",        "/a=", "/a,,xvda,colo-port=99999",
        "/a,,xvda,colo-port=5x", "/a,,xvda,discard=",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(specs) / sizeof(specs[0]); i++) {
        libxl_device_disk disk;

        libxl_device_disk_init(&disk);
        reported();
        assert_int_equal(xlu_disk_parse(our_report(), 1, &specs[i], &disk), EINVAL);
        assert_non_null(strstr(reported(), "test.cfg: disk '/a"));
        libxl_device_disk_dispose(&disk);
    }
}

static void compare_rates(const char *rate)
{
    int (*their_parse)(XLU_Config *, const char *, libxl_device_nic *) =
        theirs("xlu_vif_parse_rate");
    libxl_device_nic a, b;
    int rc;

    libxl_device_nic_init(&a);
    libxl_device_nic_init(&b);
    rc = xlu_vif_parse_rate(our_report(), rate, &a);
    if (rc != their_parse(their_report(), rate, &b) ||
        a.rate_bytes_per_interval != b.rate_bytes_per_interval ||
        a.rate_interval_usecs != b.rate_interval_usecs)
        fail_msg("we return %d for '%s': %lu bytes in %u us, not %lu in %u", rc, rate,
                 a.rate_bytes_per_interval, a.rate_interval_usecs, b.rate_bytes_per_interval,
                 b.rate_interval_usecs);
}

static void rates_are_read_alike(void **state)
{
    (void)state;
    for (size_t i = 0; rate_cases[i]; i++)
        compare_rates(rate_cases[i]);
    for (int i = 0; i < ROUNDS; i++) {
        static const char *const units[] = { "b", "B", "Kb", "KB", "Mb", "MB", "Gb", "GB" };
        static const char *const times[] = { "", "@1s", "@20ms", "@7us", "@3", "@33m", "@9u" };
        char rate[64];

        snprintf(rate, sizeof(rate), "%lu%s/s%s", dice(dice(2) ? 1000 : 100000), units[dice(8)],
                 times[dice(7)]);
        compare_rates(rate);
    }
}

static void compare_pci(const char *parser,
                        int (*our_parse)(XLU_Config *, libxl_device_pci *, const char *),
                        const char *text)
{
    int (*their_parse)(XLU_Config *, libxl_device_pci *, const char *) = theirs(parser);
    libxl_device_pci a, b;
    int rc;

    libxl_device_pci_init(&a);
    libxl_device_pci_init(&b);
    reported();
    rc = our_parse(our_report(), &a, text);
    if (rc != their_parse(their_report(), &b, text))
        fail_msg("we return %d for '%s': %s", rc, text, reported());
    if (!rc) {
        char *ja = libxl_device_pci_to_json(NULL, &a), *jb = libxl_device_pci_to_json(NULL, &b);

        assert_string_equal(ja, jb);
        free(ja);
        free(jb);
    }
    libxl_device_pci_dispose(&a);
    libxl_device_pci_dispose(&b);
}

static void pci_devices_are_read_alike(void **state)
{
    (void)state;
    for (size_t i = 0; pci_cases[i]; i++)
        compare_pci("xlu_pci_parse_spec_string", xlu_pci_parse_spec_string, pci_cases[i]);
    for (size_t i = 0; bdf_cases[i]; i++)
        compare_pci("xlu_pci_parse_bdf", xlu_pci_parse_bdf, bdf_cases[i]);
}

/* Debian's takes anything for a truth value, and what follows an address alone; after half an
 * address it reads on behind the text. */
static void bad_pci_devices_are_refused(void **state)
{
    static const char *const specs[] = {
        "00:1f.3,permissive=",
        "00:1f.3,msitranslate=yes",
        "00:1f.3,permissive=1x",
        "bdf=00:1f.3@10",
        "00:1f.3,rdm_policy=x",
        "00:1f",
        "00:1f.",
        "x",
        "1f.3",
        "bdf=",
        ",",
        "=",
        "",
        "00.1f.3",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(specs) / sizeof(specs[0]); i++) {
        libxl_device_pci pci;

        libxl_device_pci_init(&pci);
        assert_int_equal(xlu_pci_parse_spec_string(our_report(), &pci, specs[i]), ERROR_INVAL);
        assert_int_equal(xlu_pci_parse_bdf(our_report(), &pci, specs[i]), ERROR_INVAL);
        libxl_device_pci_dispose(&pci);
    }
}

/* Debian's stops with an error at the comma that its manual shows. */
static void reserved_memory_has_a_policy(void **state)
{
    libxl_rdm_reserve rdm;

    (void)state;
    libxl_rdm_reserve_init(&rdm);
    assert_int_equal(xlu_rdm_parse(our_report(), &rdm, "strategy=host,policy=relaxed"), 0);
    assert_int_equal(rdm.strategy, LIBXL_RDM_RESERVE_STRATEGY_HOST);
    assert_int_equal(rdm.policy, LIBXL_RDM_RESERVE_POLICY_RELAXED);
    assert_int_equal(xlu_rdm_parse(our_report(), &rdm, "policy=strict"), 0);
    assert_int_equal(rdm.policy, LIBXL_RDM_RESERVE_POLICY_STRICT);
    for (const char *const *s = (const char *const[]){ "", "host", "strategy=x", "policy=x", "x=1",
                                                       "strategy=host,,", NULL };
         *s; s++)
        assert_int_equal(xlu_rdm_parse(our_report(), &rdm, *s), ERROR_INVAL);
}

static int forget(void **state)
{
    void (*their_destroy)(XLU_Config *) = theirs("xlu_cfg_destroy");

    (void)state;
    fclose(our_report()->report);
    xlu_cfg_destroy(our_report());
    their_destroy(their_report());
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(configs_are_read_alike),
        cmocka_unit_test(real_configs_are_read_alike),
        cmocka_unit_test(random_configs_are_read_alike),
        cmocka_unit_test(escapes_have_their_meaning),
        cmocka_unit_test(errors_name_the_line),
        cmocka_unit_test(settings_are_looked_up_alike),
        cmocka_unit_test(lists_of_lists_are_no_string_lists),
        cmocka_unit_test(files_are_read),
        cmocka_unit_test(disks_are_read_alike),
        cmocka_unit_test(random_disks_are_read_alike),
        cmocka_unit_test(disks_can_be_untrusted),
        cmocka_unit_test(bad_disks_are_refused),
        cmocka_unit_test(rates_are_read_alike),
        cmocka_unit_test(pci_devices_are_read_alike),
        cmocka_unit_test(bad_pci_devices_are_refused),
        cmocka_unit_test(reserved_memory_has_a_policy),
    };

    return cmocka_run_group_tests_name("xlutil", tests, NULL, forget);
}
