/* SPDX-License-Identifier: MIT */
/* Participant rows: which processes are attached, and when a row may pass on. */
#include "segment/handle.h"
#include "segment/participant.h"
#include "segment/process.h"
#include "unit/meeting.h"

#include <coop/error.h>
#include <coop/lock.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>

static coop_segment *segment;
static const char *name;
static int *step;

static void set_up(uint32_t participants)
{
    static char kept[128];
    snprintf(kept, sizeof kept, "%s", test_name("s"));
    name = kept;
    CHECK_OK(coop_segment_create(
        name, COOP_SEGMENT_OPTIONS(.participants = participants, .owners = 16, .maximum = 1 << 20), &segment));
    step = test_shared(sizeof *step);
}

static void tear_down(void)
{
    coop_segment_close(segment);
    CHECK_OK(coop_segment_remove(name, COOP_FORCE));
}

static const struct coopi_participant *row_of(pid_t pid)
{
    for (uint32_t i = 0; i < segment->map->geometry->participants.count; i++) {
        const struct coopi_participant *row = &segment->map->participants[i];
        if ((row->word & COOPI_PID_MASK) == (uint64_t)pid) return row;
    }
    return NULL;
}

static unsigned rows_taken(void)
{
    unsigned taken = 0;
    for (uint32_t i = 0; i < segment->map->geometry->participants.count; i++)
        taken += segment->map->participants[i].word != 0;
    return taken;
}

static void who_creates_is_attached_with_its_name(void)
{
    set_up(4);
    const struct coopi_participant *row = row_of(getpid());
    CHECK(row != NULL);
    CHECK_EQ(row->info_word, row->word);
    CHECK_EQ(row->word >> 32, coopi_process()->start);
    CHECK_STR(row->command, program_invocation_short_name);
    CHECK(row->attached > 0);
    tear_down();
}

static void opening_twice_takes_one_row(void)
{
    set_up(4);
    coop_segment *again;
    CHECK_OK(coop_segment_open(name, 0, &again));
    CHECK_EQ(rows_taken(), 1);
    coop_segment_close(again);
    CHECK_EQ(rows_taken(), 1);
    tear_down();
}

static void the_last_close_gives_the_row_back(void)
{
    set_up(4);
    pid_t child;
    CHILD(child) {
        coop_segment_close(segment); /* the inherited handle */
        CHECK_OK(coop_segment_open(name, 0, &segment));
        CHECK(row_of(getpid()) != NULL);
        step_to(step, 1);
        await_step(step, 2);
        coop_segment_close(segment);
    }
    await_step(step, 1);
    CHECK(row_of(child) != NULL);
    CHECK_EQ(rows_taken(), 2);
    step_to(step, 2);
    child_must(child);
    CHECK(row_of(child) == NULL);
    CHECK_EQ(rows_taken(), 1);
    tear_down();
}

static void exit_gives_the_row_back(void)
{
    set_up(4);
    pid_t child = test_fork(__FILE__, __LINE__);
    if (child == 0) {
        coop_segment *again;
        CHECK_OK(coop_segment_open(name, 0, &again));
        CHECK_EQ(rows_taken(), 2);
        exit(0);
    }
    child_must(child);
    CHECK_EQ(rows_taken(), 1);
    tear_down();
}

static void a_forked_child_attaches_as_itself_when_it_takes_something(void)
{
    set_up(4);
    coop_lock *lock;
    CHECK_OK(coop_lock_in(segment, "door", COOP_CREATE, &lock));
    pid_t child;
    CHILD(child) {
        CHECK_OK(coop_lock_acquire(lock, COOP_FOREVER));
        CHECK(row_of(getpid()) != NULL);
        CHECK(row_of(getppid()) != NULL);
    }
    child_must(child);
    CHECK(row_of(getpid()) != NULL);
    coop_lock_close(lock);
    tear_down();
}

static void rows_of_the_killed_pass_on_when_the_table_is_full(void)
{
    set_up(3);
    for (int i = 0; i < 20; i++) {
        pid_t victim;
        CHILD(victim) {
            coop_segment *again;
            CHECK_OK(coop_segment_open(name, 0, &again));
            kill(getpid(), SIGKILL);
        }
        int status;
        CHECK_EQ(waitpid(victim, &status, 0), victim);
        CHECK(WIFSIGNALED(status));
    }
    CHECK(row_of(getpid()) != NULL);
    tear_down();
}

static pid_t fork_attached(int number)
{
    pid_t child;
    CHILD(child) {
        coop_segment *again;
        CHECK_OK(coop_segment_open(name, 0, &again));
        step_to(step, number);
        wait_to_be_killed();
    }
    await_step(step, number);
    return child;
}

static void try_to_attach(int expected)
{
    pid_t child;
    CHILD(child) {
        coop_segment *again;
        CHECK_ERR(coop_segment_open(name, 0, &again), expected);
        if (expected < 0) CHECK_DETAIL("participant rows are taken");
        if (expected < 0) CHECK_DETAIL(".participants");
    }
    child_must(child);
}

static void a_full_table_is_told_with_its_cure_until_one_dies(void)
{
    set_up(3);
    pid_t first = fork_attached(1), second = fork_attached(2);
    try_to_attach(-EUSERS);
    kill(second, SIGSTOP);
    try_to_attach(-EUSERS);
    child_kill(second);
    try_to_attach(0);
    child_kill(first);
    tear_down();
}

static void a_zombie_has_left(void)
{
    set_up(2);
    pid_t zombie = fork_attached(1);
    kill(zombie, SIGKILL);
    siginfo_t info;
    CHECK_EQ(waitid(P_PID, (id_t)zombie, &info, WEXITED | WNOWAIT), 0);
    try_to_attach(0);
    CHECK_EQ(waitpid(zombie, NULL, 0), zombie);
    tear_down();
}

static void *outlive_the_first_thread(void *unused)
{
    (void)unused;
    char path[64], state = 'R';
    snprintf(path, sizeof path, "/proc/%d/stat", getpid());
    while (state != 'Z') {
        FILE *file = fopen(path, "re");
        CHECK(file && fscanf(file, "%*d (%*[^)]) %c", &state) == 1);
        fclose(file);
    }
    step_to(step, 1);
    wait_to_be_killed();
    return NULL;
}

static void a_process_without_its_first_thread_is_still_attached(void)
{
    set_up(2);
    pid_t headless;
    CHILD(headless) {
        coop_segment *again;
        pthread_t thread;
        CHECK_OK(coop_segment_open(name, 0, &again));
        CHECK_EQ(pthread_create(&thread, NULL, outlive_the_first_thread, NULL), 0);
        syscall(SYS_exit, 0);
    }
    await_step(step, 1);
    try_to_attach(-EUSERS);
    CHECK(row_of(headless) != NULL);
    child_kill(headless);
    try_to_attach(0);
    tear_down();
}

TESTS(participant, TEST(who_creates_is_attached_with_its_name), TEST(opening_twice_takes_one_row),
      TEST(the_last_close_gives_the_row_back), TEST(exit_gives_the_row_back),
      TEST(a_forked_child_attaches_as_itself_when_it_takes_something),
      TEST(rows_of_the_killed_pass_on_when_the_table_is_full), TEST(a_full_table_is_told_with_its_cure_until_one_dies),
      TEST(a_zombie_has_left), TEST(a_process_without_its_first_thread_is_still_attached))
