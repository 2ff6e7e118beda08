/*
 * The hypervisor's command line. Options are collected by the linker into one table; help and the
 * reference page are printed from it. `name=value`, `name`, `no-name`; a later one wins.
 */
#ifndef HV_CMDLINE_H
#define HV_CMDLINE_H

#include <hv/types.h>

enum option_type {
    OPTION_BOOL,
    OPTION_UINT,
    OPTION_SIZE,
    OPTION_STRING,
    OPTION_CUSTOM,
    OPTION_RUNTIME, /* a custom one that may be set again later */
};

struct option {
    const char *name;
    enum option_type type;
    void *var; /* bool*, unsigned int*, uint64_t* (bytes), char[]: OPTION_RUNTIME's last value */
    size_t var_size; /* of a char[] */
    /* OPTION_CUSTOM, OPTION_RUNTIME: 0 or -EINVAL; value "" if there was no '=' */
    int (*parse)(const char *value);
    const char *help; /* one line */
};

#define OPTION_ENTRY(id)                                                                           \
    static const section("option_table") used aligned_to(8) struct option option_##id
#define BOOL_OPTION(optname, variable, text)                                                       \
    OPTION_ENTRY(                                                                                  \
        variable) = { .name = optname, .type = OPTION_BOOL, .var = &variable, .help = text }
#define UINT_OPTION(optname, variable, text)                                                       \
    OPTION_ENTRY(                                                                                  \
        variable) = { .name = optname, .type = OPTION_UINT, .var = &variable, .help = text }
#define SIZE_OPTION(optname, variable, text)                                                       \
    OPTION_ENTRY(                                                                                  \
        variable) = { .name = optname, .type = OPTION_SIZE, .var = &variable, .help = text }
#define STRING_OPTION(optname, variable, text)                                                     \
    OPTION_ENTRY(variable) = { .name = optname,                                                    \
                               .type = OPTION_STRING,                                              \
                               .var = variable,                                                    \
                               .var_size = sizeof(variable),                                       \
                               .help = text }
#define CUSTOM_OPTION(optname, function, text)                                                     \
    OPTION_ENTRY(                                                                                  \
        function) = { .name = optname, .type = OPTION_CUSTOM, .parse = function, .help = text }

#define RUNTIME_OPTION(optname, function, text_var, text)                                          \
    OPTION_ENTRY(function) = { .name = optname,                                                    \
                               .type = OPTION_RUNTIME,                                             \
                               .var = text_var,                                                    \
                               .var_size = sizeof(text_var),                                       \
                               .parse = function,                                                  \
                               .help = text }

/* The n-th OPTION_RUNTIME; NULL: there are no more. */
const struct option *option_runtime(unsigned int n);
must_check int option_set(const struct option *o, const char *value); /* -EINVAL */
/* Parse `line`; unknown options and bad values are reported, one sentence each, and skipped. */
void cmdline_parse(const char *line);
/* "512M", "2G", "0x1000", "64k": bytes; a bare number counts KiB as Xen's dom0_mem= does when
 * `bare_unit` is 1024 (1 for bytes). Sets *end behind what was read. */
uint64_t parse_size(const char *s, const char **end, uint64_t bare_unit);
/* "on"/"off"/"true"/"false"/"yes"/"no"/"1"/"0"/"enable"/"disable": 1, 0; -1 if none of them. */
int parse_bool(const char *s);
/* One line an option, for debug key and docs. */
void cmdline_print_help(void);

#endif
