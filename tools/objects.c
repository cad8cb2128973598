/* SPDX-License-Identifier: MIT */
/* The directory of a segment and what its objects hold. */
#include "objects.h"

#include "lockview.h"
#include "model.h"
#include "syncview.h"
#include "text.h"
#include "valueview.h"

#include "base/error.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LABEL_ROOM 512

struct survey {
    const struct image *image;
    const struct objects_wish *wish;
    json_t *document; /* for problems, */
    uint32_t tag;     /* and who holds the object's lock */
};

static bool live(const struct coopi_entry *entry)
{
    return entry->state & COOPI_ENTRY_LIVE;
}

static void label_of(const struct image *image, const struct coopi_entry *entry, uint32_t number,
                     char label[LABEL_ROOM])
{
    char name[4 * sizeof entry->name + 1];
    text_name(entry->name, sizeof entry->name, name, sizeof name);
    if (name[0])
        snprintf(label, LABEL_ROOM, "%s/%s", image->label, name);
    else
        snprintf(label, LABEL_ROOM, "%s: nameless object %" PRIu32, image->label, number);
}

static void add_lock(struct survey *survey, const struct coopi_entry *entry, const char *label, json_t *object)
{
    int r = 0;
    json_t *lock = NULL;
    if (entry->size - (entry->body - entry->offset) < sizeof(struct coopi_lock_shm))
        r = coopi_fail(EBADMSG, "%s: damaged: its lock does not fit into its %" PRIu64 " bytes", label, entry->size);
    else
        lock = lockview_read(survey->image, entry->body, &survey->tag, &r);
    if (!lock) model_problem(survey->document, r, coop_error_detail());
    model_put(object, "lock", lock ? lock : json_null());
}

static json_t *describe(const struct coopi_entry *entry, uint32_t number)
{
    json_t *object = model_object();
    if (entry->name[0])
        model_name(object, "name", entry->name, sizeof entry->name);
    else
        model_text(object, "name", NULL);
    model_text(object, "kind", coopi_kind_name(entry->kind));
    model_number(object, "entry", number);
    model_number(object, "generation", entry->state >> 1);
    model_number(object, "offset", entry->offset);
    model_number(object, "size", entry->size);
    model_number(object, "length", entry->length);
    model_number(object, "flags", entry->flags);
    model_bool(object, "own_lock", entry->flags & COOPI_ENTRY_LOCKED);
    return object;
}

/* NULL: the entry is damaged, which is now a problem of the document. */
static json_t *look(struct survey *survey, const struct coopi_entry *entry, uint32_t number)
{
    const struct image *image = survey->image;
    char label[LABEL_ROOM];
    int r = coopi_entry_check(entry, &image->header, image->limit, image->label);
    if (r < 0) {
        model_problem(survey->document, r, coop_error_detail());
        return NULL;
    }
    label_of(image, entry, number, label);
    json_t *object = describe(entry, number);
    bool holds_items = entry->kind == COOPI_VALUE || entry->kind == COOPI_ARRAY;
    if (!holds_items && *survey->wish->part) {
        r = coopi_fail(EINVAL, "%s: a %s has no parts; leave `%.60s` out", label, coopi_kind_name(entry->kind),
                       survey->wish->part);
        model_problem(survey->document, r, coop_error_detail());
    }
    if (holds_items) {
        r = valueview_read(image, entry, label, survey->wish->part, survey->wish->items, object);
        if (r < 0) model_problem(survey->document, r, coop_error_detail());
    }
    if (syncview_knows(entry->kind)) {
        r = syncview_read(image, entry, number, label, object);
        if (r < 0) model_problem(survey->document, r, coop_error_detail());
    }
    if (entry->kind == COOPI_LOCK || entry->kind == COOPI_RLOCK || (entry->flags & COOPI_ENTRY_LOCKED))
        add_lock(survey, entry, label, object);
    return object;
}

static bool named(const struct coopi_entry *entry, const char *name)
{
    return strncmp(entry->name, name, sizeof entry->name) == 0;
}

static bool read_state(const struct image *image, uint32_t number, uint64_t *ret_state)
{
    uint64_t at = image->header.directory.offset + (uint64_t)number * sizeof(struct coopi_entry);
    return image_read(image, at + offsetof(struct coopi_entry, state), ret_state, sizeof *ret_state) == 0;
}

/* The entry and what it says, if it was one object's all the while: one that went meanwhile leaves its storage to
 * others, and nothing that was seen counts. The state is read before and behind the rest, for the bytes of one read
 * come in any order. */
static bool look_at(struct survey *survey, uint32_t number, struct coopi_entry *ret_entry, json_t **ret_object)
{
    const struct image *image = survey->image;
    uint64_t at = image->header.directory.offset + (uint64_t)number * sizeof *ret_entry, before, after;
    *ret_object = NULL;
    if (!read_state(image, number, &before) || image_read(image, at, ret_entry, sizeof *ret_entry) < 0) return false;
    if (!live(ret_entry)) return false;
    *ret_object = look(survey, ret_entry, number);
    return read_state(image, number, &after) && after == before && ret_entry->state == before;
}

int objects_list(const struct image *image, const struct objects_wish *wish,
                 struct people_holds holds[COOPI_ROWS_MAX + 1], json_t *document)
{
    const char *only = wish->only;
    struct coopi_entry *entries;
    int r = image_table(image, &image->header.directory, &entries);
    if (r < 0) return r;
    json_t *objects = model_array();
    model_put(document, "objects", objects);
    bool found = false;
    for (uint32_t i = 0; i < image->header.directory.count; i++) {
        if (!live(&entries[i]) || (only && !named(&entries[i], only))) continue;
        struct survey survey = {.image = image, .wish = wish, .document = model_object()};
        struct coopi_entry entry;
        json_t *object;
        if (look_at(&survey, i, &entry, &object) && (!only || named(&entry, only))) {
            found = true;
            model_take_problems(document, survey.document);
            lockview_count(holds, survey.tag);
            if (object) model_append(objects, json_incref(object));
        }
        json_decref(object);
        json_decref(survey.document);
    }
    free(entries);
    if (!only || found) return 0;
    return coopi_fail(ENOENT, "%s/%s: no such object; `shmctl show %s` lists those there are", image->label, only,
                      image->label);
}

int objects_count(const struct image *image, uint64_t *ret_count)
{
    struct coopi_entry *entries;
    int r = image_table(image, &image->header.directory, &entries);
    if (r < 0) return r;
    uint64_t count = 0;
    for (uint32_t i = 0; i < image->header.directory.count; i++) count += live(&entries[i]);
    free(entries);
    *ret_count = count;
    return 0;
}
