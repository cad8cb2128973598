/* SPDX-License-Identifier: MIT */
/* Forked children on their way: born, and not yet entered for what their parent had open. */
#include "unit/removing.h"

#include <coop/lock.h>
#include <coop/segment.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>

static uint32_t *gate; /* 1: children wait on their way; 2: they go on */

static void wait_at_birth(void)
{
    if (!gate || coopi_load_acquire(gate) != 1) return;
    coopi_store_release(&gate[1], 1);
    while (coopi_load_acquire(gate) == 1) test_sleep_ms(1);
}

/* Our handler stands before the library's: it was there first. */
static pid_t child_on_its_way(coop_lock **ret_lock)
{
    gate = test_shared(2 * sizeof *gate);
    pthread_atfork(NULL, NULL, wait_at_birth);
    set_up();
    CHECK_OK(coop_lock_open(path, COOP_CREATE, ret_lock));
    coopi_store_release(gate, 1);
    pid_t pid;
    CHILD(pid) {
        while (coopi_load_acquire(gate) != 3) test_sleep_ms(1);
    }
    CHECK_SOON(coopi_load_acquire(&gate[1]) == 1);
    return pid;
}

static void what_the_parent_closes_stays_open_until_the_child_has_entered(void)
{
    coop_lock *lock, *other;
    pid_t pid = child_on_its_way(&lock);
    coop_lock_close(lock);
    CHECK(is_open(0));
    CHECK_OK(coop_object_remove(path, 0));
    CHECK(!is_free(0));
    uint32_t before = coopi_load_acquire(&segment->map->header->entered);
    coopi_store_release(gate, 2);
    CHECK_SOON(coopi_load_acquire(&segment->map->header->entered) != before);
    CHECK(is_open(0)); /* by the child now */
    coopi_store_release(gate, 3);
    child_must(pid);
    CHECK(!is_open(0));
    CHECK_OK(coop_lock_in(segment, "other", COOP_CREATE, &other));
    coop_lock_close(other);
    tear_down();
}

static void a_child_killed_on_its_way_costs_its_parent_only_that_object(void)
{
    coop_lock *lock, *again;
    pid_t pid = child_on_its_way(&lock);
    child_kill(pid);
    coop_lock_close(lock);
    CHECK_OK(coop_object_remove(path, 0));
    CHECK(is_open(0)); /* nobody told that the child is dead: kept, to be safe */
    CHECK_OK(coop_lock_open(path, COOP_CREATE, &again));
    CHECK_OK(coop_lock_acquire(again, COOP_NOWAIT));
    CHECK_OK(coop_lock_release(again));
    coop_lock_close(again);
    tear_down();
}

static coop_lock *lock;
static bool opens_late;

/* As another thread might: behind the library's own handler, which stands after ours and runs before it. */
static void open_in_the_midst(void)
{
    if (opens_late && gate && coopi_load_acquire(gate) == 1) CHECK_OK(coop_lock_open(path, COOP_CREATE, &lock));
}

/* In the midst of its own fork(), as far as the child is: another library's handler takes long. */
static void fork_and_be_killed(int32_t *grandchild)
{
    if (!opens_late) CHECK_OK(coop_lock_open(path, COOP_CREATE, &lock));
    coopi_store_release(gate, 1);
    pid_t pid = fork();
    if (pid > 0) {
        coopi_store_release(grandchild, pid);
        kill(getpid(), SIGKILL);
    }
    CHECK_OK(coop_lock_acquire(lock, COOP_NOWAIT));
    CHECK_OK(coop_lock_release(lock));
    coopi_store_release(&gate[1], 4);
    while (coopi_load_acquire(gate) != 3) test_sleep_ms(1);
    coop_lock_close(lock);
    coopi_store_release(&gate[1], 5);
    while (coopi_load_acquire(gate) != 4) test_sleep_ms(1);
    _exit(0);
}

static void kill_a_parent_in_the_midst(void)
{
    gate = test_shared(3 * sizeof *gate);
    pthread_atfork(open_in_the_midst, NULL, wait_at_birth);
    set_up();
    pid_t pid;
    CHILD(pid) fork_and_be_killed((int32_t *)&gate[2]);
    CHECK_SOON(coopi_load_acquire(&gate[1]) == 1 && coopi_load_acquire(&gate[2]));
    CHECK_EQ(waitpid(pid, NULL, 0), pid);
    CHECK(is_open(0)); /* by one who has no row yet */
    CHECK_OK(coop_object_remove(path, 0));
    CHECK(!is_free(0));
    coopi_store_release(gate, 2);
    CHECK_SOON(coopi_load_acquire(&gate[1]) == 4);
    CHECK(is_open(0)); /* by its own row */
    coopi_store_release(gate, 3);
    CHECK_SOON(coopi_load_acquire(&gate[1]) == 5);
    CHECK(!is_open(0)); /* it lives, and has let go */
    coopi_store_release(gate, 4);
    tear_down();
}

static void a_child_whose_parent_is_killed_on_its_way_keeps_what_it_had(void)
{
    kill_a_parent_in_the_midst();
}

static void a_child_keeps_what_was_opened_in_the_midst_of_the_fork(void)
{
    opens_late = true;
    kill_a_parent_in_the_midst();
}

TESTS(object_birth, TEST(what_the_parent_closes_stays_open_until_the_child_has_entered),
      TEST(a_child_whose_parent_is_killed_on_its_way_keeps_what_it_had),
      TEST(a_child_keeps_what_was_opened_in_the_midst_of_the_fork),
      TEST(a_child_killed_on_its_way_costs_its_parent_only_that_object))
