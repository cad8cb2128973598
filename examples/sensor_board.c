/* SPDX-License-Identifier: MIT */
/* sensor_board: one writer updates a record, many readers take whole snapshots of it without a lock; a writer that is
 * killed leaves the version before, and the next one goes on from there. */
#include <argp.h>
#include <coop/coop.h>
#include <coop/try.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define MOST_READERS 64
#define KILL 'k'

struct reading {
    int64_t time;
    double value;
    char label[32];
};
#define READING "T{q:time: d:value: 32s:label:}"

struct tally {
    uint64_t snapshots, torn;
};
#define TALLY "T{Q:snapshots: Q:torn:}"

struct board {
    coop_value *sensor;
    coop_value *done;    /* readers end once it is 1 */
    coop_array *tallies; /* one a reader, who alone writes it */
    const char *segment;
    int64_t updates;
    int64_t readers;
    bool kill;
};

static struct reading reading_at(int64_t time)
{
    struct reading reading = {.time = time, .value = 0.5 * (double)time};
    snprintf(reading.label, sizeof reading.label, "reading %" PRId64, time);
    return reading;
}

/* From the last version on, whoever made it. */
static void write_all(const struct board *board)
{
    struct reading reading;
    COOP_MUST(coop_value_get_record(board->sensor, &reading));
    for (int64_t time = reading.time + 1; time <= board->updates; time++) {
        reading = reading_at(time);
        COOP_MUST(coop_value_set_record(board->sensor, &reading));
    }
}

static void read_on(const struct board *board, int64_t number)
{
    struct tally tally = {0};
    int64_t done, last = 0;
    do {
        struct reading seen;
        COOP_MUST(coop_value_get(board->done, &done));
        COOP_MUST(coop_value_get_record(board->sensor, &seen));
        struct reading expected = reading_at(seen.time);
        tally.snapshots++;
        tally.torn += seen.time < last || seen.value != expected.value || strcmp(seen.label, expected.label) != 0;
        last = seen.time;
    } while (!done);
    COOP_MUST(coop_array_set_record(board->tallies, number, &tally));
}

/* NUMBER -1: the writer. */
static pid_t start(const struct board *board, int64_t number)
{
    fflush(stdout);
    pid_t pid = fork();
    if (pid < 0) exit(1);
    if (pid > 0) return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* end with the program */
    if (number < 0)
        write_all(board);
    else
        read_on(board, number);
    _exit(0);
}

/* Kills the writer somewhere in its work. */
static void kill_at_half(const struct board *board, pid_t writer)
{
    struct reading seen = {0};
    while (seen.time < board->updates / 2) {
        COOP_MUST(coop_value_get_record(board->sensor, &seen));
        usleep(50);
    }
    kill(writer, SIGKILL);
}

/* Until a writer has come to the end. */
static void run_writers(const struct board *board)
{
    int status;
    bool kill_it = board->kill;
    for (;;) {
        pid_t writer = start(board, -1);
        if (kill_it) kill_at_half(board, writer);
        kill_it = false;
        if (waitpid(writer, &status, 0) < 0) exit(1);
        if (!WIFSIGNALED(status)) break;
        struct reading left;
        COOP_MUST(coop_value_get_record(board->sensor, &left));
        printf("writer %d died: %s; it left \"%s\", another one goes on\n", (int)writer, strsignal(WTERMSIG(status)),
               left.label);
    }
    if (status != 0) exit(1);
}

/* True if nobody saw anything but whole versions, and the last one is there. */
static bool run(const struct board *board)
{
    struct reading last = reading_at(0);
    struct tally sum = {0}, tally;
    pid_t readers[MOST_READERS];
    uint64_t first, versions;
    COOP_MUST(coop_value_set_record(board->sensor, &last));
    COOP_MUST(coop_value_version(board->sensor, &first));
    for (int64_t i = 0; i < board->readers; i++) readers[i] = start(board, i);
    run_writers(board);
    COOP_MUST(coop_value_set(board->done, 1));
    for (int64_t i = 0; i < board->readers; i++) {
        int status;
        if (waitpid(readers[i], &status, 0) < 0 || status != 0) exit(1);
        COOP_MUST(coop_array_get_record(board->tallies, i, &tally));
        sum.snapshots += tally.snapshots;
        sum.torn += tally.torn;
    }
    COOP_MUST(coop_value_get_version(board->sensor, &last, sizeof last, &versions));
    printf("%" PRId64 " readers took %" PRIu64 " snapshots of %" PRIu64 " versions, %" PRIu64 " torn\n", board->readers,
           sum.snapshots, versions - first, sum.torn);
    printf("last: time %" PRId64 ", value %.1f, label \"%s\"\n", last.time, last.value, last.label);
    return sum.torn == 0 && sum.snapshots > 0 && last.time == board->updates &&
           versions - first == (uint64_t)board->updates;
}

static void open_board(struct board *board)
{
    char path[128] = "";
    const char *name = board->segment ? path : NULL;
    if (board->segment) snprintf(path, sizeof path, "%s/sensor", board->segment);
    COOP_MUST(coop_value_open(name, READING, COOP_CREATE, &board->sensor));
    COOP_MUST(coop_value_new("?", &board->done));
    COOP_MUST(coop_array_new(TALLY, MOST_READERS, &board->tallies));
}

static const struct argp_option options[] = {
    {"updates", 'u', "N", 0, "Versions that are written (200000)", 0},
    {"readers", 'r', "N", 0, "Processes that read (3)", 0},
    {"kill", KILL, NULL, 0, "Kill the writer in the midst of it", 0},
    {"segment", 's', "NAME", 0,
     "Keep the record in a named segment, where `shmctl show NAME/sensor` sees it; `shmctl rm NAME` removes it", 0},
    {0},
};

static int64_t number(const char *arg, int64_t least, int64_t most, const char *option, struct argp_state *state)
{
    char *end;
    int64_t found = strtoll(arg, &end, 10);
    if (*end || end == arg || found < least || found > most)
        argp_error(state, "--%s: '%s' is not a number from %" PRId64 " to %" PRId64, option, arg, least, most);
    return found;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct board *board = state->input;
    switch (key) {
    case 'u': board->updates = number(arg, 1, INT64_C(1) << 40, "updates", state); return 0;
    case 'r': board->readers = number(arg, 1, MOST_READERS, "readers", state); return 0;
    case 's': board->segment = arg; return 0;
    case KILL: board->kill = true; return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

int main(int argc, char **argv)
{
    static const struct argp argp = {options, parse, NULL, "One writes a record, many read it whole.",
                                     NULL,    NULL,  NULL};
    struct board board = {.updates = 200000, .readers = 3};
    argp_err_exit_status = 2;
    argp_parse(&argp, argc, argv, 0, NULL, &board);
    open_board(&board);
    bool whole = run(&board);
    coop_array_close(board.tallies);
    coop_value_close(board.done);
    coop_value_close(board.sensor);
    return whole ? 0 : 1;
}
