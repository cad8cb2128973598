/* SPDX-License-Identifier: MIT */
/* Lock, RLock and RWLock: the price of an acquire and a release, alone and with another process on another core. */
#include "contest.h"

#include <coop/lock.h>
#include <coop/rwlock.h>
#include <coop/try.h>

#define ROUNDS 5
#define MIDDLE 2 /* the median of ROUNDS */
#define TIMES 200000

static uint64_t contend_lock(void *object, struct contest *contest)
{
    coop_lock *lock = object;
    uint64_t count;
    CONTEST_LOOP(contest, count)
    {
        COOP_MUST(coop_lock_acquire(lock, COOP_FOREVER));
        COOP_MUST(coop_lock_release(lock));
    }
    return count;
}

static uint64_t contend_rlock(void *object, struct contest *contest)
{
    coop_rlock *lock = object;
    uint64_t count;
    CONTEST_LOOP(contest, count)
    {
        COOP_MUST(coop_rlock_acquire(lock, COOP_FOREVER));
        COOP_MUST(coop_rlock_release(lock));
    }
    return count;
}

static uint64_t contend_reading(void *object, struct contest *contest)
{
    coop_rwlock *lock = object;
    uint64_t count;
    CONTEST_LOOP(contest, count)
    {
        COOP_MUST(coop_rwlock_read_acquire(lock, COOP_FOREVER));
        COOP_MUST(coop_rwlock_read_release(lock));
    }
    return count;
}

static void time_lock(void *object)
{
    for (int i = 0; i < TIMES; i++) {
        COOP_MUST(coop_lock_acquire(object, COOP_FOREVER));
        COOP_MUST(coop_lock_release(object));
    }
}

static void time_rlock(void *object)
{
    for (int i = 0; i < TIMES; i++) {
        COOP_MUST(coop_rlock_acquire(object, COOP_FOREVER));
        COOP_MUST(coop_rlock_release(object));
    }
}

static void time_reading(void *object)
{
    for (int i = 0; i < TIMES; i++) {
        COOP_MUST(coop_rwlock_read_acquire(object, COOP_FOREVER));
        COOP_MUST(coop_rwlock_read_release(object));
    }
}

static void time_writing(void *object)
{
    for (int i = 0; i < TIMES; i++) {
        COOP_MUST(coop_rwlock_write_acquire(object, COOP_FOREVER));
        COOP_MUST(coop_rwlock_write_release(object));
    }
}

/* The median of five rounds in a fresh process. */
static void uncontended(const char *name, void (*work)(void *), void *object)
{
    pid_t pid = fork_child(0);
    if (pid > 0) {
        join_child(pid);
        return;
    }
    uint64_t took[ROUNDS];
    for (int i = 0; i < ROUNDS; i++) {
        uint64_t start = now_ns();
        work(object);
        took[i] = now_ns() - start;
    }
    qsort(took, ROUNDS, sizeof *took, compare_u64);
    emit(name, "uncontended", (double)took[MIDDLE] / TIMES, "ns");
    _exit(0);
}

int main(int argc, char **argv)
{
    if (wanted(argc, argv, "coop_lock")) {
        coop_lock *lock;
        COOP_MUST(coop_lock_new(&lock));
        uncontended("lock/coop_lock", time_lock, lock);
        contest_run("lock/coop_lock", contend_lock, lock);
        coop_lock_close(lock);
    }
    if (wanted(argc, argv, "coop_rlock")) {
        coop_rlock *lock;
        COOP_MUST(coop_rlock_new(&lock));
        uncontended("lock/coop_rlock", time_rlock, lock);
        contest_run("lock/coop_rlock", contend_rlock, lock);
        coop_rlock_close(lock);
    }
    if (wanted(argc, argv, "coop_rwlock")) {
        coop_rwlock *lock;
        COOP_MUST(coop_rwlock_new(&lock));
        uncontended("lock/coop_rwlock_read", time_reading, lock);
        contest_run("lock/coop_rwlock_read", contend_reading, lock);
        uncontended("lock/coop_rwlock_write", time_writing, lock);
        coop_rwlock_close(lock);
    }
    return 0;
}
