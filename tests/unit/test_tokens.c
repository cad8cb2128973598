/* SPDX-License-Identifier: MIT */
/* Tokens of a condition, where somebody else has the guard at the wrong moment. */
#include "sync/tokens.h"

#include "base/atomic.h"
#include "base/clock.h"
#include "harness/test.h"

#include <coop/condition.h>
#include <signal.h>

#define LIMIT COOP_MS(100)
#define ROUNDS 20

static coop_segment *segment;
static coop_condition *condition;
static struct coopi_sync sync_of; /* the same object, as its guard sees it */
static uint32_t *ended;           /* by waiter: 1 + its result's number */

static void set_up(void)
{
    const struct coopi_want want = {.kind = COOPI_CONDITION};
    CHECK_OK(coop_segment_create(test_name("tokens"), NULL, &segment));
    CHECK_OK(coop_condition_in(segment, "news", COOP_CREATE | COOP_INTR, &condition));
    CHECK_OK(coopi_object_in(segment, "news", &want, 0, &sync_of.object));
    CHECK_OK(coopi_sync_bind(&sync_of));
    ended = test_shared(2 * sizeof *ended);
}

static void tear_down(void)
{
    CHECK_EQ(coop_condition_waiters(condition), 0);
    coopi_object_close(&sync_of.object);
    coop_condition_close(condition);
    coop_segment_close(segment);
    CHECK_OK(coop_segment_remove(test_name("tokens"), 0));
}

static uint64_t tokens_out(void)
{
    const struct coopi_condition_shm *shm = &sync_of.shm->condition;
    return shm->version[shm->sequence % 2].granted - shm->taken;
}

enum { NOT_YET, NOTIFIED, GAVE_UP };

static pid_t waiter(int place, int64_t timeout)
{
    int before = coop_condition_waiters(condition);
    coopi_store_release(&ended[place], NOT_YET);
    pid_t pid;
    CHILD(pid) {
        CHECK_OK(coop_condition_acquire(condition, COOP_S(20)));
        int r = coop_condition_wait(condition, timeout);
        CHECK(r == 0 || r == -ETIMEDOUT || r == -EINTR);
        CHECK(coop_condition_held(condition));
        coopi_store_release(&ended[place], r == 0 ? NOTIFIED : GAVE_UP);
        CHECK_OK(coop_condition_release(condition));
    }
    CHECK_SOON(coop_condition_waiters(condition) == before + 1 || coopi_load_acquire(&ended[place]) == GAVE_UP);
    return pid;
}

static void on_signal(int number)
{
    (void)number;
}

/* It waits for the guard, to leave the line, and is given a token then. */
static void who_is_notified_while_a_signal_ends_its_wait_is_told(void)
{
    struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGUSR1, &action, NULL);
    set_up();
    for (int i = 0; i < ROUNDS; i++) {
        pid_t pid = waiter(0, COOP_S(20));
        test_sleep_ms(5);
        CHECK_OK(coopi_tokens_enter(&sync_of, COOPI_NEVER));
        kill(pid, SIGUSR1);
        test_sleep_ms(3);
        coopi_tokens_give(&sync_of, 1);
        bool given = tokens_out() == 1; /* else it has given up already */
        coopi_sync_leave(&sync_of);
        child_must(pid);
        CHECK_EQ(coopi_load_acquire(&ended[0]), (uint32_t)(given ? NOTIFIED : GAVE_UP));
        CHECK_EQ(tokens_out(), 0u);
    }
    tear_down();
}

/* Somebody stands still with the guard. */
static void who_gives_up_without_the_guard_loses_no_token(void)
{
    set_up();
    pid_t first = waiter(0, LIMIT), second = waiter(1, COOP_S(20));
    CHECK_OK(coopi_tokens_enter(&sync_of, COOPI_NEVER));
    CHECK_SOON(coopi_load_acquire(&ended[0]) == GAVE_UP);
    coopi_tokens_give(&sync_of, 1);
    CHECK_EQ(tokens_out(), 1u);
    coopi_sync_leave(&sync_of);
    child_must(first);
    child_must(second);
    CHECK_EQ(coopi_load_acquire(&ended[1]), (uint32_t)NOTIFIED);
    tear_down();
}

TESTS(tokens, TEST(who_is_notified_while_a_signal_ends_its_wait_is_told),
      TEST(who_gives_up_without_the_guard_loses_no_token))
