/* SPDX-License-Identifier: MIT */
/* Removing segments: who may, when not, and never another one of the same name. */
#include "harness/forge.h"
#include "segment/handle.h"
#include "unit/meeting.h"

#include <coop/error.h>
#include <coop/lock.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>

static coop_segment *segment;
static coop_lock *lock;
static const char *name;
static int *step;

static void set_up(void)
{
    static char kept[128];
    snprintf(kept, sizeof kept, "%s", test_name("s"));
    name = kept;
    step = test_shared(sizeof *step);
    CHECK_OK(coop_segment_create(name, COOP_SEGMENT_OPTIONS(.maximum = 1 << 20), &segment));
    CHECK_OK(coop_lock_in(segment, "door", COOP_CREATE, &lock));
}

static bool is_there(void)
{
    return access(forge_path(name), F_OK) == 0;
}

static pid_t fork_holder(void)
{
    pid_t holder;
    CHILD(holder) {
        CHECK_OK(coop_lock_acquire(lock, COOP_FOREVER));
        step_to(step, 1);
        wait_to_be_killed();
    }
    await_step(step, 1);
    return holder;
}

static void those_who_are_attached_keep_it(void)
{
    set_up();
    pid_t other;
    CHILD(other) {
        step_to(step, 1);
        await_step(step, 2);
        CHECK_OK(coop_lock_acquire(lock, COOP_FOREVER));
        CHECK_OK(coop_lock_in(segment, "gate", COOP_CREATE, &lock));
    }
    await_step(step, 1);
    CHECK_OK(coop_segment_remove(name, 0));
    CHECK(!is_there());
    CHECK_ERR(coop_segment_remove(name, 0), -ENOENT);
    step_to(step, 2);
    child_must(other);
    CHECK_OWNER_DIED(coop_lock_acquire(lock, COOP_FOREVER)); /* the child ended with it */
    coop_segment *second;
    CHECK_OK(coop_segment_create(name, NULL, &second));
    CHECK(second->map != segment->map);
    coop_segment_close(second);
    CHECK_OK(coop_segment_remove(name, 0));
}

static void what_a_living_thread_holds_is_busy_and_the_thread_is_named(void)
{
    set_up();
    pid_t holder = fork_holder();
    char text[80];
    snprintf(text, sizeof text, "door is held by thread %d of process %d (%s)", (int)holder, (int)holder,
             program_invocation_short_name);
    CHECK_ERR(coop_segment_remove(name, 0), -EBUSY);
    CHECK_DETAIL(text);
    CHECK(is_there());
    kill(holder, SIGSTOP);
    CHECK_ERR(coop_segment_remove(name, 0), -EBUSY);
    child_kill(holder);
    CHECK_OK(coop_segment_remove(name, 0)); /* the dead hold nothing */
}

static void what_this_thread_holds_is_busy_too(void)
{
    set_up();
    coop_rlock *nameless;
    CHECK_OK(coop_rlock_in(segment, NULL, 0, &nameless));
    CHECK_OK(coop_rlock_acquire(nameless, COOP_NOWAIT));
    CHECK_ERR(coop_segment_remove(name, 0), -EBUSY);
    CHECK_DETAIL("a nameless object");
    CHECK_OK(coop_rlock_release(nameless));
    coop_rlock_close(nameless);
    CHECK_OK(coop_segment_remove(name, 0));
}

static void force_removes_what_is_held(void)
{
    set_up();
    pid_t holder = fork_holder();
    CHECK_OK(coop_segment_remove(name, COOP_FORCE));
    CHECK(!is_there());
    CHECK_EQ(coop_lock_locked(lock), 1);
    child_kill(holder);
    CHECK_OWNER_DIED(coop_lock_acquire(lock, COOP_NOWAIT));
}

static void a_damaged_one_is_removed_by_force_only(void)
{
    forge_segment(test_name("damaged"), NULL);
    const char *damaged = test_name("damaged");
    int fd = open(forge_path(damaged), O_RDWR | O_CLOEXEC);
    CHECK_EQ(pwrite(fd, "nonsense", 8, 0), 8);
    close(fd);
    CHECK_ERR(coop_segment_remove(damaged, 0), -EBADMSG);
    CHECK_DETAIL("wrong magic");
    CHECK_EQ(access(forge_path(damaged), F_OK), 0);
    CHECK_OK(coop_segment_remove(damaged, COOP_FORCE));
    CHECK_EQ(access(forge_path(damaged), F_OK), -1);
}

static void an_absent_one_is_said_to_be_absent(void)
{
    CHECK_ERR(coop_segment_remove(test_name("absent"), 0), -ENOENT);
    CHECK_DETAIL("no such segment");
    CHECK_ERR(coop_segment_remove(test_name("absent"), COOP_FORCE), -ENOENT);
    CHECK_ERR(coop_segment_remove(test_name("absent"), COOP_CREATE), -EINVAL);
    CHECK_DETAIL("unknown flags");
}

/* A flock of somebody else's, as a remover has it; and what that one does while we wait. */
static int hold_name_lock(void)
{
    int fd = open(forge_path(name), O_RDWR | O_CLOEXEC);
    CHECK(fd >= 0);
    CHECK_EQ(flock(fd, LOCK_EX), 0);
    return fd;
}

static void one_made_anew_meanwhile_is_not_removed(void)
{
    set_up();
    coop_lock_close(lock);
    coop_segment_close(segment);
    pid_t other;
    CHILD(other) {
        int fd = hold_name_lock();
        step_to(step, 1);
        test_sleep_ms(100); /* until the remover waits */
        forge_remove(name);
        CHECK_OK(coop_segment_create(name, NULL, &segment));
        close(fd);
    }
    await_step(step, 1);
    CHECK_ERR(coop_segment_remove(name, COOP_FORCE), -ENOENT);
    CHECK_DETAIL("somebody else removed it first");
    child_must(other);
    CHECK_OK(coop_segment_open(name, 0, &segment));
    CHECK_OK(coop_segment_remove(name, 0));
}

static void a_name_that_stays_locked_is_busy_after_a_while(void)
{
    set_up();
    int fd = hold_name_lock();
    int64_t start = test_now();
    CHECK_ERR(coop_segment_remove(name, 0), -EBUSY);
    CHECK_DETAIL("somebody else removes it");
    CHECK(test_now() - start >= COOP_S(4));
    close(fd);
    CHECK_OK(coop_segment_remove(name, 0));
}

static void a_dead_removers_name_lock_is_free(void)
{
    set_up();
    pid_t remover;
    CHILD(remover) {
        hold_name_lock();
        step_to(step, 1);
        wait_to_be_killed();
    }
    await_step(step, 1);
    child_kill(remover);
    int64_t start = test_now();
    CHECK_OK(coop_segment_remove(name, 0));
    CHECK(test_now() - start < COOP_S(2) * test_slowness());
}

enum { REMOVERS = 4, ROUNDS = 50 };

/* Of those who remove one segment at once, one does; and nobody removes one that is younger than what it looked at. */
static void of_several_removers_one_succeeds(void)
{
    name = test_name("s");
    struct {
        int gate, removed;
    } *shared = test_shared(sizeof *shared);
    for (int round = 1; round <= ROUNDS; round++) {
        pid_t removers[REMOVERS];
        CHECK_OK(coop_segment_create(name, COOP_SEGMENT_OPTIONS(.maximum = 1 << 20), &segment));
        for (int i = 0; i < REMOVERS; i++) {
            CHILD(removers[i]) {
                __atomic_fetch_add(&shared->gate, 1, __ATOMIC_ACQ_REL);
                while (step_now(&shared->gate) < round * REMOVERS) sched_yield();
                int r = coop_segment_remove(name, 0);
                if (r == 0)
                    __atomic_fetch_add(&shared->removed, 1, __ATOMIC_RELAXED);
                else
                    CHECK_ERR(r, -ENOENT);
            }
        }
        for (int i = 0; i < REMOVERS; i++) child_must(removers[i]);
        CHECK_EQ(shared->removed, round);
        coop_segment_close(segment);
    }
}

TESTS(removal, TEST(those_who_are_attached_keep_it), TEST(what_a_living_thread_holds_is_busy_and_the_thread_is_named),
      TEST(what_this_thread_holds_is_busy_too), TEST(force_removes_what_is_held),
      TEST(a_damaged_one_is_removed_by_force_only), TEST(an_absent_one_is_said_to_be_absent),
      TEST(one_made_anew_meanwhile_is_not_removed),
      TEST_T(a_name_that_stays_locked_is_busy_after_a_while, .seconds = 20), TEST(a_dead_removers_name_lock_is_free),
      TEST_T(of_several_removers_one_succeeds, .seconds = 30))
