/* SPDX-License-Identifier: MIT */
/* Values as keys: exact comparison of numbers, and a keyed hash (SipHash-1-3) that agrees with it. */
#include "proxy/key.h"

#include <pthread.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

bool coopi_is_key(const coop_any *value)
{
    if (value->type == COOP_FLOAT) return value->as.real == value->as.real;
    return value->type >= COOP_NIL && value->type <= COOP_BYTES;
}

/* A number by its value: an integer of up to 64 bits with a sign, or a float that is none of those. */
struct number {
    bool integral;
    bool negative;
    uint64_t magnitude;
    double real;
};

bool coopi_is_number(const coop_any *value)
{
    return value->type >= COOP_BOOL && value->type <= COOP_FLOAT;
}

static struct number number_of_real(double real)
{
    double magnitude = real < 0 ? -real : real;
    if (!(magnitude < 0x1p64) || (double)(uint64_t)magnitude != magnitude) return (struct number){.real = real};
    return (struct number){.integral = true, .negative = real < 0, .magnitude = (uint64_t)magnitude};
}

static struct number number_of(const coop_any *value)
{
    int64_t integer = value->as.integer;
    switch (value->type) {
    case COOP_BOOL: return (struct number){.integral = true, .magnitude = value->as.boolean};
    case COOP_UINT: return (struct number){.integral = true, .magnitude = value->as.natural};
    case COOP_FLOAT: return number_of_real(value->as.real);
    default:
        return (struct number){.integral = true,
                               .negative = integer < 0,
                               .magnitude = integer < 0 ? 0 - (uint64_t)integer : (uint64_t)integer};
    }
}

static bool numbers_equal(struct number a, struct number b)
{
    if (a.integral != b.integral) return false;
    return a.integral ? a.negative == b.negative && a.magnitude == b.magnitude : a.real == b.real;
}

static int integers_order(struct number a, struct number b)
{
    if (a.negative != b.negative) return a.negative ? -1 : 1;
    if (a.magnitude == b.magnitude) return 0;
    return (a.magnitude < b.magnitude) != a.negative ? -1 : 1;
}

/* REAL is no integer below 2^64: it is beyond all of ours, or has a fraction, and then its magnitude is below 2^53. */
static int integer_to_real(struct number integer, double real)
{
    double magnitude = real < 0 ? -real : real;
    if (magnitude >= 0x1p64) return real < 0 ? 1 : -1;
    struct number whole = {.negative = real < 0, .magnitude = (uint64_t)magnitude};
    if (whole.magnitude == 0) whole.negative = false;
    int order = integers_order(integer, whole);
    return order ? order : real < 0 ? 1 : -1;
}

int coopi_numbers_order(const coop_any *a, const coop_any *b)
{
    if (a->type == COOP_INT && b->type == COOP_INT)
        return (a->as.integer > b->as.integer) - (a->as.integer < b->as.integer);
    struct number x = number_of(a), y = number_of(b);
    if ((!x.integral && x.real != x.real) || (!y.integral && y.real != y.real)) return COOPI_UNORDERED;
    if (x.integral && y.integral) return integers_order(x, y);
    if (x.integral) return integer_to_real(x, y.real);
    if (y.integral) return -integer_to_real(y, x.real);
    return (x.real > y.real) - (x.real < y.real);
}

bool coopi_keys_equal(const coop_any *a, const coop_any *b)
{
    if (a->type == COOP_INT && b->type == COOP_INT) return a->as.integer == b->as.integer;
    if (coopi_is_number(a) && coopi_is_number(b)) return numbers_equal(number_of(a), number_of(b));
    if (a->type != b->type) return false;
    if (a->type == COOP_NIL) return true;
    if (a->type != COOP_STR && a->type != COOP_BYTES) return false;
    return a->size == b->size && memcmp(a->as.bytes, b->as.bytes, a->size) == 0;
}

static uint64_t rotate(uint64_t x, int by)
{
    return x << by | x >> (64 - by);
}

struct sip {
    uint64_t v0, v1, v2, v3;
};

static void sip_round(struct sip *s)
{
    s->v0 += s->v1;
    s->v2 += s->v3;
    s->v1 = rotate(s->v1, 13) ^ s->v0;
    s->v3 = rotate(s->v3, 16) ^ s->v2;
    s->v0 = rotate(s->v0, 32);
    s->v2 += s->v1;
    s->v0 += s->v3;
    s->v1 = rotate(s->v1, 17) ^ s->v2;
    s->v3 = rotate(s->v3, 21) ^ s->v0;
    s->v2 = rotate(s->v2, 32);
}

static void sip_word(struct sip *s, uint64_t word)
{
    s->v3 ^= word;
    sip_round(s);
    s->v0 ^= word;
}

/* KIND goes in as a word before the bytes, so that 'a' and b'a' differ. */
static uint64_t sip_hash(const struct coopi_hash_key *secret, uint64_t kind, const void *bytes, size_t size)
{
    struct sip s = {secret->k0 ^ 0x736f6d6570736575, secret->k1 ^ 0x646f72616e646f6d, secret->k0 ^ 0x6c7967656e657261,
                    secret->k1 ^ 0x7465646279746573};
    sip_word(&s, kind);
    const unsigned char *p = bytes;
    uint64_t word;
    for (size_t left = size; left >= sizeof word; left -= sizeof word, p += sizeof word) {
        memcpy(&word, p, sizeof word);
        sip_word(&s, word);
    }
    word = (uint64_t)size << 56;
    for (size_t i = 0; i < size % sizeof word; i++) word |= (uint64_t)p[i] << 8 * i;
    sip_word(&s, word);
    s.v2 ^= 0xff;
    for (int i = 0; i < 3; i++) sip_round(&s);
    return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

uint64_t coopi_hash(const coop_any *key, const struct coopi_hash_key *secret)
{
    if (key->type == COOP_STR || key->type == COOP_BYTES)
        return sip_hash(secret, (uint64_t)key->type, key->as.bytes, key->size);
    if (!coopi_is_number(key)) return sip_hash(secret, COOP_NIL, "", 0);
    struct number n = number_of(key);
    if (!n.integral) return sip_hash(secret, COOP_FLOAT, &n.real, sizeof n.real);
    return sip_hash(secret, n.negative ? COOP_UINT : COOP_INT, &n.magnitude, sizeof n.magnitude);
}

static struct coopi_hash_key process_secret;
static pthread_once_t secret_drawn = PTHREAD_ONCE_INIT;

/* Without getrandom (a kernel or filter that refuses it) the secret is merely hard to guess from outside. */
static void draw_secret(void)
{
    if (getrandom(&process_secret, sizeof process_secret, 0) == (ssize_t)sizeof process_secret) return;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    process_secret.k0 = (uint64_t)now.tv_nsec;
    process_secret.k1 = (uint64_t)now.tv_sec << 32 | (uint32_t)getpid();
}

const struct coopi_hash_key *coopi_hash_secret(void)
{
    pthread_once(&secret_drawn, draw_secret);
    return &process_secret;
}
