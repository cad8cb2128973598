/* SPDX-License-Identifier: MIT */
/* Events: each set is seen by all who wait, whoever dies. */
#include "base/atomic.h"
#include "base/clock.h"
#include "base/futex.h"
#include "segment/layout.h"
#include "segment/object.h"
#include "segment/sleep.h"
#include "sync/bell.h"
#include "unit/meeting.h"

#include <coop/event.h>
#include <coop/lock.h>
#include <coop/semaphore.h>
#include <coop/value.h>
#include <pthread.h>
#include <stdlib.h>

#define CROWD 24

static coop_event *event;
static uint32_t *step;

/* What stands first in a handle: tests look at the words behind it. */
static struct coopi_event_shm *shm_of(coop_event *of)
{
    return (struct coopi_event_shm *)(void *)((struct coopi_object *)(void *)of)->body;
}

static void set_up(void)
{
    CHECK_OK(coop_event_new(&event));
    step = test_shared(16 * sizeof *step);
}

/* A child that sleeps on the event, and counts itself in step[0] when it was set. */
static pid_t waiter(void)
{
    pid_t pid;
    uint32_t before = coopi_load_acquire(&step[1]);
    CHILD(pid) {
        coopi_fetch_add(&step[1], 1);
        CHECK_OK(coop_event_wait(event, COOP_S(20)));
        coopi_fetch_add(&step[0], 1);
    }
    CHECK_SOON(coopi_load_acquire(&step[1]) == before + 1 && is_asleep(pid));
    CHECK_SOON(coopi_load_acquire(&shm_of(event)->sleepers) == 1);
    return pid;
}

static void it_is_set_and_cleared(void)
{
    set_up();
    CHECK_EQ(coop_event_is_set(event), 0);
    CHECK_OK(coop_event_set(event));
    CHECK_EQ(coop_event_is_set(event), 1);
    CHECK_OK(coop_event_set(event));
    CHECK_EQ(coop_event_is_set(event), 1);
    CHECK_EQ(coop_event_times(event), 1u);
    CHECK_OK(coop_event_wait(event, COOP_NOWAIT));
    CHECK_OK(coop_event_wait(event, COOP_FOREVER));
    CHECK_OK(coop_event_clear(event));
    CHECK_EQ(coop_event_is_set(event), 0);
    CHECK_OK(coop_event_clear(event));
    CHECK_EQ(coop_event_times(event), 1u);
    CHECK_OK(coop_event_set(event));
    CHECK_EQ(coop_event_times(event), 2u);
    coop_event_close(event);
    coop_event_close(NULL);
}

static void a_wait_for_nothing_ends(void)
{
    set_up();
    CHECK_ERR(coop_event_wait(event, COOP_NOWAIT), -EBUSY);
    CHECK_DETAIL("busy: it is not set");
    int64_t begin = test_now();
    CHECK_ERR(coop_event_wait(event, COOP_MS(30)), -ETIMEDOUT);
    CHECK_DETAIL("timed out: nobody has set it");
    CHECK(test_now() - begin >= COOP_MS(30));
    CHECK_ERR(coop_event_wait(event, COOP_MS(400)), -ETIMEDOUT); /* more than a slice of the net */
    CHECK(test_now() - begin >= COOP_MS(430));
}

static void all_who_wait_are_woken(void)
{
    pid_t pids[CROWD];
    set_up();
    for (int i = 0; i < CROWD; i++) pids[i] = waiter();
    CHECK_EQ(coopi_load_acquire(step), 0u);
    int64_t begin = test_now();
    CHECK_OK(coop_event_set(event));
    for (int i = 0; i < CROWD; i++) child_must(pids[i]);
    CHECK_EQ(coopi_load_acquire(step), CROWD);
    CHECK(test_now() - begin < COOP_MS(200) * test_slowness());
}

static void a_set_that_was_cleared_is_seen(void)
{
    pid_t pids[4];
    set_up();
    for (int i = 0; i < 4; i++) pids[i] = waiter();
    for (int i = 0; i < 4; i++) kill(pids[i], SIGSTOP);
    CHECK_OK(coop_event_set(event));
    CHECK_OK(coop_event_clear(event));
    CHECK_ERR(coop_event_wait(event, COOP_NOWAIT), -EBUSY);
    for (int i = 0; i < 4; i++) kill(pids[i], SIGCONT);
    for (int i = 0; i < 4; i++) child_must(pids[i]);
    CHECK_EQ(coop_event_is_set(event), 0);
}

static void it_is_found_by_its_name(void)
{
    char path[128];
    coop_event *first, *second;
    snprintf(path, sizeof path, "%s/ready", test_name("ev"));
    CHECK_ERR(coop_event_open(path, 0, &first), -ENOENT);
    CHECK_OK(coop_event_open(path, COOP_CREATE, &first));
    CHECK_OK(coop_event_open(path, 0, &second));
    CHECK_ERR(coop_event_open(path, COOP_CREATE | COOP_EXCL, &second), -EEXIST);
    CHECK_STR(coop_event_path(second), path);
    pid_t pid;
    CHILD(pid) {
        coop_event *third;
        CHECK_OK(coop_event_open(path, 0, &third));
        CHECK_OK(coop_event_wait(third, COOP_S(20)));
        coop_event_close(third);
    }
    CHECK_OK(coop_event_set(first));
    child_must(pid);
    CHECK_EQ(coop_event_is_set(second), 1);
    coop_event_close(first);
    coop_event_close(second);
    CHECK_OK(coop_segment_remove(test_name("ev"), 0));
}

static void what_is_no_event_is_refused(void)
{
    char path[128];
    coop_event *other;
    coop_value *value;
    coop_semaphore *semaphore;
    snprintf(path, sizeof path, "%s/thing", test_name("ev"));
    CHECK_OK(coop_semaphore_open(path, 1, COOP_CREATE, &semaphore));
    CHECK_ERR(coop_event_open(path, 0, &other), -EINVAL);
    CHECK_DETAIL("is of kind semaphore, not event");
    coop_semaphore_close(semaphore);
    CHECK_ERR(coop_event_open(path, COOP_COUNTING, &other), -EINVAL);
    CHECK_ERR(coop_event_open(path, COOP_RAW, &other), -EINVAL);
    CHECK_ERR(coop_event_open("no slash", COOP_CREATE, &other), -EINVAL);
    CHECK_ERR(coop_event_in(NULL, "x", 0, &other), -EINVAL);
    CHECK_DETAIL("no segment given");
    CHECK_OK(coop_object_remove(path, 0));
    CHECK_OK(coop_event_open(path, COOP_CREATE, &other));
    CHECK_ERR(coop_value_open(path, "i", 0, &value), -EINVAL);
    CHECK_DETAIL("is of kind event, not value");
    CHECK_ERR(coop_event_open(path, COOP_READ_ONLY, &event), -EACCES);
    coop_event_close(other);
    CHECK_OK(coop_segment_remove(test_name("ev"), 0));
}

static void a_damaged_one_is_refused(void)
{
    coop_segment *segment;
    coop_event *other;
    CHECK_OK(coop_segment_create(NULL, COOP_SEGMENT_OPTIONS(.maximum = 1 << 20), &segment));
    CHECK_OK(coop_event_in(segment, "ready", COOP_CREATE, &event));
    const struct coopi_object *object = (const struct coopi_object *)(const void *)event;
    object->map->directory[object->number].size = 32;
    CHECK_ERR(coop_event_in(segment, "ready", 0, &other), -EBADMSG);
    CHECK_DETAIL("32 bytes are too few for an event");
    object->map->directory[object->number].size = sizeof(struct coopi_event_shm);
    coop_event_close(event);
    coop_segment_close(segment);
}

static void who_dies_waiting_is_not_missed(void)
{
    set_up();
    pid_t first = waiter(), second = waiter(), third = waiter();
    child_kill(first);
    child_kill(third);
    int64_t begin = test_now();
    CHECK_OK(coop_event_set(event));
    child_must(second);
    CHECK(test_now() - begin < COOP_MS(200) * test_slowness());
}

static void who_is_stopped_holds_up_nobody(void)
{
    set_up();
    pid_t first = waiter(), second = waiter(), third = waiter();
    kill(first, SIGSTOP);
    CHECK_OK(coop_event_set(event));
    child_must(second);
    child_must(third);
    CHECK_OK(coop_event_clear(event));
    CHECK_ERR(coop_event_wait(event, COOP_MS(20)), -ETIMEDOUT);
    kill(first, SIGCONT);
    child_must(first);
}

/* The half of a set that comes before its wake. */
static void commit_only(void)
{
    struct coopi_event_shm *shm = shm_of(event);
    coopi_bell_name(coopi_robust_head(), &shm->bell);
    coopi_fetch_add(&shm->state, 3);
    coopi_store_release(&shm->sleepers, 0);
    coopi_store_release(&step[2], 1);
}

static void the_wake_of_a_killed_setter_is_passed_on(void)
{
    int64_t spent = 0;
    for (int i = 0; i < 6; i++) {
        pid_t pids[4], setter;
        set_up();
        for (int k = 0; k < 4; k++) pids[k] = waiter();
        CHILD(setter) {
            commit_only();
            wait_to_be_killed();
        }
        CHECK_SOON(coopi_load_acquire(&step[2]) == 1);
        int64_t begin = test_now();
        child_kill(setter); /* the kernel wakes one, and that one the rest */
        for (int k = 0; k < 4; k++) child_must(pids[k]);
        spent += test_now() - begin;
        coop_event_close(event);
    }
    CHECK(spent < COOP_MS(300) * test_slowness()); /* and not what is left of a slice of the net, each time */
}

/* The setter stands still between its commit and its wake. */
static void another_set_wakes_those_whom_a_stopped_setter_has_not(void)
{
    set_up();
    pid_t pids[4];
    for (int i = 0; i < 4; i++) pids[i] = waiter();
    int64_t begin = test_now();
    coopi_fetch_add(&shm_of(event)->state, 3);
    CHECK_OK(coop_event_set(event));
    CHECK_EQ(coop_event_times(event), 1u);
    for (int i = 0; i < 4; i++) child_must(pids[i]);
    CHECK(test_now() - begin < COOP_MS(200) * test_slowness());
}

static void *wait_in_thread(void *argument)
{
    coopi_fetch_add(&step[1], 1);
    CHECK_OK(coop_event_wait(event, COOP_S(20)));
    coopi_fetch_add(&step[0], 1);
    return argument;
}

static void threads_wait_as_processes_do(void)
{
    pthread_t threads[8];
    set_up();
    for (int i = 0; i < 8; i++) CHECK_EQ(pthread_create(&threads[i], NULL, wait_in_thread, NULL), 0);
    CHECK_SOON(coopi_load_acquire(&step[1]) == 8);
    test_sleep_ms(5);
    CHECK_EQ(coopi_load_acquire(step), 0u);
    CHECK_OK(coop_event_set(event));
    for (int i = 0; i < 8; i++) CHECK_EQ(pthread_join(threads[i], NULL), 0);
    CHECK_EQ(coopi_load_acquire(step), 8u);
}

static void *set_in_thread(void *argument)
{
    CHECK_OK(coop_event_set(event)); /* this thread has never called us before */
    return argument;
}

static void nobody_needs_an_owner_row(void)
{
    coop_segment *segment;
    coop_lock *lock;
    pthread_t thread;
    CHECK_OK(coop_segment_create(NULL, COOP_SEGMENT_OPTIONS(.owners = 1, .maximum = 1 << 20), &segment));
    CHECK_OK(coop_lock_in(segment, NULL, 0, &lock));
    CHECK_OK(coop_event_in(segment, NULL, 0, &event));
    step = test_shared(16 * sizeof *step);
    CHECK_OK(coop_lock_acquire(lock, COOP_FOREVER));
    pid_t pid = waiter();
    CHECK_EQ(pthread_create(&thread, NULL, set_in_thread, NULL), 0);
    child_must(pid);
    CHECK_EQ(pthread_join(thread, NULL), 0);
    CHECK_OK(coop_lock_release(lock));
    coop_lock_close(lock);
    coop_segment_close(segment);
}

static void set_in_handler(int number)
{
    (void)number;
    coop_event_set(event);
}

static void ignore(int number)
{
    (void)number;
}

/* While the thread takes and gives a lock as often as it can. */
static void a_handler_may_set_it(void)
{
    coop_lock *lock;
    set_up();
    CHECK_OK(coop_lock_new(&lock));
    pid_t pid;
    CHILD(pid) {
        struct sigaction action = {.sa_handler = set_in_handler};
        sigaction(SIGUSR1, &action, NULL);
        coopi_store_release(&step[2], 1);
        while (coopi_load_acquire(&step[3]) == 0) {
            CHECK_OK(coop_lock_acquire(lock, COOP_FOREVER));
            CHECK_OK(coop_lock_release(lock));
        }
    }
    CHECK_SOON(coopi_load_acquire(&step[2]) == 1);
    for (int i = 0; i < 300; i++) {
        kill(pid, SIGUSR1);
        CHECK_OK(coop_event_wait(event, COOP_S(10)));
        CHECK_OK(coop_event_clear(event));
    }
    coopi_store_release(&step[3], 1);
    child_must(pid);
    CHECK_OK(coop_lock_acquire(lock, COOP_S(5)));
    CHECK_OK(coop_lock_release(lock));
    coop_lock_close(lock);
}

/* What stood in list_op_pending stands there afterwards: the newest lock stays named. */
static void a_name_that_stood_there_before_is_put_back(void)
{
    coop_lock *lock;
    set_up();
    CHECK_OK(coop_lock_new(&lock));
    CHECK_OK(coop_lock_acquire(lock, COOP_FOREVER));
    const void *before = coopi_robust_head()->list_op_pending;
    CHECK(before != NULL);
    CHECK_OK(coop_event_set(event));
    CHECK(coopi_robust_head()->list_op_pending == before);
    CHECK_OK(coop_event_clear(event));
    CHECK_ERR(coop_event_wait(event, COOP_MS(2)), -ETIMEDOUT);
    CHECK(coopi_robust_head()->list_op_pending == before);
    CHECK_OK(coop_lock_release(lock));
    coop_lock_close(lock);
}

static void a_signal_ends_a_wait_if_that_is_asked_for(void)
{
    char path[128];
    snprintf(path, sizeof path, "%s/ready", test_name("ev"));
    CHECK_OK(coop_event_open(path, COOP_CREATE | COOP_INTR, &event));
    step = test_shared(16 * sizeof *step);
    struct sigaction action = {.sa_handler = ignore};
    sigaction(SIGUSR1, &action, NULL);
    pid_t pid;
    CHILD(pid) {
        coopi_store_release(&step[1], 1);
        CHECK_ERR(coop_event_wait(event, COOP_S(20)), -EINTR);
        CHECK_DETAIL("a signal ended the wait, and it is not set");
    }
    CHECK_SOON(coopi_load_acquire(&shm_of(event)->sleepers) == 1 && is_asleep(pid));
    kill(pid, SIGUSR1);
    child_must(pid);
    coop_event_close(event);
    CHECK_OK(coop_event_open(path, 0, &event));
    CHILD(pid) {
        CHECK_OK(coop_event_wait(event, COOP_S(20)));
    }
    CHECK_SOON(is_asleep(pid));
    kill(pid, SIGUSR1);
    test_sleep_ms(20);
    CHECK_OK(coop_event_set(event));
    child_must(pid);
    coop_event_close(event);
    CHECK_OK(coop_segment_remove(test_name("ev"), 0));
}

enum { ROUNDS = 600, PLAYERS = 4 };

/* Everybody is in the same round: the setter opens it, and waits until all have seen it. */
static void play_rounds(void)
{
    pid_t pids[PLAYERS];
    set_up();
    for (int i = 0; i < PLAYERS; i++) {
        CHILD(pids[i]) {
            for (uint32_t round = 0; round < ROUNDS; round++) {
                if (coop_event_times(event) == round) CHECK_OK(coop_event_wait(event, COOP_S(20)));
                CHECK(coop_event_times(event) == round + 1);
                coopi_fetch_add(&step[2], 1);
                while (coopi_load_acquire(&step[3]) == round) sched_yield();
            }
        }
    }
    for (uint32_t round = 0; round < ROUNDS; round++) {
        int64_t until = test_now() + COOP_S(20);
        CHECK_OK(coop_event_set(event));
        while (coopi_load_acquire(&step[2]) != (round + 1) * PLAYERS) {
            CHECK(test_now() < until);
            sched_yield();
        }
        CHECK_OK(coop_event_clear(event));
        coopi_store_release(&step[3], round + 1);
    }
    for (int i = 0; i < PLAYERS; i++) child_must(pids[i]);
}

static void no_set_is_lost_in_many_rounds(void)
{
    play_rounds();
}

static void it_works_without_waitv(void)
{
    coopi_futex_no_waitv = true;
    play_rounds();
    coop_event_close(event);
    set_up();
    pid_t first = waiter(), second = waiter();
    child_kill(first);
    CHECK_OK(coop_event_set(event));
    child_must(second);
}

static void idle_sleepers_cost_nothing(void)
{
    pid_t pids[CROWD];
    set_up();
    for (int i = 0; i < CROWD; i++) pids[i] = waiter();
    int64_t spent = 0, begin;
    struct timespec now;
    clockid_t clocks[CROWD];
    for (int i = 0; i < CROWD; i++) {
        CHECK_EQ(clock_getcpuclockid(pids[i], &clocks[i]), 0);
        CHECK_EQ(clock_gettime(clocks[i], &now), 0);
        spent -= now.tv_sec * COOP_S(1) + now.tv_nsec;
    }
    begin = test_now();
    test_sleep_ms(1000);
    for (int i = 0; i < CROWD; i++) {
        CHECK_EQ(clock_gettime(clocks[i], &now), 0);
        spent += now.tv_sec * COOP_S(1) + now.tv_nsec;
    }
    CHECK(spent < (test_now() - begin) / 100 * test_slowness());
    CHECK_OK(coop_event_set(event));
    for (int i = 0; i < CROWD; i++) child_must(pids[i]);
}

TESTS(event, TEST(it_is_set_and_cleared), TEST(a_wait_for_nothing_ends), TEST_T(all_who_wait_are_woken, .tags = ALONE),
      TEST(a_set_that_was_cleared_is_seen), TEST(it_is_found_by_its_name), TEST(what_is_no_event_is_refused),
      TEST(a_damaged_one_is_refused), TEST_T(who_dies_waiting_is_not_missed, .tags = ALONE),
      TEST(who_is_stopped_holds_up_nobody), TEST_T(the_wake_of_a_killed_setter_is_passed_on, .tags = ALONE),
      TEST_T(another_set_wakes_those_whom_a_stopped_setter_has_not, .tags = ALONE), TEST(threads_wait_as_processes_do),
      TEST(nobody_needs_an_owner_row), TEST(a_handler_may_set_it), TEST(a_name_that_stood_there_before_is_put_back),
      TEST(a_signal_ends_a_wait_if_that_is_asked_for), TEST_T(no_set_is_lost_in_many_rounds, .seconds = 20),
      TEST_T(it_works_without_waitv, .seconds = 20), TEST(idle_sleepers_cost_nothing))
