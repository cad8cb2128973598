/* SPDX-License-Identifier: MIT */
/* The birth of a segment file: built where nobody sees it, then named by one link. */
#ifndef COOPI_BIRTH_H
#define COOPI_BIRTH_H

#include "base/name.h"

#include <coop/segment.h>
#include <stdint.h>

/* Makes a segment file that has no name yet; NAME NULL: an anonymous one, sealed against shrinking. *RET_FD is the
 * caller's. OPTIONS NULL: defaults. */
int coopi_segment_build(const struct coopi_segment_name *name, const coop_segment_options *options, int *ret_fd);

/* Gives the built file its name: the last step, when nothing else can fail any more. -EEXIST: somebody was first. */
int coopi_segment_publish(int fd, const struct coopi_segment_name *name);

/* Reserves the file's first SIZE bytes, or says what is in the way: a full file system, RLIMIT_FSIZE (whose signal is
 * never raised). LABEL begins the sentence. */
int coopi_reserve(int fd, uint64_t from, uint64_t size, const char *label);

#endif
