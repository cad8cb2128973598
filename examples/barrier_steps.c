/* SPDX-License-Identifier: MIT */
/* barrier_steps: four processes simulate how heat spreads along a rod, step by step, each its own part of it. A barrier
 * keeps them in step. With --kill one dies in the middle: the others are told which, and the last whole step stands. */
#include <argp.h>
#include <coop/coop.h>
#include <coop/try.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define PARTIES 4
#define POINTS 400
#define STEPS 60
#define SHOWN_EVERY 20
#define FATAL_STEP 30

struct rod {
    bool kill;
    coop_array *heat[2]; /* step N is in heat[N % 2] */
    coop_value *steps;   /* made by all */
    coop_barrier *barrier;
};

static double next(const double *now, int i)
{
    double left = i > 0 ? now[i - 1] : now[i], right = i < POINTS - 1 ? now[i + 1] : now[i];
    return now[i] + (left - 2 * now[i] + right) / 4;
}

static double *view(const struct rod *rod, int64_t step)
{
    return coop_array_data(rod->heat[step % 2]);
}

/* Runs once a step, in the last process to arrive, before anybody goes on. */
static int finish_step(void *user)
{
    const struct rod *rod = user;
    int64_t step;
    COOP_TRY(coop_value_add(rod->steps, 1, &step));
    if (step % SHOWN_EVERY == 0) printf("step %" PRId64 ": %.3f in the middle\n", step, view(rod, step)[POINTS / 2]);
    fflush(stdout);
    return 0;
}

static int simulate(struct rod *rod, int part)
{
    coop_barrier_set_action(rod->barrier, finish_step, rod);
    COOP_TRY(coop_barrier_join(rod->barrier)); /* from now on our death is everybody's business */
    for (int step = 0; step < STEPS; step++) {
        const double *now = view(rod, step);
        double *then = view(rod, step + 1);
        for (int i = part * POINTS / PARTIES; i < (part + 1) * POINTS / PARTIES; i++) then[i] = next(now, i);
        if (rod->kill && part == 1 && step == FATAL_STEP) raise(SIGKILL);
        COOP_TRY(coop_barrier_wait(rod->barrier, COOP_FOREVER, NULL));
    }
    return coop_barrier_leave(rod->barrier);
}

static void run(struct rod *rod, int part)
{
    coop_lock_holder dead;
    int r = simulate(rod, part);
    if (r == -EPIPE && coop_barrier_breaker(rod->barrier, &dead) == 0) {
        printf("process %d is told: process %d (%s) died\n", part, (int)dead.pid, dead.command);
        exit(3);
    }
    COOP_MUST(r);
    exit(0);
}

/* The same in one process. */
static double expected(int steps)
{
    double heat[2][POINTS] = {{0}};
    heat[0][POINTS / 2] = 1000;
    for (int step = 0; step < steps; step++)
        for (int i = 0; i < POINTS; i++) heat[(step + 1) % 2][i] = next(heat[step % 2], i);
    return heat[steps % 2][POINTS / 2];
}

static const struct argp_option options[] = {
    {"kill", 'k', NULL, 0, "Kill a process in the middle", 0},
    {0},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    (void)arg;
    struct rod *rod = state->input;
    if (key != 'k') return ARGP_ERR_UNKNOWN;
    rod->kill = true;
    return 0;
}

int main(int argc, char **argv)
{
    static const struct argp argp = {options, parse, NULL, "Four processes simulate heat in a rod, in step.",
                                     NULL,    NULL,  NULL};
    struct rod rod = {0};
    argp_err_exit_status = 2;
    argp_parse(&argp, argc, argv, 0, NULL, &rod);
    COOP_MUST(coop_barrier_new(PARTIES, &rod.barrier));
    COOP_MUST(coop_value_new("i", &rod.steps));
    for (int i = 0; i < 2; i++) COOP_MUST(coop_array_new("d", POINTS, &rod.heat[i]));
    COOP_MUST(coop_array_set(rod.heat[0], POINTS / 2, 1000.0));
    for (int part = 0; part < PARTIES; part++) {
        fflush(stdout);
        pid_t pid = fork();
        if (pid < 0) exit(1);
        if (pid > 0) continue;
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* end with the program */
        run(&rod, part);
    }
    int finished = 0, told = 0, status;
    while (wait(&status) > 0) {
        finished += status == 0;
        told += WIFEXITED(status) && WEXITSTATUS(status) == 3;
    }
    int64_t steps;
    COOP_MUST(coop_value_get(rod.steps, &steps));
    double middle = view(&rod, steps)[POINTS / 2];
    printf("%" PRId64 " whole steps: %.3f in the middle\n", steps, middle);
    for (int i = 0; i < 2; i++) coop_array_close(rod.heat[i]);
    coop_value_close(rod.steps);
    coop_barrier_close(rod.barrier);
    bool right = rod.kill ? steps == FATAL_STEP && told == PARTIES - 1 : steps == STEPS && finished == PARTIES;
    return right && middle == expected((int)steps) ? 0 : 1;
}
