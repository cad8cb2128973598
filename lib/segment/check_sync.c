/* SPDX-License-Identifier: MIT */
/* Is a Semaphore, Condition, Event, Barrier or RWLock sound? */
#include "segment/check.h"
#include "segment/owner.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct judged {
    const struct coopi_copy *copy;
    const struct coopi_entry *entry;
    struct coopi_sync_shm shm;
    uint64_t at; /* of shm in the file */
};

static uint32_t owner_count(const struct coopi_copy *copy)
{
    return coopi_copy_header(copy)->owners.count;
}

static bool is_row(const struct coopi_copy *copy, uint32_t tag)
{
    return (tag & COOPI_ROW_MASK) < owner_count(copy);
}

static bool lives(const struct coopi_copy *copy, uint32_t tag)
{
    const struct coopi_table *table = &coopi_copy_header(copy)->owners;
    const struct coopi_owner *owners = (const struct coopi_owner *)(const void *)(copy->bytes + table->offset);
    return is_row(copy, tag) && !coopi_dead_by(owners[tag & COOPI_ROW_MASK].life.word, tag);
}

/* The words: NULL, or what is wrong. *RET_HELD: what those of the living sum up to. */
static const char *judge_words(const struct judged *judged, uint64_t *ret_held)
{
    uint64_t held = 0;
    for (uint64_t i = 0; i < judged->entry->length; i++) {
        uint64_t word, at = judged->at + sizeof judged->shm + i * sizeof word;
        if (!judged->copy->read(judged->copy, at, sizeof word, &word)) break;
        if (word && !is_row(judged->copy, coopi_tag_of(word))) return "has a word of an owner that there cannot be";
        if (word && lives(judged->copy, coopi_tag_of(word))) held += (uint32_t)word;
    }
    *ret_held = held;
    return NULL;
}

/* A permit that went from hand to hand while the words were read was counted twice: then the sum is another the next
 * time, or somebody is in the guard. */
static bool stands_still(const struct judged *judged, uint64_t held)
{
    uint64_t again = 0;
    struct coopi_robust guard;
    uint64_t word = judged->shm.guard.robust.word;
    if (judge_words(judged, &again) || again != held) return false;
    return judged->copy->read(judged->copy, judged->at, sizeof guard, &guard) && guard.word == word;
}

static const char *judge_permits(const struct judged *judged, uint64_t held)
{
    const struct coopi_semaphore_shm *shm = &judged->shm.semaphore;
    bool counting = judged->entry->flags & COOPI_ENTRY_COUNTING, bounded = judged->entry->flags & COOPI_ENTRY_BOUNDED;
    if (shm->total > COOPI_PERMITS_MAX || (counting && shm->permits > COOPI_PERMITS_MAX))
        return "has more permits than there can be";
    if (counting && bounded && shm->permits > shm->total) return "has more permits than it was made with";
    if (!counting && held > shm->total && stands_still(judged, held))
        return "has given out more permits than it was made with";
    return NULL;
}

static const char *judge_kind(const struct judged *judged, uint64_t held)
{
    switch (judged->entry->kind) {
    case COOPI_SEMAPHORE: return judge_permits(judged, held);
    case COOPI_BARRIER:
        return (judged->shm.barrier.state & COOPI_BARRIER_ARRIVED) > judged->shm.barrier.parties
                   ? "has more arrivals than parties"
                   : NULL;
    case COOPI_RWLOCK:
        return judged->shm.rwlock.writer && !is_row(judged->copy, judged->shm.rwlock.writer)
                   ? "is written by an owner that there cannot be"
                   : NULL;
    default: return NULL;
    }
}

static const char *judge_shm(const struct judged *judged)
{
    const struct coopi_waitlist_shm *list = &judged->shm.waiting;
    uint32_t rows = owner_count(judged->copy);
    uint64_t held = 0;
    if (!coopi_lock_is_sound(&judged->shm.guard, COOPI_LOCK, rows))
        return "has a guard that is held by an owner that there cannot be";
    if (list->head > rows || list->tail > rows || list->count > rows) return "has a line of rows that there cannot be";
    const char *wrong = judge_words(judged, &held);
    return wrong ? wrong : judge_kind(judged, held);
}

const char *coopi_sync_judge(const struct coopi_copy *copy, const struct coopi_entry *entry, bool *ret_openable)
{
    struct judged judged = {.copy = copy, .entry = entry};
    uint64_t room = entry->offset + entry->size - entry->body;
    bool is_event = entry->kind == COOPI_EVENT;
    *ret_openable = true;
    judged.at = is_event ? 0 : coopi_entry_sync_offset(entry, coopi_copy_header(copy), copy->file_size);
    if (is_event ? room < sizeof(struct coopi_event_shm) : !judged.at) {
        *ret_openable = false;
        return "has not the size of what it is";
    }
    bool whole = !is_event && copy->read(copy, judged.at, sizeof judged.shm, &judged.shm);
    uint32_t parties = whole ? judged.shm.barrier.parties : 0;
    if (whole && entry->kind == COOPI_BARRIER && (parties == 0 || parties > entry->length)) {
        *ret_openable = false;
        return "has not as many places as parties";
    }
    if (whole && entry->kind == COOPI_RWLOCK && entry->length != owner_count(copy)) {
        *ret_openable = false;
        return "has not a word for each owner";
    }
    return whole ? judge_shm(&judged) : NULL;
}
