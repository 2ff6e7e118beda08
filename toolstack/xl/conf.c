/*
 * /etc/xen/xl.conf: one table of all keys, each with the place where its value goes. Read by main()
 * before a command runs, so a mistake in it is told once, by whatever command comes first.
 */
#include <errno.h>
#include <limits.h>
#include <unistd.h>
#include "conf.h"
#include "cfg.h"

struct conf conf = {
    .autoballoon = "auto",
    .domid_policy = "xen",
    .output_format = "json",
    .lockfile = "/var/lock/xl",
    .run_hotplug_scripts = -1,
    .claim_mode = 1,
    .max_grant_frames = -1,
    .max_maptrack_frames = -1,
    .max_grant_version = -1,
};

static const char *const balloon_words[] = { "auto", "off", "on", "0", "1", NULL };
static const char *const policy_words[] = { "xen", "random", NULL };
static const char *const format_words[] = { "json", "sxp", NULL };

const struct conf_row conf_rows[] = {
    { "domid_policy", NULL, &conf.domid_policy, NULL, policy_words, "xen",
      "Who chooses the number of a new domain: the hypervisor, one after the other (`xen`), or chance "
      "(`random`)." },
    { "autoballoon", NULL, &conf.autoballoon, NULL, balloon_words, "auto",
      "Whether dom0 gives up memory when there is too little for a new guest. `auto` does so unless the "
      "hypervisor's command line has `dom0_mem`." },
    { "run_hotplug_scripts", NULL, NULL, &conf.run_hotplug_scripts, NULL, "1",
      "Whether libxl starts the scripts of devices; with 0, udev has to." },
    { "lockfile", NULL, &conf.lockfile, NULL, NULL, "/var/lock/xl",
      "The file that keeps two creations of guests apart while memory is found for them." },
    { "max_grant_frames", NULL, NULL, &conf.max_grant_frames, NULL, "the hypervisor's",
      "The key of the same name of a guest that does not set it." },
    { "max_maptrack_frames", NULL, NULL, &conf.max_maptrack_frames, NULL, "the hypervisor's",
      "The key of the same name of a guest that does not set it." },
    { "max_grant_version", NULL, NULL, &conf.max_grant_version, NULL, "the hypervisor's",
      "The key of the same name of a guest that does not set it." },
    { "vif.default.script", NULL, &conf.vif_script, NULL, NULL, "vif-bridge",
      "The script for network cards that name none; without a path it is in /etc/xen/scripts." },
    { "vifscript", "vif.default.script", &conf.vif_script, NULL, NULL, NULL, "Old name." },
    { "vif.default.bridge", NULL, &conf.vif_bridge, NULL, NULL, "xenbr0",
      "The bridge for network cards that name none." },
    { "defaultbridge", "vif.default.bridge", &conf.vif_bridge, NULL, NULL, NULL, "Old name." },
    { "vif.default.backend", NULL, &conf.vif_backend, NULL, NULL, "0",
      "The domain that serves network cards that name none." },
    { "vif.default.gatewaydev", NULL, &conf.vif_gatewaydev, NULL, NULL, "none",
      "The interface of dom0 that the script vif-route uses." },
    { "remus.default.netbufscript", NULL, &conf.netbuf_script, NULL, NULL, "remus-netbuf-setup",
      "The script with which Remus holds back what a guest sends." },
    { "colo.default.proxyscript", NULL, &conf.colo_script, NULL, NULL, "colo-proxy-setup",
      "The script that sets up the proxy of COLO." },
    { "output_format", NULL, &conf.output_format, NULL, format_words, "json",
      "How `xl list -l` and dry runs print a configuration. `sxp`, of the time before xl, has no effect." },
    { "blkdev_start", NULL, &conf.blkdev_start, NULL, NULL, "xvda",
      "The first name for disks that are attached to dom0 for a moment, for a bootloader to read." },
    { "claim_mode", NULL, NULL, &conf.claim_mode, NULL, "1",
      "Whether a guest's memory is set aside before it is built, so that too little is told at once." },
    { "vm.cpumask", NULL, &conf.cpumask, NULL, NULL, "all",
      "The CPUs that guests may use at all." },
    { "vm.hvm.cpumask", NULL, &conf.hvm_cpumask, NULL, NULL, "all",
      "The CPUs that HVM and PVH guests may use." },
    { "vm.pv.cpumask", NULL, &conf.pv_cpumask, NULL, NULL, "all",
      "The CPUs that PV guests may use." },
    { 0 },
};

static const char *conf_name_at(const void *state, int i)
{
    (void)state;
    return conf_rows[i].name;
}

static void refuse_unknown(const char *path, const char *data)
{
    struct assignment assignment = { .at = data };

    while (assignment_next(&assignment)) {
        const struct conf_row *row = conf_rows;
        const char *near;

        while (row->name && strcmp(row->name, assignment.name))
            row++;
        if (row->name)
            continue;
        near = nearest_name(assignment.name, conf_name_at, NULL);
        fatal("%s:%d: there is no key '%s'%s%s%s; see xl.conf(5)", path, assignment.line,
              assignment.name, near ? ", perhaps you mean '" : "", near ? near : "",
              near ? "'" : "");
    }
}

static void row_read(const char *path, const XLU_Config *config, const struct conf_row *row)
{
    const char *text;

    if (row->number && !xlu_cfg_get_bounded_long(config, row->name, 0, INT_MAX, row->number, 0))
        return;
    if (!row->text || xlu_cfg_get_string(config, row->name, &text, 0))
        return;
    if (row->instead) {
        error("the global config option %s is deprecated, please switch to %s", row->name,
              row->instead);
    }
    for (const char *const *word = row->one; word && strcmp(*word, text);) {
        if (!*++word) {
            char *all = text_of("%s", row->one[0]);

            for (word = row->one + 1; *word; word++)
                all = text_of("%s, %s", all, *word);
            fatal("%s: '%s' is no value of %s; there are: %s", path, text, row->name, all);
        }
    }
    *row->text = need(strdup(text));
}

void conf_read(const char *path)
{
    XLU_Config *config;
    size_t length;
    char *data = file_read(path, &length);

    if (!data) {
        if (errno != ENOENT)
            error("Failed to read config file: %s: %s", path, strerror(errno));
        return;
    }
    config = need(xlu_cfg_init(stderr, path));
    if (xlu_cfg_readdata(config, data, (int)length))
        fatal("Failed to parse config file: %s; nothing was done", path);
    refuse_unknown(path, data);
    for (const struct conf_row *row = conf_rows; row->name; row++)
        row_read(path, config, row);
    if (strcmp(conf.output_format, "json"))
        error("%s: output_format = \"%s\" has no effect: JSON is printed", path,
              conf.output_format);
    xlu_cfg_destroy(config);
    free(data);
}

bool conf_autoballoon(void)
{
    const libxl_version_info *version;

    if (strcmp(conf.autoballoon, "auto"))
        return !strcmp(conf.autoballoon, "on") || !strcmp(conf.autoballoon, "1");
    version = libxl_get_version_info(xl.ctx);
    return !version || !version->commandline || !strstr(version->commandline, "dom0_mem=");
}
