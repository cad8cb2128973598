/* SPDX-License-Identifier: MIT */
/* What shmctl's subcommands share. */
#include "shmctl.h"

#include "text.h"

#include <coop/error.h>

#include <stdio.h>

static error_t parse(int key, char *arg, struct argp_state *state)
{
    (void)arg;
    if (key != 'j') return ARGP_ERR_UNKNOWN;
    struct shmctl *shmctl = state->input;
    shmctl->json = true;
    return 0;
}

static const struct argp_option options[] = {
    {.name = "json", .key = 'j', .doc = "Print one JSON document instead of tables"},
    {0},
};

const struct argp shmctl_common = {.options = options, .parser = parse};

int shmctl_fail(int result)
{
    char sentence[1024];
    const char *detail = coop_error_detail();
    text_sentence(*detail ? detail : coop_strerror(result), sentence, sizeof sentence);
    fprintf(stderr, "shmctl: %s\n", sentence);
    return coop_exit_code(result);
}
