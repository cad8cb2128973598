/* SPDX-License-Identifier: MIT */
/* shmctl rm: removes segments, and objects in them. */
#include "shmctl.h"

#include "model.h"

#include "base/error.h"
#include "base/name.h"
#include "segment/naming.h"

#include <coop/segment.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct rm {
    struct shmctl *shmctl;
    bool force;
    bool trust;
    const char **names; /* in the order of the command line; removed once all options are known */
    int name_count;
    json_t *removed;
    json_t *failed;
    int code; /* of the first failure */
};

/* True for what is wrong with the segment itself, and not with the name, the caller or the moment. */
static bool is_damage(int result)
{
    return result == -EBADMSG || result == -ENOTSUP || result == -EACCES;
}

/* A plain file of ours may go, whatever is in it. */
static int check_file(const char *name, const char *path, int fd)
{
    struct stat status;
    if (fstat(fd, &status) != 0) return coopi_fail(errno, "%s: fstat: %s", name, strerror(errno));
    if (!S_ISREG(status.st_mode))
        return coopi_fail(EACCES, "%s: %s is not a regular file; look at it, and remove it with `rm`", name, path);
    if (status.st_uid != geteuid() && geteuid() != 0)
        return coopi_fail(EACCES, "%s: belongs to uid %u; ask its owner to remove it", name, (unsigned)status.st_uid);
    return 0;
}

/* A file in a segment's place that the library will not touch, with --force: the one that was judged, and not what has
 * come under its name since. */
static int remove_file(const char *text)
{
    struct coopi_segment_name name;
    char path[sizeof COOPI_SHM_FOLDER + COOPI_SHM_NAME];
    int r = coopi_segment_name_parse(text, &name);
    if (r < 0) return r;
    snprintf(path, sizeof path, COOPI_SHM_FOLDER "%s", name.shm);
    int fd = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC); /* reads nothing, and a FIFO cannot hold it up */
    if (fd < 0) return coopi_fail(errno, "%s: %s: %s", name.name, path, strerror(errno));
    r = check_file(name.name, path, fd);
    if (r == 0) r = coopi_unlink_if_same(&name, fd);
    close(fd);
    return r;
}

static void remove_one(struct rm *rm, const char *text)
{
    int flags = (rm->force ? COOP_FORCE : 0) | (rm->trust ? COOP_TRUST_PEERS : 0);
    bool object = strchr(text, '/') != NULL;
    int r = object ? coop_object_remove(text, flags) : coop_segment_remove(text, flags);
    if (!object && rm->force && is_damage(r)) r = remove_file(text);
    if (r >= 0) {
        model_append(rm->removed, model_new_text(text));
        if (!rm->shmctl->json) printf("removed %s\n", text);
        return;
    }
    json_t *failure = model_object();
    model_text(failure, "name", text);
    model_text(failure, "sentence", coop_error_detail());
    model_number(failure, "exit", (uint64_t)coop_exit_code(r));
    model_append(rm->failed, failure);
    int code = shmctl_fail(r);
    if (rm->code == 0) rm->code = code;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct rm *rm = state->input;
    switch (key) {
    case ARGP_KEY_INIT: state->child_inputs[0] = rm->shmctl; return 0;
    case 'f': rm->force = true; return 0;
    case 't': rm->trust = true; return 0;
    case ARGP_KEY_ARG: rm->names[rm->name_count++] = arg; return 0;
    case ARGP_KEY_NO_ARGS: argp_error(state, "which segment? `shmctl ls` lists them"); return EINVAL;
    default: return ARGP_ERR_UNKNOWN;
    }
}

int shmctl_rm(struct shmctl *shmctl, int argc, char **argv)
{
    static const struct argp_option options[] = {
        {.name = "force", .key = 'f', .doc = "Remove also what is in use, and what is damaged"},
        {.name = "trust-peers", .key = 't', .doc = "Open also segments that others may write, such as a group's"},
        {0},
    };
    static const struct argp_child children[] = {{.argp = &shmctl_common}, {0}};
    static const struct argp argp = {.options = options,
                                     .parser = parse,
                                     .children = children,
                                     .args_doc = "SEGMENT[/OBJECT]...",
                                     .doc = "Removes segments, or objects in them. Who is attached, or has the object "
                                            "open, keeps the memory until the end."};
    const char *names[argc];
    struct rm rm = {.shmctl = shmctl, .names = names};
    if (argp_parse(&argp, argc, argv, 0, NULL, &rm) != 0) return 2;

    json_t *document = model_object();
    rm.removed = model_array();
    rm.failed = model_array();
    model_put(document, "removed", rm.removed);
    model_put(document, "failed", rm.failed);
    for (int i = 0; i < rm.name_count; i++) remove_one(&rm, names[i]);
    if (shmctl->json) model_print(document);
    json_decref(document);
    return rm.code;
}
