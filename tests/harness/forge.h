/* SPDX-License-Identifier: MIT */
/* Segment files made by hand from layout.h, whole or with chosen fields broken: for what reads them.
 *
 *     static void too_many_owners(struct forge *forge)
 *     {
 *         forge->header->owners.count = 5000;
 *     }
 *     forge_segment(name, too_many_owners);
 *     CHECK_ERR(coop_segment_open(name, 0, &segment), -EBADMSG);
 *     forge_remove(name); */
#ifndef HARNESS_FORGE_H
#define HARNESS_FORGE_H

#include "segment/layout.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* A segment file in private memory. The pointers lead into BYTES. */
struct forge {
    uint8_t *bytes;
    size_t size;
    struct coopi_header *header;
    struct coopi_entry *entries;
    struct coopi_participant *participants;
    struct coopi_owner *owners;
    uint64_t used;      /* first byte of storage that no object covers */
    size_t cut;         /* bytes that are written; starts as size */
    mode_t mode;        /* of the file; starts as 0600 */
    bool keep_checksum; /* write the checksum that stands there, instead of the right one */
};

/* What forge_segment() puts into every segment, in this order:
 *     saldo   value `i`, 42, own lock free          entry FORGE_SALDO
 *     numbers array `d` of 5: 0.5 to 4.5, raw       ...
 *     label   value `16s`, "hello", own lock free
 *     door    lock, held by owner 0
 *     gate    rlock, held twice by owner 1
 * Participant 0 and owner 0 are this process and thread; participant 1 and owner 1 are a process that has died, with
 * pid FORGE_DEAD_PID, of which the kernel marked the life word and the gate. */
enum { FORGE_SALDO, FORGE_NUMBERS, FORGE_LABEL, FORGE_DOOR, FORGE_GATE, FORGE_OBJECTS };
#define FORGE_DEAD_PID 4194000 /* perhaps somebody's, but not somebody's who started at boot */

/* Makes the segment, lets MUTATE break it (NULL: nothing), and puts it under its name for this uid. */
void forge_segment(const char *name, void (*mutate)(struct forge *forge));

/* The same in steps. NAME is the segment's name in the header. */
void forge_begin(struct forge *forge, const char *name);
struct coopi_entry *forge_object(struct forge *forge, const char *name, uint32_t kind, const char *type,
                                 uint64_t length, uint64_t item_size, bool own_lock);
/* Instead: a private copy of the file that stands there, which may be a living segment of the library's. */
void forge_read(struct forge *forge, const char *name);
void forge_write(const struct forge *forge, const char *name);
void forge_end(struct forge *forge);

/* Maps the file until the test's end: participant 0 is this process, and who maps nothing of a segment counts as gone.
 */
void forge_map(const char *name);

/* An object's items (behind its own lock; of a large value, its first buffer) and its lock. */
void *forge_items(const struct forge *forge, const struct coopi_entry *entry);
struct coopi_lock_shm *forge_lock(const struct forge *forge, const struct coopi_entry *entry);

/* Sets the checksum of a header in private memory right. */
void forge_seal(void *bytes);

/* /dev/shm/coop.<uid>.NAME, in static memory; a NAME of the form `UID:name` gives another user's. */
const char *forge_path(const char *name);

/* Writes SIZE bytes there, as a new file, and removes it, whatever it is. */
void forge_file(const char *name, const void *bytes, size_t size, mode_t mode);
void forge_remove(const char *name);

#endif
