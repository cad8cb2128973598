/* SPDX-License-Identifier: MIT */
/* The managed dict's counting. */
#include "dict_ops.h"
#include "dict_store.h"

#include "base/error.h"

#include <coop/try.h>
#include <errno.h>

/* Wide enough for the sum of any two ints and uints. */
__extension__ typedef __int128 wide;

/* Of a bool, int or uint. */
static wide exact(const coop_any *value)
{
    if (value->type == COOP_BOOL) return value->as.boolean;
    return value->type == COOP_UINT ? (wide)value->as.natural : (wide)value->as.integer;
}

static double rounded(const coop_any *value)
{
    return value->type == COOP_FLOAT ? value->as.real : (double)exact(value);
}

static int add(const struct call *call, const coop_any *a, const coop_any *b, coop_any *ret_sum)
{
    const char *label = call->object->label;
    if (!coopi_is_number(a) || !coopi_is_number(b))
        return coopi_fail(EINVAL, "%s: %s adds numbers only", label, call->op);
    if (a->type == COOP_FLOAT || b->type == COOP_FLOAT) {
        *ret_sum = coop_float(rounded(a) + rounded(b));
        return 0;
    }
    wide sum = exact(a) + exact(b);
    if (sum < INT64_MIN || sum > UINT64_MAX)
        return coopi_fail(ERANGE, "%s: the sum is outside of -2^63 .. 2^64 - 1; use a float, or a smaller delta",
                          label);
    *ret_sum = sum > INT64_MAX ? coop_uint((uint64_t)sum) : coop_int((int64_t)sum);
    return 0;
}

int dict_run_incr(struct call *call)
{
    coop_any key;
    coop_any delta = coop_int(1);
    coop_any start = coop_int(0);
    coop_any sum;
    COOP_TRY(call_read_key(call, &key));
    if (call->arg_count) COOP_TRY(call_read_plain(call, &delta));
    if (call->arg_count) COOP_TRY(call_read_plain(call, &start));
    const struct entry *entry = dict_find(dict_of(call), &key);
    COOP_TRY(add(call, entry ? &entry->value : &start, &delta, &sum));
    COOP_TRY(call_return_value(call, &sum));
    return dict_set(dict_of(call), &key, &sum);
}
