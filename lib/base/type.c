/* SPDX-License-Identifier: MIT */
/* The codes of scalars: their sizes, and one of each as text. */
#include "base/type.h"

#include "base/quote.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

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

uint32_t coopi_code_size(char code)
{
    switch (code) {
#define SIZE(code, type, name)                                                                                         \
    case code: return (uint32_t)sizeof(type);
        CODES(SIZE)
#undef SIZE
    default: return 0;
    }
}

/* As a member has it: on some machines that is less than _Alignof says. */
uint8_t coopi_code_align(char code)
{
    switch (code) {
#define ALIGN(code, type, name)                                                                                        \
    case code:                                                                                                         \
        return (uint8_t)offsetof(                                                                                      \
            struct {                                                                                                   \
                char before;                                                                                           \
                type member;                                                                                           \
            },                                                                                                         \
            member);
        CODES(ALIGN)
#undef ALIGN
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

int coopi_type_format_scalar(char code, const void *p, char *buffer, size_t size)
{
    switch (code) {
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
