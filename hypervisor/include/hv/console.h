/*
 * The console: sinks (UARTs, VGA text), the ring that XEN_SYSCTL_readconsole and a panic read, and
 * input, which goes to dom0 (VIRQ_CONSOLE) unless it was switched to the hypervisor (3 x Ctrl-A).
 */
#ifndef HV_CONSOLE_H
#define HV_CONSOLE_H

#include <hv/types.h>

struct console_sink {
    const char *name; /* as in console= */
    void (*puts)(const char *s, size_t len);
    bool enabled;
};

void console_register(struct console_sink *sink);
/* A character came in from a UART. Interrupt context. */
void console_input(char c);
/* Raw guest output (dom0's CONSOLEIO_write): no prefix; bounded by the caller. */
void console_guest_write(const char *s, size_t len);
/* Take up to `size` characters typed for dom0; returns how many. */
size_t console_guest_read(char *buf, size_t size);
/* From now on print synchronously and ignore locks: the system is dying. */
void console_start_sync(void);
/* After the command line was parsed: enable the sinks that console= names. */
void console_init(void);

#endif
