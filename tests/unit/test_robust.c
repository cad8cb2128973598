/* SPDX-License-Identifier: MIT */
/* The robust word below the locks: limits, orders, signal handlers, wakes, hostile bytes, missing kernel calls. */
#include "base/fence.h"
#include "segment/handle.h"
#include "segment/robust.h"
#include "sync/lock_shm.h"
#include "unit/meeting.h"

#include <coop/error.h>
#include <coop/lock.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>

enum { MOST = 1999, FEW = 64 };

static coop_segment *segment;
static coop_lock *locks[MOST + 2];
static int *step;

static void set_up(int count)
{
    CHECK_OK(coop_segment_create(NULL, COOP_SEGMENT_OPTIONS(.objects = 4096, .maximum = 1 << 22), &segment));
    for (int i = 0; i < count; i++) CHECK_OK(coop_lock_in(segment, NULL, 0, &locks[i]));
    step = test_shared(sizeof *step);
}

static uint64_t word_of(const coop_lock *lock)
{
    return coopi_load_acquire(&lock->shm->robust.word);
}

static void acquire_all(int count)
{
    for (int i = 0; i < count; i++) CHECK_OK(coop_lock_acquire(locks[i], COOP_NOWAIT));
}

static void a_thread_holds_1999_and_is_refused_the_next(void)
{
    set_up(MOST + 1);
    acquire_all(MOST);
    CHECK_ERR(coop_lock_acquire(locks[MOST], COOP_NOWAIT), -ENOLCK);
    CHECK_DETAIL("holds 1999 locks");
    CHECK_ERR(coop_lock_acquire(locks[MOST], COOP_FOREVER), -ENOLCK);
    CHECK_EQ(coop_lock_locked(locks[MOST]), 0);
    CHECK_OK(coop_lock_release(locks[1000]));
    CHECK_OK(coop_lock_acquire(locks[MOST], COOP_NOWAIT));
    CHECK_ERR(coop_lock_acquire(locks[1000], COOP_NOWAIT), -ENOLCK);
    for (int i = 0; i <= MOST; i++) CHECK_ERR(coop_lock_release(locks[i]), i == 1000 ? -EPERM : 0);
    CHECK_OK(coop_lock_acquire(locks[1000], COOP_NOWAIT));
}

static void all_of_1999_go_back_at_death(void)
{
    set_up(MOST);
    pid_t victim;
    CHILD(victim) {
        acquire_all(MOST);
        step_to(step, 1);
        wait_to_be_killed();
    }
    await_step(step, 1);
    child_kill(victim);
    for (int i = 0; i < MOST; i++) {
        CHECK(word_of(locks[i]) & COOPI_OWNER_DIED); /* by the kernel's walk, not by the life word */
        CHECK_OWNER_DIED(coop_lock_acquire(locks[i], COOP_NOWAIT));
        CHECK_OK(coop_lock_release(locks[i]));
    }
}

static void each_segment_costs_one_of_them(void)
{
    set_up(MOST);
    coop_lock *other;
    CHECK_OK(coop_lock_new(&other));
    acquire_all(MOST - 1);
    CHECK_ERR(coop_lock_acquire(other, COOP_NOWAIT), -ENOLCK);
    CHECK_ERR(coop_lock_acquire(locks[MOST - 1], COOP_NOWAIT), -ENOLCK);
    CHECK_OK(coop_lock_release(locks[0]));
    CHECK_OK(coop_lock_acquire(other, COOP_NOWAIT));
    keep(other);
}

/* Takes and gives up in random order; HELD says at the end what this thread has. */
static void wander(unsigned seed, int steps, bool held[FEW])
{
    for (int i = 0; i < steps; i++) {
        int k = rand_r(&seed) % FEW;
        if (held[k])
            CHECK_OK(coop_lock_release(locks[k]));
        else
            CHECK_OK(coop_lock_acquire(locks[k], COOP_NOWAIT));
        held[k] = !held[k];
        CHECK_EQ(coop_lock_locked(locks[k]), held[k]);
    }
}

static void check_told_of(const bool held[FEW])
{
    for (int k = 0; k < FEW; k++) {
        CHECK_ERR(coop_lock_acquire(locks[k], COOP_NOWAIT), held[k] ? COOP_OWNER_DIED : 0);
        CHECK_OK(coop_lock_release(locks[k]));
    }
}

static void locks_are_released_in_any_order(void)
{
    set_up(FEW);
    for (unsigned seed = 1; seed <= 20; seed++) {
        bool *held = test_shared(FEW);
        pid_t victim;
        CHILD(victim) {
            wander(seed, 2000, held);
            kill(getpid(), SIGKILL);
        }
        int status;
        CHECK_EQ(waitpid(victim, &status, 0), victim);
        CHECK(WIFSIGNALED(status));
        check_told_of(held);
    }
}

static void locks_of_several_segments_mix(void)
{
    set_up(0);
    coop_segment *own = NULL;
    for (int i = 0; i < FEW; i++) {
        if (i % 8 == 0) CHECK_OK(coop_segment_create(NULL, COOP_SEGMENT_OPTIONS(.maximum = 1 << 20), &own));
        CHECK_OK(coop_lock_in(own, NULL, 0, &locks[i]));
        if (i % 8 == 7) coop_segment_close(own);
    }
    bool *held = test_shared(FEW);
    pid_t victim;
    CHILD(victim) {
        wander(7, 5000, held);
        kill(getpid(), SIGKILL);
    }
    CHECK_EQ(waitpid(victim, NULL, 0), victim);
    check_told_of(held);
}

static volatile int handled;

static void lock_in_handler(int number)
{
    (void)number;
    int saved = errno;
    for (int i = 0; i < 3; i++) { /* 0 and 1 are the thread's own; it may hold them just now */
        int r = coop_lock_acquire(locks[i], COOP_NOWAIT);
        if (r >= 0) handled++;
        if (r >= 0) coop_lock_release(locks[i]);
    }
    errno = saved;
}

/* Until the point has passed and the handler had its locks that often. */
static void lock_below_a_timer(int64_t until, int least)
{
    struct sigaction action = {.sa_handler = lock_in_handler, .sa_flags = SA_RESTART};
    struct itimerval interval = {{0, 200}, {0, 200}};
    acquire_all(1);
    CHECK_OK(coop_lock_release(locks[0])); /* an owner before the first signal */
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &interval, NULL);
    for (int i = 0; !test_passed(until) || handled < least; i++) {
        CHECK(coop_lock_acquire(locks[0], COOP_FOREVER) >= 0);
        if (i % 3 == 0) CHECK(coop_lock_acquire(locks[1], COOP_FOREVER) >= 0);
        if (i % 2 == 0) CHECK_OK(coop_lock_release(locks[0])); /* older, or newest */
        if (i % 3 == 0) CHECK_OK(coop_lock_release(locks[1]));
        if (i % 2 == 1) CHECK_OK(coop_lock_release(locks[0]));
    }
    setitimer(ITIMER_REAL, &(struct itimerval){0}, NULL);
}

static void a_signal_handler_may_lock_while_its_thread_does(void)
{
    set_up(3);
    lock_below_a_timer(test_now() + COOP_S(1), 500);
    CHECK_EQ(coopi_self_->held_count, coopi_self_->lives);
    for (int i = 0; i < 3; i++) CHECK_EQ(word_of(locks[i]), 0);
    CHECK(coopi_self_->newest.node.next != &coopi_self_->oldest.node); /* the life word */
    CHECK(coopi_self_->head->list_op_pending == NULL);
}

/* A handler comes when its thread has named the word that it is taking, or giving up, and takes and gives up the very
 * same: the thread may die or wake others afterwards, so the name must stay. */
static void a_handler_leaves_the_name_of_the_word_that_its_thread_is_at(void)
{
    set_up(2);
    CHECK_OK(coop_lock_acquire(locks[1], COOP_NOWAIT)); /* an owner */
    CHECK_OK(coop_lock_release(locks[1]));
    struct robust_list *node = coopi_node(&locks[0]->shm->robust), **pending = &coopi_self_->head->list_op_pending;
    for (int i = 0; i < 3; i++) {
        *pending = node;
        CHECK_OK(coop_lock_acquire(locks[0], i == 1 ? COOP_FOREVER : COOP_NOWAIT));
        CHECK_OK(coop_lock_release(locks[0]));
        CHECK(*pending == node);
    }
    *pending = NULL;
    CHECK_OK(coop_lock_acquire(locks[0], COOP_NOWAIT));
    CHECK(*pending == node);
    CHECK_OK(coop_lock_release(locks[0]));
    CHECK(*pending == NULL);
}

/* A handler that keeps what it took in the midst of its thread's own taking: later nothing names a free word. */
static void a_word_kept_by_a_handler_is_not_named_when_it_is_free(void)
{
    set_up(1);
    CHECK_OK(coop_lock_acquire(locks[0], COOP_NOWAIT));
    CHECK_OK(coop_lock_release(locks[0]));
    struct robust_list *node = coopi_node(&locks[0]->shm->robust), **pending = &coopi_self_->head->list_op_pending;
    *pending = node;
    CHECK_OK(coop_lock_acquire(locks[0], COOP_NOWAIT)); /* the handler */
    *pending = NULL;                                    /* the thread's own acquire has failed */
    for (int i = 0; i < 2; i++) {
        CHECK_OK(coop_lock_release(locks[0]));
        CHECK(*pending == NULL);
        CHECK_OK(coop_lock_acquire(locks[0], COOP_NOWAIT));
    }
}

/* A handler that asks in vain for the word that its thread holds. */
static void an_acquire_that_fails_leaves_the_name_as_it_was(void)
{
    set_up(1);
    CHECK_OK(coop_lock_acquire(locks[0], COOP_NOWAIT));
    struct robust_list *node = coopi_node(&locks[0]->shm->robust), **pending = &coopi_self_->head->list_op_pending;
    for (int i = 0; i < 2; i++) {
        CHECK_EQ(coop_lock_acquire(locks[0], i == 0 ? COOP_NOWAIT : COOP_FOREVER), -EDEADLK);
        CHECK(*pending == node);
        CHECK(!coopi_self_->outer);
        CHECK_OK(coop_lock_release(locks[0]));
        CHECK(*pending == NULL);
        CHECK_OK(coop_lock_acquire(locks[0], COOP_NOWAIT));
    }
}

static void a_forked_child_forgets_the_word_that_its_parent_named(void)
{
    set_up(2);
    CHECK_OK(coop_lock_acquire(locks[0], COOP_NOWAIT));
    struct robust_list_head *head = coopi_self_->head;
    CHECK(head->list_op_pending == coopi_node(&locks[0]->shm->robust));
    pid_t child;
    CHILD(child) {
        head->list_op_pending = coopi_node(&locks[0]->shm->robust); /* should the libc have cleared it */
        CHECK_OK(coop_lock_acquire(locks[1], COOP_NOWAIT));
        CHECK_OK(coop_lock_release(locks[1]));
        CHECK(head->list_op_pending == NULL);
    }
    child_must(child);
    CHECK_OK(coop_lock_release(locks[0]));
}

/* Killed with a handler's lock inside a lock: whatever it had goes back. */
static void death_below_a_signal_handler_strands_nothing(void)
{
    set_up(3);
    for (int i = 0; i < 50; i++) {
        pid_t victim;
        CHILD(victim) {
            step_to(step, i + 1);
            lock_below_a_timer(test_now() + COOP_S(60), 0);
        }
        await_step(step, i + 1);
        test_sleep_ms(1 + i % 5);
        child_kill(victim);
        for (int k = 0; k < 3; k++) {
            CHECK(coop_lock_acquire(locks[k], COOP_S(2) * test_slowness()) >= 0);
            CHECK_OK(coop_lock_release(locks[k]));
        }
    }
}

enum { SLEEPERS = 3 };

struct rounds {
    int number;  /* -1 ends the sleepers */
    int arrived; /* of this round's sleepers, at the lock's door */
    int taken;
};

static void sleep_in_each_round(struct rounds *rounds)
{
    for (int round = 1; step_now(&rounds->number) >= 0; round++) {
        CHECK_SOON(step_now(&rounds->number) < 0 || step_now(&rounds->number) >= round);
        if (step_now(&rounds->number) < 0) break;
        __atomic_fetch_add(&rounds->arrived, 1, __ATOMIC_ACQ_REL);
        CHECK_OK(coop_lock_acquire(locks[0], COOP_FOREVER));
        __atomic_fetch_add(&rounds->taken, 1, __ATOMIC_ACQ_REL);
        CHECK_OK(coop_lock_release(locks[0]));
    }
}

/* Wakes one of the sleepers and takes the lock before it. True if that worked, and no sleeper had it in between. */
static bool overtake(struct rounds *rounds, const pid_t *sleepers)
{
    CHECK_OK(coop_lock_acquire(locks[0], COOP_FOREVER));
    rounds->arrived = rounds->taken = 0;
    step_to(&rounds->number, rounds->number + 1);
    await_step(&rounds->arrived, SLEEPERS);
    for (int i = 0; i < SLEEPERS; i++) CHECK_SOON((word_of(locks[0]) & COOPI_WAITERS) && is_asleep(sleepers[i]));
    CHECK_OK(coop_lock_release(locks[0]));
    bool before = coop_lock_acquire(locks[0], COOP_NOWAIT) == 0;
    bool alone = before && step_now(&rounds->taken) == 0;
    if (alone) CHECK(word_of(locks[0]) & COOPI_WAITERS);
    if (before) CHECK_OK(coop_lock_release(locks[0]));
    await_step(&rounds->taken, SLEEPERS);
    return alone;
}

/* A running thread takes the lock before the one that was woken. If that one is killed, nobody would wake the others,
 * had the word lost its bit. */
static void one_who_overtakes_the_woken_keeps_the_sleepers_bit(void)
{
    set_up(1);
    struct rounds *rounds = test_shared(sizeof *rounds);
    pid_t sleepers[SLEEPERS];
    for (int i = 0; i < SLEEPERS; i++)
        CHILD(sleepers[i]) sleep_in_each_round(rounds);
    for (int overtaken = 0; overtaken < 10;) overtaken += overtake(rounds, sleepers);
    step_to(&rounds->number, -1);
    for (int i = 0; i < SLEEPERS; i++) child_must(sleepers[i]);
    CHECK_EQ(word_of(locks[0]), 0); /* the bit goes when a wake finds nobody */
}

/* Of some hand-overs the best is far below the 250 ms after which a sleeper looks by itself. */
static void a_release_wakes_the_sleeper(void)
{
    set_up(1);
    int64_t *taken = test_shared(sizeof *taken), best = INT64_MAX;
    for (int round = 0; round < 10; round++) {
        CHECK_OK(coop_lock_acquire(locks[0], COOP_FOREVER));
        pid_t sleeper;
        CHILD(sleeper) {
            step_to(step, round + 1);
            CHECK_OK(coop_lock_acquire(locks[0], COOP_FOREVER));
            *taken = test_now();
            CHECK_OK(coop_lock_release(locks[0]));
        }
        await_step(step, round + 1);
        CHECK_SOON((word_of(locks[0]) & COOPI_WAITERS) && is_asleep(sleeper));
        int64_t released = test_now();
        CHECK_OK(coop_lock_release(locks[0]));
        child_must(sleeper);
        if (*taken - released < best) best = *taken - released;
    }
    CHECK(best < COOP_MS(100));
}

/* A sleeper's word that came to nothing does not make every later release call the kernel. */
static void a_lock_is_as_new_after_its_sleepers_have_gone(void)
{
    set_up(1);
    struct coopi_robust *robust = &locks[0]->shm->robust;
    coopi_store_release(&robust->mode,
                        COOPI_MODE_CALL | COOPI_MODE_BUSY); /* its WAITERS bit was wiped out by the release */
    for (int i = 0; i < 3; i++) {
        CHECK_OK(coop_lock_acquire(locks[0], COOP_NOWAIT));
        CHECK_OK(coop_lock_release(locks[0]));
        CHECK_EQ(robust->word, 0);
        CHECK_EQ(robust->mode & 3, COOPI_MODE_BUSY);
    }
    for (int i = 0; i < 70000; i++) {
        CHECK_OK(coop_lock_acquire(locks[0], COOP_NOWAIT));
        CHECK_OK(coop_lock_release(locks[0]));
    }
    CHECK_EQ(robust->word, 0);
    CHECK_EQ(robust->mode & 3, 0);
}

enum { ROUNDS = 5000, WORKERS = 4 };

static void add_rounds(int64_t *sum)
{
    for (int i = 0; i < ROUNDS; i++) {
        CHECK_OK(coop_lock_acquire(locks[0], COOP_FOREVER));
        *sum += 1;
        CHECK_OK(coop_lock_release(locks[0]));
    }
}

/* Some processes cannot have membarrier (a filter), others can. */
static void processes_without_membarrier_mix_with_others(void)
{
    set_up(1);
    int64_t *sum = test_shared(sizeof *sum);
    pid_t workers[WORKERS];
    for (int i = 0; i < WORKERS; i++) {
        coopi_fence_missing = i % 2; /* a child looks at itself before fork() returns to it */
        CHILD(workers[i]) {
            add_rounds(sum);
            CHECK_EQ(coopi_self_->unfenced == 0, i % 2 == 0);
        }
    }
    for (int i = 0; i < WORKERS; i++) child_must(workers[i]);
    CHECK_EQ(*sum, WORKERS * ROUNDS);
    CHECK_EQ(word_of(locks[0]), 0);
}

/* What a peer writes into a lock may cost the lock, but no crash, no hang, no write elsewhere. */
static void random_words_neither_crash_nor_hang(void)
{
    set_up(2);
    CHECK_OK(coop_lock_acquire(locks[1], COOP_FOREVER));
    unsigned seed = 11;
    uint32_t own = coopi_tag_of(coopi_self_->id[segment->map->slot]);
    for (int i = 0; i < 3000; i++) {
        struct coopi_robust *robust = &locks[0]->shm->robust;
        uint64_t low = (uint64_t)rand_r(&seed) << 1 ^ (uint64_t)rand_r(&seed);
        uint64_t tag = i % 4 == 0 ? own : (uint64_t)rand_r(&seed) << 1;
        memset(robust, i, sizeof *robust);
        robust->word = (tag << 32) | (i % 3 ? low & UINT32_MAX : low & UINT32_MAX & ~COOPI_TID_MASK);
        int r = coop_lock_acquire(locks[0], i % 50 ? COOP_NOWAIT : COOP_MS(1));
        CHECK(r >= 0 || r == -EBUSY || r == -ETIMEDOUT || r == -EDEADLK);
        robust->node = UINT64_C(0x4141414141414141); /* nobody reads it back */
        coop_lock_holder who;
        (void)!coop_lock_owner(locks[0], &who);
        if (r >= 0)
            CHECK_OK(coop_lock_release(locks[0]));
        else
            CHECK_ERR(coop_lock_release(locks[0]), -EPERM);
    }
    CHECK_OK(coop_lock_release(locks[1]));
    CHECK_EQ(coopi_self_->held_count, coopi_self_->lives);
}

static void hostile_texts_end_somewhere(void)
{
    set_up(1);
    CHECK_OK(coop_lock_acquire(locks[0], COOP_FOREVER));
    uint32_t row = coopi_tag_of(coopi_self_->id[segment->map->slot]) & COOPI_ROW_MASK;
    memset(segment->map->owners[row].command, 'x', COOPI_COMMAND_SIZE);
    memset(&locks[0]->shm->death, 'y', sizeof locks[0]->shm->death);
    coop_lock_holder who;
    CHECK_OK(coop_lock_owner(locks[0], &who));
    CHECK_EQ(strlen(who.command), sizeof who.command - 1);
    CHECK_OK(coop_lock_last_death(locks[0], &who));
    CHECK_EQ(strlen(who.command), sizeof who.command - 1);
}

static void refuse_the_robust_list(void)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_get_robust_list, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {.len = sizeof code / sizeof code[0], .filter = code};
    CHECK_EQ(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
    CHECK_EQ(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), 0);
}

static void a_sandbox_without_robust_lists_is_told(void)
{
    set_up(1);
    pid_t child;
    CHILD(child) {
        refuse_the_robust_list();
        CHECK_ERR(coop_lock_acquire(locks[0], COOP_FOREVER), -ENOTSUP);
        CHECK_DETAIL("get_robust_list");
        CHECK_DETAIL("allow");
        CHECK_EQ(coop_lock_locked(locks[0]), 0);
    }
    child_must(child);
}

TESTS(robust, TEST(a_thread_holds_1999_and_is_refused_the_next), TEST(all_of_1999_go_back_at_death),
      TEST(each_segment_costs_one_of_them), TEST(locks_are_released_in_any_order), TEST(locks_of_several_segments_mix),
      TEST_T(a_signal_handler_may_lock_while_its_thread_does, .seconds = 30),
      TEST(a_handler_leaves_the_name_of_the_word_that_its_thread_is_at),
      TEST(a_word_kept_by_a_handler_is_not_named_when_it_is_free),
      TEST(a_forked_child_forgets_the_word_that_its_parent_named),
      TEST(an_acquire_that_fails_leaves_the_name_as_it_was),
      TEST_T(death_below_a_signal_handler_strands_nothing, .seconds = 60),
      TEST_T(one_who_overtakes_the_woken_keeps_the_sleepers_bit, .seconds = 30),
      TEST_T(a_release_wakes_the_sleeper, .seconds = 30), TEST(a_lock_is_as_new_after_its_sleepers_have_gone),
      TEST_T(processes_without_membarrier_mix_with_others, .seconds = 60), TEST(random_words_neither_crash_nor_hang),
      TEST(hostile_texts_end_somewhere), TEST(a_sandbox_without_robust_lists_is_told))
