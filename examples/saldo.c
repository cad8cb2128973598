/* SPDX-License-Identifier: MIT */
/* saldo: two workers deposit 1 into a shared account 100,000 times each, under its lock or, to see why, without it. */
#include <argp.h>
#include <coop/coop.h>
#include <coop/try.h>
#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define WORKERS 2
#define HOLD 0x100 /* an option without a letter */

struct account {
    const char *segment; /* NULL: nameless, gone with this program */
    int64_t deposits;    /* of each worker */
    bool threads;
    bool no_lock;
    bool hold;
    coop_value *balance;
    coop_value *gate; /* how often a worker has come to it */
};

static int deposit(struct account *account)
{
    int held;
    COOP_WITH_LOCK(coop_value_lock(account->balance), COOP_FOREVER, held) {
        /* A balance is one number: if the last owner died (held == COOP_OWNER_DIED), it is the old or the new one. */
        int64_t balance;
        COOP_TRY(coop_value_get(account->balance, &balance));
        COOP_TRY(coop_value_set(account->balance, balance + 1));
    }
    return held;
}

/* Goes on when workers have come COUNT times. */
static int pass_gate(struct account *account, int64_t count)
{
    int64_t come;
    COOP_TRY(coop_value_add(account->gate, 1, &come));
    while (come < count) {
        sched_yield();
        COOP_TRY(coop_value_get(account->gate, &come));
    }
    return 0;
}

static int deposit_without_lock(struct account *account, int64_t i)
{
    int64_t balance;
    COOP_TRY(coop_value_get(account->balance, &balance));
    if (i == 0) COOP_TRY(pass_gate(account, INT64_C(2) * WORKERS)); /* the same number in both hands */
    if (i % 100 == 0) sched_yield();
    return coop_value_set(account->balance, balance + 1);
}

static void work(struct account *account)
{
    if (account->no_lock) COOP_MUST(pass_gate(account, WORKERS));
    for (int64_t i = 0; i < account->deposits; i++)
        COOP_MUST(account->no_lock ? deposit_without_lock(account, i) : deposit(account));
}

static void *run_thread(void *account)
{
    work(account);
    return NULL;
}

static void run_threads(struct account *account)
{
    pthread_t threads[WORKERS];
    for (int i = 0; i < WORKERS; i++)
        if (pthread_create(&threads[i], NULL, run_thread, account) != 0) exit(1);
    for (int i = 0; i < WORKERS; i++) pthread_join(threads[i], NULL);
}

static void run_processes(struct account *account)
{
    for (int i = 0; i < WORKERS; i++) {
        pid_t pid = fork();
        if (pid < 0) exit(1);
        if (pid > 0) continue;
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* end with the program */
        work(account);
        exit(0);
    }
    int status;
    for (pid_t pid; (pid = wait(&status)) > 0;)
        if (status != 0) printf("worker %d did not finish: %s\n", (int)pid, strsignal(WTERMSIG(status)));
}

static void open_account(struct account *account)
{
    char path[128] = "";
    const char *name = account->segment ? path : NULL;
    if (account->segment) snprintf(path, sizeof path, "%s/saldo", account->segment);
    COOP_MUST(coop_value_open(name, "q", COOP_CREATE, &account->balance));
    COOP_MUST(coop_value_new("i", &account->gate));
}

/* Takes the lock and does not let go. */
static void hold(struct account *account)
{
    COOP_MUST(coop_rlock_acquire(coop_value_lock(account->balance), COOP_FOREVER));
    printf("process %d holds the lock of %s\n", (int)getpid(), coop_value_path(account->balance));
    fflush(stdout);
    for (;;) pause();
}

static const struct argp_option options[] = {
    {"threads", 't', NULL, 0, "Workers are threads, not processes", 0},
    {"no-lock", 'n', NULL, 0, "Deposit without the lock, and lose money", 0},
    {"deposits", 'd', "N", 0, "Deposits of each worker (100000)", 0},
    {"segment", 's', "NAME", 0,
     "Keep the account in a named segment, where shmctl sees it; `shmctl rm NAME` removes it", 0},
    {"hold", HOLD, NULL, 0, "Only take the lock, and hold it until killed (with --segment)", 0},
    {0},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct account *account = state->input;
    char *end = arg;
    switch (key) {
    case 't': account->threads = true; return 0;
    case 'n': account->no_lock = true; return 0;
    case 's': account->segment = arg; return 0;
    case HOLD: account->hold = true; return 0;
    case 'd':
        account->deposits = strtoll(arg, &end, 10);
        if (*end || end == arg || account->deposits < 0 || account->deposits > INT64_MAX / WORKERS)
            argp_error(state, "--deposits: '%s' is no number", arg);
        return 0;
    case ARGP_KEY_END:
        if (account->hold && !account->segment) argp_error(state, "--hold needs --segment");
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

int main(int argc, char **argv)
{
    static const struct argp argp = {options, parse, NULL, "Two workers deposit into one shared account.",
                                     NULL,    NULL,  NULL};
    struct account account = {.deposits = 100000};
    argp_err_exit_status = 2;
    argp_parse(&argp, argc, argv, 0, NULL, &account);
    open_account(&account);
    if (account.hold) hold(&account);

    int64_t expected = WORKERS * account.deposits;
    int64_t balance;
    COOP_MUST(coop_value_set(account.balance, 0));
    if (account.threads)
        run_threads(&account);
    else
        run_processes(&account);
    COOP_MUST(coop_value_get(account.balance, &balance));
    printf("final balance %" PRId64 "\n", balance);
    if (balance != expected) printf("lost %" PRId64 " of %" PRId64 " deposits\n", expected - balance, expected);
    coop_value_close(account.gate);
    coop_value_close(account.balance);
    return balance == expected ? 0 : 1;
}
