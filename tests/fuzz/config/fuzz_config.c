/*
 * Fuzzer for configurations of guests: any text through our libxlutil and xl's tables (Debian's
 * reads behind the end of some PCI addresses). Types are the installed libxl's, on a host without a
 * hypervisor, tests/toolstack/xl-cfg/fake.c.
 *
 *   clang -g -O1 -fsanitize=fuzzer,address,undefined -D_GNU_SOURCE -D__XEN_TOOLS__ -I toolstack \
 *       tests/fuzz/config/fuzz_config.c tests/toolstack/xl-cfg/fake.c toolstack/xlutil/?*.c \
 *       $(cat tests/toolstack/xl-cfg/sources) -lxenlight -lxentoollog -lyajl -o fuzz_config
 *   ASAN_OPTIONS=detect_leaks=0 ./fuzz_config -close_fd_mask=3 corpus tests/toolstack/xl-cfg
 *
 * A dictionary helps: the names in tests/toolstack/xl-cfg/documented, each between quotes.
 */
#include "xl/cfg.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct session xl;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    libxl_domain_config config;
    char *text = malloc(size + 1), *json;

    if (!text)
        return 0;
    if (!xl.ctx) {
        xl.log = xtl_createlogger_stdiostream(stderr, XTL_CRITICAL, 0);
        if (libxl_ctx_alloc(&xl.ctx, LIBXL_VERSION, 0, (xentoollog_logger *)xl.log))
            abort();
    }
    memcpy(text, data, size);
    text[size] = 0;
    if (!cfg_read(&config, "fuzz", text, size, true)) {
        json = libxl_domain_config_to_json(xl.ctx, &config);
        free(json);
    }
    libxl_domain_config_dispose(&config);
    free(text);
    return 0;
}
