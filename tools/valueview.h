/* SPDX-License-Identifier: MIT */
/* Values and arrays, decoded by their own type string. */
#ifndef SHMCTL_VALUEVIEW_H
#define SHMCTL_VALUEVIEW_H

#include "image.h"

#include <jansson.h>

/* Reads the type and the first ITEMS items of a Value or Array whose entry was checked, and puts into OBJECT "type",
 * "item_size", "value" (a scalar, or a list), "cut" (not all is shown) and "text" (the value as Python prints it).
 * -EBADMSG with a sentence that begins with LABEL. */
int valueview_read(const struct image *image, const struct coopi_entry *entry, const char *label, uint64_t items,
                   json_t *object);

#endif
