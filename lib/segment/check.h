/* SPDX-License-Identifier: MIT */
/* Is a segment sound? Judged on a private copy of its header and tables: pure, bounded, and at home with any bytes.
 *
 * A segment that is in use may look wrong for a moment, while somebody works on it: who reads it from outside looks
 * again before he complains. Under the directory's lock nothing moves but lock words, rows, events, and what
 * stands in semaphores and the like, which is read twice before it is complained of. */
#ifndef COOPI_CHECK_H
#define COOPI_CHECK_H

#include "segment/layout.h"

#include <stdarg.h>

struct coopi_copy {
    const uint8_t *bytes; /* [0, header.storage) of the file; the header has passed coopi_header_check() */
    uint64_t file_size;
    const char *label;
    /* Copies SIZE bytes at OFFSET of the file, inside file_size: at most a type's text. False: they cannot
     * be read. */
    bool (*read)(const struct coopi_copy *copy, uint64_t offset, size_t size, void *ret_bytes);
    const void *context; /* read's */
};

/* Called with a sentence for each thing that is wrong. */
struct coopi_findings {
    void (*tell)(struct coopi_findings *findings, const char *sentence);
    void *context;
    unsigned count;
};

static inline const struct coopi_header *coopi_copy_header(const struct coopi_copy *copy)
{
    return (const struct coopi_header *)(const void *)copy->bytes;
}

static inline const struct coopi_entry *coopi_copy_directory(const struct coopi_copy *copy)
{
    return (const struct coopi_entry *)(const void *)(copy->bytes + coopi_copy_header(copy)->directory.offset);
}

/* The size that is reserved. */
void coopi_size_check(const struct coopi_copy *copy, struct coopi_findings *findings);

/* Entries: sound, no two of one name, no two over one byte. BAD, one byte an entry, is set for each that should go.
 * -ENOMEM with a sentence. */
#define COOPI_BAD 1      /* nobody can say what it covers */
#define COOPI_BAD_NAME 2 /* only its name is wrong */
#define COOPI_BAD_TYPE 3 /* nobody can open it */
int coopi_directory_check(const struct coopi_copy *copy, struct coopi_findings *findings, uint8_t *bad);

/* Values and arrays that are live and not BAD: is their type one, and is there room for their items? BAD is set for
 * those that no call opens. -ENOMEM with a sentence. */
int coopi_types_check(const struct coopi_copy *copy, struct coopi_findings *findings, uint8_t *bad);

/* What is derived from the entries that are not BAD: the words about storage, and the index. */
void coopi_storage_check(const struct coopi_copy *copy, struct coopi_findings *findings, const uint8_t *bad);
int coopi_index_check(const struct coopi_copy *copy, struct coopi_findings *findings, const uint8_t *bad);

/* Rows of owners, the locks of entries that are not BAD and the directory's own, and events. */
void coopi_owners_check(const struct coopi_copy *copy, struct coopi_findings *findings);
void coopi_locks_check(const struct coopi_copy *copy, struct coopi_findings *findings, const uint8_t *bad);
void coopi_events_check(const struct coopi_copy *copy, struct coopi_findings *findings);

/* Semaphores, conditions, events, barriers and RWLocks of entries that are not BAD; BAD is set for those that no call
 * opens. */
void coopi_syncs_check(const struct coopi_copy *copy, struct coopi_findings *findings, uint8_t *bad);

/* What is wrong with one of them, a sound entry; NULL: nothing. */
const char *coopi_sync_judge(const struct coopi_copy *copy, const struct coopi_entry *entry, bool *ret_openable);

/* One lock, one event: sound? */
bool coopi_lock_is_sound(const struct coopi_lock_shm *lock, uint32_t kind, uint32_t owner_count);
bool coopi_event_is_sound(const struct coopi_event *event, uint32_t place, uint32_t places);
bool coopi_owner_is_sound(const struct coopi_owner *owner, uint32_t row);

/* All of them. -ENOMEM with a sentence. */
int coopi_segment_check_marking(const struct coopi_copy *copy, struct coopi_findings *findings, uint8_t *bad);
int coopi_segment_check(const struct coopi_copy *copy, struct coopi_findings *findings);

#endif
