/* SPDX-License-Identifier: MIT */
/* UTF-8, strictly: no overlong forms, no surrogates, nothing above U+10FFFF. */
#include "proxy/utf8.h"

#include <string.h>

static size_t length_of(unsigned char first)
{
    if (first < 0x80) return 1;
    if (first < 0xc2) return 0; /* a continuation, or overlong */
    if (first < 0xe0) return 2;
    if (first < 0xf0) return 3;
    return first < 0xf5 ? 4 : 0;
}

size_t coopi_utf8_next(const char *text, size_t size, uint32_t *ret_point)
{
    const unsigned char *p = (const unsigned char *)text;
    size_t length = length_of(p[0]);
    if (length == 0 || length > size) return 0;
    uint32_t point = length == 1 ? p[0] : p[0] & (0x7fu >> length);
    for (size_t i = 1; i < length; i++) {
        if ((p[i] & 0xc0) != 0x80) return 0;
        point = point << 6 | (p[i] & 0x3fu);
    }
    if (length == 3 && (point < 0x800 || (point >= 0xd800 && point < 0xe000))) return 0;
    if (length == 4 && (point < 0x10000 || point > 0x10ffff)) return 0;
    *ret_point = point;
    return length;
}

size_t coopi_utf8_valid(const char *text, size_t size)
{
    size_t at = 0;
    while (at < size) {
        uint64_t eight;
        uint32_t point;
        size_t length = 8;
        if (size - at < 8 || (memcpy(&eight, text + at, 8), eight & 0x8080808080808080))
            length = coopi_utf8_next(text + at, size - at, &point);
        if (length == 0) break;
        at += length;
    }
    return at;
}
