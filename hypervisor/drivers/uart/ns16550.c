/*
 * The PC's serial ports, 16550A and compatible, as console sinks com1 and com2. Output is polled,
 * with a bounded wait: a port that never gets ready loses text, not time. Input comes by interrupt,
 * or from a timer when there is no line. Output runs under the console lock; input only reads
 * registers that output does not. Manual: National Semiconductor PC16550D, section 8.
 */
#include <hv/cmdline.h>
#include <hv/console.h>
#include <hv/errno.h>
#include <hv/irq.h>
#include <hv/percpu.h>
#include <hv/printk.h>
#include <hv/string.h>
#include <hv/time.h>
#include <hv/timer.h>
#include <hv/uart.h>
#include <arch/processor.h>

#define REG_DATA    0 /* receive and transmit; divisor low when LCR_DLAB */
#define REG_IER     1 /* divisor high when LCR_DLAB */
#define REG_IIR     2 /* read */
#define REG_FCR     2 /* write */
#define REG_LCR     3
#define REG_MCR     4
#define REG_LSR     5
#define REG_MSR     6
#define NR_PORTS_IO 8

#define IER_RECEIVE   0x01
#define IIR_NONE      0x01
#define IIR_FIFO      0xc0
#define FCR_ENABLE    0x07 /* and clear both */
#define LCR_DLAB      0x80
#define MCR_ON        0x0b /* DTR, RTS, and OUT2 which lets the interrupt out */
#define LSR_DATA      0x01
#define LSR_TX_EMPTY  0x20
#define FIFO_SIZE     16
#define DEFAULT_CLOCK 1843200
#define POLL_PERIOD   MILLISECS(20)
/* Reads of LSR until a FIFO of 16 characters must have left at 1,200 baud; a read takes about
 * 1 us. */
#define MAX_WAIT        150000
#define MAX_INPUT_BURST 256 /* characters an interrupt */

struct uart {
    struct console_sink sink;
    uint16_t base, irq; /* irq 0: poll */
    unsigned int baud;  /* 0: keep the divisor that is set */
    unsigned int clock;
    uint8_t lcr;
    bool wanted, present;
    bool stuck; /* did not get ready in time; do not wait again until it is */
    unsigned int fifo_size;
    struct timer poll;
};

static void com1_puts(const char *s, size_t len);
static void com2_puts(const char *s, size_t len);

static struct uart uarts[] = {
    { .sink = { .name = "com1", .puts = com1_puts },
      .base = 0x3f8,
      .irq = 4,
      .lcr = 3,
      .clock = DEFAULT_CLOCK },
    { .sink = { .name = "com2", .puts = com2_puts },
      .base = 0x2f8,
      .irq = 3,
      .lcr = 3,
      .clock = DEFAULT_CLOCK },
};

/* ---- the option ---- */

static bool parse_field(const char **s, uint64_t *number)
{
    const char *end;

    *number = parse_size(*s, &end, 1);
    if (end == *s)
        return false;
    *s = end;
    return true;
}

/* "115200", "115200/1843200", "auto", or nothing */
static int parse_speed(struct uart *u, const char **s)
{
    uint64_t number;

    if (!strncmp(*s, "auto", 4)) {
        *s += 4;
        return 0;
    }
    if (**s == ',' || !**s)
        return 0;
    if (!parse_field(s, &number) || !number || number > 4000000)
        return -EINVAL;
    u->baud = (unsigned int)number;
    if (**s != '/')
        return 0;
    ++*s;
    if (!parse_field(s, &number) || number / 16 < u->baud || number > UINT32_MAX)
        return -EINVAL;
    u->clock = (unsigned int)number;
    return 0;
}

/* "8n1": data bits 5-8, parity n o e m s, stop bits 1 or 2; the line control register is made of
 * them. */
static int parse_framing(struct uart *u, const char **s)
{
    static const struct {
        char name;
        uint8_t bits;
    } parities[] = { { 'n', 0x00 }, { 'o', 0x08 }, { 'e', 0x18 }, { 'm', 0x28 }, { 's', 0x38 } };
    const char *p = *s;

    if (*p == ',' || !*p)
        return 0;
    if (p[0] < '5' || p[0] > '8')
        return -EINVAL;
    for (unsigned int i = 0; i < ARRAY_SIZE(parities); i++) {
        if (parities[i].name != p[1])
            continue;
        if (p[2] != '1' && p[2] != '2')
            return -EINVAL;
        u->lcr = (uint8_t)((p[0] - '5') | (p[2] - '1') << 2 | parities[i].bits);
        *s += 3;
        return 0;
    }
    return -EINVAL;
}

static int parse_resource(const char **s, uint64_t limit, uint16_t *out)
{
    uint64_t number;

    if (**s == ',' || !**s)
        return 0;
    if (!parse_field(s, &number) || number > limit)
        return -EINVAL;
    *out = (uint16_t)number;
    return 0;
}

static bool next_field(const char **s)
{
    if (**s != ',')
        return false;
    ++*s;
    return true;
}

/* <baud>[/<clock>][,<framing>[,<io-base>[,<irq>]]]; fields may be empty */
static int parse_port(struct uart *u, const char *s)
{
    struct uart parsed = *u;
    int rc = parse_speed(&parsed, &s);

    if (!rc && next_field(&s))
        rc = parse_framing(&parsed, &s);
    if (!rc && next_field(&s))
        rc = parse_resource(&s, 0x10000 - NR_PORTS_IO, &parsed.base);
    if (!rc && next_field(&s))
        rc = parse_resource(&s, 15, &parsed.irq);
    if (rc || *s)
        return -EINVAL;
    parsed.wanted = true;
    *u = parsed;
    return 0;
}

static int parse_com1(const char *value)
{
    return parse_port(&uarts[0], value);
}

static int parse_com2(const char *value)
{
    return parse_port(&uarts[1], value);
}

CUSTOM_OPTION("com1", parse_com1,
              "first serial port: <baud>|auto[/<clock>][,<DPS>[,<io-base>[,<irq>]]], "
              "as in 115200,8n1,0x3f8,4; irq 0 polls");
CUSTOM_OPTION("com2", parse_com2, "second serial port, the same (0x2f8, irq 3)");

/* ---- registers ---- */

static uint8_t uart_in(const struct uart *u, unsigned int reg)
{
    return inb((uint16_t)(u->base + reg));
}

static void uart_out(const struct uart *u, unsigned int reg, uint8_t value)
{
    outb((uint16_t)(u->base + reg), value);
}

/* An absent port reads as ones; a present one keeps what is written to the interrupt enables. */
static bool uart_probe(const struct uart *u)
{
    uint8_t off, on;

    uart_out(u, REG_LCR, u->lcr);
    uart_out(u, REG_IER, 0);
    off = uart_in(u, REG_IER) & 0x0f;
    uart_out(u, REG_IER, 0x0f);
    on = uart_in(u, REG_IER) & 0x0f;
    uart_out(u, REG_IER, 0);
    return off == 0 && on == 0x0f;
}

static void uart_set_up(struct uart *u)
{
    if (u->baud) {
        unsigned int divisor = u->clock / 16 / u->baud;

        divisor = divisor ? min(divisor, 0xffffU) : 1;
        uart_out(u, REG_LCR, u->lcr | LCR_DLAB);
        uart_out(u, REG_DATA, (uint8_t)divisor);
        uart_out(u, REG_IER, (uint8_t)(divisor >> 8));
        uart_out(u, REG_LCR, u->lcr);
    }
    uart_out(u, REG_FCR, FCR_ENABLE);
    u->fifo_size = (uart_in(u, REG_IIR) & IIR_FIFO) == IIR_FIFO ? FIFO_SIZE : 1;
    uart_out(u, REG_MCR, MCR_ON);
}

/* ---- output ---- */

/* How many characters may be written now. */
static unsigned int wait_for_room(struct uart *u)
{
    for (unsigned int i = 0; i < (u->stuck ? 1U : MAX_WAIT); i++) {
        if (uart_in(u, REG_LSR) & LSR_TX_EMPTY) {
            u->stuck = false;
            return u->fifo_size;
        }
        cpu_relax();
    }
    u->stuck = true;
    return 0;
}

static void uart_puts(struct uart *u, const char *s, size_t len)
{
    unsigned int room = 0;
    bool returned = false; /* the carriage return before a newline was sent */

    while (len) {
        char c = *s;

        if (!room)
            room = wait_for_room(u);
        if (c == '\n' && !returned) {
            c = '\r';
            returned = true;
        } else {
            returned = false;
            s++;
            len--;
        }
        if (room) {
            uart_out(u, REG_DATA, (uint8_t)c);
            room--;
        }
    }
}

static void com1_puts(const char *s, size_t len)
{
    uart_puts(&uarts[0], s, len);
}

static void com2_puts(const char *s, size_t len)
{
    uart_puts(&uarts[1], s, len);
}

/* ---- input ---- */

static void receive(struct uart *u)
{
    for (unsigned int i = 0; i < MAX_INPUT_BURST && (uart_in(u, REG_LSR) & LSR_DATA); i++)
        console_input((char)uart_in(u, REG_DATA));
}

/* The line is edge-triggered: every reason must be gone for the next edge to come. */
static void uart_interrupt(unsigned int irq, void *arg)
{
    struct uart *u = arg;

    (void)irq;
    for (unsigned int i = 0; i < 8; i++) {
        receive(u);
        uart_in(u, REG_MSR);
        if (uart_in(u, REG_IIR) & IIR_NONE)
            break;
    }
}

static void uart_poll(void *arg)
{
    struct uart *u = arg;

    receive(u);
    timer_set(&u->poll, now() + POLL_PERIOD);
}

void ns16550_start_input(void)
{
    for (unsigned int i = 0; i < ARRAY_SIZE(uarts); i++) {
        struct uart *u = &uarts[i];
        int rc = u->irq ? 0 : -ENODEV;

        if (!u->present)
            continue;
        if (!rc) {
            rc = irq_request_gsi(irq_from_isa(u->irq), uart_interrupt, u, u->sink.name);
            if (rc)
                printk(LOG_WARN, "%s: interrupt %u cannot be used (error %d); polling instead.\n",
                       u->sink.name, u->irq, -rc);
        }
        if (rc) {
            timer_init(&u->poll, uart_poll, u, smp_processor_id());
            timer_set(&u->poll, now() + POLL_PERIOD);
        } else {
            uart_out(u, REG_IER, IER_RECEIVE);
            uart_interrupt(u->irq, u); /* what came before */
        }
    }
}

void ns16550_init(void)
{
    for (unsigned int i = 0; i < ARRAY_SIZE(uarts); i++) {
        struct uart *u = &uarts[i];

        if (u->present || !(u->wanted || console_is_named(u->sink.name)))
            continue;
        if (!uart_probe(u)) {
            printk(LOG_WARN, "%s: there is no serial port at I/O port 0x%x.\n", u->sink.name,
                   u->base);
            continue;
        }
        uart_set_up(u);
        u->present = true;
        console_register(&u->sink);
    }
}

bool ns16550_ports(unsigned int n, uint16_t *first, uint16_t *last)
{
    if (n >= ARRAY_SIZE(uarts) || !uarts[n].present)
        return false;
    *first = uarts[n].base;
    *last = (uint16_t)(uarts[n].base + NR_PORTS_IO - 1);
    return true;
}
