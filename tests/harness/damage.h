/* SPDX-License-Identifier: MIT */
/* Damage to copies of a segment file: bits flipped, nasty values in fields, cuts; the same again for the same number.
 */
#ifndef HARNESS_DAMAGE_H
#define HARNESS_DAMAGE_H

#include <stddef.h>

/* Damages the SIZE bytes of a whole segment in the way that NUMBER chooses: in the header, the rows of its tables that
 * are in use, and its objects. Where damage behind the header's checksum would hide what it covers, the checksum is set
 * right in most cases. Returns the size that the file shall have, and says in WHAT what was done. */
size_t damage(void *bytes, size_t size, unsigned number, char *what, size_t room);

#endif
