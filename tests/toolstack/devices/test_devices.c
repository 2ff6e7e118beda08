/*
 * Devices from their configuration to the store and back: names of disks, defaults, what is written
 * for whom, adding and removing, and that nothing is left when we are killed at any point.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fake.h"

static struct op op;

static int setup(void **state)
{
    (void)state;
    fake_reset();
    fake_script_fails = false;
    fake_qemu = 0;
    fake_scripts[0] = '\0';
    op_begin(&op, fake_ctx, "test", 1);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    op_end(&op, 0);
    fake_reset();
    return 0;
}

/* ---- names ---- */

static void names_of_disks(void **state)
{
    static const struct {
        const char *name;
        int number;
        const char *back; /* NULL: the same */
    } rows[] = {
        { "xvda", 202 << 8, NULL },           { "xvda1", 202 << 8 | 1, NULL },
        { "xvdb", 202 << 8 | 16, NULL },      { "xvdp15", 202 << 8 | 15 << 4 | 15, NULL },
        { "xvdq", 1 << 28 | 16 << 8, NULL },  { "xvda16", 1 << 28 | 16, NULL },
        { "xvdaa", 1 << 28 | 26 << 8, NULL }, { "hda", 3 << 8, NULL },
        { "hdb", 3 << 8 | 64, NULL },         { "hdc", 22 << 8, NULL },
        { "hdd5", 22 << 8 | 64 | 5, NULL },   { "sda", 8 << 8, NULL },
        { "sdb3", 8 << 8 | 16 | 3, NULL },    { "d0", 202 << 8, "xvda" },
        { "d0p1", 202 << 8 | 1, "xvda1" },    { "d20p3", 1 << 28 | 20 << 8 | 3, "xvdu3" },
        { "51712", 51712, "xvda" },           { "0xca10", 0xca10, "xvdb" },
    };
    static const char *const bad[] = { "",           "xvd",    "xvda0",  "xvda01",      "xvda256",
                                       "hde",        "hda64",  "sdq",    "sda16",       "notone",
                                       "d",          "d0p",    "d0p256", "d00",         "0",
                                       "1x",         "xvda 1", "xvdA",   "xvdzzzzzzzz", "-1",
                                       "99999999999" };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        assert_int_equal(vdev_number(rows[i].name, NULL, NULL), rows[i].number);
        assert_string_equal(vdev_name(&op, rows[i].number),
                            rows[i].back ? rows[i].back : rows[i].name);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        assert_int_equal(vdev_number(bad[i], NULL, NULL), -1);
}

/* ---- defaults ---- */

static int disk_check(const char *vdev, const char *target, libxl_disk_format format,
                      libxl_disk_backend backend, libxl_device_disk *disk)
{
    libxl_device_disk_init(disk);
    disk->vdev = strdup(vdev);
    disk->pdev_path = target ? strdup(target) : NULL;
    disk->format = format;
    disk->backend = backend;
    return device_defaults(&op, &disk_kind, 1, disk, false);
}

static void defaults_of_disks(void **state)
{
    static const struct {
        const char *vdev, *target;
        libxl_disk_format format;
        libxl_disk_backend asked, expected;
        int rc;
    } rows[] = {
        { "xvda", "/proc/self/exe", LIBXL_DISK_FORMAT_RAW, LIBXL_DISK_BACKEND_UNKNOWN,
          LIBXL_DISK_BACKEND_PHY, 0 },
        { "xvda", "/proc/self/exe", LIBXL_DISK_FORMAT_QCOW2, LIBXL_DISK_BACKEND_UNKNOWN,
          LIBXL_DISK_BACKEND_QDISK, 0 },
        { "xvda", "/proc/self/exe", LIBXL_DISK_FORMAT_RAW, LIBXL_DISK_BACKEND_QDISK,
          LIBXL_DISK_BACKEND_QDISK, 0 },
        { "xvda", "/proc/self/exe", LIBXL_DISK_FORMAT_QCOW2, LIBXL_DISK_BACKEND_PHY, 0,
          ERROR_INVAL },
        { "xvda", "/nowhere", LIBXL_DISK_FORMAT_RAW, LIBXL_DISK_BACKEND_UNKNOWN, 0, ERROR_INVAL },
        { "xvda", "/", LIBXL_DISK_FORMAT_RAW, LIBXL_DISK_BACKEND_UNKNOWN, 0, ERROR_INVAL },
        { "xvda", NULL, LIBXL_DISK_FORMAT_RAW, LIBXL_DISK_BACKEND_UNKNOWN, 0, ERROR_INVAL },
        { "xvda", NULL, LIBXL_DISK_FORMAT_EMPTY, LIBXL_DISK_BACKEND_UNKNOWN, 0, ERROR_INVAL },
        { "nodisk", "/proc/self/exe", LIBXL_DISK_FORMAT_RAW, LIBXL_DISK_BACKEND_UNKNOWN, 0,
          ERROR_INVAL },
        { "xvda", "/proc/self/exe", LIBXL_DISK_FORMAT_RAW, LIBXL_DISK_BACKEND_TAP, 0,
          ERROR_FEATURE_REMOVED },
    };
    libxl_device_disk disk;

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        assert_int_equal(
            disk_check(rows[i].vdev, rows[i].target, rows[i].format, rows[i].asked, &disk),
            rows[i].rc);
        if (rows[i].rc == 0)
            assert_int_equal(disk.backend, rows[i].expected);
        libxl_device_disk_dispose(&disk);
    }
}

static void defaults_of_cards(void **state)
{
    libxl_device_nic nic;

    (void)state;
    libxl_device_nic_init(&nic);
    assert_int_equal(device_defaults(&op, &nic_kind, 1, &nic, true), 0);
    assert_memory_equal(nic.mac, "\x00\x16\x3e", 3);
    assert_true(nic.mac[3] < 0x80);
    assert_string_equal(nic.script, "/etc/xen/scripts/vif-bridge");
    assert_int_equal(nic.devid, 0);
    nic.backend_domname = strdup("nobody");
    assert_int_equal(device_defaults(&op, &nic_kind, 1, &nic, true), ERROR_INVAL);
    libxl_device_nic_dispose(&nic);
}

/* ---- a guest with some of everything ---- */

static void fill(libxl_domain_config *config)
{
    libxl_domain_config_init(config);
    config->num_disks = 2;
    config->disks = calloc(2, sizeof(*config->disks));
    for (int i = 0; i < 2; i++) {
        libxl_device_disk_init(&config->disks[i]);
        config->disks[i].vdev = strdup(i ? "xvdb" : "xvda");
        config->disks[i].pdev_path = strdup("/proc/self/exe");
        config->disks[i].readwrite = 1;
        config->disks[i].format = i ? LIBXL_DISK_FORMAT_QCOW2 : LIBXL_DISK_FORMAT_RAW;
    }
    config->num_nics = 2;
    config->nics = calloc(2, sizeof(*config->nics));
    for (int i = 0; i < 2; i++)
        libxl_device_nic_init(&config->nics[i]);
    config->num_channels = 1;
    config->channels = calloc(1, sizeof(*config->channels));
    libxl_device_channel_init(config->channels);
    config->channels->name = strdup("org.a");
    libxl_device_channel_init_connection(config->channels, LIBXL_CHANNEL_CONNECTION_PTY);
    config->num_vfbs = 1;
    config->vfbs = calloc(1, sizeof(*config->vfbs));
    libxl_device_vfb_init(config->vfbs);
    config->num_vdispls = 1;
    config->vdispls = calloc(1, sizeof(*config->vdispls));
    libxl_device_vdispl_init(config->vdispls);
    config->vdispls->num_connectors = 1;
    config->vdispls->connectors = calloc(1, sizeof(*config->vdispls->connectors));
    libxl_connector_param_init(config->vdispls->connectors);
    config->vdispls->connectors->unique_id = strdup("left");
    config->vdispls->connectors->width = 640;
    config->vdispls->connectors->height = 480;
    assert_int_equal(devices_set_defaults(&op, 1, config, false), 0);
}

static int create(libxl_domain_config *config)
{
    const struct console_place place = { .mfn = 77, .port = 2 };
    int rc = device_console_create(&op, 1, &place);

    return rc == 0 ? devices_add_all(&op, 1, config) : rc;
}

static void same(const char *path, const char *value)
{
    assert_string_equal(fake_value(path), value);
}

static void has_line(const char *line)
{
    char *dump = fake_dump();

    if (!strstr(dump, line))
        fail_msg("'%s' is not in\n%s", line, dump);
    free(dump);
}

static void nodes_of_a_guest(void **state)
{
    libxl_domain_config config, found;

    (void)state;
    fill(&config);
    assert_int_equal(create(&config), 0);
    same("/local/domain/0/backend/vbd/1/51712/params", "/proc/self/exe");
    same("/local/domain/0/backend/qdisk/1/51728/params", "qcow2:/proc/self/exe");
    same("/local/domain/1/device/vif/1/handle", "1");
    same("/libxl/1/device/vdispl/0/0/resolution", "640x480");
    same("/local/domain/1/device/console/1/output", "chardev:libxl-channel0");
    assert_int_equal(fake_qemu, 1);
    assert_string_equal(fake_scripts, "block add backend/vbd/1/51712\n"
                                      "vif-bridge online backend/vif/1/0\n"
                                      "vif-bridge online backend/vif/1/1\n");
    /* Who may write what */
    has_line("/local/domain/1/device/vbd/51712/state = \"1\" (n1,r0)");
    has_line("/local/domain/0/backend/vbd/1/51712/params = \"/proc/self/exe\" (n0,r1)");
    has_line("/libxl/1/device/vbd/51712/backend = \"/local/domain/0/backend/vbd/1/51712\" (n0)");
    has_line("/local/domain/1/console/ring-ref = \"77\" (n0,r1)");
    has_line("/local/domain/1/device/console/1/output = \"chardev:libxl-channel0\" (n0,r1)");

    libxl_domain_config_init(&found);
    assert_int_equal(devices_retrieve(&op, 1, &found), 0);
    assert_int_equal(found.num_disks, 2);
    assert_int_equal(found.disks[1].format, LIBXL_DISK_FORMAT_QCOW2);
    assert_int_equal(found.num_nics, 2);
    assert_memory_equal(found.nics[1].mac, config.nics[1].mac, 6);
    assert_int_equal(found.num_channels, 1);
    assert_string_equal(found.channels[0].name, "org.a");
    assert_int_equal(found.num_vfbs, 1);
    assert_int_equal(found.vdispls[0].connectors[0].height, 480);
    libxl_domain_config_dispose(&found);
    libxl_domain_config_dispose(&config);
}

static void nothing_is_left(const char *before)
{
    char *after;

    assert_int_equal(devices_destroy_all(&op, 1), 0);
    assert_int_equal(devices_destroy_all(&op, 1), 0);
    after = fake_dump();
    assert_string_equal(after, before);
    free(after);
    assert_int_equal(fake_qemu, 0);
}

static void a_kill_leaves_nothing(void **state)
{
    libxl_domain_config config;
    unsigned int lives;
    char *before = fake_dump();
    int rc = ERROR_FAIL;

    (void)state;
    fill(&config);
    /* As many writes as it takes until creation succeeds, then the same for destruction */
    for (lives = 1; rc != 0; lives++) {
        fake_lives = lives;
        rc = create(&config);
        fake_revive();
        nothing_is_left(before);
    }
    assert_true(lives > 100);
    rc = ERROR_FAIL;
    for (lives = 1; rc != 0; lives++) {
        assert_int_equal(create(&config), 0);
        fake_lives = lives;
        rc = devices_destroy_all(&op, 1);
        fake_revive();
        nothing_is_left(before);
    }
    assert_true(lives > 20);
    free(before);
    libxl_domain_config_dispose(&config);
}

static void failures_are_told(void **state)
{
    libxl_domain_config config;
    char *before = fake_dump();

    (void)state;
    fill(&config);
    fake_broken_backend = "vif";
    assert_int_equal(create(&config), ERROR_FAIL);
    nothing_is_left(before);
    fake_broken_backend = NULL;
    fake_deaf_backend = "vbd";
    assert_int_equal(create(&config), ERROR_TIMEDOUT);
    nothing_is_left(before);
    fake_deaf_backend = NULL;
    fake_script_fails = true;
    assert_int_equal(create(&config), ERROR_FAIL);
    fake_script_fails = false;
    nothing_is_left(before);
    free(before);
    libxl_domain_config_dispose(&config);
}

/* ---- while the guest runs ---- */

static void plug_and_unplug(void **state)
{
    libxl_device_disk disk, found;
    char *before = fake_dump(), *after;
    libxl_device_disk *list;
    int count;

    (void)state;
    libxl_device_disk_init(&disk);
    disk.vdev = strdup("xvdc");
    disk.pdev_path = strdup("/proc/self/exe");
    assert_int_equal(libxl_device_disk_add(fake_ctx, 1, &disk, NULL), 0);
    assert_int_equal(fake_config.num_disks, 1);
    assert_int_equal(libxl_device_disk_add(fake_ctx, 1, &disk, NULL), ERROR_DEVICE_EXISTS);
    assert_int_equal(fake_config.num_disks, 1);
    list = libxl_device_disk_list(fake_ctx, 1, &count);
    assert_int_equal(count, 1);
    assert_string_equal(list[0].vdev, "xvdc");
    libxl_device_disk_list_free(list, count);
    assert_int_equal(libxl_vdev_to_device_disk(fake_ctx, 1, "xvdd", &found), ERROR_NOTFOUND);
    libxl_device_disk_dispose(&found);
    assert_int_equal(libxl_vdev_to_device_disk(fake_ctx, 1, "xvdc", &found), 0);

    fake_deaf_backend = "vbd";
    assert_int_equal(libxl_device_disk_safe_remove(fake_ctx, 1, &found, NULL), ERROR_TIMEDOUT);
    assert_int_equal(fake_config.num_disks, 1);
    assert_int_equal(libxl_device_disk_destroy(fake_ctx, 1, &found, NULL), 0);
    assert_int_equal(fake_config.num_disks, 0);
    assert_int_equal(libxl_device_disk_remove(fake_ctx, 1, &found, NULL), ERROR_NOTFOUND);
    fake_deaf_backend = NULL;

    fake_script_fails = true;
    assert_int_equal(libxl_device_disk_add(fake_ctx, 1, &disk, NULL), ERROR_FAIL);
    assert_int_equal(fake_config.num_disks, 0);
    after = fake_dump();
    assert_string_equal(after, before);
    libxl_device_disk_dispose(&disk);
    libxl_device_disk_dispose(&found);
    free(before);
    free(after);
}

/* Nobody but us can make us remove or read something else */
static void folders_are_checked(void **state)
{
    struct device d;
    unsigned int count;

    (void)state;
    fake_set("/libxl/1/device/vbd/5/backend", "/local/domain/0/backend/vbd/1/5");
    assert_true(device_find(&op, 1, "vbd", "5", &d));
    fake_set("/libxl/1/device/vbd/5/backend", "/local/domain/0/backend/vbd/2/5");
    assert_false(device_find(&op, 1, "vbd", "5", &d));
    fake_set("/libxl/1/device/vbd/5/backend", "/local/domain/0/backend/vbd/1/6");
    assert_false(device_find(&op, 1, "vbd", "5", &d));
    fake_set("/libxl/1/device/vbd/5/backend", "/local/domain/0/backend/vbd/1/5/../6");
    assert_false(device_find(&op, 1, "vbd", "5", &d));
    fake_set("/libxl/1/device/vbd/5/backend", "/local/domain/0");
    assert_false(device_find(&op, 1, "vbd", "5", &d));
    fake_set("/libxl/1/device/vbd/x/backend", "/local/domain/0/backend/vbd/1/0");
    device_find_all(&op, 1, NULL, &count);
    assert_int_equal(count, 0);
}

static void pci_needs_an_iommu(void **state)
{
    libxl_device_pci pci;

    (void)state;
    libxl_device_pci_init(&pci);
    pci.dev = 3;
    assert_int_equal(libxl_device_pci_add(fake_ctx, 1, &pci, NULL), ERROR_NI);
    assert_int_equal(fake_config.num_pcidevs, 0);
    libxl_device_pci_dispose(&pci);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(names_of_disks, setup, teardown),
        cmocka_unit_test_setup_teardown(defaults_of_disks, setup, teardown),
        cmocka_unit_test_setup_teardown(defaults_of_cards, setup, teardown),
        cmocka_unit_test_setup_teardown(nodes_of_a_guest, setup, teardown),
        cmocka_unit_test_setup_teardown(a_kill_leaves_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(failures_are_told, setup, teardown),
        cmocka_unit_test_setup_teardown(plug_and_unplug, setup, teardown),
        cmocka_unit_test_setup_teardown(folders_are_checked, setup, teardown),
        cmocka_unit_test_setup_teardown(pci_needs_an_iommu, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
