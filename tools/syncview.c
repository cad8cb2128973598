/* SPDX-License-Identifier: MIT */
/* What a Semaphore, Condition, Event, Barrier or RWLock holds. */
#include "syncview.h"

#include "lockview.h"
#include "model.h"

#include "base/error.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct view {
    const struct image *image;
    const struct coopi_entry *entry;
    uint32_t number;
    const char *label;
    json_t *object;
    struct coopi_sync_shm shm;
    uint64_t at; /* of shm in the file */
};

bool syncview_knows(uint32_t kind)
{
    return kind == COOPI_SEMAPHORE || kind == COOPI_CONDITION || kind == COOPI_EVENT || kind == COOPI_BARRIER ||
           kind == COOPI_RWLOCK;
}

static void put_text(json_t *object, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void put_text(json_t *object, const char *format, ...)
{
    char text[256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    model_text(object, "text", text);
}

static json_t *thread(const struct image *image, uint32_t tag, const char *wants)
{
    struct people_owner owner;
    if (people_find_owner(image, tag, &owner) < 0) return json_null();
    json_t *one = model_object();
    model_put(one, "pid", owner.known ? model_new_number(owner.pid) : json_null());
    model_put(one, "tid", owner.known ? model_new_number(owner.tid) : json_null());
    if (owner.known)
        model_name(one, "command", owner.command, sizeof owner.command);
    else
        model_text(one, "command", NULL);
    model_text(one, "state", people_life_name(owner.life));
    if (wants) model_text(one, "wants", wants);
    return one;
}

/* Calls EACH for every word that is not 0. */
static int each_word(const struct view *view, void (*each)(const struct view *, uint64_t word, json_t *threads),
                     json_t *threads)
{
    for (uint64_t i = 0; i < view->entry->length; i++) {
        uint64_t word;
        int r = image_read(view->image, view->at + sizeof view->shm + i * sizeof word, &word, sizeof word);
        if (r < 0) return r;
        if (word) each(view, word, threads);
    }
    return 0;
}

static void add_permits(const struct view *view, uint64_t word, json_t *threads)
{
    json_t *one = thread(view->image, coopi_tag_of(word), NULL);
    if (json_is_object(one)) model_number(one, "permits", (uint32_t)word);
    model_append(threads, one);
}

static void add_reader(const struct view *view, uint64_t word, json_t *threads)
{
    json_t *one = thread(view->image, coopi_tag_of(word), NULL);
    if ((uint32_t)word & COOPI_WRITES) {
        model_put(view->object, "writer", one);
        return;
    }
    if (json_is_object(one)) model_number(one, "depth", (uint32_t)word);
    model_append(threads, one);
}

static void add_member(const struct view *view, uint64_t word, json_t *threads)
{
    json_t *one = thread(view->image, coopi_tag_of(word), NULL);
    uint32_t generation = (uint32_t)(view->shm.barrier.state >> COOPI_BARRIER_GENERATION) & COOPI_PARTY_GENERATION;
    bool arrived = ((uint32_t)word & COOPI_PARTY_ARRIVED) && ((uint32_t)word & COOPI_PARTY_GENERATION) == generation;
    if (!arrived && !((uint32_t)word & COOPI_PARTY_JOINED)) {
        json_decref(one); /* of an earlier generation */
        return;
    }
    if (json_is_object(one)) model_bool(one, "arrived", arrived);
    model_append(threads, one);
}

struct waiter {
    uint64_t ticket;
    json_t *thread;
};

static int by_ticket(const void *a, const void *b)
{
    const struct waiter *x = a, *y = b;
    return (x->ticket > y->ticket) - (x->ticket < y->ticket);
}

static json_t *waiter_of(const struct view *view, const struct coopi_seat *seat)
{
    char wants[48] = "to be notified";
    uint32_t state = seat->state & COOPI_SEAT_MASK;
    if ((uint32_t)seat->who != view->number + 1) return NULL;
    if (state != COOPI_SEAT_WAITING && state != COOPI_SEAT_GRANTED) return NULL;
    if (view->entry->kind == COOPI_SEMAPHORE) snprintf(wants, sizeof wants, "%" PRIu32 " permits", seat->want);
    if (view->entry->kind == COOPI_RWLOCK) snprintf(wants, sizeof wants, "%s", seat->want ? "to write" : "to read");
    json_t *one = thread(view->image, coopi_tag_of(seat->who), wants);
    if (json_is_object(one)) model_bool(one, "granted", state == COOPI_SEAT_GRANTED);
    return one;
}

/* In order of arrival. */
static int add_waiters(const struct view *view, size_t *ret_count)
{
    struct coopi_owner *owners;
    const struct coopi_table *table = &view->image->header.owners;
    int r = image_table(view->image, table, &owners);
    if (r < 0) return r;
    struct waiter *waiters = calloc(table->count, sizeof *waiters);
    if (!waiters) abort();
    size_t count = 0;
    for (uint32_t row = 0; row < table->count; row++) {
        json_t *one = waiter_of(view, &owners[row].seat);
        if (one) waiters[count++] = (struct waiter){owners[row].seat.ticket, one};
    }
    qsort(waiters, count, sizeof *waiters, by_ticket);
    json_t *array = model_array();
    for (size_t i = 0; i < count; i++) model_append(array, waiters[i].thread);
    model_put(view->object, "waiters", array);
    free(waiters);
    free(owners);
    *ret_count = count;
    return 0;
}

static int view_semaphore(const struct view *view)
{
    const struct coopi_semaphore_shm *shm = &view->shm.semaphore;
    bool counting = view->entry->flags & COOPI_ENTRY_COUNTING, bounded = view->entry->flags & COOPI_ENTRY_BOUNDED;
    size_t waiters;
    json_t *holders = model_array();
    model_put(view->object, "holders", holders);
    int r = each_word(view, add_permits, holders);
    if (r == 0) r = add_waiters(view, &waiters);
    if (r < 0) return r;
    model_text(view->object, "semaphore", bounded ? "bounded" : counting ? "counting" : "owned");
    model_number(view->object, "permits", shm->total);
    model_number(view->object, "free", shm->available);
    put_text(view->object, "%" PRIu32 " free of %" PRIu32 ", %zu hold, %zu wait", shm->available, shm->total,
             json_array_size(holders), waiters);
    return 0;
}

static int view_condition(const struct view *view)
{
    size_t waiters;
    int r = add_waiters(view, &waiters);
    if (r < 0) return r;
    if (view->shm.condition.lock)
        model_number(view->object, "works_with", view->shm.condition.lock - 1);
    put_text(view->object, "%zu wait", waiters);
    return 0;
}

static void put_broken(const struct view *view)
{
    static const char *const why[] = {"it is", "somebody died", "a wait timed out", "a wait was interrupted",
                                      "its action failed", "aborted", "a reset under way"};
    char text[128];
    struct people_owner owner = {0};
    uint64_t breach = view->shm.barrier.breach;
    uint32_t reason = (uint32_t)(breach >> 32) & COOPI_BREACH_REASON, tag = (uint32_t)breach;
    if (!(view->shm.barrier.state & COOPI_BARRIER_BROKEN)) {
        model_text(view->object, "broken", NULL);
        return;
    }
    if (reason >= sizeof why / sizeof why[0]) reason = 0;
    if (tag && people_find_owner(view->image, tag, &owner) == 0 && owner.known)
        snprintf(text, sizeof text, "%s (pid %" PRIu32 ", tid %" PRIu32 ")", why[reason], owner.pid, owner.tid);
    else
        snprintf(text, sizeof text, "%s", why[reason]);
    model_text(view->object, "broken", text);
}

static int view_barrier(const struct view *view)
{
    const struct coopi_barrier_shm *shm = &view->shm.barrier;
    uint64_t generation = shm->state >> COOPI_BARRIER_GENERATION, arrived = shm->state & COOPI_BARRIER_ARRIVED;
    json_t *members = model_array();
    model_put(view->object, "members", members);
    int r = each_word(view, add_member, members);
    if (r < 0) return r;
    model_number(view->object, "parties", shm->parties);
    model_number(view->object, "generation", generation);
    put_broken(view);
    if (shm->state & COOPI_BARRIER_BROKEN)
        put_text(view->object, "BROKEN: %s", model_get_text(view->object, "broken"));
    else
        put_text(view->object, "%" PRIu64 " of %" PRIu32 " arrived, generation %" PRIu64, arrived, shm->parties,
                 generation);
    return 0;
}

static int view_rwlock(const struct view *view)
{
    size_t waiters;
    json_t *readers = model_array();
    model_put(view->object, "readers", readers);
    model_put(view->object, "writer", json_null());
    int r = each_word(view, add_reader, readers);
    if (r == 0) r = add_waiters(view, &waiters);
    if (r < 0) return r;
    const json_t *who = json_object_get(view->object, "writer");
    if (json_is_object(who))
        put_text(view->object, "pid %" PRIu64 " (%s) writes, %zu wait", model_get_number(who, "pid"),
                 model_get_text(who, "command"), waiters);
    else
        put_text(view->object, "%zu read, %zu wait", json_array_size(readers), waiters);
    return 0;
}

static int view_event(const struct view *view)
{
    struct coopi_event_shm shm;
    if (view->entry->offset + view->entry->size - view->entry->body < sizeof shm)
        return coopi_fail(EBADMSG, "%s: damaged: %" PRIu64 " bytes are too few for an event", view->label,
                          view->entry->size);
    int r = image_read(view->image, view->entry->body, &shm, sizeof shm);
    if (r < 0) return r;
    model_bool(view->object, "set", shm.state & 1);
    model_number(view->object, "times_set", shm.state >> 1);
    put_text(view->object, "%s, was set %" PRIu64 " times", shm.state & 1 ? "set" : "clear", shm.state >> 1);
    return 0;
}

int syncview_read(const struct image *image, const struct coopi_entry *entry, uint32_t number, const char *label,
                  json_t *object)
{
    struct view view = {.image = image, .entry = entry, .number = number, .label = label, .object = object};
    if (entry->kind == COOPI_EVENT) return view_event(&view);
    view.at = coopi_entry_sync_offset(entry, &image->header, image->limit);
    if (!view.at)
        return coopi_fail(EBADMSG, "%s: damaged: %" PRIu64 " bytes are too few for a %s", label, entry->size,
                          coopi_kind_name(entry->kind));
    int r = image_read(image, view.at, &view.shm, sizeof view.shm);
    if (r < 0) return r;
    model_put(object, "last_death", lockview_last_death(&view.shm.guard.death));
    switch (entry->kind) {
    case COOPI_SEMAPHORE: return view_semaphore(&view);
    case COOPI_CONDITION: return view_condition(&view);
    case COOPI_BARRIER: return view_barrier(&view);
    default: return view_rwlock(&view);
    }
}
