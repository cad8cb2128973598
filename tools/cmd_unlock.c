/* SPDX-License-Identifier: MIT */
/* shmctl unlock: takes a lock away from a living holder that will not let go. */
#include "shmctl.h"

#include "model.h"

#include "base/error.h"
#include "base/name.h"
#include "segment/force.h"
#include "segment/handle.h"
#include "segment/registry.h"

#include <coop/common.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define REASON_MAX 71 /* an event has no more room */

struct unlock {
    struct shmctl *shmctl;
    const char *what;
    const char *reason;
    bool force;
    bool trust;
};

static bool is_a_line(const char *text)
{
    for (; *text; text++)
        if (*text < ' ' || *text > '~') return false;
    return true;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct unlock *unlock = state->input;
    switch (key) {
    case ARGP_KEY_INIT: state->child_inputs[0] = unlock->shmctl; return 0;
    case 'f': unlock->force = true; return 0;
    case 't': unlock->trust = true; return 0;
    case 'r':
        if (!*arg || strlen(arg) > REASON_MAX || !is_a_line(arg))
            argp_error(state, "--reason takes a line of 1 to %d printable characters", REASON_MAX);
        unlock->reason = arg;
        return 0;
    case ARGP_KEY_ARG:
        if (unlock->what || !strchr(arg, '/')) argp_error(state, "one object, please: SEGMENT/OBJECT");
        unlock->what = arg;
        return 0;
    case ARGP_KEY_END:
        if (!unlock->what) argp_error(state, "which lock? `shmctl locks` shows who holds what");
        if (!unlock->force || !unlock->reason)
            argp_error(state, "its holder lives, and believes that it has the lock: say --force, and give a --reason "
                              "for those who will ask");
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

int shmctl_unlock(struct shmctl *shmctl, int argc, char **argv)
{
    static const struct argp_option options[] = {
        {.name = "force", .key = 'f', .doc = "Yes, although its holder lives"},
        {.name = "reason", .key = 'r', .arg = "TEXT", .doc = "Why; goes into the segment's events"},
        {.name = "trust-peers", .key = 't', .doc = "Open also segments that others may write, such as a group's"},
        {0},
    };
    static const struct argp_child children[] = {{.argp = &shmctl_common}, {0}};
    static const struct argp argp = {
        .options = options,
        .parser = parse,
        .children = children,
        .args_doc = "SEGMENT/OBJECT",
        .doc = "Takes a lock away from a living thread that will not let go: as if it had died. The next one is told so, "
               "and the thread's own release fails. Locks of the dead need no such thing."};
    struct unlock unlock = {.shmctl = shmctl};
    if (argp_parse(&argp, argc, argv, 0, NULL, &unlock) != 0) return 2;
    struct coopi_path path;
    struct coopi_map *map;
    int r = coopi_path_parse(unlock.what, &path);
    if (r == 0) r = coopi_segment_open_map(&path.segment, unlock.trust ? COOP_TRUST_PEERS : 0, &map);
    if (r < 0) return shmctl_fail(r);
    r = coopi_lock_force(map, path.object, unlock.reason);
    coopi_map_release(map);
    if (r < 0) return shmctl_fail(r);
    if (shmctl->json) {
        json_t *document = model_object();
        model_text(document, "unlocked", unlock.what);
        model_print(document);
        json_decref(document);
    } else
        printf("unlocked %s\n", unlock.what);
    return 0;
}
