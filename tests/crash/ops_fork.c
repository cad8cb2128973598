/* SPDX-License-Identifier: MIT */
/* fork(): its parent is killed in the midst of it, and the child enters, works, and keeps what it has open. */
#include "crash/crash.h"

#include "base/atomic.h"
#include "segment/handle.h"
#include "segment/participant.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define LENGTH 256
#define PARENTS 0x11 /* what the array's bytes are: as the parent left them, */
#define CHILDS 0x22  /* as the child made them, */
#define OTHERS 0x33  /* and those of objects that others make */
#define AGAIN 5      /* so many of them: then the directory is full */
#define LIFE 60      /* seconds, of a child that nobody ends */

/* What the child is told to do next, in order. */
enum order { ENTER = 1, LOOK };

static bool lingers; /* in the victim, and so in its child: the child stays on its way for a while */

static struct peer *child_of(const struct scene *scene)
{
    return &scene->board->peers[PEERS - 1];
}

static struct board *the_board;

static void await_order(const struct peer *self, enum order order)
{
    while (__atomic_load_n(&self->order, __ATOMIC_ACQUIRE) < (uint32_t)order) nap_us(20);
}

/* The killer itself may be killed. SIGALRM has a handler of the survivor's. */
static void limit_life(void)
{
    sigaction(SIGALRM, &(struct sigaction){.sa_handler = SIG_DFL}, NULL);
    alarm(LIFE);
}

/* Registered before libcoop's own, so it runs before that in the child. */
static void linger(void)
{
    if (!lingers) return;
    struct peer *self = &the_board->peers[PEERS - 1];
    limit_life();
    peer_say(self, PEER_ASKS);
    await_order(self, ENTER);
}

static void watch_forks(struct scene *scene)
{
    the_board = scene->board;
    if (pthread_atfork(NULL, NULL, linger) != 0) fault(scene, LOST, "fork() cannot be watched");
}

static void prepare(struct scene *scene)
{
    uint8_t bytes[LENGTH];
    coop_array *array;
    make_segment(scene);
    COOP_MUST(coop_lock_in(scene->segment, "lock", COOP_CREATE, &scene->lock));
    COOP_MUST(coop_lock_in(scene->segment, "spare", COOP_CREATE, &scene->spare));
    memset(bytes, PARENTS, LENGTH);
    COOP_MUST(coop_array_in(scene->segment, "object", "B", LENGTH, COOP_CREATE, &array));
    COOP_MUST(coop_array_write(array, 0, LENGTH, bytes));
    coop_array_close(array);
}

/* A group of its own, which is how the survivor finds the child, whose number nobody may have been told. */
static void warm(struct scene *scene)
{
    setpgid(0, 0);
    scene->board->number = getpid();
    COOP_MUST(coop_array_in(scene->segment, "object", "B", LENGTH, 0, &scene->array));
}

static void warm_with_lock(struct scene *scene)
{
    warm(scene);
    warm_holding(scene);
}

static void warm_lingering(struct scene *scene)
{
    warm(scene);
    lingers = true;
}

static bool is_all(const struct scene *scene, uint8_t byte)
{
    uint8_t bytes[LENGTH];
    if (!scene->array || coop_array_read(scene->array, 0, LENGTH, bytes) < 0) return false;
    for (int i = 0; i < LENGTH; i++)
        if (bytes[i] != byte) return false;
    return true;
}

static int work(struct scene *scene)
{
    uint8_t bytes[LENGTH];
    if (!is_all(scene, PARENTS)) return -EBADMSG;
    memset(bytes, CHILDS, LENGTH);
    int r = coop_array_write(scene->array, 0, LENGTH, bytes);
    if (r < 0) return r;
    return coop_lock_release(scene->lock) == -EPERM ? 0 : -EOWNERDEAD; /* its parent's is not its own */
}

static int look_again(struct scene *scene)
{
    if (!is_all(scene, CHILDS)) return -EBADMSG;
    int r = coop_lock_acquire(scene->lock, COOP_S(1));
    if (r >= 0) r = coop_lock_release(scene->lock);
    coop_array_close(scene->array);
    return r;
}

static void be_child(struct scene *scene)
{
    struct peer *self = child_of(scene);
    limit_life();
    self->result = work(scene);
    peer_say(self, PEER_HOLDS);
    await_order(self, LOOK);
    if (self->result == 0) self->result = look_again(scene);
    peer_say(self, PEER_DONE);
    for (;;) pause();
}

static void fork_it(struct scene *scene)
{
    pid_t pid = fork();
    if (pid == 0) be_child(scene);
    scene->board->result = pid < 0 ? -errno : 0;
}

/* Whoever makes objects gets storage that nobody has. */
static int make_others(struct scene *scene)
{
    static const char *const names[AGAIN] = {"first", "second", "third", "fourth", "fifth"};
    uint8_t bytes[LENGTH];
    int r = coop_segment_remove_object(scene->segment, "object", 0);
    if (r == -ENOENT) r = 0; /* it was done before */
    memset(bytes, OTHERS, LENGTH);
    for (int i = 0; i < AGAIN && r == 0; i++) {
        coop_array *array;
        r = coop_array_in(scene->segment, names[i], "B", LENGTH, COOP_CREATE, &array);
        if (r == 0) r = coop_array_write(array, 0, LENGTH, bytes);
        if (r == 0) coop_array_close(array);
    }
    return r;
}

static void reuse(struct scene *scene)
{
    if (make_others(scene) < 0) fault(scene, LOST, "%s", coop_error_detail());
}

/* While the victim is in the midst of its fork. */
static void remove_object(struct scene *scene)
{
    if (coop_segment_remove_object(scene->segment, "object", 0) < 0) fault(scene, LOST, "%s", coop_error_detail());
}

/* Its dead parent held it, or nobody did. */
static void take_lock(struct scene *scene)
{
    int r = coop_lock_acquire(scene->lock, COOP_S(1));
    int expected = scene->op->warm == warm_with_lock ? COOP_OWNER_DIED : 0;
    if (r == -ETIMEDOUT)
        fault(scene, HUNG, "the dead one's lock is still held");
    else if (r < 0)
        fault(scene, LOST, "%s", coop_error_detail());
    else if (r != expected)
        fault(scene, r == 0 ? LOST : DOUBLED, "the lock says %d, not %d", r, expected);
    if (r >= 0 && coop_lock_release(scene->lock) < 0) fault(scene, LOST, "%s", coop_error_detail());
}

/* Now that nobody has the object open its entry serves again: there is no other one. */
static void take_entry(struct scene *scene)
{
    coop_array *array;
    int r = coop_array_in(scene->segment, "object", "B", LENGTH, COOP_CREATE | COOP_EXCL, &array);
    if (r < 0) {
        fault(scene, LEAKED, "%s", coop_error_detail());
        return;
    }
    scene->array = array;
    if (!is_all(scene, 0)) fault(scene, TORN, "a new array is not zero");
}

static enum outcome verify(struct scene *scene)
{
    struct peer *child = child_of(scene);
    pid_t ended = waitpid(-(pid_t)scene->board->number, NULL, WNOHANG);
    bool born = ended >= 0;
    if (ended > 0) fault(scene, LOST, "the child came to its end");
    if (born && scene->op->warm == warm_lingering) {
        if (!peer_await(child, PEER_ASKS)) fault(scene, HUNG, "the child was not born in a second");
        reuse(scene);
        __atomic_store_n(&child->order, ENTER, __ATOMIC_RELEASE);
    }
    if (born && !peer_await(child, PEER_HOLDS)) fault(scene, HUNG, "the child did not enter in a second");
    take_lock(scene);
    reuse(scene);
    if (born) {
        __atomic_store_n(&child->order, LOOK, __ATOMIC_RELEASE);
        if (!peer_await(child, PEER_DONE))
            fault(scene, HUNG, "the child did not end its work in a second");
        else if (child->result == -EBADMSG)
            fault(scene, TORN, "what the child has open is another's");
        else if (child->result < 0)
            fault(scene, LOST, "the child: %s", coop_strerror(child->result));
    }
    end_children(scene);
    take_entry(scene);
    check_segment(scene);
    return born ? AFTER : BEFORE;
}

/* What a child does before fork() returns to it, in one that is no child: it has an object open, and no row. */
static void warm_without_row(struct scene *scene)
{
    COOP_MUST(coop_array_in(scene->segment, "object", "B", LENGTH, 0, &scene->array));
    coopi_participant_leave(scene->segment->map);
}

static void enter(struct scene *scene)
{
    scene->board->result = coopi_participant_attach(scene->segment->map);
}

static void look_at_row(struct scene *scene)
{
    const struct coopi_map *map = scene->segment->map;
    scene->his = false;
    for (uint32_t i = 0; i < map->geometry->participants.count; i++) {
        uint64_t word = coopi_load_acquire(&map->participants[i].word);
        if ((word & COOPI_PID_MASK) == scene->board->tid && coopi_load_acquire(&map->participants[i].info_word) == word)
            scene->his = true;
    }
}

static enum outcome verify_entered(struct scene *scene)
{
    bool entered = scene->his;
    reuse(scene);
    take_entry(scene);
    check_segment(scene);
    return entered ? AFTER : BEFORE;
}

#define FORK(called, ...)                                                                                              \
    {                                                                                                                  \
        .name = called, .open = watch_forks, .prepare = prepare, .operate = fork_it, .verify = verify, .forks = true,  \
        .no_exit = true, __VA_ARGS__                                                                                   \
    }

const struct operation fork_operations[] = {
    FORK("fork/alone", .warm = warm),
    FORK("fork/holding", .warm = warm_with_lock),
    FORK("fork/child-on-its-way", .warm = warm_lingering, .late = remove_object),
    {.name = "fork-enter/alone",
     .prepare = prepare,
     .warm = warm_without_row,
     .operate = enter,
     .look = look_at_row,
     .verify = verify_entered,
     .no_exit = true},
    {0},
};
