/*
 * HYPERVISOR_console_io: the emergency console. The hardware domain writes as it likes and reads
 * what is typed; the output of any other is stripped to printable characters, collected into lines
 * (under its LOCK_CONSOLE_LINE), prefixed, and passed on through guest_printk()'s rate limit.
 * Preemptible after every chunk.
 */
#include "internal.h"

#include <hv/console.h>
#include <hv/errno.h>
#include <hv/mem.h>
#include <hv/printk.h>
#include <xen/xen.h>

#define CHUNK     128U
#define LINE_SIZE 160U

struct domain_console {
    spinlock_t lock; /* LOCK_CONSOLE_LINE */
    unsigned int len;
    char line[LINE_SIZE];
};

static void line_flush(const struct domain *d, struct domain_console *con)
{
    con->line[con->len] = '\0';
    guest_printk(d, LOG_INFO, "%s\n", con->line);
    con->len = 0;
}

static void line_add(struct domain *d, const char *s, size_t len)
{
    struct domain_console *con = d->console;

    spin_lock(&con->lock);
    for (size_t i = 0; i < len; i++) {
        if (s[i] == '\n')
            line_flush(d, con);
        else if (s[i] == '\t' || (s[i] >= ' ' && s[i] <= '~'))
            con->line[con->len++] = s[i];
        if (con->len == LINE_SIZE - 1)
            line_flush(d, con);
    }
    spin_unlock(&con->lock);
}

static long console_write(uint32_t count, guest_ptr_t buffer)
{
    struct domain *d = current->domain;
    char chunk[CHUNK];

    while (count) {
        uint32_t len = min(count, CHUNK);

        if (copy_from_guest(chunk, buffer, len))
            return -EFAULT;
        if (d->is_hardware)
            console_guest_write(chunk, len);
        else
            line_add(d, chunk, len);
        count -= len;
        buffer = guest_ptr_add(buffer, len);
        if (count && hypercall_preempt_check())
            return hypercall_continue(__HYPERVISOR_console_io, 3, CONSOLEIO_write, count, buffer.v);
    }
    return 0;
}

/* Bounded by what was typed, which fits a small ring. */
static long console_read(uint32_t count, guest_ptr_t buffer)
{
    char chunk[CHUNK];
    uint32_t done = 0;

    if (!current->domain->is_hardware)
        return -EPERM;
    if (count > INT32_MAX)
        return -E2BIG;
    while (done < count) {
        size_t want = min(count - done, CHUNK), len = console_guest_read(chunk, want);

        if (copy_to_guest(guest_ptr_add(buffer, done), chunk, len))
            return -EFAULT;
        done += (uint32_t)len;
        if (len < want)
            break;
    }
    return done;
}

long do_console_io(unsigned int cmd, uint32_t count, guest_ptr_t buffer)
{
    switch (cmd) {
    case CONSOLEIO_write:
        return console_write(count, buffer);
    case CONSOLEIO_read:
        return console_read(count, buffer);
    default:
        return -ENOSYS;
    }
}

static int console_part_init(struct domain *d)
{
    d->console = hv_alloc_type(struct domain_console);
    if (!d->console)
        return -ENOMEM;
    spin_lock_init(&d->console->lock, LOCK_CONSOLE_LINE);
    return 0;
}

static void console_part_free(struct domain *d)
{
    hv_free(d->console);
    d->console = NULL;
}

const struct domain_part console_part = {
    .name = "console",
    .init = console_part_init,
    .free = console_part_free,
};
