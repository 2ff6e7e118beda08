/*
 * Talking to a domain's qemu by its socket: connect, wait for its greeting, say that we know no
 * extensions, commands and their answers. Events that it tells meanwhile are passed over. What it
 * says is bounded, and waited for with an end.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <yajl/yajl_gen.h>

#include "libxl/device/qemu.h"
#include "libxl/device/qmp.h"

#define LINE_MAX_SIZE 65536u
#define ANSWER_MS     10000

struct qmp {
    struct op *op;
    int fd;
    size_t size;
    char *text; /* what has come and is no whole line yet */
    yajl_val line;
};

static int open_socket(struct qmp *q, uint32_t domid)
{
    struct sockaddr_un a = { .sun_family = AF_UNIX };
    struct op *op = q->op;
    char *path = op_printf(op, QEMU_RUN_FOLDER "/%s-%u", qemu_sockets[0], domid);

    strncpy(a.sun_path, path, sizeof(a.sun_path) - 1);
    q->text = op_alloc(op, LINE_MAX_SIZE + 1);
    q->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (q->fd < 0 || connect(q->fd, (struct sockaddr *)&a, sizeof(a)) < 0)
        return op_fail(op, ERROR_FAIL, errno, "Cannot talk to qemu by %s", path);
    return 0;
}

/* The first whole line, taken out and parsed; NULL: not there yet, or no JSON */
static yajl_val take_line(struct qmp *q)
{
    char *end = memchr(q->text, '\n', q->size), error[100];
    yajl_val v;

    if (!end)
        return NULL;
    *end = '\0';
    v = yajl_tree_parse(q->text, error, sizeof(error));
    q->size -= (size_t)(end + 1 - q->text);
    memmove(q->text, end + 1, q->size);
    return v;
}

static int has_line(struct op *op, void *arg)
{
    struct qmp *q = arg;
    ssize_t n = read(q->fd, q->text + q->size, LINE_MAX_SIZE - q->size);

    if (n > 0)
        q->size += (size_t)n;
    q->line = take_line(q);
    if (q->line)
        return 0;
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
        return op_fail(op, ERROR_PROTOCOL_ERROR_QMP, 0,
                       "qemu ended the talk, or says more than we can hear");
    return ERROR_NOT_READY;
}

static yajl_val member(yajl_val v, const char *name)
{
    const char *path[] = { name, NULL };

    return yajl_tree_get(v, path, yajl_t_any);
}

static const char *text_member(yajl_val v, const char *name)
{
    return YAJL_GET_STRING(member(v, name));
}

/* Read lines until one is an answer */
static int read_answer(struct qmp *q)
{
    struct op *op = q->op;

    for (;;) {
        int rc = op_wait(op, NULL, q->fd, 0, ANSWER_MS, has_line, q);
        yajl_val error;

        if (rc != 0)
            return op_fail(op, rc, 0, "qemu does not answer");
        if (member(q->line, "QMP") || member(q->line, "return"))
            return 0;
        error = member(q->line, "error");
        if (error) {
            const char *text = text_member(error, "desc");

            rc = op_fail(op, ERROR_QMP_GENERIC_ERROR, 0, "qemu refuses: %s", text ? text : "?");
        }
        yajl_tree_free(q->line);
        q->line = NULL;
        if (rc != 0)
            return rc;
    }
}

static void put(yajl_gen g, const char *text)
{
    yajl_gen_string(g, (const unsigned char *)text, strlen(text));
}

static int send_command(struct qmp *q, const struct qmp_command *c)
{
    struct op *op = q->op;
    yajl_gen g = yajl_gen_alloc(NULL);
    const unsigned char *text;
    char *line;
    size_t size;

    yajl_gen_map_open(g);
    put(g, "execute");
    put(g, c->execute);
    if (c->argument) {
        put(g, "arguments");
        yajl_gen_map_open(g);
        put(g, c->argument);
        put(g, c->value);
        yajl_gen_map_close(g);
    }
    yajl_gen_map_close(g);
    yajl_gen_get_buf(g, &text, &size);
    line = op_printf(op, "%.*s\r\n", (int)size, (const char *)text);
    yajl_gen_free(g);
    if (send(q->fd, line, strlen(line), MSG_NOSIGNAL) != (ssize_t)strlen(line))
        return op_fail(op, ERROR_PROTOCOL_ERROR_QMP, errno, "qemu does not listen");
    return 0;
}

int qmp_ask(struct qmp *q, const struct qmp_command *command, yajl_val *result)
{
    int rc = send_command(q, command);

    if (rc == 0)
        rc = read_answer(q);
    if (rc == 0 && result)
        *result = q->line;
    else
        yajl_tree_free(q->line);
    q->line = NULL;
    return rc;
}

int qmp_begin(struct op *op, uint32_t domid, struct qmp **talk)
{
    static const struct qmp_command begin = { .execute = "qmp_capabilities" };
    struct qmp *q = op_alloc(op, sizeof(*q));
    int rc;

    q->op = op;
    rc = open_socket(q, domid);
    if (rc == 0)
        rc = read_answer(q); /* its greeting */
    yajl_tree_free(q->line);
    q->line = NULL;
    if (rc == 0)
        rc = qmp_ask(q, &begin, NULL);
    if (rc == 0)
        *talk = q;
    else
        qmp_end(q);
    return rc;
}

void qmp_end(struct qmp *q)
{
    if (q->fd >= 0)
        close(q->fd);
}

/* ---- after the start ---- */

/* Where in the guest's folder a terminal of qemu's is noted; NULL: it is none for users */
static char *terminal_node(struct op *op, uint32_t domid, const char *label)
{
    int id;

    if (sscanf(label, "libxl-channel%d", &id) == 1)
        return op_printf(op, "/local/domain/%u/device/console/%d/tty", domid, id + 1);
    if (sscanf(label, "serial%d", &id) == 1)
        return op_printf(op, "/local/domain/%u/serial/%d/tty", domid, id);
    return NULL;
}

/* The terminals that qemu made for channels and serial lines: "filename": "pty:/dev/pts/3" */
static int tell_terminals(struct qmp *q, uint32_t domid)
{
    static const struct qmp_command command = { .execute = "query-chardev" };
    struct op *op = q->op;
    yajl_val answer, list;
    int rc = qmp_ask(q, &command, &answer);

    if (rc != 0)
        return rc;
    list = member(answer, "return");
    for (size_t i = 0; YAJL_IS_ARRAY(list) && i < YAJL_GET_ARRAY(list)->len && rc == 0; i++) {
        const char *label = text_member(YAJL_GET_ARRAY(list)->values[i], "label");
        const char *file = text_member(YAJL_GET_ARRAY(list)->values[i], "filename");
        char *node = label ? terminal_node(op, domid, label) : NULL;

        if (node && file && strncmp(file, "pty:", 4) == 0)
            rc = store_write(op, XBT_NULL, node, "%s", file + 4);
    }
    yajl_tree_free(answer);
    return rc;
}

static int tell_screen(struct qmp *q, uint32_t domid, const char *password)
{
    static const struct qmp_command command = { .execute = "query-vnc" };
    struct op *op = q->op;
    char *folder = op_printf(op, "/local/domain/%u/console", domid);
    const char *host, *service;
    yajl_val answer;
    int rc = qmp_ask(q, &command, &answer);

    if (rc != 0)
        return rc;
    host = text_member(member(answer, "return"), "host");
    service = text_member(member(answer, "return"), "service");
    if (host && service) {
        rc = store_write(op, XBT_NULL, op_printf(op, "%s/vnc-listen", folder), "%s", host);
        if (rc == 0)
            rc = store_write(op, XBT_NULL, op_printf(op, "%s/vnc-port", folder), "%s", service);
    }
    if (rc == 0 && password)
        rc = store_write(op, XBT_NULL, op_printf(op, "%s/vnc-pass", folder), "%s", password);
    yajl_tree_free(answer);
    return rc;
}

int qmp_tell_places(struct op *op, uint32_t domid, const libxl_domain_config *config)
{
    bool pc = config->c_info.type == LIBXL_DOMAIN_TYPE_HVM;
    bool terminals = pc || config->num_channels > 0;
    const libxl_vnc_info *vnc = pc                     ? &config->b_info.u.hvm.vnc
                                : config->num_vfbs > 0 ? &config->vfbs[0].vnc
                                                       : NULL;
    bool screen = vnc && libxl_defbool_val(vnc->enable);
    const char *password = screen && vnc->passwd && *vnc->passwd ? vnc->passwd : NULL;
    struct qmp *q;
    int rc;

    if (!screen && !terminals)
        return 0;
    rc = qmp_begin(op, domid, &q);
    if (rc != 0)
        return rc;
    if (terminals)
        rc = tell_terminals(q, domid);
    if (rc == 0 && password) {
        struct qmp_command command = { "change-vnc-password", "password", password };

        rc = qmp_ask(q, &command, NULL);
    }
    if (rc == 0 && screen)
        rc = tell_screen(q, domid, password);
    qmp_end(q);
    return rc;
}

/* ---- for a person ---- */

struct monitor {
    uint32_t domid;
    const char *line;
    char **output;
};

static int do_monitor(struct op *op, void *args)
{
    const struct monitor *m = args;
    struct qmp_command command = { "human-monitor-command", "command-line", m->line };
    const char *text;
    struct qmp *q;
    yajl_val answer;
    int rc = qmp_begin(op, m->domid, &q);

    if (rc != 0)
        return rc;
    rc = qmp_ask(q, &command, &answer);
    qmp_end(q);
    if (rc != 0)
        return rc;
    text = text_member(answer, "return");
    *m->output = xl_strdup(text ? text : "");
    yajl_tree_free(answer);
    return 0;
}

int libxl_qemu_monitor_command(libxl_ctx *ctx, uint32_t domid, const char *command_line,
                               char **output, const libxl_asyncop_how *ao_how)
{
    struct monitor m = { domid, command_line, output };

    return op_start(ctx, __func__, domid, ao_how, do_monitor, &m, sizeof(m));
}
