/*
 * CONTROL: commands for administrators, as text. The table at the end has them all; `help` lists
 * it. Called by request.c, only for privileged clients.
 */
#include "conn.h"
#include "internal.h"
#include "request.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static int do_check(struct request *r)
{
    int rc = state_check();

    if (rc >= 0)
        request_answer(r, "OK");
    return rc;
}

static int do_log(struct request *r)
{
    size_t len;
    const char *how = request_string(r, 1, &len);

    if (!how) {
        request_answer(r, "Log status: %s", tracing ? "on" : "off");
        return 0;
    }
    if (!strcmp(how, "off")) {
        tracing = false;
    } else if (!strcmp(how, "on")) {
        tracing = true;
    } else {
        return -EINVAL;
    }
    request_answer(r, "OK");
    return 0;
}

static int do_logfile(struct request *r)
{
    size_t len;
    const char *path = request_string(r, 1, &len);
    int rc = path && len ? trace_open(path) : -EINVAL;

    if (rc >= 0)
        request_answer(r, "OK");
    return rc;
}

struct totals {
    unsigned long sockets, rings, watches, transactions, answers, events;
};

static int do_memreport(struct request *r)
{
    struct totals t = { 0 };
    size_t len;
    const char *path = request_string(r, 1, &len);
    char text[512];
    FILE *f;
    ref_t ref;

    for (ref = state()->conns; ref; ref = conn_at(ref)->next) {
        const struct conn *c = conn_at(ref);

        t.sockets += !c->ring;
        t.rings += c->ring != 0;
        t.watches += c->watch_count;
        t.transactions += c->transaction_count;
        t.answers += c->out_answers;
        t.events += c->out_event_bytes;
    }
    snprintf(text, sizeof(text),
             "state: %zu bytes in use, file %zu bytes\nclients: %lu sockets, %lu rings\n"
             "watches: %lu, transactions: %lu\nwaiting: %lu answers, %lu bytes of events\n",
             arena_used(), arena_size(), t.sockets, t.rings, t.watches, t.transactions, t.answers,
             t.events);
    if (!path || !len) {
        request_answer(r, "%s", text);
        return 0;
    }
    f = fopen(path, "ae");
    if (!f)
        return -EACCES;
    fputs(text, f);
    if (fclose(f))
        return -EIO;
    request_answer(r, "OK");
    return 0;
}

static int do_print(struct request *r)
{
    size_t len;
    const char *s = request_string(r, 1, &len);

    if (!s)
        return -EINVAL;
    say(LOG_INFO, "control: %s", s);
    request_answer(r, "OK");
    return 0;
}

static const struct {
    const char *name;
    uint32_t *value;
    const char *what;
} quotas[] = {
    { "nodes", &limits.nodes, "nodes of a domain" },
    { "watches", &limits.watches, "watches of a domain" },
    { "transactions", &limits.transactions, "open transactions of a domain" },
    { "outstanding", &limits.outstanding, "answers that a client has not read" },
    { "transaction-nodes", &limits.transaction_nodes, "nodes accessed in a transaction" },
    { "memory", &limits.memory, "bytes of a domain's nodes, watches" },
    { "memory-soft", &limits.memory_soft, "the same, with a warning" },
    { "node-size", &limits.node_size, "bytes of a node's value" },
    { "path-max", &limits.path_max, "characters of a path below /local/domain/ID" },
    { "permissions", &limits.permissions, "entries of a node's list of permissions" },
    { "events", &limits.events, "bytes of events that a domain has not read" },
};

static int show_quotas(struct request *r)
{
    char text[1024];
    size_t i, len = 0;

    for (i = 0; i < sizeof(quotas) / sizeof(*quotas); i++)
        len += (size_t)snprintf(text + len, sizeof(text) - len, "%-17s: %8u %s\n", quotas[i].name,
                                *quotas[i].value, quotas[i].what);
    request_answer(r, "%s", text);
    return 0;
}

static int do_quota(struct request *r)
{
    uint64_t value;
    size_t len, i;
    const char *command = request_string(r, 1, &len), *name;

    if (!command || !len)
        return show_quotas(r);
    name = request_string(r, 2, &len);
    if (strcmp(command, "set") || !name || request_number(r, 3, INT32_MAX, &value) < 0)
        return -EINVAL;
    for (i = 0; i < sizeof(quotas) / sizeof(*quotas); i++)
        if (!strcmp(name, quotas[i].name)) {
            *quotas[i].value = (uint32_t)value;
            request_answer(r, "OK");
            return 0;
        }
    return -EINVAL;
}

static int do_help(struct request *r);

static const struct {
    const char *name;
    int (*run)(struct request *r);
    const char *arguments;
} commands[] = {
    { "check", do_check, "" },
    { "help", do_help, "" },
    { "log", do_log, "[on|off]" },
    { "logfile", do_logfile, "<file>" },
    { "memreport", do_memreport, "[<file>]" },
    { "print", do_print, "<string>" },
    { "quota", do_quota, "[set <name> <value>]" },
};

static int do_help(struct request *r)
{
    char text[1024];
    size_t i, len = 0;

    for (i = 0; i < sizeof(commands) / sizeof(*commands); i++)
        len += (size_t)snprintf(text + len, sizeof(text) - len, "%s\t%s\n", commands[i].name,
                                commands[i].arguments);
    request_answer(r, "%s", text);
    return 0;
}

int control_serve(struct request *r)
{
    size_t len, i;
    const char *name = request_string(r, 0, &len);

    if (!name)
        return -EINVAL;
    for (i = 0; i < sizeof(commands) / sizeof(*commands); i++)
        if (!strcmp(name, commands[i].name))
            return commands[i].run(r);
    return -EINVAL;
}
