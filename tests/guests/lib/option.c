/*
 * Options from the guest's command line: space separated name=value words.
 */
#include "guest.h"

static unsigned long parse_number(const char *text)
{
    unsigned long value = 0, base = 10;

    if (text[0] == '0' && text[1] == 'x') {
        base = 16;
        text += 2;
    }
    for (;; text++) {
        unsigned int digit;

        if (*text >= '0' && *text <= '9')
            digit = (unsigned int)(*text - '0');
        else if (base == 16 && *text >= 'a' && *text <= 'f')
            digit = (unsigned int)(*text - 'a') + 10;
        else
            return value;
        value = value * base + digit;
    }
}

unsigned long option(const char *name, unsigned long otherwise)
{
    size_t length = strlen(name);
    bool at_word = true;

    for (const char *p = guest_command_line(); *p; p++) {
        if (at_word && !strncmp(p, name, length) && p[length] == '=')
            return parse_number(p + length + 1);
        at_word = *p == ' ';
    }
    return otherwise;
}
