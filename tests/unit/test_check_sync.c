/* SPDX-License-Identifier: MIT */
/* check finds what is wrong with semaphores, conditions, events, barriers and RWLocks; repair mends it; show shows
 * them. */
#include "harness/test.h"

#include "base/atomic.h"
#include "segment/handle.h"

#include <coop/coop.h>
#include <stdio.h>
#include <string.h>

static const char *name;
static coop_segment *segment;
static coop_semaphore *gate, *counter;
static coop_condition *news;
static coop_event *bell;
static coop_barrier *meeting;
static coop_rwlock *book;

static void set_up(void)
{
    name = test_name("sync");
    CHECK_OK(
        coop_segment_create(name, COOP_SEGMENT_OPTIONS(.objects = 16, .owners = 16, .maximum = 1 << 20), &segment));
    CHECK_OK(coop_semaphore_in(segment, "gate", 2, COOP_CREATE, &gate));
    CHECK_OK(coop_semaphore_in(segment, "counter", 3, COOP_CREATE | COOP_COUNTING | COOP_BOUNDED, &counter));
    CHECK_OK(coop_condition_in(segment, "news", COOP_CREATE, &news));
    CHECK_OK(coop_event_in(segment, "bell", COOP_CREATE, &bell));
    CHECK_OK(coop_barrier_in(segment, "meeting", 3, COOP_CREATE, &meeting));
    CHECK_OK(coop_rwlock_in(segment, "book", COOP_CREATE, &book));
}

static void tear_down(void)
{
    coop_semaphore_close(gate);
    coop_semaphore_close(counter);
    coop_condition_close(news);
    coop_event_close(bell);
    coop_barrier_close(meeting);
    coop_rwlock_close(book);
    coop_segment_close(segment);
    CHECK_OK(coop_segment_remove(name, COOP_FORCE));
}

static struct coopi_entry *entry_of(const char *object)
{
    struct coopi_entry *entry = segment->map->directory;
    while (strcmp(entry->name, object) != 0) entry++;
    return entry;
}

static struct coopi_sync_shm *shm_of(const char *object)
{
    const struct coopi_entry *entry = entry_of(object);
    uint64_t lock = entry->flags & COOPI_ENTRY_LOCKED ? sizeof(struct coopi_lock_shm) : 0;
    return (struct coopi_sync_shm *)(void *)(segment->map->base + entry->body + lock);
}

static uint64_t *words_of(const char *object)
{
    return (uint64_t *)(void *)(shm_of(object) + 1);
}

#define IMPOSSIBLE (UINT64_C(0x12345fff) << 32)

static void word_of_an_impossible_owner(void)
{
    words_of("gate")[0] = IMPOSSIBLE | 1;
}

static void reader_that_cannot_be(void)
{
    words_of("book")[3] = IMPOSSIBLE | 1;
}

static void guard_of_an_impossible_owner(void)
{
    shm_of("news")->guard.robust.word = IMPOSSIBLE | 4711;
}

static void line_that_begins_nowhere(void)
{
    shm_of("gate")->waiting.head = 4000;
}

static void more_permits_given_than_made(void)
{
    CHECK_OK(coop_semaphore_acquire(gate, COOP_NOWAIT));
    words_of("gate")[0] += words_of("gate")[0] ? 4 : 0;
    words_of("gate")[1] += words_of("gate")[1] ? 4 : 0;
}

static void more_permits_than_the_bound(void)
{
    shm_of("counter")->semaphore.permits = 4;
}

static void more_permits_than_there_can_be(void)
{
    shm_of("counter")->semaphore.total = UINT32_MAX;
}

static void writer_that_cannot_be(void)
{
    shm_of("book")->rwlock.writer = (uint32_t)(IMPOSSIBLE >> 32);
}

static void more_arrivals_than_parties(void)
{
    shm_of("meeting")->barrier.state |= 7;
}

static const struct {
    void (*damage)(void);
    const char *finding;
} damages[] = {
    {word_of_an_impossible_owner, "has a word of an owner that there cannot be"},
    {reader_that_cannot_be, "has a word of an owner that there cannot be"},
    {guard_of_an_impossible_owner, "has a guard that is held by an owner that there cannot be"},
    {line_that_begins_nowhere, "has a line of rows that there cannot be"},
    {more_permits_given_than_made, "has given out more permits than it was made with"},
    {more_permits_than_the_bound, "has more permits than it was made with"},
    {more_permits_than_there_can_be, "has more permits than there can be"},
    {more_arrivals_than_parties, "has more arrivals than parties"},
    {writer_that_cannot_be, "is written by an owner that there cannot be"},
};

/* All of it works. */
static void use(void)
{
    uint32_t held = coop_semaphore_held(gate);
    if (held) CHECK_OK(coop_semaphore_release_many(gate, held));
    CHECK_OK(coop_semaphore_acquire(gate, COOP_S(5)));
    CHECK_OK(coop_semaphore_release(gate));
    CHECK_OK(coop_semaphore_acquire(counter, COOP_S(5)));
    CHECK_OK(coop_semaphore_release(counter));
    CHECK_OK(coop_condition_acquire(news, COOP_S(5)));
    CHECK_OK(coop_condition_notify_all(news));
    CHECK_OK(coop_condition_release(news));
    CHECK_OK(coop_event_set(bell));
    CHECK_OK(coop_rwlock_write_acquire(book, COOP_S(5)));
    CHECK_OK(coop_rwlock_write_release(book));
    CHECK_OK(coop_rwlock_read_acquire(book, COOP_S(5)));
    CHECK_OK(coop_rwlock_read_release(book));
    if (coop_barrier_broken(meeting)) CHECK_OK(coop_barrier_reset(meeting));
    CHECK_ERR(coop_barrier_wait(meeting, COOP_NOWAIT, NULL), -EBUSY);
}

static void sound_ones_are_sound(void)
{
    set_up();
    use();
    CHECK_EQ(RUN("shmctl", "check", name).code, 0);
    CHECK_OK(coop_semaphore_acquire(gate, COOP_NOWAIT));
    CHECK_OK(coop_rwlock_write_acquire(book, COOP_NOWAIT));
    CHECK_OK(coop_barrier_join(meeting));
    CHECK_EQ(RUN("shmctl", "check", name).code, 0);
    tear_down();
}

static void each_damage_is_found_and_mended(void)
{
    for (size_t i = 0; i < sizeof damages / sizeof damages[0]; i++) {
        set_up();
        use();
        damages[i].damage();
        struct ran r = RUN("shmctl", "check", name);
        CHECK_EQ(r.code, 5);
        CHECK_HAS(r.out, damages[i].finding);
        r = RUN("shmctl", "repair", name);
        CHECK_EQ(r.code, 0);
        r = RUN("shmctl", "check", name);
        if (r.code != 0) FAIL("%s: still %s", damages[i].finding, r.out);
        use();
        CHECK_EQ(RUN("shmctl", "check", name).code, 0);
        tear_down();
    }
}

static void what_nobody_can_open_goes_out_of_sight(void)
{
    set_up();
    shm_of("meeting")->barrier.parties = 7;
    entry_of("bell")->size = 0;
    entry_of("bell")->body = entry_of("bell")->offset;
    entry_of("book")->length = 3;
    struct ran r = RUN("shmctl", "check", name);
    CHECK_EQ(r.code, 5);
    CHECK_HAS(r.out, "has not a word for each owner: nobody can open it");
    CHECK_HAS(r.out, "has not as many places as parties: nobody can open it");
    CHECK_HAS(r.out, "has not the size of what it is: nobody can open it");
    coop_barrier *other;
    CHECK_ERR(coop_barrier_in(segment, "meeting", 7, 0, &other), -EBADMSG);
    CHECK_EQ(RUN("shmctl", "repair", name).code, 0);
    CHECK_EQ(RUN("shmctl", "check", name).code, 0);
    CHECK_ERR(coop_barrier_in(segment, "meeting", 3, 0, &other), -ENOENT);
    tear_down();
}

/* Permits go from hand to hand all the while. */
static void busy_ones_are_sound(void)
{
    set_up();
    pid_t pids[3];
    for (int i = 0; i < 3; i++) {
        CHILD(pids[i]) {
            for (;;) {
                CHECK_OK(coop_semaphore_acquire(gate, COOP_FOREVER));
                CHECK_OK(coop_semaphore_release(gate));
            }
        }
    }
    for (int i = 0; i < 60; i++) {
        struct ran r = RUN("shmctl", i % 2 ? "repair" : "check", name);
        if (r.code != 0 || !strstr(r.out, ": sound")) FAIL("%d: %s", r.code, r.out);
    }
    for (int i = 0; i < 3; i++) child_kill(pids[i]);
    CHECK_EQ(coop_semaphore_value(gate), 2);
    tear_down();
}

static void too_many_parties_leave_nothing_behind(void)
{
    coop_barrier *barrier;
    set_up();
    CHECK_ERR(coop_barrier_in(segment, "crowd", 17, COOP_CREATE, &barrier), -EINVAL);
    CHECK_ERR(coop_barrier_in(segment, "crowd", 3, 0, &barrier), -ENOENT);
    CHECK_EQ(RUN("shmctl", "check", name).code, 0);
    tear_down();
}

static struct ran show(const char *object)
{
    char path[160];
    snprintf(path, sizeof path, "%s/%s", name, object);
    return RUN("shmctl", "show", path);
}

static void show_tells_who_stands_in_them(void)
{
    char who[64];
    set_up();
    CHECK_OK(coop_semaphore_acquire_many(gate, 2, COOP_NOWAIT));
    CHECK_OK(coop_rwlock_read_acquire(book, COOP_NOWAIT));
    CHECK_OK(coop_barrier_join(meeting));
    CHECK_OK(coop_event_set(bell));
    pid_t pid;
    CHILD(pid) {
        CHECK_OK(coop_rwlock_write_acquire(book, COOP_S(20)));
    }
    CHECK_SOON(coop_rwlock_write_waiters(book) == 1);
    snprintf(who, sizeof who, "pid %d tid %d (run_tests), alive", (int)getpid(), (int)getpid());
    CHECK_HAS(show("gate").out, who);
    CHECK_HAS(show("gate").out, "2 permits");
    CHECK_HAS(show("counter").out, "3 free of 3, 0 hold, 0 wait");
    CHECK_HAS(show("news").out, "0 wait");
    CHECK_HAS(show("bell").out, "set, was set 1 times");
    CHECK_HAS(show("meeting").out, "0 of 3 arrived");
    CHECK_HAS(show("meeting").out, who);
    CHECK_HAS(show("book").out, "1 read, 1 wait");
    CHECK_HAS(show("book").out, "to write");
    CHECK_OK(coop_barrier_abort(meeting));
    CHECK_HAS(show("meeting").out, "BROKEN: aborted");
    CHECK_OK(coop_rwlock_read_release(book));
    child_must(pid);
    CHECK_EQ(RUN("shmctl", "--json", "show", name).code, 0);
    struct ran r = RUN("shmctl", "rm", name);
    CHECK_EQ(r.code, 8);
    CHECK_HAS(r.err, "is held by thread");
    tear_down();
}

TESTS(check_sync, TEST(sound_ones_are_sound), TEST_T(each_damage_is_found_and_mended, .seconds = 30),
      TEST(what_nobody_can_open_goes_out_of_sight), TEST(show_tells_who_stands_in_them),
      TEST_T(busy_ones_are_sound, .seconds = 30), TEST(too_many_parties_leave_nothing_behind))
