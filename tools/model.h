/* SPDX-License-Identifier: MIT */
/* What shmctl has found out, as one JSON document: --json prints it, and the tables are made of it. Strings that go in
 * are made printable ASCII here, so that neither a terminal nor a parser ever meets a byte of a hostile file.
 *
 * Out of memory ends the program, as in every small tool: nothing of it is shared. */
#ifndef SHMCTL_MODEL_H
#define SHMCTL_MODEL_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

json_t *model_object(void);
json_t *model_array(void);

/* Each takes over VALUE. */
void model_put(json_t *object, const char *key, json_t *value);
void model_append(json_t *array, json_t *value);

void model_text(json_t *object, const char *key, const char *text); /* NULL: null */
void model_name(json_t *object, const char *key, const char *bytes, size_t size);
void model_bool(json_t *object, const char *key, int yes);
void model_time(json_t *object, const char *key, int64_t ns); /* UTC, as text */

/* A number; as a string of digits where JSON readers would lose some: above 2^63 - 1. */
void model_number(json_t *object, const char *key, uint64_t number);
json_t *model_new_number(uint64_t number);

json_t *model_new_text(const char *text);

/* Something is wrong with the segment: kept as {sentence, exit}, the first PROBLEMS_SHOWN of them. */
#define PROBLEMS_SHOWN 50
void model_problem(json_t *document, int result, const char *sentence);

/* Adds the problems of another document. */
void model_take_problems(json_t *document, const json_t *from);

/* The exit code of the first problem, or 0. */
int model_exit_code(const json_t *document);

/* Prints the problems on stderr. */
void model_print_problems(const json_t *document);

/* Prints the document on stdout. */
void model_print(const json_t *document);

/* Reading it again. Absent or of another type: 0, "". */
uint64_t model_get_number(const json_t *object, const char *key);
const char *model_get_text(const json_t *object, const char *key);

#endif
