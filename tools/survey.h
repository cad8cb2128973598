/* SPDX-License-Identifier: MIT */
/* All that shmctl can say of one segment, gathered in one document. */
#ifndef SHMCTL_SURVEY_H
#define SHMCTL_SURVEY_H

#include "objects.h"

#include <jansson.h>
#include <stdint.h>

/* The document for WISH (without an object: the whole segment): "segment" with the facts of its header, "objects", and
 * for a whole segment "lock" (the directory's), "participants", "owners". "problems" is whatever is wrong: what is
 * damaged leaves the rest readable. -ENOENT with a sentence: no such object. */
int survey_make(const struct image *image, const struct objects_wish *wish, json_t **ret_document);

#endif
