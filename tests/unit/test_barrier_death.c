/* SPDX-License-Identifier: MIT */
/* Barriers: parties that die, that join and leave, and that stand still. */
#include "base/futex.h"
#include "sync/bell.h"
#include "sync/round.h"
#include "unit/parties.h"

#include <pthread.h>
#include <sys/wait.h>

/* A child that joins, says so in step[2], and does nothing more. */
static inline pid_t member(void)
{
    int before = coop_barrier_joined(barrier);
    pid_t pid;
    CHILD(pid) {
        CHECK_OK(coop_barrier_join(barrier));
        wait_to_be_killed();
    }
    CHECK_SOON(coop_barrier_joined(barrier) == before + 1);
    return pid;
}

static void the_death_of_one_that_waits_breaks_it(void)
{
    coop_lock_holder who;
    set_up(4);
    pid_t first = party(-EPIPE), victim = party(0), third = party(-EPIPE);
    int64_t begin = test_now();
    child_kill(victim);
    child_must(first);
    child_must(third);
    CHECK(test_now() - begin < COOP_MS(200) * test_slowness());
    CHECK_EQ(coop_barrier_broken(barrier), COOP_BARRIER_DIED);
    CHECK_OK(coop_barrier_breaker(barrier, &who));
    CHECK_EQ(who.pid, victim);
    CHECK_SOON(coop_barrier_last_death(barrier, &who) == 0);
    CHECK_EQ(who.pid, victim);
    CHECK_EQ(who.deaths, 1u);
    CHECK_ERR(coop_barrier_wait(barrier, COOP_NOWAIT, NULL), -EPIPE);
    CHECK_DETAIL("died; reset it");
    CHECK_OK(coop_barrier_reset(barrier));
    check_is_usable();
    CHECK_OK(coop_barrier_last_death(barrier, &who));
    CHECK_EQ(who.deaths, 1u);
}

/* Those that slept first never saw the one that dies. */
static void each_death_is_seen_whoever_came_when(void)
{
    for (int dies = 0; dies < 4; dies++) {
        pid_t pids[4];
        set_up(5);
        for (int i = 0; i < 4; i++) pids[i] = party(i == dies ? 0 : -EPIPE);
        int64_t begin = test_now();
        child_kill(pids[dies]);
        for (int i = 0; i < 4; i++)
            if (i != dies) child_must(pids[i]);
        CHECK(test_now() - begin < COOP_MS(200) * test_slowness());
        coop_barrier_close(barrier);
    }
}

/* Who is stopped does not stand in the kernel's queues, so the death wakes nobody; going on, it goes back to sleep by
 * the words that it knew. Each time it would otherwise sleep for what is left of a slice of the net. */
static void who_goes_on_to_sleep_finds_those_that_died_meanwhile(void)
{
    int64_t spent = 0;
    for (int i = 0; i < 8; i++) {
        pid_t pids[2];
        set_up(3);
        for (int k = 0; k < 2; k++) pids[k] = party(k == i % 2 ? 0 : -EPIPE);
        for (int k = 0; k < 2; k++) {
            kill(pids[k], SIGSTOP);
            CHECK(waitpid(pids[k], NULL, WUNTRACED) == pids[k]);
        }
        child_kill(pids[i % 2]);
        int64_t begin = test_now();
        kill(pids[1 - i % 2], SIGCONT);
        child_must(pids[1 - i % 2]);
        spent += test_now() - begin;
        coop_barrier_close(barrier);
    }
    CHECK(spent < COOP_MS(200) * test_slowness());
}

static void the_last_one_does_not_pass_over_a_dead_one(void)
{
    set_up(3);
    pid_t first = party(-EPIPE), victim = party(0);
    kill(first, SIGSTOP);
    child_kill(victim);
    CHECK_ERR(coop_barrier_wait(barrier, COOP_FOREVER, NULL), -EPIPE);
    kill(first, SIGCONT);
    child_must(first);
}

static void the_death_of_one_that_has_joined_breaks_it(void)
{
    coop_lock_holder who;
    set_up(3);
    pid_t victim = member(), first = party(-EPIPE), second = party(-EPIPE);
    int64_t begin = test_now();
    child_kill(victim);
    child_must(first);
    child_must(second);
    CHECK(test_now() - begin < COOP_MS(200) * test_slowness());
    CHECK_OK(coop_barrier_breaker(barrier, &who));
    CHECK_EQ(who.pid, victim);
    CHECK_EQ(coop_barrier_joined(barrier), 0);
    CHECK_OK(coop_barrier_reset(barrier));
    check_is_usable();
}

static void who_joins_late_is_watched_by_those_that_sleep(void)
{
    set_up(3);
    pid_t first = party(-EPIPE), second = party(-EPIPE), victim = member();
    int64_t begin = test_now();
    test_sleep_ms(10);
    child_kill(victim);
    child_must(first);
    child_must(second);
    CHECK(test_now() - begin < COOP_MS(200) * test_slowness());
}

static void a_death_with_nobody_waiting_is_found_by_who_comes(void)
{
    set_up(2);
    child_kill(member());
    CHECK_EQ(coop_barrier_waiting(barrier), 0);
    CHECK_EQ(coop_barrier_broken(barrier), COOP_BARRIER_DIED);
    CHECK_OK(coop_barrier_reset(barrier));
    child_kill(member());
    CHECK_ERR(coop_barrier_wait(barrier, COOP_FOREVER, NULL), -EPIPE);
    CHECK_OK(coop_barrier_reset(barrier));
    CHECK_EQ(coop_barrier_joined(barrier), 0);
    check_is_usable();
}

static void no_more_join_than_there_are_parties(void)
{
    set_up(2);
    pid_t first = member(), second = member();
    CHECK_ERR(coop_barrier_join(barrier), -EBUSY);
    CHECK_DETAIL("all of its 2 places are taken");
    CHECK_ERR(coop_barrier_wait(barrier, COOP_FOREVER, NULL), -EBUSY);
    CHECK_DETAIL("belong to others that have joined");
    child_kill(first);
    CHECK_OK(coop_barrier_reset(barrier));
    CHECK_EQ(coop_barrier_joined(barrier), 1);
    CHECK_OK(coop_barrier_join(barrier));
    CHECK_OK(coop_barrier_join(barrier));
    CHECK_EQ(coop_barrier_joined(barrier), 2);
    child_kill(second);
}

static void who_has_left_may_end(void)
{
    set_up(2);
    CHECK_ERR(coop_barrier_leave(barrier), -EPERM);
    CHECK_DETAIL("has not joined it");
    pid_t pid;
    CHILD(pid) {
        CHECK_OK(coop_barrier_join(barrier));
        CHECK_EQ(coop_barrier_joined(barrier), 1);
        CHECK_OK(coop_barrier_leave(barrier));
        CHECK_ERR(coop_barrier_leave(barrier), -EPERM);
    }
    child_must(pid);
    CHECK_EQ(coop_barrier_joined(barrier), 0);
    CHECK_EQ(coop_barrier_broken(barrier), 0);
    check_is_usable();
}

static void a_place_that_is_left_goes_to_one_who_waits_for_it(void)
{
    set_up(2);
    CHECK_OK(coop_barrier_join(barrier));
    pid_t first = party(0), second;
    CHILD(second) {
        CHECK_OK(coop_barrier_wait(barrier, COOP_S(20), NULL));
    }
    test_sleep_ms(20);
    CHECK_EQ(coop_barrier_waiting(barrier), 1); /* the second has no place */
    CHECK_OK(coop_barrier_leave(barrier));
    child_must(first);
    child_must(second);
}

static void who_waits_for_a_place_breaks_nothing(void)
{
    set_up(2);
    CHECK_OK(coop_barrier_join(barrier));
    pid_t first = party(0), second;
    CHILD(second) {
        CHECK_ERR(coop_barrier_wait(barrier, COOP_MS(20), NULL), -ETIMEDOUT);
        CHECK_DETAIL("nothing is broken");
    }
    child_must(second);
    CHECK_EQ(coop_barrier_broken(barrier), 0);
    CHECK_OK(coop_barrier_wait(barrier, COOP_S(5), NULL));
    child_must(first);
}

static void *join_in_thread(void *argument)
{
    CHECK_OK(coop_barrier_join(barrier));
    return argument;
}

static void a_thread_that_ends_while_it_has_joined_counts_as_dead(void)
{
    pthread_t thread;
    set_up(2);
    CHECK_EQ(pthread_create(&thread, NULL, join_in_thread, NULL), 0);
    CHECK_EQ(pthread_join(thread, NULL), 0);
    CHECK_ERR(coop_barrier_wait(barrier, COOP_FOREVER, NULL), -EPIPE);
    CHECK_EQ(coop_barrier_broken(barrier), COOP_BARRIER_DIED);
}

static void a_child_has_not_joined(void)
{
    set_up(2);
    CHECK_OK(coop_barrier_join(barrier));
    pid_t pid;
    CHILD(pid) {
        CHECK_ERR(coop_barrier_leave(barrier), -EPERM);
        CHECK_OK(coop_barrier_join(barrier));
        CHECK_EQ(coop_barrier_joined(barrier), 2);
        CHECK_OK(coop_barrier_leave(barrier));
    }
    child_must(pid);
    CHECK_EQ(coop_barrier_joined(barrier), 1);
    CHECK_EQ(coop_barrier_broken(barrier), 0);
    coop_barrier_close(barrier);
    CHECK_DETAIL("closed while this thread has joined it");
}

static void who_is_stopped_keeps_the_others_waiting_and_no_more(void)
{
    set_up(3);
    pid_t stopped = party(-EPIPE);
    kill(stopped, SIGSTOP);
    CHECK_ERR(coop_barrier_wait(barrier, COOP_MS(30), NULL), -ETIMEDOUT);
    CHECK_OK(coop_barrier_reset(barrier));
    check_is_usable();
    kill(stopped, SIGCONT);
    child_must(stopped);
}

/* One that stays alive until four have come back: else those that watch its life would wake. */
static pid_t staying_party(void)
{
    int before = coop_barrier_waiting(barrier);
    pid_t pid;
    CHILD(pid) {
        CHECK_OK(coop_barrier_wait(barrier, COOP_S(20), NULL));
        coopi_fetch_add(&step[0], 1);
        CHECK_SOON(coopi_load_acquire(&step[0]) == 4);
    }
    CHECK_SOON(coop_barrier_waiting(barrier) == before + 1 && is_asleep(pid));
    return pid;
}

/* The first half of a round's end, as of one that is killed before it wakes anybody: the kernel wakes one, and that one
 * the others. Each time they would otherwise sleep for what is left of a slice of the net. */
static void the_wake_of_a_killed_last_one_is_passed_on(void)
{
    int64_t spent = 0;
    for (int i = 0; i < 6; i++) {
        pid_t pids[4], last;
        set_up(5);
        for (int k = 0; k < 4; k++) pids[k] = staying_party();
        CHILD(last) {
            coopi_bell_name(coopi_robust_head(), &barrier->shm->bell);
            coopi_store_release(&barrier->shm->state, coopi_round_begin(1));
            coopi_store_release(&step[3], 1);
            wait_to_be_killed();
        }
        CHECK_SOON(coopi_load_acquire(&step[3]) == 1);
        int64_t begin = test_now();
        child_kill(last);
        for (int k = 0; k < 4; k++) child_must(pids[k]);
        spent += test_now() - begin;
        coop_barrier_close(barrier);
    }
    CHECK(spent < COOP_MS(300) * test_slowness());
}

/* Their rows are as far apart as there are places, so both begin to look at the same one. */
static void who_comes_takes_nobodys_place(void)
{
    coop_barrier *other;
    CHECK_OK(coop_barrier_new(1, &other));
    set_up(3);
    pid_t victim = party(0), passer_by;
    for (int i = 0; i < 2; i++) {
        CHILD(passer_by) {
            CHECK_OK(coop_barrier_wait(other, COOP_FOREVER, NULL));
        }
        child_must(passer_by);
    }
    pid_t second = party(-EPIPE);
    child_kill(victim);
    child_must(second);
    CHECK_EQ(coop_barrier_broken(barrier), COOP_BARRIER_DIED);
    coop_barrier_close(other);
}

/* A reset that was cut off after it had broken the round. */
static void a_reset_that_was_begun_is_finished_by_who_comes(void)
{
    set_up(2);
    pid_t waits = party(-EPIPE), resetter;
    CHILD(resetter) {
        uint32_t dead;
        CHECK_OK(coop_barrier_join(barrier));
        CHECK_OK(coopi_sync_enter(&barrier->sync, INT64_MAX, &dead));
        coopi_store_release(&barrier->shm->breach, (uint64_t)COOPI_BREACH_RESET << 32);
        coopi_fetch_or(&barrier->shm->state, COOPI_BARRIER_BROKEN);
        coopi_store_release(&step[3], 1);
        wait_to_be_killed();
    }
    CHECK_SOON(coopi_load_acquire(&step[3]) == 1);
    CHECK_ERR(coop_barrier_wait(barrier, COOP_MS(20), NULL), -ETIMEDOUT);
    CHECK_DETAIL("a process is stopped within a call on it");
    child_kill(resetter);
    CHECK_EQ(coop_barrier_broken(barrier), 0);
    child_must(waits);
    coop_lock_holder who;
    CHECK_OK(coop_barrier_last_death(barrier, &who));
    CHECK_EQ(who.pid, resetter);
    check_is_usable();
}

static void deaths_are_seen_without_waitv(void)
{
    coopi_futex_no_waitv = true;
    set_up(3);
    pid_t victim = member(), first = party(-EPIPE), second = party(-EPIPE);
    child_kill(victim);
    child_must(first);
    child_must(second);
    coop_barrier_close(barrier);
    set_up(3);
    first = party(-EPIPE);
    child_kill(party(0));
    child_must(first);
}

TESTS(barrier_death, TEST(who_comes_takes_nobodys_place),
      TEST_T(who_goes_on_to_sleep_finds_those_that_died_meanwhile, .tags = ALONE), TEST(deaths_are_seen_without_waitv),
      TEST_T(the_death_of_one_that_waits_breaks_it, .tags = ALONE),
      TEST_T(each_death_is_seen_whoever_came_when, .tags = ALONE), TEST(the_last_one_does_not_pass_over_a_dead_one),
      TEST_T(the_death_of_one_that_has_joined_breaks_it, .tags = ALONE),
      TEST_T(who_joins_late_is_watched_by_those_that_sleep, .tags = ALONE),
      TEST(a_death_with_nobody_waiting_is_found_by_who_comes), TEST(no_more_join_than_there_are_parties),
      TEST(who_has_left_may_end), TEST(a_place_that_is_left_goes_to_one_who_waits_for_it),
      TEST(who_waits_for_a_place_breaks_nothing), TEST(a_thread_that_ends_while_it_has_joined_counts_as_dead),
      TEST(a_child_has_not_joined), TEST(who_is_stopped_keeps_the_others_waiting_and_no_more),
      TEST_T(the_wake_of_a_killed_last_one_is_passed_on, .tags = ALONE),
      TEST(a_reset_that_was_begun_is_finished_by_who_comes))
