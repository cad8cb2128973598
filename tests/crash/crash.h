/* SPDX-License-Identifier: MIT */
/* The killer's contract with its operations: what an operation is made of, and what it may ask and report.
 *
 * An operation is three small functions and a line in the table at the end of its file:
 *     prepare   in the survivor: makes the scene, before anybody is forked
 *     operate   in the victim: the one thing that is stepped, and cut off after some instruction
 *     verify    in the survivor, after the victim's end: reports faults, and says on which side of the commit it fell
 * The survivor is never killed. Everybody of a scene runs on one core, so what happens is nearly always the same. */
#ifndef CRASH_CRASH_H
#define CRASH_CRASH_H

#include <coop/coop.h>
#include <coop/try.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define PEERS 4
#define SECOND INT64_C(1000000000)
#define SLOW (SECOND / 5) /* longer than a wake takes, shorter than the net */

enum outcome { BEFORE, AFTER };

enum fault { HUNG, TORN, LOST, DOUBLED, LEAKED, FAULTS };

enum peer_state { PEER_NEW, PEER_HOLDS, PEER_ASKS, PEER_DONE };

/* Another process of the scene. In shared memory: the peer writes all but `order`. */
struct peer {
    uint32_t state; /* enum peer_state */
    uint32_t order; /* 1: go on */
    int32_t pid;
    int32_t result; /* of its acquire or the like */
    int64_t at;     /* when it had its result */
};

/* What all processes of a scene share. */
struct board {
    uint32_t tid;   /* of the victim's thread */
    uint32_t done;  /* the victim's operation ran to its end */
    uint32_t mark;  /* set by the victim while it is sure to hold */
    int32_t result; /* the operation's */
    int64_t number; /* free for the operation */
    struct peer peers[PEERS];
};

struct scene {
    const struct operation *op;
    struct board *board;
    const char *name; /* of the segment */
    int64_t ended;    /* when the victim came to its end */
    bool lives;       /* the victim's process lives on: its thread alone ends, or it is only stopped */
    bool alive;       /* the victim lives on: it has finished, and holds nothing */
    bool complete;    /* the victim had finished its operation */
    bool child;       /* a child of the victim's may live */
    bool his;         /* look_lock(): the victim held it */
    int least, most;  /* deaths that must and may be told to the survivors */
    int peers;        /* started, */
    int sleepers;     /* and so many of them to sleep on the lock */
    int holder;       /* the peer that holds, or -1 */
    pid_t dead;       /* a holder that died before the victim came, or 0 */
    unsigned slow;    /* sleepers that waited longer than 200 ms */
    unsigned faults[FAULTS];
    uint64_t *beats;   /* counted up by whatever gets on, so that nobody takes it for hanging */
    char copy[64];     /* of shared bytes, taken where the victim ended */
    const char *place; /* where the victim ended, for reports */
    coop_segment *segment;
    coop_lock *lock, *other, *spare;
    coop_rlock *rlock;
    coop_rwlock *rwlock;
    coop_value *value;
    coop_array *array;
    coop_semaphore *semaphore;
    coop_condition *condition;
    coop_event *event;
    coop_barrier *barrier;
    coop_manager *manager; /* of all scenes of a sweep */
    coop_list *list;
    coop_dict *dict;
};

struct operation {
    const char *name; /* NOUN-VERB/SITUATION */
    void (*prepare)(struct scene *scene);
    void (*operate)(struct scene *scene);
    enum outcome (*verify)(struct scene *scene);
    void (*warm)(struct scene *scene); /* in the victim, before the stepping; may be NULL, like all below */
    void (*gather)(
        struct scene *scene);          /* in the survivor, when the victim stands before its operation: starts peers */
    void (*look)(struct scene *scene); /* in the survivor, while the victim stands where it will end */
    void (*asleep)(struct scene *scene); /* in the survivor, when the victim sleeps in a system call; again in verify */
    void (*let_go)(struct scene *scene); /* the same, but only in verify */
    void (*repair)(
        struct scene *scene); /* what the second victim of repair mode does; warm_owner() before, if there is a spare */
    void (*late)(struct scene *scene); /* late mode: in the survivor, while the victim stands in the midst */
    void (*open)(struct scene *scene); /* once, before all scenes, and close after them */
    void (*close)(struct scene *scene);
    bool lets_go;   /* holds nothing when it is over: so there is one more point, after which the victim lives on */
    bool waits;     /* late mode: is not killed, but must sleep and wake by itself, without the net */
    bool constant;  /* changes nothing that could be verified: has no `after` */
    bool timed;     /* its way hangs on the clock: points need not be met again */
    bool unwatched; /* nobody but the victim may have the file open while it is recorded */
    bool unsound;   /* the scene's segment is damaged on purpose: only verify says whether it is sound */
    bool shut;      /* stop mode: nobody can or may come in just now: the name is held, all rows are taken, or alike */
    bool no_exit;   /* not in the mode that ends a thread: it ends its process */
    bool forks;     /* the victim has a child, and both are in the process group that board->number is */
};

/* Tables end with an entry without name. */
extern const struct operation lock_operations[], rlock_operations[], transfer_operations[], death_operations[],
    segment_operations[], object_operations[], removal_operations[], lifetime_operations[], repair_operations[],
    owner_operations[], value_operations[], record_operations[], array_operations[], manager_operations[],
    passing_operations[], reading_operations[], fork_operations[], rival_operations[], semaphore_operations[],
    rwlock_operations[], condition_operations[], event_operations[], barrier_operations[];

/* A peer holds the lock of the directory. */
void hold_the_directory(struct scene *scene);

/* Ends the victim's child, wherever it is, once the victim is dead. */
void end_children(struct scene *scene);

/* Counts a fault and says on stderr what it is. */
void fault(struct scene *scene, enum fault kind, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* A small segment under the scene's name, and its removal. */
void make_segment(struct scene *scene);

/* Whatever the operation, and however far it came: the segment is sound, and no word in it names the dead. */
void check_segment(struct scene *scene);

/* How many words of the segment name the victim's thread. */
unsigned count_words(const struct scene *scene);

int64_t now_ns(void);
void nap_us(int us);

/* Forks a peer. RUN reports through SELF; afterwards the peer waits to be killed. */
struct peer *peer_start(struct scene *scene, void (*run)(struct scene *scene, struct peer *self));

/* In the peer. */
void peer_say(struct peer *self, enum peer_state state);
void peer_obey(struct peer *self);

/* In the survivor. False: not within the second that is promised. peer_await_sleep, which sets the scene: not within
 * ten; it asks, and sleeps in the kernel or is done. */
bool peer_await(struct peer *peer, enum peer_state state);
bool peer_await_sleep(struct peer *peer);
void peer_go(struct peer *peer);
void peer_kill(struct peer *peer);

/* Managed objects (ops_manager.c). */
void open_manager(struct scene *scene);
void close_manager(struct scene *scene);
void prepare_list(struct scene *scene); /* [0, 1, 2] */
void prepare_dict(struct scene *scene); /* {'n': 5} */
void connect_list(struct scene *scene);
void connect_dict(struct scene *scene);
enum outcome judge_managed(struct scene *scene, int64_t (*look)(struct scene *), int64_t before, int64_t after);

/* Locks, as several operations need them (ops_lock.c): scene->semaphore or rlock if it is set, else scene->lock. */
int take(struct scene *scene, int64_t timeout);
int give(struct scene *scene);
void warm_owner(struct scene *scene);                    /* makes the caller an owner, by scene->spare */
bool victim_holds(const struct scene *scene);            /* its lock, as the word says now */
void act_acquire(struct scene *scene);                   /* takes, and sets the mark */
void act_release(struct scene *scene);                   /* clears the mark, and gives */
void hand_over(struct scene *scene);                     /* both */
void warm_holding(struct scene *scene);                  /* the caller is an owner, and holds the lock */
void hold_peer(struct scene *scene, struct peer *self);  /* takes, waits for its order, gives */
void sleep_peer(struct scene *scene, struct peer *self); /* asks, takes, gives */
void add_holder(struct scene *scene);
void add_sleeper(struct scene *scene);
void add_sleepers(struct scene *scene);  /* two */
void add_late(struct scene *scene);      /* one that may find it free */
void add_crowd(struct scene *scene);     /* a holder, and a sleeper behind it */
void let_holder_go(struct scene *scene); /* an `asleep` */
void kill_holder(struct scene *scene);   /* another */
void prepare_lock(struct scene *scene);
void look_lock(struct scene *scene);
int await_sleepers(struct scene *scene);            /* each a second at most; how many were told of a death */
enum outcome verify_taken(struct scene *scene);     /* AFTER: the victim held it */
enum outcome verify_given(struct scene *scene);     /* AFTER: it did not any more */
enum outcome verify_passed_on(struct scene *scene); /* AFTER: it did, or has given it up again */
void repair_lock(struct scene *scene);

#endif
