/* SPDX-License-Identifier: MIT */
/* Lives, the locks that they hold, and the proof that each death while holding is told, and no other. */
#include "stress/guards.h"

#include <coop/error.h>
#include <errno.h>

struct guards *guards;

static struct guard doors[GUARDS_MAX];
static int door_count;

void guards_open(const struct guard *guard, int count)
{
    guards = share(sizeof *guards);
    memcpy(doors, guard, (size_t)count * sizeof *guard);
    door_count = count;
}

int life_new(void)
{
    int number = __atomic_add_fetch(&guards->next_life, 1, __ATOMIC_RELAXED);
    if (number < LIVES) return number;
    fputs("stress: more lives than it has room for; run it for a shorter time\n", stderr);
    exit(3);
}

static int acquire(int guard, int64_t timeout)
{
    const struct guard *door = &doors[guard];
    return door->plain ? coop_lock_acquire(door->plain, timeout) : coop_rlock_acquire(door->recursive, timeout);
}

static void release(int guard)
{
    const struct guard *door = &doors[guard];
    int r = door->plain ? coop_lock_release(door->plain) : coop_rlock_release(door->recursive);
    if (r < 0) add(&guards->torn);
}

/* Compares what acquire said with the mark that was found, and takes a dead one's out. */
static void judge(int guard, int r)
{
    int mark = load(&guards->mark[guard]);
    if (r == 0 && mark) add(&guards->untold);
    if (r != COOP_OWNER_DIED) return;
    add(&guards->tellings);
    if (!mark) {
        add(&guards->told_without_mark[guard]);
        return;
    }
    struct life *dead = &guards->lives[mark];
    if (!load(&dead->doomed)) add(&guards->false_tellings);
    store(&dead->told, 1);
    store(&guards->mark[guard], 0);
}

/* Many turns of others in a long wait: a busy machine. None: somebody had it and did not run, or a wake was lost. */
static void note_wait(int64_t waited, int turns)
{
    if (waited <= __atomic_load_n(&guards->longest, __ATOMIC_RELAXED)) return;
    __atomic_store_n(&guards->longest, waited, __ATOMIC_RELAXED);
    store(&guards->turns_in_longest, turns);
}

int guard_take(int life_number, int guard, int64_t timeout)
{
    struct life *life = &guards->lives[life_number];
    int64_t start = now();
    int turns = load(&guards->turns[guard]);
    life->guard = guard;
    store(&life->phase, ACQUIRING);
    int r = acquire(guard, timeout);
    note_wait(now() - start, load(&guards->turns[guard]) - turns);
    if (r < 0) {
        bool late = timeout >= 0 && (r == -ETIMEDOUT || r == -EBUSY);
        if (!late) {
            add(&guards->torn);
            fprintf(stderr, "stress: acquire: %s\n", coop_error_detail());
        }
        store(&life->phase, IDLE);
        return r;
    }
    add(&guards->turns[guard]);
    judge(guard, r);
    if (doors[guard].recursive && coop_rlock_depth(doors[guard].recursive) != 1) add(&guards->torn);
    store(&guards->mark[guard], life_number);
    store(&life->phase, HELD);
    return r;
}

void guard_deepen(int guard)
{
    if (doors[guard].recursive && acquire(guard, COOP_NOWAIT) != 0) add(&guards->torn);
}

void guard_undeepen(int guard)
{
    if (doors[guard].recursive) release(guard);
}

void guard_give(int life_number, int guard)
{
    struct life *life = &guards->lives[life_number];
    if (load(&guards->mark[guard]) != life_number) add(&guards->torn);
    store(&life->phase, RELEASING);
    store(&guards->mark[guard], 0);
    release(guard);
    store(&life->phase, IDLE);
}

bool bystander_hangs(void)
{
    static struct {
        int64_t since, seen, still;
        int turns;
    } watch[BYSTANDERS];
    for (int i = 0; i < BYSTANDERS; i++) {
        int64_t since = __atomic_load_n(&guards->bystanders[i].since, __ATOMIC_ACQUIRE), seen = now();
        int guard = load(&guards->bystanders[i].guard);
        int turns = guard < 0 ? 0 : load(&guards->turns[guard]);
        int64_t passed = seen - watch[i].seen;
        watch[i].seen = seen;
        if (!since || since != watch[i].since || turns != watch[i].turns)
            watch[i].still = 0;
        else
            watch[i].still += passed < COOP_MS(100) ? passed : COOP_MS(100);
        watch[i].since = since;
        watch[i].turns = turns;
        if (watch[i].still > (guard < 0 ? COOP_S(10) : COOP_S(2))) return true;
    }
    return false;
}

struct ends guards_close(void)
{
    struct ends ends = {0};
    int unsure[GUARDS_MAX] = {0};
    for (int i = 0; i < door_count; i++) {
        int r = acquire(i, COOP_S(10));
        if (r < 0) ends.hangs++;
        if (r >= 0) judge(i, r);
        if (r >= 0) release(i);
    }
    for (int number = 1; number <= guards->next_life && number < LIVES; number++) {
        const struct life *life = &guards->lives[number];
        if (!life->doomed || life->phase == IDLE) continue;
        if (life->phase != HELD) {
            unsure[life->guard]++;
            continue;
        }
        ends.held++;
        if (!life->told) add(&guards->untold);
    }
    for (int i = 0; i < door_count; i++)
        if (guards->told_without_mark[i] > unsure[i]) add(&guards->false_tellings);
    return ends;
}
