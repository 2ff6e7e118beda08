/*
 * Flask, the policy module of the hypervisor: getenforce, setenforce, loadpolicy.
 */
#include <errno.h>
#include "commands.h"
#include "xl.h"

int run_getenforce(const struct args *args)
{
    int mode = libxl_flask_getenforce(xl.ctx);

    (void)args;
    if (mode < 0) {
        if (errno == ENOSYS)
            printf("Flask XSM Disabled\n");
        else
            error("Failed to get enforcing mode");
        return 255;
    }
    printf("%s\n", mode ? "Enforcing" : "Permissive");
    return EXIT_SUCCESS;
}

int run_setenforce(const struct args *args)
{
    const char *word = args->words[0];
    int mode, rc;

    if (!strcmp(word, "0") || !strcasecmp(word, "permissive")) {
        mode = 0;
    } else if (!strcmp(word, "1") || !strcasecmp(word, "enforcing")) {
        mode = 1;
    } else {
        error("'%s' is no mode of Flask\n", word);
        usage_print(stderr, args->command);
        return 2;
    }
    rc = libxl_flask_setenforce(xl.ctx, mode);
    if (!rc)
        return EXIT_SUCCESS;
    if (errno == ENOSYS)
        error("Flask XSM disabled");
    else
        error("error occurred while setting enforcing mode (%i)", rc);
    return EXIT_FAILURE;
}

int run_loadpolicy(const struct args *args)
{
    const char *path = args->words[0];
    size_t length;
    char *policy = file_read(path, &length);
    int rc;

    if (!policy)
        fatal("Error occurred opening policy file '%s': %s", path, strerror(errno));
    if (length > UINT32_MAX)
        fatal("Unable to load new Flask policy: %s is too large", path);
    rc = libxl_flask_loadpolicy(xl.ctx, policy, (uint32_t)length);
    if (rc)
        fatal(errno == ENOSYS ? "Flask XSM disabled" : "Unable to load new Flask policy: %m");
    printf("Successfully loaded policy.\n");
    free(policy);
    return EXIT_SUCCESS;
}
