/* SPDX-License-Identifier: MIT */
/* All that shmctl can say of one segment, gathered in one document. */
#include "survey.h"

#include "lockview.h"
#include "model.h"
#include "objects.h"
#include "people.h"

#include <coop/error.h>

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void put_format(json_t *object, const char *key, const char *format, ...) __attribute__((format(printf, 3, 4)));
static void put_format(json_t *object, const char *key, const char *format, ...)
{
    char text[128];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    model_text(object, key, text);
}

static void put_table(json_t *facts, const char *key, const struct coopi_table *table)
{
    json_t *one = model_object();
    model_number(one, "offset", table->offset);
    model_number(one, "stride", table->stride);
    model_number(one, "count", table->count);
    model_put(facts, key, one);
}

/* What the header claims, believed or not: a reader of a damaged one wants to see it, too. */
static void put_header(const struct coopi_header *header, json_t *facts)
{
    model_name(facts, "magic", header->magic, sizeof header->magic);
    put_format(facts, "format", "%" PRIu32 ".%" PRIu32, header->format_major, header->format_minor);
    put_format(facts, "compatible", "%#" PRIx64, header->compatible);
    put_format(facts, "incompatible", "%#" PRIx64, header->incompatible);
    put_format(facts, "fingerprint", "%016" PRIx64, header->fingerprint);
    put_format(facts, "checksum", "%016" PRIx64, header->checksum);
    model_name(facts, "made_as", header->name, sizeof header->name);
    model_number(facts, "maximum", header->maximum);
    model_number(facts, "reserved", header->size);
    model_number(facts, "storage", header->storage);
    model_time(facts, "created", header->created);
    model_put(facts, "created_ns", json_integer(header->created));
    json_t *creator = model_object();
    model_number(creator, "pid", header->creator_pid);
    model_number(creator, "uid", header->creator_uid);
    model_put(facts, "creator", creator);
    model_number(facts, "pid_namespace", header->pid_namespace);
    model_number(facts, "objects_made", header->objects_made);
    put_table(facts, "directory", &header->directory);
    put_table(facts, "participants", &header->participants);
    put_table(facts, "owners", &header->owners);
    put_table(facts, "events", &header->events);
}

static json_t *facts_of(const struct image *image)
{
    json_t *facts = model_object();
    model_text(facts, "name", image->name.name);
    model_number(facts, "uid", image->name.uid);
    model_text(facts, "file", image->name.shm + 1);
    model_number(facts, "size", image->file_size);
    put_format(facts, "mode", "%04o", (unsigned)image->mode);
    if (image->file_size > 0) put_header(&image->header, facts);
    if (image->damage == 0) {
        model_bool(facts, "this_boot", image->same_boot);
        model_bool(facts, "this_pid_namespace", image->same_pids);
    }
    return facts;
}

static void add_problem(json_t *document, int result)
{
    model_problem(document, result, coop_error_detail());
}

static void survey_people(const struct image *image, struct people_holds *holds, json_t *document)
{
    int r = 0;
    uint32_t tag = 0;
    json_t *lock = lockview_read(image, offsetof(struct coopi_header, lock), &tag, &r);
    lockview_count(holds, tag);
    if (!lock) add_problem(document, r);
    model_put(document, "lock", lock ? lock : json_null());
    r = people_list(image, holds, document);
    if (r < 0) add_problem(document, r);
}

int survey_make(const struct image *image, const struct objects_wish *wish, json_t **ret_document)
{
    struct people_holds holds[COOPI_ROWS_MAX + 1];
    json_t *document = model_object();
    model_put(document, "segment", facts_of(image));
    model_put(document, "problems", model_array());
    memset(holds, 0, sizeof holds);
    if (image->damage < 0) {
        model_problem(document, image->damage, image->wrong);
        *ret_document = document;
        return 0;
    }
    if (image->refused) model_problem(document, image->refused, image->reason);
    int r = objects_list(image, wish, holds, document);
    if (r == -ENOENT) {
        json_decref(document);
        return r;
    }
    if (r < 0) add_problem(document, r);
    if (!wish->only) survey_people(image, holds, document);
    *ret_document = document;
    return 0;
}
