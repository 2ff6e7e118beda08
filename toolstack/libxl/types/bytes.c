/*
 * The small types of a fixed size that the headers declare by hand: defbool (a truth value that may
 * be left open), uuid, MAC address, a VM's generation id, the words of the hardware's capabilities.
 */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>
#include <uuid/uuid.h>
#include "libxl/types/types.h"

/* ---- defbool ---- */

void libxl_defbool_set(libxl_defbool *db, bool b)
{
    db->val = b ? 1 : -1;
}

void libxl_defbool_unset(libxl_defbool *db)
{
    db->val = 0;
}

bool libxl_defbool_is_default(libxl_defbool db)
{
    return db.val == 0;
}

void libxl_defbool_setdefault(libxl_defbool *db, bool b)
{
    if (libxl_defbool_is_default(*db))
        libxl_defbool_set(db, b);
}

bool libxl_defbool_val(libxl_defbool db)
{
    /* The caller should have decided it before. */
    assert(!libxl_defbool_is_default(db));
    return db.val > 0;
}

const char *libxl_defbool_to_string(libxl_defbool db)
{
    return db.val < 0 ? "False" : db.val > 0 ? "True" : "<default>";
}

yajl_gen_status libxl_defbool_gen_json(yajl_gen hand, libxl_defbool *p)
{
    return gen_string(hand, libxl_defbool_to_string(*p));
}

static yajl_gen_status defbool_gen(const struct type *t, yajl_gen hand, const void *p)
{
    (void)t;
    return gen_string(hand, libxl_defbool_to_string(*(const libxl_defbool *)p));
}

static int defbool_parse(const struct type *t, const struct place *at, yajl_val v, void *p)
{
    const char *s = YAJL_IS_STRING(v) ? YAJL_GET_STRING(v) : "";

    (void)t;
    for (int val = -1; val <= 1; val++) {
        libxl_defbool db = { .val = val };

        if (!strcmp(s, libxl_defbool_to_string(db))) {
            *(libxl_defbool *)p = db;
            return 0;
        }
    }
    return bad_value(at, "should be \"True\", \"False\", or \"<default>\"");
}

static const struct type_ops defbool_ops = { .gen = defbool_gen, .parse = defbool_parse };
const struct type type_defbool = {
    .name = "defbool",
    .size = sizeof(libxl_defbool),
    .ops = &defbool_ops,
};

/* ---- uuid ---- */

int libxl_uuid_is_nil(const libxl_uuid *uuid)
{
    return uuid_is_null(uuid->uuid);
}

void libxl_uuid_generate(libxl_uuid *uuid)
{
    uuid_generate(uuid->uuid);
}

int libxl_uuid_from_string(libxl_uuid *uuid, const char *in)
{
    return uuid_parse(in, uuid->uuid);
}

void libxl_uuid_copy(libxl_ctx *ctx, libxl_uuid *dst, const libxl_uuid *src)
{
    (void)ctx;
    *dst = *src;
}

void libxl_uuid_clear(libxl_uuid *uuid)
{
    uuid_clear(uuid->uuid);
}

int libxl_uuid_compare(const libxl_uuid *a, const libxl_uuid *b)
{
    return uuid_compare(a->uuid, b->uuid);
}

const uint8_t *libxl_uuid_bytearray_const(const libxl_uuid *uuid)
{
    return uuid->uuid;
}

uint8_t *libxl_uuid_bytearray(libxl_uuid *uuid)
{
    return uuid->uuid;
}

static yajl_gen_status uuid_gen(const struct type *t, yajl_gen hand, const void *p)
{
    char text[LIBXL_UUID_FMTLEN + 1];

    (void)t;
    uuid_unparse_lower(((const libxl_uuid *)p)->uuid, text);
    return gen_string(hand, text);
}

yajl_gen_status libxl_uuid_gen_json(yajl_gen hand, libxl_uuid *p)
{
    return uuid_gen(&type_uuid, hand, p);
}

static int uuid_parse_json(const struct type *t, const struct place *at, yajl_val v, void *p)
{
    (void)t;
    if (!YAJL_IS_STRING(v) || libxl_uuid_from_string(p, YAJL_GET_STRING(v)))
        return bad_value(at, "should be a UUID, as 00000000-0000-0000-0000-000000000000");
    return 0;
}

static const struct type_ops uuid_ops = { .gen = uuid_gen, .parse = uuid_parse_json };
const struct type type_uuid = {
    .name = "uuid",
    .size = sizeof(libxl_uuid),
    .ops = &uuid_ops,
};

/* ---- MAC address ---- */

void libxl_mac_copy(libxl_ctx *ctx, libxl_mac *dst, const libxl_mac *src)
{
    (void)ctx;
    memcpy(dst, src, sizeof(*dst));
}

static yajl_gen_status mac_gen(const struct type *t, yajl_gen hand, const void *p)
{
    const uint8_t *b = p;
    char text[sizeof("00:00:00:00:00:00")];

    (void)t;
    snprintf(text, sizeof(text), "%02x:%02x:%02x:%02x:%02x:%02x", b[0], b[1], b[2], b[3], b[4],
             b[5]);
    return gen_string(hand, text);
}

yajl_gen_status libxl_mac_gen_json(yajl_gen hand, libxl_mac *p)
{
    return mac_gen(&type_mac, hand, p);
}

static int mac_parse(const struct type *t, const struct place *at, yajl_val v, void *p)
{
    const char *text = YAJL_IS_STRING(v) ? YAJL_GET_STRING(v) : "";
    uint8_t *b = p;
    int end = 0;

    (void)t;
    /* Exactly two digits each, which scanf does not ask for, make 17 characters. */
    if (strlen(text) != 17 ||
        sscanf(text, "%2hhx:%2hhx:%2hhx:%2hhx:%2hhx:%2hhx%n", &b[0], &b[1], &b[2], &b[3], &b[4],
               &b[5], &end) != 6 ||
        end != 17 || strspn(text, "0123456789abcdefABCDEF:") != 17)
        return bad_value(at, "should be a MAC address, as 00:16:3e:00:00:00");
    return 0;
}

static const struct type_ops mac_ops = { .gen = mac_gen, .parse = mac_parse };
const struct type type_mac = {
    .name = "mac",
    .size = sizeof(libxl_mac),
    .ops = &mac_ops,
};

/* ---- arrays of small numbers: generation id, hardware capabilities ---- */

static yajl_gen_status gen_numbers(const struct type *element, yajl_gen hand, const void *p,
                                   size_t n)
{
    yajl_gen_status s = yajl_gen_array_open(hand);

    for (size_t i = 0; s == yajl_gen_status_ok && i < n; i++)
        s = type_gen_json(element, hand, (const char *)p + i * element->size);
    return s == yajl_gen_status_ok ? yajl_gen_array_close(hand) : s;
}

static int parse_numbers(const struct type *element, const struct place *at, yajl_val v, void *p,
                         size_t n)
{
    int rc = 0;

    if (!YAJL_IS_ARRAY(v) || YAJL_GET_ARRAY(v)->len < n)
        return bad_value(at, "should be an array of numbers, and has too few");
    for (size_t i = 0; !rc && i < n; i++) {
        struct place here = { .up = at, .ctx = at->ctx, .index = i };

        rc = element->ops->parse(element, &here, YAJL_GET_ARRAY(v)->values[i],
                                 (char *)p + i * element->size);
    }
    return rc;
}

int libxl_ms_vm_genid_generate(libxl_ctx *ctx, libxl_ms_vm_genid *id)
{
    struct op op = {
        .ctx = ctx,
        .name = "libxl_ms_vm_genid_generate",
        .domid = LIBXL_INVALID_DOMID,
    };

    if (getrandom(id->bytes, sizeof(id->bytes), 0) != sizeof(id->bytes))
        return op_fail(&op, ERROR_FAIL, errno, "the kernel gives no random bytes");
    return 0;
}

bool libxl_ms_vm_genid_is_zero(const libxl_ms_vm_genid *id)
{
    return type_is_default(&type_ms_vm_genid, id, 0);
}

void libxl_ms_vm_genid_copy(libxl_ctx *ctx, libxl_ms_vm_genid *dst, const libxl_ms_vm_genid *src)
{
    (void)ctx;
    *dst = *src;
}

static yajl_gen_status genid_gen(const struct type *t, yajl_gen hand, const void *p)
{
    return gen_numbers(&type_uint8, hand, p, t->size);
}

yajl_gen_status libxl_ms_vm_genid_gen_json(yajl_gen hand, libxl_ms_vm_genid *p)
{
    return genid_gen(&type_ms_vm_genid, hand, p);
}

static int genid_parse(const struct type *t, const struct place *at, yajl_val v, void *p)
{
    return parse_numbers(&type_uint8, at, v, p, t->size);
}

static const struct type_ops genid_ops = { .gen = genid_gen, .parse = genid_parse };
const struct type type_ms_vm_genid = {
    .name = "ms_vm_genid",
    .size = sizeof(libxl_ms_vm_genid),
    .ops = &genid_ops,
};

void libxl_hwcap_copy(libxl_ctx *ctx, libxl_hwcap *dst, const libxl_hwcap *src)
{
    (void)ctx;
    memcpy(dst, src, sizeof(*dst));
}

/* As JSON there are only the first four of the eight words. */
#define HWCAP_JSON_WORDS 4

static bool hwcap_is_default(const struct type *t, const void *p, int64_t initial)
{
    (void)t;
    (void)p;
    (void)initial;
    return false;
}

static yajl_gen_status hwcap_gen(const struct type *t, yajl_gen hand, const void *p)
{
    (void)t;
    return gen_numbers(&type_uint32, hand, p, HWCAP_JSON_WORDS);
}

yajl_gen_status libxl_hwcap_gen_json(yajl_gen hand, libxl_hwcap *p)
{
    return hwcap_gen(&type_hwcap, hand, p);
}

static int hwcap_parse(const struct type *t, const struct place *at, yajl_val v, void *p)
{
    (void)t;
    return parse_numbers(&type_uint32, at, v, p, HWCAP_JSON_WORDS);
}

static const struct type_ops hwcap_ops = {
    .is_default = hwcap_is_default,
    .gen = hwcap_gen,
    .parse = hwcap_parse,
};
const struct type type_hwcap = {
    .name = "hwcap",
    .size = sizeof(libxl_hwcap),
    .ops = &hwcap_ops,
};
