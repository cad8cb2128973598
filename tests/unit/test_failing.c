/* SPDX-License-Identifier: MIT */
/* Every public operation with each of its allocations and system calls failing, once and for good: an error with a
 * sentence, nothing leaked, nothing half made, and the next try succeeds. */
#include "harness/failing.h"
#include "harness/forge.h"
#include "harness/variant.h"
#include "unit/meeting.h"

#include <coop/coop.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

#define MOST 400 /* calls an operation; more is an endless loop */

/* An operation as a test of this kind sees it. RUN does it; what it opened is left in the handles. */
struct trial {
    void (*prepare)(void);
    int (*run)(void);
    void (*check)(int r); /* what RUN has done; NULL: nothing more to see */
    int keeps;            /* descriptors that the process keeps for good, the first time, or cannot prove its own */
    bool in_place;        /* prepare opens the handles */
    bool makes_name;      /* the first segment's, which is not there before */
};

static struct {
    coop_segment *segment, *kept;
    coop_lock *lock;
    coop_rlock *rlock;
    coop_value *value;
    coop_array *array;
    coop_manager *manager;
    coop_list *list;
    coop_dict *dict;
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

static bool is_there(void)
{
    return access(forge_path(h.name), F_OK) == 0;
}

static void remove_name(void)
{
    if (is_there()) CHECK_OK(coop_segment_remove(h.name, COOP_FORCE));
}

/* The counts of what must not leak. */
struct counts {
    int descriptors, maps;
    long blocks;
};

static struct counts counts_now(void)
{
    return (struct counts){count_descriptors(), count_maps(h.name), failing_blocks()};
}

static void check_counts(const struct trial *trial, bool cold, const struct counts *before, unsigned nth)
{
    struct counts after = counts_now();
    const char *what = failing_what() ? failing_what() : "nothing";
    if (after.descriptors > before->descriptors + trial->keeps)
        FAIL("call %u (%s) fails: a descriptor is left", nth, what);
    if (after.maps > before->maps) FAIL("call %u (%s) fails: a mapping is left", nth, what);
    if (cold) return;
    if (after.blocks > before->blocks)
        FAIL("call %u (%s) fails: %ld blocks are left", nth, what, after.blocks - before->blocks);
}

static void try_once(const struct trial *trial, bool cold, unsigned nth, bool for_good, bool *ret_all)
{
    if (trial->prepare) trial->prepare();
    struct counts before = counts_now();
    failing_begin(nth, for_good);
    int r = trial->run();
    *ret_all = failing_end() < nth;
    const char *what = failing_what();
    if (*ret_all && r < 0) FAIL("nothing failed, and it gives %d: %s", r, coop_error_detail());
    if (r < 0 && !*coop_error_detail()) FAIL("call %u (%s) fails: no sentence with %d", nth, what, r);
    if (r < 0 && any_open() && !trial->in_place) FAIL("call %u (%s) fails, and an output is set", nth, what);
    if (r < 0 && trial->makes_name && is_there()) FAIL("call %u (%s) fails, and the name is there", nth, what);
    if (trial->check) trial->check(r);
    close_all();
    check_counts(trial, cold, &before, nth);
    if (r < 0 && trial->prepare) trial->prepare();
    if (r < 0 && trial->run() < 0)
        FAIL("after call %u (%s) failed it never works again: %s", nth, what, coop_error_detail());
    if (r < 0 && trial->check) trial->check(0);
    close_all();
    remove_name();
}

/* Each in a process of its own, so that also what a process does only once is met. Then all in one, which has it
 * behind it: there memory is counted. */
static void fail_each(const struct trial *trial)
{
    snprintf(h.name, sizeof h.name, "%s", test_name("s"));
    snprintf(h.path, sizeof h.path, "%s/thing", h.name);
    bool *all = test_shared(sizeof *all);
    for (int mode = 0; mode < 4; mode++) {
        bool cold = mode < 2, for_good = mode % 2;
        *all = false;
        unsigned nth = 1;
        for (; !*all && nth < MOST; nth++) {
            pid_t child;
            if (!cold) {
                bool done;
                if (nth == 1) try_once(trial, true, MOST, false, &done);
                try_once(trial, cold, nth, for_good, all);
                continue;
            }
            CHILD(child) try_once(trial, cold, nth, for_good, all);
            child_must(child);
        }
        CHECK(nth < MOST);
        CHECK(nth > 2);
    }
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

static int pair[2];

static void prepare_passing(void)
{
    if (h.kept) return;
    CHECK_OK(coop_segment_create(NULL, NULL, &h.kept));
    CHECK_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
}

static int send_and_receive(void)
{
    int r = coop_segment_send(h.kept, pair[0]);
    return r < 0 ? r : coop_segment_receive(pair[1], 0, &h.segment);
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

static void prepare_list(void)
{
    if (!h.list) CHECK_OK(coop_list_open(started, NULL, 0, &h.list));
}

/* Whatever came between, it is there once or not at all. */
static int append(void)
{
    return coop_list_append(h.list, coop_int(1));
}

static void check_appended(int r)
{
    size_t length;
    CHECK_OK(coop_list_len(h.list, &length));
    CHECK(r < 0 ? length <= 1 : length == 1);
    coop_list_close(h.list);
    h.list = NULL;
}

static void prepare_dict(void)
{
    if (!h.dict) CHECK_OK(coop_dict_open(started, NULL, 0, &h.dict));
}

static int set_key(void)
{
    return coop_dict_set(h.dict, coop_str("key"), coop_str("value"));
}

static void check_key_set(int r)
{
    size_t length;
    CHECK_OK(coop_dict_len(h.dict, &length));
    CHECK(r < 0 ? length <= 1 : length == 1);
    coop_dict_close(h.dict);
    h.dict = NULL;
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

static void list_append_fails_whole(void)
{
    start_manager();
    fail_each(&(struct trial){.prepare = prepare_list, .run = append, .check = check_appended, .keeps = 1});
    CHECK_OK(coop_manager_stop(started));
    coop_manager_close(started);
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

static void segment_send_and_receive_fail_whole(void)
{
    fail_each(&(struct trial){.prepare = prepare_passing, .run = send_and_receive, .keeps = 1});
}

static void dict_set_fails_whole(void)
{
    start_manager();
    fail_each(&(struct trial){.prepare = prepare_dict, .run = set_key, .check = check_key_set, .keeps = 1});
    CHECK_OK(coop_manager_stop(started));
    coop_manager_close(started);
}

TESTS(failing, TEST_T(segment_create_fails_whole, .seconds = 60),
      TEST_T(segment_create_anonymous_fails_whole, .seconds = 60), TEST_T(segment_open_fails_whole, .seconds = 60),
      TEST_T(segment_open_or_create_fails_whole, .seconds = 60), TEST_T(segment_remove_fails_whole, .seconds = 60),
      TEST_T(lock_open_fails_whole, .seconds = 60), TEST_T(rlock_new_fails_whole, .seconds = 60),
      TEST_T(value_open_fails_whole, .seconds = 60), TEST_T(array_open_fails_whole, .seconds = 60),
      TEST_T(lock_acquire_fails_whole, .seconds = 60), TEST_T(transferable_acquire_fails_whole, .seconds = 60),
      TEST_T(value_write_fails_whole, .seconds = 60), TEST_T(manager_connect_fails_whole, .seconds = 60),
      TEST_T(list_append_fails_whole, .seconds = 60), TEST_T(object_remove_fails_whole, .seconds = 60),
      TEST_T(read_only_open_fails_whole, .seconds = 60), TEST_T(acquire_after_a_death_fails_whole, .seconds = 60),
      TEST_T(segment_send_and_receive_fail_whole, .seconds = 60), TEST_T(dict_set_fails_whole, .seconds = 60))
