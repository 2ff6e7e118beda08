/* A store in memory, backends that follow the protocol, and a process that can be killed. */
#ifndef DEVICES_FAKE_H
#define DEVICES_FAKE_H

#include "libxl/device/device.h"

extern const char *fake_broken_backend; /* its devices are refused: state 6 */
extern const char *fake_deaf_backend;   /* it never answers */
extern unsigned int fake_lives;         /* after so many writes we are dead: nothing works */
extern bool fake_script_fails;
extern int fake_qemu;                   /* how many run */
extern char fake_scripts[4096];         /* what ran: "block add vbd/1/51712\n" */
extern libxl_domain_config fake_config; /* what is stored with domain 1 */

void fake_reset(void);
bool fake_alive(void); /* takes one of the lives */
void fake_revive(void);
/* All that is in the store, sorted: PATH = "VALUE" (PERMISSIONS) */
char *fake_dump(void);
const char *fake_value(const char *path); /* "" when it is not there */
void fake_set(const char *path, const char *value);
extern libxl_ctx *const fake_ctx;

#endif
