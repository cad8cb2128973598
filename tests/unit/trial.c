/* SPDX-License-Identifier: MIT */
/* Operations with each of their allocations and system calls failing. */
#include "unit/trial.h"

#include "harness/failing.h"
#include "harness/forge.h"
#include "unit/meeting.h"

#include <coop/error.h>
#include <coop/segment.h>

#define MOST 400 /* calls an operation; more is an endless loop */

bool trial_name_is_there(const char *name)
{
    return access(forge_path(name), F_OK) == 0;
}

/* The counts of what must not leak. */
struct counts {
    int descriptors, maps;
    long blocks;
};

/* One try: the NTHth call fails. */
struct attempt {
    const struct trial *trial;
    unsigned nth;
    bool cold; /* the first of its process */
    bool for_good;
};

static struct counts counts_now(const struct trial *trial)
{
    int maps = count_maps(trial->name) + (trial->anonymous ? count_maps("memfd:coop") : 0);
    return (struct counts){count_descriptors(), maps, failing_blocks()};
}

static void fail_attempt(const struct attempt *attempt, const char *what)
{
    FAIL("%s: call %u (%s) fails%s, and %s: %s", attempt->trial->what ? attempt->trial->what : "it", attempt->nth,
         failing_what() ? failing_what() : "nothing", attempt->for_good ? " with all behind it" : "", what,
         coop_error_detail());
}

static void check_counts(const struct attempt *attempt, const struct counts *before)
{
    struct counts after = counts_now(attempt->trial);
    if (after.descriptors > before->descriptors + attempt->trial->keeps) fail_attempt(attempt, "a descriptor is left");
    if (after.maps > before->maps) fail_attempt(attempt, "a mapping is left");
    if (!attempt->cold && after.blocks > before->blocks) fail_attempt(attempt, "memory is left");
}

static void close_handles(const struct trial *trial)
{
    if (trial->close) trial->close();
}

static void check_failed(const struct attempt *attempt)
{
    const struct trial *trial = attempt->trial;
    if (!*coop_error_detail()) fail_attempt(attempt, "there is no sentence");
    if (trial->any_open && trial->any_open() && !trial->in_place) fail_attempt(attempt, "an output is set");
    if (trial->makes_name && trial_name_is_there(trial->name)) fail_attempt(attempt, "the name is there");
}

static void try_once(const struct attempt *attempt, bool *ret_all)
{
    const struct trial *trial = attempt->trial;
    if (trial->prepare) trial->prepare();
    struct counts before = counts_now(trial);
    failing_begin(attempt->nth, attempt->for_good);
    int r = trial->run();
    *ret_all = failing_end() < attempt->nth;
    if (*ret_all && r < 0) fail_attempt(attempt, "it fails all the same");
    if (r < 0) check_failed(attempt);
    if (trial->check) trial->check(r);
    close_handles(trial);
    check_counts(attempt, &before);
    if (r < 0) {
        if (trial->prepare) trial->prepare();
        if (trial->run() < 0) fail_attempt(attempt, "afterwards it never works again");
        if (trial->check) trial->check(0);
        close_handles(trial);
    }
    if (trial_name_is_there(trial->name)) CHECK_OK(coop_segment_remove(trial->name, COOP_FORCE));
}

void trial_each(const struct trial *trial)
{
    bool *all = test_shared(sizeof *all);
    for (int mode = 0; mode < 4; mode++) {
        struct attempt attempt = {trial, 1, mode < 2, mode % 2};
        bool done;
        *all = false;
        if (!attempt.cold) try_once(&(struct attempt){trial, MOST, true, false}, &done); /* what is done only once */
        for (; !*all && attempt.nth < MOST; attempt.nth++) {
            pid_t child;
            if (!attempt.cold) {
                try_once(&attempt, all);
                continue;
            }
            CHILD(child) try_once(&attempt, all);
            child_must(child);
        }
        CHECK(attempt.nth < MOST);
        CHECK(attempt.nth > 2);
    }
}
