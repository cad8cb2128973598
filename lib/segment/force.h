/* SPDX-License-Identifier: MIT */
/* Taking a lock away from a living holder that will not let go: for `shmctl unlock --force`. */
#ifndef COOPI_FORCE_H
#define COOPI_FORCE_H

#include "segment/map.h"

/* Marks the lock that the object NAME is, or begins with, as if its holder had died: whoever acquires it next is told
 * COOP_OWNER_DIED, and the holder's release is -EPERM. REASON (one line) goes into the segment's events. It is the
 * caller who answers for it that the holder touches nothing any more that the lock guards; a holder that stands still in
 * the midst of its release may give the lock up once more when it goes on.
 * -ENOENT: no such object, or nobody holds it; -EINVAL: it has no such lock. With a sentence. */
int coopi_lock_force(struct coopi_map *map, const char *name, const char *reason);

#endif
