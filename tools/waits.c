/* SPDX-License-Identifier: MIT */
/* Who holds and who waits for what, over several segments. */
#include "waits.h"

#include "model.h"
#include "people.h"
#include "text.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_ROOM 400
#define PATH_ROOM (sizeof(struct object) + 8)

struct thread {
    uint32_t pid, tid;
    char command[COOPI_COMMAND_SIZE];
};

struct object {
    char segment[COOPI_SEGMENT_NAME + 16];
    char name[NAME_ROOM];
    uint32_t kind;
};

/* THREAD holds OBJECT, or waits for it; how: "2 permits", "to read" and the like, or "". */
struct edge {
    size_t thread, object;
    bool waits;
    char wants[32];
};

struct waits {
    struct thread *threads;
    struct object *objects;
    struct edge *edges;
    size_t thread_count, object_count, edge_count;
};

/* One more item at the end of an array that doubles; out of memory ends the program, as in model.c. */
static void *push(void *array, size_t *count, size_t size)
{
    char **items = array;
    if ((*count & (*count - 1)) == 0) {
        char *more = realloc(*items, (*count ? 2 * *count : 1) * size);
        if (!more) abort();
        *items = more;
    }
    void *item = *items + *count * size;
    memset(item, 0, size);
    ++*count;
    return item;
}

struct waits *waits_new(void)
{
    struct waits *waits = calloc(1, sizeof *waits);
    if (!waits) abort();
    return waits;
}

void waits_free(struct waits *waits)
{
    free(waits->threads);
    free(waits->objects);
    free(waits->edges);
    free(waits);
}

static size_t find_thread(struct waits *waits, uint32_t pid, uint32_t tid, const char *command)
{
    for (size_t i = 0; i < waits->thread_count; i++)
        if (waits->threads[i].tid == tid && waits->threads[i].pid == pid) return i;
    struct thread *thread = push(&waits->threads, &waits->thread_count, sizeof *thread);
    thread->pid = pid;
    thread->tid = tid;
    memcpy(thread->command, command, sizeof thread->command);
    return waits->thread_count - 1;
}

/* A segment under the eyes: its tables, and the numbers of its objects once they have an edge. */
struct look {
    struct waits *waits;
    const struct image *image;
    struct coopi_entry *entries;
    struct coopi_owner *owners;
    size_t *known; /* by entry: index of the object + 1 */
};

static size_t find_object(struct look *look, uint32_t number)
{
    const struct coopi_entry *entry = &look->entries[number];
    if (look->known[number]) return look->known[number] - 1;
    struct object *object = push(&look->waits->objects, &look->waits->object_count, sizeof *object);
    snprintf(object->segment, sizeof object->segment, "%s", look->image->label);
    if (entry->name[0])
        text_name(entry->name, sizeof entry->name, object->name, sizeof object->name);
    else
        snprintf(object->name, sizeof object->name, "(nameless %" PRIu32 ")", number);
    object->kind = entry->kind;
    look->known[number] = look->waits->object_count;
    return look->known[number] - 1;
}

static void add_edge(struct look *look, uint32_t tag, uint32_t number, bool waits, const char *wants)
{
    struct people_owner owner;
    if (!tag || people_find_owner(look->image, tag, &owner) < 0 || owner.life == LIFE_DEAD || !owner.known) return;
    size_t thread = find_thread(look->waits, owner.pid, owner.tid, owner.command);
    size_t object = find_object(look, number);
    struct edge *edge = push(&look->waits->edges, &look->waits->edge_count, sizeof *edge);
    *edge = (struct edge){.thread = thread, .object = object, .waits = waits};
    snprintf(edge->wants, sizeof edge->wants, "%s", wants);
}

static bool is_live(const struct look *look, uint32_t number)
{
    const struct coopi_entry *entry = &look->entries[number];
    return (entry->state & COOPI_ENTRY_LIVE) &&
           coopi_entry_check(entry, &look->image->header, look->image->limit, look->image->label) == 0;
}

static void add_lock_holder(struct look *look, uint32_t number)
{
    struct coopi_robust robust;
    uint64_t at = coopi_entry_lock_offset(&look->entries[number], &look->image->header, look->image->limit);
    if (!at || image_read(look->image, at, &robust, sizeof robust) < 0) return;
    if (robust.word & COOPI_TID_MASK) add_edge(look, coopi_tag_of(robust.word), number, false, "");
}

static void add_standers(struct look *look, uint32_t number)
{
    struct coopi_sync_shm sync;
    const struct coopi_entry *entry = &look->entries[number];
    uint64_t at = coopi_entry_sync_offset(entry, &look->image->header, look->image->limit);
    if (!at || image_read(look->image, at, &sync, sizeof sync) < 0) return;
    for (uint64_t i = 0; i < entry->length; i++) {
        uint64_t word;
        char wants[32] = "to read";
        if (image_read(look->image, at + sizeof sync + i * sizeof word, &word, sizeof word) < 0) return;
        if (!word) continue;
        if ((uint32_t)word & COOPI_WRITES) snprintf(wants, sizeof wants, "to write");
        if (entry->kind == COOPI_SEMAPHORE) snprintf(wants, sizeof wants, "%" PRIu32 " permits", (uint32_t)word);
        if (entry->kind == COOPI_BARRIER) snprintf(wants, sizeof wants, "a place");
        add_edge(look, coopi_tag_of(word), number, false, wants);
    }
}

/* The object whose lock, or guard, stands at OFFSET; the directory's count: none. */
static uint32_t object_at(const struct look *look, uint64_t offset)
{
    uint32_t count = look->image->header.directory.count;
    for (uint32_t i = 0; i < count; i++) {
        const struct coopi_entry *entry = &look->entries[i];
        if (!is_live(look, i) || offset < entry->body || offset >= entry->offset + entry->size) continue;
        return i;
    }
    return count;
}

static void add_waits_of(struct look *look, const struct coopi_owner *owner)
{
    uint32_t tag = coopi_tag_of(owner->life.word), count = look->image->header.directory.count;
    if (owner->info_tag != tag) return;
    if (owner->busy) {
        uint32_t number = object_at(look, owner->busy);
        if (number < count) add_edge(look, tag, number, true, "");
    }
    uint32_t number = (uint32_t)owner->seat.who - 1;
    bool sits = coopi_tag_of(owner->seat.who) == tag && number < count && is_live(look, number);
    if (!sits || (owner->seat.state & COOPI_SEAT_MASK) != COOPI_SEAT_WAITING) return;
    char wants[32] = "";
    uint32_t kind = look->entries[number].kind;
    if (kind == COOPI_SEMAPHORE) snprintf(wants, sizeof wants, "%" PRIu32 " permits", owner->seat.want);
    if (kind == COOPI_RWLOCK) snprintf(wants, sizeof wants, "%s", owner->seat.want ? "to write" : "to read");
    if (kind == COOPI_CONDITION) snprintf(wants, sizeof wants, "to be notified");
    add_edge(look, tag, number, true, wants);
}

int waits_add(struct waits *waits, const struct image *image)
{
    struct look look = {.waits = waits, .image = image};
    uint32_t count = image->header.directory.count;
    int r = image_table(image, &image->header.directory, &look.entries);
    if (r < 0) return r;
    r = image_table(image, &image->header.owners, &look.owners);
    if (r == 0) {
        look.known = calloc(count, sizeof *look.known);
        if (!look.known) abort();
        for (uint32_t i = 0; i < count; i++) {
            if (!is_live(&look, i)) continue;
            add_lock_holder(&look, i);
            add_standers(&look, i);
        }
        for (uint32_t row = 0; row < image->header.owners.count; row++) add_waits_of(&look, &look.owners[row]);
        free(look.known);
        free(look.owners);
    }
    free(look.entries);
    return r;
}

static json_t *thread_model(const struct waits *waits, size_t number)
{
    const struct thread *thread = &waits->threads[number];
    json_t *one = model_object();
    model_number(one, "pid", thread->pid);
    model_number(one, "tid", thread->tid);
    model_name(one, "command", thread->command, sizeof thread->command);
    return one;
}

json_t *waits_objects(const struct waits *waits)
{
    json_t *objects = model_array();
    for (size_t i = 0; i < waits->object_count; i++) {
        json_t *object = model_object(), *held = model_array(), *waited = model_array();
        model_text(object, "segment", waits->objects[i].segment);
        model_text(object, "object", waits->objects[i].name);
        model_text(object, "kind", coopi_kind_name(waits->objects[i].kind));
        for (size_t k = 0; k < waits->edge_count; k++) {
            const struct edge *edge = &waits->edges[k];
            if (edge->object != i) continue;
            json_t *thread = thread_model(waits, edge->thread);
            model_text(thread, "wants", edge->wants);
            model_append(edge->waits ? waited : held, thread);
        }
        model_put(object, "held_by", held);
        model_put(object, "waited_for_by", waited);
        model_append(objects, object);
    }
    return objects;
}

/* The threads on the way, each waiting for the object that the next one holds. */
struct way {
    const struct waits *waits;
    json_t *cycles;
    size_t *threads, *objects;
    bool *done; /* by thread: all ways from it have been walked */
    size_t length;
};

/* Only one who holds the object can end this wait. */
static bool counts(const struct waits *waits, const struct edge *wait)
{
    uint32_t kind = waits->objects[wait->object].kind;
    if (kind == COOPI_CONDITION) return !wait->wants[0]; /* for its lock */
    return kind != COOPI_SEMAPHORE && kind != COOPI_BARRIER && kind != COOPI_EVENT;
}

static void put_text(char *text, size_t room, size_t *length, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
static void put_text(char *text, size_t room, size_t *length, const char *format, ...)
{
    va_list arguments;
    if (*length >= room) return;
    va_start(arguments, format);
    int n = vsnprintf(text + *length, room - *length, format, arguments);
    va_end(arguments);
    if (n > 0) *length += (size_t)n;
}

static void object_path(const struct waits *waits, size_t number, char path[PATH_ROOM])
{
    const struct object *object = &waits->objects[number];
    snprintf(path, PATH_ROOM, "%s/%s", object->segment, object->name);
}

static void tell_cycle(struct way *way, size_t from)
{
    char sentence[8192], held[PATH_ROOM], wanted[PATH_ROOM];
    size_t length = 0;
    json_t *cycle = model_object(), *threads = model_array();
    for (size_t i = from; i < way->length; i++) {
        const struct thread *thread = &way->waits->threads[way->threads[i]];
        char command[4 * COOPI_COMMAND_SIZE + 1];
        text_name(thread->command, sizeof thread->command, command, sizeof command);
        object_path(way->waits, way->objects[i == from ? way->length - 1 : i - 1], held);
        object_path(way->waits, way->objects[i], wanted);
        put_text(sentence, sizeof sentence, &length,
                 "%sthread %" PRIu32 " of process %" PRIu32 " (%s) holds %s and waits for %s", i == from ? "" : "; ",
                 thread->tid, thread->pid, command, held, wanted);
        json_t *one = thread_model(way->waits, way->threads[i]);
        model_text(one, "holds", held);
        model_text(one, "waits_for", wanted);
        model_append(threads, one);
    }
    model_text(cycle, "sentence", sentence);
    model_put(cycle, "threads", threads);
    model_append(way->cycles, cycle);
}

static void follow(struct way *way, size_t thread)
{
    const struct waits *waits = way->waits;
    for (size_t i = 0; i < way->length; i++) {
        if (way->threads[i] != thread) continue;
        tell_cycle(way, i);
        return;
    }
    if (way->done[thread]) return;
    for (size_t k = 0; k < waits->edge_count; k++) {
        const struct edge *wait = &waits->edges[k];
        if (wait->thread != thread || !wait->waits || !counts(waits, wait)) continue;
        way->threads[way->length] = thread;
        way->objects[way->length++] = wait->object;
        for (size_t h = 0; h < waits->edge_count; h++)
            if (waits->edges[h].object == wait->object && !waits->edges[h].waits) follow(way, waits->edges[h].thread);
        way->length--;
    }
    way->done[thread] = true;
}

json_t *waits_cycles(const struct waits *waits)
{
    size_t count = waits->thread_count + 1;
    struct way way = {.waits = waits, .cycles = model_array()};
    way.threads = calloc(count, sizeof *way.threads);
    way.objects = calloc(count, sizeof *way.objects);
    way.done = calloc(count, sizeof *way.done);
    if (!way.threads || !way.objects || !way.done) abort();
    for (size_t i = 0; i < waits->thread_count; i++) follow(&way, i);
    free(way.threads);
    free(way.objects);
    free(way.done);
    return way.cycles;
}
