/* SPDX-License-Identifier: MIT */
/* shmctl gc: removes the segments that nobody lives in any more, with the kernel's word as the proof. */
#include "shmctl.h"

#include "model.h"
#include "table.h"

#include "base/error.h"
#include "segment/abandoned.h"
#include "segment/attach.h"

#include <coop/error.h>
#include <coop/segment.h>

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATIENCE INT64_C(100000000)

struct gc {
    struct shmctl *shmctl;
    bool dry_run;
    bool all; /* also those that are to stay until they are removed */
    const char **names;
    int name_count; /* 0: all of the user's */
    int code;
};

enum fate { KEPT, ENDS, GONE, FAILED };

static const char *const fates[] = {"kept", "removed", "gone", "failed"};

static enum fate end_it(const struct gc *gc, const struct coopi_segment_name *name, int fd, const char **ret_why)
{
    switch (coopi_abandoned_end(name, fd, PATIENCE, gc->dry_run)) {
    case 0: *ret_why = "nobody has it open or mapped: the kernel granted a write lease"; return ENDS;
    case -ENOENT: *ret_why = "somebody else removed it first"; return GONE;
    case -EBUSY: *ret_why = "somebody else removes or opens it just now"; return KEPT;
    case -EAGAIN: *ret_why = "somebody has it open or mapped: the kernel refuses a write lease"; return KEPT;
    case -ENOLCK: *ret_why = "the kernel cannot tell whether anybody has it: it gives no lease on it"; return KEPT;
    default: return FAILED;
    }
}

static enum fate judge(const struct gc *gc, const struct coopi_segment_name *name, int fd, const char **ret_why)
{
    struct coopi_header header;
    struct stat st;
    bool there = fstat(fd, &st) == 0 && pread(fd, &header, sizeof header, 0) == (ssize_t)sizeof header;
    if (!there || coopi_header_check(&header, (uint64_t)st.st_size, name->name) < 0) {
        *ret_why =
            "it is damaged or of another format, so nothing it says can be believed; `shmctl rm --force` removes it";
        return KEPT;
    }
    if (header.lifetime == COOPI_UNTIL_REMOVED && !gc->all) {
        *ret_why = "it was made to stay until it is removed (--all takes those as well)";
        return KEPT;
    }
    return end_it(gc, name, fd, ret_why);
}

static bool is_there(const struct coopi_segment_name *name)
{
    char path[sizeof COOPI_SHM_FOLDER + COOPI_SHM_NAME];
    struct stat st;
    snprintf(path, sizeof path, COOPI_SHM_FOLDER "%s", name->shm);
    return lstat(path, &st) == 0;
}

static void look_at(struct gc *gc, const struct coopi_segment_name *name, json_t *segments)
{
    const char *why = NULL;
    enum fate fate = FAILED;
    bool there = is_there(name);
    int fd, r = coopi_segment_file_open(name, COOP_TRUST_PEERS, &fd); /* it is not mapped */
    if (r == -ENOENT && gc->name_count == 0) return;                  /* it has gone since it was listed */
    if (r == -ENOENT && there) {
        fate = GONE;
        why = "somebody else removed it while it was opened";
    } else if (r == 0) {
        fate = judge(gc, name, fd, &why);
        close(fd);
    }
    if (fate == FAILED && gc->code == 0) gc->code = r < 0 ? shmctl_fail(r) : 1;
    json_t *one = model_object();
    model_text(one, "name", name->name);
    model_text(one, "result", fate == ENDS && gc->dry_run ? "would be removed" : fates[fate]);
    model_text(one, "proof", fate == FAILED ? coop_error_detail() : why);
    model_append(segments, one);
}

static int ours(const struct dirent *file)
{
    char prefix[32];
    int length = snprintf(prefix, sizeof prefix, "coop.%u.", (unsigned)geteuid());
    return strncmp(file->d_name, prefix, (size_t)length) == 0;
}

static void look_at_all(struct gc *gc, json_t *segments)
{
    struct dirent **files;
    int count = scandir(COOPI_SHM_FOLDER, &files, ours, alphasort);
    if (count < 0) {
        fprintf(stderr, "shmctl: " COOPI_SHM_FOLDER ": %s\n", strerror(errno));
        gc->code = errno == EACCES ? 4 : 1;
        return;
    }
    for (int i = 0; i < count; i++) {
        struct coopi_segment_name name;
        const char *text = strchr(strchr(files[i]->d_name, '.') + 1, '.') + 1;
        if (coopi_segment_name_parse(text, &name) == 0) look_at(gc, &name, segments);
        free(files[i]);
    }
    free(files);
}

static void look_at_named(struct gc *gc, json_t *segments)
{
    for (int i = 0; i < gc->name_count; i++) {
        struct coopi_segment_name name;
        int r = coopi_segment_name_parse(gc->names[i], &name);
        if (r == 0)
            look_at(gc, &name, segments);
        else if (gc->code == 0)
            gc->code = shmctl_fail(r);
    }
}

static int count_result(const json_t *segments, const char *result)
{
    int count = 0;
    for (size_t i = 0; i < json_array_size(segments); i++)
        count += strcmp(model_get_text(json_array_get(segments, i), "result"), result) == 0;
    return count;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct gc *gc = state->input;
    switch (key) {
    case ARGP_KEY_INIT: state->child_inputs[0] = gc->shmctl; return 0;
    case 'n': gc->dry_run = true; return 0;
    case 'a': gc->all = true; return 0;
    case ARGP_KEY_ARG: gc->names[gc->name_count++] = arg; return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

int shmctl_gc(struct shmctl *shmctl, int argc, char **argv)
{
    static const struct argp_option options[] = {
        {.name = "dry-run", .key = 'n', .doc = "Only say what would be removed"},
        {.name = "all", .key = 'a', .doc = "Also segments that are to stay until they are removed"},
        {0},
    };
    static const struct argp_child children[] = {{.argp = &shmctl_common}, {0}};
    static const struct argp argp = {.options = options,
                                     .parser = parse,
                                     .children = children,
                                     .args_doc = "[SEGMENT...]",
                                     .doc = "Removes one's own segments that were made to end with their last user and "
                                            "have none, and says the proof."};
    static const struct table_column columns[] = {
        {.title = "SEGMENT", .key = "name"}, {.title = "RESULT", .key = "result"}, {.title = "PROOF", .key = "proof"}};
    const char *names[argc];
    struct gc gc = {.shmctl = shmctl, .names = names};
    if (argp_parse(&argp, argc, argv, 0, NULL, &gc) != 0) return 2;
    json_t *document = model_object(), *segments = model_array();
    model_put(document, "segments", segments);
    if (gc.name_count)
        look_at_named(&gc, segments);
    else
        look_at_all(&gc, segments);
    model_number(document, "removed", (uint64_t)count_result(segments, "removed"));
    if (shmctl->json)
        model_print(document);
    else if (json_array_size(segments) == 0)
        puts("there are no segments");
    else
        table_print(segments, columns, sizeof columns / sizeof columns[0]);
    json_decref(document);
    return gc.code;
}
