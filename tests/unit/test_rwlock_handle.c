/* SPDX-License-Identifier: MIT */
/* Handles on an RWLock: opening, closing, forks, threads, scopes, who is in, and damaged ones. */
#include "harness/test.h"
#include "sync/rwlock.h"

#include <coop/rwlock.h>
#include <coop/value.h>
#include <pthread.h>
#include <stdio.h>

static coop_rwlock *lock;

static void set_up(void)
{
    coop_rwlock_close(lock);
    CHECK_OK(coop_rwlock_new(&lock));
}

static void it_is_found_by_its_name(void)
{
    char path[128];
    coop_rwlock *second;
    coop_value *value;
    snprintf(path, sizeof path, "%s/gate", test_name("rw"));
    CHECK_ERR(coop_rwlock_open(path, 0, &lock), -ENOENT);
    CHECK_OK(coop_rwlock_open(path, COOP_CREATE, &lock));
    CHECK_ERR(coop_rwlock_open(path, COOP_CREATE | COOP_EXCL, &second), -EEXIST);
    CHECK_OK(coop_rwlock_open(path, COOP_CREATE, &second));
    CHECK_STR(coop_rwlock_path(second), path);
    CHECK_ERR(coop_value_open(path, "i", 0, &value), -EINVAL);
    CHECK_DETAIL("is of kind rwlock, not value");
    CHECK_OK(coop_rwlock_read_acquire(lock, COOP_NOWAIT));
    CHECK_EQ(coop_rwlock_reading(second), 1u);
    CHECK_OK(coop_rwlock_read_release(second));
    CHECK_EQ(coop_rwlock_readers(lock), 0);
    coop_rwlock_close(lock);
    coop_rwlock_close(second);
    coop_rwlock_close(NULL);
    CHECK_OK(coop_segment_remove(test_name("rw"), 0));
}

static void bad_calls_are_refused(void)
{
    CHECK_ERR(coop_rwlock_in(NULL, "x", 0, &lock), -EINVAL);
    CHECK_DETAIL("no segment given");
    CHECK_ERR(coop_rwlock_open(NULL, COOP_RAW, &lock), -EINVAL);
    CHECK_DETAIL("not for a rwlock");
    CHECK_ERR(coop_rwlock_open("no", COOP_CREATE, &lock), -EINVAL);
    CHECK_ERR(coop_rwlock_open("no/1x", COOP_CREATE, &lock), -EINVAL);
}

static void a_closed_handle_keeps_its_hold(void)
{
    char path[128];
    snprintf(path, sizeof path, "%s/gate", test_name("rw"));
    CHECK_OK(coop_rwlock_open(path, COOP_CREATE, &lock));
    CHECK_OK(coop_rwlock_write_acquire(lock, COOP_FOREVER));
    coop_rwlock_close(lock);
    CHECK_DETAIL("closed while this thread holds it");
    CHECK_OK(coop_rwlock_open(path, 0, &lock));
    CHECK_OK(coop_rwlock_downgrade(lock));
    coop_rwlock_close(lock);
    CHECK_DETAIL("closed while this thread holds it");
    CHECK_OK(coop_rwlock_open(path, 0, &lock));
    CHECK_OK(coop_rwlock_release(lock));
    coop_rwlock_close(lock);
    CHECK_OK(coop_segment_remove(test_name("rw"), 0));
}

static void a_child_holds_nothing_of_its_parents(void)
{
    set_up();
    CHECK_OK(coop_rwlock_read_acquire(lock, COOP_FOREVER));
    pid_t pid;
    CHILD(pid) {
        CHECK_EQ(coop_rwlock_reading(lock), 0u);
        CHECK_ERR(coop_rwlock_release(lock), -EPERM);
        CHECK_ERR(coop_rwlock_write_acquire(lock, COOP_NOWAIT), -EBUSY);
        CHECK_OK(coop_rwlock_read_acquire(lock, COOP_NOWAIT));
    }
    child_must(pid);
    CHECK_EQ(coop_rwlock_reading(lock), 1u);
    CHECK_OK(coop_rwlock_read_release(lock));
    CHECK_OK(coop_rwlock_write_acquire(lock, COOP_FOREVER));
    CHILD(pid) {
        CHECK_EQ(coop_rwlock_writing(lock), 0);
    }
    child_must(pid);
}

static void *read_elsewhere(void *argument)
{
    CHECK_ERR(coop_rwlock_read_release(lock), -EPERM);
    CHECK_OK(coop_rwlock_read_acquire(lock, COOP_FOREVER));
    CHECK_EQ(coop_rwlock_readers(lock), 2);
    CHECK_OK(coop_rwlock_read_release(lock));
    CHECK_ERR(coop_rwlock_write_acquire(lock, COOP_MS(20)), -ETIMEDOUT);
    return argument;
}

static void threads_hold_for_themselves(void)
{
    set_up();
    pthread_t thread;
    CHECK_OK(coop_rwlock_read_acquire(lock, COOP_FOREVER));
    CHECK_EQ(pthread_create(&thread, NULL, read_elsewhere, NULL), 0);
    CHECK_EQ(pthread_join(thread, NULL), 0);
    CHECK_EQ(coop_rwlock_reading(lock), 1u);
}

static void holders_and_the_writer_are_named(void)
{
    set_up();
    coop_lock_holder writer;
    coop_rwlock_holder holders[2];
    CHECK_ERR(coop_rwlock_writer(lock, &writer), -ENOENT);
    CHECK_DETAIL("nobody writes");
    uint32_t *step = test_shared(sizeof *step);
    pid_t reader;
    CHILD(reader) {
        CHECK_OK(coop_rwlock_read_acquire(lock, COOP_FOREVER));
        coopi_store_release(step, 1);
        for (;;) pause();
    }
    CHECK_SOON(coopi_load_acquire(step) == 1);
    CHECK_OK(coop_rwlock_read_acquire(lock, COOP_FOREVER));
    CHECK_OK(coop_rwlock_read_acquire(lock, COOP_FOREVER));
    CHECK_EQ(coop_rwlock_holders(lock, NULL, 0), 2);
    CHECK_EQ(coop_rwlock_holders(lock, holders, 2), 2);
    int at = holders[0].pid == reader ? 0 : 1;
    CHECK_EQ(holders[at].pid, reader);
    CHECK_EQ(holders[at].times, 1u);
    CHECK_EQ(holders[1 - at].pid, getpid());
    CHECK_EQ(holders[1 - at].times, 2u);
    child_kill(reader);
    CHECK_OK(coop_rwlock_release(lock));
    CHECK_OK(coop_rwlock_release(lock));
    CHECK_OK(coop_rwlock_write_acquire(lock, COOP_NOWAIT));
    CHECK_OK(coop_rwlock_writer(lock, &writer));
    CHECK_EQ(writer.pid, getpid());
    CHECK_EQ(writer.tid, gettid());
    CHECK_EQ(coop_rwlock_holders(lock, holders, 1), 1);
    CHECK_EQ(holders[0].times, 0u);
    CHECK_EQ(coop_rwlock_readers(lock), 0);
}

static void the_scope_releases_what_it_holds(void)
{
    set_up();
    int held = -1, runs = 0;
    COOP_WITH_READ_LOCK(lock, COOP_FOREVER, held)
    {
        runs++;
        CHECK_EQ(coop_rwlock_reading(lock), 1u);
        COOP_WITH_READ_LOCK(lock, COOP_NOWAIT, held) CHECK_EQ(coop_rwlock_reading(lock), 2u);
        CHECK_EQ(coop_rwlock_reading(lock), 1u);
        COOP_WITH_WRITE_LOCK(lock, COOP_NOWAIT, held) runs++;
        CHECK_EQ(held, -EDEADLK);
    }
    CHECK_EQ(runs, 1);
    CHECK_EQ(coop_rwlock_reading(lock), 0u);
    COOP_WITH_WRITE_LOCK(lock, COOP_FOREVER, held)
    {
        CHECK_EQ(coop_rwlock_writing(lock), 1);
        if (held == 0) break;
        runs++;
    }
    CHECK_EQ(coop_rwlock_writing(lock), 0);
    COOP_WITH_WRITE_LOCK(lock, COOP_FOREVER, held) CHECK_OK(coop_rwlock_downgrade(lock));
    CHECK_EQ(coop_rwlock_reading(lock), 0u);
    CHECK_EQ(runs, 1);
}

static void damaged_ones_are_refused(void)
{
    coop_segment *segment;
    CHECK_OK(coop_segment_create(NULL, COOP_SEGMENT_OPTIONS(.owners = 8, .maximum = 1 << 20), &segment));
    CHECK_OK(coop_rwlock_in(segment, "gate", COOP_CREATE, &lock));
    struct coopi_map *map = lock->sync.object.map;
    struct coopi_entry *entry = &map->directory[lock->sync.object.number];
    coop_rwlock *other;
    entry->length = 7;
    CHECK_ERR(coop_rwlock_in(segment, "gate", 0, &other), -EBADMSG);
    CHECK_DETAIL("damaged: it has 7 words for 8 owners");
    entry->length = 1000;
    CHECK_ERR(coop_rwlock_in(segment, "gate", 0, &other), -EBADMSG);
    entry->length = 8;
    CHECK_OK(coop_rwlock_in(segment, "gate", 0, &other));
    coop_rwlock_close(other);
    coop_segment_close(segment);
}

/* Whatever a peer writes into what is derived, calls end, and a look puts it right. */
static void garbage_in_it_hangs_nobody(void)
{
    set_up();
    struct coopi_rwlock_shm *shm = lock->shm;
    shm->readers = 77;
    shm->writer = 0x12345678;
    shm->reserved = 5;
    lock->sync.shm->waiting.head = 3;
    lock->sync.shm->waiting.count = 1000;
    CHECK_OK(coop_rwlock_write_acquire(lock, COOP_S(5)));
    lock->sync.shm->waiting.tail = UINT32_MAX;
    CHECK_OK(coop_rwlock_downgrade(lock));
    lock->sync.words[100] = UINT64_MAX; /* a dead writer */
    shm->readers = 0;
    CHECK_OK(coop_rwlock_release(lock));
    CHECK_OWNER_DIED(coop_rwlock_write_acquire(lock, COOP_S(5)));
}

TESTS(rwlock_handle, TEST(it_is_found_by_its_name), TEST(bad_calls_are_refused), TEST(a_closed_handle_keeps_its_hold),
      TEST(a_child_holds_nothing_of_its_parents), TEST(threads_hold_for_themselves),
      TEST(holders_and_the_writer_are_named), TEST(the_scope_releases_what_it_holds), TEST(damaged_ones_are_refused),
      TEST(garbage_in_it_hangs_nobody))
