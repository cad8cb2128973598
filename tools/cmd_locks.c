/* SPDX-License-Identifier: MIT */
/* shmctl locks: who holds and who waits for what in all segments, and who waits for each other for ever. */
#include "shmctl.h"

#include "image.h"
#include "model.h"
#include "table.h"
#include "waits.h"

#include <coop/error.h>

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define BETWEEN_LOOKS 20000000 /* ns */
#define DEADLOCKED 8

struct locks {
    struct shmctl *shmctl;
    const char **names;
    int name_count; /* 0: all of the user's */
    int code;
};

static void add(struct locks *locks, struct waits *waits, const struct coopi_segment_name *name)
{
    struct image image;
    int r = image_open(name, &image);
    if (r == -ENOENT && locks->name_count == 0) return; /* it has gone since it was listed */
    if (r == 0) {
        if (image.damage == 0) r = waits_add(waits, &image);
        if (image.damage < 0 && locks->name_count) fprintf(stderr, "shmctl: %s\n", image.wrong);
        if (image.damage < 0 && locks->name_count && locks->code == 0) locks->code = coop_exit_code(image.damage);
        image_close(&image);
    }
    if (r < 0 && locks->code == 0) locks->code = shmctl_fail(r);
}

static int ours(const struct dirent *file)
{
    char prefix[32];
    int length = snprintf(prefix, sizeof prefix, "coop.%u.", (unsigned)geteuid());
    return strncmp(file->d_name, prefix, (size_t)length) == 0;
}

static void add_all(struct locks *locks, struct waits *waits)
{
    struct dirent **files;
    int count = scandir(COOPI_SHM_FOLDER, &files, ours, alphasort);
    if (count < 0) {
        fprintf(stderr, "shmctl: " COOPI_SHM_FOLDER ": %s\n", strerror(errno));
        locks->code = errno == EACCES ? 4 : 1;
        return;
    }
    for (int i = 0; i < count; i++) {
        struct coopi_segment_name name;
        const char *text = strchr(strchr(files[i]->d_name, '.') + 1, '.') + 1;
        if (coopi_segment_name_parse(text, &name) == 0) add(locks, waits, &name);
        free(files[i]);
    }
    free(files);
}

static struct waits *look(struct locks *locks)
{
    struct waits *waits = waits_new();
    if (locks->name_count == 0) add_all(locks, waits);
    for (int i = 0; i < locks->name_count; i++) {
        struct coopi_segment_name name;
        int r = coopi_segment_name_parse(locks->names[i], &name);
        if (r == 0)
            add(locks, waits, &name);
        else if (locks->code == 0)
            locks->code = shmctl_fail(r);
    }
    return waits;
}

/* What was seen at one look only is gone. */
static json_t *in_both(const json_t *first, const json_t *second)
{
    json_t *both = model_array();
    for (size_t i = 0; i < json_array_size(first); i++) {
        json_t *one = json_array_get(first, i);
        bool again = false;
        for (size_t k = 0; k < json_array_size(second); k++) again = again || json_equal(one, json_array_get(second, k));
        if (again) model_append(both, json_incref(one));
    }
    return both;
}

static json_t *find_deadlocks(struct locks *locks, const struct waits *waits)
{
    json_t *first = waits_cycles(waits);
    if (json_array_size(first) == 0) return first;
    nanosleep(&(struct timespec){.tv_nsec = BETWEEN_LOOKS}, NULL);
    struct waits *again = look(locks);
    json_t *second = waits_cycles(again), *both = in_both(first, second);
    waits_free(again);
    json_decref(second);
    json_decref(first);
    return both;
}

static void threads_cell(const json_t *threads, char cell[TABLE_CELL])
{
    size_t length = 0;
    cell[0] = 0;
    for (size_t i = 0; i < json_array_size(threads) && length < TABLE_CELL; i++) {
        const json_t *one = json_array_get(threads, i);
        const char *wants = model_get_text(one, "wants");
        uint64_t pid = model_get_number(one, "pid"), tid = model_get_number(one, "tid");
        char thread[32] = "";
        if (tid != pid) snprintf(thread, sizeof thread, "/%" PRIu64, tid);
        int n = snprintf(cell + length, TABLE_CELL - length, "%s%" PRIu64 "%s (%s)%s%s", i ? ", " : "", pid, thread,
                         model_get_text(one, "command"), *wants ? " " : "", wants);
        if (n > 0) length += (size_t)n;
    }
}

static void held_cell(const json_t *object, char cell[TABLE_CELL])
{
    threads_cell(json_object_get(object, "held_by"), cell);
}

static void waited_cell(const json_t *object, char cell[TABLE_CELL])
{
    threads_cell(json_object_get(object, "waited_for_by"), cell);
}

static void print(const json_t *objects, const json_t *deadlocks)
{
    static const struct table_column columns[] = {
        {.title = "SEGMENT", .key = "segment"},    {.title = "OBJECT", .key = "object"},
        {.title = "KIND", .key = "kind"},          {.title = "HELD BY", .text = held_cell},
        {.title = "WAITED FOR BY", .text = waited_cell},
    };
    if (json_array_size(objects) == 0) puts("nobody holds or waits for anything");
    table_print(objects, columns, sizeof columns / sizeof columns[0]);
    for (size_t i = 0; i < json_array_size(deadlocks); i++)
        printf("deadlock: %s\n", model_get_text(json_array_get(deadlocks, i), "sentence"));
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct locks *locks = state->input;
    switch (key) {
    case ARGP_KEY_INIT: state->child_inputs[0] = locks->shmctl; return 0;
    case ARGP_KEY_ARG: locks->names[locks->name_count++] = arg; return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

int shmctl_locks(struct shmctl *shmctl, int argc, char **argv)
{
    static const struct argp_child children[] = {{.argp = &shmctl_common}, {0}};
    static const struct argp argp = {
        .parser = parse,
        .children = children,
        .args_doc = "[SEGMENT...]",
        .doc = "Shows who holds and who waits for what, in all of one's own segments or those that are named, and who "
               "waits for each other for ever: a sentence for each such circle, and exit code 8."};
    const char *names[argc];
    struct locks locks = {.shmctl = shmctl, .names = names};
    if (argp_parse(&argp, argc, argv, 0, NULL, &locks) != 0) return 2;
    struct waits *waits = look(&locks);
    json_t *document = model_object(), *objects = waits_objects(waits), *deadlocks = find_deadlocks(&locks, waits);
    waits_free(waits);
    model_put(document, "objects", objects);
    model_put(document, "deadlocks", deadlocks);
    if (shmctl->json)
        model_print(document);
    else
        print(objects, deadlocks);
    if (locks.code == 0 && json_array_size(deadlocks)) locks.code = DEADLOCKED;
    json_decref(document);
    return locks.code;
}
