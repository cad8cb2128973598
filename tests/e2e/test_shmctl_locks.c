/* SPDX-License-Identifier: MIT */
/* shmctl locks and unlock: who holds and waits for what, circles, and locks that are taken from the living. */
#include "base/atomic.h"
#include "harness/test.h"

#include <coop/lock.h>
#include <coop/semaphore.h>
#include <coop/value.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint32_t *step;
static coop_segment *segment;

static const char *set_up(void)
{
    const char *name = test_name("locks");
    CHECK_OK(coop_segment_create(name, COOP_SEGMENT_OPTIONS(.maximum = 1 << 20), &segment));
    step = test_shared(4 * sizeof *step);
    return name;
}

static void tear_down(const char *name)
{
    coop_segment_close(segment);
    CHECK_OK(coop_segment_remove(name, 0));
}

static coop_rlock *rlock_named(const char *name)
{
    coop_rlock *lock;
    CHECK_OK(coop_rlock_in(segment, name, COOP_CREATE, &lock));
    return lock;
}

/* Holds ONE, and waits for TWO when all of so many have their first. */
static pid_t crosswise(coop_rlock *one, coop_rlock *two, uint32_t all)
{
    pid_t pid;
    CHILD(pid) {
        CHECK_OK(coop_rlock_acquire(one, COOP_FOREVER));
        coopi_fetch_add(step, 1);
        CHECK_SOON(coopi_load_acquire(step) == all);
        int r = coop_rlock_acquire(two, COOP_FOREVER);
        CHECK(r >= 0);
        for (;;) pause();
    }
    return pid;
}

static bool is_deadlocked(const char *name)
{
    return RUN("shmctl", "locks", name).code == 8;
}

static void two_that_wait_for_each_other_are_told(void)
{
    const char *name = set_up();
    char sentence[256];
    coop_rlock *a = rlock_named("a"), *b = rlock_named("b");
    CHECK_EQ(RUN("shmctl", "locks", name).code, 0);
    CHECK_HAS(RUN("shmctl", "locks", name).out, "nobody holds or waits for anything");
    pid_t first = crosswise(a, b, 2), second = crosswise(b, a, 2);
    CHECK_SOON(is_deadlocked(name));
    struct ran r = RUN("shmctl", "locks", name);
    snprintf(sentence, sizeof sentence, "thread %d of process %d (run_tests) holds %s/a and waits for %s/b", (int)first,
             (int)first, name, name);
    CHECK_HAS(r.out, "deadlock: ");
    CHECK_HAS(r.out, sentence);
    snprintf(sentence, sizeof sentence, "thread %d of process %d (run_tests) holds %s/b and waits for %s/a",
             (int)second, (int)second, name, name);
    CHECK_HAS(r.out, sentence);
    r = RUN("shmctl", "--json", "locks", name);
    CHECK_EQ(r.code, 8);
    CHECK_HAS(r.out, "\"deadlocks\"");
    CHECK_HAS(r.out, "\"waits_for\"");
    child_kill(first); /* that ends it: the other one has both */
    CHECK_SOON(!is_deadlocked(name));
    child_kill(second);
    coop_rlock_close(a);
    coop_rlock_close(b);
    tear_down(name);
}

static void three_in_a_circle_over_two_segments_are_told(void)
{
    const char *name = set_up();
    coop_segment *other;
    const char *name2 = test_name("more");
    coop_rlock *b;
    CHECK_OK(coop_segment_create(name2, COOP_SEGMENT_OPTIONS(.maximum = 1 << 20), &other));
    CHECK_OK(coop_rlock_in(other, "b", COOP_CREATE, &b));
    coop_rlock *a = rlock_named("a"), *c = rlock_named("c");
    pid_t pids[3] = {crosswise(a, b, 3), crosswise(b, c, 3), crosswise(c, a, 3)};
    struct ran r = {0};
    CHECK_SOON((r = RUN("shmctl", "locks", name, name2)).code == 8);
    char part[200];
    snprintf(part, sizeof part, "holds %s/c and waits for %s/a", name, name);
    CHECK_HAS(r.out, part);
    snprintf(part, sizeof part, "and waits for %s/b", name2);
    CHECK_HAS(r.out, part);
    CHECK_EQ(RUN("shmctl", "locks", name).code, 0); /* half of the picture has no circle */
    for (int i = 0; i < 3; i++) child_kill(pids[i]);
    coop_rlock_close(a);
    coop_rlock_close(b);
    coop_rlock_close(c);
    coop_segment_close(other);
    CHECK_OK(coop_segment_remove(name2, 0));
    tear_down(name);
}

static void holders_and_waiters_are_listed(void)
{
    const char *name = set_up();
    coop_semaphore *gate;
    coop_lock *lock;
    coop_value *value;
    char text[64];
    CHECK_OK(coop_semaphore_in(segment, "gate", 2, COOP_CREATE, &gate));
    CHECK_OK(coop_lock_in(segment, "door", COOP_CREATE, &lock));
    CHECK_OK(coop_value_in(segment, "saldo", "i", COOP_CREATE, &value));
    CHECK_OK(coop_semaphore_acquire_many(gate, 2, COOP_FOREVER));
    CHECK_OK(coop_lock_acquire(lock, COOP_FOREVER));
    CHECK_OK(coop_rlock_acquire(coop_value_lock(value), COOP_FOREVER));
    pid_t waits, asks;
    CHILD(waits) {
        CHECK_ERR(coop_semaphore_acquire(gate, COOP_S(30)), 0);
    }
    CHILD(asks) {
        CHECK_ERR(coop_lock_acquire(lock, COOP_S(30)), 0);
    }
    CHECK_SOON(coop_semaphore_waiters(gate) == 1);
    test_sleep_ms(50);
    struct ran r = RUN("shmctl", "locks", name);
    CHECK_EQ(r.code, 0);
    CHECK_HAS(r.out, "saldo");
    CHECK_HAS(r.out, "2 permits");
    snprintf(text, sizeof text, "%d (run_tests) 1 permits", (int)waits);
    CHECK_HAS(r.out, text);
    snprintf(text, sizeof text, "%d (run_tests)\n", (int)asks);
    CHECK_HAS(r.out, text);
    r = RUN("shmctl", "show", name);
    CHECK_HAS(r.out, "0 free of 2, 1 hold, 1 wait");
    snprintf(text, sizeof text, "%s/gate", name);
    r = RUN("shmctl", "show", text);
    CHECK_HAS(r.out, "2 permits");
    CHECK_HAS(r.out, "waits");
    CHECK_OK(coop_semaphore_release_many(gate, 2));
    CHECK_OK(coop_lock_release(lock));
    child_must(asks);
    child_must(waits);
    CHECK_OK(coop_rlock_release(coop_value_lock(value)));
    coop_semaphore_close(gate);
    coop_lock_close(lock);
    coop_value_close(value);
    tear_down(name);
}

static void an_absent_segment_has_no_locks(void)
{
    CHECK_EQ(RUN("shmctl", "locks", test_name("none")).code, 3);
}

static void a_lock_is_taken_from_the_living(void)
{
    const char *name = set_up();
    coop_lock *lock;
    char path[128];
    snprintf(path, sizeof path, "%s/door", name);
    CHECK_OK(coop_lock_in(segment, "door", COOP_CREATE, &lock));
    CHECK_EQ(RUN("shmctl", "unlock", path).code, 2);
    CHECK_EQ(RUN("shmctl", "unlock", "--force", path).code, 2);
    CHECK_EQ(RUN("shmctl", "unlock", "--force", "--reason", "why", path).code, 3); /* nobody holds it */
    pid_t holder, waiter;
    CHILD(holder) {
        CHECK_OK(coop_lock_acquire(lock, COOP_FOREVER));
        coopi_store_release(&step[0], 1);
        CHECK_SOON(coopi_load_acquire(&step[1]) == 1);
        CHECK_ERR(coop_lock_release(lock), -EPERM);
        CHECK_DETAIL("taken from this thread by force");
        CHECK_ERR(coop_lock_release(lock), -EPERM);
        CHECK_OWNER_DIED(coop_lock_acquire(lock, COOP_S(5)) == 1 ? 1 : 0);
    }
    CHECK_SOON(coopi_load_acquire(&step[0]) == 1);
    CHILD(waiter) {
        CHECK_OWNER_DIED(coop_lock_acquire(lock, COOP_S(10)));
        coopi_store_release(&step[1], 1);
        test_sleep_ms(20);
        for (;;) pause();
    }
    test_sleep_ms(30);
    struct ran r = RUN("shmctl", "unlock", "--force", "--reason", "its owner went home", path);
    CHECK_EQ(r.code, 0);
    CHECK_HAS(r.out, "unlocked");
    CHECK_SOON(coopi_load_acquire(&step[1]) == 1);
    child_kill(waiter); /* its death is told to who held the lock first */
    child_must(holder);
    r = RUN("shmctl", "events", name);
    CHECK_HAS(r.out, "unlocked by force");
    CHECK_HAS(r.out, "its owner went home");
    coop_lock_close(lock);
    tear_down(name);
}

static void what_has_no_lock_cannot_be_unlocked(void)
{
    const char *name = set_up();
    coop_semaphore *gate;
    char path[128];
    CHECK_OK(coop_semaphore_in(segment, "gate", 2, COOP_CREATE, &gate));
    snprintf(path, sizeof path, "%s/gate", name);
    struct ran r = RUN("shmctl", "unlock", "--force", "--reason", "x", path);
    CHECK_EQ(r.code, 2);
    CHECK_HAS(r.err, "a semaphore has no lock that could be taken away");
    snprintf(path, sizeof path, "%s/none", name);
    CHECK_EQ(RUN("shmctl", "unlock", "--force", "--reason", "x", path).code, 3);
    CHECK_EQ(RUN("shmctl", "unlock", "--force", "--reason", "two\nlines", path).code, 2);
    CHECK_EQ(RUN("shmctl", "unlock", "--force", "--reason", "", path).code, 2);
    coop_semaphore_close(gate);
    tear_down(name);
}

TESTS(shmctl_locks, TEST_T(two_that_wait_for_each_other_are_told, .seconds = 20),
      TEST_T(three_in_a_circle_over_two_segments_are_told, .seconds = 20), TEST(holders_and_waiters_are_listed),
      TEST(an_absent_segment_has_no_locks), TEST(a_lock_is_taken_from_the_living),
      TEST(what_has_no_lock_cannot_be_unlocked))
