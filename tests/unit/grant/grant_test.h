/*
 * What the files of this test share: dom0, which uses grants, dom1, whose table is `table1`, and
 * dom2. Every mapping of every domain is in a list that stands for the page tables.
 */
#ifndef GRANT_TEST_H
#define GRANT_TEST_H

#include "../harness/world.h"

extern struct domain *dom0, *dom1, *dom2;
extern struct grant_entry_v1 *table1; /* dom1's */
extern unsigned int nr_mappings;
extern int map_fails;        /* what arch_grant_map() shall answer */
extern void (*on_map)(void); /* called while it maps */
extern uint64_t last_new_addr;
extern int pass_fails;                 /* what domain_pass_frame() shall answer */
extern uint64_t gfn_set[WORLD_FRAMES]; /* by domain_set_gfn() */

int setup(void **state);
int teardown(void **state);
#define T(name) cmocka_unit_test_setup_teardown(test_##name, setup, teardown)

/* The hypercall, with its continuations. */
long op(unsigned int cmd, void *args, unsigned int count);
/* Each mapping has its own place. */
uint64_t fresh_address(void);
struct gnttab_map_grant_ref map(domid_t dom, grant_ref_t ref, unsigned int flags);
int unmap(grant_handle_t handle, uint64_t host_addr, uint64_t bus_addr);
int setup_table(domid_t dom, unsigned int frames, xen_pfn_t *list);
void give(grant_ref_t ref, domid_t to, mfn_t m, unsigned int flags);

/* The groups of tests: grant.c, v2.c, transfer.c, model.c. */
extern const struct CMUnitTest tests_v1[], tests_v2[], tests_transfer[], tests_model[];
extern const size_t nr_tests_v1, nr_tests_v2, nr_tests_transfer, nr_tests_model;

#endif
