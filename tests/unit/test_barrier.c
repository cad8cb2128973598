/* SPDX-License-Identifier: MIT */
/* Barriers: rounds that end for all or break for all, whoever dies. */
#include "base/atomic.h"
#include "base/futex.h"
#include "sync/bell.h"
#include "sync/round.h"
#include "unit/meeting.h"

#include <coop/barrier.h>
#include <coop/semaphore.h>
#include <coop/value.h>
#include <pthread.h>
#include <stdlib.h>

static coop_barrier *barrier;
static uint32_t *step;

static void set_up(uint32_t parties)
{
    CHECK_OK(coop_barrier_new(parties, &barrier));
    step = test_shared(16 * sizeof *step);
}

static bool is_asleep(pid_t pid)
{
    char path[64], state = 0;
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *file = fopen(path, "re");
    if (!file) return false;
    if (fscanf(file, "%*d (%*[^)]) %c", &state) != 1) state = 0;
    fclose(file);
    return state == 'S';
}

/* A child that waits, expects RESULT, and then counts itself in step[0], and its index in step[1]. */
static pid_t party(int result)
{
    int before = coop_barrier_waiting(barrier);
    pid_t pid;
    CHILD(pid) {
        uint32_t index = 0;
        CHECK_ERR(coop_barrier_wait(barrier, COOP_S(20), &index), result);
        coopi_fetch_add(&step[1], index);
        coopi_fetch_add(&step[0], 1);
    }
    CHECK_SOON(coop_barrier_waiting(barrier) == before + 1 && is_asleep(pid));
    return pid;
}

/* A child that joins, says so in step[2], and does nothing more. */
static pid_t member(void)
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

static void check_is_usable(void)
{
    uint32_t parties = coop_barrier_parties(barrier);
    pid_t pids[16];
    for (uint32_t i = 1; i < parties; i++) pids[i] = party(0);
    CHECK_OK(coop_barrier_wait(barrier, COOP_NOWAIT, NULL));
    for (uint32_t i = 1; i < parties; i++) child_must(pids[i]);
    CHECK_EQ(coop_barrier_broken(barrier), COOP_BARRIER_WHOLE);
    CHECK_EQ(coop_barrier_waiting(barrier), 0);
}

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
    CHECK_DETAIL("5 parties can never meet: its segment has rows for 4 threads");
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

static int count_action(void *user)
{
    CHECK_EQ(coop_barrier_waiting(barrier), 3);
    CHECK_EQ(coopi_load_acquire(&step[0]), 0u);
    coopi_fetch_add((uint32_t *)user, 1);
    return 0;
}

static void the_last_one_acts_before_anybody_goes_on(void)
{
    set_up(3);
    coop_barrier_set_action(barrier, count_action, &step[3]);
    pid_t first = party(0), second = party(0);
    CHECK_EQ(step[3], 0u);
    CHECK_OK(coop_barrier_wait(barrier, COOP_FOREVER, NULL));
    CHECK_EQ(coopi_load_acquire(&step[3]), 1u);
    child_must(first);
    child_must(second);
    CHECK_EQ(step[3], 1u);
}

static int fail_action(void *user)
{
    return *(int *)user;
}

static void an_action_that_fails_breaks_it(void)
{
    int error = -ENOSPC;
    set_up(2);
    coop_barrier_set_action(barrier, fail_action, &error);
    pid_t other = party(-EPIPE);
    CHECK_ERR(coop_barrier_wait(barrier, COOP_FOREVER, NULL), -ENOSPC);
    CHECK_DETAIL("its action failed, and it is broken now");
    child_must(other);
    CHECK_EQ(coop_barrier_broken(barrier), COOP_BARRIER_ACTION);
    CHECK_OK(coop_barrier_reset(barrier));
    coop_barrier_set_action(barrier, NULL, NULL);
    check_is_usable();
}

static int misuse_action(void *user)
{
    int what = *(int *)user;
    CHECK_ERR(coop_barrier_wait(barrier, COOP_MS(50), NULL), -EDEADLK);
    CHECK_DETAIL("its action may not wait for it");
    if (what == 1) CHECK_OK(coop_barrier_abort(barrier));
    if (what == 2) CHECK_OK(coop_barrier_reset(barrier));
    return 0;
}

static void an_action_may_abort_or_reset_and_not_wait(void)
{
    for (int what = 0; what < 3; what++) {
        set_up(2);
        coop_barrier_set_action(barrier, misuse_action, &what);
        pid_t other = party(what ? -EPIPE : 0);
        CHECK_ERR(coop_barrier_wait(barrier, COOP_FOREVER, NULL), what ? -EPIPE : 0);
        child_must(other);
        CHECK_EQ(coop_barrier_broken(barrier), what == 1 ? COOP_BARRIER_ABORTED : 0);
        coop_barrier_close(barrier);
    }
}

static int endless_action(void *user)
{
    coopi_fetch_add((uint32_t *)user, 1);
    wait_to_be_killed();
    return 0;
}

static void a_death_within_the_action_breaks_it(void)
{
    set_up(3);
    pid_t first = party(-EPIPE), second = party(-EPIPE), actor;
    coop_barrier_set_action(barrier, endless_action, &step[3]);
    CHILD(actor) {
        (void)!coop_barrier_wait(barrier, COOP_FOREVER, NULL);
    }
    CHECK_SOON(coopi_load_acquire(&step[3]) == 1);
    CHECK_EQ(coop_barrier_waiting(barrier), 3);
    int64_t begin = test_now();
    child_kill(actor);
    child_must(first);
    child_must(second);
    CHECK(test_now() - begin < COOP_MS(200) * test_slowness());
    coop_lock_holder who;
    CHECK_OK(coop_barrier_breaker(barrier, &who));
    CHECK_EQ(who.pid, actor);
}

static int slow_action(void *user)
{
    test_sleep_ms(60);
    coopi_fetch_add((uint32_t *)user, 1);
    return 0;
}

static void a_time_out_ends_also_within_the_action(void)
{
    set_up(2);
    coop_barrier_set_action(barrier, slow_action, &step[3]);
    pid_t other;
    CHILD(other) {
        CHECK_ERR(coop_barrier_wait(barrier, COOP_MS(40), NULL), -ETIMEDOUT);
    }
    CHECK_SOON(coop_barrier_waiting(barrier) == 1);
    CHECK_ERR(coop_barrier_wait(barrier, COOP_FOREVER, NULL), -EPIPE);
    child_must(other);
    CHECK_EQ(step[3], 1u);
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

/* The first half of a round's end, as of one that is killed before it wakes anybody: the kernel wakes one, and that one
 * the others. */
static void the_wake_of_a_killed_last_one_is_passed_on(void)
{
    pid_t pids[4], last;
    set_up(5);
    for (int i = 0; i < 4; i++) pids[i] = party(0);
    CHILD(last) {
        coopi_bell_name(coopi_robust_head(), &barrier->shm->bell);
        coopi_store_release(&barrier->shm->state, coopi_round_begin(1));
        coopi_store_release(&step[3], 1);
        wait_to_be_killed();
    }
    CHECK_SOON(coopi_load_acquire(&step[3]) == 1);
    int64_t begin = test_now();
    child_kill(last);
    for (int i = 0; i < 4; i++) child_must(pids[i]);
    CHECK(test_now() - begin < COOP_MS(200) * test_slowness());
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
    set_up(3);
    pid_t victim = member(), first = party(-EPIPE), second = party(-EPIPE);
    child_kill(victim);
    child_must(first);
    child_must(second);
    set_up(3);
    first = party(-EPIPE);
    child_kill(party(0));
    child_must(first);
}

TESTS(barrier, TEST(all_go_on_when_the_last_has_come), TEST(one_party_never_waits),
      TEST(who_does_not_want_to_wait_changes_nothing), TEST(a_time_out_breaks_it_for_all),
      TEST(abort_breaks_it_until_it_is_reset), TEST(a_reset_sends_away_those_that_wait),
      TEST(a_late_sleeper_knows_a_release_from_a_reset),
      TEST_T(no_round_has_more_parties_than_the_barrier, .seconds = 20), TEST(bad_numbers_and_flags_are_refused),
      TEST(it_is_found_by_its_name), TEST(a_damaged_one_is_refused), TEST(damaged_words_hang_nobody),
      TEST_T(the_death_of_one_that_waits_breaks_it, .tags = ALONE),
      TEST_T(each_death_is_seen_whoever_came_when, .tags = ALONE), TEST(the_last_one_does_not_pass_over_a_dead_one),
      TEST_T(the_death_of_one_that_has_joined_breaks_it, .tags = ALONE),
      TEST_T(who_joins_late_is_watched_by_those_that_sleep, .tags = ALONE),
      TEST(a_death_with_nobody_waiting_is_found_by_who_comes), TEST(no_more_join_than_there_are_parties),
      TEST(who_has_left_may_end), TEST(a_place_that_is_left_goes_to_one_who_waits_for_it),
      TEST(who_waits_for_a_place_breaks_nothing), TEST(a_thread_that_ends_while_it_has_joined_counts_as_dead),
      TEST(a_child_has_not_joined), TEST(the_last_one_acts_before_anybody_goes_on),
      TEST(an_action_that_fails_breaks_it), TEST(an_action_may_abort_or_reset_and_not_wait),
      TEST_T(a_death_within_the_action_breaks_it, .tags = ALONE), TEST(a_time_out_ends_also_within_the_action),
      TEST(a_signal_ends_a_wait_if_that_is_asked_for), TEST(who_is_stopped_keeps_the_others_waiting_and_no_more),
      TEST_T(the_wake_of_a_killed_last_one_is_passed_on, .tags = ALONE),
      TEST(a_reset_that_was_begun_is_finished_by_who_comes), TEST_T(rounds_are_in_lockstep, .seconds = 20),
      TEST_T(rounds_of_those_that_have_joined_are_in_lockstep, .seconds = 20),
      TEST_T(it_works_without_waitv, .seconds = 30))
