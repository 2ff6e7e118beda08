/*
 * Sound cards, after xen/io/sndif.h: a card has PCM devices, those have streams, and what is said
 * of one holds for what is in it. All of it stands in the frontend's folder; ours has a copy.
 */
#include <stdlib.h>
#include <string.h>

#include "libxl/device/device.h"

/* The same name and value for the frontend and for us */
static void both(struct device_nodes *n, char *name, const char *value)
{
    nodes_add(&n->frontend, name, "%s", value);
    nodes_add(&n->only_private, name, "%s", value);
}

static void params_nodes(struct op *op, struct device_nodes *n, const char *prefix,
                         const libxl_vsnd_params *p)
{
    char *rates = op_strdup(op, ""), *formats = op_strdup(op, "");

    for (int i = 0; i < p->num_sample_rates; i++)
        rates = op_printf(op, "%s%s%u", rates, i ? "," : "", p->sample_rates[i]);
    for (int i = 0; i < p->num_sample_formats; i++)
        formats = op_printf(op, "%s%s%s", formats, i ? "," : "",
                            libxl_vsnd_pcm_format_to_string(p->sample_formats[i]));
    if (p->num_sample_rates)
        both(n, op_printf(op, "%ssample-rates", prefix), rates);
    if (p->num_sample_formats)
        both(n, op_printf(op, "%ssample-formats", prefix), formats);
    if (p->channels_min)
        both(n, op_printf(op, "%schannels-min", prefix), op_printf(op, "%u", p->channels_min));
    if (p->channels_max)
        both(n, op_printf(op, "%schannels-max", prefix), op_printf(op, "%u", p->channels_max));
    if (p->buffer_size)
        both(n, op_printf(op, "%sbuffer-size", prefix), op_printf(op, "%u", p->buffer_size));
}

static void stream_nodes(struct op *op, struct device_nodes *n, const char *prefix,
                         const libxl_vsnd_stream *stream)
{
    if (stream->unique_id)
        both(n, op_printf(op, "%sunique-id", prefix), stream->unique_id);
    both(n, op_printf(op, "%stype", prefix), stream->type == LIBXL_VSND_STREAM_TYPE_P ? "p" : "c");
    params_nodes(op, n, prefix, &stream->params);
}

static int vsnd_nodes(struct op *op, const struct device *d, const void *item,
                      struct device_nodes *n)
{
    const libxl_device_vsnd *vsnd = item;

    (void)d;
    if (vsnd->long_name)
        both(n, op_strdup(op, "long-name"), vsnd->long_name);
    if (vsnd->short_name)
        both(n, op_strdup(op, "short-name"), vsnd->short_name);
    params_nodes(op, n, "", &vsnd->params);
    for (int i = 0; i < vsnd->num_vsnd_pcms; i++) {
        const libxl_vsnd_pcm *pcm = &vsnd->pcms[i];

        if (pcm->name)
            both(n, op_printf(op, "%d/name", i), pcm->name);
        params_nodes(op, n, op_printf(op, "%d/", i), &pcm->params);
        for (int j = 0; j < pcm->num_vsnd_streams; j++)
            stream_nodes(op, n, op_printf(op, "%d/%d/", i, j), &pcm->streams[j]);
    }
    return 0;
}

/* ---- the other way ---- */

static int read_formats(struct op *op, const char *text, libxl_vsnd_params *p)
{
    char *rest = op_strdup(op, text), *word, *saved = NULL;
    size_t n = 0;

    for (word = strtok_r(rest, ",", &saved); word; word = strtok_r(NULL, ",", &saved)) {
        p->sample_formats = xl_realloc(p->sample_formats, (n + 1) * sizeof(*p->sample_formats));
        if (libxl_vsnd_pcm_format_from_string(word, &p->sample_formats[n]) != 0)
            return op_fail(op, ERROR_FAIL, 0, "'%s' is no format of sound", word);
        p->num_sample_formats = (int)++n;
    }
    return 0;
}

static int read_params(struct op *op, const char *path, libxl_vsnd_params *p)
{
    const char *rates = store_read(op, XBT_NULL, "%s/sample-rates", path);
    const char *formats = store_read(op, XBT_NULL, "%s/sample-formats", path);
    size_t n = 0;

    p->channels_min = (uint32_t)store_read_int(op, XBT_NULL, 0, "%s/channels-min", path);
    p->channels_max = (uint32_t)store_read_int(op, XBT_NULL, 0, "%s/channels-max", path);
    p->buffer_size = (uint32_t)store_read_int(op, XBT_NULL, 0, "%s/buffer-size", path);
    while (rates && *rates) {
        char *end;

        p->sample_rates = xl_realloc(p->sample_rates, (n + 1) * sizeof(*p->sample_rates));
        p->sample_rates[n++] = (uint32_t)strtoul(rates, &end, 10);
        p->num_sample_rates = (int)n;
        if (end == rates || (*end && *end != ','))
            return op_fail(op, ERROR_FAIL, 0, "'%s' in %s is no list of rates", rates, path);
        rates = *end ? end + 1 : end;
    }
    return formats ? read_formats(op, formats, p) : 0;
}

static int read_stream(struct op *op, const char *path, libxl_vsnd_stream *stream)
{
    const char *type = store_read(op, XBT_NULL, "%s/type", path);

    libxl_vsnd_stream_init(stream);
    stream->unique_id = device_string(op, path, "unique-id");
    stream->type = type && *type == 'p' ? LIBXL_VSND_STREAM_TYPE_P : LIBXL_VSND_STREAM_TYPE_C;
    return read_params(op, path, &stream->params);
}

static int read_pcm(struct op *op, const char *path, libxl_vsnd_pcm *pcm)
{
    int rc;

    libxl_vsnd_pcm_init(pcm);
    pcm->name = device_string(op, path, "name");
    rc = read_params(op, path, &pcm->params);
    while (rc == 0 && store_exists(op, XBT_NULL, "%s/%d", path, pcm->num_vsnd_streams)) {
        int i = pcm->num_vsnd_streams++;

        pcm->streams = xl_realloc(pcm->streams, (size_t)(i + 1) * sizeof(*pcm->streams));
        rc = read_stream(op, op_printf(op, "%s/%d", path, i), &pcm->streams[i]);
    }
    return rc;
}

static int vsnd_read(struct op *op, const struct device *d, const char *path, void *item)
{
    libxl_device_vsnd *vsnd = item;
    int rc = read_params(op, path, &vsnd->params);

    (void)d;
    vsnd->long_name = device_string(op, path, "long-name");
    vsnd->short_name = device_string(op, path, "short-name");
    while (rc == 0 && store_exists(op, XBT_NULL, "%s/%d", path, vsnd->num_vsnd_pcms)) {
        int i = vsnd->num_vsnd_pcms++;

        vsnd->pcms = xl_realloc(vsnd->pcms, (size_t)(i + 1) * sizeof(*vsnd->pcms));
        rc = read_pcm(op, op_printf(op, "%s/%d", path, i), &vsnd->pcms[i]);
    }
    return rc;
}

DEVICE_TYPE(vsnd)

const struct device_kind vsnd_kind = {
    .name = "vsnd",
    .frontend = "vsnd",
    .backend = "vsnd",
    DEVICE_TYPE_FIELDS(vsnd),
    DEVICE_BACKEND_FIELDS(vsnd),
    .devid = offsetof(libxl_device_vsnd, devid),
    .nodes = vsnd_nodes,
    .read = vsnd_read,
};
