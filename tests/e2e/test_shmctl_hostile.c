/* SPDX-License-Identifier: MIT */
/* shmctl on what is no segment, or one that somebody broke: each thing its own sentence and exit code. */
#include "harness/forge.h"
#include "harness/test.h"

#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#define NAME_ROOM 128

static char name[NAME_ROOM]; /* the test's one segment */

static void make(void (*mutate)(struct forge *forge))
{
    snprintf(name, sizeof name, "%s", test_name("forged"));
    forge_segment(name, mutate);
    forge_map(name);
}

/* Shows the segment and removes it: the exit code, and a part of the sentence. */
static void expect(int code, const char *part)
{
    struct ran ran = RUN("shmctl", "show", name);
    CHECK_EQ(ran.code, code);
    CHECK_HAS(code ? ran.err : ran.out, part);
    if (code) CHECK_HAS(ran.err, "shmctl: ");
    struct ran ls = RUN("shmctl", "ls", "--all-users");
    CHECK_EQ(ls.code, 0);
    CHECK_HAS(ls.out, strchr(name, ':') ? strchr(name, ':') + 1 : name);
    if (code) CHECK_HAS(ls.out, part);
    forge_remove(name);
}

static void place(const char *base)
{
    snprintf(name, sizeof name, "%s", test_name(base));
}

static void shows_a_forged_segment_that_is_whole(void)
{
    make(NULL);
    struct ran ran = RUN("shmctl", "show", name);
    CHECK_EQ(ran.code, 0);
    CHECK_STR(ran.err, "");
    CHECK_HAS(ran.out, "42");
    CHECK_HAS(ran.out, "[0.5, 1.5, 2.5, 3.5, 4.5]");
    CHECK_HAS(ran.out, "b'hello'");
    CHECK_HAS(ran.out, "DIED HOLDING IT: pid 4194000 (ghost), depth 2");
    expect(0, "held by pid ");
}

static void says_that_a_fifo_is_in_the_way(void)
{
    place("fifo");
    CHECK_EQ(mkfifo(forge_path(name), 0600), 0);
    expect(4, "is a FIFO, not a segment; somebody put it in the way: remove it with `rm ");
}

static void says_that_a_symbolic_link_is_in_the_way(void)
{
    place("link");
    CHECK_EQ(symlink("/etc/passwd", forge_path(name)), 0);
    expect(4, "is a symbolic link, not a segment");
}

static void says_that_a_directory_is_in_the_way(void)
{
    place("folder");
    CHECK_EQ(mkdir(forge_path(name), 0700), 0);
    expect(4, "is a directory, not a segment; somebody put it in the way: remove it with `rmdir ");
}

static void says_that_a_socket_is_in_the_way(void)
{
    place("socket");
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", forge_path(name));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK_EQ(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    close(fd);
    expect(4, "is a socket, not a segment");
}

static void refuses_a_file_that_another_user_planted(void)
{
    snprintf(name, sizeof name, "%u:%s", (unsigned)geteuid() + 1, test_name("planted"));
    forge_segment(name, NULL);
    forge_map(name);
    expect(4, "as its name says; somebody put it in the way");
}

static void wrong_mode(struct forge *forge)
{
    forge->mode = 0666;
}

static void notes_a_mode_that_lets_others_in(void)
{
    make(wrong_mode);
    struct ran ran = RUN("shmctl", "show", name);
    CHECK_HAS(ran.out, "42"); /* to look at it harms nobody */
    expect(4, "mode 0666 lets others in");
}

static void notes_a_second_name(void)
{
    char second[NAME_ROOM];
    make(NULL);
    snprintf(second, sizeof second, "%s", test_name("second"));
    char old_path[512];
    snprintf(old_path, sizeof old_path, "%s", forge_path(name));
    CHECK_EQ(link(old_path, forge_path(second)), 0);
    expect(4, "its file has 2 names");
    forge_remove(second);
}

static void empty(struct forge *forge)
{
    forge->cut = 0;
}

static void says_that_an_empty_file_is_truncated(void)
{
    make(empty);
    expect(5, "truncated: 0 bytes, and a segment's header has 4096");
}

static void cut_in_the_header(struct forge *forge)
{
    forge->cut = 100;
}

static void says_that_a_header_is_truncated(void)
{
    make(cut_in_the_header);
    expect(5, "truncated: 100 bytes");
}

static void cut_in_the_tables(struct forge *forge)
{
    forge->cut = 5000;
}

static void says_that_tables_are_truncated(void)
{
    make(cut_in_the_tables);
    expect(5, "truncated: 5000 bytes, and its tables need");
}

static void cut_in_the_objects(struct forge *forge)
{
    forge->cut = forge->entries[FORGE_DOOR].offset;
}

static void shows_what_is_left_of_truncated_objects(void)
{
    make(cut_in_the_objects);
    struct ran ran = RUN("shmctl", "show", name);
    CHECK_HAS(ran.out, "42");
    CHECK_HAS(ran.err, "lies outside the file");
    expect(5, "truncated: ");
}

static void wrong_magic(struct forge *forge)
{
    forge->header->magic[3] = 'X';
}

static void says_that_the_magic_is_wrong(void)
{
    make(wrong_magic);
    expect(5, "not a libcoop segment");
}

static void newer_version(struct forge *forge)
{
    forge->header->format_major = COOPI_FORMAT_MAJOR + 1;
}

static void says_that_the_format_is_newer(void)
{
    make(newer_version);
    expect(1, "use the libcoop that made it");
}

static void unknown_feature(struct forge *forge)
{
    forge->header->incompatible = UINT64_C(1) << 63;
}

static void says_that_a_feature_is_unknown(void)
{
    make(unknown_feature);
    expect(1, "that this libcoop does not know");
}

static void other_fingerprint(struct forge *forge)
{
    forge->header->fingerprint ^= 1;
}

static void says_that_the_layout_is_another(void)
{
    make(other_fingerprint);
    expect(1, "made by a program with another layout");
}

static void damaged_fingerprint(struct forge *forge)
{
    forge_seal(forge->bytes);
    forge->header->fingerprint ^= 1;
    forge->keep_checksum = true;
}

static void tells_a_damaged_fingerprint_from_another_layout(void)
{
    make(damaged_fingerprint);
    struct ran ran = RUN("shmctl", "show", name);
    CHECK_HAS(ran.out, "fingerprint"); /* what it claims is shown */
    expect(5, "checksum does not match");
}

static void wrong_checksum(struct forge *forge)
{
    forge_seal(forge->bytes);
    forge->header->created++;
    forge->keep_checksum = true;
}

static void says_that_the_checksum_is_wrong(void)
{
    make(wrong_checksum);
    expect(5, "checksum does not match");
}

static void huge_table(struct forge *forge)
{
    forge->header->directory.count = UINT32_MAX;
}

static void refuses_a_table_that_claims_more_than_there_is(void)
{
    make(huge_table);
    expect(5, "its directory table");
}

static void wrong_size(struct forge *forge)
{
    forge->header->size = UINT64_MAX;
}

static void says_that_the_reserved_size_is_impossible(void)
{
    make(wrong_size);
    expect(5, "bytes are reserved");
}

static void other_boot(struct forge *forge)
{
    forge->header->boot_id[0] ^= 1;
}

static void calls_everybody_of_an_earlier_boot_dead(void)
{
    make(other_boot);
    struct ran ran = RUN("shmctl", "show", name);
    CHECK_LACKS(ran.out, "alive");
    expect(0, "an earlier one: all who used it are gone");
}

static void other_namespace(struct forge *forge)
{
    forge->header->pid_namespace++;
}

static void does_not_judge_pids_of_another_namespace(void)
{
    make(other_namespace);
    struct ran ran = RUN("shmctl", "show", name);
    CHECK_HAS(ran.out, "unknown");
    expect(0, "of another PID namespace");
}

static void endless_item(struct forge *forge)
{
    forge->entries[FORGE_NUMBERS].length = UINT64_MAX;
}

static void refuses_an_array_that_claims_16_eib(void)
{
    make(endless_item);
    struct ran ran = RUN("shmctl", "show", name);
    CHECK_HAS(ran.out, "42");
    CHECK_EQ(ran.code, 5);
    CHECK_HAS(ran.err, "18446744073709551615 items of type \"d\" do not fit");
    forge_remove(name);
}

static void hostile_names(struct forge *forge)
{
    memcpy(forge->entries[FORGE_SALDO].name, "\x1b]0;x\x07\xff\"", 9);
    memcpy(forge->owners[0].command, "\x1b[31m\"\xc3\x28\n", 10);
    memcpy(forge->participants[0].command, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 16);
    memcpy((char *)forge->bytes + forge->entries[FORGE_LABEL].offset, "\x1b[2J", 4);
}

static void check_ascii(const char *text)
{
    for (const char *c = text; *c; c++)
        if (*c != '\n' && (*c < ' ' || *c > '~')) FAIL("byte %#x in:\n%s", (unsigned char)*c, text);
}

static void prints_nothing_that_a_terminal_would_obey(void)
{
    make(hostile_names);
    struct ran plain = RUN("shmctl", "show", name);
    struct ran json = RUN("shmctl", "--json", "show", name);
    CHECK_EQ(plain.code, 5);
    CHECK_HAS(plain.out, "\\x1b[31m");
    check_ascii(plain.out);
    check_ascii(plain.err);
    check_ascii(json.out);
    json_t *document = json_loads(json.out, 0, NULL);
    CHECK(document);
    json_decref(document);
    forge_remove(name);
}

static void no_such_owner(struct forge *forge)
{
    forge_lock(forge, &forge->entries[FORGE_DOOR])->robust.word |= UINT64_C(0xfff) << 32;
}

static void refuses_a_lock_that_names_no_owner(void)
{
    make(no_such_owner);
    struct ran ran = RUN("shmctl", "show", name);
    CHECK_EQ(ran.code, 5);
    CHECK_HAS(ran.err, "a lock names owner 4095, and there are 16");
    forge_remove(name);
}

static void row_passed_on(struct forge *forge)
{
    forge->owners[1].life.word += UINT64_C(1) << 44;
}

static void says_that_the_dead_owner_s_row_has_passed_on(void)
{
    make(row_passed_on);
    expect(0, "DIED HOLDING IT: somebody whose owner row has passed on");
}

static void unmarked_life(struct forge *forge)
{
    forge->owners[0].start++; /* as after exec by a thread that is not the leader */
}

static void believes_proc_where_the_kernel_marked_nothing(void)
{
    make(unmarked_life);
    char expected[64];
    snprintf(expected, sizeof expected, "DIED HOLDING IT: pid %d", (int)getpid());
    expect(0, expected);
}

static void looks_into_a_sparse_file_of_8_eib(void)
{
    make(NULL);
    if (truncate(forge_path(name), INT64_MAX) != 0) CHECK_EQ(truncate(forge_path(name), INT64_C(1) << 42), 0);
    expect(0, "42");
}

static void removes_a_damaged_segment_by_force_only(void)
{
    make(wrong_checksum);
    CHECK_EQ(RUN("shmctl", "rm", name).code, 5);
    CHECK_EQ(RUN("shmctl", "rm", "--force", name).code, 0);
    CHECK_EQ(access(forge_path(name), F_OK), -1);
    make(empty);
    CHECK_EQ(RUN("shmctl", "rm", name).code, 5);
    CHECK_EQ(RUN("shmctl", "rm", "--force", name).code, 0);
    make(wrong_mode);
    CHECK_EQ(RUN("shmctl", "rm", name).code, 4);
    CHECK_EQ(RUN("shmctl", "rm", "--force", name).code, 0);
    make(NULL);
    char second[NAME_ROOM];
    char old_path[512];
    snprintf(second, sizeof second, "%s", test_name("second"));
    snprintf(old_path, sizeof old_path, "%s", forge_path(name));
    CHECK_EQ(link(old_path, forge_path(second)), 0);
    CHECK_EQ(RUN("shmctl", "rm", "--force", name, second).code, 0);
}

static void does_not_remove_by_force_what_is_no_file(void)
{
    place("fifo");
    CHECK_EQ(mkfifo(forge_path(name), 0600), 0);
    struct ran ran = RUN("shmctl", "rm", "--force", name);
    CHECK_EQ(ran.code, 4);
    CHECK_HAS(ran.err, "not a regular file");
    CHECK_EQ(access(forge_path(name), F_OK), 0);
    forge_remove(name);
}

TESTS(shmctl_hostile, TEST(shows_a_forged_segment_that_is_whole), TEST(says_that_a_fifo_is_in_the_way),
      TEST(says_that_a_symbolic_link_is_in_the_way), TEST(says_that_a_directory_is_in_the_way),
      TEST(says_that_a_socket_is_in_the_way), TEST(refuses_a_file_that_another_user_planted),
      TEST(notes_a_mode_that_lets_others_in), TEST(notes_a_second_name), TEST(says_that_an_empty_file_is_truncated),
      TEST(says_that_a_header_is_truncated), TEST(says_that_tables_are_truncated),
      TEST(shows_what_is_left_of_truncated_objects), TEST(says_that_the_magic_is_wrong),
      TEST(says_that_the_format_is_newer), TEST(says_that_a_feature_is_unknown), TEST(says_that_the_layout_is_another),
      TEST(tells_a_damaged_fingerprint_from_another_layout), TEST(says_that_the_checksum_is_wrong),
      TEST(refuses_a_table_that_claims_more_than_there_is), TEST(says_that_the_reserved_size_is_impossible),
      TEST(calls_everybody_of_an_earlier_boot_dead), TEST(does_not_judge_pids_of_another_namespace),
      TEST(refuses_an_array_that_claims_16_eib), TEST(prints_nothing_that_a_terminal_would_obey),
      TEST(refuses_a_lock_that_names_no_owner), TEST(says_that_the_dead_owner_s_row_has_passed_on),
      TEST(believes_proc_where_the_kernel_marked_nothing), TEST(looks_into_a_sparse_file_of_8_eib),
      TEST(removes_a_damaged_segment_by_force_only), TEST(does_not_remove_by_force_what_is_no_file))
