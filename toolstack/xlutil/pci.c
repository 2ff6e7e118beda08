/*
 * PCI devices as xl has them: addresses, "[DDDD:]BB:DD.F", where F may be "*" for all functions,
 * and specifications, which go on with "@SLOT" and parameters, or name a device instead (`pci=` of
 * xl.cfg(5)); and what to do about memory that devices have reserved (`rdm=`). Unlike the rest of
 * libxlutil, these return 0 or a libxl_error.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include "xlutil/internal.h"

static int refuse(const XLU_Config *cfg, const char *what, const char *text, const char *why)
{
    report(cfg, 0, "%s '%s' %s", what, text, why);
    return ERROR_INVAL;
}

/* A hexadecimal number of at most `digits` digits and this limit at *s, which is moved behind. */
static bool read_hex(const char **s, int digits, unsigned int limit, unsigned int *number)
{
    int n = 0;

    for (*number = 0; isxdigit((unsigned char)**s); ++*s, n++) {
        char c = (char)tolower((unsigned char)**s);

        *number = *number << 4 | (unsigned int)(c <= '9' ? c - '0' : c - 'a' + 10);
        if (n == digits)
            return false;
    }
    return n > 0 && *number <= limit;
}

/* The address at *s, which is moved behind it */
static bool read_bdf(const char **s, libxl_device_pci *pci)
{
    unsigned int domain = 0, bus, dev, func;
    const char *colon = strchr(*s, ':');

    if (colon && memchr(colon + 1, ':', strcspn(colon + 1, ".")))
        if (!read_hex(s, 4, 0xffff, &domain) || *(*s)++ != ':')
            return false;
    if (!read_hex(s, 2, 0xff, &bus) || *(*s)++ != ':' || !read_hex(s, 2, 0x1f, &dev) ||
        *(*s)++ != '.')
        return false;
    pci->vfunc_mask = 1;
    if (**s == '*') {
        pci->vfunc_mask = LIBXL_PCI_FUNC_ALL;
        func = 0;
        ++*s;
    } else if (!read_hex(s, 1, 7, &func)) {
        return false;
    }
    pci->domain = (int)domain;
    pci->bus = (uint8_t)bus;
    pci->dev = (uint8_t)dev;
    pci->func = (uint8_t)func;
    return true;
}

int xlu_pci_parse_bdf(XLU_Config *cfg, libxl_device_pci *pci, const char *str)
{
    const char *s = str;

    if (!read_bdf(&s, pci) || *s)
        return refuse(cfg, "the PCI address", str, "is not of the form [DDDD:]BB:DD.F");
    return 0;
}

/* The slot in the guest */
static bool set_vslot(libxl_device_pci *pci, const char *value)
{
    unsigned int slot;

    if (value[0] == '0' && value[1] == 'x')
        value += 2;
    if (!read_hex(&value, 2, 0x1f, &slot) || *value)
        return false;
    pci->vdevfn = slot << 3;
    return true;
}

static bool set_bdf(libxl_device_pci *pci, const char *value)
{
    return read_bdf(&value, pci) && !*value;
}

static bool set_name(libxl_device_pci *pci, const char *value)
{
    free(pci->name);
    pci->name = strdup(value);
    return pci->name;
}

static bool set_rdm_policy(libxl_device_pci *pci, const char *value)
{
    return !libxl_rdm_reserve_policy_from_string(value, &pci->rdm_policy) &&
           pci->rdm_policy != LIBXL_RDM_RESERVE_POLICY_INVALID;
}

static bool read_bool(const char *value, bool *b)
{
    char *end;

    *b = strtol(value, &end, 0) != 0;
    return end != value && !*end;
}

static bool set_msitranslate(libxl_device_pci *pci, const char *value)
{
    return read_bool(value, &pci->msitranslate);
}

static bool set_power_mgmt(libxl_device_pci *pci, const char *value)
{
    return read_bool(value, &pci->power_mgmt);
}

static bool set_permissive(libxl_device_pci *pci, const char *value)
{
    return read_bool(value, &pci->permissive);
}

static bool set_seize(libxl_device_pci *pci, const char *value)
{
    return read_bool(value, &pci->seize);
}

static const struct {
    const char *name;
    bool (*set)(libxl_device_pci *pci, const char *value);
    const char *wants;
} parameters[] = {
    { "bdf", set_bdf, "should be an address of the form [DDDD:]BB:DD.F" },
    { "name", set_name, "cannot be kept" },
    { "vslot", set_vslot, "should be a slot from 0 to 1f" },
    { "msitranslate", set_msitranslate, "should be 0 or 1" },
    { "power_mgmt", set_power_mgmt, "should be 0 or 1" },
    { "permissive", set_permissive, "should be 0 or 1" },
    { "seize", set_seize, "should be 0 or 1" },
    { "rdm_policy", set_rdm_policy, "should be strict or relaxed" },
};

static int set_parameter(const XLU_Config *cfg, libxl_device_pci *pci, char *text, bool *has_bdf)
{
    char *value = strchr(text, '=');

    if (!value)
        return refuse(cfg, "the parameter of a PCI device", text, "should be NAME=VALUE");
    *value++ = '\0';
    for (size_t i = 0; i < sizeof(parameters) / sizeof(parameters[0]); i++)
        if (!strcmp(text, parameters[i].name)) {
            *has_bdf |= parameters[i].set == set_bdf;
            if (parameters[i].set(pci, value))
                return 0;
            report(cfg, 0, "%s of a PCI device, '%s', %s", text, value, parameters[i].wants);
            return ERROR_INVAL;
        }
    return refuse(cfg, "the parameter of a PCI device", text, "is not known");
}

/* "ADDRESS[@SLOT]" at the beginning of *s, if it is not a parameter; *s is moved behind it. */
static int read_positional(const XLU_Config *cfg, libxl_device_pci *pci, char **s, bool *has_bdf)
{
    size_t length = strcspn(*s, ",");
    const char *text = *s;
    char *slot;

    if (memchr(text, '=', length))
        return 0;
    *s += length;
    if (**s == ',')
        *(*s)++ = '\0';
    *has_bdf = true;
    slot = strchr(text, '@');
    if (slot)
        *slot++ = '\0';
    if (!set_bdf(pci, text))
        return refuse(cfg, "the PCI device", text, "is not of the form [DDDD:]BB:DD.F[@SLOT]");
    if (slot && !set_vslot(pci, slot))
        return refuse(cfg, "the slot of a PCI device,", slot, "should be from 0 to 1f");
    return 0;
}

int xlu_pci_parse_spec_string(XLU_Config *cfg, libxl_device_pci *pci, const char *str)
{
    char *copy = strdup(str), *s = copy;
    bool has_bdf = false;
    int rc;

    if (!copy)
        return ERROR_NOMEM;
    rc = read_positional(cfg, pci, &s, &has_bdf);
    while (!rc && s && *s)
        rc = set_parameter(cfg, pci, strsep(&s, ","), &has_bdf);
    if (!rc && has_bdf == (pci->name != NULL))
        rc = refuse(cfg, "the PCI device", str, "should have an address or a name");
    free(copy);
    return rc;
}

int xlu_rdm_parse(XLU_Config *cfg, libxl_rdm_reserve *rdm, const char *str)
{
    char *copy = strdup(str), *rest = copy, *text;
    int rc = copy ? 0 : ERROR_NOMEM;

    while (!rc && (text = strsep(&rest, ","))) {
        if (!strcmp(text, "strategy=host"))
            rdm->strategy = LIBXL_RDM_RESERVE_STRATEGY_HOST;
        else if (!strcmp(text, "policy=strict"))
            rdm->policy = LIBXL_RDM_RESERVE_POLICY_STRICT;
        else if (!strcmp(text, "policy=relaxed"))
            rdm->policy = LIBXL_RDM_RESERVE_POLICY_RELAXED;
        else
            rc = refuse(cfg, "rdm: the parameter", text,
                        "should be strategy=host, policy=strict, or policy=relaxed");
    }
    free(copy);
    return rc;
}
