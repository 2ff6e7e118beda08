/*
 * Fuzzer for the languages of libxlutil and of cpuid=. The first byte of the input chooses one.
 *
 *   make toolstack
 *   clang -g -O1 -fsanitize=fuzzer,address,undefined -D_GNU_SOURCE -DHAVE_YAJL_YAJL_VERSION_H \
 *       -D__XEN_TOOLS__ -Itoolstack tests/fuzz/xlutil/fuzz_xlutil.c toolstack/xlutil/[a-z]*.c \
 *       toolstack/libxl/types/[a-z]*.c toolstack/libxl/core/{memory,log}.c \
 *       build/toolstack/gen/libxl_types.c -lyajl -luuid -lxentoollog -o fuzz_xlutil
 *   mkdir -p corpus && ./fuzz_xlutil corpus tests/toolstack/configs
 *
 * What a disk or a PCI device becomes must be something that libxl can write and read again.
 */
#include <stdlib.h>
#include <string.h>

#include "libxl/core/ctx.h"
#include "xlutil/internal.h"

static struct libxl__ctx ctx;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool ok)
{
    if (!ok)
        abort();
}

static void walk(const XLU_ConfigValue *value, int depth)
{
    require(depth <= 64);
    require(value->type == XLU_LIST || value->string);
    for (int i = 0; i < value->list.count; i++)
        walk(value->list.values[i], depth + 1);
}

static void config(XLU_Config *cfg, const char *text, size_t length)
{
    if (xlu_cfg_readdata(cfg, text, (int)length))
        return;
    for (const struct setting *s = cfg->settings; s; s = s->next) {
        libxl_string_list strings = NULL;
        long number;

        walk(s->value, 0);
        xlu_cfg_get_long(cfg, s->name, &number, 0);
        if (!xlu_cfg_get_list_as_string_list(cfg, s->name, &strings, 0))
            libxl_string_list_dispose(&strings);
    }
}

static bool is_ascii(const char *text)
{
    while (*text && !(*text & 0x80))
        text++;
    return !*text;
}

static void disk(XLU_Config *cfg, const char *text)
{
    libxl_device_disk a, b;

    libxl_device_disk_init(&a);
    if (!xlu_disk_parse(cfg, 1, &text, &a)) {
        char *json = libxl_device_disk_to_json(&ctx, &a);

        require(a.vdev);
        libxl_device_disk_init(&b);
        /* Bytes that are not UTF-8 are written, but cannot be read. */
        if (is_ascii(text))
            require(json && !libxl_device_disk_from_json(&ctx, &b, json));
        libxl_device_disk_dispose(&b);
        free(json);
    }
    libxl_device_disk_dispose(&a);
}

static void others(XLU_Config *cfg, int which, const char *text)
{
    libxl_cpuid_policy_list list = NULL;
    libxl_rdm_reserve rdm;
    libxl_device_nic nic;
    libxl_device_pci pci;

    libxl_device_pci_init(&pci);
    libxl_device_nic_init(&nic);
    libxl_rdm_reserve_init(&rdm);
    switch (which) {
    case 0:
        if (!xlu_pci_parse_spec_string(cfg, &pci, text))
            require(pci.dev < 32 && pci.func < 8 && (pci.name || pci.vfunc_mask));
        break;
    case 1:
        xlu_pci_parse_bdf(cfg, &pci, text);
        break;
    case 2:
        if (!xlu_vif_parse_rate(cfg, text, &nic))
            require(nic.rate_interval_usecs != 0);
        break;
    case 3:
        xlu_rdm_parse(cfg, &rdm, text);
        break;
    case 4:
        libxl_cpuid_parse_config(&list, text);
        break;
    default:
        libxl_cpuid_parse_config_xend(&list, text);
    }
    libxl_cpuid_dispose(&list);
    libxl_device_pci_dispose(&pci);
    libxl_device_nic_dispose(&nic);
    libxl_rdm_reserve_dispose(&rdm);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static FILE *null;
    char *text = malloc(size + 1);
    XLU_Config *cfg;

    if (!null)
        null = fopen("/dev/null", "w");
    cfg = xlu_cfg_init(null, "fuzz");
    memcpy(text, data, size);
    text[size] = '\0';
    if (size && data[0] < ' ' && data[0] != '\n' && data[0] != '\t') {
        if (data[0] % 8 < 2)
            disk(cfg, text + 1);
        else
            others(cfg, data[0] % 8 - 2, text + 1);
    } else {
        config(cfg, text, size);
    }
    xlu_cfg_destroy(cfg);
    free(text);
    return 0;
}
