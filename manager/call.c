/* SPDX-License-Identifier: MIT */
/* One operation that is being run: its arguments, and where its result goes. */
#include "call.h"

#include "base/error.h"
#include "proxy/key.h"

#include <coop/try.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

int call_read_value(struct call *call, coop_any *ret_value)
{
    COOP_TRY(coopi_read_any(&call->args, ret_value));
    call->arg_count--;
    return 0;
}

int call_read_plain(struct call *call, coop_any *ret_value)
{
    if (coopi_read_plain(&call->args, ret_value) < 0)
        return coopi_fail(EINVAL, "%s: a list or map stands where a plain value belongs", call->op);
    call->arg_count--;
    return 0;
}

int call_read_key(struct call *call, coop_any *ret_key)
{
    coop_any key;
    COOP_TRY(call_read_plain(call, &key));
    if (!coopi_is_key(&key))
        return coopi_fail(EINVAL, "%s: NaN is no key; use nil, a bool, a number, text or bytes", call->op);
    *ret_key = key;
    return 0;
}

int call_read_index(struct call *call, int64_t *ret_index)
{
    coop_any index;
    COOP_TRY(call_read_plain(call, &index));
    if (index.type == COOP_UINT) {
        *ret_index = INT64_MAX; /* out of range in any list */
        return 0;
    }
    if (index.type != COOP_INT) return coopi_fail(EINVAL, "%s: an index is an int", call->op);
    *ret_index = index.as.integer;
    return 0;
}

int call_read_index_or_nil(struct call *call, int64_t *ret_index)
{
    struct coopi_reader before = call->args;
    coop_any value;
    if (coopi_read_plain(&call->args, &value) == 0 && value.type == COOP_NIL) {
        call->arg_count--;
        return 0;
    }
    call->args = before;
    return call_read_index(call, ret_index);
}

int call_read_bool(struct call *call, bool *ret_boolean)
{
    coop_any value;
    COOP_TRY(call_read_plain(call, &value));
    if (value.type != COOP_BOOL) return coopi_fail(EINVAL, "%s: a bool is true or false", call->op);
    *ret_boolean = value.as.boolean;
    return 0;
}

void items_free(struct items *items)
{
    for (uint32_t i = 0; i < items->count; i++) coop_any_clear(&items->values[i]);
    free(items->values);
}

int call_read_items(struct call *call, struct items *ret_items)
{
    struct items items = {0};
    uint32_t count;
    if (coopi_read_array(&call->args, &count) < 0)
        return coopi_fail(EINVAL, "%s: it takes an array of values (TypeError)", call->object->label);
    items.values = count ? reallocarray(NULL, count, sizeof *items.values) : NULL;
    if (count && !items.values) return call_no_memory(call);
    while (items.count < count) {
        int result = coopi_read_any(&call->args, &items.values[items.count]);
        if (result < 0) {
            items_free(&items);
            return result;
        }
        items.count++;
    }
    call->arg_count--;
    *ret_items = items;
    return 0;
}

int call_no_memory(const struct call *call)
{
    return coopi_fail(ENOMEM, "%s: the manager is out of memory", call->object->label);
}

int call_written(struct call *call)
{
    int status = coopi_writer_status(call->result);
    if (status == -EMSGSIZE)
        return coopi_fail(EMSGSIZE, "%s: its result is larger than a message (%zu bytes); ask for less at once",
                          call->op, COOPI_WIRE_MAX);
    return status;
}

int call_return_nil(struct call *call)
{
    coopi_write_nil(call->result);
    return call_written(call);
}

int call_return_bool(struct call *call, bool boolean)
{
    coop_any value = coop_bool(boolean);
    coopi_write_any(call->result, &value);
    return call_written(call);
}

int call_return_number(struct call *call, uint64_t number)
{
    coopi_write_uint(call->result, number);
    return call_written(call);
}

int call_return_value(struct call *call, const coop_any *value)
{
    COOP_TRY(call_reserve_values(call, weigh(value).values));
    coopi_write_any(call->result, value);
    return call_written(call);
}

int call_reserve_values(struct call *call, uint64_t values)
{
    if (values > call->values_left)
        return coopi_fail(EMSGSIZE,
                          "%s: its result has more values than a message may (%" PRIu32 "); ask for less at once",
                          call->op, COOPI_WIRE_VALUES);
    call->values_left -= values;
    return 0;
}
