/* SPDX-License-Identifier: MIT */
/* accounts: two processes move money between two accounts, each with an RLock of its own.
 *
 * Both take the locks in one order, so they cannot wait for each other for ever; --deadlock takes them crosswise, and
 * shows what ends that. A transfer changes two numbers, so it is first written down as a whole, in one record: whoever
 * is told that the last owner of a lock died (COOP_OWNER_DIED) does again what stands there. --kill ends a process
 * between the two numbers. */
#include <argp.h>
#include <coop/coop.h>
#include <coop/try.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define ACCOUNTS 2

/* What the balances are once the transfer is made. */
struct transfer {
    int64_t balances[ACCOUNTS];
    int64_t pending; /* 1: it may not have been made */
};
#define TRANSFER_TYPE "T{(2)q:balances: q:pending:}"

struct bank {
    bool deadlock;
    bool kill;
    char segment[64]; /* where shmctl can see it; gone with this program */
    coop_value *accounts[ACCOUNTS];
    coop_value *transfer; /* the one under way; whoever changes it has both locks */
    coop_value *gate;     /* how many have their first lock */
};

static coop_rlock *lock_of(const struct bank *bank, int account)
{
    return coop_value_lock(bank->accounts[account]);
}

/* The same lock is taken again: its holder may. */
static int set_balance(const struct bank *bank, int account, int64_t balance)
{
    int held;
    COOP_WITH_LOCK(lock_of(bank, account), COOP_FOREVER, held)
        COOP_TRY(coop_value_set(bank->accounts[account], balance));
    return held;
}

static int make(const struct bank *bank, struct transfer *transfer, bool die)
{
    for (int i = 0; i < ACCOUNTS; i++) {
        COOP_TRY(set_balance(bank, i, transfer->balances[i]));
        if (die) raise(SIGKILL);
    }
    transfer->pending = 0;
    return coop_value_set_bytes(bank->transfer, transfer, sizeof *transfer);
}

/* After a death: what was written down is made. With both locks. */
static int mend(const struct bank *bank)
{
    struct transfer transfer;
    COOP_TRY(coop_value_get_bytes(bank->transfer, &transfer, sizeof transfer));
    if (!transfer.pending) return 0;
    printf("process %d: another died in mid-transfer; made it as it was written down\n", (int)getpid());
    return make(bank, &transfer, false);
}

static int transfer_locked(const struct bank *bank, int from, int64_t amount, bool die)
{
    struct transfer transfer = {.pending = 1};
    for (int i = 0; i < ACCOUNTS; i++) COOP_TRY(coop_value_get(bank->accounts[i], &transfer.balances[i]));
    if (transfer.balances[from] < amount) return -ERANGE;
    transfer.balances[from] -= amount;
    transfer.balances[1 - from] += amount;
    COOP_TRY(coop_value_set_bytes(bank->transfer, &transfer, sizeof transfer)); /* the commit */
    return make(bank, &transfer, die);
}

/* Takes the lock of FIRST, then that of SECOND; -ETIMEDOUT: it has neither. */
static int take_both(const struct bank *bank, int first, int second, int64_t timeout)
{
    int one = coop_rlock_acquire(lock_of(bank, first), COOP_FOREVER);
    if (one < 0) return one;
    if (bank->deadlock && timeout != COOP_FOREVER) {
        int64_t here = 0;
        COOP_TRY(coop_value_add(bank->gate, 1, &here));
        while (here < ACCOUNTS) COOP_TRY(coop_value_get(bank->gate, &here)); /* each has one lock now */
    }
    int two = coop_rlock_acquire(lock_of(bank, second), timeout);
    if (two < 0) coop_rlock_release(lock_of(bank, first));
    return two < 0 ? two : one | two;
}

static int transfer_money(const struct bank *bank, int from, int64_t amount, bool die)
{
    int held = -ETIMEDOUT;
    if (bank->deadlock) { /* crosswise: each waits for the other's; one gives up earlier */
        held = take_both(bank, from, 1 - from, from == 0 ? COOP_S(1) : COOP_S(30));
        if (held == -ETIMEDOUT) {
            printf("process %d gives up: %s\n", (int)getpid(), coop_error_detail());
            usleep(100000); /* the other one first: locks are not taken in order of arrival */
        }
    }
    if (held == -ETIMEDOUT) held = take_both(bank, 0, 1, COOP_FOREVER);
    if (held < 0) return held;
    int r = held == COOP_OWNER_DIED ? mend(bank) : 0;
    if (r == 0) r = transfer_locked(bank, from, amount, die);
    coop_rlock_release(lock_of(bank, 0));
    coop_rlock_release(lock_of(bank, 1));
    return r;
}

static pid_t start(const struct bank *bank, int from, int64_t amount, bool die)
{
    fflush(stdout);
    pid_t pid = fork();
    if (pid < 0) exit(1);
    if (pid > 0) return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* end with the program */
    COOP_MUST(transfer_money(bank, from, amount, die));
    exit(0);
}

/* shmctl stands in ../bin, or in the path. */
static void explain(struct bank *bank)
{
    char program[PATH_MAX + 32];
    char *arguments[] = {"shmctl", "locks", bank->segment, NULL};
    ssize_t length = readlink("/proc/self/exe", program, PATH_MAX - 1);
    program[length < 0 ? 0 : length] = 0;
    char *slash = strrchr(program, '/');
    snprintf(slash ? slash : program, 32, "/../bin/shmctl");
    pid_t pid;
    fflush(stdout);
    int error = access(program, X_OK) == 0 ? posix_spawn(&pid, program, NULL, NULL, arguments, environ)
                                           : posix_spawnp(&pid, "shmctl", NULL, NULL, arguments, environ);
    if (error)
        printf("shmctl: %s\n", strerror(error));
    else
        waitpid(pid, NULL, 0);
}

static void open_bank(struct bank *bank)
{
    char path[128];
    static const char *const names[] = {"first", "second"};
    snprintf(bank->segment, sizeof bank->segment, "accounts-%d", (int)getpid());
    for (int i = 0; i < ACCOUNTS; i++) {
        snprintf(path, sizeof path, "%s/%s", bank->segment, names[i]);
        COOP_MUST(coop_value_open(path, "q", COOP_CREATE, &bank->accounts[i]));
    }
    snprintf(path, sizeof path, "%s/transfer", bank->segment);
    COOP_MUST(coop_value_open(path, TRANSFER_TYPE, COOP_CREATE | COOP_RAW, &bank->transfer));
    COOP_MUST(coop_value_new("i", &bank->gate));
    COOP_MUST(coop_value_set(bank->accounts[0], 500));
    COOP_MUST(coop_value_set(bank->accounts[1], 300));
}

static int finish(struct bank *bank)
{
    int64_t balances[ACCOUNTS];
    for (int i = 0; i < ACCOUNTS; i++) COOP_MUST(coop_value_get(bank->accounts[i], &balances[i]));
    printf("balances %" PRId64 " and %" PRId64 "\n", balances[0], balances[1]);
    for (int i = 0; i < ACCOUNTS; i++) coop_value_close(bank->accounts[i]);
    coop_value_close(bank->transfer);
    coop_value_close(bank->gate);
    COOP_MUST(coop_segment_remove(bank->segment, 0));
    return balances[0] == 400 && balances[1] == 400 ? 0 : 1;
}

static const struct argp_option options[] = {
    {"deadlock", 'd', NULL, 0, "Take the locks crosswise; a time-out ends what `shmctl locks` explains", 0},
    {"kill", 'k', NULL, 0, "Kill a process in the midst of its transfer", 0},
    {0},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    (void)arg;
    struct bank *bank = state->input;
    switch (key) {
    case 'd': bank->deadlock = true; return 0;
    case 'k': bank->kill = true; return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

int main(int argc, char **argv)
{
    static const struct argp argp = {options, parse, NULL, "Two processes move money between two accounts.",
                                     NULL,    NULL,  NULL};
    struct bank bank = {0};
    argp_err_exit_status = 2;
    argp_parse(&argp, argc, argv, 0, NULL, &bank);
    open_bank(&bank);
    pid_t first = start(&bank, 0, 200, bank.kill);
    if (bank.kill) waitpid(first, NULL, 0);
    start(&bank, 1, 100, false);
    if (bank.deadlock) {
        usleep(300000);
        explain(&bank);
    }
    while (wait(NULL) > 0) continue;
    return finish(&bank);
}
