/* SPDX-License-Identifier: MIT */
/* The name of a segment's file: who may change what it leads to, and the kernel's word that nobody has the file.
 *
 * The name lock is a flock on a descriptor of one's own: it ends with its holder, however that ends. The proof that
 * nobody has a file is a write lease on it: the kernel grants one only if no other open and no mapping of the file
 * exists, in any PID namespace. It counts open files, not descriptors: what a forked child has inherited is ours to it,
 * so the question is always asked with a file just opened. While it is held every open() of the file waits or, with
 * O_NONBLOCK, answers EAGAIN. It ends with its holder as well. Who asks for the file meanwhile makes the kernel send us
 * SIGURG, which is ignored by default (the usual SIGIO would kill). */
#ifndef COOPI_NAMING_H
#define COOPI_NAMING_H

#include "base/name.h"

#include <stdint.h>

/* Takes the name lock on FD, waiting TIMEOUT ns at most. -EBUSY and others with a sentence. */
int coopi_name_lock(int fd, int64_t timeout, const char *label);
void coopi_name_unlock(int fd);

/* Takes the name away, if it still leads to FD's file. -ENOENT and others with a sentence. */
int coopi_unlink_if_same(const struct coopi_segment_name *name, int fd);

/* A write lease. 0; -EAGAIN: somebody else has the file; -EACCES: it is not ours to ask; others. No sentence. */
int coopi_lease_take(int fd);
void coopi_lease_give(int fd);

/* Nobody but FD has the file: then its name is taken away. 1 done; 0 not alone, or not ours, or not within TIMEOUT. */
int coopi_remove_if_alone(const struct coopi_segment_name *name, int fd, int64_t timeout);

#endif
