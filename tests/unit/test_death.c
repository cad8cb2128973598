/* SPDX-License-Identifier: MIT */
/* Deaths of lock holders: every way to die is told to the next holder, once, and what is no death never is. */
#include "unit/meeting.h"

#include <coop/error.h>
#include <coop/lock.h>
#include <pthread.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

struct stage {
    int step;
    int32_t pid, tid; /* of the holder */
    pid_t other;      /* a process that outlives the holder */
};

static coop_lock *lock;
static struct stage *stage;

static void set_up(void)
{
    CHECK_OK(coop_lock_new(&lock));
    stage = test_shared(sizeof *stage);
}

static void hold(void)
{
    CHECK_OK(coop_lock_acquire(lock, COOP_FOREVER));
    stage->pid = getpid();
    stage->tid = gettid();
    step_to(&stage->step, 1);
}

/* In time for the one who waits to be asleep. */
static void hold_a_while(void)
{
    hold();
    test_sleep_ms(30);
}

static void become_sleep(void)
{
    execl("/bin/sleep", "sleep", "600", (char *)NULL);
    _exit(9);
}

static void *pause_for_ever(void *unused)
{
    (void)unused;
    wait_to_be_killed();
    return NULL;
}

static void in_a_thread(void *(*run)(void *))
{
    pthread_t thread;
    CHECK_EQ(pthread_create(&thread, NULL, run, NULL), 0);
    wait_to_be_killed();
}

/* Ways to die, each the whole life of a child. */

static void by_signal(void)
{
    hold_a_while();
    kill(getpid(), SIGKILL);
}

static void by_fault(void)
{
    struct sigaction plain = {.sa_handler = SIG_DFL};
    sigaction(SIGSEGV, &plain, NULL); /* a sanitizer's handler would report it */
    hold_a_while();
    kill(getpid(), SIGSEGV);
    wait_to_be_killed();
}

static void by_exit(void)
{
    hold_a_while();
    _exit(0);
}

static void by_exit_with_handlers(void)
{
    hold_a_while();
    exit(0);
}

static void *thread_raw_exit(void *unused)
{
    (void)unused;
    hold_a_while();
    syscall(SYS_exit, 0);
    return NULL;
}

static void by_raw_exit_of_a_thread(void)
{
    in_a_thread(thread_raw_exit);
}

static void *thread_pthread_exit(void *unused)
{
    (void)unused;
    hold_a_while();
    pthread_exit(NULL);
}

static void by_pthread_exit(void)
{
    in_a_thread(thread_pthread_exit);
}

static void *thread_return(void *unused)
{
    (void)unused;
    hold_a_while();
    return NULL;
}

static void by_return_of_a_thread(void)
{
    in_a_thread(thread_return);
}

static void by_exec(void)
{
    hold_a_while();
    become_sleep();
}

static void by_exec_with_threads(void)
{
    pthread_t thread;
    CHECK_EQ(pthread_create(&thread, NULL, pause_for_ever, NULL), 0);
    hold_a_while();
    become_sleep();
}

static void *thread_exec(void *unused)
{
    (void)unused;
    hold_a_while();
    become_sleep();
    return NULL;
}

static void by_exec_of_another_thread(void)
{
    in_a_thread(thread_exec);
}

static void *thread_hold(void *unused)
{
    (void)unused;
    hold();
    wait_to_be_killed();
    return NULL;
}

/* The holder is the thread that exec ends, not the one that calls it. */
static void by_exec_over_it(void)
{
    pthread_t thread;
    CHECK_EQ(pthread_create(&thread, NULL, thread_hold, NULL), 0);
    await_step(&stage->step, 1);
    test_sleep_ms(30);
    become_sleep();
}

static void with_a_child_that_lives(void)
{
    hold();
    pid_t child = test_fork(__FILE__, __LINE__);
    if (child == 0) wait_to_be_killed();
    stage->other = child;
    test_sleep_ms(30);
    kill(getpid(), SIGKILL);
}

static void after_closing_descriptors(void)
{
    hold();
    closefrom(3);
    test_sleep_ms(30);
    kill(getpid(), SIGKILL);
}

static void check_last_death(void)
{
    coop_lock_holder who;
    CHECK_OK(coop_lock_last_death(lock, &who));
    CHECK_EQ(who.pid, stage->pid);
    CHECK_EQ(who.tid, stage->tid);
    CHECK_STR(who.command, program_invocation_short_name);
    CHECK_EQ(who.deaths, 1);
    CHECK(who.wall_time / 1000000000 - time(NULL) <= 1 && time(NULL) - who.wall_time / 1000000000 <= 60);
}

static int look(void)
{
    return coop_lock_acquire(lock, COOP_NOWAIT);
}

/* Somebody who sleeps behind the holder, and somebody who only looks, are both told, once. */
static void check_told(void (*die)(void))
{
    for (int looks = 0; looks < 2; looks++) {
        set_up();
        pid_t victim;
        CHILD(victim) die();
        await_step(&stage->step, 1);
        int64_t start = test_now();
        int r = looks ? -EBUSY : coop_lock_acquire(lock, COOP_S(10) * test_slowness());
        if (looks) CHECK_SOON((r = look()) != -EBUSY);
        CHECK_OWNER_DIED(r);
        CHECK(test_now() - start < COOP_S(2) * test_slowness());
        check_last_death();
        CHECK_OK(coop_lock_release(lock));
        CHECK_OK(coop_lock_acquire(lock, COOP_FOREVER));
        CHECK_OK(coop_lock_release(lock));
        if (stage->other) kill(stage->other, SIGKILL);
        kill(victim, SIGKILL);
        CHECK_EQ(waitpid(victim, NULL, 0), victim);
        coop_lock_close(lock);
    }
}

#define TOLD(way)                                                                                                      \
    static void way##_is_told(void)                                                                                    \
    {                                                                                                                  \
        check_told(way);                                                                                               \
    }
TOLD(by_signal)
TOLD(by_fault)
TOLD(by_exit)
TOLD(by_exit_with_handlers)
TOLD(by_raw_exit_of_a_thread)
TOLD(by_pthread_exit)
TOLD(by_return_of_a_thread)
TOLD(by_exec)
TOLD(by_exec_with_threads)
TOLD(by_exec_of_another_thread)
TOLD(by_exec_over_it)
TOLD(with_a_child_that_lives)
TOLD(after_closing_descriptors)

static void (*fat_way)(void);

/* With memory that the kernel has to give back: 1 GiB in the soak. */
static void die_fat(void)
{
    size_t size = (size_t)(getenv("COOP_SOAK") ? 1024 : 48) << 20;
    char *fat = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(fat != MAP_FAILED);
    for (size_t i = 0; i < size; i += 4096) fat[i] = 1;
    fat_way();
}

static void of_a_fat_process_is_told(void)
{
    static void (*const ways[])(void) = {by_signal,
                                         by_exec,
                                         by_exec_of_another_thread,
                                         by_raw_exit_of_a_thread,
                                         with_a_child_that_lives,
                                         after_closing_descriptors};
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        fat_way = ways[i];
        check_told(die_fat);
    }
}

static void one_that_waited_when_it_died_is_not_told(void)
{
    set_up();
    CHECK_OK(coop_lock_acquire(lock, COOP_FOREVER));
    pid_t victim;
    CHILD(victim) {
        step_to(&stage->step, 1);
        CHECK_OK(coop_lock_acquire(lock, COOP_FOREVER));
    }
    await_step(&stage->step, 1);
    test_sleep_ms(20);
    child_kill(victim);
    CHECK_OK(coop_lock_release(lock));
    CHECK_OK(coop_lock_acquire(lock, COOP_FOREVER));
    coop_lock_holder who;
    CHECK_ERR(coop_lock_last_death(lock, &who), -ENOENT);
}

static void one_that_had_released_when_it_died_is_not_told(void)
{
    set_up();
    pid_t victim;
    CHILD(victim) {
        for (int i = 0; i < 3; i++) {
            CHECK_OK(coop_lock_acquire(lock, COOP_FOREVER));
            CHECK_OK(coop_lock_release(lock));
        }
        step_to(&stage->step, 1);
        wait_to_be_killed();
    }
    await_step(&stage->step, 1);
    child_kill(victim);
    CHECK_OK(coop_lock_acquire(lock, COOP_FOREVER));
    coop_lock_holder who;
    CHECK_ERR(coop_lock_last_death(lock, &who), -ENOENT);
}

/* The second dies as a recoverer: it was told, and had not released yet. */
static void if_the_one_who_was_told_dies_too_the_next_is_told_again(void)
{
    set_up();
    pid_t victims[5];
    for (int i = 0; i < 5; i++) {
        CHILD(victims[i]) {
            CHECK_ERR(coop_lock_acquire(lock, COOP_FOREVER), i == 0 ? 0 : COOP_OWNER_DIED);
            step_to(&stage->step, i + 1);
            wait_to_be_killed();
        }
        await_step(&stage->step, i + 1);
        child_kill(victims[i]);
    }
    CHECK_OWNER_DIED(coop_lock_acquire(lock, COOP_FOREVER));
    coop_lock_holder who;
    CHECK_OK(coop_lock_last_death(lock, &who));
    CHECK_EQ(who.pid, victims[4]);
    CHECK_EQ(who.deaths, 5);
    CHECK_OK(coop_lock_release(lock));
    CHECK_OK(coop_lock_acquire(lock, COOP_FOREVER));
}

static void a_stopped_holder_keeps_it(void)
{
    set_up();
    pid_t holder;
    CHILD(holder) {
        hold();
        await_step(&stage->step, 2);
        CHECK_OK(coop_lock_release(lock));
    }
    await_step(&stage->step, 1);
    kill(holder, SIGSTOP);
    CHECK_EQ(waitpid(holder, NULL, WUNTRACED), holder);
    CHECK_ERR(coop_lock_acquire(lock, COOP_MS(700)), -ETIMEDOUT);
    CHECK_ERR(coop_lock_acquire(lock, COOP_NOWAIT), -EBUSY);
    CHECK_EQ(coop_lock_locked(lock), 1);
    kill(holder, SIGCONT);
    step_to(&stage->step, 2);
    CHECK_OK(coop_lock_acquire(lock, COOP_FOREVER));
    child_must(holder);
}

static void closing_all_descriptors_is_no_death(void)
{
    set_up();
    pid_t holder;
    CHILD(holder) {
        hold();
        closefrom(3);
        step_to(&stage->step, 2);
        await_step(&stage->step, 3);
        CHECK_OK(coop_lock_release(lock));
    }
    await_step(&stage->step, 2);
    CHECK_ERR(coop_lock_acquire(lock, COOP_MS(400)), -ETIMEDOUT);
    step_to(&stage->step, 3);
    CHECK_OK(coop_lock_acquire(lock, COOP_FOREVER));
    child_must(holder);
}

/* A spawned child shares the parent's memory for a moment, and then calls exec, or ends. */
static void starting_programs_is_no_death(void)
{
    set_up();
    hold();
    static char *const arguments[] = {"true", NULL};
    pid_t child;
    CHECK_EQ(posix_spawn(&child, "/bin/true", NULL, NULL, arguments, environ), 0);
    child_must(child);
    CHECK_EQ(posix_spawn(&child, "/absent/program", NULL, NULL, arguments, environ), ENOENT);
    CHILD(child) execv("/bin/true", arguments);
    child_must(child);
    CHILD(child) CHECK_ERR(coop_lock_acquire(lock, COOP_MS(300)), -ETIMEDOUT);
    child_must(child);
    CHECK_OK(coop_lock_release(lock));
    CHILD(child) CHECK_OK(coop_lock_acquire(lock, COOP_NOWAIT));
    child_must(child);
}

static void *hold_another_and_end(void *other)
{
    CHECK_OK(coop_lock_acquire(other, COOP_FOREVER));
    pthread_exit(NULL);
}

static void the_death_of_another_thread_is_not_the_holders(void)
{
    set_up();
    coop_lock *other;
    CHECK_OK(coop_lock_new(&other));
    pid_t child;
    CHILD(child) {
        pthread_t thread;
        hold();
        CHECK_EQ(pthread_create(&thread, NULL, hold_another_and_end, other), 0);
        pthread_join(thread, NULL);
        step_to(&stage->step, 2);
        await_step(&stage->step, 3);
        CHECK_OK(coop_lock_release(lock));
    }
    await_step(&stage->step, 2);
    CHECK_OWNER_DIED(coop_lock_acquire(other, COOP_NOWAIT));
    CHECK_ERR(coop_lock_acquire(lock, COOP_MS(300)), -ETIMEDOUT);
    step_to(&stage->step, 3);
    CHECK_OK(coop_lock_acquire(lock, COOP_FOREVER));
    child_must(child);
    coop_lock_close(other);
}

enum { SLEEPERS = 8 };

/* The kernel wakes one; each wakes the next when it releases. Exactly one is told. */
static void of_many_sleepers_one_is_told_and_all_get_it(void)
{
    set_up();
    int *told = test_shared(sizeof *told * SLEEPERS);
    pid_t holder, sleepers[SLEEPERS];
    CHILD(holder) {
        hold();
        wait_to_be_killed();
    }
    await_step(&stage->step, 1);
    for (int i = 0; i < SLEEPERS; i++) {
        CHILD(sleepers[i]) {
            __atomic_fetch_add(&stage->step, 1, __ATOMIC_ACQ_REL);
            told[i] = coop_lock_acquire(lock, COOP_S(20));
            CHECK(told[i] >= 0);
            CHECK_OK(coop_lock_release(lock));
        }
    }
    await_step(&stage->step, 1 + SLEEPERS);
    test_sleep_ms(20);
    child_kill(holder);
    int sum = 0;
    for (int i = 0; i < SLEEPERS; i++) {
        child_must(sleepers[i]);
        sum += told[i];
    }
    CHECK_EQ(sum, 1);
}

/* The first in the queue is woken for the death and killed as well; the wake goes on to the others. */
static void sleepers_that_die_with_the_holder_strand_nobody(void)
{
    set_up();
    for (int round = 0; round < 20; round++) {
        stage->step = 0;
        pid_t victims[4], survivor;
        for (int i = 0; i < 4; i++) {
            CHILD(victims[i]) {
                if (i > 0) step_to(&stage->step, i + 1);
                CHECK(coop_lock_acquire(lock, COOP_FOREVER) >= 0);
                if (i == 0) step_to(&stage->step, 1);
                wait_to_be_killed();
            }
            await_step(&stage->step, i + 1);
        }
        CHILD(survivor) {
            step_to(&stage->step, 5);
            CHECK_OWNER_DIED(coop_lock_acquire(lock, COOP_S(2) * test_slowness()));
            CHECK_OK(coop_lock_release(lock));
        }
        await_step(&stage->step, 5);
        for (int i = 0; i < 4; i++) child_kill(victims[i]);
        child_must(survivor);
    }
}

TESTS(death, TEST_T(by_signal_is_told, .seconds = 30), TEST_T(by_fault_is_told, .seconds = 30),
      TEST_T(by_exit_is_told, .seconds = 30), TEST_T(by_exit_with_handlers_is_told, .seconds = 30),
      TEST_T(by_raw_exit_of_a_thread_is_told, .seconds = 30), TEST_T(by_pthread_exit_is_told, .seconds = 30),
      TEST_T(by_return_of_a_thread_is_told, .seconds = 30), TEST_T(by_exec_is_told, .seconds = 30),
      TEST_T(by_exec_with_threads_is_told, .seconds = 30), TEST_T(by_exec_of_another_thread_is_told, .seconds = 30),
      TEST_T(by_exec_over_it_is_told, .seconds = 30), TEST_T(with_a_child_that_lives_is_told, .seconds = 30),
      TEST_T(after_closing_descriptors_is_told, .seconds = 30), TEST_T(of_a_fat_process_is_told, .seconds = 120),
      TEST(one_that_waited_when_it_died_is_not_told), TEST(one_that_had_released_when_it_died_is_not_told),
      TEST(if_the_one_who_was_told_dies_too_the_next_is_told_again), TEST(a_stopped_holder_keeps_it),
      TEST(closing_all_descriptors_is_no_death), TEST(starting_programs_is_no_death),
      TEST(the_death_of_another_thread_is_not_the_holders),
      TEST_T(of_many_sleepers_one_is_told_and_all_get_it, .seconds = 30),
      TEST_T(sleepers_that_die_with_the_holder_strand_nobody, .seconds = 60))
