/* SPDX-License-Identifier: MIT */
/* Values and arrays, decoded by their own type string. */
#ifndef SHMCTL_VALUEVIEW_H
#define SHMCTL_VALUEVIEW_H

#include "image.h"

#include <jansson.h>

/* Reads the type of a Value or Array whose entry was checked, and of its items the part that the expression PART names
 * (`.reading`, `[3].label`; empty: all), of each row the first ITEMS. Puts into OBJECT "type", "item_size", "version"
 * (of a value of more than 8 bytes), "value" (a scalar, a list, an object), "cut" (not all is shown) and "text" (the
 * value as Python prints it). Failures with a sentence that begins with LABEL: -EBADMSG (damaged), -EAGAIN (it is
 * changed faster than it can be read), and those of coopi_type_find(). */
int valueview_read(const struct image *image, const struct coopi_entry *entry, const char *label, const char *part,
                   uint64_t items, json_t *object);

#endif
