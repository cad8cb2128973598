/* SPDX-License-Identifier: MIT */
/* Tables on stdout, made of a JSON array, aligned by libsmartcols. */
#include "table.h"

#include <libsmartcols.h>

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void die(void)
{
    fputs("shmctl: out of memory\n", stderr);
    exit(1);
}

static void cell_text(const struct table_column *column, const json_t *item, char cell[TABLE_CELL])
{
    const json_t *value = column->key ? json_object_get(item, column->key) : NULL;
    if (column->text)
        column->text(item, cell);
    else if (json_is_string(value))
        snprintf(cell, TABLE_CELL, "%s", json_string_value(value));
    else if (json_is_integer(value))
        snprintf(cell, TABLE_CELL, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    else if (json_is_boolean(value))
        snprintf(cell, TABLE_CELL, "%s", json_is_true(value) ? "yes" : "no");
    else
        snprintf(cell, TABLE_CELL, "-");
}

static void add_line(struct libscols_table *table, const json_t *item, const struct table_column columns[],
                     size_t count)
{
    struct libscols_line *line = scols_table_new_line(table, NULL);
    if (!line) die();
    for (size_t i = 0; i < count; i++) {
        char cell[TABLE_CELL];
        cell_text(&columns[i], item, cell);
        if (scols_line_set_data(line, i, cell) != 0) die();
    }
}

void table_print(const json_t *array, const struct table_column columns[], size_t count)
{
    if (json_array_size(array) == 0) return;
    struct libscols_table *table = scols_new_table();
    if (!table) die();
    scols_table_enable_noencoding(table, 1); /* the texts are clean; it would escape our backslashes once more */
    for (size_t i = 0; i < count; i++)
        if (!scols_table_new_column(table, columns[i].title, 0, columns[i].right ? SCOLS_FL_RIGHT : 0)) die();
    size_t i;
    json_t *item;
    json_array_foreach(array, i, item) add_line(table, item, columns, count);
    fflush(stdout);
    scols_print_table(table);
    scols_unref_table(table);
}

void table_fact(const char *label, const char *format, ...)
{
    printf("%-13s ", label);
    va_list args;
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    putchar('\n');
}
