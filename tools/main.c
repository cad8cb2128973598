/* SPDX-License-Identifier: MIT */
/* shmctl: looks into libcoop's shared-memory segments from outside, without stopping anyone. */
#include "shmctl.h"

#include <coop/common.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define USAGE 2

const char *argp_program_version = "shmctl (libcoop) " COOP_VERSION;

struct command {
    const char *name;
    const char *title; /* the program's name in the subcommand's own messages */
    int (*run)(struct shmctl *shmctl, int argc, char **argv);
};

static const struct command commands[] = {
#define COMMAND(name, arguments, purpose) {#name, "shmctl " #name, shmctl_##name},
    SHMCTL_COMMANDS(COMMAND)
#undef COMMAND
};

struct line {
    struct shmctl shmctl;
    const struct command *command;
    int first; /* index of the subcommand in argv */
};

static const struct command *find_command(const char *name)
{
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        if (strcmp(commands[i].name, name) == 0) return &commands[i];
    return NULL;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct line *line = state->input;
    switch (key) {
    case ARGP_KEY_INIT: state->child_inputs[0] = &line->shmctl; return 0;
    case ARGP_KEY_ARG:
        line->command = find_command(arg);
        if (!line->command) argp_error(state, "there is no subcommand '%s'", arg);
        line->first = state->next - 1;
        state->next = state->argc; /* the rest is the subcommand's */
        return 0;
    case ARGP_KEY_NO_ARGS: argp_error(state, "which subcommand?"); return EINVAL;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static const char doc[] = "Looks into libcoop's shared-memory segments from outside, without stopping anyone."
                          "\vSubcommands:\n"
#define DOC(name, arguments, purpose) "  " #name " " arguments "\n        " purpose "\n"
    SHMCTL_COMMANDS(DOC)
#undef DOC
        "\n`shmctl SUBCOMMAND --help` tells its options.\n"
        "Exit codes: 0 ok, 1 failed, 2 usage, 3 absent, 4 denied, 5 corrupt, 6 owner died, "
        "7 timed out, 8 busy.";

static int finish(int code)
{
    if (fflush(stdout) == 0 && !ferror(stdout)) return code;
    perror("shmctl: stdout");
    return code ? code : 1;
}

int main(int argc, char **argv)
{
    static const struct argp_child children[] = {{.argp = &shmctl_common}, {0}};
    static const struct argp argp = {
        .parser = parse, .args_doc = "SUBCOMMAND [ARGUMENT...]", .doc = doc, .children = children};
    struct line line = {0};
    argp_err_exit_status = USAGE;
    if (argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, &line) != 0) return USAGE;
    argv[line.first] = (char *)line.command->title;
    return finish(line.command->run(&line.shmctl, argc - line.first, argv + line.first));
}
