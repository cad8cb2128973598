/* SPDX-License-Identifier: MIT */
/* Transferable locks: taken by one thread, released by any. No robust list, since the releaser may not be the one in
 * whose list the word stands; the holder's life word tells of its death.
 *
 * The word is {tid, WAITERS | tag} as in every lock, but no thread links it, so the kernel never writes to it. Sleepers
 * wait on the `bell` of the lock, of which only the two top bits change, and on the life of the holder. The releaser
 * names the bell in list_op_pending between its commit and its ring: if it is killed there, the kernel sees a word
 * without tid and wakes one sleeper, who takes the lock and keeps WAITERS in it, so that its release rings; or finds it
 * taken, and puts WAITERS there. tests/model/sleep.pml has this lock and its sleepers in every interleaving. */
#ifndef COOPI_TRANSFER_H
#define COOPI_TRANSFER_H

#include "segment/object.h"

/* As coopi_robust_acquire(), but a thread that holds it already waits (with COOP_NOWAIT: -EBUSY) for another's release.
 */
int coopi_transfer_acquire(const struct coopi_object *object, struct coopi_lock_shm *shm, int64_t timeout,
                           uint32_t *ret_dead);

/* -EPERM without a sentence if nobody holds it, or a dead one does: then it must be acquired first. */
int coopi_transfer_release(const struct coopi_object *object, struct coopi_lock_shm *shm);

#endif
