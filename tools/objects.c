/* SPDX-License-Identifier: MIT */
/* The directory of a segment and what its objects hold. */
#include "objects.h"

#include "lockview.h"
#include "model.h"
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
    struct people_holds *holds;
    json_t *document;
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

static void add_lock(const struct survey *survey, const struct coopi_entry *entry, const char *label, json_t *object)
{
    int r = 0;
    json_t *lock = NULL;
    if (entry->size - (entry->body - entry->offset) < sizeof(struct coopi_lock_shm))
        r = coopi_fail(EBADMSG, "%s: damaged: its lock does not fit into its %" PRIu64 " bytes", label, entry->size);
    else
        lock = lockview_read(survey->image, entry->body, survey->holds, &r);
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
static json_t *look(const struct survey *survey, const struct coopi_entry *entry, uint32_t number)
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
    if (!holds_items || entry->flags & COOPI_ENTRY_LOCKED) add_lock(survey, entry, label, object);
    return object;
}

static bool named(const struct coopi_entry *entry, const char *name)
{
    return strncmp(entry->name, name, sizeof entry->name) == 0;
}

int objects_list(const struct image *image, const struct objects_wish *wish,
                 struct people_holds holds[COOPI_ROWS_MAX + 1], json_t *document)
{
    struct survey survey = {image, wish, holds, document};
    const char *only = wish->only;
    struct coopi_entry *entries;
    int r = image_table(image, &image->header.directory, &entries);
    if (r < 0) return r;
    json_t *objects = model_array();
    model_put(document, "objects", objects);
    bool found = false;
    for (uint32_t i = 0; i < image->header.directory.count; i++) {
        if (!live(&entries[i]) || (only && !named(&entries[i], only))) continue;
        found = true;
        json_t *object = look(&survey, &entries[i], i);
        if (object) model_append(objects, object);
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
