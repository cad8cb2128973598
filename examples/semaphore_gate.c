/* SPDX-License-Identifier: MIT */
/* semaphore_gate: ten processes, three permits. With --kill two are killed while they hold one: all others still pass,
 * and never are more than three inside. */
#include <argp.h>
#include <coop/coop.h>
#include <coop/try.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define PROCESSES 10
#define PERMITS 3
#define VICTIMS 2

struct gate {
    bool kill;
    coop_semaphore *semaphore;
    coop_array *inside; /* the number of each process as long as it is inside, else 0 */
    coop_value *most;
};

/* How many are inside: who is killed never says that it is. */
static int64_t count(const struct gate *gate)
{
    int64_t n = 0;
    for (int i = 0; i < PROCESSES; i++) {
        int64_t there;
        COOP_MUST(coop_array_get(gate->inside, i, &there));
        n += there;
    }
    return n;
}

static int pass(const struct gate *gate, int number, bool die)
{
    int64_t most;
    COOP_TRY(coop_semaphore_acquire(gate->semaphore, COOP_FOREVER));
    if (die) raise(SIGKILL); /* its permit comes back by itself */
    COOP_TRY(coop_array_set(gate->inside, number, 1));
    int64_t here = count(gate);
    COOP_TRY(coop_value_get(gate->most, &most));
    while (here > most) {
        int r = coop_value_compare_exchange_i64(gate->most, &most, here);
        if (r < 0) return r;
        if (r == 1) break;
    }
    usleep(2000);
    COOP_TRY(coop_array_set(gate->inside, number, 0));
    return coop_semaphore_release(gate->semaphore);
}

static pid_t start(const struct gate *gate, int number)
{
    fflush(stdout);
    pid_t pid = fork();
    if (pid < 0) exit(1);
    if (pid > 0) return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* end with the program */
    COOP_MUST(pass(gate, number, gate->kill && number < VICTIMS));
    exit(0);
}

static const struct argp_option options[] = {
    {"kill", 'k', NULL, 0, "Kill two processes while they hold a permit", 0},
    {0},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    (void)arg;
    struct gate *gate = state->input;
    if (key != 'k') return ARGP_ERR_UNKNOWN;
    gate->kill = true;
    return 0;
}

int main(int argc, char **argv)
{
    static const struct argp argp = {options, parse, NULL, "Ten processes pass a gate with three permits.",
                                     NULL,    NULL,  NULL};
    struct gate gate = {0};
    argp_err_exit_status = 2;
    argp_parse(&argp, argc, argv, 0, NULL, &gate);
    COOP_MUST(coop_semaphore_new(PERMITS, 0, &gate.semaphore));
    COOP_MUST(coop_array_new("i", PROCESSES, &gate.inside));
    COOP_MUST(coop_value_new("i", &gate.most));
    for (int i = 0; i < PROCESSES; i++) start(&gate, i);

    int passed = 0, killed = 0, status;
    while (wait(&status) > 0) {
        passed += status == 0;
        killed += WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
    }
    int64_t most;
    COOP_MUST(coop_value_get(gate.most, &most));
    int free_permits = coop_semaphore_value(gate.semaphore);
    printf("%d passed, %d were killed, %" PRId64 " inside at most, %d permits are free\n", passed, killed, most,
           free_permits);
    coop_semaphore_close(gate.semaphore);
    coop_array_close(gate.inside);
    coop_value_close(gate.most);
    bool right = passed + killed == PROCESSES && killed == (gate.kill ? VICTIMS : 0) && most <= PERMITS &&
                 free_permits == PERMITS;
    return right ? 0 : 1;
}
