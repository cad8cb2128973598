/* SPDX-License-Identifier: MIT */
/* Conditions: found and made, each over the one lock that it was made with. */
#include "base/atomic.h"
#include "harness/test.h"
#include "segment/handle.h"
#include "sync/sync.h"

#include <coop/condition.h>
#include <coop/value.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

static const char *path_of(const char *object)
{
    static char paths[4][128];
    static unsigned at;
    char *path = paths[at++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", test_name("cond"), object);
    return path;
}

static void remove_all(void)
{
    CHECK_OK(coop_segment_remove(test_name("cond"), 0));
}

static void it_is_found_by_its_name(void)
{
    coop_condition *first, *second;
    CHECK_ERR(coop_condition_open(path_of("news"), 0, &first), -ENOENT);
    CHECK_OK(coop_condition_open(path_of("news"), COOP_CREATE, &first));
    CHECK_OK(coop_condition_open(path_of("news"), 0, &second));
    CHECK_ERR(coop_condition_open(path_of("news"), COOP_CREATE | COOP_EXCL, &second), -EEXIST);
    CHECK_STR(coop_condition_path(second), path_of("news"));
    CHECK_STR(coop_condition_lock_path(second), path_of("news"));
    CHECK_OK(coop_condition_acquire(first, COOP_NOWAIT));
    CHECK(coop_condition_held(second));
    uint32_t *asked = test_shared(sizeof *asked);
    pid_t pid;
    CHILD(pid) {
        coop_condition *third;
        CHECK_OK(coop_condition_open(path_of("news"), 0, &third));
        CHECK_ERR(coop_condition_acquire(third, COOP_NOWAIT), -EBUSY);
        coopi_store_release(asked, 1);
        CHECK_OK(coop_condition_acquire(third, COOP_S(20)));
        CHECK_OK(coop_condition_notify(third, 1));
        CHECK_OK(coop_condition_release(third));
        coop_condition_close(third);
    }
    CHECK_SOON(coopi_load_acquire(asked));
    CHECK_OK(coop_condition_wait(second, COOP_S(20)));
    CHECK_OK(coop_condition_release(first));
    child_must(pid);
    coop_condition_close(first);
    coop_condition_close(second);
    remove_all();
}

static void objects_of_another_kind_and_bad_flags_are_refused(void)
{
    coop_condition *condition;
    coop_value *value;
    coop_lock *lock;
    CHECK_OK(coop_condition_open(path_of("news"), COOP_CREATE, &condition));
    CHECK_ERR(coop_value_open(path_of("news"), "i", 0, &value), -EINVAL);
    CHECK_DETAIL("is of kind condition, not value");
    coop_condition_close(condition);
    CHECK_OK(coop_lock_open(path_of("lock"), COOP_CREATE, &lock));
    CHECK_ERR(coop_condition_open(path_of("lock"), COOP_CREATE, &condition), -EINVAL);
    CHECK_DETAIL("is of kind lock, not condition");
    CHECK_ERR(coop_condition_open(path_of("news"), COOP_RAW, &condition), -EINVAL);
    CHECK_ERR(coop_condition_open(path_of("news"), COOP_COUNTING, &condition), -EINVAL);
    CHECK_ERR(coop_condition_open(path_of("news"), COOP_READ_ONLY, &condition), -EACCES);
    CHECK_ERR(coop_condition_open("no path", COOP_CREATE, &condition), -EINVAL);
    CHECK_ERR(coop_condition_in(NULL, "news", COOP_CREATE, &condition), -EINVAL);
    CHECK_DETAIL("news: no segment given");
    CHECK_ERR(coop_condition_open_on_lock(path_of("other"), NULL, COOP_CREATE, &condition), -EINVAL);
    CHECK_DETAIL("no lock given");
    CHECK_ERR(coop_condition_in_on_rlock(NULL, "other", NULL, COOP_CREATE, &condition), -EINVAL);
    CHECK_ERR(coop_condition_in_on_lock(NULL, "other", lock, COOP_CREATE, &condition), -EINVAL);
    CHECK_DETAIL("no segment given");
    coop_lock_close(lock);
    remove_all();
}

static void it_is_opened_over_the_lock_that_it_was_made_with(void)
{
    coop_segment *segment;
    coop_lock *lock;
    coop_rlock *rlock;
    coop_condition *first, *second;
    CHECK_OK(coop_segment_open(test_name("cond"), COOP_CREATE, &segment));
    CHECK_OK(coop_lock_in(segment, "gate", COOP_CREATE, &lock));
    CHECK_OK(coop_rlock_in(segment, "door", COOP_CREATE, &rlock));
    CHECK_OK(coop_condition_open_on(path_of("news"), lock, COOP_CREATE, &first));
    CHECK_STR(coop_condition_lock_path(first), path_of("gate"));
    CHECK_OK(coop_condition_in_on(segment, "news", lock, 0, &second));
    coop_condition_close(second);
    CHECK_ERR(coop_condition_open_on(path_of("news"), rlock, COOP_CREATE, &second), -EINVAL);
    CHECK_DETAIL("works with \"gate\", not with ");
    CHECK_DETAIL("/door; open it over that lock");
    CHECK_ERR(coop_condition_open(path_of("news"), COOP_CREATE, &second), -EINVAL);
    CHECK_DETAIL("works with \"gate\", not with a lock of its own");
    coop_condition_close(first);
    CHECK_OK(coop_condition_in(segment, "own", COOP_CREATE, &first));
    CHECK_ERR(coop_condition_in_on(segment, "own", lock, COOP_CREATE, &second), -EINVAL);
    CHECK_DETAIL("works with a lock of its own, not with ");
    CHECK_OK(coop_condition_in_on(segment, "sister", coop_condition_lock(first), COOP_CREATE, &second));
    CHECK_STR(coop_condition_lock_path(second), path_of("own"));
    coop_condition_close(second);
    CHECK_OK(coop_condition_in_on(segment, NULL, rlock, 0, &second));
    CHECK(coop_condition_path(second) == NULL);
    coop_condition_close(second);
    coop_condition_close(first);
    coop_lock_close(lock);
    coop_rlock_close(rlock);
    coop_segment_close(segment);
    remove_all();
}

static void a_new_lock_in_an_old_ones_place_is_another(void)
{
    coop_segment *segment;
    coop_lock *lock;
    coop_condition *condition;
    CHECK_OK(coop_segment_open(test_name("cond"), COOP_CREATE, &segment));
    CHECK_OK(coop_lock_in(segment, "gate", COOP_CREATE, &lock));
    CHECK_OK(coop_condition_in_on(segment, "news", lock, COOP_CREATE, &condition));
    coop_condition_close(condition);
    uint32_t number = 0;
    for (const struct coopi_entry *entry = segment->map->directory; strcmp(entry[number].name, "gate") != 0;) number++;
    coop_lock_close(lock);
    CHECK_OK(coop_segment_remove_object(segment, "gate", 0));
    CHECK_OK(coop_lock_in(segment, "gate", COOP_CREATE, &lock));
    CHECK_STR(segment->map->directory[number].name, "gate");
    CHECK_ERR(coop_condition_in_on(segment, "news", lock, 0, &condition), -EINVAL);
    CHECK_DETAIL("works with a lock that was removed since, not with ");
    coop_lock_close(lock);
    coop_segment_close(segment);
    remove_all();
}

static void a_lock_in_another_segment_is_refused_and_makes_nothing(void)
{
    coop_segment *segment;
    coop_lock *lock, *nameless;
    coop_condition *condition;
    char elsewhere[128];
    snprintf(elsewhere, sizeof elsewhere, "%s/news", test_name("elsewhere"));
    CHECK_OK(coop_segment_open(test_name("cond"), COOP_CREATE, &segment));
    CHECK_OK(coop_lock_in(segment, "gate", COOP_CREATE, &lock));
    CHECK_OK(coop_lock_new(&nameless));
    CHECK_ERR(coop_condition_open_on(elsewhere, lock, COOP_CREATE, &condition), -EINVAL);
    CHECK_DETAIL("/gate, lies in another segment");
    CHECK_ERR(coop_segment_remove(test_name("elsewhere"), 0), -ENOENT);
    CHECK_ERR(coop_condition_open_on(elsewhere, lock, 0, &condition), -ENOENT);
    CHECK_ERR(coop_condition_open_on(path_of("news"), nameless, COOP_CREATE, &condition), -EINVAL);
    CHECK_DETAIL("nameless object, lies in another segment");
    CHECK_ERR(coop_condition_in_on(segment, "news", nameless, COOP_CREATE, &condition), -EINVAL);
    CHECK_ERR(coop_condition_open(path_of("news"), 0, &condition), -ENOENT);
    coop_lock_close(nameless);
    coop_lock_close(lock);
    coop_segment_close(segment);
    remove_all();
}

static void a_transferable_lock_is_refused(void)
{
    coop_lock *lock;
    coop_condition *condition;
    CHECK_OK(coop_lock_open(NULL, COOP_TRANSFERABLE, &lock));
    CHECK_ERR(coop_condition_new_on(lock, 0, &condition), -EINVAL);
    CHECK_DETAIL("it is transferable");
    coop_lock_close(lock);
}

static void it_cannot_be_removed_while_its_lock_is_held(void)
{
    coop_condition *condition;
    CHECK_OK(coop_condition_open(path_of("news"), COOP_CREATE, &condition));
    CHECK_OK(coop_condition_acquire(condition, COOP_NOWAIT));
    CHECK_ERR(coop_object_remove(path_of("news"), 0), -EBUSY);
    CHECK_OK(coop_condition_release(condition));
    CHECK_OK(coop_object_remove(path_of("news"), 0));
    coop_condition_close(condition);
    remove_all();
}

/* Nonsense in the words is settled by the next that comes. */
static void damaged_words_are_mended(void)
{
    coop_segment *segment;
    coop_condition *condition;
    CHECK_OK(coop_segment_open(test_name("cond"), COOP_CREATE, &segment));
    CHECK_OK(coop_condition_in(segment, "news", COOP_CREATE, &condition));
    const struct coopi_entry *entry = segment->map->directory;
    while (strcmp(entry->name, "news") != 0) entry++;
    struct coopi_lock_shm *lock = (void *)(segment->map->base + entry->body);
    struct coopi_sync_shm *shm = (void *)(lock + 1);
    CHECK_OK(coop_condition_acquire(condition, COOP_NOWAIT));
    for (int i = 0; i < 2; i++) {
        shm->condition.version[i].upto = UINT64_MAX;
        shm->condition.version[i].granted = UINT64_MAX;
    }
    shm->waiting.head = 77;
    shm->waiting.tail = 4000;
    shm->waiting.count = 9;
    CHECK_OK(coop_condition_notify(condition, 3));
    CHECK_ERR(coop_condition_wait(condition, COOP_MS(20)), -ETIMEDOUT);
    shm->condition.taken = 99;
    CHECK_ERR(coop_condition_wait(condition, COOP_MS(20)), -ETIMEDOUT);
    CHECK_EQ(coop_condition_waiters(condition), 0);
    CHECK_EQ(shm->condition.version[shm->condition.sequence % 2].granted, shm->condition.taken);
    CHECK_OK(coop_condition_release(condition));
    coop_condition_close(condition);
    coop_segment_close(segment);
    remove_all();
}

static void one_too_small_is_refused(void)
{
    coop_segment *segment;
    coop_condition *condition;
    CHECK_OK(coop_segment_open(test_name("cond"), COOP_CREATE, &segment));
    CHECK_OK(coop_condition_in(segment, "news", COOP_CREATE, &condition));
    coop_condition_close(condition);
    struct coopi_entry *entry = segment->map->directory;
    while (strcmp(entry->name, "news") != 0) entry++;
    entry->size -= COOPI_LINE;
    CHECK_ERR(coop_condition_in(segment, "news", 0, &condition), -EBADMSG);
    CHECK_DETAIL("are too few for it");
    entry->size += COOPI_LINE;
    coop_segment_close(segment);
    remove_all();
}

enum { MANY = 2000 };
static coop_lock *locks[MANY];
static unsigned locked;

static void take_all_that_can_be_held(int number)
{
    (void)number;
    while (locked < MANY && coop_lock_acquire(locks[locked], COOP_NOWAIT) == 0) locked++;
}

/* The one case in which the lock is not held afterwards. What the thread was notified of goes to the next. */
static void a_handler_that_takes_all_locks_leaves_no_room_for_its_own(void)
{
    coop_segment *segment;
    coop_condition *condition;
    pid_t first, second;
    CHECK_OK(coop_segment_create(NULL, COOP_SEGMENT_OPTIONS(.objects = MANY + 10, .maximum = 1 << 23), &segment));
    CHECK_OK(coop_condition_in(segment, NULL, 0, &condition));
    for (int i = 0; i < MANY; i++) CHECK_OK(coop_lock_in(segment, NULL, 0, &locks[i]));
    uint32_t *full = test_shared(sizeof *full);
    CHILD(first) {
        struct sigaction action = {.sa_handler = take_all_that_can_be_held};
        sigaction(SIGUSR1, &action, NULL);
        CHECK_OK(coop_condition_acquire(condition, COOP_S(5)));
        CHECK_ERR(coop_condition_wait(condition, COOP_FOREVER), -ENOLCK);
        CHECK_DETAIL("its lock is not held any more");
        CHECK(locked >= 1998);
        CHECK(!coop_condition_held(condition));
        coopi_store_release(full, 1);
        for (;;) pause();
    }
    CHECK_SOON(coop_condition_waiters(condition) == 1);
    CHILD(second) {
        CHECK_OK(coop_condition_acquire(condition, COOP_S(5)));
        CHECK_OK(coop_condition_wait(condition, COOP_S(20)));
        CHECK_OK(coop_condition_release(condition));
    }
    CHECK_SOON(coop_condition_waiters(condition) == 2);
    CHECK_OK(coop_condition_acquire(condition, COOP_S(5)));
    kill(first, SIGSTOP);
    CHECK_OK(coop_condition_notify(condition, 1));
    kill(first, SIGUSR1);
    kill(first, SIGCONT);
    CHECK_OK(coop_condition_release(condition));
    CHECK_SOON(coopi_load_acquire(full));
    child_must(second);
    child_kill(first);
    for (int i = 0; i < MANY; i++) coop_lock_close(locks[i]);
    coop_condition_close(condition);
    coop_segment_close(segment);
}

TESTS(condition_open, TEST(it_is_found_by_its_name), TEST(objects_of_another_kind_and_bad_flags_are_refused),
      TEST(it_is_opened_over_the_lock_that_it_was_made_with), TEST(a_new_lock_in_an_old_ones_place_is_another),
      TEST(a_lock_in_another_segment_is_refused_and_makes_nothing), TEST(a_transferable_lock_is_refused),
      TEST(it_cannot_be_removed_while_its_lock_is_held), TEST(damaged_words_are_mended), TEST(one_too_small_is_refused),
      TEST(a_handler_that_takes_all_locks_leaves_no_room_for_its_own))
