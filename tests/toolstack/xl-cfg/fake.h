/* How large the host of fake.c is; two CPUs on one node at the start */
#ifndef FAKE_H
#define FAKE_H

extern int fake_cpus, fake_nodes;

#endif
