/* SPDX-License-Identifier: MIT */
/* Participants: which processes are attached to a segment. */
#ifndef COOPI_PARTICIPANT_H
#define COOPI_PARTICIPANT_H

#include "segment/map.h"

/* Puts this process into the table, once: the way in for all that writes or waits. 0, -EUSERS: all rows belong to
 * living processes; -EACCES: the map is only to be read. */
int coopi_participant_attach(struct coopi_map *map);

/* Gives this process's row back. */
void coopi_participant_leave(struct coopi_map *map);

#endif
