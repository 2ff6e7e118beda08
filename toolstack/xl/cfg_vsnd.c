/*
 * The items of a virtual sound card: "CARD, short-name=Main", "PCM, name=Main", "STREAM, type=p". A
 * PCM belongs to the card, a stream to the PCM above it; each can have parameters of its own.
 */
#include <ctype.h>
#include <limits.h>
#include "cfg.h"

static const struct choice directions[] = {
    { "p", LIBXL_VSND_STREAM_TYPE_P },
    { "P", LIBXL_VSND_STREAM_TYPE_P },
    { "c", LIBXL_VSND_STREAM_TYPE_C },
    { "C", LIBXL_VSND_STREAM_TYPE_C },
    { NULL, 0 },
};

static int wrong(const char *what, const char *text)
{
    error("vsnd: %s: %s", what, text);
    return ERROR_INVAL;
}

static int rates_read(libxl_vsnd_params *params, const char *text)
{
    unsigned long long rate;

    for (char **word = split(text, ';'); *word; word++) {
        if (!number_parse(*word, 10, UINT32_MAX, &rate))
            return wrong("this is no rate", *word);
        params->sample_rates =
            grown(params->sample_rates, params->num_sample_rates, sizeof(uint32_t));
        params->sample_rates[params->num_sample_rates++] = (uint32_t)rate;
    }
    return 0;
}

static int formats_read(libxl_vsnd_params *params, const char *text)
{
    libxl_vsnd_pcm_format format;

    for (char **word = split(text, ';'); *word; word++) {
        if (libxl_vsnd_pcm_format_from_string(*word, &format))
            return wrong("Invalid pcm format", *word);
        params->sample_formats =
            grown(params->sample_formats, params->num_sample_formats, sizeof(format));
        params->sample_formats[params->num_sample_formats++] = format;
    }
    return 0;
}

/* param_read: what cards, PCMs and streams can have; 1 when it is none of that */
static int param_read(libxl_vsnd_params *params, const char *part)
{
    const struct {
        const char *name;
        uint32_t *field;
    } numbers[] = {
        { "channels-min", &params->channels_min },
        { "channels-max", &params->channels_max },
        { "buffer-size", &params->buffer_size },
    };
    const char *value;
    unsigned long long number;

    if ((value = value_of(part, "sample-rates")))
        return rates_read(params, value);
    if ((value = value_of(part, "sample-formats")))
        return formats_read(params, value);
    for (size_t i = 0; i < ARRAY_LENGTH(numbers); i++) {
        value = value_of(part, numbers[i].name);
        if (!value)
            continue;
        if (!number_parse(value, 10, UINT32_MAX, &number))
            return wrong("this is no number", part);
        *numbers[i].field = (uint32_t)number;
        return 0;
    }
    return 1;
}

static int text_set(char **field, const char *value)
{
    free(*field);
    *field = need(strdup(value));
    return 0;
}

static int card_part(void *item, const char *part)
{
    libxl_device_vsnd *card = item;
    const char *value;

    if ((value = value_of(part, "backend")))
        return text_set(&card->backend_domname, value);
    if ((value = value_of(part, "short-name")))
        return text_set(&card->short_name, value);
    if ((value = value_of(part, "long-name")))
        return text_set(&card->long_name, value);
    return param_read(&card->params, part);
}

static int pcm_part(void *item, const char *part)
{
    libxl_vsnd_pcm *pcm = item;
    const char *value = value_of(part, "name");

    return value ? text_set(&pcm->name, value) : param_read(&pcm->params, part);
}

static int stream_part(void *item, const char *part)
{
    libxl_vsnd_stream *stream = item;
    const struct choice *direction;
    const char *value;

    if ((value = value_of(part, "unique-id")) || (value = value_of(part, "id")))
        return text_set(&stream->unique_id, value);
    value = value_of(part, "type");
    if (!value)
        return param_read(&stream->params, part);
    direction = choice_find(directions, value);
    if (!direction)
        return wrong("Invalid stream type", value);
    stream->type = (libxl_vsnd_stream_type)direction->value;
    return 0;
}

static libxl_vsnd_pcm *last_pcm(libxl_device_vsnd *card)
{
    return card->num_vsnd_pcms ? &card->pcms[card->num_vsnd_pcms - 1] : NULL;
}

/* item_read: the parts of a line, after its first word */
static int item_read(char **parts, int (*read)(void *item, const char *part), void *item)
{
    int rc = 0;

    for (char **part = parts + 1; *part && !rc; part++) {
        rc = read(item, *part);
        if (rc > 0)
            rc = wrong("Invalid parameter", *part);
    }
    return rc;
}

int vsnd_item(libxl_device_vsnd *card, const char *text)
{
    char **parts = split(text, ',');
    libxl_vsnd_pcm *pcm = last_pcm(card);
    libxl_vsnd_stream *stream;

    if (!strcasecmp(parts[0], "card"))
        return item_read(parts, card_part, card);
    if (!strcasecmp(parts[0], "pcm")) {
        card->pcms = grown(card->pcms, card->num_vsnd_pcms, sizeof(*card->pcms));
        pcm = &card->pcms[card->num_vsnd_pcms++];
        libxl_vsnd_pcm_init(pcm);
        return item_read(parts, pcm_part, pcm);
    }
    if (strcasecmp(parts[0], "stream"))
        return wrong("Invalid key; there are CARD, PCM, STREAM", parts[0]);
    if (!pcm)
        return wrong("No vsnd pcm device above this stream", text);
    pcm->streams = grown(pcm->streams, pcm->num_vsnd_streams, sizeof(*pcm->streams));
    stream = &pcm->streams[pcm->num_vsnd_streams++];
    libxl_vsnd_stream_init(stream);
    return item_read(parts, stream_part, stream);
}
