/* SPDX-License-Identifier: MIT */
/* A manager's place in the file system: the directory, the lock that keeps a second one out, the socket's path. */
#ifndef MANAGER_PLACE_H
#define MANAGER_PLACE_H

#include "proxy/address.h"

#include <sys/types.h>

struct place {
    struct coopi_address address;
    char lock_path[sizeof((struct sockaddr_un *)0)->sun_path + 5]; /* PATH.lock */
    int lock;                                                      /* holds a flock as long as we are here */
    dev_t device;                                                  /* of our socket file */
    ino_t inode;                                                   /* 0: not bound */
};

/* Takes the place: makes the directory if it is absent and refuses one that others may enter (-EPERM), locks out other
 * managers (-EBUSY) and removes what a dead one left. -EEXIST: something stands there that is no socket; it is left
 * alone. After success nothing stands at the path, and nobody else who uses this function will put anything there. */
int place_take(const struct coopi_address *address, struct place *ret_place) COOP_MUST_CHECK;

/* The socket was bound: remembers which file is ours. */
void place_bound(struct place *place);

/* Removes our socket file and the lock. */
void place_leave(struct place *place);

#endif
