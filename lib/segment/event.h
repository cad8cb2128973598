/* SPDX-License-Identifier: MIT */
/* The event ring of a segment: deaths that were seen, and what was done about them. */
#ifndef COOPI_EVENT_H
#define COOPI_EVENT_H

#include "segment/owner.h"

/* Adds an event about WHO (NULL: nobody) and the object of that name (NULL: none). Needs no lock and never fails; with
 * more writers at one time than the ring has places, one may be overwritten. Readers take an event whose number belongs
 * to its place and whose sum is right. */
void coopi_event_tell(const struct coopi_map *map, uint32_t kind, const struct coopi_owner_name *who,
                      const char *object);

#endif
