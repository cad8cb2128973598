/* SPDX-License-Identifier: MIT */
/* Every public operation with each of its allocations and system calls failing, once and for good: an error with a
 * sentence, nothing leaked, nothing half made, and the next try succeeds. */
#include "unit/meeting.h"
#include "unit/trial.h"

#include <coop/coop.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

static struct {
    coop_segment *segment;
    coop_lock *lock;
    coop_rlock *rlock;
    coop_value *value;
    coop_array *array;
    coop_manager *manager;
    char name[100], path[120];
} h;

static void close_all(void)
{
    coop_lock_close(h.lock);
    coop_rlock_close(h.rlock);
    coop_value_close(h.value);
    coop_array_close(h.array);
    coop_segment_close(h.segment);
    coop_manager_close(h.manager);
    h.lock = NULL;
    h.rlock = NULL;
    h.value = NULL;
    h.array = NULL;
    h.segment = NULL;
    h.manager = NULL;
}

static bool any_open(void)
{
    return h.lock || h.rlock || h.value || h.array || h.segment || h.manager;
}

static void fail_each(const struct trial *trial)
{
    struct trial one = *trial;
    snprintf(h.name, sizeof h.name, "%s", test_name("s"));
    snprintf(h.path, sizeof h.path, "%s/thing", h.name);
    one.name = h.name;
    one.close = close_all;
    one.any_open = any_open;
    trial_each(&one);
}

static void make_segment(void)
{
    CHECK_OK(coop_segment_open(h.name, COOP_CREATE, &h.segment));
    coop_segment_close(h.segment);
    h.segment = NULL;
}

static int create(void)
{
    return coop_segment_create(h.name, NULL, &h.segment);
}

static int create_anonymous(void)
{
    return coop_segment_create(NULL, NULL, &h.segment);
}

static int open_it(void)
{
    return coop_segment_open(h.name, 0, &h.segment);
}

static int open_or_create(void)
{
    return coop_segment_open(h.name, COOP_CREATE, &h.segment);
}

static int remove_it(void)
{
    return coop_segment_remove(h.name, 0);
}

static int open_lock(void)
{
    return coop_lock_open(h.path, COOP_CREATE, &h.lock);
}

static int new_rlock(void)
{
    return coop_rlock_new(&h.rlock);
}

static int open_value(void)
{
    return coop_value_open(h.path, "16s", COOP_CREATE, &h.value);
}

static int open_array(void)
{
    return coop_array_open(h.path, "d", 100000, COOP_CREATE, &h.array); /* more than is reserved at birth */
}

/* In place: the handles are open before anything fails. */

/* By somebody else, so that this process is nobody's owner yet. */
static void prepare_lock_with(int flags)
{
    pid_t maker;
    CHILD(maker) CHECK_OK(coop_lock_open(h.path, COOP_CREATE | flags, &h.lock));
    child_must(maker);
    CHECK_OK(coop_lock_open(h.path, 0, &h.lock));
}

static void prepare_lock(void)
{
    prepare_lock_with(0);
}

static int lock_and_unlock(void)
{
    int r = coop_lock_acquire(h.lock, COOP_S(1));
    return r < 0 ? r : coop_lock_release(h.lock);
}

static void prepare_transferable(void)
{
    prepare_lock_with(COOP_TRANSFERABLE);
}

static void prepare_value(void)
{
    pid_t maker;
    CHILD(maker) CHECK_OK(coop_value_open(h.path, "16s", COOP_CREATE, &h.value));
    child_must(maker);
    CHECK_OK(coop_value_open(h.path, NULL, 0, &h.value));
}

static int write_bytes(void)
{
    return coop_value_set_bytes(h.value, "0123456789abcdef", 16);
}

static void make_value(void)
{
    pid_t maker;
    CHILD(maker) CHECK_OK(coop_value_open(h.path, "i", COOP_CREATE, &h.value));
    child_must(maker);
}

static int remove_object(void)
{
    return coop_object_remove(h.path, 0);
}

static void check_object_removed(int r)
{
    if (r < 0) return; /* it is there, or it is not */
    CHECK_ERR(coop_value_open(h.path, NULL, 0, &h.value), -ENOENT);
}

static int open_to_read(void)
{
    int64_t number;
    int r = coop_value_open(h.path, NULL, COOP_READ_ONLY, &h.value);
    return r < 0 ? r : coop_value_get_i64(h.value, &number);
}

/* Its holder has just been killed. */
static void prepare_death(void)
{
    pid_t holder;
    CHILD(holder) {
        CHECK_OK(coop_lock_open(h.path, COOP_CREATE, &h.lock));
        CHECK(coop_lock_acquire(h.lock, COOP_S(1)) >= 0);
        kill(getpid(), SIGKILL);
    }
    CHECK_EQ(waitpid(holder, NULL, 0), holder);
    CHECK_OK(coop_lock_open(h.path, 0, &h.lock));
}

static coop_manager *started;

static void start_manager(void)
{
    if (!started) CHECK_OK(coop_manager_start(test_name("m"), &started));
}

static int connect_to_manager(void)
{
    return coop_manager_connect(coop_manager_address(started), &h.manager);
}

static int start_one(void)
{
    return coop_manager_start(h.name, &h.manager);
}

static void segment_create_fails_whole(void)
{
    fail_each(&(struct trial){.run = create, .makes_name = true});
}

static void segment_create_anonymous_fails_whole(void)
{
    fail_each(&(struct trial){.run = create_anonymous});
}

static void segment_open_fails_whole(void)
{
    fail_each(&(struct trial){.prepare = make_segment, .run = open_it});
}

static void segment_open_or_create_fails_whole(void)
{
    fail_each(&(struct trial){.run = open_or_create, .makes_name = true});
}

static void segment_remove_fails_whole(void)
{
    fail_each(&(struct trial){.prepare = make_segment, .run = remove_it, .keeps = 1});
}

static void lock_open_fails_whole(void)
{
    fail_each(&(struct trial){.prepare = make_segment, .run = open_lock});
}

static void rlock_new_fails_whole(void)
{
    fail_each(&(struct trial){.run = new_rlock, .keeps = 1});
}

static void value_open_fails_whole(void)
{
    fail_each(&(struct trial){.run = open_value});
}

static void array_open_fails_whole(void)
{
    fail_each(&(struct trial){.prepare = make_segment, .run = open_array, .keeps = 1});
}

static void lock_acquire_fails_whole(void)
{
    fail_each(&(struct trial){.prepare = prepare_lock, .run = lock_and_unlock, .in_place = true});
}

static void transferable_acquire_fails_whole(void)
{
    fail_each(&(struct trial){.prepare = prepare_transferable, .run = lock_and_unlock, .in_place = true});
}

static void value_write_fails_whole(void)
{
    fail_each(&(struct trial){.prepare = prepare_value, .run = write_bytes, .in_place = true});
}

static void manager_connect_fails_whole(void)
{
    start_manager();
    fail_each(&(struct trial){.run = connect_to_manager});
    CHECK_OK(coop_manager_stop(started));
    coop_manager_close(started);
}

/* No program is left running, nor any file of it: the harness looks. */
static void manager_start_fails_whole(void)
{
    fail_each(&(struct trial){.run = start_one, .keeps = 1});
}

static void object_remove_fails_whole(void)
{
    fail_each(&(struct trial){.prepare = make_value, .run = remove_object, .check = check_object_removed, .keeps = 1});
}

static void read_only_open_fails_whole(void)
{
    fail_each(&(struct trial){.prepare = make_value, .run = open_to_read, .in_place = true});
}

static void acquire_after_a_death_fails_whole(void)
{
    fail_each(&(struct trial){.prepare = prepare_death, .run = lock_and_unlock, .in_place = true});
}

TESTS(failing, TEST_T(segment_create_fails_whole, .seconds = 60),
      TEST_T(segment_create_anonymous_fails_whole, .seconds = 60), TEST_T(segment_open_fails_whole, .seconds = 60),
      TEST_T(segment_open_or_create_fails_whole, .seconds = 60), TEST_T(segment_remove_fails_whole, .seconds = 60),
      TEST_T(lock_open_fails_whole, .seconds = 60), TEST_T(rlock_new_fails_whole, .seconds = 60),
      TEST_T(value_open_fails_whole, .seconds = 60), TEST_T(array_open_fails_whole, .seconds = 60),
      TEST_T(lock_acquire_fails_whole, .seconds = 60), TEST_T(transferable_acquire_fails_whole, .seconds = 60),
      TEST_T(value_write_fails_whole, .seconds = 60), TEST_T(manager_connect_fails_whole, .seconds = 60),
      TEST_T(manager_start_fails_whole, .seconds = 60), TEST_T(object_remove_fails_whole, .seconds = 60),
      TEST_T(read_only_open_fails_whole, .seconds = 60), TEST_T(acquire_after_a_death_fails_whole, .seconds = 60))
