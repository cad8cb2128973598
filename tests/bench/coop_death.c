/* SPDX-License-Identifier: MIT */
/* Death handoff: from the SIGKILL of a holder until the waiter has returned. */
#include "bench.h"

#include <coop/barrier.h>
#include <coop/condition.h>
#include <coop/lock.h>
#include <coop/rwlock.h>
#include <coop/semaphore.h>
#include <coop/try.h>

#define ROUNDS 300
#define MIDDLE 150 /* the median of ROUNDS */
#define LATE 297   /* of a hundred, one took longer */
#define RELAYS 100
#define CROWD 3
#define PATIENCE COOP_S(10)

union object {
    coop_lock *lock;
    coop_semaphore *semaphore;
    coop_rwlock *rwlock;
    coop_barrier *barrier;
    coop_condition *condition;
};

struct handoff {
    uint32_t holds;       /* the holder has it */
    uint32_t asks[CROWD]; /* the round in which each began to wait */
    uint64_t back[CROWD]; /* when it returned; 0: it waits */
};

/* What differs between the kinds: what the victim holds, what the waiter waits for, and how it makes it whole. */
struct kind {
    const char *name;
    void (*make)(union object *object);
    void (*hold)(union object object);
    void (*wait)(union object object);
    void (*give)(union object object);
};

static void make_lock(union object *o)
{
    COOP_MUST(coop_lock_new(&o->lock));
}

static void take_lock(union object o)
{
    COOP_MUST(coop_lock_acquire(o.lock, PATIENCE));
}

static void give_lock(union object o)
{
    COOP_MUST(coop_lock_release(o.lock));
}

static void make_semaphore(union object *o)
{
    COOP_MUST(coop_semaphore_new(1, 0, &o->semaphore));
}

static void take_permit(union object o)
{
    COOP_MUST(coop_semaphore_acquire(o.semaphore, PATIENCE));
}

static void give_permit(union object o)
{
    COOP_MUST(coop_semaphore_release(o.semaphore));
}

static void make_rwlock(union object *o)
{
    COOP_MUST(coop_rwlock_new(&o->rwlock));
}

static void take_writing(union object o)
{
    COOP_MUST(coop_rwlock_write_acquire(o.rwlock, PATIENCE));
}

static void give_writing(union object o)
{
    COOP_MUST(coop_rwlock_write_release(o.rwlock));
}

static void make_barrier(union object *o)
{
    COOP_MUST(coop_barrier_new(2, &o->barrier));
}

static void join_barrier(union object o)
{
    COOP_MUST(coop_barrier_join(o.barrier));
}

static void wait_in_barrier(union object o)
{
    if (coop_barrier_wait(o.barrier, PATIENCE, NULL) != -EPIPE) _exit(1);
}

static void reset_barrier(union object o)
{
    COOP_MUST(coop_barrier_reset(o.barrier));
}

static void make_condition(union object *o)
{
    COOP_MUST(coop_condition_new(0, &o->condition));
}

static void enter_condition(union object o)
{
    COOP_MUST(coop_condition_acquire(o.condition, PATIENCE));
}

static void leave_condition(union object o)
{
    COOP_MUST(coop_condition_release(o.condition));
}

static const struct kind kinds[] = {
    {"death/lock", make_lock, take_lock, take_lock, give_lock},
    {"death/semaphore", make_semaphore, take_permit, take_permit, give_permit},
    {"death/rwlock", make_rwlock, take_writing, take_writing, give_writing},
    {"death/barrier", make_barrier, join_barrier, wait_in_barrier, reset_barrier},
    {"death/condition_lock", make_condition, enter_condition, enter_condition, leave_condition},
};

/* Looks every 100 us, for 10 s; false if it never came. */
static bool await(const uint32_t *word, uint32_t value)
{
    for (int i = 0; i < 100000; i++) {
        if (__atomic_load_n(word, __ATOMIC_ACQUIRE) == value) return true;
        usleep(100);
    }
    return false;
}

static uint64_t await_back(const struct handoff *handoff, int from, int to)
{
    for (int i = 0; i < 100000; i++) {
        for (int k = from; k < to; k++) {
            uint64_t at = __atomic_load_n(&handoff->back[k], __ATOMIC_ACQUIRE);
            if (at) return at;
        }
        usleep(100);
    }
    fprintf(stderr, "nobody came back in 10 s\n");
    exit(1);
}

static pid_t fork_holder(const struct kind *kind, union object object, struct handoff *handoff)
{
    __atomic_store_n(&handoff->holds, 0, __ATOMIC_RELEASE);
    pid_t pid = fork_child(-1);
    if (pid == 0) {
        kind->hold(object);
        __atomic_store_n(&handoff->holds, 1, __ATOMIC_RELEASE);
        for (;;) pause();
    }
    if (!await(&handoff->holds, 1)) exit(1);
    return pid;
}

/* Waits once, and says when it came back. */
static void wait_once(const struct kind *kind, union object object, struct handoff *handoff, int i, uint32_t round)
{
    __atomic_store_n(&handoff->asks[i], round, __ATOMIC_RELEASE);
    kind->wait(object);
    __atomic_store_n(&handoff->back[i], now_ns(), __ATOMIC_RELEASE);
    kind->give(object);
}

static void measure(const struct kind *kind)
{
    struct handoff *handoff = shared(sizeof *handoff);
    union object object;
    uint64_t took[ROUNDS];
    kind->make(&object);
    for (uint32_t k = 0; k < ROUNDS; k++) {
        handoff->back[0] = 0;
        pid_t holder = fork_holder(kind, object, handoff), waiter = fork_child(-1);
        if (waiter == 0) {
            wait_once(kind, object, handoff, 0, k + 1);
            _exit(0);
        }
        if (!await(&handoff->asks[0], k + 1)) exit(1);
        usleep(2000); /* asleep by now */
        uint64_t start = now_ns();
        kill(holder, SIGKILL);
        took[k] = await_back(handoff, 0, 1) - start;
        join_child(holder);
        if (join_child(waiter) != 0) exit(1);
    }
    qsort(took, ROUNDS, sizeof *took, compare_u64);
    emit(kind->name, "p50", (double)took[MIDDLE] / 1000, "us");
    emit(kind->name, "p99", (double)took[LATE] / 1000, "us");
}

/* The kernel wakes who went to sleep first: that one is killed as well, 0 to 99 us after the holder, while it is on its
 * way to the lock or has it. Until the first of the others is back. */
static void measure_relay(void)
{
    const struct kind *kind = &kinds[0];
    struct handoff *handoff = shared(sizeof *handoff);
    union object object;
    uint64_t took[RELAYS];
    kind->make(&object);
    for (uint32_t k = 0; k < RELAYS; k++) {
        pid_t holder = fork_holder(kind, object, handoff), waiters[CROWD];
        memset(handoff->back, 0, sizeof handoff->back);
        for (int i = 0; i < CROWD; i++) {
            waiters[i] = fork_child(-1);
            if (waiters[i] == 0) {
                wait_once(kind, object, handoff, i, k + 1);
                _exit(0);
            }
            if (!await(&handoff->asks[i], k + 1)) exit(1);
            usleep(2000); /* asleep by now */
        }
        uint64_t start = now_ns();
        kill(holder, SIGKILL);
        while (now_ns() - start < k * UINT64_C(1000)) continue;
        kill(waiters[0], SIGKILL);
        took[k] = await_back(handoff, 1, CROWD) - start;
        join_child(holder);
        for (int i = 0; i < CROWD; i++)
            if (join_child(waiters[i]) != 0 && i > 0) exit(1);
    }
    qsort(took, RELAYS, sizeof *took, compare_u64);
    emit("death/lock_first_woken_dies", "worst", (double)took[RELAYS - 1] / 1000, "us");
}

int main(int argc, char **argv)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (wanted(argc, argv, kinds[i].name)) measure(&kinds[i]);
    if (wanted(argc, argv, "death/lock_first_woken_dies")) measure_relay();
    return 0;
}
