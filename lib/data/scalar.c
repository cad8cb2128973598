/* SPDX-License-Identifier: MIT */
/* One number at an address in shared memory: read, written and changed by atomic accesses, by its type code.
 *
 * Each operation is written once, for a code that is known when it is compiled, in terms of five steps: load and cas
 * move raw bits of the code's size, and decode and encode turn bits into numbers and back, with the checks of ranges. A
 * switch over all codes makes one specialised copy for each, so that a call is one jump and a few instructions.
 *
 * Why add is a compare-and-swap and not a fetch_add: an addition that leaves the range must change nothing, and not
 * even for a moment, because we may be killed in that moment, and because others would add to the wrapped number and be
 * told that all is well. Looking first, and adding blindly when the bound is far, proves nothing: between the look and
 * the add we may be stopped for as long as somebody needs to set the number to the bound. Nor is the look free: two
 * processes that look and then add run at 0.6 of a bare fetch_add's rate, since each addition moves the cache line
 * twice. What made compare-and-swap slow is the same second move. So a loser stays away from the line for a moment (see
 * stand_back), the winner meanwhile runs at its cache's speed, and two contending processes together do more than with
 * fetch_add. */
#include "data/scalar.h"

#include "base/atomic.h"
#include "data/number.h"

/* Returns OPERATION for the constant kind of CODE. */
#define KIND_CASE(code, family, type)                                                                                  \
    case code:                                                                                                         \
        return OPERATION(((struct kind){family, sizeof(type)}));
#define DISPATCH(code)                                                                                                 \
    switch (code) {                                                                                                    \
        SCALARS(KIND_CASE)                                                                                             \
    default: return COOPI_NOT_A_NUMBER;                                                                                \
    }

/* Bits */

FOLDED uint64_t load(const void *p, uint32_t size)
{
    switch (size) {
    case 1: return coopi_load_acquire((const uint8_t *)p);
    case 2: return coopi_load_acquire((const uint16_t *)p);
    case 4: return coopi_load_acquire((const uint32_t *)p);
    default: return coopi_load_acquire((const uint64_t *)p);
    }
}

FOLDED void store(void *p, uint32_t size, uint64_t bits)
{
    switch (size) {
    case 1: coopi_store_release((uint8_t *)p, (uint8_t)bits); break;
    case 2: coopi_store_release((uint16_t *)p, (uint16_t)bits); break;
    case 4: coopi_store_release((uint32_t *)p, (uint32_t)bits); break;
    default: coopi_store_release((uint64_t *)p, bits); break;
    }
}

#define CAS(type)                                                                                                      \
    {                                                                                                                  \
        type found = (type)*bits;                                                                                      \
        bool done = coopi_cas_both((type *)p, &found, (type)wanted);                                                   \
        *bits = found;                                                                                                 \
        return done;                                                                                                   \
    }

/* On failure *BITS is what is there. */
FOLDED bool cas(void *p, uint32_t size, uint64_t *bits, uint64_t wanted)
{
    switch (size) {
    case 1: CAS(uint8_t)
    case 2: CAS(uint16_t)
    case 4: CAS(uint32_t)
    default: CAS(uint64_t)
    }
}

static inline void pause_cpu(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ __volatile__("yield");
#else
    coopi_compiler_barrier();
#endif
}

#define FIRST_SPINS 64
#define MOST_SPINS 256 /* a few microseconds */

void coopi_scalar_stand_back(void)
{
    for (uint32_t i = 0; i < FIRST_SPINS; i++) pause_cpu();
}

/* After a lost race: leaves the line to the winner for a moment, twice as long after each loss in a row; then looks
 * again. */
static __attribute__((noinline)) uint64_t stand_back(const void *p, uint32_t size, uint32_t *spins)
{
    for (uint32_t i = 0; i < *spins; i++) pause_cpu();
    if (*spins < MOST_SPINS) *spins *= 2;
    return load(p, size);
}

/* Get and set */

#define GET(suffix, type)                                                                                              \
    int coopi_scalar_get_##suffix(char code, const void *p, type *ret_number)                                          \
    {                                                                                                                  \
        DISPATCH(code)                                                                                                 \
    }
#define OPERATION(kind) decode_i64((kind), load(p, (kind).size), ret_number) ? 0 : COOPI_HELD_RANGE
GET(i64, int64_t)
#undef OPERATION
#define OPERATION(kind) decode_u64((kind), load(p, (kind).size), ret_number) ? 0 : COOPI_HELD_RANGE
GET(u64, uint64_t)
#undef OPERATION
#define OPERATION(kind) (*ret_number = decode_f64((kind), load(p, (kind).size)), 0)
GET(f64, double)
#undef OPERATION

#define SET(suffix, type)                                                                                              \
    int coopi_scalar_set_##suffix(char code, void *p, type number)                                                     \
    {                                                                                                                  \
        uint64_t bits;                                                                                                 \
        DISPATCH(code)                                                                                                 \
    }
#define STORE(kind, encoded) (encoded) ? (store(p, (kind).size, bits), 0) : COOPI_GIVEN_RANGE
#define OPERATION(kind) STORE(kind, encode_i64((kind), number, &bits))
SET(i64, int64_t)
#undef OPERATION
#define OPERATION(kind) STORE(kind, encode_u64((kind), number, &bits))
SET(u64, uint64_t)
#undef OPERATION
#define OPERATION(kind) STORE(kind, encode_f64((kind), number, &bits))
SET(f64, double)
#undef OPERATION

/* Add */

FOLDED bool sum_f64(struct kind kind, uint64_t bits, double delta, uint64_t *ret_bits)
{
    double number = bits_to_double(bits, kind.size);
    double sum = number + delta;
    if (isinf(sum) && !isinf(number) && !isinf(delta)) return false;
    return double_to_bits(sum, kind.size, ret_bits);
}

FOLDED bool sum_i64(struct kind kind, uint64_t bits, int64_t delta, uint64_t *ret_bits)
{
    if (kind.family == FLOAT) return sum_f64(kind, bits, (double)delta, ret_bits);
    if (kind.family == SIGNED) {
        int64_t sum;
        return !__builtin_add_overflow(sign_extend(bits, kind.size), delta, &sum) && encode_i64(kind, sum, ret_bits);
    }
    uint64_t sum;
    return !__builtin_add_overflow(bits, delta, &sum) && encode_u64(kind, sum, ret_bits);
}

FOLDED int add_i64(struct kind kind, void *p, int64_t delta, int64_t *ret_new)
{
    if (kind.family == BOOL || kind.family == CHAR) return COOPI_NO_SUM;
    uint32_t spins = FIRST_SPINS;
    uint64_t bits = load(p, kind.size);
    uint64_t wanted;
    int64_t sum = 0;
    for (;;) {
        if (!sum_i64(kind, bits, delta, &wanted)) return COOPI_SUM_RANGE;
        if (ret_new && !decode_i64(kind, wanted, &sum)) return COOPI_SUM_RANGE;
        if (cas(p, kind.size, &bits, wanted)) break;
        bits = stand_back(p, kind.size, &spins);
    }
    if (ret_new) *ret_new = sum;
    return 0;
}

int coopi_scalar_add_i64(char code, void *p, int64_t delta, int64_t *ret_new){
#define OPERATION(kind) add_i64((kind), p, delta, ret_new)
    DISPATCH(code)
#undef OPERATION
}

FOLDED int add_float(struct kind kind, void *p, double delta, double *ret_new)
{
    uint32_t spins = FIRST_SPINS;
    uint64_t bits = load(p, kind.size);
    uint64_t wanted;
    for (;;) {
        if (!sum_f64(kind, bits, delta, &wanted)) return COOPI_SUM_RANGE;
        if (cas(p, kind.size, &bits, wanted)) break;
        bits = stand_back(p, kind.size, &spins);
    }
    if (ret_new) *ret_new = bits_to_double(wanted, kind.size);
    return 0;
}

int coopi_scalar_add_f64(char code, void *p, double delta, double *ret_new)
{
    if (code == 'd') return add_float((struct kind){FLOAT, sizeof(double)}, p, delta, ret_new);
    if (code == 'f') return add_float((struct kind){FLOAT, sizeof(float)}, p, delta, ret_new);
    int64_t whole;
    int64_t sum;
    if (!double_to_i64(delta, &whole)) return COOPI_GIVEN_RANGE;
    int result = coopi_scalar_add_i64(code, p, whole, ret_new ? &sum : NULL);
    if (result == 0 && ret_new) *ret_new = (double)sum;
    return result;
}

/* Exchange. From here on the kind is looked up as the program runs: these are called less often. */

static bool kind_of(char code, struct kind *ret_kind)
{
    switch (code) {
#define KIND(code, family, type)                                                                                       \
    case code: *ret_kind = (struct kind){family, sizeof(type)}; return true;
        SCALARS(KIND)
#undef KIND
    default: return false;
    }
}

static int exchange_i64(struct kind kind, void *p, int64_t number, int64_t *ret_old)
{
    uint32_t spins = FIRST_SPINS;
    uint64_t wanted;
    if (!encode_i64(kind, number, &wanted)) return COOPI_GIVEN_RANGE;
    uint64_t bits = load(p, kind.size);
    int64_t old = 0;
    for (;;) {
        if (ret_old && !decode_i64(kind, bits, &old)) return COOPI_HELD_RANGE;
        if (cas(p, kind.size, &bits, wanted)) break;
        bits = stand_back(p, kind.size, &spins);
    }
    if (ret_old) *ret_old = old;
    return 0;
}

int coopi_scalar_exchange_i64(char code, void *p, int64_t number, int64_t *ret_old)
{
    struct kind kind;
    return kind_of(code, &kind) ? exchange_i64(kind, p, number, ret_old) : COOPI_NOT_A_NUMBER;
}

static int exchange_f64(struct kind kind, void *p, double number, double *ret_old)
{
    uint32_t spins = FIRST_SPINS;
    uint64_t wanted;
    if (!encode_f64(kind, number, &wanted)) return COOPI_GIVEN_RANGE;
    uint64_t bits = load(p, kind.size);
    while (!cas(p, kind.size, &bits, wanted)) bits = stand_back(p, kind.size, &spins);
    if (ret_old) *ret_old = decode_f64(kind, bits);
    return 0;
}

int coopi_scalar_exchange_f64(char code, void *p, double number, double *ret_old)
{
    struct kind kind;
    return kind_of(code, &kind) ? exchange_f64(kind, p, number, ret_old) : COOPI_NOT_A_NUMBER;
}

/* Compare and exchange */

static int compare_exchange_i64(struct kind kind, void *p, int64_t *expected, int64_t desired)
{
    uint32_t spins = FIRST_SPINS;
    uint64_t wanted;
    if (!encode_i64(kind, desired, &wanted)) return COOPI_GIVEN_RANGE;
    uint64_t bits = load(p, kind.size);
    for (;;) {
        int64_t number;
        if (!decode_i64(kind, bits, &number)) return COOPI_HELD_RANGE;
        if (number != *expected) {
            *expected = number;
            return 0;
        }
        if (cas(p, kind.size, &bits, wanted)) return 1;
        bits = stand_back(p, kind.size, &spins);
    }
}

int coopi_scalar_compare_exchange_i64(char code, void *p, int64_t *expected, int64_t desired)
{
    struct kind kind;
    return kind_of(code, &kind) ? compare_exchange_i64(kind, p, expected, desired) : COOPI_NOT_A_NUMBER;
}

/* An integer that a double cannot hold is equal to none, and cannot be told by *EXPECTED either. */
static bool is_exact(struct kind kind, uint64_t bits, double number)
{
    uint64_t back;
    if (kind.family == FLOAT || kind.size < sizeof(double)) return true;
    return encode_f64(kind, number, &back) && back == bits;
}

static int compare_exchange_f64(struct kind kind, void *p, double *expected, double desired)
{
    uint32_t spins = FIRST_SPINS;
    uint64_t wanted;
    if (!encode_f64(kind, desired, &wanted)) return COOPI_GIVEN_RANGE;
    uint64_t bits = load(p, kind.size);
    for (;;) {
        double number = decode_f64(kind, bits);
        if (!is_exact(kind, bits, number)) return COOPI_HELD_RANGE;
        if (memcmp(&number, expected, sizeof number) != 0) {
            *expected = number;
            return 0;
        }
        if (cas(p, kind.size, &bits, wanted)) return 1;
        bits = stand_back(p, kind.size, &spins);
    }
}

int coopi_scalar_compare_exchange_f64(char code, void *p, double *expected, double desired)
{
    struct kind kind;
    return kind_of(code, &kind) ? compare_exchange_f64(kind, p, expected, desired) : COOPI_NOT_A_NUMBER;
}

/* Bytes */

#define GET_BYTES(type)                                                                                                \
    {                                                                                                                  \
        type bits = coopi_load_acquire((const type *)p);                                                               \
        memcpy(ret_bytes, &bits, sizeof bits);                                                                         \
        break;                                                                                                         \
    }

void coopi_scalar_get_bytes(const void *p, void *ret_bytes, uint32_t size)
{
    switch (size) {
    case 1: GET_BYTES(uint8_t)
    case 2: GET_BYTES(uint16_t)
    case 4: GET_BYTES(uint32_t)
    default: GET_BYTES(uint64_t)
    }
}

#define SET_BYTES(type)                                                                                                \
    {                                                                                                                  \
        type bits;                                                                                                     \
        memcpy(&bits, bytes, sizeof bits);                                                                             \
        coopi_store_release((type *)p, bits);                                                                          \
        break;                                                                                                         \
    }

void coopi_scalar_set_bytes(void *p, const void *bytes, uint32_t size)
{
    switch (size) {
    case 1: SET_BYTES(uint8_t)
    case 2: SET_BYTES(uint16_t)
    case 4: SET_BYTES(uint32_t)
    default: SET_BYTES(uint64_t)
    }
}

#define CAS_BYTES(type)                                                                                                \
    {                                                                                                                  \
        type old, bits;                                                                                                \
        memcpy(&old, expected, sizeof old);                                                                            \
        memcpy(&bits, &desired, sizeof bits);                                                                          \
        bool done = coopi_cas_both((type *)p, &old, bits);                                                             \
        memcpy(expected, &old, sizeof old);                                                                            \
        return done;                                                                                                   \
    }

bool coopi_scalar_cas_bytes(void *p, uint64_t *expected, uint64_t desired, uint32_t size)
{
    switch (size) {
    case 1: CAS_BYTES(uint8_t)
    case 2: CAS_BYTES(uint16_t)
    case 4: CAS_BYTES(uint32_t)
    default: CAS_BYTES(uint64_t)
    }
}
