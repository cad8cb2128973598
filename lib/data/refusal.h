/* SPDX-License-Identifier: MIT */
/* Why a number could not be read, stored or changed, as a sentence. */
#ifndef COOPI_REFUSAL_H
#define COOPI_REFUSAL_H

#include "data/scalar.h"
#include "data/typed.h"

#define COOPI_NO_INDEX INT64_C(-1)

/* FAILURE is what a coopi_scalar_* call gave for the item at INDEX (not negative; COOPI_NO_INDEX for a Value), NUMBER
 * what the caller gave; the suffix is the caller's type. Keeps the sentence and returns -ERANGE or -EINVAL. */
int coopi_refuse_i64(int failure, const struct coopi_typed *typed, int64_t index, int64_t number) __attribute__((cold));
int coopi_refuse_u64(int failure, const struct coopi_typed *typed, int64_t index, uint64_t number)
    __attribute__((cold));
int coopi_refuse_f64(int failure, const struct coopi_typed *typed, int64_t index, double number) __attribute__((cold));

/* After a get failed with FAILURE: gets once more through a handle that only reads, and refuses else. 0, or as above;
 * -ESTALE: the object was removed. */
int coopi_get_else_i64(int failure, const struct coopi_typed *typed, int64_t index, int64_t *ret_number)
    __attribute__((cold));
int coopi_get_else_u64(int failure, const struct coopi_typed *typed, int64_t index, uint64_t *ret_number)
    __attribute__((cold));
int coopi_get_else_f64(int failure, const struct coopi_typed *typed, int64_t index, double *ret_number)
    __attribute__((cold));

#endif
