/*
 * The header of saved domains, the same as Xen's: 32 bytes of magic, four 32-bit words (byte order,
 * flags that a reader has to know, flags that it may ignore, length of what follows), then the
 * length of the configuration, and the configuration as JSON. A file from elsewhere can be
 * anything: all of it is checked, and a length is bounded before memory is taken for it.
 */
#include <errno.h>
#include "savefile.h"
#include "cfg.h"

static const char magic[32] = "Xen saved domain, xl format\n \0 \r";

enum {
    BYTE_ORDER_MARK = 0x01020304,
    FLAG_JSON = 1,   /* the configuration is JSON */
    FLAG_STREAM = 2, /* the state is libxl's stream, version 2 */
    MAX_CONFIG = 16 << 20,
};

struct header {
    char magic[32];
    uint32_t byte_order, mandatory, optional, length;
};

_Static_assert(sizeof(struct header) == 48, "as it is in files");

static char *saved_config(uint32_t domid, const char *config_path, bool keep_id)
{
    libxl_domain_config config;
    char *text;
    int rc;

    if (config_path) {
        size_t length;
        char *data = file_read(config_path, &length);

        if (!data)
            fatal("unable to read overridden config file %s: %m", config_path);
        rc = cfg_read(&config, config_path, data, length, false);
        free(data);
    } else {
        libxl_domain_config_init(&config);
        rc = libxl_retrieve_domain_configuration(xl.ctx, domid, &config, NULL);
        if (rc)
            error("unable to retrieve domain configuration");
    }
    if (rc)
        return NULL;
    if (!keep_id)
        config.c_info.domid = 0; /* whoever restores it takes a free one */
    text = libxl_domain_config_to_json(xl.ctx, &config);
    libxl_domain_config_dispose(&config);
    if (!text)
        error("unable to convert config file to JSON");
    return text;
}

int saved_write(int fd, const char *name, uint32_t domid, const char *config_path, bool keep_id)
{
    char *config = saved_config(domid, config_path, keep_id);
    struct header header = {
        .byte_order = BYTE_ORDER_MARK,
        .mandatory = FLAG_STREAM | FLAG_JSON,
    };
    uint32_t length;
    int rc;

    if (!config)
        return ERROR_FAIL;
    length = (uint32_t)strlen(config) + 1;
    memcpy(header.magic, magic, sizeof(magic));
    header.length = (uint32_t)sizeof(length) + length;
    rc = libxl_write_exactly(xl.ctx, fd, &header, sizeof(header), name, "header");
    if (!rc)
        rc = libxl_write_exactly(xl.ctx, fd, &length, sizeof(length), name, "header");
    if (!rc)
        rc = libxl_write_exactly(xl.ctx, fd, config, length, name, "header");
    if (!rc) {
        fprintf(stderr, "Saving to %s new xl format (info 0x%x/0x%x/%u)\n", name, header.mandatory,
                header.optional, header.length);
    }
    free(config);
    return rc ? ERROR_FAIL : 0;
}

static int check(const struct header *header, const char *name)
{
    if (memcmp(header->magic, magic, sizeof(magic))) {
        error(
            "File has wrong magic number - corrupt or for a different tool? %s was not written by xl",
            name);
        return ERROR_INVAL;
    }
    if (header->byte_order != BYTE_ORDER_MARK) {
        error("File has wrong byte order: %s comes from another kind of machine", name);
        return ERROR_INVAL;
    }
    fprintf(stderr, "Loading new save file %s (new xl fmt info 0x%x/0x%x/%u)\n", name,
            header->mandatory, header->optional, header->length);
    if (header->mandatory & ~(uint32_t)(FLAG_JSON | FLAG_STREAM)) {
        error("Savefile has mandatory flag(s) 0x%x which are not supported; need newer xl",
              header->mandatory & ~(uint32_t)(FLAG_JSON | FLAG_STREAM));
        return ERROR_INVAL;
    }
    if (!(header->mandatory & FLAG_STREAM)) {
        error("%s was saved by Xen 4.5 or older, whose format is not read any more", name);
        return ERROR_NI;
    }
    if (header->length > MAX_CONFIG) {
        error("%s has %u bytes of configuration, which cannot be right", name, header->length);
        return ERROR_INVAL;
    }
    return 0;
}

int saved_read(int fd, const char *name, struct saved *saved)
{
    struct header header;
    uint32_t length;
    char *data;
    int rc;

    *saved = (struct saved){ 0 };
    if (libxl_read_exactly(xl.ctx, fd, &header, sizeof(header), name, "header"))
        return ERROR_FAIL;
    rc = check(&header, name);
    if (rc || !header.length)
        return rc;
    data = need(calloc(1, header.length + 1));
    if (libxl_read_exactly(xl.ctx, fd, data, header.length, name, "optdata")) {
        error("Savefile truncated.");
        return ERROR_FAIL;
    }
    memcpy(&length, data, header.length < sizeof(length) ? 0 : sizeof(length));
    if (header.length < sizeof(length) || length > header.length - sizeof(length)) {
        error("Savefile truncated.");
        return ERROR_INVAL;
    }
    saved->json = header.mandatory & FLAG_JSON;
    saved->config = data + sizeof(length);
    saved->config[length] = 0;
    saved->length = strnlen(saved->config, length);
    fprintf(stderr, " Savefile contains xl domain config%s\n",
            saved->json ? " in JSON format" : "");
    return 0;
}
