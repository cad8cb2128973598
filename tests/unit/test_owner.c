/* SPDX-License-Identifier: MIT */
/* Owner rows: who takes one, when it is given back, and by what its death is known. */
#include "segment/handle.h"
#include "segment/owner.h"
#include "segment/process.h"
#include "segment/self.h"
#include "unit/meeting.h"

#include <coop/error.h>
#include <coop/lock.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>

static coop_segment *segment;
static coop_lock *lock;
static int *step;

static void set_up(uint32_t owners)
{
    CHECK_OK(coop_segment_create(NULL, COOP_SEGMENT_OPTIONS(.owners = owners, .maximum = 1 << 20), &segment));
    CHECK_OK(coop_lock_in(segment, "door", COOP_CREATE, &lock));
    step = test_shared(sizeof *step);
}

static void use_it(void)
{
    CHECK_OK(coop_lock_acquire(lock, COOP_FOREVER));
    CHECK_OK(coop_lock_release(lock));
}

static uint32_t my_tag(void)
{
    return coopi_tag_of(coopi_self_->id[segment->map->slot]);
}

static unsigned rows_taken(void)
{
    unsigned taken = 0;
    for (uint32_t row = 0; row < segment->map->owner_count; row++)
        taken += (coopi_load_acquire(&segment->map->owners[row].life.word) & COOPI_TID_MASK) != 0;
    return taken;
}

static void a_thread_takes_one_row_and_keeps_it(void)
{
    set_up(4);
    for (int i = 0; i < 10; i++) use_it();
    CHECK_EQ(rows_taken(), 1);
    struct coopi_owner *owner = &segment->map->owners[my_tag() & COOPI_ROW_MASK];
    CHECK_EQ(owner->life.word & COOPI_TID_MASK, gettid());
    CHECK(owner->life.word & COOPI_WAITERS); /* so that no sleeper has to write it */
    CHECK_EQ(coopi_tag_of(owner->life.word), my_tag());
    CHECK_EQ(owner->info_tag, my_tag());
    CHECK_EQ(owner->pid, getpid());
    CHECK_EQ(owner->tid, gettid());
    CHECK(owner->start != 0);
    CHECK_STR(owner->command, program_invocation_short_name);
    CHECK(!coopi_dead(segment->map, my_tag()));
    CHECK(!coopi_owner_second_evidence(segment->map, my_tag()));
}

/* The kernel marks the life word: nobody has to ask /proc. */
static void a_killed_one_is_dead_by_one_load(void)
{
    set_up(4);
    uint32_t *tag = test_shared(sizeof *tag);
    pid_t victim;
    CHILD(victim) {
        use_it();
        *tag = my_tag();
        step_to(step, 1);
        wait_to_be_killed();
    }
    await_step(step, 1);
    CHECK(!coopi_dead(segment->map, *tag));
    child_kill(victim);
    CHECK(coopi_dead(segment->map, *tag));
    uint64_t life = segment->map->owners[*tag & COOPI_ROW_MASK].life.word;
    CHECK(life & COOPI_OWNER_DIED);
    CHECK_EQ(coopi_tag_of(life), *tag); /* it still says who that was */
    struct coopi_owner_name who;
    coopi_owner_describe(segment->map, *tag, &who);
    CHECK_EQ(who.pid, victim);
}

static void *use_once(void *ret_tag)
{
    use_it();
    if (ret_tag) *(uint32_t *)ret_tag = my_tag();
    return NULL;
}

static void run_thread(void *ret_tag)
{
    pthread_t thread;
    CHECK_EQ(pthread_create(&thread, NULL, use_once, ret_tag), 0);
    CHECK_EQ(pthread_join(thread, NULL), 0);
}

static void a_threads_clean_end_gives_its_row_back(void)
{
    set_up(2);
    uint32_t tag;
    run_thread(&tag);
    CHECK_EQ(rows_taken(), 1); /* this thread's, which made the lock */
    CHECK(coopi_dead(segment->map, tag));
    coop_lock_holder who;
    CHECK_ERR(coop_lock_last_death(lock, &who), -ENOENT);
}

static void release_late(void *held)
{
    CHECK_OK(coop_lock_release(held));
}

static void *leave_the_release_to_a_destructor(void *key)
{
    CHECK_OK(coop_lock_acquire(lock, COOP_FOREVER));
    CHECK_EQ(pthread_setspecific(*(pthread_key_t *)key, lock), 0);
    return NULL;
}

/* Destructors run in the order of their keys, and the library's key is older than this one. */
static void an_end_is_clean_when_a_destructor_releases_the_lock(void)
{
    set_up(2);
    use_it();
    pthread_key_t key;
    pthread_t thread;
    CHECK_EQ(pthread_key_create(&key, release_late), 0);
    CHECK_EQ(pthread_create(&thread, NULL, leave_the_release_to_a_destructor, &key), 0);
    CHECK_EQ(pthread_join(thread, NULL), 0);
    CHECK_EQ(rows_taken(), 1);
    CHECK_EQ(coopi_process()->owners[segment->map->slot], 1); /* it left, and did not die */
    CHECK_OK(coop_lock_acquire(lock, COOP_NOWAIT));
    coop_lock_holder who;
    CHECK_ERR(coop_lock_last_death(lock, &who), -ENOENT);
}

static void five_thousand_short_threads_use_up_nothing(void)
{
    set_up(1024);
    for (int i = 0; i < 5000; i++) run_thread(NULL);
    CHECK_EQ(rows_taken(), 1);
}

static void a_row_never_has_an_old_tag_again(void)
{
    set_up(2);
    uint32_t tags[50];
    for (int i = 0; i < 50; i++) {
        run_thread(&tags[i]);
        CHECK((tags[i] & COOPI_ROW_MASK) != (my_tag() & COOPI_ROW_MASK));
        for (int k = 0; k < i; k++) CHECK(tags[i] != tags[k]);
        for (int k = 0; k <= i; k++) CHECK(coopi_dead(segment->map, tags[k]));
    }
}

static void rows_of_killed_processes_are_taken_again(void)
{
    set_up(3);
    for (int i = 0; i < 40; i++) {
        pid_t victim;
        step_to(step, 0);
        CHILD(victim) {
            use_it();
            step_to(step, 1);
            wait_to_be_killed();
        }
        await_step(step, 1);
        child_kill(victim);
    }
}

static void more_than_1024_killed_processes_use_up_nothing(void)
{
    set_up(1024);
    for (int i = 0; i < 1100; i++) {
        pid_t victim;
        CHILD(victim) {
            use_it();
            kill(getpid(), SIGKILL);
        }
        int status;
        CHECK_EQ(waitpid(victim, &status, 0), victim);
        CHECK(WIFSIGNALED(status));
    }
    coop_lock_holder who;
    CHECK_ERR(coop_lock_last_death(lock, &who), -ENOENT);
}

static void a_full_table_is_told_with_its_cure_until_a_row_is_free(void)
{
    set_up(3);
    pid_t others[2];
    for (int i = 0; i < 2; i++) {
        CHILD(others[i]) {
            use_it();
            step_to(step, i + 1);
            wait_to_be_killed();
        }
        await_step(step, i + 1);
    }
    pid_t child;
    CHILD(child) {
        CHECK_ERR(coop_lock_acquire(lock, COOP_FOREVER), -EUSERS);
        CHECK_DETAIL("all 3 owner rows");
        CHECK_DETAIL(".owners");
    }
    child_must(child);
    child_kill(others[0]);
    CHILD(child) use_it();
    child_must(child);
    child_kill(others[1]);
}

static void a_forked_child_becomes_an_owner_of_its_own(void)
{
    set_up(4);
    use_it();
    uint32_t parents = my_tag();
    pid_t child;
    CHILD(child) {
        CHECK_EQ(coopi_self_->id[segment->map->slot], 0); /* wiped */
        use_it();
        CHECK(my_tag() != parents);
        CHECK_EQ(segment->map->owners[my_tag() & COOPI_ROW_MASK].pid, getpid());
        CHECK(!coopi_dead(segment->map, parents));
        CHECK_EQ(rows_taken(), 2);
    }
    child_must(child);
    CHECK_EQ(my_tag(), parents);
    CHECK(!coopi_dead(segment->map, parents));
    use_it();
}

/* Raw clone runs no atfork handler, and its child has no robust list at all. */
static void a_child_of_raw_clone_becomes_an_owner_of_its_own(void)
{
    set_up(4);
    CHECK_OK(coop_lock_acquire(lock, COOP_FOREVER));
    int *result = test_shared(sizeof *result);
    long child = syscall(SYS_clone, (unsigned long)SIGCHLD, NULL, NULL, NULL, NULL);
    if (child == 0) {
        *result = coop_lock_release(lock) == -EPERM && coop_lock_acquire(lock, COOP_NOWAIT) == -EBUSY ? 1 : -1;
        step_to(step, 1);
        if (coop_lock_acquire(lock, COOP_FOREVER) == 0) step_to(step, 2);
        for (;;) pause();
    }
    await_step(step, 1);
    CHECK_EQ(*result, 1);
    CHECK_OK(coop_lock_release(lock));
    await_step(step, 2);
    CHECK_ERR(coop_lock_acquire(lock, COOP_NOWAIT), -EBUSY);
    child_kill((pid_t)child);
    CHECK_OWNER_DIED(coop_lock_acquire(lock, COOP_FOREVER));
    coop_lock_holder who;
    CHECK_OK(coop_lock_last_death(lock, &who));
    CHECK_EQ(who.pid, child);
}

static void the_last_close_gives_the_row_back(void)
{
    coop_segment *again;
    const char *name = test_name("s");
    CHECK_OK(coop_segment_create(name, COOP_SEGMENT_OPTIONS(.maximum = 1 << 20), &segment));
    int fd = dup(segment->map->fd);
    CHECK_OK(coop_lock_in(segment, "door", COOP_CREATE, &lock));
    use_it();
    coop_lock_close(lock);
    coop_segment_close(segment);
    CHECK_OK(coop_segment_open(name, 0, &again));
    segment = again;
    CHECK_EQ(rows_taken(), 0);
    close(fd);
    coop_segment_close(again);
    CHECK_OK(coop_segment_remove(name, 0));
}

static void exit_gives_the_rows_back(void)
{
    set_up(4);
    uint32_t *tag = test_shared(sizeof *tag);
    pid_t child = test_fork(__FILE__, __LINE__);
    if (child == 0) {
        use_it();
        *tag = my_tag();
        exit(0);
    }
    child_must(child);
    CHECK(coopi_dead(segment->map, *tag));
    CHECK(!(segment->map->owners[*tag & COOPI_ROW_MASK].life.word & COOPI_OWNER_DIED));
}

static void a_tag_beyond_the_table_is_dead(void)
{
    set_up(4);
    CHECK(coopi_dead(segment->map, 5u << COOPI_ROW_BITS | 4));
    CHECK(coopi_dead(segment->map, UINT32_MAX));
    CHECK(coopi_dead(segment->map, 0));
    CHECK(coopi_owner_second_evidence(segment->map, UINT32_MAX));
    struct coopi_owner_name who = {.pid = 1};
    coopi_owner_describe(segment->map, UINT32_MAX, &who);
    CHECK_EQ(who.pid, 0);
}

static void *become_sleep(void *unused)
{
    (void)unused;
    CHECK_OK(coop_lock_acquire(lock, COOP_FOREVER));
    step_to(step, 1);
    execl("/bin/sleep", "sleep", "600", (char *)NULL);
    _exit(9);
}

static pid_t fork_one_that_is_renumbered(void)
{
    pid_t child;
    CHILD(child) {
        pthread_t thread;
        CHECK_EQ(pthread_create(&thread, NULL, become_sleep, NULL), 0);
        wait_to_be_killed();
    }
    await_step(step, 1);
    return child;
}

/* exec by a thread that is not the leader: the kernel never marks its words, and its row looks alive. Somebody else
 * gets the row; the lock still carries the tag of its predecessor, and that tag is dead although the row lives. */
static void a_tag_is_dead_when_its_row_has_passed_on(void)
{
    set_up(2); /* one for us, one for them */
    CHECK_OK(coop_lock_acquire(lock, COOP_FOREVER));
    coop_lock *other;
    CHECK_OK(coop_lock_in(segment, "gate", COOP_CREATE, &other));
    CHECK_OK(coop_lock_release(lock));
    pid_t renumbered = fork_one_that_is_renumbered(), heir;
    CHILD(heir) {
        int r;
        CHECK_SOON((r = coop_lock_acquire(other, COOP_NOWAIT)) != -EUSERS);
        CHECK_OK(r);
        step_to(step, 2);
        wait_to_be_killed();
    }
    await_step(step, 2);
    CHECK_OWNER_DIED(coop_lock_acquire(lock, COOP_NOWAIT));
    CHECK_ERR(coop_lock_acquire(other, COOP_NOWAIT), -EBUSY);
    child_kill(heir);
    child_kill(renumbered);
    coop_lock_close(other);
}

static void second_evidence_marks_the_row_that_the_kernel_did_not(void)
{
    set_up(2);
    use_it();
    pid_t renumbered = fork_one_that_is_renumbered();
    uint32_t tag = (1u << COOPI_ROW_BITS) | (1 - (my_tag() & COOPI_ROW_MASK));
    CHECK_SOON(coopi_owner_second_evidence(segment->map, tag));
    CHECK(coopi_dead(segment->map, tag));
    CHECK(segment->map->owners[tag & COOPI_ROW_MASK].life.word & COOPI_OWNER_DIED);
    child_kill(renumbered);
}

TESTS(owner, TEST(a_thread_takes_one_row_and_keeps_it), TEST(a_killed_one_is_dead_by_one_load),
      TEST(a_threads_clean_end_gives_its_row_back), TEST(an_end_is_clean_when_a_destructor_releases_the_lock),
      TEST_T(five_thousand_short_threads_use_up_nothing, .seconds = 60), TEST(a_row_never_has_an_old_tag_again),
      TEST(rows_of_killed_processes_are_taken_again),
      TEST_T(more_than_1024_killed_processes_use_up_nothing, .seconds = 60),
      TEST(a_full_table_is_told_with_its_cure_until_a_row_is_free), TEST(a_forked_child_becomes_an_owner_of_its_own),
      TEST(a_child_of_raw_clone_becomes_an_owner_of_its_own), TEST(the_last_close_gives_the_row_back),
      TEST(exit_gives_the_rows_back), TEST(a_tag_beyond_the_table_is_dead),
      TEST_T(a_tag_is_dead_when_its_row_has_passed_on, .seconds = 30),
      TEST(second_evidence_marks_the_row_that_the_kernel_did_not))
