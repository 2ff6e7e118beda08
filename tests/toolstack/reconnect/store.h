/*
 * A small xenstored for these tests, behind the real libxenstore: a process that can be killed, and
 * that others follow. It has one node, which all of them share.
 */
#ifndef TEST_STORE_H
#define TEST_STORE_H

/* Before there are threads: as many as will ever be needed */
void stores_prepare(void);
/* The next xenstored, after @ms milliseconds; it is there at once, or is waited for */
void store_start(int ms);
void store_kill(void);
/* The node, without a client; "" is none */
void node_set(const char *value);
const char *node_get(void);

#endif
