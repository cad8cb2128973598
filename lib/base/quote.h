/* SPDX-License-Identifier: MIT */
/* Foreign text made fit to stand in a sentence. */
#ifndef COOPI_QUOTE_H
#define COOPI_QUOTE_H

#include <stddef.h>

#define COOPI_QUOTED 96 /* room for some 90 plain characters, or 22 escaped ones */

/* TEXT in double quotes: what is not printable ASCII becomes \xNN, quotes and backslashes get a backslash, and what
 * does not fit into BUFFER (at least 10 bytes) is left off, said by three dots after the closing quote. NULL gives
 * "nothing". Returns BUFFER. */
const char *coopi_quote(const char *text, char *buffer, size_t size);

/* One character, as `'x'` or `'\x1b'`. BUFFER has at least 7 bytes. Returns BUFFER. */
const char *coopi_quote_char(char c, char *buffer, size_t size);

#endif
