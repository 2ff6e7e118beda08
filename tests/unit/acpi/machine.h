/* A machine with 2 MiB of memory from 0 that holds ACPI tables, and ports that remember. */
#ifndef TEST_MACHINE_H
#define TEST_MACHINE_H

#include <stddef.h>
#include <stdint.h>

#define MEMORY_SIZE (2UL << 20)

extern uint8_t memory[MEMORY_SIZE];

struct port_write {
    uint16_t port, value;
};
extern struct port_write port_writes[64];
extern unsigned int nr_port_writes;
extern unsigned int nr_mappings; /* not unmapped yet */
extern unsigned int nr_messages;

void machine_reset(void);

/* Make the checksum of [table, table + len) come out by changing the byte at `at`. */
void fix_checksum(uint8_t *table, size_t len, size_t at);
/* Put a table at `address`: header with this signature, then the body; returns its length. */
size_t put_table(uint64_t address, const char *signature, uint8_t revision, const void *body,
                 size_t body_len);
/* The root pointer at `address`, for an XSDT (revision 2) or RSDT. */
void put_rsdp(uint64_t address, uint8_t revision, uint64_t root);

#endif
