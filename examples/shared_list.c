/* SPDX-License-Identifier: MIT */
/* shared_list: two processes each append 0..4 to one list that a manager holds. */
#include <argp.h>
#include <coop/coop.h>
#include <coop/try.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#define WORKERS 2
#define NUMBERS 5

struct plan {
    const char *address; /* of a manager that runs already; NULL: start one */
    bool kill_server;
};

static int append_all(coop_list *numbers)
{
    for (int i = 0; i < NUMBERS; i++) COOP_TRY(coop_list_append(numbers, coop_int(i)));
    return 0;
}

/* Returns when all workers have ended; the program's other child, the manager, goes on. */
static void run_workers(coop_list *numbers)
{
    pid_t workers[WORKERS];
    for (int i = 0; i < WORKERS; i++) {
        workers[i] = fork();
        if (workers[i] == 0) {
            COOP_MUST(append_all(numbers)); /* the handle is good in the child: it connects anew, as itself */
            exit(0);
        }
    }
    for (int i = 0; i < WORKERS; i++) {
        int status = -1;
        waitpid(workers[i], &status, 0);
        if (status != 0) printf("worker %d did not finish: some numbers are missing\n", i);
    }
}

static void open_manager(const struct plan *plan, coop_manager **ret_manager)
{
    if (plan->address)
        COOP_MUST(coop_manager_connect(plan->address, ret_manager));
    else
        COOP_MUST(coop_manager_start(NULL, ret_manager));
}

static void kill_server(pid_t pid)
{
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

/* The exit code. */
static int print_all(coop_list *numbers)
{
    __attribute__((cleanup(coop_any_closep))) coop_any all = coop_nil();
    int result = coop_list_copy(numbers, &all);
    if (result < 0) {
        fprintf(stderr, "shared_list: %s\n", coop_error_detail());
        return coop_exit_code(result);
    }
    COOP_MUST(coop_any_print(all, stdout));
    printf("\n");
    return all.size == WORKERS * NUMBERS ? 0 : 1;
}

static const struct argp_option options[] = {
    {"manager", 'm', "NAME", 0, "Use the manager at this name or address, as $COOP_MANAGER does (default: start one)",
     0},
    {"kill-server", 'k', NULL, 0, "SIGKILL the started manager before the list is read, to see what a client is told",
     0},
    {0},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct plan *plan = state->input;
    switch (key) {
    case 'm': plan->address = arg; return 0;
    case 'k': plan->kill_server = true; return 0;
    case ARGP_KEY_END:
        if (plan->kill_server && plan->address) argp_error(state, "--kill-server kills only a manager that it started");
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

int main(int argc, char **argv)
{
    static const struct argp argp = {options, parse, NULL, "Two processes append to one managed list.",
                                     NULL,    NULL,  NULL};
    struct plan plan = {.address = getenv("COOP_MANAGER")};
    argp_err_exit_status = 2;
    argp_parse(&argp, argc, argv, 0, NULL, &plan);

    COOP_AUTO(coop_manager) manager = NULL;
    COOP_AUTO(coop_list) numbers = NULL;
    open_manager(&plan, &manager);
    COOP_MUST(coop_list_open(manager, NULL, 0, &numbers));
    run_workers(numbers);
    if (plan.kill_server) kill_server(coop_manager_pid(manager));
    return print_all(numbers);
}
