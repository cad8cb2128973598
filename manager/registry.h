/* SPDX-License-Identifier: MIT */
/* All objects of a manager, by id and by name, in order of creation. The executor's thread only. */
#ifndef MANAGER_REGISTRY_H
#define MANAGER_REGISTRY_H

#include "object.h"

#define REGISTRY_MAX_OBJECTS (1u << 20)

struct registry {
    struct object *by_id; /* uthash: also the order of creation */
    struct object *by_name;
    uint64_t next_id;
    struct budget budget;
};

/* Draws the upper half of this manager's ids at random, so that no id of an earlier one is given again. */
void registry_init(struct registry *registry);

/* Ends all objects. */
void registry_destroy(struct registry *registry);

uint32_t registry_count(const struct registry *registry);

/* The object that a str (name), int or uint (id) names. -ENOENT, or -EINVAL for a reference of another type or a
 * malformed name. */
int registry_find(struct registry *registry, const coop_any *reference, struct object **ret_object);

/* The same for an object of one type: -EINVAL if it is of another. */
int registry_find_typed(struct registry *registry, const coop_any *reference, const struct object_type *type,
                        struct object **ret_object);

/* A new, empty one; NAME (a str that names no object, or nil) is copied. -EINVAL (name), -ENOSPC (too many), -ENOMEM.
 */
int registry_add(struct registry *registry, const coop_any *name, const struct object_type *type,
                 struct object **ret_object);

/* Ends an object. */
void registry_remove(struct registry *registry, struct object *object);

#endif
