/* SPDX-License-Identifier: MIT */
/* Objects as handles see them: found or made, and checked. */
#include "segment/object.h"

#include "base/atomic.h"
#include "base/error.h"
#include "base/quote.h"
#include "base/type.h"
#include "segment/directory.h"
#include "segment/handle.h"
#include "segment/opens.h"
#include "segment/participant.h"
#include "segment/registry.h"
#include "segment/robust.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DIFFERENCE 400 /* room for the words about two types */
#define OPEN_TRIES 8
#define KNOWN_FLAGS (COOP_CREATE | COOP_EXCL | COOP_INTR | COOP_TRUST_PEERS | COOP_READ_ONLY)

/* The entry's type text as a private string; NULL in *RET if it has none. */
static int copy_type(struct coopi_map *map, const struct coopi_entry *entry, const char *label, char **ret_type)
{
    *ret_type = NULL;
    if (entry->type_size == 0) return 0;
    if (entry->type_size > COOPI_TYPE_TEXT)
        return coopi_fail(EBADMSG, "%s: damaged: its type has %" PRIu32 " bytes; remove the segment", label,
                          entry->type_size);
    char *text = malloc(entry->type_size);
    if (!text) return coopi_fail(ENOMEM, "%s: out of memory", label);
    memcpy(text, map->base + entry->offset, entry->type_size);
    if (text[entry->type_size - 1] != 0 || strlen(text) + 1 != entry->type_size) {
        free(text);
        return coopi_fail(EBADMSG, "%s: damaged: its type is not a string; remove the segment", label);
    }
    *ret_type = text;
    return 0;
}

/* Says where two format strings part, if no field does. */
static int say_type(const char *label, const char *found, const char *wanted)
{
    size_t at = 0;
    char here[COOPI_QUOTED], there[COOPI_QUOTED];
    while (found[at] && found[at] == wanted[at]) at++;
    coopi_quote(found, here, sizeof here);
    return coopi_fail(EINVAL, "%s: holds type %s, not %s: they differ from column %zu on; open it as %s", label, here,
                      coopi_quote(wanted, there, sizeof there), at + 1, here);
}

/* Two texts may well say the same: padding may be written out, or left to the compiler. */
static int compare_types(const char *label, const char *found, const char *wanted)
{
    struct coopi_type here = {0}, there = {0};
    char difference[DIFFERENCE] = "";
    char quoted[COOPI_QUOTED];
    if (strcmp(found, wanted) == 0) return 0;
    bool known = coopi_type_parse(found, label, &here) == 0 && coopi_type_parse(wanted, label, &there) == 0;
    bool same = known && coopi_type_same(&here, &there, difference, sizeof difference);
    coopi_type_clear(&here);
    coopi_type_clear(&there);
    if (same) return 0;
    if (!*difference) return say_type(label, found, wanted);
    return coopi_fail(EINVAL, "%s: is of another type: %s; open it as %s", label, difference,
                      coopi_quote(found, quoted, sizeof quoted));
}

static int compare(const struct coopi_entry *entry, const char *type, const struct coopi_want *want, bool reading,
                   const char *label)
{
    if (reading && want->kind != COOPI_VALUE && want->kind != COOPI_ARRAY)
        return coopi_fail(EACCES,
                          "%s: a %s cannot be used by one who only reads (COOP_READ_ONLY); open it without that", label,
                          coopi_kind_name(want->kind));
    if (entry->kind != want->kind)
        return coopi_fail(EINVAL, "%s: is of kind %s, not %s; open it as %s", label, coopi_kind_name(entry->kind),
                          coopi_kind_name(want->kind), coopi_kind_name(entry->kind));
    int r = want->type ? compare_types(label, type ? type : "", want->type) : 0;
    if (r < 0) return r;
    if (!want->has_words && want->length != UINT64_MAX && want->length != entry->length)
        return coopi_fail(EINVAL, "%s: has %" PRIu64 " items, not %" PRIu64 "; open it with that length", label,
                          entry->length, want->length);
    return 0;
}

/* From a private copy of an entry to a checked view of its storage. */
static int view(struct coopi_map *map, const struct coopi_found *found, const struct coopi_want *want, int flags,
                char *path, struct coopi_object *ret_object)
{
    const char *label = path ? path : coopi_map_label(map);
    const struct coopi_entry *entry = &found->entry;
    char *type = NULL;
    int r = coopi_entry_check(entry, map->geometry, map->geometry->maximum, coopi_map_label(map));
    if (r == 0) r = coopi_map_reach(map, entry->offset + entry->size);
    if (r == 0) r = copy_type(map, entry, label, &type);
    if (r == 0) r = compare(entry, type, want, map->read_only, label);
    if (r < 0) {
        free(type);
        return r;
    }
    *ret_object = (struct coopi_object){
        .map = map,
        .body = map->base + entry->body,
        .body_size = entry->offset + entry->size - entry->body,
        .length = entry->length,
        .entry_flags = entry->flags,
        .flags = (uint32_t)flags & COOP_INTR,
        .slot = map->slot,
        .number = found->number,
        .read_only = map->read_only,
        .state = entry->state,
        .path = path,
        .type = type,
    };
    return 0;
}

static int find_or_make(struct coopi_map *map, const char *name, const struct coopi_want *want, int flags,
                        const char *label, struct coopi_found *ret_found)
{
    bool found = *name && coopi_directory_find(map, name, ret_found) == 0;
    if (!found && !(flags & COOP_CREATE))
        return coopi_fail(ENOENT, "%s: no such object; make it with COOP_CREATE, or look at `shmctl show %s`", label,
                          coopi_map_label(map));
    if (!found) {
        if (want->length == UINT64_MAX || (!want->type && (want->kind == COOPI_VALUE || want->kind == COOPI_ARRAY)))
            return coopi_fail(EINVAL, "%s: to make it, its type and length must be given", label);
        int r = coopi_directory_make(map, name, want, ret_found);
        if (r < 0) return r;
        found = r == 1;
    }
    if (found && (flags & COOP_EXCL)) return coopi_fail(EEXIST, "%s: exists already; open it without COOP_EXCL", label);
    return 0;
}

/* The object, counted among those that this process has open before anything of it is believed. */
static int find_and_count(struct coopi_map *map, const char *name, const struct coopi_want *want, int flags,
                          const char *label, struct coopi_found *ret_found)
{
    if (map->read_only && !(flags & COOP_CREATE)) return find_or_make(map, name, want, flags, label, ret_found);
    int r = coopi_participant_attach(map); /* a raw clone's child is none yet */
    for (int tries = 0; r == 0 && tries < OPEN_TRIES; tries++) {
        r = find_or_make(map, name, want, flags, label, ret_found);
        if (r < 0 || !*name) return r;
        r = coopi_opens_add(map, ret_found->number, ret_found->entry.state);
        if (r != 0) return r < 0 ? r : 0;
    }
    if (r < 0) return r;
    return coopi_fail(EAGAIN, "%s: was removed %d times while we opened it; somebody removes it in a loop", label,
                      OPEN_TRIES);
}

static int find_and_view(struct coopi_map *map, const char *name, const struct coopi_want *want, int flags, char *path,
                         struct coopi_object *ret_object, bool *ret_as_found)
{
    struct coopi_found found;
    int r = find_and_count(map, name, want, flags, path ? path : coopi_map_label(map), &found);
    *ret_as_found = true;
    if (r < 0) return r;
    r = view(map, &found, want, flags, path, ret_object);
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    *ret_as_found = coopi_load_relaxed(&map->directory[found.number].state) == found.entry.state;
    if (r < 0 && !map->read_only) coopi_opens_drop(map, found.number, false);
    return r;
}

/* What is only read is not counted: it may go, and its storage be another's, while it is looked at. */
static int view_to_read(struct coopi_map *map, const char *name, const struct coopi_want *want, int flags, char *path,
                        struct coopi_object *ret_object)
{
    for (int tries = 1;; tries++) {
        struct coopi_object object;
        bool as_found;
        int r = find_and_view(map, name, want, flags, path, &object, &as_found);
        if (as_found || tries == OPEN_TRIES) {
            if (r == 0) *ret_object = object;
            return r;
        }
        if (r == 0) free(object.type);
    }
}

/* Takes over the reference on MAP and PATH, also on failure. */
static int open_in(struct coopi_map *map, const char *name, const struct coopi_want *want, int flags, char *path,
                   struct coopi_object *ret_object)
{
    bool as_found;
    int r = map->read_only ? view_to_read(map, name, want, flags, path, ret_object)
                           : find_and_view(map, name, want, flags, path, ret_object, &as_found);
    if (r == 0) return 0;
    free(path);
    coopi_map_release(map);
    return r;
}

static int open_nameless(const struct coopi_want *want, int flags, struct coopi_object *ret_object)
{
    struct coopi_map *map;
    int r = coopi_map_anonymous(&map);
    return r < 0 ? r : open_in(map, "", want, flags, NULL, ret_object);
}

static int check_flags(const char *label, const struct coopi_want *want, int flags)
{
    int unknown = flags & ~(KNOWN_FLAGS | want->flags);
    const char *kind = coopi_kind_name(want->kind);
    if (unknown == COOP_RAW)
        return coopi_fail(EINVAL, "%s: COOP_RAW is for values and arrays, not for a %s; leave it out", label, kind);
    if (unknown == COOP_TRANSFERABLE)
        return coopi_fail(EINVAL, "%s: COOP_TRANSFERABLE is for a lock, not for a %s; leave it out", label, kind);
    if (unknown && !(unknown & ~(COOP_COUNTING | COOP_BOUNDED)))
        return coopi_fail(EINVAL,
                          "%s: COOP_COUNTING and COOP_BOUNDED are for a semaphore, not for a %s; leave them out", label,
                          kind);
    if (unknown == 0 && (flags & COOP_READ_ONLY) && (flags & COOP_CREATE))
        return coopi_say_reading_makes_nothing(label);
    if (unknown) return coopi_fail(EINVAL, "%s: unknown flags %#x; leave them out", label, unknown);
    return 0;
}

int coopi_object_open(const char *path, const struct coopi_want *want, int flags, struct coopi_object *ret_object)
{
    if (!path) flags |= COOP_CREATE;
    int r = check_flags(path ? path : "nameless object", want, flags);
    if (r < 0) return r;
    if (!path) return open_nameless(want, flags, ret_object);
    struct coopi_path parsed;
    struct coopi_map *map;
    r = coopi_path_parse(path, &parsed);
    if (r == 0) r = coopi_segment_open_map(&parsed.segment, flags, &map);
    if (r < 0) return r;
    char *copy = strdup(path);
    if (copy) return open_in(map, parsed.object, want, flags, copy, ret_object);
    coopi_map_release(map);
    return coopi_fail(ENOMEM, "%s: out of memory", path);
}

int coopi_object_in(struct coop_segment *segment, const char *name, const struct coopi_want *want, int flags,
                    struct coopi_object *ret_object)
{
    struct coopi_map *map = segment->map;
    if (!name) flags |= COOP_CREATE;
    int r = check_flags(name ? name : "nameless object", want, flags);
    if (r == 0 && name) r = coopi_object_name_check(name);
    if (r == 0 && (flags & COOP_READ_ONLY) && !map->read_only)
        r = coopi_fail(EINVAL, "%s: the segment is open to be written as well; open that with COOP_READ_ONLY",
                       name ? name : "nameless object");
    if (r < 0) return r;
    char *path = NULL;
    if (name && asprintf(&path, "%s/%s", coopi_map_label(map), name) < 0)
        return coopi_fail(ENOMEM, "%s: out of memory", name);
    coopi_map_hold(map);
    return open_in(map, name ? name : "", want, flags, path, ret_object);
}

/* Does this process hold the lock at the beginning of the object? Then the kernel may write into it at our death. */
static bool still_held(const struct coopi_object *object)
{
    bool has_lock = !object->type || (object->entry_flags & COOPI_ENTRY_LOCKED);
    if (!has_lock || object->body_size < sizeof(struct coopi_lock_shm)) return false;
    const struct coopi_robust *robust = (const struct coopi_robust *)(const void *)object->body;
    uint32_t tag = coopi_robust_holder(object->map, robust);
    struct coopi_owner_name holder;
    if (!tag) return false;
    coopi_owner_describe(object->map, tag, &holder);
    return holder.pid == 0 || holder.pid == (int32_t)getpid();
}

void coopi_object_close(struct coopi_object *object)
{
    if (!object->read_only) coopi_opens_drop(object->map, object->number, still_held(object));
    free(object->type);
    free(object->path);
    coopi_map_release(object->map);
}

static int check_removal_flags(const char *label, int flags)
{
    if (!(flags & ~(COOP_FORCE | COOP_TRUST_PEERS))) return 0;
    return coopi_fail(EINVAL, "%s: unknown flags %#x; removing takes COOP_FORCE, COOP_TRUST_PEERS", label, flags);
}

int coop_segment_remove_object(coop_segment *segment, const char *name, int flags)
{
    if (!name) return coopi_fail(EINVAL, "%s: no object to remove", coopi_map_label(segment->map));
    int r = check_removal_flags(name, flags);
    if (r == 0) r = coopi_object_name_check(name);
    return r < 0 ? r : coopi_directory_remove(segment->map, name, flags & COOP_FORCE);
}

int coop_object_remove(const char *path, int flags)
{
    if (!path) return coopi_fail(EINVAL, "object: no path to remove");
    struct coopi_path parsed;
    struct coopi_map *map;
    int r = check_removal_flags(path, flags);
    if (r == 0) r = coopi_path_parse(path, &parsed);
    if (r == 0) r = coopi_map_open(&parsed.segment, flags & COOP_TRUST_PEERS, &map);
    if (r < 0) return r;
    r = coopi_directory_remove(map, parsed.object, flags & COOP_FORCE);
    coopi_map_release(map);
    return r;
}

int coopi_object_check_there(const struct coopi_object *object)
{
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    if (coopi_load_relaxed(&object->map->directory[object->number].state) == object->state) return 0;
    return coopi_fail(ESTALE, "%s: was removed, and who only reads keeps nothing alive; open it again",
                      coopi_object_label(object));
}

int coopi_object_check_writable(const struct coopi_object *object)
{
    if (!object->read_only) return 0;
    return coopi_fail(EACCES, "%s: is open only to be read (COOP_READ_ONLY); nothing was changed, open it without that",
                      coopi_object_label(object));
}

const char *coopi_object_label(const struct coopi_object *object)
{
    return object->path ? object->path : "nameless object";
}
