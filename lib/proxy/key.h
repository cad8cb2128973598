/* SPDX-License-Identifier: MIT */
/* Values as keys: which ones can be, and a hash that agrees with coop_any_equal(). */
#ifndef COOPI_KEY_H
#define COOPI_KEY_H

#include <coop/any.h>

/* A secret that hashing depends on, so that nobody can send keys that all collide. Draw it with getrandom(). */
struct coopi_hash_key {
    uint64_t k0;
    uint64_t k1;
};

/* nil, bool, int, float but not NaN, str, bytes. */
bool coopi_is_key(const coop_any *value);

/* coop_any_equal() for keys; NaN too, which equals nothing. Always false if one is a list or map. */
bool coopi_keys_equal(const coop_any *a, const coop_any *b);

/* bool, int, uint, float. */
bool coopi_is_number(const coop_any *value);

/* Of two numbers, by their exact values: negative, 0 or positive as A is less, equal or greater; COOPI_UNORDERED if one
 * is a NaN. */
#define COOPI_UNORDERED 2
int coopi_numbers_order(const coop_any *a, const coop_any *b);

/* Equal keys have equal hashes: 1, 1.0 and true too. Only for what coopi_is_key() accepts. */
uint64_t coopi_hash(const coop_any *key, const struct coopi_hash_key *secret);

/* This process's own secret, drawn at the first call; a forked child keeps it. */
const struct coopi_hash_key *coopi_hash_secret(void);

#endif
