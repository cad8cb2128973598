/* SPDX-License-Identifier: MIT */
/* Segments: named shared-memory files that hold a directory of named, typed objects.
 *
 * Most programs never name this header: coop_value_open("bank/saldo", ...) finds or makes the segment `bank` by itself.
 *
 * A segment's name is [A-Za-z0-9_-][A-Za-z0-9._-]{0,99} and belongs to its user: `bank` of uid 1000 is the POSIX object
 * /coop.1000.bank. `USER:bank` (a login name or a uid) names another user's. An object's name is
 * [A-Za-z_][A-Za-z0-9_-]{0,63}, and a path is `segment/object`.
 *
 * A segment appears whole or not at all: a creator that is killed at any instruction leaves nothing behind. Attaching
 * trusts nothing that the file says: each header word, table and entry is checked before use.
 *
 * Caveats. Write access to a segment is full power over everyone who maps it, as between threads; so segments are 0600,
 * and one uid is one trust domain. A peer that truncates the file of a named segment ends its users with SIGBUS. All
 * who attach must share one PID namespace; a segment of another one, or of another boot, is adopted if the kernel says
 * that nobody has it: what was held there counts as held by the dead, and the event ring says so. Robust words need
 * glibc's list layout; attaching elsewhere is refused. So is a second copy of libcoop in one process (a static one in
 * the program, a shared one below a plugin): -ENOTSUP.
 *
 * All calls are thread-safe; none is async-signal-safe. Handles survive fork(): the child uses them as itself. */
#ifndef COOP_SEGMENT_H
#define COOP_SEGMENT_H

#include <coop/common.h>

COOP_BEGIN_DECLS

typedef struct coop_segment coop_segment;

typedef struct coop_segment_options {
    size_t size;           /* sizeof(coop_segment_options): COOP_SEGMENT_OPTIONS() fills it in */
    uint64_t reserve;      /* bytes of storage reserved at birth for objects; 0: 64 KiB */
    uint64_t maximum;      /* bytes that it may ever have; 0: 16 GiB. Each process maps this much address space once */
    uint32_t objects;      /* directory entries; 0: 256; at most 65,536 */
    uint32_t owners;       /* threads that may hold something at one time; 0: 1,024; at most 4,095 */
    uint32_t participants; /* processes attached at one time; 0: 256; at most 4,095 */
    uint32_t lifetime;     /* COOP_UNTIL_REMOVED, COOP_UNTIL_LAST */
    uint32_t access;       /* COOP_OWNER_ALONE, COOP_GROUP */
    uint32_t reserved;     /* 0 */
} coop_segment_options;

/* How long a named segment lives. UNTIL_LAST: until the last process that has it open has closed all its handles. If
 * the last one ends without that, killed or not, it goes at the next open or create of its name, or by `shmctl gc`. The
 * kernel's word is what counts (a write lease: nobody has the file), so a forked child counts as well. */
#define COOP_UNTIL_REMOVED 0
#define COOP_UNTIL_LAST 1

/* Who may open it. GROUP: the file's group as well (mode 0660; chgrp the file where it is not to be the maker's). All
 * who can write it have full power over each other, so everybody, its maker too, opens such a segment with
 * COOP_TRUST_PEERS and is refused without. Only its owner can adopt it or remove it. */
#define COOP_OWNER_ALONE 0
#define COOP_GROUP 1

#define COOP_SEGMENT_OPTIONS(...) (&(coop_segment_options){.size = sizeof(coop_segment_options), __VA_ARGS__})

/* Makes a segment. NAME NULL: an anonymous one (a memfd, sealed against shrinking) that children inherit by fork().
 * All storage is reserved before anything is written: a full /dev/shm is -ENOSPC, never SIGBUS.
 * OPTIONS may be NULL. Errors: -EINVAL or -ENAMETOOLONG (name, options), -EEXIST, -ENOSPC, -EFBIG (RLIMIT_FSIZE),
 * -EMFILE, -ENOMEM, -EACCES (/dev/shm may not be written, or another user's name), -ENOTSUP (no robust lists here). The
 * handle is the caller's, to close. */
int coop_segment_create(const char *name, const coop_segment_options *options,
                        coop_segment **ret_segment) COOP_MUST_CHECK;

/* Opens a segment that exists, or with COOP_CREATE makes it with default options where it is absent.
 * FLAGS: COOP_CREATE, COOP_EXCL, COOP_TRUST_PEERS, COOP_READ_ONLY (alone, or with TRUST_PEERS). Opening it again in one
 * process gives another handle on one mapping.
 * COOP_READ_ONLY: the kernel lets nothing of this process write to the segment, whatever its bugs. Who reads is no
 * participant: values and arrays that exist can be opened and read, and all that would write, wait or hold is -EACCES:
 * locks, setting, making, removing. The right to read the file is enough, another PID namespace does no harm, and an
 * abandoned segment is read as it was left. Nobody who uses the segment waits for a reader that is stopped; but as long
 * as it has the file, nobody adopts the segment, and a segment UNTIL_LAST stays: its close may be the one that ends it.
 * A reader keeps no object alive: once one is removed, reading it is -ESTALE. (The calls that copy many bytes may by
 * then have written to their output.)
 * Errors: -ENOENT, -EACCES (another uid's, a file mode that lets others in, not a regular file; COOP_READ_ONLY: the
 * call would write), -EBADMSG (not a segment, truncated, damaged), -ENOTSUP (newer format, other machine layout,
 * another PID namespace that somebody has it in), -EBUSY (somebody is about to remove or adopt it), -EUSERS (no free
 * participant row), and those of create. */
int coop_segment_open(const char *name, int flags, coop_segment **ret_segment) COOP_MUST_CHECK;

/* Closes the handle; NULL is ignored. The mapping stays while any thread of the process is an owner in it or another
 * handle uses it. If this thread still holds a lock of the segment, the lock stays held, and coop_error_detail() says
 * so: open the lock again to release it. */
void coop_segment_close(coop_segment *segment);

/* Removes the segment NAME. Those who are attached keep it; the storage goes with the last of them.
 * -EBUSY while a living thread holds a lock in it (the sentence names the thread), unless FLAGS has COOP_FORCE;
 * -ENOENT when there is none; -EACCES when it is not ours (root may force it away
 * from the user whom `USER:name` names), or a group's, without COOP_TRUST_PEERS; -EBUSY, too, when somebody else has
 * been removing it for 5 s; and what refuses to open it (-EBADMSG, -ENOTSUP), unless forced. */
int coop_segment_remove(const char *name, int flags) COOP_MUST_CHECK;
#define COOP_FORCE 0x100

/* Removes an object, by its path or from an open segment. It is out of sight at once, and its name is free: who makes
 * it again makes another object. Who has it open goes on using it. Its storage is used again when nobody has it open
 * any more, and those who had it and died are gone for good (a SIGKILL takes about a millisecond). A nameless object
 * needs no removal: it goes with its last handle, those of forked children counted. FLAGS: COOP_FORCE,
 * COOP_TRUST_PEERS. -ENOENT; -EBUSY while a living thread holds its lock (the sentence names the thread), unless FLAGS
 * has COOP_FORCE; those of coop_segment_open(). Killed at any instruction: it is removed or it is not. A child that was
 * made by a raw clone() or _Fork() must not outlive its parent's handles until it has called something of libcoop. */
int coop_object_remove(const char *path, int flags) COOP_MUST_CHECK;
int coop_segment_remove_object(coop_segment *segment, const char *name, int flags) COOP_MUST_CHECK;

/* Passes an anonymous segment over a connected UNIX socket to a process that is not a child: one message of 8 bytes
 * with the descriptor. A named one is reached by its name instead: -EINVAL, as for NULL. Blocks as the socket does.
 * Other errors: those of sendmsg(2) (-EPIPE: nobody is there; no SIGPIPE), -EBADF (the program has closed the segment's
 * descriptor).
 */
int coop_segment_send(coop_segment *segment, int socket) COOP_MUST_CHECK;

/* Takes the next message of such a socket, which must be a segment. What comes is believed no more than a file: a memfd
 * of this user (or FLAGS has COOP_TRUST_PEERS), sealed against shrinking, whole, of this PID namespace; what is not, is
 * closed again. One that this process has already gives another handle on the same mapping. The handle is the caller's.
 * -ENOTCONN: the other side has closed; -EBADMSG: something else was sent; -EACCES: not to be trusted; -EAGAIN: a
 * non-blocking socket with nothing to read; those of coop_segment_open(), and of recvmsg(2). */
int coop_segment_receive(int socket, int flags, coop_segment **ret_segment) COOP_MUST_CHECK;

/* The segment's name; NULL for an anonymous one. Lives as long as the handle. */
const char *coop_segment_name(const coop_segment *segment);

static inline void coop_segment_closep(coop_segment **segment)
{
    coop_segment_close(*segment);
}

COOP_END_DECLS

#endif
