/* SPDX-License-Identifier: MIT */
/* The format of a segment: every struct that stands in shared memory, and who writes each field under what.
 *
 *   0            header                     4,096 bytes
 *   header.directory.offset     entries     128 bytes each
 *   header.participants.offset  rows        128 bytes each, one an attached process
 *   header.owners.offset        rows        192 bytes each, one a thread that ever held something
 *   header.events.offset        events      128 bytes each, a ring of what happened
 *   header.opens.offset         bit fields  one for each participant row, a bit for each directory entry: it has it
 * open header.index.offset         buckets     4 bytes each: the first entry of a chain by name (segment/index.h)
 *   header.storage              objects     each covered by exactly one entry, 64-aligned; what no entry covers is free
 *   header.size                 end of what is reserved; the file is never shorter, and may be longer
 *   header.maximum              what a process maps
 *
 * Offsets count from the segment's first byte. All integers are fixed-width, in the machine's order; the fingerprint
 * refuses another machine's. Everything here is untrusted input to whoever reads it.
 *
 * An object's storage:
 *   entry.offset   type string, NUL-terminated, type_size bytes (Value, Array; else type_size is 0)
 *   entry.body     64-aligned: the kind's struct; with COOPI_ENTRY_LOCKED (Value, Array, Condition) its RLock first
 *   behind it      an Array's items; a Value of at most 8 bytes; a larger Value's struct coopi_record_shm and buffers;
 *                  the words of those who stand in a Semaphore, Barrier or RWLock, entry.length of them
 *   entry.offset + entry.size
 *
 * A change of anything here moves COOPI_FORMAT_*, and with it the fingerprint. */
#ifndef COOPI_LAYOUT_H
#define COOPI_LAYOUT_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define COOPI_MAGIC "coopseg"
#define COOPI_FORMAT_MAJOR 3
#define COOPI_FORMAT_MINOR 0
#define COOPI_COMPATIBLE UINT64_C(0)   /* features a reader may ignore */
#define COOPI_INCOMPATIBLE UINT64_C(0) /* features a reader must know */

#define COOPI_LINE 64
#define COOPI_COMMAND_SIZE 16 /* as the kernel's comm, with NUL */

/* A lock word: the kernel knows its low half, and its high half is ours. One compare-and-swap takes both.
 *
 *   63          44 43       32 31       30          29        0
 *   [ generation  |   row    ][WAITERS][OWNER_DIED][   tid    ]
 *     '------- tag -------'
 *
 * The node stands where a pthread_mutex_t has its own, because the kernel adds one offset, glibc's, to every node of a
 * thread's list. The kernel writes only the low half, at the death of the thread whose tid stands in it. */
#define COOPI_TID_MASK UINT64_C(0x3fffffff)
#define COOPI_OWNER_DIED UINT64_C(0x40000000)
#define COOPI_WAITERS UINT64_C(0x80000000)
#define COOPI_ROW_BITS 12
#define COOPI_ROW_MASK UINT32_C(0xfff)
#define COOPI_ROWS_MAX 4095
#define COOPI_OBJECTS_MAX 65536
#define COOPI_EVENTS_MAX 4096
#define COOPI_FUTEX_OFFSET (-32)

/* What a bell changes by: the kernel sees no tid in it, and it comes round after four rings. */
#define COOPI_BELL_RING UINT32_C(0x40000000)

/* The mode of a lock: generation << 2, and these. Neither of them: it is quiet. robust.h tells their story. */
#define COOPI_MODE_CALL UINT32_C(1) /* a sleeper came */
#define COOPI_MODE_BUSY UINT32_C(2) /* it is given up by compare-and-swap */

struct coopi_robust {
    uint64_t word;  /* taken by CAS, given up by its holder; the kernel, its low half */
    uint32_t extra; /* RLock: how often its holder holds it beyond the first time. Transferable Lock: its bell */
    uint32_t mode;  /* how it has to be given up; by sleepers, by its holder */
    uint32_t vain;  /* the mode in which a wake found nobody; by who gave it up */
    uint32_t calm;  /* how often it was given up to nobody since somebody slept; by its holder */
    uint32_t spare0[2];
    uint64_t node; /* the holder, for the kernel; nobody reads it back */
    uint64_t spare1[3];
};
static_assert(sizeof(struct coopi_robust) == 64, "one line");
static_assert(offsetof(struct coopi_robust, node) == -COOPI_FUTEX_OFFSET, "where glibc has its own");

/* Who died last holding a lock. Written by the finder of the death, under that lock. */
struct coopi_death {
    uint64_t count;
    int64_t wall_time; /* ns since 1970, when it was found */
    int32_t pid;       /* 0: its owner row has been taken over since */
    int32_t tid;
    char command[COOPI_COMMAND_SIZE];
    uint64_t spare[3];
};
static_assert(sizeof(struct coopi_death) == 64, "one line");

/* Lock and RLock. */
struct coopi_lock_shm {
    struct coopi_robust robust;
    struct coopi_death death;
};
static_assert(sizeof(struct coopi_lock_shm) == 128, "two lines");

/* The threads that wait their turn at an object, in order of arrival: their seats, which stand in their owner rows, are
 * the truth, and all but `ticket` is derived from them. Under the object's guard. */
struct coopi_waitlist_shm {
    uint64_t ticket; /* the last that was given out */
    uint32_t head;   /* row + 1 of the first; 0: nobody waits */
    uint32_t tail;
    uint32_t count;
    uint32_t bell; /* only its two top bits ever change; who gives turns away names it in list_op_pending */
    uint64_t spare[5];
};
static_assert(sizeof(struct coopi_waitlist_shm) == 64, "one line");

/* What is special to each kind below, under the object's guard. */
struct coopi_semaphore_shm {
    uint32_t total;     /* permits that it was made with */
    uint32_t permits;   /* counting: those that nobody took */
    uint32_t available; /* derived: those that nobody holds, and that are on their way to nobody */
    uint32_t giving_to; /* owned: row + 1 of who is given his turn just now; 0: nobody */
    uint64_t giving;    /* and what his word is then */
};

#define COOPI_PERMITS_MAX UINT32_C(0x7fffffff)

struct coopi_condition_shm {
    uint64_t sequence; /* which version counts: sequence % 2; one store of it commits a notify */
    struct {
        uint64_t upto;    /* whoever waits with a ticket up to this one has been notified */
        uint64_t granted; /* tokens ever given out */
    } version[2];
    uint64_t taken;           /* tokens ever used up by a waiter that has its lock again */
    uint32_t lock;            /* number + 1 of the directory entry of the lock that it works with; 0: its own */
    uint32_t lock_generation; /* that entry's: entry.state / COOPI_ENTRY_GENERATION, its low half */
};

/* Without the guard, which only a reset and the record of a death take. */
struct coopi_barrier_shm {
    uint64_t state;  /* generation << 13 | is broken << 12 | how many have arrived; by CAS */
    uint64_t breach; /* {generation << 3 | COOPI_BREACH_*, tag of who}: what breaks, or has broken, that generation; by
                      * CAS, before the state */
    uint64_t woken;  /* the state, but for its count, for which all who slept have been woken */
    uint32_t parties;
    uint32_t bell; /* rung when the generation or its being broken changes, and when somebody joins or leaves */
};
#define COOPI_BARRIER_ARRIVED UINT64_C(0xfff)
#define COOPI_BARRIER_BROKEN UINT64_C(0x1000)
#define COOPI_BARRIER_GENERATION 13 /* bits to shift */
#define COOPI_BREACH_REASON UINT32_C(7)
#define COOPI_BREACH_RESET UINT32_C(6) /* by a reset that has not come to its end; the others: COOP_BARRIER_* */

/* A party's number. Its generation's low bits are enough: a place is written anew in each one, or cleared by a reset.
 */
#define COOPI_PARTY_JOINED UINT32_C(0x80000000)
#define COOPI_PARTY_ARRIVED UINT32_C(0x40000000) /* in the generation below */
#define COOPI_PARTY_GENERATION UINT32_C(0x3fffffff)

struct coopi_rwlock_shm {
    uint32_t tainted;  /* a writer died, and no writer has been told yet */
    uint32_t writer;   /* derived: the tag of who writes; 0: nobody */
    uint32_t readers;  /* derived: words that read */
    uint32_t reserved; /* derived: readers that were let in and have not yet come; COOPI_WRITES: such a writer */
};
#define COOPI_WRITES UINT32_C(0x80000000)

/* Semaphore, Condition, Barrier and RWLock. Behind it stand entry.length words {tag | number}, one for each thread that
 * stands in the object: permits held (Semaphore), times read or COOPI_WRITES (RWLock; each owner row has its own),
 * COOPI_PARTY_* (Barrier: a word for each party). A Condition has none. */
struct coopi_sync_shm {
    struct coopi_lock_shm guard; /* held for a few instructions in each call; and who died last in the object */
    struct coopi_waitlist_shm waiting;
    union {
        struct coopi_semaphore_shm semaphore;
        struct coopi_condition_shm condition;
        struct coopi_barrier_shm barrier;
        struct coopi_rwlock_shm rwlock;
        uint64_t words[8];
    };
};
static_assert(sizeof(struct coopi_sync_shm) == 256, "four lines");

/* Event. No guard: `state` is all. */
struct coopi_event_shm {
    uint64_t state;    /* times that it was set << 1 | is set; by CAS */
    uint32_t bell;     /* only its two top bits ever change; rung by who sets it */
    uint32_t sleepers; /* 1: somebody may sleep; by who goes to sleep, and by who wakes */
    uint64_t woken;    /* times that it had been set when all who slept were last woken */
    uint64_t spare[5];
};
static_assert(sizeof(struct coopi_event_shm) == 64, "one line");

/* A Value of more than 8 bytes: two buffers, and the word that says which one counts.
 *
 *   0              sequence   version N: N sets have been made, and buffer N % 2 has what the last one set
 *   64             buffer 0   the value's bytes, rounded up to 64
 *   64 + rounded   buffer 1
 *
 * Under the writers' lock a writer fills the buffer that does not count, and commits by one store of N + 1. A reader
 * copies the one that counts without a lock, and has a whole value if the sequence is the same afterwards. */
struct coopi_record_shm {
    uint64_t sequence;
    uint64_t spare[7];
};
static_assert(sizeof(struct coopi_record_shm) == 64, "one line");

struct coopi_table {
    uint64_t offset; /* 64-aligned */
    uint32_t stride; /* bytes a row */
    uint32_t count;
};

/* Bytes 0 to 311 are written once, before the segment has a name, and covered by `checksum`; all but boot_id and
 * pid_namespace (40 to 63), which whoever adopts an abandoned segment stores last, alone with it (segment/adoption.h).
 */
struct coopi_header {
    char magic[8];
    uint32_t format_major;
    uint32_t format_minor;
    uint64_t compatible;
    uint64_t incompatible;
    uint64_t fingerprint; /* coopi_fingerprint(): byte order, word size, libc, robust offset, layout */
    uint8_t boot_id[16];
    uint64_t pid_namespace; /* inode number */
    uint64_t maximum;
    int64_t created; /* wall clock, ns since 1970 */
    uint32_t creator_pid;
    uint32_t creator_uid;
    struct coopi_table directory;
    struct coopi_table participants;
    struct coopi_table owners;
    struct coopi_table events;
    struct coopi_table opens;
    struct coopi_table index;
    uint64_t storage;  /* first byte that objects may take */
    uint32_t lifetime; /* COOPI_UNTIL_* */
    uint32_t spare0;
    char name[104];    /* empty: anonymous */
    uint64_t checksum; /* FNV-1a of bytes 0 to 39 and 64 to 303 */

    uint64_t size;         /* reserved bytes; only grows; under `lock` */
    uint32_t owner_cursor; /* where the next search for a free row begins: a hint */
    uint32_t participant_cursor;
    uint64_t objects_made; /* statistic; under `lock` */
    uint64_t events_told;  /* events ever written or begun */

    /* Derived from the entries, under `lock`, and made anew when its owner died: */
    uint64_t storage_end;  /* no entry covers a byte at or above it; may be too high, never too low */
    uint32_t entry_cursor; /* every entry below it is in use */
    uint32_t out_of_sight; /* at least so many entries are REMOVED, or live and nameless */
    uint32_t index_state;  /* odd: the index is being made; raised when an entry leaves its chain */

    uint32_t entered;    /* raised by every process that has taken over its parent's open objects */
    uint64_t free_start; /* [free_start, free_end) is below storage_end and free; empty: no such range is known */
    uint64_t free_end;
    struct coopi_lock_shm lock; /* the directory's: making and removing objects, growing */
    uint8_t spare2[3584];
};
static_assert(sizeof(struct coopi_header) == 4096, "one page");
static_assert(offsetof(struct coopi_header, fingerprint) == 32, "stable in every format");
static_assert(offsetof(struct coopi_header, boot_id) == 40, "outside the checksum");
static_assert(offsetof(struct coopi_header, maximum) == 64, "the checksum goes on here");
static_assert(offsetof(struct coopi_header, directory) == 88, "");
static_assert(offsetof(struct coopi_header, name) == 200, "");
static_assert(offsetof(struct coopi_header, checksum) == 304, "");
static_assert(offsetof(struct coopi_header, size) == 312, "");
static_assert(offsetof(struct coopi_header, storage_end) == 344, "");
static_assert(offsetof(struct coopi_header, free_start) == 368, "");
static_assert(offsetof(struct coopi_header, lock) == 384, "a line of its own");

/* header.lifetime */
#define COOPI_UNTIL_REMOVED UINT32_C(0)
#define COOPI_UNTIL_LAST UINT32_C(1) /* the last participant's end */

/* kind, its number in the format, its name in print */
#define COOPI_KINDS(X)                                                                                                 \
    X(VALUE, 1, "value")                                                                                               \
    X(ARRAY, 2, "array")                                                                                               \
    X(LOCK, 3, "lock")                                                                                                 \
    X(RLOCK, 4, "rlock")                                                                                               \
    X(SEMAPHORE, 5, "semaphore")                                                                                       \
    X(CONDITION, 6, "condition")                                                                                       \
    X(EVENT, 7, "event")                                                                                               \
    X(BARRIER, 8, "barrier")                                                                                           \
    X(RWLOCK, 9, "rwlock")

enum coopi_kind {
#define COOPI_KIND_ENUM(name, number, text) COOPI_##name = number,
    COOPI_KINDS(COOPI_KIND_ENUM)
#undef COOPI_KIND_ENUM
};

/* entry.state: a generation above two flags. A removed entry still covers its storage, until nobody has the object open
 * who could write to it; a nameless one ends in the same way. See segment/opens.h. */
#define COOPI_ENTRY_LIVE UINT64_C(1)
#define COOPI_ENTRY_REMOVED UINT64_C(2)
#define COOPI_ENTRY_GENERATION UINT64_C(4) /* one */

/* entry.flags */
#define COOPI_ENTRY_LOCKED UINT32_C(1)       /* the body begins with an RLock */
#define COOPI_ENTRY_TRANSFERABLE UINT32_C(2) /* Lock: any thread may release it; no thread links its word */
#define COOPI_ENTRY_COUNTING UINT32_C(4)     /* Semaphore: permits have no holder */
#define COOPI_ENTRY_BOUNDED UINT32_C(8)      /* counting Semaphore: never more permits than it was made with */

/* A directory entry. All but `state` is written under the header's lock before `state` commits it by one store. */
struct coopi_entry {
    uint64_t state; /* neither LIVE nor REMOVED: free */
    uint32_t kind;
    uint32_t flags;
    uint64_t offset; /* storage covered: [offset, offset + size), 64-aligned */
    uint64_t size;
    uint64_t body;
    uint64_t length;    /* items of an Array; words behind a Semaphore, Barrier or RWLock; Condition: 0; 1 else */
    uint32_t type_size; /* with NUL; 0: no type */
    uint32_t next;      /* in the index: number of the chain's next entry plus one; 0: none */
    char name[72];      /* empty: nameless */
};
static_assert(sizeof(struct coopi_entry) == 128, "two lines");
static_assert(offsetof(struct coopi_entry, name) == 56, "");

/* A participant: one process. `word` names it entirely, so one CAS takes the row and proves later who had it.
 *
 *   63                      32 31        22 21       0
 *   [ start time, low half    | generation |   pid   ]
 */
#define COOPI_PID_MASK UINT64_C(0x3fffff)

struct coopi_participant {
    uint64_t word;      /* 0: free */
    uint64_t info_word; /* stored last: the fields below belong to the process with this word, and its bits are set */
    int64_t attached;   /* wall clock, ns since 1970 */
    char command[COOPI_COMMAND_SIZE];
    uint32_t has_forked; /* 1: a child may have been born that has no row yet */
    uint32_t spare0;
    uint64_t spare[10];
};
static_assert(sizeof(struct coopi_participant) == 128, "two lines");

/* Where a thread waits its turn at an object; it waits at one at a time. Written by that thread under the object's
 * guard, but for what is said. Who dies leaves it behind, and the row's next owner writes over it without asking: every
 * object finds out by itself who waits there. */
struct coopi_seat {
    uint64_t who;      /* {tag | number + 1 of the object's entry}; 0: nobody waits. Stored last; taken away by others
                        * by CAS, under that object's guard, once its owner is dead */
    uint64_t ticket;   /* order of arrival at the object */
    uint32_t state;    /* sequence << 3 | COOPI_SEAT_*: the word that the thread sleeps by; by CAS */
    uint32_t want;     /* permits (Semaphore), 1 to write, 0 to read (RWLock) */
    uint32_t next;     /* row + 1 of who came after it at the object, derived; by whoever has the object's guard */
    uint32_t previous; /* the same of who came before it */
    uint64_t spare[4];
};
static_assert(sizeof(struct coopi_seat) == 64, "one line");
#define COOPI_SEAT_WAITING UINT32_C(1)
#define COOPI_SEAT_GRANTED UINT32_C(2) /* its turn has come */
#define COOPI_SEAT_LEFT UINT32_C(3)    /* it waits no longer, and could not take itself out of the list */
#define COOPI_SEAT_MASK UINT32_C(3)
#define COOPI_SEAT_ASLEEP UINT32_C(4)   /* besides WAITING or GRANTED: it needs to be woken */
#define COOPI_SEAT_SEQUENCE UINT32_C(8) /* one */

/* An owner: one thread. Its life word is a robust lock that the thread takes first and keeps, and nobody else acquires:
 * once it carries another tag, OWNER_DIED or no tid, the owner is dead. Claiming raises the generation, so old tags
 * never come back to life. */
struct coopi_owner {
    struct coopi_robust life;
    uint32_t info_tag; /* stored last: the fields below belong to the owner with this tag */
    uint32_t pid;
    uint32_t tid;
    uint32_t spare0;
    uint64_t start; /* the thread's start time, in clock ticks since boot */
    uint64_t busy;  /* offset of the lock that it waits for, 0: none; by itself, for who looks on */
    char command[COOPI_COMMAND_SIZE];
    uint64_t spare1[2];
    struct coopi_seat seat;
};
static_assert(sizeof(struct coopi_owner) == 192, "three lines");
static_assert(offsetof(struct coopi_owner, info_tag) == 64, "life has its own line");

/* kind, its number in the format, its name in print */
#define COOPI_EVENTS(X)                                                                                                \
    X(OWNER_DIED, 1, "owner died")                                                                                     \
    X(REMOVED, 2, "removed")                                                                                           \
    X(ADOPTED, 3, "adopted")                                                                                           \
    X(REPAIRED, 4, "repaired")                                                                                         \
    X(FORCED, 5, "unlocked by force")                                                                                  \
    X(REASON, 6, "because")

enum coopi_event_kind {
#define COOPI_EVENT_ENUM(name, number, text) COOPI_EVENT_##name = number,
    COOPI_EVENTS(COOPI_EVENT_ENUM)
#undef COOPI_EVENT_ENUM
};

/* Something that happened. A writer takes the next number from header.events_told and so its place in the ring; it sets
 * `number` to 0, fills in the rest and stores the number last. Killed in between it leaves a place without a number;
 * one that was stopped while the ring went round may write into another's event, and then the sum is wrong. */
struct coopi_event {
    uint64_t number; /* from 1; 0: being written, or never */
    int64_t wall_time;
    uint32_t kind;
    int32_t pid; /* whom it is about; 0: not known */
    int32_t tid;
    int32_t teller; /* the process that noticed it */
    char command[COOPI_COMMAND_SIZE];
    char object[72]; /* its name; empty: nameless, or the segment itself. REASON: that of the event before it */
    uint64_t sum;    /* FNV-1a of all before it */
};
static_assert(sizeof(struct coopi_event) == 128, "two lines");
static_assert(offsetof(struct coopi_event, sum) == 120, "last");

/* Bytes of a participant's bit field over so many entries. */
static inline uint32_t coopi_opens_stride(uint32_t entries)
{
    return (entries + 8 * COOPI_LINE - 1) / (8 * COOPI_LINE) * COOPI_LINE;
}

/* Buckets of the index over so many entries: a power of two, one line at least. */
static inline uint32_t coopi_index_buckets(uint32_t entries)
{
    uint32_t buckets = COOPI_LINE / sizeof(uint32_t);
    while (buckets < entries) buckets *= 2;
    return buckets;
}

static inline uint32_t coopi_tag_of(uint64_t word)
{
    return (uint32_t)(word >> 32);
}

/* The fingerprint of this build's layout. */
uint64_t coopi_fingerprint(void);

uint64_t coopi_header_checksum(const struct coopi_header *header);
uint64_t coopi_event_sum(const struct coopi_event *event);

/* FNV-1a over a name without its NUL: where the index keeps it. */
uint32_t coopi_name_hash(const char *name);

/* Checks a private copy of a header against FILE_SIZE, its own sums and limits. On failure: a negative errno and the
 * sentence, which begins with NAME. Pure. The mutable part is checked where it is used. */
int coopi_header_check(const struct coopi_header *header, uint64_t file_size, const char *name);

/* Checks a private copy of a live entry: storage inside [header.storage, SIZE), body, type and name inside bounds, a
 * known kind. Pure. */
int coopi_entry_check(const struct coopi_entry *entry, const struct coopi_header *header, uint64_t size,
                      const char *segment);

/* Where the lock stands that the object of a private copy of an entry is, or begins with: all of it below SIZE, and the
 * entry sound. 0: it has none. Pure. */
uint64_t coopi_entry_lock_offset(const struct coopi_entry *entry, const struct coopi_header *header, uint64_t size);

/* The same of its struct coopi_sync_shm, with the words behind it. */
uint64_t coopi_entry_sync_offset(const struct coopi_entry *entry, const struct coopi_header *header, uint64_t size);

const char *coopi_kind_name(uint32_t kind);

/* True for Semaphore, Condition, Event, Barrier and RWLock. */
static inline bool coopi_kind_is_sync(uint32_t kind)
{
    return kind >= COOPI_SEMAPHORE && kind <= COOPI_RWLOCK;
}

const char *coopi_event_name(uint32_t kind);

#endif
