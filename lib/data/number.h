/* SPDX-License-Identifier: MIT */
/* The bits of a scalar as a number, and back, with the checks of ranges: for scalar.c, which knows each code's kind
 * when it is compiled, so that of each function here only the part for that kind remains. */
#ifndef COOPI_NUMBER_H
#define COOPI_NUMBER_H

#include <limits.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/types.h>

#define FOLDED static inline __attribute__((always_inline))

enum family { BOOL, CHAR, SIGNED, UNSIGNED, FLOAT };

/* code, family, C type */
#define SCALARS(X)                                                                                                     \
    X('?', BOOL, uint8_t)                                                                                              \
    X('c', CHAR, char)                                                                                                 \
    X('b', SIGNED, int8_t)                                                                                             \
    X('B', UNSIGNED, uint8_t)                                                                                          \
    X('h', SIGNED, short)                                                                                              \
    X('H', UNSIGNED, unsigned short)                                                                                   \
    X('i', SIGNED, int)                                                                                                \
    X('I', UNSIGNED, unsigned int)                                                                                     \
    X('l', SIGNED, long)                                                                                               \
    X('L', UNSIGNED, unsigned long)                                                                                    \
    X('q', SIGNED, long long)                                                                                          \
    X('Q', UNSIGNED, unsigned long long)                                                                               \
    X('n', SIGNED, ssize_t)                                                                                            \
    X('N', UNSIGNED, size_t)                                                                                           \
    X('f', FLOAT, float)                                                                                               \
    X('d', FLOAT, double)

/* What a code is. */
struct kind {
    enum family family;
    uint32_t size;
};

FOLDED int64_t sign_extend(uint64_t bits, uint32_t size)
{
    uint32_t unused = 64 - 8 * size;
    return (int64_t)(bits << unused) >> unused;
}

FOLDED double bits_to_double(uint64_t bits, uint32_t size)
{
    if (size == sizeof(float)) {
        uint32_t low = (uint32_t)bits;
        float number;
        memcpy(&number, &low, sizeof number);
        return (double)number;
    }
    double number;
    memcpy(&number, &bits, sizeof number);
    return number;
}

/* False: finite, and too large for a float. */
FOLDED bool double_to_bits(double number, uint32_t size, uint64_t *bits)
{
    if (size == sizeof(float)) {
        float narrow = (float)number;
        if (isinf(narrow) && !isinf(number)) return false;
        uint32_t low;
        memcpy(&low, &narrow, sizeof low);
        *bits = low;
    } else {
        memcpy(bits, &number, sizeof number);
    }
    return true;
}

/* False: out of range, a fraction, or not a number. The bounds are powers of two, which a double holds exactly. */
static bool double_to_i64(double number, int64_t *ret)
{
    if (!(number >= -0x1p63 && number < 0x1p63)) return false;
    int64_t whole = (int64_t)number;
    if ((double)whole != number) return false;
    *ret = whole;
    return true;
}

static bool double_to_u64(double number, uint64_t *ret)
{
    if (!(number >= 0 && number < 0x1p64)) return false;
    uint64_t whole = (uint64_t)number;
    if ((double)whole != number) return false;
    *ret = whole;
    return true;
}

/* Numbers of a signed family as int64_t, of the others but FLOAT as uint64_t. CHAR is signed where char is. */
#define CHAR_IS_SIGNED (CHAR_MIN < 0)

FOLDED bool is_signed(struct kind kind)
{
    return kind.family == SIGNED || (kind.family == CHAR && CHAR_IS_SIGNED);
}

FOLDED uint64_t as_unsigned(struct kind kind, uint64_t bits)
{
    return kind.family == BOOL ? bits != 0 : bits; /* a peer may have stored any byte */
}

FOLDED bool decode_i64(struct kind kind, uint64_t bits, int64_t *ret)
{
    if (kind.family == FLOAT) return double_to_i64(bits_to_double(bits, kind.size), ret);
    if (is_signed(kind)) {
        *ret = sign_extend(bits, kind.size);
        return true;
    }
    uint64_t number = as_unsigned(kind, bits);
    if (number > INT64_MAX) return false;
    *ret = (int64_t)number;
    return true;
}

FOLDED bool decode_u64(struct kind kind, uint64_t bits, uint64_t *ret)
{
    if (kind.family == FLOAT) return double_to_u64(bits_to_double(bits, kind.size), ret);
    if (!is_signed(kind)) {
        *ret = as_unsigned(kind, bits);
        return true;
    }
    int64_t number = sign_extend(bits, kind.size);
    if (number < 0) return false;
    *ret = (uint64_t)number;
    return true;
}

/* Always possible; integers beyond 2^53 are rounded, as in Python and C. */
FOLDED double decode_f64(struct kind kind, uint64_t bits)
{
    if (kind.family == FLOAT) return bits_to_double(bits, kind.size);
    if (is_signed(kind)) return (double)sign_extend(bits, kind.size);
    return (double)as_unsigned(kind, bits);
}

FOLDED uint64_t highest(struct kind kind)
{
    if (kind.family == BOOL) return 1;
    if (kind.family == SIGNED) return (UINT64_C(1) << (8 * kind.size - 1)) - 1;
    return UINT64_MAX >> (64 - 8 * kind.size); /* CHAR too: a char may be written as 200 */
}

FOLDED int64_t lowest(struct kind kind)
{
    if (kind.family == SIGNED || kind.family == CHAR) return -(int64_t)((UINT64_C(1) << (8 * kind.size - 1)) - 1) - 1;
    return 0;
}

FOLDED bool encode_u64(struct kind kind, uint64_t number, uint64_t *ret_bits)
{
    if (kind.family == FLOAT) return double_to_bits((double)number, kind.size, ret_bits);
    if (number > highest(kind)) return false;
    *ret_bits = number;
    return true;
}

FOLDED bool encode_i64(struct kind kind, int64_t number, uint64_t *ret_bits)
{
    if (kind.family == FLOAT) return double_to_bits((double)number, kind.size, ret_bits);
    if (number < 0) {
        if (number < lowest(kind)) return false;
        *ret_bits = (uint64_t)number & (UINT64_MAX >> (64 - 8 * kind.size));
        return true;
    }
    return encode_u64(kind, (uint64_t)number, ret_bits);
}

FOLDED bool encode_f64(struct kind kind, double number, uint64_t *ret_bits)
{
    if (kind.family == FLOAT) return double_to_bits(number, kind.size, ret_bits);
    int64_t low;
    uint64_t high;
    if (double_to_i64(number, &low)) return encode_i64(kind, low, ret_bits);
    return double_to_u64(number, &high) && encode_u64(kind, high, ret_bits);
}

#endif
