/* SPDX-License-Identifier: MIT */
/* Sleeping until an event comes, or until somebody who could cause it is dead. */
#include "segment/sleep.h"

#include "base/clock.h"
#include "segment/owner.h"

#include <errno.h>

#define SLICE INT64_C(250000000)

/* Looks at every watched life and passes a death on to all who sleep on it. True if any is dead. */
static bool look(const struct coopi_map *map, const uint32_t *tags, unsigned count)
{
    bool died = false;
    for (unsigned i = 0; i < count; i++) {
        if (!coopi_dead(map, tags[i])) continue;
        died = true;
        uint32_t row = tags[i] & COOPI_ROW_MASK;
        if (row < map->owner_count) coopi_futex_wake(coopi_low_half(&map->owners[row].life.word), COOPI_FUTEX_ALL);
    }
    return died;
}

/* Fills in both halves of the life words of the watched. False: one of them is dead. */
static bool arm(const struct coopi_map *map, const uint32_t *tags, unsigned count, struct coopi_futex_word *words)
{
    for (unsigned i = 0; i < count; i++) {
        uint32_t row = tags[i] & COOPI_ROW_MASK;
        if (row >= map->owner_count) return false;
        uint64_t *life = &map->owners[row].life.word, word = coopi_load_acquire(life);
        if (coopi_dead_by(word, tags[i])) return false;
        *words++ = (struct coopi_futex_word){coopi_low_half(life), (uint32_t)word};
        *words++ = (struct coopi_futex_word){coopi_high_half(life), tags[i]};
    }
    return true;
}

int coopi_sleep(const struct coopi_map *map, const struct coopi_awaited *event, const uint32_t *tags, unsigned count,
                int64_t deadline)
{
    struct coopi_futex_word words[COOPI_FUTEX_MANY];
    unsigned watched = count < COOPI_WATCHED_MAX ? count : COOPI_WATCHED_MAX;
    words[0] = event->bell;
    words[1] = event->still;
    if (!arm(map, tags, watched, words + 2)) {
        look(map, tags, count);
        return COOPI_WATCHED_DIED;
    }
    int64_t now = coopi_now();
    if (now >= deadline) return -ETIMEDOUT;
    int64_t slice = now + SLICE;
    int woken = coopi_futex_wait_many(words, 2 + 2 * watched, slice < deadline ? slice : deadline);
    if (woken == ETIMEDOUT)
        for (unsigned i = event->unasked; i < count; i++) coopi_owner_second_evidence(map, tags[i]);
    if (look(map, tags, count)) return COOPI_WATCHED_DIED;
    return woken == EINTR ? -EINTR : 0;
}
