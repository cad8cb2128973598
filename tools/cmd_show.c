/* SPDX-License-Identifier: MIT */
/* shmctl show: what is in a segment, or in one object of it. */
#include "shmctl.h"

#include "image.h"
#include "lockview.h"
#include "model.h"
#include "objects.h"
#include "survey.h"
#include "table.h"
#include "text.h"

#include "base/error.h"
#include "base/name.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct show {
    struct shmctl *shmctl;
    const char *what;
    struct objects_wish wish;
    const char *attribute; /* NULL: all there is to say */
};

/* A type of a record may be long. */
static void type_cell(const json_t *object, char cell[TABLE_CELL])
{
    const char *type = model_get_text(object, "type");
    bool fits = strlen(type) <= 32;
    snprintf(cell, TABLE_CELL, "%.*s%s", fits ? 32 : 29, *type ? type : "-", fits ? "" : "...");
}

static void name_cell(const json_t *object, char cell[TABLE_CELL])
{
    const char *name = model_get_text(object, "name");
    snprintf(cell, TABLE_CELL, "%s", *name ? name : "(nameless)");
}

static void size_cell(const json_t *object, char cell[TABLE_CELL])
{
    char size[TEXT_SHORT];
    text_size(model_get_number(object, "size"), size);
    snprintf(cell, TABLE_CELL, "%s", size);
}

/* As much of the value as a table bears: one object's own page shows it all. */
static void value_cell(const json_t *object, char cell[TABLE_CELL])
{
    const char *text = model_get_text(object, "text");
    bool fits = strlen(text) <= 60;
    snprintf(cell, TABLE_CELL, "%.*s%s", fits ? 60 : 57, *text ? text : "-", fits ? "" : "...");
}

static void lock_cell(const json_t *object, char cell[TABLE_CELL])
{
    const json_t *lock = json_object_get(object, "lock");
    char text[LOCKVIEW_TEXT] = "-";
    if (json_is_object(lock)) lockview_text(lock, text);
    snprintf(cell, TABLE_CELL, "%s", text);
}

static void death_cell(const json_t *object, char cell[TABLE_CELL])
{
    char text[LOCKVIEW_TEXT];
    const json_t *lock = json_object_get(object, "lock");
    lockview_death_text(json_object_get(object, "last_death") ? object : lock, text);
    snprintf(cell, TABLE_CELL, "%s", *text ? text : "-");
}

static void attached_cell(const json_t *row, char cell[TABLE_CELL])
{
    char text[TEXT_SHORT] = "-";
    if (json_object_get(row, "attached_ns")) text_time((int64_t)model_get_number(row, "attached_ns"), text);
    snprintf(cell, TABLE_CELL, "%s", text);
}

static const struct table_column object_columns[] = {
    {.title = "OBJECT", .text = name_cell},
    {.title = "KIND", .key = "kind"},
    {.title = "TYPE", .text = type_cell},
    {.title = "LENGTH", .key = "length", .right = true},
    {.title = "SIZE", .text = size_cell, .right = true},
    {.title = "VALUE", .text = value_cell},
    {.title = "LOCK", .text = lock_cell},
    {.title = "LAST DEATH", .text = death_cell},
};

static const struct table_column participant_columns[] = {
    {.title = "PROCESS", .key = "pid", .right = true},
    {.title = "COMMAND", .key = "command"},
    {.title = "ATTACHED", .text = attached_cell},
    {.title = "STATE", .key = "state"},
};

static const struct table_column owner_columns[] = {
    {.title = "OWNER", .key = "row", .right = true},
    {.title = "PID", .key = "pid", .right = true},
    {.title = "TID", .key = "tid", .right = true},
    {.title = "COMMAND", .key = "command"},
    {.title = "STATE", .key = "state"},
    {.title = "HOLDS", .key = "holds", .right = true},
};

#define PRINT(array, columns) table_print((array), (columns), sizeof(columns) / sizeof(columns)[0])

static void print_lock(const char *label, const json_t *lock)
{
    char text[LOCKVIEW_TEXT];
    if (!json_is_object(lock)) return;
    lockview_text(lock, text);
    table_fact(label, "%s", text);
    lockview_death_text(lock, text);
    if (*text) table_fact("last death", "%s", text);
}

/* What a header that cannot be believed claims. */
static void print_claims(const json_t *facts)
{
    if (!json_object_get(facts, "magic")) return;
    table_fact("magic", "\"%s\"", model_get_text(facts, "magic"));
    table_fact("fingerprint", "%s", model_get_text(facts, "fingerprint"));
    table_fact("checksum", "%s", model_get_text(facts, "checksum"));
}

static void print_world(const json_t *facts)
{
    if (json_is_false(json_object_get(facts, "this_boot")))
        table_fact("boot", "an earlier one: all who used it are gone");
    if (json_is_false(json_object_get(facts, "this_pid_namespace")))
        table_fact("pids", "of another PID namespace: they mean nothing here");
}

static void print_facts(const json_t *facts, bool damaged)
{
    const json_t *creator = json_object_get(facts, "creator");
    char size[TEXT_SHORT];
    char maximum[TEXT_SHORT];
    char created[TEXT_SHORT];
    text_size(model_get_number(facts, "size"), size);
    table_fact("segment", "%s", model_get_text(facts, "name"));
    table_fact("file", COOPI_SHM_FOLDER "/%s, %s, mode %s", model_get_text(facts, "file"), size,
               model_get_text(facts, "mode"));
    if (damaged) {
        print_claims(facts);
        return;
    }
    text_size(model_get_number(facts, "reserved"), size);
    text_size(model_get_number(facts, "maximum"), maximum);
    text_time((int64_t)model_get_number(facts, "created_ns"), created);
    table_fact("format", "%s", model_get_text(facts, "format"));
    table_fact("reserved", "%s of %s", size, maximum);
    table_fact("created", "%s by pid %" PRIu64 " of uid %" PRIu64, created, model_get_number(creator, "pid"),
               model_get_number(creator, "uid"));
    print_world(facts);
}

static void print_segment(const json_t *document)
{
    const json_t *facts = json_object_get(document, "segment");
    const json_t *objects = json_object_get(document, "objects");
    print_facts(facts, objects == NULL);
    if (!objects) return;
    table_fact("objects", "%zu of %" PRIu64, json_array_size(objects),
               model_get_number(json_object_get(facts, "directory"), "count"));
    print_lock("directory", json_object_get(document, "lock"));
    const json_t *participants = json_object_get(document, "participants");
    const json_t *owners = json_object_get(document, "owners");
    if (json_array_size(objects)) putchar('\n');
    PRINT(objects, object_columns);
    if (json_array_size(participants)) putchar('\n');
    PRINT(participants, participant_columns);
    if (json_array_size(owners)) putchar('\n');
    PRINT(owners, owner_columns);
}

static void print_person(const json_t *who, const char *label)
{
    char numbers[64] = "";
    uint64_t permits = model_get_number(who, "permits"), depth = model_get_number(who, "depth");
    if (permits) snprintf(numbers, sizeof numbers, ", %" PRIu64 " permits", permits);
    if (depth > 1) snprintf(numbers, sizeof numbers, ", depth %" PRIu64, depth);
    if (json_is_true(json_object_get(who, "arrived"))) snprintf(numbers, sizeof numbers, ", arrived");
    const char *wants = model_get_text(who, "wants");
    table_fact(label, "pid %" PRIu64 " tid %" PRIu64 " (%s), %s%s%s%s", model_get_number(who, "pid"),
               model_get_number(who, "tid"), model_get_text(who, "command"), model_get_text(who, "state"), numbers,
               *wants ? ", " : "", wants);
}

/* One thread, or several, if there are any. */
static void print_people(const json_t *object, const char *key, const char *label)
{
    const json_t *people = json_object_get(object, key);
    if (json_is_object(people)) print_person(people, label);
    for (size_t i = 0; i < json_array_size(people); i++) print_person(json_array_get(people, i), label);
}

static void print_object(const json_t *document, const char *segment, const char *part)
{
    const json_t *object = json_array_get(json_object_get(document, "objects"), 0);
    if (!object) {
        print_segment(document);
        return;
    }
    char size[TEXT_SHORT];
    text_size(model_get_number(object, "size"), size);
    table_fact("object", "%s/%s", segment, model_get_text(object, "name"));
    table_fact("kind", "%s", model_get_text(object, "kind"));
    if (json_object_get(object, "type")) table_fact("type", "%s", model_get_text(object, "type"));
    if (strcmp(model_get_text(object, "kind"), "array") == 0)
        table_fact("length", "%" PRIu64, model_get_number(object, "length"));
    table_fact("storage", "%s at %" PRIu64 ", entry %" PRIu64, size, model_get_number(object, "offset"),
               model_get_number(object, "entry"));
    print_lock("lock", json_object_get(object, "lock"));
    print_people(object, "holders", "holds");
    print_people(object, "writer", "writes");
    print_people(object, "readers", "reads");
    print_people(object, "members", "member");
    print_people(object, "waiters", "waits");
    if (json_is_object(json_object_get(object, "last_death"))) {
        char death[LOCKVIEW_TEXT];
        lockview_death_text(object, death);
        table_fact("last death", "%s", death);
    }
    if (json_object_get(object, "version")) table_fact("version", "%" PRIu64, model_get_number(object, "version"));
    if (*part) table_fact("part", "%s", part);
    if (json_object_get(object, "text")) table_fact("value", "%s", model_get_text(object, "text"));
}

/* What the user may want to know of a segment that is all right. */
static void print_notes(const struct image *image)
{
    const char *made_as = image->header.name;
    if (image->name.uid != geteuid())
        fprintf(stderr, "shmctl: note: %s belongs to uid %u, who may have written anything into it\n", image->label,
                (unsigned)image->owner);
    if (image->damage == 0 && strcmp(made_as, image->name.name) != 0) {
        char clean[4 * sizeof image->header.name + 1];
        text_name(made_as, sizeof image->header.name, clean, sizeof clean);
        fprintf(stderr, "shmctl: note: %s says that it was made as \"%s\": a copy, or renamed\n", image->label, clean);
    }
}

/* One fact of the object, as the JSON document calls it, and nothing else: for scripts. */
static int print_attribute(const json_t *document, const char *label, const char *attribute, bool json)
{
    const json_t *object = json_array_get(json_object_get(document, "objects"), 0);
    bool shown = !json && strcmp(attribute, "value") == 0 && json_object_get(object, "text");
    const json_t *value = json_object_get(object, shown ? "text" : attribute);
    if (!value)
        return coopi_fail(ENOENT, "%s: has no attribute \"%.60s\"; `shmctl --json show %s` lists them", label,
                          attribute, label);
    if (json_is_string(value) && !json)
        puts(json_string_value(value));
    else if (json_dumpf(value, stdout, JSON_ENCODE_ANY) == 0)
        putchar('\n');
    return 0;
}

static int print(const struct show *show, const struct image *image, const json_t *document)
{
    bool damaged = json_array_size(json_object_get(document, "objects")) == 0;
    if (show->attribute && !damaged)
        return print_attribute(document, show->wish.only, show->attribute, show->shmctl->json);
    if (show->shmctl->json)
        model_print(document);
    else if (show->wish.only)
        print_object(document, image->label, show->wish.part);
    else
        print_segment(document);
    return 0;
}

static int show(const struct show *show, const struct coopi_segment_name *name)
{
    struct image image;
    json_t *document = NULL;
    int r = image_open(name, &image);
    if (r < 0) return shmctl_fail(r);
    r = survey_make(&image, &show->wish, &document);
    if (r == 0) {
        r = print(show, &image, document);
        fflush(stdout);
        print_notes(&image);
        model_print_problems(document);
    }
    int code = r < 0 ? shmctl_fail(r) : model_exit_code(document);
    json_decref(document);
    image_close(&image);
    return code;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct show *options = state->input;
    char *end;
    switch (key) {
    case ARGP_KEY_INIT: state->child_inputs[0] = options->shmctl; return 0;
    case 'n':
        errno = 0;
        options->wish.items = strtoull(arg, &end, 10);
        if (errno || end == arg || *end || *arg == '-' || options->wish.items > OBJECTS_ITEMS_MAX)
            argp_error(state, "--items takes a number from 0 to %d, not '%s'", OBJECTS_ITEMS_MAX, arg);
        return 0;
    case ARGP_KEY_ARG:
        if (options->what) argp_error(state, "one segment or object at a time, please");
        options->what = arg;
        return 0;
    case ARGP_KEY_NO_ARGS: argp_error(state, "which segment? `shmctl ls` lists them"); return EINVAL;
    default: return ARGP_ERR_UNKNOWN;
    }
}

/* `segment/object`, then `[index]`, `.field`, `@attribute`: the object's name has none of their characters. */
static int show_object(const struct show *options)
{
    struct show chosen = *options;
    struct coopi_path path;
    char *what = strdup(options->what);
    if (!what) return shmctl_fail(coopi_fail(ENOMEM, "shmctl: out of memory"));
    char *object = strchr(what, '/');
    char *end = object + strcspn(object, ".[@");
    const char *part = options->what + (end - what);
    size_t length = strcspn(part, "@");
    char *wanted = strndup(part, length);
    *end = 0;
    int r = wanted ? coopi_path_parse(what, &path) : coopi_fail(ENOMEM, "shmctl: out of memory");
    chosen.wish.only = path.object;
    chosen.wish.part = wanted;
    chosen.attribute = part[length] ? part + length + 1 : NULL;
    r = r < 0 ? shmctl_fail(r) : show(&chosen, &path.segment);
    free(wanted);
    free(what);
    return r;
}

int shmctl_show(struct shmctl *shmctl, int argc, char **argv)
{
    static const struct argp_option options[] = {
        {.name = "items", .key = 'n', .arg = "N", .doc = "Show the first N items of an array (default: 8)"},
        {0},
    };
    static const struct argp_child children[] = {{.argp = &shmctl_common}, {0}};
    static const struct argp argp = {.options = options,
                                     .parser = parse,
                                     .children = children,
                                     .args_doc = "SEGMENT[/OBJECT[PART][@ATTRIBUTE]]",
                                     .doc = "Shows what is in a segment, or in one object of it, or in a part of that: "
                                            "board/sensor.label, bank/rates[3], bank/saldo@value"};
    struct show options_given = {.shmctl = shmctl, .wish = {.part = "", .items = OBJECTS_ITEMS}};
    if (argp_parse(&argp, argc, argv, 0, NULL, &options_given) != 0) return 2;

    if (strchr(options_given.what, '/')) return show_object(&options_given);
    struct coopi_segment_name name;
    int r = coopi_segment_name_parse(options_given.what, &name);
    return r < 0 ? shmctl_fail(r) : show(&options_given, &name);
}
