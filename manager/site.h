/* SPDX-License-Identifier: MIT */
/* A manager's place in the file system: the directory, the lock that keeps a second one out, the socket's path. */
#ifndef MANAGER_SITE_H
#define MANAGER_SITE_H

#include "proxy/address.h"

#include <sys/types.h>

struct site {
    struct coopi_address address;
    char lock_path[sizeof((struct sockaddr_un *)0)->sun_path + 5]; /* PATH.lock */
    int lock;                                                      /* holds a flock as long as we are here */
    dev_t device;                                                  /* of our socket file */
    ino_t inode;                                                   /* 0: not bound */
};

/* Takes the place: makes the directory if it is absent and refuses one that others may enter (-EPERM), locks out other
 * managers (-EBUSY) and removes what a dead one left. -EEXIST: something stands there that is no socket; it is left
 * alone. After success nothing stands at the path, and nobody else who uses this function will put anything there. */
int site_take(const struct coopi_address *address, struct site *ret_site) COOP_MUST_CHECK;

/* The socket was bound: remembers which file is ours. */
void site_bound(struct site *site);

/* Removes our socket file and the lock. */
void site_leave(struct site *site);

#endif
