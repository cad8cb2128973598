/* SPDX-License-Identifier: MIT */
/* What a lock's words say, by the evidence that the library itself goes by. */
#include "lockview.h"

#include "model.h"
#include "text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define LOOKS 8

enum state { LOCK_FREE, LOCK_HELD, LOCK_DIED, LOCK_CHANGING };

static const char *state_name(enum state state)
{
    switch (state) {
    case LOCK_FREE: return "free";
    case LOCK_DIED: return "owner died";
    case LOCK_HELD:
    case LOCK_CHANGING: break;
    }
    return "held";
}

/* The lock and its owner's row are two reads, and both live on in between: the holder may have released the lock, left
 * its row and passed it on. So a death is believed only if the lock's word still is the one that we judged. */
static int judge(const struct image *image, uint64_t offset, struct coopi_lock_shm *lock, struct people_owner *owner,
                 enum state *ret_state)
{
    for (int look = 0; look < LOOKS; look++) {
        int r = image_read(image, offset, lock, sizeof *lock);
        if (r < 0) return r;
        uint64_t word = lock->robust.word;
        *ret_state = LOCK_FREE;
        if (!(word & (COOPI_TID_MASK | COOPI_OWNER_DIED))) return 0;
        r = people_find_owner(image, coopi_tag_of(word), owner);
        if (r < 0) return r;
        *ret_state = LOCK_HELD;
        if (!(word & COOPI_OWNER_DIED) && owner->life != LIFE_DEAD) return 0;
        owner->life = LIFE_DEAD;
        *ret_state = LOCK_DIED;
        uint64_t again;
        r = image_read(image, offset, &again, sizeof again);
        if (r < 0) return r;
        if (again == word) return 0;
    }
    *ret_state = LOCK_CHANGING;
    return 0;
}

static json_t *holder(uint64_t word, const struct people_owner *owner)
{
    uint32_t tid = (uint32_t)(word & COOPI_TID_MASK);
    json_t *who = model_object();
    model_number(who, "row", owner->row);
    model_put(who, "pid", owner->known ? model_new_number(owner->pid) : json_null());
    model_put(who, "tid", tid ? model_new_number(tid) : owner->known ? model_new_number(owner->tid) : json_null());
    if (owner->known)
        model_name(who, "command", owner->command, sizeof owner->command);
    else
        model_text(who, "command", NULL);
    model_text(who, "state", people_life_name(owner->life));
    return who;
}

json_t *lockview_last_death(const struct coopi_death *death)
{
    if (death->count == 0) return json_null();
    json_t *last = model_object();
    model_number(last, "count", death->count);
    model_put(last, "pid", death->pid > 0 ? json_integer(death->pid) : json_null());
    model_put(last, "tid", death->tid > 0 ? json_integer(death->tid) : json_null());
    model_name(last, "command", death->command, sizeof death->command);
    model_time(last, "when", death->wall_time);
    model_put(last, "when_ns", json_integer(death->wall_time));
    return last;
}

void lockview_count(struct people_holds holds[COOPI_ROWS_MAX + 1], uint32_t tag)
{
    struct people_holds *mine = &holds[tag & COOPI_ROW_MASK];
    if (!tag) return;
    if (mine->tag != tag) *mine = (struct people_holds){.tag = tag};
    mine->count++;
}

json_t *lockview_read(const struct image *image, uint64_t offset, uint32_t *ret_tag, int *ret_result)
{
    struct coopi_lock_shm lock;
    struct people_owner owner;
    enum state state;
    int r = judge(image, offset, &lock, &owner, &state);
    if (r < 0) {
        *ret_result = r;
        return NULL;
    }
    bool named = state == LOCK_HELD || state == LOCK_DIED;
    json_t *view = model_object();
    model_text(view, "state", state_name(state));
    model_put(view, "holder", named ? holder(lock.robust.word, &owner) : json_null());
    model_number(view, "depth", state == LOCK_FREE ? 0 : (uint64_t)lock.robust.extra + 1);
    model_bool(view, "waiters", state != LOCK_FREE && (lock.robust.word & COOPI_WAITERS));
    model_put(view, "last_death", lockview_last_death(&lock.death));
    *ret_tag = named ? coopi_tag_of(lock.robust.word) : 0;
    return view;
}

static void person_text(const json_t *who, char *buffer, size_t room)
{
    uint64_t pid = model_get_number(who, "pid");
    uint64_t tid = model_get_number(who, "tid");
    int n;
    if (pid)
        n = snprintf(buffer, room, "pid %" PRIu64 " (%s)", pid, model_get_text(who, "command"));
    else
        n = snprintf(buffer, room, "somebody whose owner row has passed on");
    if (tid && tid != pid && n > 0 && (size_t)n < room) snprintf(buffer + n, room - (size_t)n, ", tid %" PRIu64, tid);
}

void lockview_text(const json_t *lock, char buffer[LOCKVIEW_TEXT])
{
    const char *state = model_get_text(lock, "state");
    const json_t *who = json_object_get(lock, "holder");
    uint64_t depth = model_get_number(lock, "depth");
    char person[LOCKVIEW_TEXT / 2];
    char deep[32] = "";
    const char *wait = json_is_true(json_object_get(lock, "waiters")) ? ", others wait" : "";
    person_text(who, person, sizeof person);
    if (depth > 1) snprintf(deep, sizeof deep, ", depth %" PRIu64, depth);
    if (strcmp(state, "owner died") == 0)
        snprintf(buffer, LOCKVIEW_TEXT, "DIED HOLDING IT: %s%s%s", person, deep, wait);
    else if (strcmp(state, "held") != 0)
        snprintf(buffer, LOCKVIEW_TEXT, "free");
    else if (json_is_object(who))
        snprintf(buffer, LOCKVIEW_TEXT, "held by %s%s%s", person, deep, wait);
    else
        snprintf(buffer, LOCKVIEW_TEXT, "changing hands");
}

void lockview_death_text(const json_t *lock, char buffer[LOCKVIEW_TEXT])
{
    const json_t *last = json_object_get(lock, "last_death");
    buffer[0] = 0;
    if (!json_is_object(last)) return;
    uint64_t deaths = model_get_number(last, "count");
    char person[LOCKVIEW_TEXT / 2];
    char when[TEXT_SHORT];
    person_text(last, person, sizeof person);
    text_time((int64_t)model_get_number(last, "when_ns"), when);
    snprintf(buffer, LOCKVIEW_TEXT, "%s on %s, %" PRIu64 " death%s in all", person, when, deaths,
             deaths == 1 ? "" : "s");
}
