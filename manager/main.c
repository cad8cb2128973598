/* SPDX-License-Identifier: MIT */
/* coop-manager: the program that owns managed objects. Its options. */
#include "base/error.h"
#include "server.h"

#include <argp.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

const char *argp_program_version = "coop-manager " COOP_VERSION;

#define USAGE_EXIT 2

struct arguments {
    const char *name;
    const char *listen;
    int watch;
};

static const struct argp_option options[] = {
    {"name", 'n', "NAME", 0, "Be the manager of this name: clients connect to NAME (default: \"default\")", 0},
    {"listen", 'l', "ipc://PATH", 0, "Listen there instead of at the name's own place; PATH is absolute", 0},
    {"watch-pidfd", 'w', "FD", 0, "End when the process that this inherited pidfd refers to ends", 0},
    {NULL, 0, NULL, 0, NULL, 0},
};

/* A descriptor that is open and a pidfd: its information names the process. */
static int is_pidfd(int fd)
{
    char path[64];
    char line[128];
    int found = 0;
    snprintf(path, sizeof path, "/proc/self/fdinfo/%d", fd);
    FILE *info = fopen(path, "re");
    while (info && fgets(line, sizeof line, info)) found |= strncmp(line, "Pid:", 4) == 0;
    if (info) fclose(info);
    return found;
}

static int parse_watch(const char *text, struct argp_state *state)
{
    char *end;
    errno = 0;
    long fd = strtol(text, &end, 10);
    if (errno || end == text || *end || fd < 0 || fd > INT_MAX || !is_pidfd((int)fd))
        argp_error(state, "--watch-pidfd: '%s' is not the number of an open pidfd", text);
    if (fcntl((int)fd, F_SETFD, FD_CLOEXEC) < 0) argp_failure(state, USAGE_EXIT, errno, "--watch-pidfd");
    return (int)fd;
}

static error_t parse(int key, char *value, struct argp_state *state)
{
    struct arguments *arguments = state->input;
    switch (key) {
    case 'n': arguments->name = value; return 0;
    case 'l': arguments->listen = value; return 0;
    case 'w': arguments->watch = parse_watch(value, state); return 0;
    case ARGP_KEY_ARG: argp_error(state, "'%s' is not expected: there are only options", value); return EINVAL;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static int start(const struct arguments *arguments)
{
    struct server_options server = {.name = arguments->name, .watch = arguments->watch};
    if (!coopi_is_manager_name(arguments->name))
        return coopi_fail(
            EINVAL,
            "manager \"%s\": not a name; a name is a letter, digit, _ or - and up to 99 of these and dots "
            "behind it",
            arguments->name);
    int result = coopi_address_parse(arguments->listen ? arguments->listen : arguments->name, &server.address);
    if (result == 0 && arguments->listen && server.address.name[0])
        return coopi_fail(EINVAL, "--listen %s: not an ipc://PATH", arguments->listen);
    return result < 0 ? result : server_run(&server);
}

int main(int argc, char *argv[])
{
    static const struct argp argp = {
        options,
        parse,
        NULL,
        "Owns lists and dicts that other programs share, and serves them until SIGTERM or SIGINT."
        "\vSee coop-manager(1).",
        NULL,
        NULL,
        NULL};
    struct arguments arguments = {.name = COOPI_MANAGER_DEFAULT, .watch = -1};
    argp_err_exit_status = USAGE_EXIT;
    argp_parse(&argp, argc, argv, 0, NULL, &arguments);
    int result = start(&arguments);
    if (result < 0) fprintf(stderr, "coop-manager: %s\n", coop_error_detail());
    return coop_exit_code(result);
}
