/* SPDX-License-Identifier: MIT */
/* All objects of a manager, by id and by name, in order of creation. */
#include "registry.h"

#include "base/error.h"
#include "hash.h"
#include "proxy/address.h"
#include "quote.h"

#include <coop/try.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

#define OBJECT_BYTES 256 /* of the budget, for an empty object */

void registry_init(struct registry *registry)
{
    uint32_t high = 0;
    if (getrandom(&high, sizeof high, 0) != (ssize_t)sizeof high) high = (uint32_t)getpid();
    *registry = (struct registry){.next_id = (uint64_t)(high & 0x7fffffff) << 32 | 1, .budget = budget_default()};
}

uint32_t registry_count(const struct registry *registry)
{
    return HASH_CNT(by_id, registry->by_id);
}

static struct object *find_by_name(struct registry *registry, const coop_any *name)
{
    struct object *object = NULL;
    HASH_FIND(by_name, registry->by_name, name->as.str, name->size, object);
    return object;
}

static int check_name(const coop_any *name)
{
    char quoted[COOPI_QUOTED];
    if (coopi_is_object_name(name->as.str, name->size)) return 0;
    return coopi_fail(EINVAL, "object %s: not a name; take a letter or _ and up to 63 of A-Z a-z 0-9 _ - behind it",
                      quote_text(name->as.str, name->size, quoted));
}

static int find_named(struct registry *registry, const coop_any *name, struct object **ret_object)
{
    COOP_TRY(check_name(name));
    struct object *object = find_by_name(registry, name);
    if (!object)
        return coopi_fail(ENOENT, "object \"%.*s\": there is none of this name; open it with the create flag first",
                          (int)name->size, name->as.str);
    *ret_object = object;
    return 0;
}

int registry_find(struct registry *registry, const coop_any *reference, struct object **ret_object)
{
    if (reference->type == COOP_STR) return find_named(registry, reference, ret_object);
    if (reference->type != COOP_INT && reference->type != COOP_UINT)
        return coopi_fail(EINVAL, "object: it is named by a str or by the int that open returned");

    uint64_t id = reference->as.natural; /* a negative int is the id of nothing: ids stay below 2^63 */
    struct object *object = NULL;
    HASH_FIND(by_id, registry->by_id, &id, sizeof id, object);
    if (!object)
        return coopi_fail(
            ENOENT, "object %" PRIu64 ": there is none with this id; it was removed, or belonged to an earlier manager",
            id);
    *ret_object = object;
    return 0;
}

int registry_find_typed(struct registry *registry, const coop_any *reference, const struct object_type *type,
                        struct object **ret_object)
{
    struct object *object;
    COOP_TRY(registry_find(registry, reference, &object));
    if (object->type != type)
        return coopi_fail(EINVAL, "%s: it is a %s, not a %s; use another name for the %s", object->label,
                          object->type->name, type->name, type->name);
    *ret_object = object;
    return 0;
}

static int set_name(struct object *object, const coop_any *name)
{
    if (name->type != COOP_STR) {
        snprintf(object->label, sizeof object->label, "%s %" PRIu64, object->type->name, object->id);
        return 0;
    }
    object->name = strndup(name->as.str, name->size);
    if (!object->name) return -ENOMEM;
    snprintf(object->label, sizeof object->label, "%s \"%s\"", object->type->name, object->name);
    return 0;
}

static int enter(struct registry *registry, struct object *object)
{
    HASH_ADD(by_id, registry->by_id, id, sizeof object->id, object);
    if (!object->by_id.tbl) return -ENOMEM;
    if (!object->name) return 0;
    HASH_ADD_KEYPTR(by_name, registry->by_name, object->name, strlen(object->name), object);
    if (object->by_name.tbl) return 0;
    HASH_DELETE(by_id, registry->by_id, object);
    return -ENOMEM;
}

static void end(struct object *object)
{
    free(object->name);
    object->type->destroy(object);
}

int registry_add(struct registry *registry, const coop_any *name, const struct object_type *type,
                 struct object **ret_object)
{
    if (name->type == COOP_STR) COOP_TRY(check_name(name));
    if (registry_count(registry) >= REGISTRY_MAX_OBJECTS)
        return coopi_fail(ENOSPC, "manager: it holds %u objects and no more; remove what is not needed",
                          REGISTRY_MAX_OBJECTS);
    COOP_TRY(budget_take(&registry->budget, OBJECT_BYTES, type->name));
    struct object *object = type->create();
    if (object) {
        object->type = type;
        object->id = registry->next_id;
        object->budget = &registry->budget;
        if (set_name(object, name) == 0 && enter(registry, object) == 0) {
            registry->next_id++;
            *ret_object = object;
            return 0;
        }
        end(object);
    }
    budget_give(&registry->budget, OBJECT_BYTES);
    return coopi_fail(ENOMEM, "%s: the manager is out of memory", type->name);
}

void registry_remove(struct registry *registry, struct object *object)
{
    HASH_DELETE(by_id, registry->by_id, object);
    if (object->name) HASH_DELETE(by_name, registry->by_name, object);
    budget_give(&registry->budget, OBJECT_BYTES + object->weight.bytes);
    end(object);
}

void registry_destroy(struct registry *registry)
{
    while (registry->by_id) registry_remove(registry, registry->by_id);
}
