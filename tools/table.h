/* SPDX-License-Identifier: MIT */
/* Tables on stdout, made of a JSON array: a line an item, a cell a column. */
#ifndef SHMCTL_TABLE_H
#define SHMCTL_TABLE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#define TABLE_CELL 512

struct table_column {
    const char *title;
    const char *key;                                         /* of the item; its text, number, or yes and no */
    bool right;                                              /* aligned to the right */
    void (*text)(const json_t *item, char cell[TABLE_CELL]); /* instead of KEY, if not NULL */
};

/* An empty array prints nothing. */
void table_print(const json_t *array, const struct table_column columns[], size_t count);

/* "label        text", for single facts. */
void table_fact(const char *label, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
