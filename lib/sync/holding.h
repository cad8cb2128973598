/* SPDX-License-Identifier: MIT */
/* What Lock and RLock have in common besides the word: who holds, who died, and the sentences. */
#ifndef COOPI_HOLDING_H
#define COOPI_HOLDING_H

#include "segment/object.h"

#include <coop/lock.h>

/* The lock at the beginning of an object's body; closes the object if the body is too small for one (-EBADMSG). */
int coopi_lock_body(struct coopi_object *object, struct coopi_lock_shm **ret_shm);

/* Acquires a word of the robust list with all that may be needed: waiting, recording a death, a sentence for a failure.
 */
int coopi_lock_acquire(const struct coopi_object *object, struct coopi_lock_shm *shm, int64_t timeout);

/* For a while: gives up what this thread holds, however often. How often more than once. */
uint32_t coopi_lock_give_up_whole(const struct coopi_object *object, struct coopi_lock_shm *shm);

/* Afterwards: coopi_lock_acquire(), and it is held as often as before. */
int coopi_lock_take_again(const struct coopi_object *object, struct coopi_lock_shm *shm, uint32_t extra,
                          int64_t timeout);

/* After an acquire of any kind that gave R, not 0: records the death of DEAD (COOP_OWNER_DIED), or puts the failure
 * into words. Returns R. */
int coopi_lock_acquired(const struct coopi_object *object, struct coopi_lock_shm *shm, int r, uint32_t dead);

/* -EPERM, with the holder's name. A word that was taken from this thread by force is no longer in its list then. */
int coopi_say_not_held(const struct coopi_object *object, struct coopi_lock_shm *shm);

/* For close, which returns nothing: keeps the sentence. */
void coopi_say_closed_held(const struct coopi_object *object);

int coopi_lock_owner(const struct coopi_object *object, const struct coopi_lock_shm *shm, coop_lock_holder *ret_holder);
int coopi_lock_last_death(const struct coopi_object *object, const struct coopi_lock_shm *shm,
                          coop_lock_holder *ret_holder);

#endif
