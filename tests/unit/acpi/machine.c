/* The machine of machine.h. Each mapping is its own allocation of exactly the size asked for, so
 * that the address sanitizer sees every byte read beyond it. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hv/arch.h>
#include <hv/boot.h>
#include <hv/pci.h>
#include <hv/printk.h>
#include <hv/time.h>
#include "machine.h"

uint8_t memory[MEMORY_SIZE];
struct port_write port_writes[64];
unsigned int nr_port_writes, nr_mappings, nr_messages;
struct boot_info boot_info;

void machine_reset(void)
{
    memset(memory, 0, sizeof(memory));
    memset(&boot_info, 0, sizeof(boot_info));
    nr_port_writes = nr_messages = 0;
}

void *arch_map_phys(paddr_t start, size_t size, enum map_type type)
{
    uint8_t *p = malloc(size);

    (void)type;
    for (size_t i = 0; i < size; i++)
        p[i] = start.v + i < MEMORY_SIZE ? memory[start.v + i] : 0xff;
    nr_mappings++;
    return p;
}

void arch_unmap(void *va, size_t size)
{
    (void)size;
    nr_mappings--;
    free(va);
}

void printk(enum log_level level, const char *fmt, ...)
{
    char line[256];
    va_list args;

    va_start(args, fmt);
    vsnprintf(line, sizeof(line), fmt, args);
    va_end(args);
    nr_messages += level < LOG_INFO;
}

void delay_us(unsigned int us)
{
    (void)us;
}

static void remember(uint16_t port, uint16_t value)
{
    if (nr_port_writes < 64)
        port_writes[nr_port_writes++] = (struct port_write){ port, value };
}

void outb(uint16_t port, uint8_t value)
{
    remember(port, value);
}

void outw(uint16_t port, uint16_t value)
{
    remember(port, value);
}

void pci_write(pci_sbdf_t dev, unsigned int reg, unsigned int size, uint32_t value)
{
    (void)size;
    remember((uint16_t)(dev.devfn << 8 | reg), (uint16_t)value);
}

void fix_checksum(uint8_t *table, size_t len, size_t at)
{
    uint8_t sum = 0;

    table[at] = 0;
    for (size_t i = 0; i < len; i++)
        sum = (uint8_t)(sum + table[i]);
    table[at] = (uint8_t)-sum;
}

size_t put_table(uint64_t address, const char *signature, uint8_t revision, const void *body,
                 size_t body_len)
{
    uint32_t len = (uint32_t)(36 + body_len);
    uint8_t *t = memory + address;

    memcpy(t, signature, 4);
    memcpy(t + 4, &len, 4);
    t[8] = revision;
    memcpy(t + 10, "HOSPESTESTTABLE", 14);
    if (body_len)
        memcpy(t + 36, body, body_len);
    fix_checksum(t, len, 9);
    return len;
}

void put_rsdp(uint64_t address, uint8_t revision, uint64_t root)
{
    uint8_t *p = memory + address;
    uint32_t root32 = (uint32_t)root, len = 36;

    memcpy(p, "RSD PTR ", 8);
    memcpy(p + 9, "HOSPES", 6);
    p[15] = revision;
    if (revision < 2) {
        memcpy(p + 16, &root32, 4);
        fix_checksum(p, 20, 8);
        return;
    }
    memcpy(p + 20, &len, 4);
    memcpy(p + 24, &root, 8);
    fix_checksum(p, 20, 8);
    fix_checksum(p, 36, 32);
}
