/* SPDX-License-Identifier: MIT */
/* The directory of a segment and what its objects hold. */
#ifndef SHMCTL_OBJECTS_H
#define SHMCTL_OBJECTS_H

#include "people.h"

#include <jansson.h>

/* Items of an array that are shown, unless --items says otherwise; and the most that it may say. */
#define OBJECTS_ITEMS 8
#define OBJECTS_ITEMS_MAX 1000000

/* What somebody wants to see. */
struct objects_wish {
    const char *only; /* the name of one object; NULL: all */
    const char *part; /* what of that one: `.reading`, `[3]`; empty: all */
    uint64_t items;   /* of each array and row */
};

/* Puts "objects" into DOCUMENT: an array with all objects, or with the one that is wanted. Damaged entries become
 * problems of DOCUMENT, and so does a part that the object has not. Negative with a sentence: -ENOENT, there is none of
 * that name; -EBADMSG and -ENOMEM, the directory cannot be read. */
int objects_list(const struct image *image, const struct objects_wish *wish,
                 struct people_holds holds[COOPI_ROWS_MAX + 1], json_t *document);

/* The number of entries in use, damaged or not. */
int objects_count(const struct image *image, uint64_t *ret_count);

#endif
