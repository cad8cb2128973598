/* SPDX-License-Identifier: MIT */
/* The directory of a segment and what its objects hold. */
#ifndef SHMCTL_OBJECTS_H
#define SHMCTL_OBJECTS_H

#include "people.h"

#include <jansson.h>

/* Items of an array that are shown, unless --items says otherwise; and the most that it may say. */
#define OBJECTS_ITEMS 8
#define OBJECTS_ITEMS_MAX 1000000

/* Puts "objects" into DOCUMENT: an array with all objects, or with the one named ONLY. Damaged entries become problems
 * of DOCUMENT. Negative with a sentence: -ENOENT, there is none named ONLY; -EBADMSG and -ENOMEM, the directory cannot
 * be read. */
int objects_list(const struct image *image, const char *only, uint64_t items,
                 struct people_holds holds[COOPI_ROWS_MAX + 1], json_t *document);

/* The number of entries in use, damaged or not. */
int objects_count(const struct image *image, uint64_t *ret_count);

#endif
