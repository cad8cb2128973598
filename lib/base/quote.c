/* SPDX-License-Identifier: MIT */
/* Foreign text made fit to stand in a sentence. */
#include "base/quote.h"

#include <stdio.h>
#include <string.h>

#define ESCAPED 5 /* "\xNN" and NUL */

/* Length of what C becomes between quotes of the kind QUOTE. */
static size_t escape(char c, char quote, char out[ESCAPED])
{
    unsigned char byte = (unsigned char)c;
    if (byte < 0x20 || byte >= 0x7f) return (size_t)snprintf(out, ESCAPED, "\\x%02x", byte);
    if (c == quote || c == '\\') return (size_t)snprintf(out, ESCAPED, "\\%c", c);
    return (size_t)snprintf(out, ESCAPED, "%c", c);
}

const char *coopi_quote(const char *text, char *buffer, size_t size)
{
    if (!text) {
        snprintf(buffer, size, "nothing");
        return buffer;
    }
    size_t used = 0;
    buffer[used++] = '"';
    const char *tail = "\"";
    for (; *text; text++) {
        char out[ESCAPED];
        size_t length = escape(*text, '"', out);
        size_t rest = text[1] ? strlen("\"...") : strlen("\"");
        if (used + length + rest >= size) {
            tail = "\"...";
            break;
        }
        memcpy(buffer + used, out, length);
        used += length;
    }
    snprintf(buffer + used, size - used, "%s", tail);
    return buffer;
}

const char *coopi_quote_char(char c, char *buffer, size_t size)
{
    char out[ESCAPED];
    escape(c, '\'', out);
    snprintf(buffer, size, "'%s'", out);
    return buffer;
}
