/*
 * The console: sinks (UARTs, VGA text), the ring that XEN_SYSCTL_readconsole and a panic read, and
 * input, which goes to dom0 (VIRQ_CONSOLE) unless it was switched to the hypervisor (3 x Ctrl-A).
 */
#ifndef HV_CONSOLE_H
#define HV_CONSOLE_H

#include <hv/types.h>

struct console_sink {
    const char *name;                        /* as in console= */
    void (*puts)(const char *s, size_t len); /* under the console lock, one call at a time */
    bool enabled;
};

/* Enabled if console= names it, or if there is no console= at all; gets what the ring holds. */
void console_register(struct console_sink *sink);
/* console= was given and names this one. */
bool console_is_named(const char *name);
/* Stop using it, for good. */
void console_unregister(struct console_sink *sink);
/* A character came in from a UART. Interrupt context. */
void console_input(char c);
/* Raw guest output (dom0's CONSOLEIO_write): no prefix; bounded by the caller. */
void console_guest_write(const char *s, size_t len);
/* Take up to `size` characters typed for dom0; returns how many. */
size_t console_guest_read(char *buf, size_t size);
/* From now on print synchronously and ignore locks: the system is dying. */
void console_start_sync(void);
/* After the command line was parsed: find the sinks (arch_init_console()), enable those that
 * console= names. Until then all output is only kept in the ring. */
void console_init(void);
/* When memory, interrupts and timers work: the ring gets the size of conring_size=, sinks that need
 * a mapping and input start (arch_init_console_late()). */
void console_init_late(void);
/* dom0 is about to run: it gets the screen, unless vga=keep. */
void console_give_to_dom0(void);
/* The architecture's part: register this machine's sinks; what needs memory and interrupts. */
void arch_init_console(void);
void arch_init_console_late(void);
void arch_console_give_to_dom0(void);

/* The ring holds the last characters printed; they are numbered from boot on (mod 2^32). Copy up to
 * `size` of them from number *index on, or from the oldest one there is; *index becomes the number
 * behind the last one copied. `clear`: forget what is before that. Returns how many were copied. */
size_t console_ring_read(char *buf, size_t size, uint32_t *index, bool clear);
/* Number of the oldest character held. */
uint32_t console_ring_start(void);

#endif
