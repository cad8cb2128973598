/* SPDX-License-Identifier: MIT */
/* Sleeping on one word or several, between processes, with futex_waitv and without. */
#include "base/clock.h"
#include "base/futex.h"
#include "unit/meeting.h"

#include <sys/time.h>
#include <sys/wait.h>

static uint32_t *words;
static int *step;

static void set_up(void)
{
    words = test_shared(sizeof *words * COOPI_FUTEX_MANY * 2UL);
    step = test_shared(sizeof *step);
}

static int64_t in_ms(int ms)
{
    return coopi_now() + COOP_MS(ms);
}

static void another_value_does_not_sleep(void)
{
    set_up();
    CHECK_EQ(coopi_futex_wait(words, 1, COOPI_NEVER), EAGAIN);
    struct coopi_futex_word list[] = {{words, 0}, {words + 1, 5}};
    CHECK_EQ(coopi_futex_wait_many(list, 2, COOPI_NEVER), EAGAIN);
}

static void a_deadline_ends_the_sleep_not_too_soon(void)
{
    set_up();
    int64_t deadline = in_ms(30);
    CHECK_EQ(coopi_futex_wait(words, 0, deadline), ETIMEDOUT);
    CHECK(coopi_now() >= deadline);
    struct coopi_futex_word list[] = {{words, 0}, {words + 1, 0}};
    deadline = in_ms(30);
    CHECK_EQ(coopi_futex_wait_many(list, 2, deadline), ETIMEDOUT);
    CHECK(coopi_now() >= deadline);
    CHECK_EQ(coopi_futex_wait(words, 0, 0), ETIMEDOUT); /* long past */
}

static void no_action(int number)
{
    (void)number;
}

static void a_signal_handler_ends_the_sleep(void)
{
    set_up();
    struct sigaction action = {.sa_handler = no_action, .sa_flags = SA_RESTART};
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &(struct itimerval){{0, 10000}, {0, 10000}}, NULL);
    CHECK_EQ(coopi_futex_wait(words, 0, in_ms(5000)), EINTR);
    action.sa_flags = 0; /* the kernel restarts a sleep on many words after a handler with SA_RESTART */
    sigaction(SIGALRM, &action, NULL);
    struct coopi_futex_word list[] = {{words, 0}};
    CHECK_EQ(coopi_futex_wait_many(list, 1, in_ms(5000)), EINTR);
}

static pid_t fork_sleeper(unsigned count)
{
    pid_t sleeper;
    CHILD(sleeper) {
        struct coopi_futex_word list[COOPI_FUTEX_MANY];
        for (unsigned i = 0; i < count; i++) list[i] = (struct coopi_futex_word){words + i, 0};
        __atomic_fetch_add(step, 1, __ATOMIC_ACQ_REL);
        if (count == 1)
            CHECK_EQ(coopi_futex_wait(words, 0, in_ms(60000)), 0);
        else
            CHECK_EQ(coopi_futex_wait_many(list, count, in_ms(60000)), 0);
    }
    return sleeper;
}

static int wake_until(uint32_t *word, int most, int wanted)
{
    int woken = 0;
    CHECK_SOON((woken += coopi_futex_wake(word, most)) >= wanted);
    return woken;
}

static void a_wake_reaches_another_process(void)
{
    set_up();
    pid_t sleeper = fork_sleeper(1);
    CHECK_EQ(wake_until(words, 1, 1), 1);
    child_must(sleeper);
}

static void a_wake_of_any_word_ends_a_sleep_on_many(void)
{
    static const unsigned last[] = {0, 1, 63, 127};
    for (unsigned i = 0; i < 4; i++) {
        set_up();
        pid_t sleeper = fork_sleeper(COOPI_FUTEX_MANY);
        CHECK_EQ(wake_until(words + last[i], 1, 1), 1);
        child_must(sleeper);
    }
}

static void a_wake_says_how_many_it_woke(void)
{
    set_up();
    pid_t sleepers[5];
    CHECK_EQ(coopi_futex_wake(words, COOPI_FUTEX_ALL), 0);
    for (int i = 0; i < 5; i++) sleepers[i] = fork_sleeper(i % 2 ? 3 : 1);
    int woken = wake_until(words, 1, 2);
    CHECK_EQ(woken, 2);
    CHECK_EQ(woken + wake_until(words, COOPI_FUTEX_ALL, 3), 5);
    for (int i = 0; i < 5; i++) child_must(sleepers[i]);
    CHECK_EQ(coopi_futex_wake(words, COOPI_FUTEX_ALL), 0);
}

static void a_wake_keeps_errno(void)
{
    set_up();
    errno = 77;
    CHECK_EQ(coopi_futex_wake((uint32_t *)(void *)((char *)words + 1), 1), 0); /* misaligned: the kernel refuses */
    CHECK_EQ(errno, 77);
}

static void more_words_than_the_kernel_takes_are_left_off(void)
{
    set_up();
    struct coopi_futex_word list[COOPI_FUTEX_MANY + 1];
    for (unsigned i = 0; i <= COOPI_FUTEX_MANY; i++) list[i] = (struct coopi_futex_word){words + i, 0};
    list[COOPI_FUTEX_MANY].value = 9; /* would not sleep */
    CHECK_EQ(coopi_futex_wait_many(list, COOPI_FUTEX_MANY + 1, in_ms(5)), ETIMEDOUT);
}

/* Where the kernel has no waitv: on the first word alone, and never long. */
static void without_waitv_it_sleeps_on_the_first_in_slices(void)
{
    set_up();
    coopi_futex_no_waitv = true;
    struct coopi_futex_word list[] = {{words, 0}, {words + 1, 0}};
    int64_t start = coopi_now();
    CHECK_EQ(coopi_futex_wait_many(list, 2, COOPI_NEVER), ETIMEDOUT);
    CHECK(coopi_now() - start < COOP_S(1) * test_slowness());
    words[0] = 1;
    CHECK_EQ(coopi_futex_wait_many(list, 2, COOPI_NEVER), EAGAIN);
    words[0] = 0;
    pid_t waker;
    CHILD(waker) {
        await_step(step, 1);
        wake_until(words, 1, 1);
    }
    int r;
    step_to(step, 1);
    CHECK_SOON((r = coopi_futex_wait_many(list, 2, COOPI_NEVER)) != ETIMEDOUT);
    CHECK_EQ(r, 0);
    child_must(waker);
}

TESTS(futex, TEST(another_value_does_not_sleep), TEST(a_deadline_ends_the_sleep_not_too_soon),
      TEST(a_signal_handler_ends_the_sleep), TEST(a_wake_reaches_another_process),
      TEST(a_wake_of_any_word_ends_a_sleep_on_many), TEST(a_wake_says_how_many_it_woke), TEST(a_wake_keeps_errno),
      TEST(more_words_than_the_kernel_takes_are_left_off), TEST(without_waitv_it_sleeps_on_the_first_in_slices))
