/* SPDX-License-Identifier: MIT */
/* Adopting a segment that was left behind by another boot or PID namespace: nobody can live in it, and the thread
 * numbers in its words mean nothing here. */
#ifndef COOPI_ADOPTION_H
#define COOPI_ADOPTION_H

#include "segment/layout.h"

#include <sys/types.h>

/* Re-makes every lock of the file: what was held was held by the dead, and the next to take it is told so. All rows are
 * free, nobody has anything open, and the event ring says who adopted it. The words for boot and PID namespace are
 * stored last: killed before that, nothing has happened but work that the next adopter does again.
 * The caller has a write lease on FD, and HEADER is a checked copy. Negative with a sentence. */
int coopi_adopt(int fd, const struct coopi_header *header, const char *label);

#endif
