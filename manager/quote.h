/* SPDX-License-Identifier: MIT */
/* Text out of a message, which has no NUL behind it, made fit to stand in a sentence. */
#ifndef MANAGER_QUOTE_H
#define MANAGER_QUOTE_H

#include "base/quote.h"

#include <string.h>

static inline const char *quote_text(const char *text, size_t size, char buffer[COOPI_QUOTED])
{
    char copy[COOPI_QUOTED] = "";
    memcpy(copy, text, size < sizeof copy ? size : sizeof copy - 1);
    return coopi_quote(copy, buffer, COOPI_QUOTED);
}

#endif
