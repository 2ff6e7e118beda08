/* Whether xenstored is still the one that a connection was made to. */
#ifndef LIFELINE_H
#define LIFELINE_H

/*
 * A connection to xenstored's socket on which nothing is ever said: it becomes readable when
 * xenstored ends. The caller closes it. -1 with errno: ENOENT when there is no socket, because the
 * store is in another domain; the kernel's connection to that does not end. libxl's connection for
 * requests begins like it.
 */
int lifeline_open(void);

#endif
