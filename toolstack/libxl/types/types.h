/*
 * The types of libxl.h as tables. generate.py makes a `struct type` of each type in the installed
 * header; the files of this folder walk such tables to initialise, free and copy an object, and to
 * write and read it as JSON. So there is one piece of code for each of these, not one for each
 * type.
 *
 * Nothing here takes a lock: an object belongs to its caller.
 */
#ifndef LIBXL_TYPES_TYPES_H
#define LIBXL_TYPES_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <yajl/yajl_tree.h>

#include "libxl/internal.h"

/* Where in a JSON text a value stands, for messages: a chain from the value up to the text. */
struct place {
    const struct place *up; /* NULL: the text, and `name` is that of its type */
    libxl_ctx *ctx;
    const char *name; /* of a member; NULL: element `index` of an array */
    size_t index;
};

struct type;

/* What can be done with an object of a type; a NULL function stands for what the comment says.
 * `initial` is the value that a number has in a new object. */
struct type_ops {
    /* All bytes become 0. p is uninitialised. */
    void (*init)(const struct type *t, void *p, int64_t initial);
    /* The object has no memory of its own. */
    void (*dispose)(const struct type *t, void *p);
    /* Its bytes are copied. dst is uninitialised. */
    void (*copy)(const struct type *t, void *dst, const void *src);
    /* Its bytes are 0. Members with their default are not written as JSON. */
    bool (*is_default)(const struct type *t, const void *p, int64_t initial);
    yajl_gen_status (*gen)(const struct type *t, yajl_gen hand, const void *p);
    /* p is a new object; after an error, too, it can be disposed of. Returns 0 or bad_value(). */
    int (*parse)(const struct type *t, const struct place *at, yajl_val v, void *p);
};

enum field_role {
    FIELD_VALUE,
    FIELD_ARRAY, /* a pointer to `count` objects of the type */
    FIELD_KEY,   /* an enum that says which of `cases` the union behind it holds */
};

struct field {
    const char *name;
    const struct type *type;
    size_t offset;
    enum field_role role;
    size_t count;              /* of an array: the offset of the int that holds its length */
    int64_t initial;           /* of a number or enum: the value in a new object */
    const struct field *cases; /* of a key: the union's members, `initial` is the key's value */
};

struct type {
    const char *name;
    size_t size;
    const struct type_ops *ops;
    const struct field *fields;             /* of a struct; the last has no name */
    const libxl_enum_string_table *strings; /* of an enum */
    int64_t min;                            /* of a number: its range */
    uint64_t max;
};

extern const struct type_ops struct_ops, enum_ops;
extern const struct type type_bool, type_int, type_uint8, type_uint16, type_uint32, type_uint64,
    type_string, type_defbool, type_uuid, type_mac, type_bitmap, type_string_list,
    type_key_value_list, type_hwcap, type_ms_vm_genid, type_cpuid_policy_list;

/* All types of the header, the last is NULL; the tests walk them. */
extern const struct type *const all_types[];

void type_init(const struct type *t, void *p);
/* Frees what p owns; it is all zeroes then, so that doing it twice does no harm. */
void type_dispose(const struct type *t, void *p);
/* A deep copy. dst is overwritten; what it owned is not freed. */
void type_copy(const struct type *t, void *dst, const void *src);
/* Sets the key of a new object, and prepares the member of its union for that. */
void type_init_key(const struct type *t, void *p, int64_t value);
/* Disposes of the n objects of a list from malloc(), and frees it. */
void type_list_free(const struct type *t, void *list, int n);
bool type_is_default(const struct type *t, const void *p, int64_t initial);

/* The member f of the object p */
void *field_at(const struct field *f, const void *p);
/* The member of the union that the key f of the object p selects; NULL: none for this key */
const struct field *field_case(const struct field *f, const void *p);

int64_t number_get(const struct type *t, const void *p);
void number_set(const struct type *t, void *p, int64_t value);

/* NULL for a value without a name */
const char *enum_name(const struct type *t, int value);
/* 0 or ERROR_INVAL. Case does not matter. */
int enum_value(const struct type *t, const char *name, void *p);

yajl_gen_status type_gen_json(const struct type *t, yajl_gen hand, const void *p);
/* NULL becomes null */
yajl_gen_status gen_string(yajl_gen hand, const char *s);
yajl_gen_status struct_gen(const struct type *t, yajl_gen hand, const void *p);
int struct_parse(const struct type *t, const struct place *at, yajl_val v, void *p);
/* From malloc(); NULL after an error */
char *type_to_json(libxl_ctx *ctx, const struct type *t, const void *p);
/* p is a new object. 0, or ERROR_FAIL with a line in the log that says what is wrong where. */
int type_from_json(libxl_ctx *ctx, const struct type *t, void *p, const char *text);
int bad_value(const struct place *at, const char *what);

#endif
