/*
 * Reads a configuration: libxlutil parses the text, unknown names are refused with the nearest one
 * that there is, and then each key of the table that is set gets applied, in the table's order.
 */
#include <errno.h>
#include <limits.h>
#include "cfg.h"
#include "conf.h"

int cfg_wrong(const struct cfg *cfg, const char *format, ...)
{
    va_list ap;

    fflush(stdout);
    fprintf(stderr, "%s: ", cfg->path);
    va_start(ap, format);
    vfprintf(stderr, format, ap);
    va_end(ap);
    fputc('\n', stderr);
    return ERROR_INVAL;
}

void cfg_warn(const struct cfg *cfg, const char *format, ...)
{
    va_list ap;

    if (cfg->quiet)
        return;
    fprintf(stderr, "%s: WARNING: ", cfg->path);
    va_start(ap, format);
    vfprintf(stderr, format, ap);
    va_end(ap);
    fputc('\n', stderr);
}

static const char *cfg_guest_word(unsigned int guest)
{
    return guest == GUEST_PV ? "PV" : guest == GUEST_PVH ? "PVH" : "HVM";
}

const struct choice *choice_find(const struct choice *choices, const char *word)
{
    for (; choices->word; choices++) {
        if (!strcmp(choices->word, word))
            return choices;
    }
    return NULL;
}

char *choice_words(const struct choice *choices)
{
    char *text = text_of("%s", choices->word);

    while ((++choices)->word)
        text = text_of("%s, %s", text, choices->word);
    return text;
}

int cfg_each(struct cfg *cfg, const char *name, each_function *each)
{
    XLU_ConfigList *list;
    const char *text;
    int rc = 0;

    switch (xlu_cfg_get_list(cfg->config, name, &list, NULL, 0)) {
    case 0:
        break;
    case ESRCH:
        return 0;
    default:
        return cfg_wrong(cfg, "%s is a list, as in %s = [ \"...\" ]", name, name);
    }
    for (int i = 0; !rc && (text = xlu_cfg_get_listitem(list, i)); i++)
        rc = each(cfg, text, i);
    return rc;
}

/* ---- unknown names */
static const char *key_name_at(const void *state, int i)
{
    (void)state;
    return i < cfg_key_count ? cfg_keys[i].name : NULL;
}

static const struct key *key_find(const char *name)
{
    for (int i = 0; i < cfg_key_count; i++) {
        if (!strcmp(cfg_keys[i].name, name))
            return &cfg_keys[i];
    }
    return NULL;
}

static int refuse_unknown(const struct cfg *cfg, const char *data)
{
    struct assignment assignment = { .at = data };
    int rc = 0;

    while (assignment_next(&assignment)) {
        const char *near;

        if (key_find(assignment.name))
            continue;
        near = nearest_name(assignment.name, key_name_at, NULL);
        error("%s:%d: there is no key '%s'%s%s%s; all of them are in xl.cfg(5)", cfg->path,
              assignment.line, assignment.name, near ? ", perhaps you mean '" : "",
              near ? near : "", near ? "'" : "");
        rc = ERROR_INVAL;
    }
    return rc;
}

/* ---- known ones */
static int choice_set(const struct cfg *cfg, const struct key *key, void *field)
{
    const struct choice *choice;
    const char *word;

    if (xlu_cfg_get_string(cfg->config, key->name, &word, 0))
        return ERROR_INVAL;
    choice = choice_find(key->choices, word);
    if (!choice) {
        return cfg_wrong(cfg, "invalid value \"%s\" for \"%s\"; there are: %s", word, key->name,
                         choice_words(key->choices));
    }
    memcpy(field, &choice->value, sizeof(choice->value));
    return 0;
}

/* A whole number; the text of what is none is told by libxlutil. */
static int number_get(const struct cfg *cfg, const char *name, long max, long *number)
{
    return xlu_cfg_get_bounded_long(cfg->config, name, 0, max, number, 0) ? ERROR_INVAL : 0;
}

static int key_apply(struct cfg *cfg, const struct key *key)
{
    void *field = (char *)cfg->domain + key->offset;
    long number = 0;
    int rc = 0;

    switch (key->kind) {
    case FIELD_CUSTOM:
        return key->set(cfg, key);
    case FIELD_TEXT:
        return xlu_cfg_replace_string(cfg->config, key->name, field, 0) ? ERROR_INVAL : 0;
    case FIELD_DEFBOOL:
        return xlu_cfg_get_defbool(cfg->config, key->name, field, 0) ? ERROR_INVAL : 0;
    case FIELD_WORDS:
        if (xlu_cfg_get_list_as_string_list(cfg->config, key->name, field, 0))
            return cfg_wrong(cfg, "%s is a list of strings, as in %s = [ \"...\" ]", key->name,
                             key->name);
        return 0;
    case FIELD_CHOICE:
        return choice_set(cfg, key, field);
    case FIELD_INT:
        rc = number_get(cfg, key->name, INT_MAX, &number);
        *(int *)field = rc ? *(int *)field : (int)number;
        return rc;
    case FIELD_U32:
        rc = number_get(cfg, key->name, UINT32_MAX, &number);
        *(uint32_t *)field = rc ? *(uint32_t *)field : (uint32_t)number;
        return rc;
    case FIELD_MIB:
        rc = number_get(cfg, key->name, LONG_MAX >> 10, &number);
        *(uint64_t *)field = rc ? *(uint64_t *)field : (uint64_t)number << 10;
        return rc;
    case FIELD_NOTE:
        cfg_warn(cfg, "%s has no effect: %s", key->name, key->help);
        return 0;
    default:
        abort(); /* of parts of devices only */
    }
}

static bool is_set(const struct cfg *cfg, const char *name)
{
    const char *text;

    return xlu_cfg_get_string(cfg->config, name, &text, 1) != ESRCH;
}

/* apply: every key that is set, the type first. A key that is for other guests changes nothing. */
static int apply(struct cfg *cfg)
{
    int rc = 0;

    for (int i = 0; i < cfg_key_count && !rc; i++) {
        const struct key *key = &cfg_keys[i];

        if (key->kind != FIELD_CUSTOM && !is_set(cfg, key->name))
            continue;
        if (!cfg->guest || (key->guests & cfg->guest))
            rc = key_apply(cfg, key);
        else if (is_set(cfg, key->name) && !(key->guests & GUEST_VFB && cfg->guest == GUEST_PV))
            cfg_warn(cfg, "%s has no effect in a %s guest", key->name, cfg_guest_word(cfg->guest));
    }
    return rc;
}

/* defaults: what xl.conf says about all guests */
static void defaults(libxl_domain_config *domain)
{
    libxl_domain_build_info *b = &domain->b_info;

    libxl_defbool_set(&domain->c_info.run_hotplug_scripts, conf.run_hotplug_scripts != 0);
    libxl_defbool_set(&b->claim_mode, conf.claim_mode != 0);
    if (conf.blkdev_start)
        b->blkdev_start = need(strdup(conf.blkdev_start));
    if (conf.max_grant_frames >= 0)
        b->max_grant_frames = (uint32_t)conf.max_grant_frames;
    if (conf.max_maptrack_frames >= 0)
        b->max_maptrack_frames = (uint32_t)conf.max_maptrack_frames;
    if (conf.max_grant_version >= 0)
        b->max_grant_version = (int)conf.max_grant_version;
    domain->on_reboot = LIBXL_ACTION_ON_SHUTDOWN_RESTART;
    domain->on_soft_reset = LIBXL_ACTION_ON_SHUTDOWN_SOFT_RESET;
}

int cfg_read(libxl_domain_config *domain, const char *path, const char *data, size_t length,
             bool quiet)
{
    struct cfg cfg = { .path = path, .domain = domain, .quiet = quiet };
    int rc;

    libxl_domain_config_init(domain);
    if (length > INT_MAX || memchr(data, 0, length))
        return cfg_wrong(&cfg, "this is no text that could be a configuration");
    cfg.config = need(xlu_cfg_init(stderr, path));
    rc = xlu_cfg_readdata(cfg.config, data, (int)length);
    if (rc) {
        error("Failed to parse config: %s", strerror(rc));
        rc = ERROR_INVAL;
    } else {
        rc = refuse_unknown(&cfg, data);
    }
    if (!rc) {
        defaults(domain);
        rc = apply(&cfg);
    }
    xlu_cfg_destroy(cfg.config);
    return rc;
}
