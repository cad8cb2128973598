/* SPDX-License-Identifier: MIT */
/* shmctl check and shmctl repair: is a segment sound, and mending it if not. */
#include "shmctl.h"

#include "image.h"
#include "model.h"
#include "people.h"

#include "base/error.h"
#include "segment/check.h"
#include "segment/handle.h"
#include "segment/repair.h"

#include <coop/error.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define LOOKS 3           /* a segment in use may look wrong for a moment */
#define PAUSE_NS 20000000 /* between them */
#define CORRUPT 5
#define TRUST "Attach also to segments that others may write, such as a group's"

struct check {
    struct shmctl *shmctl;
    const char **names;
    int name_count;
    bool repair;
    bool dry_run;
    bool trust;
    json_t *segments;
    int code; /* of the first that is not well */
};

static void keep(struct coopi_findings *findings, const char *sentence)
{
    model_append(findings->context, model_new_text(sentence));
}

static bool read_image(const struct coopi_copy *copy, uint64_t offset, size_t size, void *ret_bytes)
{
    return image_read(copy->context, offset, ret_bytes, size) == 0;
}

/* Once, in private memory. */
static int look(const struct image *image, struct coopi_findings *findings)
{
    uint8_t *bytes = malloc(image->header.storage);
    if (!bytes) return coopi_fail(ENOMEM, "%s: no memory for its tables", image->label);
    struct coopi_copy copy = {
        .bytes = bytes, .file_size = image->file_size, .label = image->label, .read = read_image, .context = image};
    int r = image_read(image, 0, bytes, image->header.storage);
    if (r == 0) {
        memcpy(bytes, &image->header,
               offsetof(struct coopi_header, size)); /* what was checked, not what stands there now */
        r = coopi_segment_check(&copy, findings);
    }
    free(bytes);
    return r;
}

static bool is_used(const struct image *image)
{
    json_t *counts = model_object();
    bool used = people_count(image, counts) == 0 &&
                json_integer_value(json_object_get(json_object_get(counts, "participants"), "alive")) > 0;
    json_decref(counts);
    return used;
}

/* From outside: what is wrong at the last of some looks. */
static int check_outside(const struct coopi_segment_name *name, bool *ret_used, json_t **ret_findings)
{
    for (int looks = 1;; looks++) {
        struct image image;
        int r = image_open(name, &image);
        if (r < 0) return r;
        struct coopi_findings findings = {.tell = keep, .context = model_array()};
        if (image.damage)
            r = coopi_fail(-image.damage, "%s", image.wrong);
        else
            r = look(&image, &findings);
        *ret_used = is_used(&image);
        image_close(&image);
        if (r < 0 || findings.count == 0 || looks == LOOKS) {
            *ret_findings = findings.context;
            return r;
        }
        json_decref(findings.context);
        nanosleep(&(struct timespec){.tv_nsec = PAUSE_NS}, NULL);
    }
}

/* As one who uses it, under the directory's lock, where nothing moves. */
static int go_inside(const char *text, bool trust, bool dry_run, json_t **ret_findings)
{
    coop_segment *segment;
    struct coopi_findings findings = {.tell = keep, .context = model_array()};
    *ret_findings = findings.context;
    int r = coop_segment_open(text, trust ? COOP_TRUST_PEERS : 0, &segment);
    if (r == -ENOENT) return coopi_fail(ENOENT, "%s: no such segment; `shmctl ls` lists those there are", text);
    if (r < 0) return r;
    r = coopi_segment_repair(segment->map, dry_run, &findings);
    coop_segment_close(segment);
    return r;
}

/* Somebody may be at work in a segment all the time: then no look from outside tells. Who cannot be asked, because he
 * holds the directory's lock or the segment takes nobody in, is as damaged as it looks. */
static int judge(const struct coopi_segment_name *name, const char *text, bool trust, json_t **ret_findings)
{
    bool used = false;
    json_t *inside;
    int r = check_outside(name, &used, ret_findings);
    if (r < 0 || !used || json_array_size(*ret_findings) == 0) return r;
    bool asked = go_inside(text, trust, true, &inside) == 0;
    json_decref(asked ? *ret_findings : inside);
    if (asked) *ret_findings = inside;
    return 0;
}

static const char *result_of(const struct check *check, const json_t *findings)
{
    if (json_array_size(findings) == 0) return "sound";
    if (!check->repair) return "damaged";
    return check->dry_run ? "would be repaired" : "repaired";
}

static void print_one(const json_t *one)
{
    const json_t *findings = json_object_get(one, "findings");
    printf("%s: %s\n", model_get_text(one, "name"), model_get_text(one, "result"));
    for (size_t i = 0; i < json_array_size(findings); i++)
        printf("  %s\n", json_string_value(json_array_get(findings, i)));
}

static void look_at(struct check *check, const char *text)
{
    struct coopi_segment_name name;
    json_t *findings = NULL, *one = model_object();
    int r = coopi_segment_name_parse(text, &name);
    if (r == 0)
        r = check->repair ? go_inside(text, check->trust, check->dry_run, &findings)
                          : judge(&name, text, check->trust, &findings);
    if (!findings) findings = model_array();
    int code = r < 0 ? shmctl_fail(r) : json_array_size(findings) && (!check->repair || check->dry_run) ? CORRUPT : 0;
    if (check->code == 0) check->code = code;
    model_text(one, "name", text);
    model_text(one, "result", r < 0 ? "failed" : result_of(check, findings));
    model_text(one, "sentence", r < 0 ? coop_error_detail() : NULL);
    model_number(one, "exit", (uint64_t)code);
    model_put(one, "findings", findings);
    if (!check->shmctl->json && r == 0) print_one(one);
    model_append(check->segments, one);
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct check *check = state->input;
    switch (key) {
    case ARGP_KEY_INIT: state->child_inputs[0] = check->shmctl; return 0;
    case 'n': check->dry_run = true; return 0;
    case 't': check->trust = true; return 0;
    case ARGP_KEY_ARG: check->names[check->name_count++] = arg; return 0;
    case ARGP_KEY_NO_ARGS: argp_error(state, "which segment? `shmctl ls` lists them"); return EINVAL;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static int run(struct check *check, const struct argp *argp, int argc, char **argv)
{
    const char *names[argc];
    check->names = names;
    if (argp_parse(argp, argc, argv, 0, NULL, check) != 0) return 2;
    json_t *document = model_object();
    check->segments = model_array();
    model_put(document, "segments", check->segments);
    for (int i = 0; i < check->name_count; i++) look_at(check, names[i]);
    if (check->shmctl->json) model_print(document);
    json_decref(document);
    return check->code;
}

static const struct argp_child children[] = {{.argp = &shmctl_common}, {0}};

int shmctl_check(struct shmctl *shmctl, int argc, char **argv)
{
    static const struct argp_option options[] = {{.name = "trust-peers", .key = 't', .doc = TRUST}, {0}};
    static const struct argp argp = {.options = options,
                                     .parser = parse,
                                     .children = children,
                                     .args_doc = "SEGMENT...",
                                     .doc = "Checks segments, and says what is wrong."};
    struct check check = {.shmctl = shmctl};
    return run(&check, &argp, argc, argv);
}

int shmctl_repair(struct shmctl *shmctl, int argc, char **argv)
{
    static const struct argp_option options[] = {
        {.name = "dry-run", .key = 'n', .doc = "Only say what would be mended"},
        {.name = "trust-peers", .key = 't', .doc = TRUST},
        {0},
    };
    static const struct argp argp = {.options = options,
                                     .parser = parse,
                                     .children = children,
                                     .args_doc = "SEGMENT...",
                                     .doc = "Mends segments while they are used: it attaches, and takes the "
                                            "directory's lock."};
    struct check check = {.shmctl = shmctl, .repair = true};
    return run(&check, &argp, argc, argv);
}
