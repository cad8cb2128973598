/* SPDX-License-Identifier: MIT */
/* The JSON document that both forms of output are made of. */
#include "model.h"

#include "text.h"

#include <coop/error.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_ROOM 4096

static json_t *must(json_t *value)
{
    if (value) return value;
    fputs("shmctl: out of memory\n", stderr);
    exit(1);
}

json_t *model_object(void)
{
    return must(json_object());
}

json_t *model_array(void)
{
    return must(json_array());
}

void model_put(json_t *object, const char *key, json_t *value)
{
    if (json_object_set_new(object, key, must(value)) != 0) must(NULL);
}

void model_append(json_t *array, json_t *value)
{
    if (json_array_append_new(array, must(value)) != 0) must(NULL);
}

json_t *model_new_text(const char *text)
{
    char clean[TEXT_ROOM];
    text_sentence(text, clean, sizeof clean);
    return must(json_string(clean));
}

void model_text(json_t *object, const char *key, const char *text)
{
    model_put(object, key, text ? model_new_text(text) : json_null());
}

void model_name(json_t *object, const char *key, const char *bytes, size_t size)
{
    char clean[TEXT_ROOM];
    text_name(bytes, size, clean, sizeof clean);
    model_put(object, key, json_string(clean));
}

void model_bool(json_t *object, const char *key, int yes)
{
    model_put(object, key, json_boolean(yes));
}

void model_time(json_t *object, const char *key, int64_t ns)
{
    char text[TEXT_SHORT];
    text_time_utc(ns, text);
    model_put(object, key, json_string(text));
}

json_t *model_new_number(uint64_t number)
{
    if (number <= INT64_MAX) return must(json_integer((json_int_t)number));
    char digits[24];
    snprintf(digits, sizeof digits, "%" PRIu64, number);
    return must(json_string(digits));
}

void model_number(json_t *object, const char *key, uint64_t number)
{
    model_put(object, key, model_new_number(number));
}

static void put_problem(json_t *document, const char *sentence, uint64_t code)
{
    json_t *problems = json_object_get(document, "problems");
    if (!problems) {
        problems = model_array();
        model_put(document, "problems", problems);
    }
    if (json_array_size(problems) == PROBLEMS_SHOWN) {
        sentence = "and more that is not listed";
    } else if (json_array_size(problems) > PROBLEMS_SHOWN) {
        return;
    }
    json_t *problem = model_object();
    model_text(problem, "sentence", sentence);
    model_number(problem, "exit", code);
    model_append(problems, problem);
}

void model_problem(json_t *document, int result, const char *sentence)
{
    put_problem(document, sentence, (uint64_t)coop_exit_code(result));
}

int model_exit_code(const json_t *document)
{
    const json_t *first = json_array_get(json_object_get(document, "problems"), 0);
    return first ? (int)model_get_number(first, "exit") : 0;
}

void model_print_problems(const json_t *document)
{
    size_t i;
    json_t *problem;
    json_array_foreach(json_object_get(document, "problems"), i, problem)
        fprintf(stderr, "shmctl: %s\n", model_get_text(problem, "sentence"));
}

void model_print(const json_t *document)
{
    json_dumpf(document, stdout, JSON_INDENT(2));
    putchar('\n');
}

uint64_t model_get_number(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    if (json_is_integer(value)) return (uint64_t)json_integer_value(value);
    return json_is_string(value) ? strtoull(json_string_value(value), NULL, 10) : 0;
}

const char *model_get_text(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

void model_take_problems(json_t *document, const json_t *from)
{
    const json_t *problems = json_object_get(from, "problems");
    for (size_t i = 0; i < json_array_size(problems); i++) {
        const json_t *problem = json_array_get(problems, i);
        put_problem(document, model_get_text(problem, "sentence"), model_get_number(problem, "exit"));
    }
}
