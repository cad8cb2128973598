/* SPDX-License-Identifier: MIT */
/* UTF-8, strictly: no overlong forms, no surrogates, nothing above U+10FFFF. */
#ifndef COOPI_UTF8_H
#define COOPI_UTF8_H

#include <stddef.h>
#include <stdint.h>

/* The length of the character that begins at TEXT (SIZE > 0 bytes are left) and its code point; 0 if there is none. */
size_t coopi_utf8_next(const char *text, size_t size, uint32_t *ret_point);

/* How many bytes from the beginning are whole characters: SIZE if all is well. */
size_t coopi_utf8_valid(const char *text, size_t size);

#endif
