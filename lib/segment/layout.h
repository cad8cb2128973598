/* SPDX-License-Identifier: MIT */
/* The format of a segment: every struct that stands in shared memory, and who writes each field under what.
 *
 *   0            header                     4,096 bytes
 *   header.directory.offset     entries     128 bytes each
 *   header.participants.offset  rows        128 bytes each, one an attached process
 *   header.owners.offset        rows        128 bytes each, one a thread that ever held something
 *   header.storage              objects     each covered by exactly one entry, 64-aligned; what no entry covers is free
 *   header.size                 end of what is reserved; the file is never shorter, and may be longer
 *   header.maximum              what a process maps
 *
 * Offsets count from the segment's first byte. All integers are fixed-width, in the machine's order; the fingerprint
 * refuses another machine's. Everything here is untrusted input to whoever reads it.
 *
 * An object's storage:
 *   entry.offset   type string, NUL-terminated, type_size bytes (Value, Array; else type_size is 0)
 *   entry.body     64-aligned: the kind's struct; a Value or Array with COOPI_ENTRY_LOCKED begins with its RLock
 *   behind it      an Array's items; a Value of at most 8 bytes; a larger Value's struct coopi_record_shm and buffers
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
#define COOPI_FORMAT_MAJOR 2
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
#define COOPI_FUTEX_OFFSET (-32)

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

/* Bytes 0 to 255 are written once, before the segment has a name, and covered by `checksum`. */
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
    uint64_t storage;  /* first byte that objects may take */
    char name[104];    /* empty: anonymous */
    uint64_t checksum; /* FNV-1a of bytes 0 to 247 */

    uint64_t size;         /* reserved bytes; only grows; under `lock` */
    uint32_t owner_cursor; /* where the next search for a free row begins: a hint */
    uint32_t participant_cursor;
    uint64_t objects_made; /* statistic; under `lock` */
    uint64_t spare0[5];
    struct coopi_lock_shm lock; /* the directory's: making objects, growing */
    uint8_t spare1[3648];
};
static_assert(sizeof(struct coopi_header) == 4096, "one page");
static_assert(offsetof(struct coopi_header, fingerprint) == 32, "stable in every format");
static_assert(offsetof(struct coopi_header, maximum) == 64, "");
static_assert(offsetof(struct coopi_header, directory) == 88, "");
static_assert(offsetof(struct coopi_header, name) == 144, "");
static_assert(offsetof(struct coopi_header, checksum) == 248, "");
static_assert(offsetof(struct coopi_header, size) == 256, "");
static_assert(offsetof(struct coopi_header, lock) == 320, "a line of its own");

/* kind, its number in the format, its name in print */
#define COOPI_KINDS(X)                                                                                                 \
    X(VALUE, 1, "value")                                                                                               \
    X(ARRAY, 2, "array")                                                                                               \
    X(LOCK, 3, "lock")                                                                                                 \
    X(RLOCK, 4, "rlock")

enum coopi_kind {
#define COOPI_KIND_ENUM(name, number, text) COOPI_##name = number,
    COOPI_KINDS(COOPI_KIND_ENUM)
#undef COOPI_KIND_ENUM
};

#define COOPI_ENTRY_LIVE UINT64_C(1) /* bit 0 of entry.state; the rest is the generation */

/* entry.flags */
#define COOPI_ENTRY_LOCKED UINT32_C(1)       /* the body begins with an RLock */
#define COOPI_ENTRY_TRANSFERABLE UINT32_C(2) /* Lock: any thread may release it; no thread links its word */

/* A directory entry. All but `state` is written under the header's lock before `state` commits it by one store. */
struct coopi_entry {
    uint64_t state; /* 0: never used; generation << 1 | LIVE */
    uint32_t kind;
    uint32_t flags;
    uint64_t offset; /* storage covered: [offset, offset + size), 64-aligned */
    uint64_t size;
    uint64_t body;
    uint64_t length;    /* items of an Array; 1 else */
    uint32_t type_size; /* with NUL; 0: no type */
    uint32_t spare;
    char name[72]; /* empty: nameless */
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
    uint64_t info_word; /* stored last: the fields below belong to the process with this word */
    int64_t attached;   /* wall clock, ns since 1970 */
    char command[COOPI_COMMAND_SIZE];
    uint64_t spare[11];
};
static_assert(sizeof(struct coopi_participant) == 128, "two lines");

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
    uint64_t busy;  /* 0; kept for the offset of the object that its call works on */
    char command[COOPI_COMMAND_SIZE];
    uint64_t spare1[2];
};
static_assert(sizeof(struct coopi_owner) == 128, "two lines");
static_assert(offsetof(struct coopi_owner, info_tag) == 64, "life has its own line");

static inline uint32_t coopi_tag_of(uint64_t word)
{
    return (uint32_t)(word >> 32);
}

/* The fingerprint of this build's layout. */
uint64_t coopi_fingerprint(void);

uint64_t coopi_header_checksum(const struct coopi_header *header);

/* Checks a private copy of a header against FILE_SIZE, its own sums and limits. On failure: a negative errno and the
 * sentence, which begins with NAME. Pure. The mutable part is checked where it is used. */
int coopi_header_check(const struct coopi_header *header, uint64_t file_size, const char *name);

/* Checks a private copy of a live entry: storage inside [header.storage, SIZE), body, type and name inside bounds, a
 * known kind. Pure. */
int coopi_entry_check(const struct coopi_entry *entry, const struct coopi_header *header, uint64_t size,
                      const char *segment);

const char *coopi_kind_name(uint32_t kind);

#endif
