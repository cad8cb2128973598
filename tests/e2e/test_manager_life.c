/* SPDX-License-Identifier: MIT */
/* The program coop-manager: how it begins, where it refuses to, and how it ends. */
#include "harness/sp.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>

static void check_nothing_left(const char *name)
{
    char lock[120];
    snprintf(lock, sizeof lock, "%s.lock", manager_path(name));
    CHECK(access(manager_path(name), F_OK) < 0);
    CHECK(access(lock, F_OK) < 0);
}

static void ends_cleanly_on(int signal)
{
    struct started s = start_manager("a");
    check_serves(manager_path("a"));
    CHECK_EQ(stop_program(&s, signal), 0);
    check_nothing_left("a");
}

static void sigterm_ends_it_cleanly(void)
{
    ends_cleanly_on(SIGTERM);
}

static void sigint_ends_it_cleanly(void)
{
    ends_cleanly_on(SIGINT);
}

static void hangup_ends_it_cleanly(void)
{
    ends_cleanly_on(SIGHUP);
}

static void it_ends_while_clients_are_connected(void)
{
    struct started s = start_manager("a");
    struct sp sp;
    sp_open(&sp, manager_path("a"));
    CHECK_OK(sp_ask(&sp, "ping", coop_nil(), NO_ARGS));
    CHECK_EQ(stop_program(&s, SIGTERM), 0);
    check_nothing_left("a");
    CHECK_EQ(sp_ask(&sp, "ping", coop_nil(), NO_ARGS), -EPIPE);
    sp_close(&sp);
}

static void socket_and_directory_are_private(void)
{
    struct started s = start_manager("a");
    struct stat status;
    char directory[108];
    snprintf(directory, sizeof directory, "%s/coop", getenv("XDG_RUNTIME_DIR"));
    CHECK_EQ(lstat(directory, &status), 0);
    CHECK_EQ(status.st_mode, S_IFDIR | 0700);
    CHECK_EQ(lstat(manager_path("a"), &status), 0);
    CHECK_EQ(status.st_mode, S_IFSOCK | 0600);
    CHECK_EQ(stop_program(&s, SIGTERM), 0);
}

static void default_name_is_default(void)
{
    struct started s = START("coop-manager");
    CHECK_HAS(read_line(&s), "/coop/default.sock");
    check_serves(manager_path("default"));
    CHECK_EQ(stop_program(&s, SIGTERM), 0);
}

static void second_of_its_name_is_refused(void)
{
    struct started s = start_manager("a");
    char pid[32];
    snprintf(pid, sizeof pid, "with pid %d", (int)s.pid);
    struct ran second = RUN("coop-manager", "--name", "a");
    CHECK_EQ(second.code, 8);
    CHECK_HAS(second.err, manager_path("a"));
    CHECK_HAS(second.err, pid);
    struct started other = start_manager("b");
    check_serves(manager_path("a"));
    CHECK_EQ(stop_program(&s, SIGTERM), 0);
    CHECK_EQ(stop_program(&other, SIGTERM), 0);
}

static void dead_ones_socket_is_replaced(void)
{
    for (int i = 0; i < 5; i++) {
        struct started s = start_manager("a");
        child_kill(s.pid);
        close(s.in);
        close(s.out);
        CHECK_EQ(access(manager_path("a"), F_OK), 0);
    }
    struct started s = start_manager("a");
    check_serves(manager_path("a"));
    CHECK_EQ(stop_program(&s, SIGTERM), 0);
    check_nothing_left("a");
}

/* All find a dead one's socket; one of them replaces it, the others are told. */
static void of_many_starters_one_wins(void)
{
    enum { STARTERS = 6 };
    for (int round = 0; round < 5; round++) {
        struct started dead = start_manager("a");
        child_kill(dead.pid);
        close(dead.in);
        close(dead.out);
        struct started s[STARTERS];
        int ready = 0;
        for (int i = 0; i < STARTERS; i++) s[i] = START("coop-manager", "--name", "a");
        for (int i = 0; i < STARTERS; i++) {
            char c;
            if (read(s[i].out, &c, 1) == 1) ready = ready ? -1 : i + 1;
        }
        CHECK(ready > 0);
        check_serves(manager_path("a"));
        for (int i = 0; i < STARTERS; i++)
            if (i != ready - 1) CHECK_EQ(stop_program(&s[i], 0), 8);
        CHECK_EQ(stop_program(&s[ready - 1], SIGTERM), 0);
    }
    check_nothing_left("a");
}

static void make_directory(mode_t mode)
{
    char directory[108];
    snprintf(directory, sizeof directory, "%s/coop", getenv("XDG_RUNTIME_DIR"));
    CHECK_EQ(mkdir(directory, 0700), 0);
    CHECK_EQ(chmod(directory, mode), 0);
}

static void check_refused(int code, const char *part)
{
    struct ran ran = RUN("coop-manager", "--name", "a");
    CHECK_EQ(ran.code, code);
    CHECK_STR(ran.out, "");
    CHECK_HAS(ran.err, part);
}

static void regular_file_in_the_way_is_left_alone(void)
{
    make_directory(0700);
    FILE *file = fopen(manager_path("a"), "we");
    CHECK(file && fputs("precious", file) >= 0 && fclose(file) == 0);
    check_refused(1, manager_path("a"));
    char text[16] = "";
    file = fopen(manager_path("a"), "re");
    CHECK(file && fgets(text, sizeof text, file) && fclose(file) == 0);
    CHECK_STR(text, "precious");
    CHECK_EQ(unlink(manager_path("a")), 0);
    check_nothing_left("a");
}

static void symlink_in_the_way_is_left_alone(void)
{
    char target[16] = "";
    make_directory(0700);
    CHECK_EQ(symlink("/nowhere", manager_path("a")), 0);
    check_refused(1, manager_path("a"));
    CHECK_EQ(readlink(manager_path("a"), target, sizeof target - 1), 8);
    CHECK_EQ(unlink(manager_path("a")), 0);
}

static void symlink_for_a_lock_is_refused(void)
{
    char lock[120];
    make_directory(0700);
    snprintf(lock, sizeof lock, "%s.lock", manager_path("a"));
    CHECK_EQ(symlink(test_file("victim"), lock), 0);
    check_refused(1, ".lock");
    CHECK(access(test_file("victim"), F_OK) < 0);
    CHECK_EQ(unlink(lock), 0);
}

static void another_programs_socket_is_left_alone(void)
{
    make_directory(0700);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", manager_path("a"));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK_EQ(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    CHECK_EQ(listen(fd, 1), 0);
    check_refused(8, "another program listens there");
    CHECK_EQ(access(manager_path("a"), F_OK), 0);
    close(fd);
    CHECK_EQ(unlink(manager_path("a")), 0);
}

static void directory_open_to_others_is_refused(void)
{
    make_directory(0755);
    check_refused(4, "chmod 0700");
    CHECK(access(manager_path("a"), F_OK) < 0);
}

static void directory_that_is_a_symlink_is_refused(void)
{
    char directory[108];
    snprintf(directory, sizeof directory, "%s/coop", getenv("XDG_RUNTIME_DIR"));
    CHECK_EQ(mkdir(test_file("elsewhere"), 0700), 0);
    CHECK_EQ(symlink(test_file("elsewhere"), directory), 0);
    check_refused(4, "not a directory");
    CHECK_EQ(unlink(directory), 0);
}

static void listens_where_it_is_told(void)
{
    char url[160];
    CHECK_EQ(mkdir(test_file("mine"), 0700), 0);
    snprintf(url, sizeof url, "ipc://%s", test_file("mine/socket"));
    struct started s = START("coop-manager", "--listen", url, "--name", "elsewhere");
    CHECK_HAS(read_line(&s), url);
    struct sp sp;
    sp_open(&sp, test_file("mine/socket"));
    CHECK_OK(sp_ask(&sp, "hello", coop_nil(), NO_ARGS));
    CHECK(coop_any_equal(*coop_any_get(&sp.result, coop_str("name")), coop_str("elsewhere")));
    sp_close(&sp);
    CHECK_EQ(stop_program(&s, SIGTERM), 0);
    CHECK(access(test_file("mine/socket"), F_OK) < 0);
}

static void path_in_an_open_directory_is_refused(void)
{
    char url[160];
    CHECK_EQ(mkdir(test_file("ours"), 0700), 0);
    CHECK_EQ(chmod(test_file("ours"), 0777), 0);
    snprintf(url, sizeof url, "ipc://%s", test_file("ours/socket"));
    struct ran ran = RUN("coop-manager", "--listen", url);
    CHECK_EQ(ran.code, 4);
    CHECK_HAS(ran.err, test_file("ours"));
}

static void path_in_no_directory_is_absent(void)
{
    char url[160];
    snprintf(url, sizeof url, "ipc://%s", test_file("no/such/socket"));
    CHECK_EQ(RUN("coop-manager", "--listen", url).code, 3);
}

static void check_usage(const char *option, const char *value, const char *part)
{
    struct ran ran = RUN("coop-manager", option, value);
    CHECK_EQ(ran.code, 2);
    CHECK_HAS(ran.err, part);
    CHECK_STR(ran.out, "");
}

static void bad_options_are_usage_errors(void)
{
    char longer[160] = "ipc:///";
    memset(longer + 7, 'x', 120);
    check_usage("--name", "a/b", "not a name");
    check_usage("--name", "", "not a name");
    check_usage("--name", ".hidden", "not a name");
    check_usage("--name", "ipc:///tmp/x", "not a name");
    check_usage("--listen", "tcp://127.0.0.1:5555", "tcp://127.0.0.1:5555");
    check_usage("--listen", "ipc://relative", "absolute");
    check_usage("--listen", "justaname", "justaname");
    check_usage("--listen", longer, "107");
    check_usage("--nonsense", "x", "nonsense");
    check_usage("--name=a", "surplus", "surplus");
}

static void tells_its_version_and_options(void)
{
    struct ran ran = RUN("coop-manager", "--version");
    CHECK_EQ(ran.code, 0);
    CHECK_HAS(ran.out, "coop-manager 0.1.0");
    ran = RUN("coop-manager", "--help");
    CHECK_EQ(ran.code, 0);
    CHECK_HAS(ran.out, "--listen");
}

/* The manager of a child that starts it with its own pidfd. */
static pid_t start_watched(struct started *ret_manager)
{
    pid_t pid;
    CHILD(pid) {
        for (;;) pause();
    }
    int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    CHECK(pidfd >= 0);
    CHECK_EQ(fcntl(pidfd, F_SETFD, 0), 0);
    char number[16];
    snprintf(number, sizeof number, "%d", pidfd);
    *ret_manager = START("coop-manager", "--name", "a", "--watch-pidfd", number);
    CHECK_HAS(read_line(ret_manager), "ready");
    close(pidfd);
    return pid;
}

static void it_ends_when_the_watched_process_is_killed(void)
{
    struct started s;
    pid_t pid = start_watched(&s);
    check_serves(manager_path("a"));
    child_kill(pid);
    CHECK_EQ(stop_program(&s, 0), 0);
    check_nothing_left("a");
}

static void what_is_no_pidfd_is_not_watched(void)
{
    check_usage("--watch-pidfd", "0", "not the number of an open pidfd");
    check_usage("--watch-pidfd", "99", "not the number of an open pidfd");
    check_usage("--watch-pidfd", "-1", "pidfd");
    check_usage("--watch-pidfd", "3x", "pidfd");
}

TESTS(manager_life, TEST(sigterm_ends_it_cleanly), TEST(sigint_ends_it_cleanly), TEST(hangup_ends_it_cleanly),
      TEST(it_ends_while_clients_are_connected), TEST(socket_and_directory_are_private), TEST(default_name_is_default),
      TEST(second_of_its_name_is_refused), TEST(dead_ones_socket_is_replaced),
      TEST_T(of_many_starters_one_wins, .seconds = 20), TEST(regular_file_in_the_way_is_left_alone),
      TEST(symlink_in_the_way_is_left_alone), TEST(symlink_for_a_lock_is_refused),
      TEST(another_programs_socket_is_left_alone), TEST(directory_open_to_others_is_refused),
      TEST(directory_that_is_a_symlink_is_refused), TEST(listens_where_it_is_told),
      TEST(path_in_an_open_directory_is_refused), TEST(path_in_no_directory_is_absent),
      TEST(bad_options_are_usage_errors), TEST(tells_its_version_and_options),
      TEST(it_ends_when_the_watched_process_is_killed), TEST(what_is_no_pidfd_is_not_watched))
