/* Loading Debian's library, and comparing what two libraries made of a configuration. */
#include <dlfcn.h>

#include "xlutil_test.h"

static char *report_text;
static size_t report_length;

/* Debian's library forgets some values when it refuses a text. */
const char *__lsan_default_suppressions(void);
__attribute__((visibility("default"))) const char *__lsan_default_suppressions(void)
{
    return "leak:libxlutil.so\n";
}

void *theirs(const char *name)
{
    static void *library;
    void *f;

    if (!library)
        library = dlopen("/usr/lib/x86_64-linux-gnu/libxlutil.so.4.17", RTLD_NOW | RTLD_LOCAL);
    f = library ? dlsym(library, name) : NULL;
    if (!f)
        fail_msg("%s", dlerror());
    return f;
}

uint64_t dice(uint64_t n)
{
    static uint64_t state = 0x9e3779b97f4a7c15;

    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (state >> 11) % n;
}

XLU_Config *our_report(void)
{
    static XLU_Config *cfg;

    if (!cfg)
        cfg = xlu_cfg_init(open_memstream(&report_text, &report_length), "test.cfg");
    return cfg;
}

const char *reported(void)
{
    FILE *to = our_report()->report;

    fputc('\0', to);
    fflush(to);
    rewind(to);
    return report_text;
}

XLU_Config *their_report(void)
{
    XLU_Config *(*init)(FILE *, const char *) = theirs("xlu_cfg_init");
    static XLU_Config *cfg;

    if (!cfg)
        cfg = init(fopen("/dev/null", "w"), "test.cfg");
    return cfg;
}

static void compare_values(const XLU_ConfigValue *ours, XLU_Config *their_cfg,
                           XLU_ConfigValue *their, const char *text)
{
    int (*get_list)(XLU_Config *, XLU_ConfigValue *, XLU_ConfigList **, int) =
        theirs("xlu_cfg_value_get_list");
    int (*get_string)(XLU_Config *, XLU_ConfigValue *, char **, int) =
        theirs("xlu_cfg_value_get_string");
    XLU_ConfigValue *(*item)(XLU_ConfigList *, int) = theirs("xlu_cfg_get_listitem2");
    XLU_ConfigList *list;
    char *string;

    if (ours->type == XLU_STRING) {
        if (get_string(their_cfg, their, &string, 1) || strcmp(string, ours->string))
            fail_msg("'%s' in: %s", ours->string, text);
        return;
    }
    if (get_list(their_cfg, their, &list, 1))
        fail_msg("a list in: %s", text);
    for (int i = 0; i < ours->list.count; i++) {
        if (!item(list, i))
            fail_msg("element %d in: %s", i, text);
        compare_values(ours->list.values[i], their_cfg, item(list, i), text);
    }
    assert_null(item(list, ours->list.count));
}

static void compare_setting(const XLU_Config *ours, const char *name, XLU_Config *their,
                            const char *text)
{
    int (*get_list)(XLU_Config *, const char *, XLU_ConfigList **, int *, int) =
        theirs("xlu_cfg_get_list");
    int (*get_string)(XLU_Config *, const char *, const char **, int) =
        theirs("xlu_cfg_get_string");
    XLU_ConfigValue *(*item)(XLU_ConfigList *, int) = theirs("xlu_cfg_get_listitem2");
    const struct setting *s = setting_find(ours, name);
    const char *string = NULL;
    XLU_ConfigList *list;
    int count, rc = get_string(their, name, &string, 1);

    if (!s) {
        assert_int_equal(rc, ESRCH);
        return;
    }
    if (s->value->type == XLU_STRING) {
        if (rc || strcmp(s->value->string, string))
            fail_msg("%s in: %s", name, text);
        return;
    }
    assert_int_equal(rc, EINVAL);
    assert_int_equal(get_list(their, name, &list, &count, 1), 0);
    assert_int_equal(count, s->value->list.count);
    for (int i = 0; i < count; i++)
        compare_values(s->value->list.values[i], their, item(list, i), text);
}

void compare_configs(const char *text, size_t length)
{
    XLU_Config *(*their_init)(FILE *, const char *) = theirs("xlu_cfg_init");
    int (*their_read)(XLU_Config *, const char *, int) = theirs("xlu_cfg_readdata");
    void (*their_destroy)(XLU_Config *) = theirs("xlu_cfg_destroy");
    FILE *null = fopen("/dev/null", "w");
    XLU_Config *ours = xlu_cfg_init(NULL, "test.cfg"), *their = their_init(null, "test.cfg");
    int rc = xlu_cfg_readdata(ours, text, (int)length);

    if (their_read(their, text, (int)length) != rc)
        fail_msg("we return %d for: %s", rc, text);
    if (!rc) {
        char name[2] = "a";

        for (const struct setting *s = ours->settings; s; s = s->next)
            compare_setting(ours, s->name, their, text);
        for (; *name <= 'z'; ++*name)
            compare_setting(ours, name, their, text);
    }
    xlu_cfg_destroy(ours);
    their_destroy(their);
    fclose(null);
}
