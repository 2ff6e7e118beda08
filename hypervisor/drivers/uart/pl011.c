/*
 * ARM's PL011 serial port as console sink dtuart: output only, polled with a bounded wait. Runs
 * under the console lock. The speed stays as the firmware set it. Manual: ARM DDI 0183, chapter 3.
 */
#include <hv/console.h>
#include <hv/uart.h>
#include <arch/processor.h>

#define REG_DR   0x00
#define REG_FR   0x18
#define REG_LCRH 0x2c
#define REG_CR   0x30
#define REG_IMSC 0x38

#define FR_TX_FULL 0x20
#define LCRH_8BIT  0x60
#define LCRH_FIFO  0x10
#define CR_ON      0x301 /* receiver, transmitter, UART */
#define MAX_WAIT   1000000

static void pl011_puts(const char *s, size_t len);

static struct console_sink sink = { .name = "dtuart", .puts = pl011_puts };
static volatile uint8_t *base;
static bool stuck; /* did not get ready in time; do not wait again until it is */

static volatile uint32_t *reg(unsigned int offset)
{
    return (volatile uint32_t *)(base + offset);
}

static bool wait_for_room(void)
{
    for (unsigned int i = 0; i < (stuck ? 1U : MAX_WAIT); i++) {
        if (!(*reg(REG_FR) & FR_TX_FULL)) {
            stuck = false;
            return true;
        }
        cpu_relax();
    }
    stuck = true;
    return false;
}

static void put_char(char c)
{
    if (wait_for_room())
        *reg(REG_DR) = (uint8_t)c;
}

static void pl011_puts(const char *s, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (s[i] == '\n')
            put_char('\r');
        put_char(s[i]);
    }
}

void pl011_init(volatile void *registers)
{
    base = registers;
    *reg(REG_IMSC) = 0;
    *reg(REG_LCRH) = LCRH_8BIT | LCRH_FIFO;
    *reg(REG_CR) = CR_ON;
    console_register(&sink);
}
