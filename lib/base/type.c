/* SPDX-License-Identifier: MIT */
/* Types as format strings, in the notation of Python's struct module and PEP 3118. */
#include "base/type.h"

#include "base/error.h"
#include "base/quote.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#define EXPECTED "expected one of ? c b B h H i I l L q Q n N f d, or a number and one of them, or Ns"

/* code, its C type, what a C programmer calls it */
#define CODES(X)                                                                                                       \
    X('?', uint8_t, "bool")                                                                                            \
    X('c', char, "char")                                                                                               \
    X('b', int8_t, "int8_t")                                                                                           \
    X('B', uint8_t, "uint8_t")                                                                                         \
    X('h', short, "short")                                                                                             \
    X('H', unsigned short, "unsigned short")                                                                           \
    X('i', int, "int")                                                                                                 \
    X('I', unsigned int, "unsigned int")                                                                               \
    X('l', long, "long")                                                                                               \
    X('L', unsigned long, "unsigned long")                                                                             \
    X('q', long long, "long long")                                                                                     \
    X('Q', unsigned long long, "unsigned long long")                                                                   \
    X('n', ssize_t, "ssize_t")                                                                                         \
    X('N', size_t, "size_t")                                                                                           \
    X('f', float, "float")                                                                                             \
    X('d', double, "double")                                                                                           \
    X('s', char, "bytes")

/* Bytes of one scalar of CODE; 0: no such code. */
static uint32_t code_size(char code)
{
    switch (code) {
#define SIZE(code, type, name)                                                                                         \
    case code: return (uint32_t)sizeof(type);
        CODES(SIZE)
#undef SIZE
    default: return 0;
    }
}

const char *coopi_type_name(char code)
{
    switch (code) {
#define NAME(code, type, name)                                                                                         \
    case code: return name;
        CODES(NAME)
#undef NAME
    default: return "unknown";
    }
}

static bool is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* The sentence about the character at AT, and what is wrong with it. */
static int refuse(const char *who, const char *format, const char *at, const char *why)
{
    char quoted[COOPI_QUOTED];
    char character[8];
    coopi_quote(format, quoted, sizeof quoted);
    if (!*at) return coopi_fail(EINVAL, "%s: type %s ends at column %td: %s", who, quoted, at - format + 1, why);
    coopi_quote_char(*at, character, sizeof character);
    return coopi_fail(EINVAL, "%s: type %s, column %td, %s: %s", who, quoted, at - format + 1, character, why);
}

static const char *why_not(char c)
{
    if (!c) return EXPECTED;
    if (strchr("<>=!", c)) return "only this machine's order and sizes are known; leave it out, or write '@'";
    if (c == 'T') return "records are not known yet; " EXPECTED;
    if (strchr("xpPeg&(", c)) return "not a type that can be shared here; " EXPECTED;
    return EXPECTED;
}

/* Reads digits from *AT on into *COUNT, which stays above COOPI_TYPE_SIZE_MAX once it was. */
static void read_count(const char **at, uint64_t *count)
{
    *count = 0;
    for (; **at >= '0' && **at <= '9'; (*at)++)
        if (*count <= COOPI_TYPE_SIZE_MAX) *count = *count * 10 + (uint64_t)(**at - '0');
}

int coopi_type_parse(const char *format, const char *who, struct coopi_type *ret_type)
{
    if (!format) return coopi_fail(EINVAL, "%s: no type given; " EXPECTED, who);
    const char *at = format;
    while (is_blank(*at)) at++;
    if (*at == '@') at++;
    while (is_blank(*at)) at++;
    const char *digits = at;
    uint64_t count = 1;
    if (*at >= '0' && *at <= '9') read_count(&at, &count);
    if (count == 0) return refuse(who, format, digits, "a count of 0 has no items; it is 1 or more");
    const char *where = at;
    char code = *at;
    uint32_t item_size = code ? code_size(code) : 0;
    if (item_size == 0) return refuse(who, format, at, why_not(code));
    if (count > COOPI_TYPE_SIZE_MAX / item_size) return refuse(who, format, digits, "larger than 1 GiB; make an array");
    for (at++; is_blank(*at);) at++;
    if (*at) return refuse(who, format, at, "more than one item; records are not known yet, an array has a length");

    struct coopi_type type = {.code = *where, .item_size = item_size, .count = (uint32_t)count};
    type.size = item_size * type.count;
    if (count == 1 && code != 's')
        snprintf(type.text, sizeof type.text, "%c", code);
    else
        snprintf(type.text, sizeof type.text, "%" PRIu32 "%c", type.count, code);
    *ret_type = type;
    return 0;
}

/* A double as Python's repr: the shortest digits that read back the same, and always a mark of being a float. */
static int format_double(double number, char *buffer, size_t size)
{
    if (isnan(number)) return snprintf(buffer, size, "nan");
    if (isinf(number)) return snprintf(buffer, size, number < 0 ? "-inf" : "inf");
    double magnitude = fabs(number);
    char text[40];
    if (magnitude != 0 && (magnitude >= 1e16 || magnitude < 1e-4)) {
        for (int digits = 0; digits <= 16; digits++) {
            snprintf(text, sizeof text, "%.*e", digits, number);
            if (strtod(text, NULL) == number) break;
        }
        return snprintf(buffer, size, "%s", text);
    }
    for (int digits = 1; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, number);
        if (strtod(text, NULL) == number) break;
    }
    if (strchr(text, 'e')) snprintf(text, sizeof text, "%.0f", number); /* 1e+15 and the like: all digits count */
    return snprintf(buffer, size, "%s%s", text, strpbrk(text, ".") ? "" : ".0");
}

static int format_char(char c, char *buffer, size_t size)
{
    char quoted[8];
    return snprintf(buffer, size, "b%s", coopi_quote_char(c, quoted, sizeof quoted));
}

/* P need not be aligned, and is read once. */
#define READ(type, p)                                                                                                  \
    __extension__({                                                                                                    \
        type read_;                                                                                                    \
        memcpy(&read_, (p), sizeof read_);                                                                             \
        read_;                                                                                                         \
    })

int coopi_type_format_scalar(const struct coopi_type *type, const void *p, char *buffer, size_t size)
{
    switch (type->code) {
    case '?': return snprintf(buffer, size, "%s", READ(uint8_t, p) ? "True" : "False");
    case 's':
    case 'c': return format_char(READ(char, p), buffer, size);
    case 'b': return snprintf(buffer, size, "%d", READ(int8_t, p));
    case 'B': return snprintf(buffer, size, "%u", READ(uint8_t, p));
    case 'h': return snprintf(buffer, size, "%d", READ(short, p));
    case 'H': return snprintf(buffer, size, "%u", READ(unsigned short, p));
    case 'i': return snprintf(buffer, size, "%d", READ(int, p));
    case 'I': return snprintf(buffer, size, "%u", READ(unsigned int, p));
    case 'l': return snprintf(buffer, size, "%ld", READ(long, p));
    case 'L': return snprintf(buffer, size, "%lu", READ(unsigned long, p));
    case 'q': return snprintf(buffer, size, "%lld", READ(long long, p));
    case 'Q': return snprintf(buffer, size, "%llu", READ(unsigned long long, p));
    case 'n': return snprintf(buffer, size, "%zd", READ(ssize_t, p));
    case 'N': return snprintf(buffer, size, "%zu", READ(size_t, p));
    case 'f': return format_double((double)READ(float, p), buffer, size);
    case 'd': return format_double(READ(double, p), buffer, size);
    default: return snprintf(buffer, size, "?");
    }
}
