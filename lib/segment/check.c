/* SPDX-License-Identifier: MIT */
/* Checks of a segment's tables. */
#include "segment/check.h"

#include "base/error.h"
#include "base/type.h"
#include "segment/content.h"
#include "segment/owner.h"

#include <coop/error.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COVERS (COOPI_ENTRY_LIVE | COOPI_ENTRY_REMOVED)

static void tell(struct coopi_findings *findings, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void tell(struct coopi_findings *findings, const char *format, ...)
{
    char text[400];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    findings->count++;
    findings->tell(findings, text);
}

void coopi_size_check(const struct coopi_copy *copy, struct coopi_findings *findings)
{
    const struct coopi_header *h = coopi_copy_header(copy);
    if (h->size < h->storage || h->size > h->maximum || h->size > copy->file_size)
        tell(findings,
             "%s: says that %" PRIu64 " bytes are reserved, and its file has %" PRIu64 " (at least %" PRIu64
             ", at most %" PRIu64 ")",
             copy->label, h->size, copy->file_size, h->storage, h->maximum);
}

/* The entry's name for sentences: what is printable of it. */
static const char *name_of(const struct coopi_entry *entry, char text[80])
{
    size_t length = strnlen(entry->name, sizeof entry->name);
    if (length == 0) return "a nameless object";
    for (size_t i = 0; i < length; i++) {
        char c = entry->name[i];
        text[i] = '?';
        if (c > ' ' && c <= '~') text[i] = c;
    }
    text[length] = 0;
    return text;
}

static void check_entries(const struct coopi_copy *copy, struct coopi_findings *findings, uint8_t *bad)
{
    const struct coopi_header *h = coopi_copy_header(copy);
    const struct coopi_entry *entries = coopi_copy_directory(copy);
    for (uint32_t i = 0; i < h->directory.count; i++) {
        char text[80];
        uint64_t flags = entries[i].state & COVERS;
        bad[i] = 0;
        if (!flags) continue;
        bool both = flags == COVERS;
        if (!both && coopi_entry_check(&entries[i], h, copy->file_size, copy->label) == 0) continue;
        bad[i] = COOPI_BAD;
        tell(findings, "%s: entry %" PRIu32 ", %s, %s", copy->label, i, name_of(&entries[i], text),
             both ? "is live and removed at once"
                  : "is not sound: it lies outside, or has no kind or name that is known");
    }
}

/* For qsort: entries by name, and by place. */
struct sorted {
    const struct coopi_entry *entry;
    uint32_t number;
};

static int by_name(const void *a, const void *b)
{
    const struct sorted *x = a, *y = b;
    int order = strncmp(x->entry->name, y->entry->name, sizeof x->entry->name);
    return order ? order : (x->number > y->number) - (x->number < y->number);
}

static int by_place(const void *a, const void *b)
{
    const struct sorted *x = a, *y = b;
    return (x->entry->offset > y->entry->offset) - (x->entry->offset < y->entry->offset);
}

static size_t select_entries(const struct coopi_copy *copy, const uint8_t *bad, uint64_t flags, struct sorted *sorted)
{
    size_t count = 0;
    const struct coopi_entry *entries = coopi_copy_directory(copy);
    for (uint32_t i = 0; i < coopi_copy_header(copy)->directory.count; i++)
        if (!bad[i] && (entries[i].state & flags)) sorted[count++] = (struct sorted){&entries[i], i};
    return count;
}

static void check_names(const struct coopi_copy *copy, struct coopi_findings *findings, uint8_t *bad,
                        struct sorted *sorted)
{
    char text[80];
    size_t count = select_entries(copy, bad, COOPI_ENTRY_LIVE, sorted);
    qsort(sorted, count, sizeof *sorted, by_name);
    for (size_t i = 1; i < count; i++) {
        if (!*sorted[i].entry->name || strcmp(sorted[i].entry->name, sorted[i - 1].entry->name) != 0) continue;
        bad[sorted[i].number] = COOPI_BAD_NAME;
        tell(findings, "%s: entry %" PRIu32 ", %s, has the name of another", copy->label, sorted[i].number,
             name_of(sorted[i].entry, text));
    }
}

static void check_places(const struct coopi_copy *copy, struct coopi_findings *findings, uint8_t *bad,
                         struct sorted *sorted)
{
    uint64_t end = 0;
    size_t count = select_entries(copy, bad, COVERS, sorted);
    qsort(sorted, count, sizeof *sorted, by_place);
    for (size_t i = 0; i < count; i++) {
        char text[80];
        const struct coopi_entry *entry = sorted[i].entry;
        if (entry->offset < end) {
            bad[sorted[i].number] = COOPI_BAD;
            tell(findings, "%s: entry %" PRIu32 ", %s, lies over another", copy->label, sorted[i].number,
                 name_of(entry, text));
        } else
            end = entry->offset + entry->size;
    }
}

int coopi_directory_check(const struct coopi_copy *copy, struct coopi_findings *findings, uint8_t *bad)
{
    struct sorted *sorted = malloc(coopi_copy_header(copy)->directory.count * sizeof *sorted);
    if (!sorted) return coopi_fail(ENOMEM, "%s: out of memory", copy->label);
    check_entries(copy, findings, bad);
    check_names(copy, findings, bad, sorted);
    check_places(copy, findings, bad, sorted);
    free(sorted);
    return 0;
}

/* NULL: it can be opened, or nobody can read it; else what is wrong. */
static int judge_content(const struct coopi_copy *copy, const struct coopi_entry *entry, const char **ret_wrong)
{
    char text[COOPI_TYPE_TEXT];
    struct coopi_type type;
    *ret_wrong = NULL;
    if (entry->type_size == 0 || entry->type_size > sizeof text) {
        *ret_wrong = "has a type of an impossible length";
        return 0;
    }
    if (!copy->read(copy, entry->offset, entry->type_size, text)) return 0;
    if (strnlen(text, entry->type_size) + 1 != entry->type_size) {
        *ret_wrong = "has a type that is not a string";
        return 0;
    }
    int r = coopi_type_parse(text, copy->label, &type);
    if (r == -ENOMEM) return r;
    if (r < 0) {
        *ret_wrong = "has a type that is not one";
        return 0;
    }
    uint64_t body_size = entry->offset + entry->size - entry->body;
    if (!coopi_content_fits(entry->kind, entry->flags, type.size, entry->length, body_size))
        *ret_wrong = "has no room for its items";
    coopi_type_clear(&type);
    return 0;
}

int coopi_types_check(const struct coopi_copy *copy, struct coopi_findings *findings, uint8_t *bad)
{
    const struct coopi_entry *entries = coopi_copy_directory(copy);
    for (uint32_t i = 0; i < coopi_copy_header(copy)->directory.count; i++) {
        char text[80];
        const char *wrong;
        const struct coopi_entry *entry = &entries[i];
        if (bad[i] || !(entry->state & COOPI_ENTRY_LIVE)) continue;
        if (entry->kind != COOPI_VALUE && entry->kind != COOPI_ARRAY) continue;
        int r = judge_content(copy, entry, &wrong);
        if (r < 0) return r;
        if (!wrong) continue;
        bad[i] = COOPI_BAD_TYPE;
        tell(findings, "%s: entry %" PRIu32 ", %s, %s: nobody can open it", copy->label, i, name_of(entry, text),
             wrong);
    }
    return 0;
}

static bool overlaps(const struct coopi_entry *entry, uint64_t start, uint64_t end)
{
    return entry->offset < end && start < entry->offset + entry->size;
}

void coopi_storage_check(const struct coopi_copy *copy, struct coopi_findings *findings, const uint8_t *bad)
{
    const struct coopi_header *h = coopi_copy_header(copy);
    const struct coopi_entry *entries = coopi_copy_directory(copy);
    uint64_t end = h->storage;
    uint32_t free_below = 0, hidden = 0;
    bool range = h->free_start < h->free_end, taken = false;
    for (uint32_t i = 0; i < h->directory.count; i++) {
        const struct coopi_entry *entry = &entries[i];
        if (!(entry->state & COVERS)) free_below += i < h->entry_cursor;
        if (bad[i] || !(entry->state & COVERS)) continue;
        hidden += (entry->state & COOPI_ENTRY_REMOVED) || !entry->name[0];
        if (entry->offset + entry->size > end) end = entry->offset + entry->size;
        taken |= range && overlaps(entry, h->free_start, h->free_end);
    }
    if (h->storage_end < end)
        tell(findings, "%s: its storage ends at %" PRIu64 ", and the header says %" PRIu64, copy->label, end,
             h->storage_end);
    if (free_below)
        tell(findings, "%s: %" PRIu32 " free entries stand below %" PRIu32 ", where the header has the first",
             copy->label, free_below, h->entry_cursor);
    if (h->out_of_sight < hidden)
        tell(findings, "%s: %" PRIu32 " objects are out of sight, and the header knows of %" PRIu32, copy->label,
             hidden, h->out_of_sight);
    if (taken)
        tell(findings, "%s: an object lies in what the header calls free (%" PRIu64 " to %" PRIu64 ")", copy->label,
             h->free_start, h->free_end);
}

/* Marks the entries that are reached from their own bucket. Each entry is walked over once, whatever the chains say.
 * How many chains have no end. */
static uint32_t walk_chains(const struct coopi_copy *copy, uint8_t *seen)
{
    const struct coopi_header *h = coopi_copy_header(copy);
    const struct coopi_entry *entries = coopi_copy_directory(copy);
    const uint32_t *index = (const uint32_t *)(const void *)(copy->bytes + h->index.offset);
    uint32_t endless = 0;
    for (uint32_t bucket = 0; bucket < h->index.count; bucket++) {
        uint32_t at = index[bucket];
        while (at && at <= h->directory.count && !seen[at - 1]) {
            const struct coopi_entry *entry = &entries[at - 1];
            bool named = memchr(entry->name, 0, sizeof entry->name) != NULL;
            bool right = named && (coopi_name_hash(entry->name) & (h->index.count - 1)) == bucket;
            seen[at - 1] = right ? 1 : 2;
            at = entry->next;
        }
        endless += at != 0;
    }
    return endless;
}

int coopi_index_check(const struct coopi_copy *copy, struct coopi_findings *findings, const uint8_t *bad)
{
    const struct coopi_header *h = coopi_copy_header(copy);
    const struct coopi_entry *entries = coopi_copy_directory(copy);
    uint8_t *seen = calloc(h->directory.count, 1);
    if (!seen) return coopi_fail(ENOMEM, "%s: out of memory", copy->label);
    uint32_t endless = walk_chains(copy, seen), missing = 0, first = 0;
    for (uint32_t i = 0; i < h->directory.count; i++) {
        if (bad[i] || !(entries[i].state & COOPI_ENTRY_LIVE) || !entries[i].name[0] || seen[i] == 1) continue;
        if (!missing++) first = i;
    }
    free(seen);
    char text[80];
    if (missing)
        tell(findings, "%s: %" PRIu32 " objects are not in the index, %s first", copy->label, missing,
             name_of(&entries[first], text));
    if (endless) tell(findings, "%s: %" PRIu32 " chains of its index have no end", copy->label, endless);
    if (h->index_state & 1) tell(findings, "%s: its index is half made", copy->label);
    return 0;
}

bool coopi_owner_is_sound(const struct coopi_owner *owner, uint32_t row)
{
    uint64_t life = owner->life.word;
    return life == 0 || (coopi_tag_of(life) & COOPI_ROW_MASK) == row;
}

void coopi_owners_check(const struct coopi_copy *copy, struct coopi_findings *findings)
{
    const struct coopi_table *table = &coopi_copy_header(copy)->owners;
    const struct coopi_owner *owners = (const struct coopi_owner *)(const void *)(copy->bytes + table->offset);
    for (uint32_t i = 0; i < table->count; i++)
        if (!coopi_owner_is_sound(&owners[i], i))
            tell(findings, "%s: the life word of owner %" PRIu32 " belongs to another row (%#" PRIx64 ")", copy->label,
                 i, owners[i].life.word);
}

/* The owner must be one that there can be, and only who holds an RLock is in it more than once. */
bool coopi_lock_is_sound(const struct coopi_lock_shm *lock, uint32_t kind, uint32_t owner_count)
{
    uint64_t word = lock->robust.word;
    bool held = word & COOPI_TID_MASK, died = word & COOPI_OWNER_DIED;
    if (held && (coopi_tag_of(word) & COOPI_ROW_MASK) >= owner_count) return false;
    return held || died || kind == COOPI_LOCK || lock->robust.extra == 0;
}

void coopi_locks_check(const struct coopi_copy *copy, struct coopi_findings *findings, const uint8_t *bad)
{
    const struct coopi_header *h = coopi_copy_header(copy);
    const struct coopi_entry *entries = coopi_copy_directory(copy);
    char text[80];
    if (!coopi_lock_is_sound(&h->lock, COOPI_LOCK, h->owners.count))
        tell(findings, "%s: the lock of its directory is held by an owner that there cannot be", copy->label);
    for (uint32_t i = 0; i < h->directory.count; i++) {
        if (bad[i] || !(entries[i].state & COVERS)) continue;
        struct coopi_lock_shm lock;
        uint64_t at = coopi_entry_lock_offset(&entries[i], h, copy->file_size);
        if (!at || !copy->read(copy, at, sizeof lock, &lock)) continue;
        if (!coopi_lock_is_sound(&lock, entries[i].kind, h->owners.count))
            tell(findings, "%s: the lock of %s is held by an owner that there cannot be, or by nobody more than once",
                 copy->label, name_of(&entries[i], text));
    }
}

void coopi_syncs_check(const struct coopi_copy *copy, struct coopi_findings *findings, uint8_t *bad)
{
    const struct coopi_entry *entries = coopi_copy_directory(copy);
    for (uint32_t i = 0; i < coopi_copy_header(copy)->directory.count; i++) {
        char text[80];
        bool openable;
        const struct coopi_entry *entry = &entries[i];
        if (bad[i] || !(entry->state & COOPI_ENTRY_LIVE) || !coopi_kind_is_sync(entry->kind)) continue;
        const char *wrong = coopi_sync_judge(copy, entry, &openable);
        if (!wrong) continue;
        if (!openable) bad[i] = COOPI_BAD_TYPE;
        tell(findings, "%s: entry %" PRIu32 ", %s, %s%s", copy->label, i, name_of(entry, text), wrong,
             openable ? "" : ": nobody can open it");
    }
}

bool coopi_event_is_sound(const struct coopi_event *event, uint32_t place, uint32_t places)
{
    if (event->number == 0) return true; /* never written, or not to its end */
    return (event->number - 1) % places == place && event->sum == coopi_event_sum(event);
}

void coopi_events_check(const struct coopi_copy *copy, struct coopi_findings *findings)
{
    const struct coopi_table *table = &coopi_copy_header(copy)->events;
    const struct coopi_event *events = (const struct coopi_event *)(const void *)(copy->bytes + table->offset);
    for (uint32_t i = 0; i < table->count; i++)
        if (!coopi_event_is_sound(&events[i], i, table->count))
            tell(findings, "%s: event %" PRIu64 " in place %" PRIu32 " is torn", copy->label, events[i].number, i);
}

/* Somebody died at work in the directory, and what is derived is made anew by the next who comes. */
static bool is_left_undone(const struct coopi_copy *copy)
{
    const struct coopi_header *h = coopi_copy_header(copy);
    const struct coopi_owner *owners = (const struct coopi_owner *)(const void *)(copy->bytes + h->owners.offset);
    uint64_t word = h->lock.robust.word;
    uint32_t tag = coopi_tag_of(word), row = tag & COOPI_ROW_MASK;
    if (word & COOPI_OWNER_DIED) return true;
    return (word & COOPI_TID_MASK) && row < h->owners.count && coopi_dead_by(owners[row].life.word, tag);
}

int coopi_segment_check_marking(const struct coopi_copy *copy, struct coopi_findings *findings, uint8_t *bad)
{
    coopi_size_check(copy, findings);
    bool undone = is_left_undone(copy);
    int r = coopi_directory_check(copy, findings, bad);
    if (r == 0) r = coopi_types_check(copy, findings, bad);
    if (r == 0 && !undone) r = coopi_index_check(copy, findings, bad);
    if (r < 0) return r;
    if (!undone) coopi_storage_check(copy, findings, bad);
    coopi_owners_check(copy, findings);
    coopi_locks_check(copy, findings, bad);
    coopi_syncs_check(copy, findings, bad);
    coopi_events_check(copy, findings);
    return 0;
}

int coopi_segment_check(const struct coopi_copy *copy, struct coopi_findings *findings)
{
    uint8_t *bad = calloc(coopi_copy_header(copy)->directory.count, 1);
    if (!bad) return coopi_fail(ENOMEM, "%s: out of memory", copy->label);
    int r = coopi_segment_check_marking(copy, findings, bad);
    free(bad);
    return r;
}
