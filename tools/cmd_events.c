/* SPDX-License-Identifier: MIT */
/* shmctl events: what happened in a segment, oldest first. */
#include "shmctl.h"

#include "image.h"
#include "model.h"
#include "survey.h"
#include "table.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct events {
    struct shmctl *shmctl;
    const char *what;
};

static int by_number(const void *a, const void *b)
{
    const struct coopi_event *x = a, *y = b;
    return (x->number > y->number) - (x->number < y->number);
}

static json_t *one_event(const struct coopi_event *event)
{
    json_t *one = model_object();
    model_number(one, "number", event->number);
    model_time(one, "time", event->wall_time);
    model_put(one, "time_ns", json_integer(event->wall_time));
    model_text(one, "event", coopi_event_name(event->kind));
    model_name(one, "object", event->object, sizeof event->object);
    model_put(one, "pid", json_integer(event->pid));
    model_put(one, "tid", json_integer(event->tid));
    model_name(one, "command", event->command, sizeof event->command);
    model_put(one, "teller", json_integer(event->teller));
    return one;
}

/* A place whose number does not belong there is being written, or its writer was killed: left out, and counted. */
static int list_events(const struct image *image, json_t *document)
{
    const struct coopi_table *table = &image->header.events;
    struct coopi_event *events;
    int r = image_table(image, table, &events);
    if (r < 0) return r;
    json_t *array = model_array();
    uint64_t torn = 0;
    for (uint32_t i = 0; i < table->count; i++) {
        if (events[i].number && (events[i].number - 1) % table->count == i &&
            events[i].sum == coopi_event_sum(&events[i]))
            continue;
        torn += events[i].number != 0 || events[i].wall_time != 0;
        events[i].number = 0;
    }
    qsort(events, table->count, sizeof *events, by_number);
    for (uint32_t i = 0; i < table->count; i++)
        if (events[i].number) model_append(array, one_event(&events[i]));
    free(events);
    model_put(document, "events", array);
    model_number(document, "torn", torn);
    return 0;
}

static void who_cell(const json_t *event, char cell[TABLE_CELL])
{
    uint64_t pid = model_get_number(event, "pid"), tid = model_get_number(event, "tid");
    if (pid == 0)
        snprintf(cell, TABLE_CELL, "-");
    else if (pid == tid)
        snprintf(cell, TABLE_CELL, "pid %" PRIu64 " (%s)", pid, model_get_text(event, "command"));
    else
        snprintf(cell, TABLE_CELL, "pid %" PRIu64 " thread %" PRIu64 " (%s)", pid, tid,
                 model_get_text(event, "command"));
}

static void print_events(const json_t *document)
{
    static const struct table_column columns[] = {
        {.title = "TIME", .key = "time"},
        {.title = "EVENT", .key = "event"},
        {.title = "OBJECT", .key = "object"},
        {.title = "WHO", .text = who_cell},
        {.title = "NOTICED BY", .key = "teller", .right = true},
    };
    const json_t *events = json_object_get(document, "events");
    if (json_array_size(events) == 0) puts("nothing has happened");
    table_print(events, columns, sizeof columns / sizeof columns[0]);
}

static int show_events(const struct events *given, const struct coopi_segment_name *name)
{
    struct image image;
    int r = image_open(name, &image);
    if (r < 0) return shmctl_fail(r);
    json_t *document = model_object();
    model_text(document, "segment", image.label);
    if (image.damage)
        model_problem(document, image.damage, image.wrong);
    else
        r = list_events(&image, document);
    if (r == 0 && given->shmctl->json)
        model_print(document);
    else if (r == 0 && !image.damage)
        print_events(document);
    fflush(stdout);
    model_print_problems(document);
    int code = r < 0 ? shmctl_fail(r) : model_exit_code(document);
    json_decref(document);
    image_close(&image);
    return code;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct events *given = state->input;
    switch (key) {
    case ARGP_KEY_INIT: state->child_inputs[0] = given->shmctl; return 0;
    case ARGP_KEY_ARG:
        if (given->what) argp_error(state, "one segment at a time, please");
        given->what = arg;
        return 0;
    case ARGP_KEY_NO_ARGS: argp_error(state, "which segment? `shmctl ls` lists them"); return EINVAL;
    default: return ARGP_ERR_UNKNOWN;
    }
}

int shmctl_events(struct shmctl *shmctl, int argc, char **argv)
{
    static const struct argp_child children[] = {{.argp = &shmctl_common}, {0}};
    static const struct argp argp = {.parser = parse,
                                     .children = children,
                                     .args_doc = "SEGMENT",
                                     .doc =
                                         "Shows what happened in a segment, oldest first: who died holding what, and "
                                         "who noticed."};
    struct events given = {.shmctl = shmctl};
    if (argp_parse(&argp, argc, argv, 0, NULL, &given) != 0) return 2;
    struct coopi_segment_name name;
    int r = coopi_segment_name_parse(given.what, &name);
    return r < 0 ? shmctl_fail(r) : show_events(&given, &name);
}
