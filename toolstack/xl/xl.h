/*
 * What the files of the command `xl` share: the table of commands, the arguments of a command, the
 * session with libxl, and small helpers. xl is one process with one thread; what is allocated for a
 * command goes when the process ends.
 */
#ifndef XL_H
#define XL_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <libxl.h>
#include <libxl_utils.h>
#define HAVE_YAJL_YAJL_VERSION_H 1 /* libxl_json.h asks for it */
#include <libxl_json.h>
#include <libxlutil.h>

#define PRINTF(text, values) __attribute__((format(printf, text, values)))
#define ARRAY_LENGTH(array)  (sizeof(array) / sizeof((array)[0]))

/* ---- the table of commands (table.c) */

/* An option of a command. A key below 256 is its letter, too. */
struct option_row {
    int key;
    const char *name;  /* without the two dashes, or NULL */
    const char *value; /* what it takes, as help shows it, or NULL */
    const char *help;
};

/* Keys of options that have no letter */
enum option_key {
    OPTION_JSON = 256,
    OPTION_CHECK,
    OPTION_DEBUG,
    OPTION_LIVE,
    OPTION_AUTOPASS,
    OPTION_USERSPACE_PROXY,
    OPTION_PROXY_SCRIPT,
    OPTION_COLO,
};

enum command_flag {
    COMMAND_DRY_RUN = 1,  /* honours -N */
    COMMAND_LISTING = 2,  /* prints rows, and so has --json */
    COMMAND_ALONE = 4,    /* needs no hypervisor */
    COMMAND_INTERNAL = 8, /* for another xl, not for people */
};

struct args;

struct command {
    const char *name;
    int (*run)(const struct args *args); /* returns the exit status */
    const char *usage;                   /* the words after the options */
    const char *summary;                 /* one line, without a full stop */
    const char *more;                    /* sentences for the reference, or NULL */
    const struct option_row *options;    /* ends with a row of zeros; or NULL */
    int min, max;                        /* number of words; max < 0 is any number */
    unsigned int flags;                  /* enum command_flag */
};

struct command_group {
    const char *title;
    const struct command *commands; /* ends with a row of zeros */
};

extern const struct command_group command_groups[]; /* ends with a row of zeros */

/* command_find: by its name, or by the beginning of it that only this one has */
const struct command *command_find(const char *name);

/* ---- the arguments of a command (options.c) */
struct given {
    int key;
    const char *value;
};

struct args {
    const struct command *command;
    char **words; /* what is no option */
    int count;
    struct given *given; /* in their order */
    int ngiven;
    bool json;
};

extern const struct option_row help_option, json_option;

/* args_parse: of argv[0] = the command's name. Prints help and exits for -h, says what is wrong and
 * exits with 2 for a mistake in an option, with 1 for a wrong number of words. */
void args_parse(struct args *args, const struct command *command, int argc, char **argv);
bool args_has(const struct args *args, int key);
const char *args_value(const struct args *args, int key); /* the last one, or NULL */
long args_number(const struct args *args, int key, long missing);
void usage_print(FILE *to, const struct command *command);
void usage_wrong(const struct command *command) __attribute__((noreturn));
const char *option_label(const struct option_row *row); /* "-f FILE, --defconfig=FILE" */

/* ---- names (nearest.c) */

/* nearest_name: what comes closest to a name that is not known, or NULL; next(state, i) tells the
 * names that are, NULL at the end. */
const char *nearest_name(const char *name, const char *(*next)(const void *state, int i),
                         const void *state);

/* ---- the session (main.c) */
struct session {
    libxl_ctx *ctx;
    xentoollog_logger_stdiostream *log;
    int min_level; /* XTL_*: what is logged */
    bool dry_run, timestamps, carriage_return;
};

extern struct session xl;

/* ---- helpers (util.c) */
void *need(void *memory); /* or the end */
char *text_of(const char *format, ...) PRINTF(1, 2);
void *grown(void *array, int count, size_t size); /* room for one more, zeroed */
void error(const char *format, ...) PRINTF(1, 2);
void fatal(const char *format, ...) PRINTF(1, 2) __attribute__((noreturn));
bool number_parse(const char *text, int base, unsigned long long max, unsigned long long *number);
bool starts_with(const char *text, const char *start);
void trim(char *text);

/* split: the parts of a copy of TEXT between separators, trimmed, NULL at the end */
char **split(const char *text, char separator);

/* value_of: what stands after NAME= in a part of a device's description, or NULL */
const char *value_of(const char *part, const char *name);

/* domain_find: the domain with this name or number; says that there is none and exits with 1 */
uint32_t domain_find(const char *spec);
bool domain_find_quietly(const char *spec, uint32_t *domid);
char *domain_name(uint32_t domid); /* "(null)" for none, as Xen's xl prints it */
bool memory_parse(const char *text, int64_t *kib);
void uuid_print(char text[37], const libxl_uuid *uuid);
char *file_read(const char *path, size_t *length); /* NULL with errno */
int status_of(int rc);                             /* EXIT_SUCCESS or EXIT_FAILURE */

/* ---- sets of numbers (ranges.c) */
char *ranges_text(const libxl_bitmap *map, int end); /* "all", "none", "0-3,5" */
int cpus_parse(const char *text, libxl_bitmap *map); /* CPUs and nodes of this host */
int set_parse(const char *text, libxl_bitmap *map);  /* "0-3,5" */
int set_next(const libxl_bitmap *map, int after);    /* the next number that is in it, or -1 */

/* ---- rows (listing.c) */
struct listing;
struct listing *listing_start(const struct args *args);  /* a list of rows */
struct listing *listing_object(const struct args *args); /* one row */
bool listing_is_table(const struct listing *l);
void listing_heading(struct listing *l, const char *format, ...) PRINTF(2, 3);
void listing_row(struct listing *l);
void cell_text(struct listing *l, const char *key, const char *format, ...) PRINTF(3, 4);
void cell_number(struct listing *l, const char *key, const char *format, ...) PRINTF(3, 4);
void cell_set(struct listing *l, const char *key, const libxl_bitmap *map);
void cell_plain(struct listing *l, const char *format, ...) PRINTF(2, 3); /* only in the table */
void cell_hidden(struct listing *l, const char *key, long long number);   /* only in JSON */
void listing_rows(struct listing *l, const char *key); /* a list inside of a row ... */
void listing_rows_end(struct listing *l);              /* ... ends */
void listing_row_end(struct listing *l);
void listing_lines_end(struct listing *l); /* the same, of a row that has ended its lines itself */
void listing_end(struct listing *l);

/* JSON of its own; json_print() ends it */
yajl_gen json_start(void);
void json_text(yajl_gen json, const char *text);
void json_print(yajl_gen json, FILE *to);

#endif
