/* SPDX-License-Identifier: MIT */
/* RWLock: reading, writing and the way between them, alone and before others that hold or sleep.
 *
 * The rule: a writer's death is told to exactly one writer, and to the readers before that one; a reader's to nobody.
 * What the victim had is read from its word, while it stands at the instruction where it will end. */
#include "crash/crash.h"

#include "base/atomic.h"
#include "segment/owner.h"
#include "sync/rwlock.h"

#include <errno.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

static bool writes[PEERS]; /* what the peer that is a sleeper wants */
static int victims;        /* that have ended in the scene: in repair mode the second one only writes */
static int owed;           /* deaths that were to be told when the first of them ended */

static uint64_t word_at(const struct scene *scene, uint32_t row)
{
    return coopi_load_acquire(&scene->rwlock->sync.words[row]);
}

/* How many of the living are in, but this thread; writers only, if it reads. */
static int count_others(const struct scene *scene, bool writing)
{
    const struct coopi_sync *sync = &scene->rwlock->sync;
    int count = 0;
    for (uint32_t row = 0; row < sync->word_count; row++) {
        uint64_t word = word_at(scene, row);
        uint32_t tag = coopi_tag_of(word);
        if (!word || tag == coopi_sync_tag(sync) || coopi_dead(sync->object.map, tag)) continue;
        count += writing || (word & COOPI_WRITES);
    }
    return count;
}

static int acquire(struct scene *scene, bool writing, int64_t timeout)
{
    int r =
        writing ? coop_rwlock_write_acquire(scene->rwlock, timeout) : coop_rwlock_read_acquire(scene->rwlock, timeout);
    return r >= 0 && count_others(scene, writing) ? -EBADMSG : r;
}

/* Waits end with a signal, where one is sent. */
static void prepare(struct scene *scene)
{
    make_segment(scene);
    COOP_MUST(coop_rwlock_in(scene->segment, "gate", COOP_CREATE | COOP_INTR, &scene->rwlock));
    COOP_MUST(coop_lock_in(scene->segment, "spare", COOP_CREATE, &scene->spare));
    owed = victims = 0;
}

/* Peers */

static void hold(struct scene *scene, struct peer *self, bool writing)
{
    self->result = acquire(scene, writing, COOP_S(1));
    peer_say(self, PEER_HOLDS);
    peer_obey(self);
    coop_rwlock_release(scene->rwlock);
    peer_say(self, PEER_DONE);
}

static void hold_reading(struct scene *scene, struct peer *self)
{
    hold(scene, self, false);
}

static void hold_writing(struct scene *scene, struct peer *self)
{
    hold(scene, self, true);
}

static void come(struct scene *scene, struct peer *self, bool writing)
{
    warm_owner(scene);
    peer_say(self, PEER_ASKS);
    self->result = acquire(scene, writing, COOP_FOREVER);
    self->at = now_ns();
    coop_rwlock_release(scene->rwlock);
    peer_say(self, PEER_DONE);
}

static void come_reading(struct scene *scene, struct peer *self)
{
    come(scene, self, false);
}

static void come_writing(struct scene *scene, struct peer *self)
{
    come(scene, self, true);
}

static void add_holder_of(struct scene *scene, bool writing)
{
    scene->holder = scene->peers;
    struct peer *peer = peer_start(scene, writing ? hold_writing : hold_reading);
    if (!peer_await(peer, PEER_HOLDS) || peer->result < 0) fault(scene, HUNG, "the first holder never held");
}

static void add_sleeper_for(struct scene *scene, bool writing)
{
    writes[scene->peers] = writing;
    if (!peer_await_sleep(peer_start(scene, writing ? come_writing : come_reading)))
        fault(scene, HUNG, "a sleeper neither sleeps nor holds");
    scene->sleepers++;
}

static void add_reading_holder(struct scene *scene)
{
    add_holder_of(scene, false);
}

static void add_writing_holder(struct scene *scene)
{
    add_holder_of(scene, true);
}

static void add_reader(struct scene *scene)
{
    add_sleeper_for(scene, false);
}

static void add_writer(struct scene *scene)
{
    add_sleeper_for(scene, true);
}

static void add_readers(struct scene *scene)
{
    add_reader(scene);
    add_reader(scene);
}

static void add_both(struct scene *scene)
{
    add_reader(scene);
    add_writer(scene);
}

static void add_writing_holder_and_reader(struct scene *scene)
{
    add_writing_holder(scene);
    add_reader(scene);
}

static void add_writing_holder_and_writer(struct scene *scene)
{
    add_writing_holder(scene);
    add_writer(scene);
}

static void add_reading_holder_and_writer(struct scene *scene)
{
    add_reading_holder(scene);
    add_writer(scene);
}

/* While the victim sleeps, a reader comes to wait behind it; once. */
static void add_reader_behind(struct scene *scene)
{
    if (scene->sleepers == 0 && !scene->ended) add_reader(scene);
}

/* The same, and then the victim is sent a signal. */
static void interrupt(struct scene *scene)
{
    add_reader_behind(scene);
    if (!scene->ended) syscall(SYS_tkill, scene->board->tid, SIGUSR1);
}

static void kill_reading_holder(struct scene *scene)
{
    peer_kill(&scene->board->peers[scene->holder]);
}

/* Looking and verifying */

static bool is_victims(const struct scene *scene, uint32_t tag)
{
    const struct coopi_map *map = scene->rwlock->sync.object.map;
    uint64_t life = coopi_load_acquire(&map->owners[tag & COOPI_ROW_MASK].life.word);
    return coopi_tag_of(life) == tag && (life & COOPI_TID_MASK) == scene->board->tid;
}

static void look(struct scene *scene)
{
    const struct coopi_sync *sync = &scene->rwlock->sync;
    int least = coopi_load_acquire(&scene->rwlock->shm->tainted) != 0;
    scene->board->number = 0;
    for (uint32_t row = 0; row < sync->word_count; row++) {
        uint64_t word = word_at(scene, row);
        if (!word) continue;
        bool his = is_victims(scene, coopi_tag_of(word));
        if (his) scene->board->number = (uint32_t)word;
        if ((word & COOPI_WRITES) && (his || coopi_dead(sync->object.map, coopi_tag_of(word)))) least = 1;
    }
    bool writer_waits = false;
    for (int i = 0; i < scene->peers; i++) writer_waits |= i != scene->holder && writes[i];
    if (scene->most && !writer_waits && victims == 0) least = 1; /* the holder died writing, and no writer knows it */
    scene->his = scene->board->number != 0;
    if (scene->board->mark && !scene->his) fault(scene, LOST, "the victim is sure to hold, and its word is 0");
    scene->least = least;
    scene->most = least + owed + (scene->sleepers ? scene->most : 0); /* others may have heard of an earlier death */
    owed += least;
    victims++;
}

/* Waits for the sleepers, each a second at most; how many writers were told of a death. */
static int await_them(struct scene *scene)
{
    int told = 0;
    for (int i = 0; i < scene->peers; i++) {
        struct peer *peer = &scene->board->peers[i];
        if (i == scene->holder) continue;
        if (!peer_await(peer, PEER_DONE)) {
            fault(scene, HUNG, "%s %d still sleeps", writes[i] ? "writer" : "reader", i);
            continue;
        }
        if (peer->result < 0) fault(scene, LOST, "sleeper %d: %s", i, coop_strerror(peer->result));
        if (peer->result == COOP_OWNER_DIED && scene->most == 0) fault(scene, DOUBLED, "told, and no writer died");
        told += writes[i] && peer->result == COOP_OWNER_DIED;
        scene->slow += peer->at - scene->ended > SLOW;
    }
    return told;
}

/* Nobody is in: nothing in it says otherwise. */
static void check_empty(struct scene *scene)
{
    const struct coopi_sync *sync = &scene->rwlock->sync;
    const struct coopi_rwlock_shm *shm = scene->rwlock->shm;
    for (uint32_t row = 0; row < sync->word_count; row++)
        if (word_at(scene, row)) fault(scene, LEAKED, "word %u is left", row);
    if (shm->tainted || shm->writer || shm->readers || shm->reserved)
        fault(scene, TORN, "free, and it says: writer %#x, %u read, %u reserved, tainted %u", shm->writer, shm->readers,
              shm->reserved, shm->tainted);
    if (sync->shm->waiting.count || sync->shm->waiting.head || sync->shm->waiting.tail)
        fault(scene, LEAKED, "nobody waits, and somebody is in the line");
    if (sync->shm->guard.robust.word & (COOPI_TID_MASK | COOPI_OWNER_DIED)) fault(scene, LEAKED, "the guard is held");
}

static void verify(struct scene *scene)
{
    if (scene->op->asleep) scene->op->asleep(scene);
    if (scene->op->let_go) scene->op->let_go(scene);
    int told = await_them(scene);
    if (scene->holder >= 0) peer_go(&scene->board->peers[scene->holder]);
    int reading = acquire(scene, false, COOP_S(1)), writing;
    if (reading >= 0 && coop_rwlock_read_release(scene->rwlock) < 0) fault(scene, TORN, "%s", coop_error_detail());
    writing = reading < 0 ? reading : acquire(scene, true, COOP_S(1));
    if (writing < 0) {
        fault(scene, writing == -ETIMEDOUT ? HUNG : LEAKED, "%s", coop_error_detail());
        return;
    }
    if (scene->holder < 0 && reading != writing)
        fault(scene, TORN, "a reader was told %d, a writer %d", reading, writing);
    told += writing == COOP_OWNER_DIED;
    if (told < scene->least) fault(scene, LOST, "the victim died writing, and no writer was told");
    if (told > scene->most) fault(scene, DOUBLED, "%d deaths told, %d owed", told, scene->most);
    if (coop_rwlock_write_release(scene->rwlock) < 0) fault(scene, TORN, "%s", coop_error_detail());
    check_empty(scene);
    check_segment(scene);
}

static enum outcome verify_in(struct scene *scene)
{
    verify(scene);
    return scene->his ? AFTER : BEFORE;
}

static enum outcome verify_out(struct scene *scene)
{
    return verify_in(scene) == AFTER ? BEFORE : AFTER;
}

static enum outcome verify_through(struct scene *scene)
{
    return verify_in(scene) == AFTER || scene->complete ? AFTER : BEFORE;
}

static enum outcome verify_downgraded(struct scene *scene)
{
    int64_t number = scene->board->number;
    if (victims == 1 && number != COOPI_WRITES && number != 1)
        fault(scene, TORN, "it neither writes nor reads once: %#llx", (unsigned long long)number);
    verify(scene);
    return number == 1 ? AFTER : BEFORE;
}

static enum outcome verify_deeper(struct scene *scene)
{
    int64_t number = scene->board->number;
    if (victims == 1 && number != 1 && number != 2) fault(scene, TORN, "it reads %lld times", (long long)number);
    verify(scene);
    return number == 2 ? AFTER : BEFORE;
}

static enum outcome verify_shallower(struct scene *scene)
{
    return verify_deeper(scene) == AFTER ? BEFORE : AFTER;
}

/* What the victim does */

static void enter(struct scene *scene, bool writing)
{
    scene->board->result = acquire(scene, writing, COOP_FOREVER);
    scene->board->mark = scene->board->result >= 0;
}

static void read_acquire(struct scene *scene)
{
    enter(scene, false);
}

static void write_acquire(struct scene *scene)
{
    enter(scene, true);
}

static void let_go_of(struct scene *scene)
{
    scene->board->mark = 0;
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    scene->board->result = coop_rwlock_release(scene->rwlock);
}

static void release_inner(struct scene *scene)
{
    scene->board->result = coop_rwlock_read_release(scene->rwlock);
}

static void downgrade(struct scene *scene)
{
    scene->board->result = coop_rwlock_downgrade(scene->rwlock);
}

static void read_and_release(struct scene *scene)
{
    read_acquire(scene);
    let_go_of(scene);
}

static void write_and_release(struct scene *scene)
{
    write_acquire(scene);
    let_go_of(scene);
}

static void write_downgrade_release(struct scene *scene)
{
    write_acquire(scene);
    downgrade(scene);
    let_go_of(scene);
}

static void try_to_read(struct scene *scene)
{
    scene->board->result = acquire(scene, false, COOP_NOWAIT);
}

static void try_to_write(struct scene *scene)
{
    scene->board->result = acquire(scene, true, COOP_NOWAIT);
}

static void time_out_reading(struct scene *scene)
{
    scene->board->result = acquire(scene, false, COOP_MS(4));
}

static void time_out_writing(struct scene *scene)
{
    scene->board->result = acquire(scene, true, COOP_MS(4));
}

static void warm_reading(struct scene *scene)
{
    warm_owner(scene);
    read_acquire(scene);
}

static void warm_reading_twice(struct scene *scene)
{
    warm_reading(scene);
    read_acquire(scene);
}

static void warm_writing(struct scene *scene)
{
    warm_owner(scene);
    write_acquire(scene);
}

static void handle(int signal)
{
    (void)signal;
}

static void warm_handler(struct scene *scene)
{
    struct sigaction action = {.sa_handler = handle};
    sigaction(SIGUSR1, &action, NULL);
    warm_owner(scene);
}

static void repair(struct scene *scene)
{
    scene->board->result = acquire(scene, true, COOP_S(2));
    if (scene->board->result < 0) return;
    scene->board->mark = 1;
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    scene->board->mark = 0;
    coop_rwlock_release(scene->rwlock);
}

#define RWLOCK(called, ...)                                                                                            \
    {                                                                                                                  \
        .name = "rwlock-" called, .prepare = prepare, .look = look, __VA_ARGS__                                        \
    }
#define READING .verify = verify_in, .warm = warm_owner, .operate = read_acquire
#define WRITING .verify = verify_in, .warm = warm_owner, .operate = write_acquire
#define READ .verify = verify_out, .warm = warm_reading, .operate = let_go_of, .lets_go = true
#define WROTE .verify = verify_out, .warm = warm_writing, .operate = let_go_of, .lets_go = true
#define DOWN .verify = verify_downgraded, .warm = warm_writing, .operate = downgrade
#define PASSING .verify = verify_through, .warm = warm_owner, .lets_go = true
#define REFUSED .verify = verify_in, .warm = warm_owner, .constant = true, .lets_go = true

const struct operation rwlock_operations[] = {
    RWLOCK("read/alone", READING, .late = add_writer, .repair = repair),
    RWLOCK("read/written", READING, .gather = add_writing_holder, .asleep = let_holder_go, .repair = repair),
    RWLOCK("read/read", READING, .gather = add_reading_holder, .let_go = let_holder_go),
    RWLOCK("read/writer-dies", READING, .gather = add_writing_holder, .asleep = kill_holder, .repair = repair),
    RWLOCK("read/behind-reader", READING, .gather = add_writing_holder_and_reader, .asleep = let_holder_go),
    RWLOCK("read/behind-writer", READING, .gather = add_reading_holder_and_writer, .asleep = let_holder_go),
    RWLOCK("read/behind-writer-reader-dies", READING, .gather = add_reading_holder_and_writer,
           .asleep = kill_reading_holder),
    RWLOCK("write/alone", WRITING, .late = add_reader, .repair = repair),
    RWLOCK("write/written", WRITING, .gather = add_writing_holder, .asleep = let_holder_go, .repair = repair),
    RWLOCK("write/read", WRITING, .gather = add_reading_holder, .asleep = let_holder_go, .repair = repair),
    RWLOCK("write/writer-dies", WRITING, .gather = add_writing_holder, .asleep = kill_holder, .repair = repair),
    RWLOCK("write/reader-dies", WRITING, .gather = add_reading_holder, .asleep = kill_reading_holder),
    RWLOCK("write/behind-writer", WRITING, .gather = add_writing_holder_and_writer, .asleep = let_holder_go),
    RWLOCK("write/overtakes-reader", WRITING, .gather = add_writing_holder_and_reader, .asleep = let_holder_go),
    RWLOCK("write/overtakes-reader-writer-dies", WRITING, .gather = add_writing_holder_and_reader,
           .asleep = kill_holder),
    RWLOCK("read-again/alone", .verify = verify_deeper, .warm = warm_reading, .operate = read_acquire,
           .repair = repair),
    RWLOCK("read-again/sleepers", .verify = verify_deeper, .warm = warm_reading, .operate = read_acquire,
           .gather = add_writer),
    RWLOCK("read-release-inner/sleepers", .verify = verify_shallower, .warm = warm_reading_twice,
           .operate = release_inner, .gather = add_writer),
    RWLOCK("read-release/alone", READ, .late = add_writer, .repair = repair),
    RWLOCK("read-release/writer", READ, .gather = add_writer, .late = add_reader, .repair = repair),
    RWLOCK("read-release/read", READ, .gather = add_reading_holder, .let_go = let_holder_go),
    RWLOCK("write-release/alone", WROTE, .late = add_writer, .repair = repair),
    RWLOCK("write-release/readers", WROTE, .gather = add_readers, .late = add_writer, .repair = repair),
    RWLOCK("write-release/writer", WROTE, .gather = add_writer, .repair = repair),
    RWLOCK("write-release/both", WROTE, .gather = add_both, .repair = repair),
    RWLOCK("downgrade/alone", DOWN, .late = add_reader, .repair = repair),
    RWLOCK("downgrade/readers", DOWN, .gather = add_readers, .late = add_writer, .repair = repair),
    RWLOCK("downgrade/writer", DOWN, .gather = add_writer),
    RWLOCK("downgrade/both", DOWN, .gather = add_both, .repair = repair),
    RWLOCK("read-and-release/written", PASSING, .operate = read_and_release, .gather = add_writing_holder_and_reader,
           .asleep = let_holder_go),
    RWLOCK("write-and-release/written", PASSING, .operate = write_and_release, .gather = add_writing_holder_and_reader,
           .asleep = let_holder_go, .repair = repair),
    RWLOCK("write-downgrade-release/overtakes-reader", PASSING, .operate = write_downgrade_release,
           .gather = add_writing_holder_and_reader, .asleep = let_holder_go),
    RWLOCK("read-try/written", REFUSED, .operate = try_to_read, .gather = add_writing_holder, .let_go = let_holder_go),
    RWLOCK("write-try/read", REFUSED, .operate = try_to_write, .gather = add_reading_holder, .let_go = let_holder_go),
    RWLOCK("read-timeout/written", .timed = true, REFUSED, .operate = time_out_reading,
           .gather = add_writing_holder_and_reader, .let_go = let_holder_go),
    RWLOCK("write-timeout/read", .timed = true, REFUSED, .operate = time_out_writing, .gather = add_reading_holder,
           .asleep = add_reader_behind),
    RWLOCK("write-timeout/written", .timed = true, REFUSED, .operate = time_out_writing,
           .gather = add_writing_holder_and_reader, .let_go = let_holder_go),
    RWLOCK("write-upgrade/read", .verify = verify_in, .warm = warm_reading, .operate = try_to_write, .constant = true),
    RWLOCK("write-interrupt/read", .verify = verify_in, .warm = warm_handler, .operate = write_acquire,
           .gather = add_reading_holder, .asleep = interrupt, .constant = true, .lets_go = true),
    {0},
};
