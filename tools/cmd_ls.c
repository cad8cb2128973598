/* SPDX-License-Identifier: MIT */
/* shmctl ls: the segments there are, the damaged ones included, and who uses them. */
#include "shmctl.h"

#include "image.h"
#include "model.h"
#include "objects.h"
#include "people.h"
#include "table.h"
#include "text.h"

#include <coop/error.h>

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PREFIX "coop."

struct ls {
    struct shmctl *shmctl;
    bool all_users;
};

/* What is wrong stands beside the segment: ls fails only when it cannot list. */
static void put_problem(json_t *row, const char *state, const char *sentence)
{
    model_text(row, "state", state);
    model_text(row, "problem", sentence);
}

static const char *word_for(int result)
{
    if (result == -EACCES) return "refused";
    if (result == -ENOTSUP) return "foreign";
    return "damaged";
}

static void add_facts(const struct image *image, json_t *row)
{
    const struct coopi_header *header = &image->header;
    uint64_t objects = 0;
    model_number(row, "reserved", header->size);
    model_number(row, "maximum", header->maximum);
    model_time(row, "created", header->created);
    model_put(row, "created_ns", json_integer(header->created));
    json_t *creator = model_object();
    model_number(creator, "pid", header->creator_pid);
    model_number(creator, "uid", header->creator_uid);
    model_put(row, "creator", creator);
    int r = objects_count(image, &objects);
    if (r == 0) r = people_count(image, row);
    model_number(row, "objects", objects);
    if (r < 0)
        put_problem(row, word_for(r), coop_error_detail());
    else if (image->refused)
        put_problem(row, word_for(image->refused), image->reason);
}

/* NULL: it went away since the directory was read. */
static json_t *list_one(const struct coopi_segment_name *name, const char *file)
{
    struct image image;
    int r = image_open(name, &image);
    if (r == -ENOENT) return NULL;
    json_t *row = model_object();
    model_text(row, "name", name->name);
    model_number(row, "uid", name->uid);
    model_text(row, "file", file);
    put_problem(row, "ok", NULL);
    if (r < 0) {
        put_problem(row, word_for(r), coop_error_detail());
        return row;
    }
    model_number(row, "size", image.file_size);
    if (image.damage < 0)
        put_problem(row, word_for(image.damage), image.wrong);
    else
        add_facts(&image, row);
    image_close(&image);
    return row;
}

/* Splits coop.<uid>.<name>. False: not a file of ours to list. */
static bool split(const char *file, const struct ls *ls, unsigned long *ret_uid, const char **ret_name)
{
    if (strncmp(file, PREFIX, strlen(PREFIX)) != 0 || !isdigit((unsigned char)file[strlen(PREFIX)])) return false;
    char *end;
    errno = 0;
    unsigned long uid = strtoul(file + strlen(PREFIX), &end, 10);
    if (errno || *end != '.' || (!ls->all_users && uid != geteuid())) return false;
    *ret_uid = uid;
    *ret_name = end + 1;
    return true;
}

static json_t *malformed(const char *file, unsigned long uid, const char *rest)
{
    json_t *row = model_object();
    model_name(row, "name", rest, strlen(rest));
    model_number(row, "uid", uid);
    model_name(row, "file", file, strlen(file));
    put_problem(row, "foreign", "its name is none that libcoop gives: not a segment");
    return row;
}

static json_t *list_file(const char *file, const struct ls *ls)
{
    unsigned long uid;
    const char *rest;
    if (!split(file, ls, &uid, &rest)) return NULL;
    char text[NAME_MAX + 32];
    struct coopi_segment_name name;
    snprintf(text, sizeof text, "%lu:%s", uid, rest);
    if (coopi_segment_name_parse(text, &name) < 0 || strcmp(name.shm + 1, file) != 0) return malformed(file, uid, rest);
    return list_one(&name, file);
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int collect(const struct ls *ls, json_t *segments)
{
    struct dirent **files;
    int count = scandir(COOPI_SHM_FOLDER, &files, NULL, by_name);
    if (count < 0) {
        fprintf(stderr, "shmctl: " COOPI_SHM_FOLDER ": %s\n", strerror(errno));
        return errno == EACCES ? 4 : 1;
    }
    for (int i = 0; i < count; i++) {
        json_t *row = list_file(files[i]->d_name, ls);
        if (row) model_append(segments, row);
        free(files[i]);
    }
    free(files);
    return 0;
}

static void size_cell(const json_t *row, const char *key, char cell[TABLE_CELL])
{
    char text[TEXT_SHORT] = "-";
    if (json_object_get(row, key)) text_size(model_get_number(row, key), text);
    snprintf(cell, TABLE_CELL, "%s", text);
}

static void file_size_cell(const json_t *row, char cell[TABLE_CELL])
{
    size_cell(row, "size", cell);
}

static void reserved_cell(const json_t *row, char cell[TABLE_CELL])
{
    size_cell(row, "reserved", cell);
}

static void maximum_cell(const json_t *row, char cell[TABLE_CELL])
{
    size_cell(row, "maximum", cell);
}

static void count_cell(const json_t *counts, char cell[TABLE_CELL])
{
    snprintf(cell, TABLE_CELL, "-");
    if (!counts) return;
    uint64_t dead = model_get_number(counts, "dead");
    uint64_t there = model_get_number(counts, "alive") + model_get_number(counts, "unknown");
    int n = snprintf(cell, TABLE_CELL, "%" PRIu64, there);
    if (dead) snprintf(cell + n, TABLE_CELL - (size_t)n, " +%" PRIu64 " dead", dead);
}

static void participants_cell(const json_t *row, char cell[TABLE_CELL])
{
    count_cell(json_object_get(row, "participants"), cell);
}

static void owners_cell(const json_t *row, char cell[TABLE_CELL])
{
    count_cell(json_object_get(row, "owners"), cell);
}

static void created_cell(const json_t *row, char cell[TABLE_CELL])
{
    char text[TEXT_SHORT] = "-";
    if (json_object_get(row, "created")) text_time((int64_t)model_get_number(row, "created_ns"), text);
    snprintf(cell, TABLE_CELL, "%s", text);
}

static void creator_cell(const json_t *row, char cell[TABLE_CELL])
{
    const json_t *creator = json_object_get(row, "creator");
    snprintf(cell, TABLE_CELL, "-");
    if (creator) snprintf(cell, TABLE_CELL, "pid %" PRIu64, model_get_number(creator, "pid"));
}

static void state_cell(const json_t *row, char cell[TABLE_CELL])
{
    const char *problem = model_get_text(row, "problem");
    snprintf(cell, TABLE_CELL, "%s%s%s", model_get_text(row, "state"), *problem ? ": " : "", problem);
}

static const struct table_column columns[] = {
    {.title = "UID", .key = "uid", .right = true},
    {.title = "NAME", .key = "name"},
    {.title = "SIZE", .text = file_size_cell, .right = true},
    {.title = "RESERVED", .text = reserved_cell, .right = true},
    {.title = "MAXIMUM", .text = maximum_cell, .right = true},
    {.title = "OBJECTS", .key = "objects", .right = true},
    {.title = "PROCESSES", .text = participants_cell, .right = true},
    {.title = "OWNERS", .text = owners_cell, .right = true},
    {.title = "CREATED", .text = created_cell},
    {.title = "BY", .text = creator_cell},
    {.title = "STATE", .text = state_cell},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    (void)arg;
    struct ls *ls = state->input;
    switch (key) {
    case ARGP_KEY_INIT: state->child_inputs[0] = ls->shmctl; return 0;
    case 'a': ls->all_users = true; return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

int shmctl_ls(struct shmctl *shmctl, int argc, char **argv)
{
    static const struct argp_option options[] = {
        {.name = "all-users", .key = 'a', .doc = "List the segments of all users, not only one's own"},
        {0},
    };
    static const struct argp_child children[] = {{.argp = &shmctl_common}, {0}};
    static const struct argp argp = {.options = options,
                                     .parser = parse,
                                     .children = children,
                                     .doc = "Lists the segments there are, and who uses them."};
    struct ls ls = {.shmctl = shmctl};
    if (argp_parse(&argp, argc, argv, 0, NULL, &ls) != 0) return 2;

    json_t *document = model_object();
    json_t *segments = model_array();
    model_put(document, "segments", segments);
    int code = collect(&ls, segments);
    if (code == 0 && shmctl->json)
        model_print(document);
    else if (code == 0 && json_array_size(segments) == 0)
        fprintf(stderr, "shmctl: no segments%s\n", ls.all_users ? "" : " of yours");
    else if (code == 0)
        table_print(segments, columns + !ls.all_users, sizeof columns / sizeof columns[0] - !ls.all_users);
    json_decref(document);
    return code;
}
