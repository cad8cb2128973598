/* SPDX-License-Identifier: MIT */
/* COOP_WITH_LOCK and COOP_AUTO: whatever way a scope ends, the lock is released and the handle closed. */
#include "segment/handle.h"
#include "unit/meeting.h"

#include <coop/error.h>
#include <coop/lock.h>
#include <sys/wait.h>

static coop_lock *lock;
static coop_rlock *rlock;

static void set_up(void)
{
    CHECK_OK(coop_lock_new(&lock));
    CHECK_OK(coop_rlock_new(&rlock));
}

static void the_block_runs_once_and_holds_it(void)
{
    set_up();
    int held = -1, runs = 0;
    COOP_WITH_LOCK(lock, COOP_FOREVER, held) {
        runs++;
        CHECK_EQ(held, 0);
        CHECK_EQ(coop_lock_locked(lock), 1);
    }
    CHECK_EQ(runs, 1);
    CHECK_EQ(held, 0);
    CHECK_EQ(coop_lock_locked(lock), 0);
}

static void break_and_continue_release(void)
{
    set_up();
    int held, after = 0;
    COOP_WITH_LOCK(lock, COOP_FOREVER, held) {
        if (held == 0) break;
        after++;
    }
    CHECK_EQ(coop_lock_locked(lock), 0);
    COOP_WITH_LOCK(lock, COOP_FOREVER, held) {
        if (held == 0) continue;
        after++;
    }
    CHECK_EQ(coop_lock_locked(lock), 0);
    CHECK_EQ(after, 0);
}

static int return_from_inside(void)
{
    int held;
    COOP_WITH_LOCK(lock, COOP_FOREVER, held) return 7 + coop_lock_locked(lock);
    return held;
}

static void return_releases(void)
{
    set_up();
    CHECK_EQ(return_from_inside(), 8);
    CHECK_EQ(coop_lock_locked(lock), 0);
}

static int return_from_two(void)
{
    int outer, inner;
    COOP_WITH_LOCK(lock, COOP_FOREVER, outer) {
        COOP_WITH_LOCK(rlock, COOP_FOREVER, inner) return (int)coop_rlock_depth(rlock);
    }
    return -1;
}

static void nested_ones_do_not_mix(void)
{
    set_up();
    int outer, inner;
    COOP_WITH_LOCK(rlock, COOP_FOREVER, outer) {
        COOP_WITH_LOCK(rlock, COOP_FOREVER, inner) CHECK_EQ(coop_rlock_depth(rlock), 2);
        CHECK_EQ(coop_rlock_depth(rlock), 1);
        COOP_WITH_LOCK(lock, COOP_FOREVER, inner) {
            COOP_WITH_LOCK(rlock, COOP_FOREVER, inner) break; /* leaves the innermost only */
            CHECK_EQ(coop_rlock_depth(rlock), 1);
            CHECK_EQ(coop_lock_locked(lock), 1);
        }
        CHECK_EQ(coop_lock_locked(lock), 0);
    }
    CHECK_EQ(coop_rlock_locked(rlock), 0);
    CHECK_EQ(return_from_two(), 1);
    CHECK_EQ(coop_lock_locked(lock), 0);
    CHECK_EQ(coop_rlock_locked(rlock), 0);
}

static void the_block_does_not_run_when_it_is_not_held(void)
{
    set_up();
    int held, runs = 0;
    CHECK_OK(coop_lock_acquire(lock, COOP_FOREVER));
    COOP_WITH_LOCK(lock, COOP_FOREVER, held) runs++;
    CHECK_EQ(held, -EDEADLK);
    pid_t child;
    CHILD(child) {
        COOP_WITH_LOCK(lock, COOP_NOWAIT, held) runs++;
        CHECK_EQ(held, -EBUSY);
        COOP_WITH_LOCK(lock, COOP_MS(5), held) runs++;
        CHECK_EQ(held, -ETIMEDOUT);
        CHECK_EQ(runs, 0);
    }
    child_must(child);
    CHECK_EQ(runs, 0);
    CHECK_EQ(coop_lock_locked(lock), 1); /* by the acquire above, still */
    CHECK_OK(coop_lock_release(lock));
}

static void the_block_runs_after_a_death_and_is_told(void)
{
    set_up();
    pid_t child;
    CHILD(child) {
        CHECK_OK(coop_lock_acquire(lock, COOP_FOREVER));
        CHECK_OK(coop_rlock_acquire(rlock, COOP_FOREVER));
        kill(getpid(), SIGKILL);
    }
    CHECK_EQ(waitpid(child, NULL, 0), child);
    int held, runs = 0;
    COOP_WITH_LOCK(lock, COOP_FOREVER, held) runs += held == COOP_OWNER_DIED;
    COOP_WITH_LOCK(rlock, COOP_FOREVER, held) runs += held == COOP_OWNER_DIED;
    CHECK_EQ(runs, 2);
    CHECK_EQ(coop_lock_locked(lock) + coop_rlock_locked(rlock), 0);
}

static void a_lock_released_inside_is_not_released_again(void)
{
    set_up();
    int held;
    COOP_WITH_LOCK(lock, COOP_FOREVER, held) CHECK_OK(coop_lock_release(lock));
    CHECK_EQ(coop_lock_locked(lock), 0);
    CHECK_OK(coop_lock_acquire(lock, COOP_NOWAIT));
}

static unsigned references(const coop_segment *segment)
{
    return segment->map->references;
}

static int use_auto(coop_segment *segment, bool early)
{
    COOP_AUTO(coop_lock) first = NULL;
    COOP_AUTO(coop_rlock) never = NULL; /* closing nothing is fine */
    CHECK(never == NULL);
    if (coop_lock_in(segment, "door", COOP_CREATE, &first) < 0) return -1;
    CHECK_EQ(references(segment), 2);
    if (early) return 1;
    {
        COOP_AUTO(coop_rlock) second = NULL;
        CHECK_OK(coop_rlock_in(segment, "gate", COOP_CREATE, &second));
        CHECK_EQ(references(segment), 3);
    }
    CHECK_EQ(references(segment), 2);
    return 2;
}

static void auto_handles_close_with_their_scope(void)
{
    COOP_AUTO(coop_segment) segment = NULL;
    CHECK_OK(coop_segment_create(NULL, COOP_SEGMENT_OPTIONS(.maximum = 1 << 20), &segment));
    CHECK_EQ(use_auto(segment, true), 1);
    CHECK_EQ(references(segment), 1);
    CHECK_EQ(use_auto(segment, false), 2);
    CHECK_EQ(references(segment), 1);
}

TESTS(with_lock, TEST(the_block_runs_once_and_holds_it), TEST(break_and_continue_release), TEST(return_releases),
      TEST(nested_ones_do_not_mix), TEST(the_block_does_not_run_when_it_is_not_held),
      TEST(the_block_runs_after_a_death_and_is_told), TEST(a_lock_released_inside_is_not_released_again),
      TEST(auto_handles_close_with_their_scope))
