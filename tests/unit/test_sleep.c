/* SPDX-License-Identifier: MIT */
/* Sleeping on an event and on lives, by waitv and by slices. */
#include "base/clock.h"
#include "harness/test.h"
#include "segment/handle.h"
#include "segment/owner.h"
#include "segment/self.h"
#include "segment/sleep.h"

#include <coop/segment.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>

struct shared {
    uint32_t event; /* the bell */
    uint32_t word;
    uint32_t tag;
    uint32_t up; /* sleepers that have come back */
};

static coop_segment *segment;
static struct coopi_map *map;
static struct shared *shared;
static struct coopi_awaited event;

static void set_up(void)
{
    CHECK_OK(coop_segment_create(NULL, NULL, &segment));
    map = segment->map;
    shared = test_shared(sizeof *shared);
    event = (struct coopi_awaited){.bell = {&shared->event, 0}, .still = {&shared->word, 0}};
}

static void become_owner(uint32_t *tag)
{
    struct coopi_self *self;
    CHECK_OK(coopi_owner_attach(map, &self));
    coopi_store_release(tag, coopi_tag_of(self->id[map->slot]));
}

static pid_t fork_owner(uint32_t *tag)
{
    pid_t pid;
    CHILD(pid) {
        become_owner(tag);
        for (;;) pause();
    }
    CHECK_SOON(coopi_load_acquire(tag) != 0);
    return pid;
}

static int sleep_until_told(int64_t deadline)
{
    int r = 0;
    while (r == 0 && coopi_load_acquire(&shared->event) == 0) r = coopi_sleep(map, &event, &shared->tag, 1, deadline);
    return r;
}

static void the_event_wakes_a_sleeper(void)
{
    set_up();
    pid_t owner = fork_owner(&shared->tag), sleeper;
    CHILD(sleeper) {
        CHECK_OK(sleep_until_told(COOPI_NEVER));
    }
    test_sleep_ms(20);
    coopi_store_release(&shared->event, 1);
    coopi_futex_wake(&shared->event, COOPI_FUTEX_ALL);
    child_must(sleeper);
    child_kill(owner);
}

/* Eight sleepers, and the death of whom they watch; how long it took until the last was up. */
static int64_t all_up_after_a_death(void)
{
    pid_t owner = fork_owner(&shared->tag), sleepers[8];
    for (int i = 0; i < 8; i++) {
        CHILD(sleepers[i]) {
            CHECK_EQ(sleep_until_told(COOPI_NEVER), COOPI_WATCHED_DIED);
        }
    }
    test_sleep_ms(50);
    int64_t before = coopi_now();
    child_kill(owner);
    for (int i = 0; i < 8; i++) child_must(sleepers[i]);
    shared->tag = 0;
    return coopi_now() - before;
}

static void a_watched_death_wakes_all_sleepers(void)
{
    set_up();
    all_up_after_a_death();
}

/* The net alone takes 200 ms; a busy machine does not take 100 ms three times. */
static void the_kernels_one_wake_is_passed_on_to_all(void)
{
    set_up();
    bool soon = false;
    for (int i = 0; i < 3 && !soon; i++) soon = all_up_after_a_death() < COOP_MS(100);
    CHECK(soon);
}

static void a_death_before_the_sleep_is_seen_at_once(void)
{
    set_up();
    child_kill(fork_owner(&shared->tag));
    CHECK_EQ(coopi_sleep(map, &event, &shared->tag, 1, COOPI_NEVER), COOPI_WATCHED_DIED);
}

static void a_tag_of_a_row_that_is_not_there_is_dead(void)
{
    set_up();
    uint32_t tag = 1u << COOPI_ROW_BITS | (COOPI_ROW_MASK - 1);
    CHECK_EQ(coopi_sleep(map, &event, &tag, 1, COOPI_NEVER), COOPI_WATCHED_DIED);
}

static void a_changed_event_does_not_sleep(void)
{
    set_up();
    shared->event = 7;
    CHECK_OK(coopi_sleep(map, &event, NULL, 0, COOPI_NEVER));
}

static void a_changed_word_does_not_sleep_though_the_bell_has_come_round(void)
{
    set_up();
    shared->word = 7;
    int64_t before = coopi_now();
    CHECK_OK(coopi_sleep(map, &event, NULL, 0, COOPI_NEVER));
    CHECK(coopi_now() - before < COOP_MS(200));
}

static void the_deadline_ends_a_sleep(void)
{
    set_up();
    int64_t before = coopi_now();
    int r = 0;
    while (r == 0) r = coopi_sleep(map, &event, NULL, 0, before + COOP_MS(30));
    CHECK_ERR(r, -ETIMEDOUT);
    CHECK(coopi_now() - before >= COOP_MS(30));
}

static void the_net_ends_every_sleep(void)
{
    set_up();
    int64_t before = coopi_now();
    CHECK_OK(coopi_sleep(map, &event, NULL, 0, COOPI_NEVER));
    CHECK(coopi_now() - before >= COOP_MS(240));
}

static void on_signal(int number)
{
    (void)number;
}

static void a_signal_ends_a_sleep(void)
{
    set_up();
    pid_t sleeper;
    CHILD(sleeper) {
        struct sigaction action = {.sa_handler = on_signal};
        sigaction(SIGUSR1, &action, NULL);
        coopi_store_release(&shared->up, 1);
        int r = 0;
        while (r == 0) r = coopi_sleep(map, &event, NULL, 0, COOPI_NEVER);
        CHECK_ERR(r, -EINTR);
    }
    CHECK_SOON(coopi_load_acquire(&shared->up) == 1);
    int status;
    while (waitpid(sleeper, &status, WNOHANG) == 0) { /* it may be outside its sleep: again */
        kill(sleeper, SIGUSR1);
        test_sleep_ms(5);
    }
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void without_waitv_a_watched_death_is_seen_all_the_same(void)
{
    coopi_futex_no_waitv = true;
    a_watched_death_wakes_all_sleepers();
}

static void without_waitv_the_event_wakes_a_sleeper(void)
{
    coopi_futex_no_waitv = true;
    the_event_wakes_a_sleeper();
}

static void *end_cleanly(void *argument)
{
    (void)argument;
    struct coopi_self *self;
    CHECK_OK(coopi_owner_attach(map, &self));
    coopi_store_release(&shared->tag, coopi_tag_of(self->id[map->slot]));
    coopi_owner_leave(map, self);
    return NULL;
}

static void an_owner_that_left_counts_as_gone(void)
{
    set_up();
    pthread_t thread;
    CHECK_OK(-pthread_create(&thread, NULL, end_cleanly, NULL));
    CHECK_OK(-pthread_join(thread, NULL));
    CHECK_EQ(coopi_sleep(map, &event, &shared->tag, 1, COOPI_NEVER), COOPI_WATCHED_DIED);
}

TESTS(sleep, TEST(the_event_wakes_a_sleeper), TEST(a_watched_death_wakes_all_sleepers),
      TEST(the_kernels_one_wake_is_passed_on_to_all), TEST(a_death_before_the_sleep_is_seen_at_once),
      TEST(a_tag_of_a_row_that_is_not_there_is_dead), TEST(a_changed_event_does_not_sleep),
      TEST(a_changed_word_does_not_sleep_though_the_bell_has_come_round), TEST(the_deadline_ends_a_sleep),
      TEST(the_net_ends_every_sleep), TEST(a_signal_ends_a_sleep),
      TEST(without_waitv_a_watched_death_is_seen_all_the_same), TEST(without_waitv_the_event_wakes_a_sleeper),
      TEST(an_owner_that_left_counts_as_gone))
