/*
 * What /etc/xen/xl.conf says; read once, by main().
 */
#ifndef XL_CONF_H
#define XL_CONF_H

#include "xl.h"

struct conf {
    const char *autoballoon, *domid_policy, *output_format; /* as they are written */
    long run_hotplug_scripts, claim_mode;
    long max_grant_frames, max_maptrack_frames, max_grant_version; /* -1: not set */
    const char *lockfile, *blkdev_start;
    const char *vif_script, *vif_bridge, *vif_gatewaydev, *vif_backend;
    const char *netbuf_script, *colo_script;
    const char *cpumask, *hvm_cpumask, *pv_cpumask;
};

extern struct conf conf;

struct conf_row {
    const char *name;
    const char *instead;    /* the name that should be used, of an old one */
    const char **text;      /* where a text goes, or ... */
    long *number;           /* ... a number */
    const char *const *one; /* the words that a text can be, or NULL */
    const char *otherwise;  /* the default, for the reference */
    const char *help;
};

extern const struct conf_row conf_rows[]; /* ends with a row of zeros */

void conf_read(const char *path); /* exits with 1 when something is wrong; no file is fine */
bool conf_autoballoon(void);      /* whether dom0 should give memory for new guests */

#endif
