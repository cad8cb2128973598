/* SPDX-License-Identifier: MIT */
/* The examples as people run them, and again with one of their processes killed. */
#include "harness/test.h"

#include <coop/manager.h>
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define AGAIN 50

static void saldo_is_200000_by_processes(void)
{
    for (int i = 0; i < AGAIN; i++) {
        struct ran r = RUN("saldo");
        CHECK_STR(r.out, "final balance 200000\n");
        CHECK_EQ(r.code, 0);
    }
}

static void saldo_is_200000_by_threads(void)
{
    for (int i = 0; i < AGAIN; i++) {
        struct ran r = RUN("saldo", "--threads");
        CHECK_STR(r.out, "final balance 200000\n");
        CHECK_EQ(r.code, 0);
    }
}

static void check_loss(struct ran r)
{
    long balance, lost;
    CHECK_EQ(sscanf(r.out, "final balance %ld\nlost %ld of 200000 deposits\n", &balance, &lost), 2);
    CHECK(lost > 0);
    CHECK_EQ(balance + lost, 200000);
    CHECK_EQ(r.code, 1);
}

static void saldo_without_lock_loses_by_processes(void)
{
    for (int i = 0; i < AGAIN; i++) check_loss(RUN("saldo", "--no-lock"));
}

static void saldo_without_lock_loses_by_threads(void)
{
    for (int i = 0; i < AGAIN; i++) check_loss(RUN("saldo", "--no-lock", "--threads"));
}

/* A child of the process, 0 if it has none. */
static pid_t child_of(pid_t parent)
{
    char path[64];
    int child = 0;
    snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)parent, (int)parent);
    FILE *file = fopen(path, "r");
    if (!file) return 0;
    if (fscanf(file, "%d", &child) != 1) child = 0;
    fclose(file);
    return child;
}

static void saldo_goes_on_when_a_lock_holder_is_killed(void)
{
    const char *segment = test_name("bank");
    struct started holder = START("saldo", "--segment", segment, "--hold");
    CHECK_HAS(read_line(&holder), "holds the lock");
    struct started saldo = START("saldo", "--segment", segment);
    pid_t waiting = 0;
    CHECK_SOON((waiting = child_of(saldo.pid)) != 0);
    test_sleep_ms(20); /* let it wait */
    char dead[64];
    snprintf(dead, sizeof dead, "pid %d (saldo)", (int)holder.pid);
    CHECK_EQ(stop_program(&holder, SIGKILL), 128 + SIGKILL);
    CHECK_STR(read_line(&saldo), "final balance 200000");
    CHECK_EQ(stop_program(&saldo, 0), 0);
    CHECK_HAS(RUN("shmctl", "show", segment).out, dead);
    CHECK_EQ(RUN("shmctl", "rm", segment).code, 0);
}

static void saldo_says_what_a_killed_worker_did_not_deposit(void)
{
    struct started saldo = START("saldo", "--deposits", "1000000000");
    pid_t first = 0, second = 0;
    CHECK_SOON((first = child_of(saldo.pid)) != 0);
    test_sleep_ms(20);
    CHECK_EQ(kill(first, SIGKILL), 0);
    CHECK_SOON((second = child_of(saldo.pid)) != 0 && second != first);
    CHECK_EQ(kill(second, SIGKILL), 0);
    CHECK_HAS(read_line(&saldo), "did not finish: Killed");
    CHECK_HAS(read_line(&saldo), "did not finish: Killed");
    CHECK_HAS(read_line(&saldo), "final balance ");
    CHECK_HAS(read_line(&saldo), "of 2000000000 deposits");
    CHECK_EQ(stop_program(&saldo, 0), 1);
}

static void counters_are_exact(void)
{
    struct ran r = RUN("counters");
    CHECK_HAS(r.out, "own locks      value 400000  array 200000.0");
    CHECK_HAS(r.out, "separate lock  value 400000  array 200000.0");
    CHECK_HAS(r.out, "atomic add     value 400000  array 200000.0");
    CHECK_EQ(r.code, 0);
}

static void counters_are_seen_in_a_named_segment(void)
{
    const char *segment = test_name("count");
    CHECK_EQ(RUN("counters", "--segment", segment, "--steps", "10").code, 0);
    struct ran r = RUN("shmctl", "show", segment);
    CHECK_HAS(r.out, "total");
    CHECK_HAS(r.out, "[6.0, 6.0, 4.0, 4.0]");
    CHECK_EQ(RUN("shmctl", "rm", segment).code, 0);
}

static void counters_say_so_when_a_process_is_killed(void)
{
    struct started counters = START("counters", "--steps", "3000000");
    pid_t child = 0;
    CHECK_SOON((child = child_of(counters.pid)) != 0);
    CHECK_EQ(kill(child, SIGKILL), 0);
    for (int i = 0; i < 3; i++) CHECK_HAS(read_line(&counters), " ms");
    CHECK_EQ(stop_program(&counters, 0), 1);
}

static void check_numbers(struct ran r)
{
    CHECK_EQ(r.code, 0);
    for (int digit = '0'; digit < '5'; digit++) {
        int seen = 0;
        for (const char *at = r.out; (at = strchr(at, digit)); at++) seen++;
        CHECK_EQ(seen, 2);
    }
    int commas = 0;
    for (const char *at = r.out; (at = strchr(at, ',')); at++) commas++;
    CHECK_EQ(commas, 9);
}

static void shared_list_has_each_number_twice(void)
{
    for (int i = 0; i < AGAIN; i++) check_numbers(RUN("shared_list"));
}

static void shared_list_goes_to_the_manager_that_is_named(void)
{
    const char *name = test_name("manager");
    struct started manager = START("coop-manager", "--name", name);
    CHECK_HAS(read_line(&manager), name);
    check_numbers(RUN("shared_list", "--manager", name));
    setenv("COOP_MANAGER", name, 1);
    check_numbers(RUN("shared_list"));
    CHECK_EQ(RUN("shared_dict").code, 0);
    CHECK_EQ(stop_program(&manager, SIGTERM), 0);
}

static void shared_list_is_told_when_the_server_is_killed(void)
{
    struct ran r = RUN("shared_list", "--kill-server");
    CHECK_STR(r.out, "");
    CHECK_HAS(r.err, "no manager answers there");
    CHECK(r.code != 0);
}

static void shared_list_is_told_when_there_is_no_manager(void)
{
    struct ran r = RUN("shared_list", "--manager", test_name("nobody"));
    CHECK_HAS(r.err, "no manager answers there");
    CHECK(r.code != 0);
}

static void shared_dict_is_equal_to_a_serial_count(void)
{
    for (int i = 0; i < AGAIN; i++) {
        struct ran r = RUN("shared_dict");
        CHECK_HAS(r.out, "142 words, 61 different");
        CHECK_HAS(r.out, "\nequal to a serial count\n");
        CHECK_EQ(r.code, 0);
    }
}

static void shared_dict_counts_a_file(void)
{
    const char *path = test_file("text");
    FILE *file = fopen(path, "w");
    CHECK(file != NULL);
    fputs("To be, or not to be: that is the question.\n", file);
    fclose(file);
    struct ran r = RUN("shared_dict", path);
    CHECK_HAS(r.out, "10 words, 8 different; \"to\" comes 2 times");
    CHECK_EQ(r.code, 0);
    CHECK_EQ(RUN("shared_dict", "/nowhere/text").code, 1);
}

static void shared_dict_says_so_when_a_process_is_killed(void)
{
    const char *path = test_file("text");
    FILE *file = fopen(path, "w");
    CHECK(file != NULL);
    for (int i = 0; i < 10000; i++) fputs("again and ", file);
    fclose(file);
    const char *name = test_name("manager");
    struct started manager = START("coop-manager", "--name", name);
    read_line(&manager);
    struct started dict = START("shared_dict", "--manager", name, path);
    pid_t child = 0;
    CHECK_SOON((child = child_of(dict.pid)) != 0);
    CHECK_EQ(kill(child, SIGKILL), 0);
    CHECK_HAS(read_line(&dict), " words, 2 different");
    CHECK_STR(read_line(&dict), "NOT equal to a serial count");
    CHECK_EQ(stop_program(&dict, 0), 1);
    CHECK_EQ(stop_program(&manager, SIGTERM), 0);
}

#define BOARD_END "last: time 200000, value 100000.0, label \"reading 200000\"\n"

static void check_board(struct ran r, const char *begin)
{
    unsigned long snapshots, versions, torn;
    CHECK_EQ(sscanf(begin, "3 readers took %lu snapshots of %lu versions, %lu torn\n", &snapshots, &versions, &torn),
             3);
    CHECK(snapshots >= 3);
    CHECK_EQ(versions, 200000);
    CHECK_EQ(torn, 0);
    CHECK_HAS(begin, BOARD_END);
    CHECK_STR(r.err, "");
    CHECK_EQ(r.code, 0);
}

static void sensor_board_shows_whole_records_to_all_readers(void)
{
    for (int i = 0; i < 5; i++) {
        struct ran r = RUN("sensor_board");
        check_board(r, r.out);
    }
}

static void sensor_board_goes_on_when_its_writer_is_killed(void)
{
    for (int i = 0; i < 10; i++) {
        struct ran r = RUN("sensor_board", "--kill");
        CHECK_HAS(r.out, " died: Killed; it left \"reading ");
        CHECK_HAS(r.out, "\", another one goes on\n");
        check_board(r, strchr(r.out, '\n') + 1);
    }
}

static void sensor_board_is_seen_in_a_named_segment(void)
{
    const char *segment = test_name("board");
    char sensor[160];
    snprintf(sensor, sizeof sensor, "%s/sensor", segment);
    struct ran r = RUN("sensor_board", "--segment", segment, "--updates", "20");
    CHECK_HAS(r.out, " snapshots of 20 versions, 0 torn\nlast: time 20, value 10.0, label \"reading 20\"\n");
    CHECK_EQ(r.code, 0);
    r = RUN("shmctl", "show", sensor);
    CHECK_HAS(r.out, "value         {'time': 20, 'value': 10.0, 'label': b'reading 20'}\n");
    CHECK_EQ(RUN("shmctl", "rm", segment).code, 0);
}

static void every_example_has_help_and_refuses_unknown_options(void)
{
    static const char *const names[] = {"saldo", "counters", "shared_list", "shared_dict", "sensor_board"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct ran r = RUN(names[i], "--help");
        CHECK_HAS(r.out, "Usage: ");
        CHECK_EQ(r.code, 0);
        r = RUN(names[i], "--nonsense");
        CHECK_HAS(r.err, "--nonsense");
        CHECK_EQ(r.code, 2);
    }
    CHECK_EQ(RUN("saldo", "--deposits", "many").code, 2);
    CHECK_EQ(RUN("saldo", "--hold").code, 2);
    CHECK_EQ(RUN("counters", "--steps", "-1").code, 2);
    CHECK_EQ(RUN("shared_list", "--kill-server", "--manager", "x").code, 2);
    CHECK_EQ(RUN("shared_dict", "one", "two").code, 2);
    CHECK_EQ(RUN("saldo", "--segment", "no/such name").code, 2);
    CHECK_EQ(RUN("sensor_board", "--readers", "0").code, 2);
    CHECK_EQ(RUN("sensor_board", "--updates", "x").code, 2);
}

/* BUILD/bin/shmctl without two names, and the repository above build/VARIANT. */
static const char *build_folder(void)
{
    static char path[4096];
    snprintf(path, sizeof path, "%s", test_program("shmctl"));
    for (int up = 0; up < 2; up++) *strrchr(path, '/') = 0;
    return path;
}

static struct ran run_demo(void)
{
    char script[4200];
    snprintf(script, sizeof script, "%s/../../examples/demo.sh", build_folder());
    return RUN(script, build_folder());
}

/* The demo's segments and its directory bear its process id, which its text tells. */
static void check_nothing_left(struct ran r)
{
    const char *at = strstr(r.out, "demo-");
    char name[32];
    if (!at) return;
    snprintf(name, sizeof name, "%.*s", (int)(5 + strspn(at + 5, "0123456789")), at);
    DIR *dir = opendir("/dev/shm");
    CHECK(dir != NULL);
    for (struct dirent *entry; (entry = readdir(dir));) CHECK_LACKS(entry->d_name, name);
    closedir(dir);
    at = strstr(r.out, "/tmp/coop-demo.");
    if (!at) return;
    char path[64];
    snprintf(path, sizeof path, "%.*s", (int)(15 + strcspn(at + 15, "/")), at);
    CHECK_EQ(access(path, F_OK), -1);
}

static void demo_is_ok(void)
{
    struct ran r = run_demo();
    const char *end = r.out_size > 9 ? r.out + r.out_size - 9 : r.out;
    CHECK_STR(r.err, "");
    CHECK_STR(end, "demo: ok\n");
    CHECK_EQ(r.code, 0);
    CHECK_HAS(r.out, "others wait");
    CHECK_HAS(r.out, "last death");
    check_nothing_left(r);
}

static void demo_notices_a_missing_lock(void)
{
    setenv("COOP_DEMO_BREAK", "nolock", 1);
    struct ran r = run_demo();
    CHECK_HAS(r.err, "demo: FAILED: missing: final balance 200000");
    CHECK_LACKS(r.out, "demo: ok");
    CHECK(r.code != 0);
    check_nothing_left(r);
}

static void demo_leaves_nothing_when_it_is_interrupted(void)
{
    char script[4200], line[4200] = "";
    snprintf(script, sizeof script, "%s/../../examples/demo.sh", build_folder());
    struct started demo = START(script, build_folder());
    while (!strstr(line, "shmctl show")) snprintf(line, sizeof line, "%s", read_line(&demo));
    snprintf(line, sizeof line, "%s", read_line(&demo)); /* segment       demo-PID */
    CHECK(stop_program(&demo, SIGTERM) != 0);
    check_nothing_left((struct ran){.out = line});
}

#define TIMES 20

static void accounts_are_400_each(void)
{
    for (int i = 0; i < TIMES; i++) {
        struct ran r = RUN("accounts");
        CHECK_STR(r.out, "balances 400 and 400\n");
        CHECK_EQ(r.code, 0);
    }
}

static void accounts_are_400_each_when_a_process_dies_between_them(void)
{
    for (int i = 0; i < TIMES; i++) {
        struct ran r = RUN("accounts", "--kill");
        CHECK_HAS(r.out, "another died in mid-transfer");
        CHECK_HAS(r.out, "balances 400 and 400\n");
        CHECK_EQ(r.code, 0);
    }
}

static void accounts_in_a_deadlock_are_explained(void)
{
    struct ran r = RUN("accounts", "--deadlock");
    CHECK_HAS(r.out, "deadlock: thread ");
    CHECK_HAS(r.out, "/first and waits for accounts-");
    CHECK_HAS(r.out, "gives up: ");
    CHECK_HAS(r.out, "timed out: it is held by thread ");
    CHECK_HAS(r.out, "balances 400 and 400\n");
    CHECK_EQ(r.code, 0);
}

static void semaphore_gate_lets_three_in(void)
{
    for (int i = 0; i < TIMES; i++) {
        struct ran r = RUN("semaphore_gate");
        CHECK_HAS(r.out, "10 passed, 0 were killed, ");
        CHECK_HAS(r.out, "3 permits are free\n");
        CHECK_EQ(r.code, 0);
    }
}

static void semaphore_gate_gets_the_permits_of_the_killed_back(void)
{
    for (int i = 0; i < TIMES; i++) {
        struct ran r = RUN("semaphore_gate", "--kill");
        CHECK_HAS(r.out, "8 passed, 2 were killed, ");
        CHECK_HAS(r.out, "3 permits are free\n");
        CHECK_EQ(r.code, 0);
    }
}

TESTS(examples, TEST_T(accounts_are_400_each, .seconds = 30),
      TEST_T(accounts_are_400_each_when_a_process_dies_between_them, .seconds = 30),
      TEST_T(accounts_in_a_deadlock_are_explained, .seconds = 20), TEST_T(semaphore_gate_lets_three_in, .seconds = 30),
      TEST_T(semaphore_gate_gets_the_permits_of_the_killed_back, .seconds = 30), TEST_T(saldo_is_200000_by_processes, .seconds = 60), TEST_T(saldo_is_200000_by_threads, .seconds = 60),
      TEST_T(saldo_without_lock_loses_by_processes, .seconds = 60),
      TEST_T(saldo_without_lock_loses_by_threads, .seconds = 60), TEST(saldo_goes_on_when_a_lock_holder_is_killed),
      TEST(saldo_says_what_a_killed_worker_did_not_deposit), TEST(counters_are_exact),
      TEST(counters_are_seen_in_a_named_segment), TEST(counters_say_so_when_a_process_is_killed),
      TEST_T(shared_list_has_each_number_twice, .seconds = 60), TEST(shared_list_goes_to_the_manager_that_is_named),
      TEST(shared_list_is_told_when_the_server_is_killed), TEST(shared_list_is_told_when_there_is_no_manager),
      TEST_T(shared_dict_is_equal_to_a_serial_count, .seconds = 60), TEST(shared_dict_counts_a_file),
      TEST(shared_dict_says_so_when_a_process_is_killed),
      TEST_T(sensor_board_shows_whole_records_to_all_readers, .seconds = 60),
      TEST_T(sensor_board_goes_on_when_its_writer_is_killed, .seconds = 60),
      TEST(sensor_board_is_seen_in_a_named_segment), TEST(every_example_has_help_and_refuses_unknown_options),
      TEST_T(demo_is_ok, .seconds = 60), TEST(demo_notices_a_missing_lock),
      TEST_T(demo_leaves_nothing_when_it_is_interrupted, .seconds = 60))
