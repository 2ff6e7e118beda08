/* Serial ports that the console uses. */
#ifndef HV_UART_H
#define HV_UART_H

#include <hv/types.h>

/* Set up the ports of com1= and com2= (or that console= names) and register them as sinks. Early:
 * needs nothing but port I/O. */
void ns16550_init(void);
/* Interrupts and timers work: take input. */
void ns16550_start_input(void);
/* I/O ports of the n-th port (0: com1) if the console uses it, which no domain may touch. */
bool ns16550_ports(unsigned int n, uint16_t *first, uint16_t *last);

/* The ARM PL011 with these (mapped) registers; registered as the sink "dtuart". */
void pl011_init(volatile void *registers);

#endif
