/* SPDX-License-Identifier: MIT */
/* TYPE.open: finding or making an object. */
#include "call.h"

#include "base/error.h"
#include "command.h"
#include "proxy/message.h"

#include <coop/try.h>
#include <errno.h>

static int read_flags(struct call *call, uint32_t *ret_flags)
{
    int64_t flags = 0;
    if (call->arg_count) COOP_TRY(call_read_index(call, &flags));
    if (flags & ~(int64_t)(COOPI_OPEN_CREATE | COOPI_OPEN_EXCLUSIVE))
        return coopi_fail(EINVAL, "%s: flags are 1 (create) and 2 (exclusive), not %lld", call->op, (long long)flags);
    *ret_flags = (uint32_t)flags;
    return 0;
}

/* The id is written before the object is made: making it is the change. */
static int make(struct call *call, const struct object_type *type)
{
    struct registry *registry = &call->commands->registry;
    struct object *object;
    COOP_TRY(call_return_number(call, registry->next_id));
    return registry_add(registry, &call->reference, type, &object);
}

int call_open(struct call *call, const struct object_type *type)
{
    struct registry *registry = &call->commands->registry;
    struct object *object;
    uint32_t flags = 0;
    COOP_TRY(read_flags(call, &flags));
    if (call->reference.type == COOP_NIL) return make(call, type);

    int result = registry_find_typed(registry, &call->reference, type, &object);
    bool by_name = call->reference.type == COOP_STR;
    if (result == -ENOENT && by_name && flags & COOPI_OPEN_CREATE) return make(call, type);
    if (result < 0) return result;
    if (by_name && flags & COOPI_OPEN_CREATE && flags & COOPI_OPEN_EXCLUSIVE)
        return coopi_fail(EEXIST, "%s: it is there already; open it without the exclusive flag, or remove it",
                          object->label);
    return call_return_number(call, object->id);
}
