/* SPDX-License-Identifier: MIT */
/* The killer: `crash [--ops PATTERN] [--every N] [--mode kill|repair|exit|late|stop] [--stand MS] [--jobs N]
 * [--first] [--list]`. With --first a sweep ends at its first fault.
 *
 * Prints a line a sweep, and a last one with the totals:
 *     op  points  before  after  hung  torn  lost  doubled  leaked  instructions
 * Ends with 0 only if no survivor had anything to complain of, and every sweep saw both sides of its commit. */
#include "crash/scene.h"
#include "crash/sweep.h"

#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <getopt.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define JOBS_MAX 64
#define STAND 1000            /* milliseconds; in the short form, */
#define STAND_SHORT 400       /* longer than a sleeper sleeps before it looks whether the holder lives */
#define SILENCE (20 * SECOND) /* a sweep that finishes no scene for so long hangs */

static const struct operation *const tables[] = {
    lock_operations,    rlock_operations,     transfer_operations, death_operations,
    segment_operations, object_operations,    removal_operations,  lifetime_operations,
    repair_operations,  owner_operations,     value_operations,    record_operations,
    array_operations,   manager_operations,   passing_operations,  reading_operations,
    fork_operations,    semaphore_operations, rwlock_operations,   condition_operations,
    event_operations,   barrier_operations,   rival_operations,    NULL,
};

static const char *const mode_names[MODES] = {"", ":repair", ":exit", ":late", ":stop"};

struct job {
    struct sweep sweep;
    char name[80];
    struct result *result;
    pid_t pid;
    uint64_t beats;
    int64_t since;
};

static struct job *jobs;
static int job_count;

static bool applies(const struct operation *op, enum mode mode)
{
    if (mode == REPAIR) return op->repair != NULL;
    if (mode == LATE) return op->late != NULL;
    return mode != EXIT || !op->no_exit;
}

/* PATTERN is one of fnmatch's, for the name alone or with a mode behind it (`:kill`, `:repair`, `:exit`, `:late`,
 * `:stop`). */
static bool wanted(const char *name, enum mode mode, const char *pattern)
{
    char full[80];
    snprintf(full, sizeof full, "%s%s", name, mode == KILL ? ":kill" : mode_names[mode]);
    return fnmatch(pattern, name, 0) == 0 || fnmatch(pattern, full, 0) == 0;
}

/* CHOSEN says all but the operation and the mode. */
static void plan(const char *pattern, int only_mode, const struct sweep *chosen)
{
    size_t most = 0;
    for (size_t t = 0; tables[t]; t++)
        for (const struct operation *op = tables[t]; op->name; op++) most += MODES;
    struct result *results =
        mmap(NULL, most * sizeof *results, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    jobs = calloc(most + 1, sizeof *jobs);
    if (results == MAP_FAILED || !jobs) exit(1);
    for (size_t t = 0; tables[t]; t++) {
        for (const struct operation *op = tables[t]; op->name; op++) {
            for (enum mode mode = KILL; mode < MODES; mode++) {
                if (!applies(op, mode) || !wanted(op->name, mode, pattern)) continue;
                if (only_mode >= 0 && mode != (enum mode)only_mode) continue;
                struct job *job = &jobs[job_count];
                snprintf(job->name, sizeof job->name, "%s%s", op->name, mode_names[mode]);
                job->sweep = *chosen;
                job->sweep.op = op;
                job->sweep.mode = mode;
                job->result = &results[job_count++];
            }
        }
    }
}

/* A core of its own: what tracer, victim and peers do then comes in nearly the same order each time. */
static void pin(int number)
{
    cpu_set_t all, one;
    if (sched_getaffinity(0, sizeof all, &all) != 0) return;
    number %= CPU_COUNT(&all);
    for (size_t cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (!CPU_ISSET(cpu, &all) || number-- > 0) continue;
        CPU_ZERO(&one);
        CPU_SET(cpu, &one);
        sched_setaffinity(0, sizeof one, &one);
        return;
    }
}

static void start(struct job *job, int core)
{
    fflush(NULL);
    job->since = now_ns();
    job->pid = fork();
    if (job->pid != 0) return;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    prctl(PR_SET_TIMERSLACK, 1);
    pin(core);
    sweep_run(&job->sweep, job->result);
    fflush(NULL);
    _exit(0);
}

static void print(const char *name, const struct result *r)
{
    printf("%s\t%lu\t%lu\t%lu", name, (unsigned long)r->points, (unsigned long)r->sides[BEFORE],
           (unsigned long)r->sides[AFTER]);
    for (int i = 0; i < FAULTS; i++) printf("\t%lu", (unsigned long)r->faults[i]);
    printf("\t%lu\n", (unsigned long)r->instructions);
    fflush(stdout);
}

/* What a sweep leaves that did not come to its end. */
static void remove_segment(const struct job *job)
{
    char name[64];
    scene_name(job->pid, name, sizeof name);
    if (coop_segment_remove(name, COOP_FORCE) < 0) return;
}

static bool is_good(const struct job *job)
{
    const struct result *r = job->result;
    uint64_t faults = 0;
    for (int i = 0; i < FAULTS; i++) faults += r->faults[i];
    if (!r->finished) remove_segment(job);
    if (r->slow)
        fprintf(stderr, "crash: %s: at %lu points sleepers waited more than 200 ms: for the net, not for a wake\n",
                job->name, (unsigned long)r->slow);
    if (r->missed * 10 > r->points)
        fprintf(stderr, "crash: %s: %lu of its points were not met again\n", job->name, (unsigned long)r->missed);
    if (!r->finished) fprintf(stderr, "crash: %s: the sweep itself came to no end\n", job->name);
    const struct operation *op = job->sweep.op;
    bool met = op->timed || r->missed * 2 <= r->points;
    if (faults || r->slow || !r->finished || !met) return false;
    if (!r->ran_out) fprintf(stderr, "crash: %s: its last point did not run to the end\n", job->name);
    enum mode mode = job->sweep.mode;
    bool one = mode == REPAIR || mode == STOP || op->constant || (mode == LATE && op->waits);
    bool both = one || (r->sides[BEFORE] && r->sides[AFTER]);
    if (!both) fprintf(stderr, "crash: %s: saw only one side of the commit\n", job->name);
    return both && r->ran_out;
}

/* True when the job is over. */
static bool is_over(struct job *job)
{
    int status;
    if (waitpid(job->pid, &status, WNOHANG) == job->pid) {
        if (WIFSIGNALED(status))
            fprintf(stderr, "crash: %s: the survivor was ended by signal %d\n", job->name, WTERMSIG(status));
        return true;
    }
    if (job->beats != job->result->beats) {
        job->beats = job->result->beats;
        job->since = now_ns();
    }
    if (now_ns() - job->since < SILENCE) return false;
    fprintf(stderr, "crash: %s: the survivor hangs\n", job->name);
    kill(job->pid, SIGKILL);
    while (waitpid(job->pid, NULL, 0) < 0 && errno == EINTR) continue;
    job->result->faults[HUNG]++;
    return true;
}

/* What earlier killers left that were killed themselves. */
static void clean_up(void)
{
    char prefix[64];
    snprintf(prefix, sizeof prefix, "coop.%u.crash.", geteuid());
    DIR *folder = opendir("/dev/shm");
    if (!folder) return;
    for (const struct dirent *entry; (entry = readdir(folder));) {
        if (strncmp(entry->d_name, prefix, strlen(prefix)) != 0) continue;
        pid_t pid = (pid_t)strtol(entry->d_name + strlen(prefix), NULL, 10);
        if (pid > 0 && kill(pid, 0) != 0 && errno == ESRCH) unlinkat(dirfd(folder), entry->d_name, 0);
    }
    closedir(folder);
}

static int run(int slots)
{
    struct job *running[JOBS_MAX] = {NULL};
    struct result total = {0};
    int next = 0, over = 0;
    bool good = true;
    while (over < job_count) {
        for (int i = 0; i < slots; i++) {
            if (!running[i] && next < job_count) start(running[i] = &jobs[next++], i);
            if (!running[i] || !is_over(running[i])) continue;
            struct result *r = running[i]->result;
            print(running[i]->name, r);
            good = is_good(running[i]) && good;
            total.points += r->points;
            for (int k = 0; k < 2; k++) total.sides[k] += r->sides[k];
            for (int k = 0; k < FAULTS; k++) total.faults[k] += r->faults[k];
            total.instructions += r->instructions;
            running[i] = NULL;
            over++;
        }
        nap_us(2000);
    }
    print("total", &total);
    return good ? 0 : 1;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"ops", required_argument, NULL, 'o'},  {"every", required_argument, NULL, 'e'},
        {"mode", required_argument, NULL, 'm'}, {"jobs", required_argument, NULL, 'j'},
        {"list", no_argument, NULL, 'l'},       {"stand", required_argument, NULL, 's'},
        {"first", no_argument, NULL, 'f'},      {0},
    };
    const char *pattern = "*";
    struct sweep chosen = {.every = 1};
    int only_mode = -1, slots = 2;
    bool list = false;
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        switch (option) {
        case 'o': pattern = optarg; break;
        case 'e': chosen.every = (unsigned)strtoul(optarg, NULL, 10); break;
        case 'm':
            only_mode = *optarg == 'r'   ? REPAIR
                        : *optarg == 'e' ? EXIT
                        : *optarg == 'l' ? LATE
                        : *optarg == 's' ? STOP
                                         : KILL;
            break;
        case 's': chosen.stand = (unsigned)strtoul(optarg, NULL, 10); break;
        case 'j': slots = (int)strtol(optarg, NULL, 10); break;
        case 'l': list = true; break;
        case 'f': chosen.first = true; break;
        default: return 2;
        }
    }
    if (chosen.every == 0) chosen.every = 1;
    if (chosen.stand == 0) chosen.stand = chosen.every > 1 ? STAND_SHORT : STAND;
    plan(pattern, only_mode, &chosen);
    if (list) {
        for (int i = 0; i < job_count; i++) puts(jobs[i].name);
        return 0;
    }
    if (job_count == 0) {
        fprintf(stderr, "crash: no operation matches '%s'; see --list\n", pattern);
        return 2;
    }
    clean_up();
    return run(slots < 1 ? 1 : slots > JOBS_MAX ? JOBS_MAX : slots);
}
