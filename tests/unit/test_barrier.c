/* SPDX-License-Identifier: MIT */
/* Barriers: rounds that end for all or break for all. */
#include "base/futex.h"
#include "sync/round.h"
#include "unit/parties.h"

#include <coop/semaphore.h>
#include <coop/value.h>

static void all_go_on_when_the_last_has_come(void)
{
    uint32_t index = 99;
    set_up(3);
    CHECK_EQ(coop_barrier_parties(barrier), 3u);
    pid_t first = party(0), second = party(0);
    CHECK_EQ(coop_barrier_waiting(barrier), 2);
    CHECK_EQ(coopi_load_acquire(step), 0u);
    CHECK_OK(coop_barrier_wait(barrier, COOP_FOREVER, &index));
    child_must(first);
    child_must(second);
    CHECK_EQ(index, 2u);
    CHECK_EQ(coopi_load_acquire(&step[1]), 1u); /* 0 and 1 */
    CHECK_EQ(coop_barrier_waiting(barrier), 0);
    coop_barrier_close(barrier);
    coop_barrier_close(NULL);
}

static void one_party_never_waits(void)
{
    uint32_t index = 99;
    set_up(1);
    for (int i = 0; i < 3; i++) CHECK_OK(coop_barrier_wait(barrier, COOP_NOWAIT, &index));
    CHECK_EQ(index, 0u);
}

static void who_does_not_want_to_wait_changes_nothing(void)
{
    uint32_t index = 99;
    set_up(2);
    CHECK_ERR(coop_barrier_wait(barrier, COOP_NOWAIT, &index), -EBUSY);
    CHECK_DETAIL("busy: 0 of 2 parties have arrived");
    CHECK_EQ(index, 99u);
    CHECK_EQ(coop_barrier_waiting(barrier), 0);
    CHECK_EQ(coop_barrier_broken(barrier), 0);
    check_is_usable();
}

static void a_time_out_breaks_it_for_all(void)
{
    uint32_t index = 99;
    set_up(3);
    pid_t other = party(-EPIPE);
    int64_t begin = test_now();
    CHECK_ERR(coop_barrier_wait(barrier, COOP_MS(30), &index), -ETIMEDOUT);
    CHECK_DETAIL("timed out: not all of 3 parties came; it is broken now");
    CHECK(test_now() - begin >= COOP_MS(30));
    CHECK_EQ(index, 99u);
    child_must(other);
    CHECK_EQ(coop_barrier_broken(barrier), COOP_BARRIER_TIMED_OUT);
    CHECK_EQ(coop_barrier_waiting(barrier), 0);
    CHECK_ERR(coop_barrier_wait(barrier, COOP_FOREVER, NULL), -EPIPE);
    CHECK_DETAIL("timed out waiting; reset it");
    CHECK_ERR(coop_barrier_join(barrier), -EPIPE);
    coop_lock_holder who;
    CHECK_OK(coop_barrier_breaker(barrier, &who));
    CHECK_EQ(who.pid, getpid());
    CHECK_OK(coop_barrier_reset(barrier));
    CHECK_ERR(coop_barrier_breaker(barrier, &who), -ENOENT);
    check_is_usable();
}

static void abort_breaks_it_until_it_is_reset(void)
{
    set_up(3);
    pid_t first = party(-EPIPE), second = party(-EPIPE);
    CHECK_OK(coop_barrier_abort(barrier));
    child_must(first);
    child_must(second);
    CHECK_EQ(coop_barrier_broken(barrier), COOP_BARRIER_ABORTED);
    CHECK_OK(coop_barrier_abort(barrier));
    pid_t late;
    CHILD(late) {
        char words[64];
        CHECK_ERR(coop_barrier_wait(barrier, COOP_FOREVER, NULL), -EPIPE);
        snprintf(words, sizeof words, "broken: thread %d of process %d", (int)getppid(), (int)getppid());
        CHECK_DETAIL(words);
        CHECK_DETAIL("aborted it; reset it");
    }
    child_must(late);
    CHECK_OK(coop_barrier_reset(barrier));
    CHECK_EQ(coop_barrier_broken(barrier), 0);
    check_is_usable();
}

static void a_reset_sends_away_those_that_wait(void)
{
    set_up(3);
    pid_t first = party(-EPIPE), second = party(-EPIPE);
    CHECK_OK(coop_barrier_reset(barrier));
    child_must(first);
    child_must(second);
    CHECK_EQ(coop_barrier_broken(barrier), 0);
    CHECK_EQ(coop_barrier_waiting(barrier), 0);
    check_is_usable();
}

/* Whoever comes back late finds how its own round ended, and not how the last one did. */
static void a_late_sleeper_knows_a_release_from_a_reset(void)
{
    set_up(2);
    pid_t lucky = party(0);
    kill(lucky, SIGSTOP);
    CHECK_OK(coop_barrier_wait(barrier, COOP_FOREVER, NULL));
    CHECK_OK(coop_barrier_reset(barrier));
    pid_t unlucky = party(-EPIPE);
    kill(unlucky, SIGSTOP);
    CHECK_OK(coop_barrier_reset(barrier));
    for (int i = 0; i < 3; i++) check_is_usable(); /* their places are taken by others */
    CHECK_OK(coop_barrier_reset(barrier));
    kill(lucky, SIGCONT);
    kill(unlucky, SIGCONT);
    child_must(lucky);
    child_must(unlucky);
}

static void no_round_has_more_parties_than_the_barrier(void)
{
    set_up(2);
    pid_t pids[10];
    for (int i = 0; i < 10; i++) {
        CHILD(pids[i]) {
            uint32_t index = 99;
            int r;
            while ((r = coop_barrier_wait(barrier, COOP_S(20), &index)) == 0) {
                CHECK(index < 2);
                coopi_fetch_add(&step[index], 1);
            }
            CHECK_EQ(r, -EPIPE);
        }
    }
    CHECK_SOON(coopi_load_acquire(&step[0]) >= 1000);
    CHECK_OK(coop_barrier_abort(barrier));
    for (int i = 0; i < 10; i++) child_must(pids[i]);
    CHECK_EQ(step[0], step[1]);
}

static void bad_numbers_and_flags_are_refused(void)
{
    coop_barrier *other;
    CHECK_ERR(coop_barrier_new(0, &other), -EINVAL);
    CHECK_DETAIL("a barrier is for 1 to 4095 parties, not 0");
    CHECK_ERR(coop_barrier_new(4096, &other), -EINVAL);
    CHECK_ERR(coop_barrier_open("x/y", 2, COOP_COUNTING, &other), -EINVAL);
    CHECK_ERR(coop_barrier_in(NULL, "x", 2, 0, &other), -EINVAL);
    coop_segment *segment;
    CHECK_OK(coop_segment_create(NULL, COOP_SEGMENT_OPTIONS(.owners = 4, .maximum = 1 << 20), &segment));
    CHECK_ERR(coop_barrier_in(segment, NULL, 5, 0, &other), -EINVAL);
    CHECK_DETAIL("is for 5 threads, and its segment has rows for 4");
    CHECK_OK(coop_barrier_in(segment, NULL, 4, 0, &other));
    coop_barrier_close(other);
    coop_segment_close(segment);
}

static void it_is_found_by_its_name(void)
{
    char path[128];
    coop_barrier *first, *second;
    coop_value *value;
    coop_semaphore *semaphore;
    snprintf(path, sizeof path, "%s/meet", test_name("bar"));
    CHECK_ERR(coop_barrier_open(path, 2, 0, &first), -ENOENT);
    CHECK_OK(coop_barrier_open(path, 2, COOP_CREATE, &first));
    CHECK_ERR(coop_barrier_open(path, 3, COOP_CREATE, &second), -EINVAL);
    CHECK_DETAIL("is for 2 parties, not 3");
    CHECK_OK(coop_barrier_open(path, 2, COOP_CREATE, &second));
    CHECK_STR(coop_barrier_path(second), path);
    CHECK_ERR(coop_value_open(path, "i", 0, &value), -EINVAL);
    CHECK_DETAIL("is of kind barrier, not value");
    CHECK_ERR(coop_semaphore_open(path, 2, 0, &semaphore), -EINVAL);
    pid_t pid;
    CHILD(pid) {
        coop_barrier *third;
        CHECK_OK(coop_barrier_open(path, 2, 0, &third));
        CHECK_OK(coop_barrier_wait(third, COOP_S(20), NULL));
        coop_barrier_close(third);
    }
    CHECK_OK(coop_barrier_wait(first, COOP_S(20), NULL));
    child_must(pid);
    CHECK_OK(coop_barrier_abort(first));
    CHECK_EQ(coop_barrier_broken(second), COOP_BARRIER_ABORTED);
    coop_barrier_close(first);
    coop_barrier_close(second);
    CHECK_OK(coop_segment_remove(test_name("bar"), 0));
}

static void a_damaged_one_is_refused(void)
{
    char path[128];
    coop_barrier *other;
    snprintf(path, sizeof path, "%s/meet", test_name("bar"));
    CHECK_OK(coop_barrier_open(path, 2, COOP_CREATE, &barrier));
    barrier->shm->parties = 3; /* and there are two places */
    CHECK_ERR(coop_barrier_open(path, 3, 0, &other), -EBADMSG);
    CHECK_DETAIL("damaged: it has places for 2 of its 3 parties");
    barrier->shm->parties = 2;
    const struct coopi_object *object = &barrier->sync.object;
    object->map->directory[object->number].length = COOP_PARTIES_MAX;
    CHECK_ERR(coop_barrier_open(path, 2, 0, &other), -EBADMSG);
    object->map->directory[object->number].length = 2;
    coop_barrier_close(barrier);
    CHECK_OK(coop_segment_remove(test_name("bar"), 0));
}

/* Whatever stands in the words: no crash, and time-outs end. */
static void damaged_words_hang_nobody(void)
{
    uint64_t seed = 88172645463325252u;
    set_up(3);
    for (int i = 0; i < 200; i++) {
        uint64_t *words[] = {&barrier->shm->state,    &barrier->shm->breach,   &barrier->shm->woken,
                             &barrier->sync.words[0], &barrier->sync.words[1], &barrier->sync.words[2]};
        for (int k = 0; k < 6; k++) {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            *words[k] = seed;
        }
        if (i % 2) barrier->shm->state &= ~COOPI_BARRIER_BROKEN;
        CHECK(coop_barrier_wait(barrier, COOP_MS(1), NULL) <= 0);
        CHECK(coop_barrier_broken(barrier) >= 0);
        CHECK_OK(coop_barrier_reset(barrier));
        CHECK_EQ(coop_barrier_waiting(barrier), 0);
    }
    check_is_usable();
}

static void on_signal(int number)
{
    (void)number;
}

static void a_signal_ends_a_wait_if_that_is_asked_for(void)
{
    char path[128];
    snprintf(path, sizeof path, "%s/meet", test_name("bar"));
    CHECK_OK(coop_barrier_open(path, 3, COOP_CREATE | COOP_INTR, &barrier));
    step = test_shared(16 * sizeof *step);
    struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGUSR1, &action, NULL);
    pid_t first = party(-EINTR), second = party(-EPIPE);
    kill(first, SIGUSR1);
    child_must(first);
    child_must(second);
    CHECK_EQ(coop_barrier_broken(barrier), COOP_BARRIER_INTERRUPTED);
    coop_barrier_close(barrier);
    CHECK_OK(coop_barrier_open(path, 3, 0, &barrier));
    CHECK_OK(coop_barrier_reset(barrier));
    first = party(0);
    kill(first, SIGUSR1);
    test_sleep_ms(20);
    second = party(0);
    CHECK_OK(coop_barrier_wait(barrier, COOP_FOREVER, NULL));
    child_must(first);
    child_must(second);
    coop_barrier_close(barrier);
    CHECK_OK(coop_segment_remove(test_name("bar"), 0));
}

enum { CROWD = 6, ROUNDS = 2000 };

/* Nobody is a round ahead of anybody. */
static void play_rounds(bool join)
{
    pid_t pids[CROWD];
    set_up(CROWD);
    for (int i = 0; i < CROWD; i++) {
        CHILD(pids[i]) {
            if (join) CHECK_OK(coop_barrier_join(barrier));
            for (uint32_t round = 0; round < ROUNDS; round++) {
                uint32_t index = 99;
                coopi_fetch_add(&step[2], 1);
                CHECK_OK(coop_barrier_wait(barrier, COOP_S(20), &index));
                uint32_t seen = coopi_load_acquire(&step[2]);
                CHECK(seen >= (round + 1) * CROWD && seen < (round + 2) * CROWD);
                if (index == 0) coopi_fetch_add(&step[3], 1);
                coopi_fetch_add(&step[4], index);
            }
            CHECK_OK(coop_barrier_wait(barrier, COOP_S(20), NULL));
            if (join) CHECK_OK(coop_barrier_leave(barrier));
        }
    }
    for (int i = 0; i < CROWD; i++) child_must(pids[i]);
    CHECK_EQ(step[3], ROUNDS);
    CHECK_EQ(step[4], ROUNDS * CROWD * (CROWD - 1) / 2);
    CHECK_EQ(coop_barrier_broken(barrier), 0);
}

static void rounds_are_in_lockstep(void)
{
    play_rounds(false);
}

static void rounds_of_those_that_have_joined_are_in_lockstep(void)
{
    play_rounds(true);
}

static void it_works_without_waitv(void)
{
    coopi_futex_no_waitv = true;
    play_rounds(true);
}

TESTS(barrier, TEST(all_go_on_when_the_last_has_come), TEST(one_party_never_waits),
      TEST(who_does_not_want_to_wait_changes_nothing), TEST(a_time_out_breaks_it_for_all),
      TEST(abort_breaks_it_until_it_is_reset), TEST(a_reset_sends_away_those_that_wait),
      TEST(a_late_sleeper_knows_a_release_from_a_reset),
      TEST_T(no_round_has_more_parties_than_the_barrier, .seconds = 20), TEST(bad_numbers_and_flags_are_refused),
      TEST(it_is_found_by_its_name), TEST(a_damaged_one_is_refused), TEST(damaged_words_hang_nobody),
      TEST(a_signal_ends_a_wait_if_that_is_asked_for), TEST_T(rounds_are_in_lockstep, .seconds = 20),
      TEST_T(rounds_of_those_that_have_joined_are_in_lockstep, .seconds = 20),
      TEST_T(it_works_without_waitv, .seconds = 30))
