/* SPDX-License-Identifier: MIT */
/* Attaching to what somebody else made: planted files, damaged headers and entries, other places. All are refused with
 * a sentence, and leave neither a descriptor nor a mapping behind. */
#include "harness/forge.h"
#include "segment/handle.h"
#include "unit/meeting.h"

#include <coop/error.h>
#include <coop/lock.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>

static coop_segment *segment;

/* The whole runner's geteuid: another's as soon as a test says so. */
static uid_t pretended_uid;

uid_t perhaps_another(void) __asm__("geteuid");

uid_t perhaps_another(void)
{
    return pretended_uid ? pretended_uid : (uid_t)syscall(SYS_geteuid);
}

/* Opening NAME gives RESULT, with both texts in the sentence, and leaves nothing open. */
static void check_refused(const char *name, int result, const char *wrong, const char *cure)
{
    coop_segment *opened = NULL;
    CHECK_ERR(coop_segment_open("a.b.c.absent", 0, &opened), -ENOENT); /* whatever comes once, has come now */
    int descriptors = count_descriptors();
    CHECK_ERR(coop_segment_open(name, 0, &opened), result);
    CHECK_DETAIL(wrong);
    CHECK_DETAIL(cure);
    CHECK(opened == NULL);
    CHECK_ERR(coop_segment_open(name, COOP_CREATE, &opened), result); /* what is in the way is not replaced */
    CHECK_EQ(count_descriptors(), descriptors);
    CHECK_EQ(count_maps("/dev/shm/"), 0);
}

static void refuse_planted(int result, const char *wrong)
{
    const char *name = test_name("s");
    check_refused(name, result, wrong, "remove it");
    CHECK_ERR(coop_segment_remove(name, 0), result);
    forge_remove(name);
}

static void a_fifo_is_refused_and_does_not_block(void)
{
    CHECK_EQ(mkfifo(forge_path(test_name("s")), 0600), 0);
    refuse_planted(-EACCES, "is not a regular file");
}

static void a_symbolic_link_is_refused_even_to_a_segment(void)
{
    char target[512];
    forge_segment(test_name("target"), NULL);
    snprintf(target, sizeof target, "%s", forge_path(test_name("target")));
    CHECK_EQ(symlink(target, forge_path(test_name("s"))), 0);
    refuse_planted(-EACCES, "is a symbolic link");
    forge_remove(test_name("target"));
}

static void a_socket_is_refused(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", forge_path(test_name("s")));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK_EQ(bind(fd, (const struct sockaddr *)&address, sizeof address), 0);
    close(fd);
    refuse_planted(-EACCES, "is a socket");
}

static void a_directory_is_refused(void)
{
    CHECK_EQ(mkdir(forge_path(test_name("s")), 0700), 0);
    refuse_planted(-EACCES, "is a directory");
}

/* Without privileges: ours, under another's name. */
static void a_file_of_another_uid_than_its_name_is_refused(void)
{
    char name[160];
    snprintf(name, sizeof name, "%u:%s", geteuid() + 1, test_name("s"));
    forge_segment(test_name("s"), NULL);
    char from[512];
    snprintf(from, sizeof from, "%s", forge_path(test_name("s")));
    CHECK_EQ(rename(from, forge_path(name)), 0);
    CHECK_ERR(coop_segment_open(name, 0, &segment), -EACCES);
    CHECK_DETAIL("planted");
    CHECK_ERR(coop_segment_open(name, COOP_TRUST_PEERS, &segment), -EACCES);
    CHECK_ERR(coop_segment_open(name, COOP_CREATE, &segment), -EACCES);
    forge_remove(name);
}

/* With the uid of somebody else, as the library sees it; in earnest it is a privileged test. */
static void another_users_segment_needs_trust(void)
{
    char name[160];
    snprintf(name, sizeof name, "%u:%s", geteuid(), test_name("s"));
    forge_segment(test_name("s"), NULL);
    pretended_uid = geteuid() + 1;
    check_refused(name, -EACCES, "belongs to uid", "COOP_TRUST_PEERS");
    CHECK_OK(coop_segment_open(name, COOP_TRUST_PEERS, &segment));
    coop_segment_close(segment);
    forge_remove(name);
    CHECK_ERR(coop_segment_open(name, 0, &segment), -ENOENT);
    CHECK_ERR(coop_segment_open(name, COOP_CREATE, &segment), -EACCES);
    CHECK_DETAIL("only that user can make it");
}

static void a_mode_that_lets_others_in_is_refused(void)
{
    static const mode_t modes[] = {0640, 0604, 0620, 0602, 0601, 0660, 0666, 0777};
    const char *name = test_name("s");
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        forge_segment(name, NULL);
        CHECK_EQ(chmod(forge_path(name), modes[i]), 0);
        check_refused(name, -EACCES, "lets others in", "chmod 600");
        CHECK_OK(coop_segment_open(name, COOP_TRUST_PEERS, &segment));
        coop_segment_close(segment);
        forge_remove(name);
    }
}

static void a_second_hard_link_is_refused(void)
{
    const char *name = test_name("s");
    forge_segment(name, NULL);
    char path[512];
    snprintf(path, sizeof path, "%s", forge_path(name));
    CHECK_EQ(link(path, forge_path(test_name("other"))), 0);
    check_refused(name, -EACCES, "has 2 names", "remove the others");
    forge_remove(test_name("other"));
    CHECK_OK(coop_segment_open(name, 0, &segment));
    coop_segment_close(segment);
    forge_remove(name);
}

static void check_cut(size_t size)
{
    const char *name = test_name("s");
    struct forge forge;
    forge_segment(name, NULL);
    forge_read(&forge, name);
    forge_file(name, forge.bytes, size < forge.size ? size : forge.size, 0600);
    uint64_t storage = forge.header->storage;
    forge_end(&forge);
    if (size < storage)
        check_refused(name, -EBADMSG, "truncated", "remove it");
    else
        CHECK_OK(coop_segment_open(name, 0, &segment));
    forge_remove(name);
}

static void a_truncated_file_is_refused(void)
{
    static const size_t sizes[] = {0, 1, 8, 255, 256, 4095, 4096, 4097, 6144, 8191};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) check_cut(sizes[i]);
}

/* One field of the header, and what is said of it. */

static void check_header(void (*mutate)(struct forge *forge), int result, const char *wrong, const char *cure)
{
    const char *name = test_name("s");
    forge_segment(name, mutate);
    check_refused(name, result, wrong, cure);
    CHECK_ERR(coop_segment_remove(name, 0), result);
    CHECK_OK(coop_segment_remove(name, COOP_FORCE)); /* the cure helps */
}

static void other_magic(struct forge *forge)
{
    forge->header->magic[3] = 'X';
}

static void newer_format(struct forge *forge)
{
    forge->header->format_major = COOPI_FORMAT_MAJOR + 1;
}

static void older_format(struct forge *forge)
{
    forge->header->format_major = 0;
}

static void unknown_feature(struct forge *forge)
{
    forge->header->incompatible |= UINT64_C(1) << 40;
}

static void other_fingerprint(struct forge *forge)
{
    forge->header->fingerprint ^= 1;
}

static void wrong_checksum(struct forge *forge)
{
    forge_seal(forge->bytes);
    forge->header->created ^= 1;
    forge->keep_checksum = true;
}

static void a_wrong_magic_is_refused(void)
{
    check_header(other_magic, -EBADMSG, "wrong magic", "remove");
}

static void a_newer_format_is_refused(void)
{
    check_header(newer_format, -ENOTSUP, "has format 4.0", "use the libcoop that made it");
    check_header(older_format, -ENOTSUP, "has format 0.0", "use the libcoop that made it");
}

static void an_unknown_incompatible_feature_is_refused(void)
{
    check_header(unknown_feature, -ENOTSUP, "0x10000000000", "newer");
}

static void another_fingerprint_is_refused(void)
{
    check_header(other_fingerprint, -ENOTSUP, "another layout", "one build");
}

static void a_bad_checksum_is_refused(void)
{
    check_header(wrong_checksum, -EBADMSG, "checksum", "shmctl rm --force");
}

static void harmless_news(struct forge *forge)
{
    forge->header->compatible = UINT64_C(1) << 40;
    forge->header->format_minor = 77;
}

static void compatible_features_and_a_newer_minor_format_are_taken(void)
{
    const char *name = test_name("s");
    forge_segment(name, harmless_news);
    CHECK_OK(coop_segment_open(name, 0, &segment));
    coop_segment_close(segment);
    forge_remove(name);
}

/* Headers whose sums are right and whose numbers are not. */

static int contradiction;

static void contradict(struct forge *forge)
{
    struct coopi_header *header = forge->header;
    switch (contradiction) {
    case 0: header->storage = 4096 - 64; break;
    case 1: header->storage += 1; break;
    case 2: header->storage = header->maximum + 64; break;
    case 3: header->maximum = UINT64_MAX; break;
    case 4: memset(header->name, 'x', sizeof header->name); break;
    case 5: header->directory.offset = 0; break;
    case 6: header->directory.offset = header->storage; break;
    case 7: header->directory.offset += 8; break;
    case 8: header->directory.stride = 64; break;
    case 9: header->directory.count = UINT32_MAX; break;
    case 10: header->directory.count = 0; break;
    case 11: header->participants.count = 0; break;
    case 12: header->participants.count = 5000; break;
    case 13: header->participants.offset = UINT64_MAX - 63; break;
    case 14: header->owners.count = 0; break;
    case 15: header->owners.count = 4096; break;
    case 16: header->owners.stride = 0; break;
    case 17: header->owners.offset = UINT64_C(1) << 63; break;
    case 18: header->owners.offset = header->participants.offset; break;
    case 19: header->index.offset = header->events.offset + 64; break;
    default: contradiction = -1; break;
    }
}

static void contradictions_in_the_header_are_refused(void)
{
    for (int i = 0;; i++) {
        const char *name = test_name("s");
        contradiction = i;
        forge_segment(name, contradict);
        if (contradiction < 0) break;
        check_refused(name, -EBADMSG, "damaged", "shmctl rm --force");
        CHECK_OK(coop_segment_remove(name, COOP_FORCE));
    }
    forge_remove(test_name("s"));
}

/* Entries: the object is refused, the segment is not. */

static int distortion;

static void distort(struct forge *forge)
{
    struct coopi_entry *door = &forge->entries[FORGE_DOOR];
    switch (distortion) {
    case 0: door->offset = UINT64_C(1) << 40; break;
    case 1: door->offset += 1; break;
    case 2: door->offset = 0; break;
    case 3: door->size = UINT64_MAX; break;
    case 4: door->size = UINT64_MAX - door->offset - 63; break;
    case 5: door->body = 0; break;
    case 6: door->body = UINT64_MAX & ~UINT64_C(63); break;
    case 7: door->body += 4; break;
    case 8: door->body += 64; break; /* too few bytes are left */
    case 9: door->type_size = UINT32_MAX; break;
    case 10: door->kind = 999; break;
    case 11: door->kind = 0; break;
    case 12: door->size = 0; break;
    case 13: door->size = UINT64_C(700) << 10; break; /* inside the maximum, beyond the file */
    default: distortion = -1; break;
    }
}

static void damaged_entries_are_refused_and_the_rest_is_used(void)
{
    for (int i = 0;; i++) {
        const char *name = test_name("s");
        char path[192];
        coop_lock *lock = NULL;
        distortion = i;
        forge_segment(name, distort);
        if (distortion < 0) break;
        snprintf(path, sizeof path, "%s/door", name);
        CHECK_ERR(coop_lock_open(path, 0, &lock), -EBADMSG);
        CHECK_DETAIL("remove");
        coop_rlock *gate;
        snprintf(path, sizeof path, "%s/gate", name);
        CHECK_OK(coop_rlock_open(path, 0, &gate));
        CHECK_OWNER_DIED(coop_rlock_acquire(gate, COOP_NOWAIT));
        CHECK_EQ(coop_rlock_depth(gate), 1);
        CHECK_OK(coop_rlock_release(gate));
        coop_rlock_close(gate);
        CHECK_OK(coop_segment_remove(name, 0)); /* looks at each entry itself */
    }
    forge_remove(test_name("s"));
}

static void endless_name(struct forge *forge)
{
    memset(forge->entries[FORGE_SALDO].name, 'x', sizeof forge->entries[FORGE_SALDO].name);
}

static void a_name_without_an_end_is_not_read_beyond_its_entry(void)
{
    const char *name = test_name("s");
    coop_lock *lock;
    char path[192];
    forge_segment(name, endless_name);
    snprintf(path, sizeof path, "%s/saldo", name);
    CHECK_ERR(coop_lock_open(path, 0, &lock), -ENOENT);
    snprintf(path, sizeof path, "%s/door", name);
    CHECK_OK(coop_lock_open(path, 0, &lock));
    coop_lock_close(lock);
    forge_remove(name);
}

/* What may change while we are attached is checked at each use: the file's size as the header tells it, too. */
static void lie_about_the_size(struct forge *forge)
{
    forge->header->size = UINT64_MAX;
    forge->header->owner_cursor = UINT32_MAX;
    forge->header->participant_cursor = UINT32_MAX;
}

/* An object's name; a nameless one would go with its last handle. */
static const char *numbered(int number)
{
    static char text[16];
    snprintf(text, sizeof text, "lock%d", number);
    return text;
}

static void a_lie_about_the_size_does_no_harm(void)
{
    const char *name = test_name("s");
    forge_segment(name, lie_about_the_size);
    CHECK_OK(coop_segment_open(name, 0, &segment));
    int made = 0, r = 0;
    for (coop_lock *lock; (r = coop_lock_in(segment, numbered(made), COOP_CREATE, &lock)) == 0; made++) {
        CHECK_OK(coop_lock_acquire(lock, COOP_NOWAIT));
        CHECK_OK(coop_lock_release(lock));
        coop_lock_close(lock);
    }
    CHECK(r == -ENOSPC || r == -EBADMSG);
    CHECK(made > 0);
    coop_segment_close(segment);
    forge_remove(name);
}

TESTS(attach, TEST(a_fifo_is_refused_and_does_not_block), TEST(a_symbolic_link_is_refused_even_to_a_segment),
      TEST(a_socket_is_refused), TEST(a_directory_is_refused), TEST(a_file_of_another_uid_than_its_name_is_refused),
      TEST(another_users_segment_needs_trust), TEST(a_mode_that_lets_others_in_is_refused),
      TEST(a_second_hard_link_is_refused), TEST(a_truncated_file_is_refused), TEST(a_wrong_magic_is_refused),
      TEST(a_newer_format_is_refused), TEST(an_unknown_incompatible_feature_is_refused),
      TEST(another_fingerprint_is_refused), TEST(a_bad_checksum_is_refused),
      TEST(compatible_features_and_a_newer_minor_format_are_taken), TEST(contradictions_in_the_header_are_refused),
      TEST(damaged_entries_are_refused_and_the_rest_is_used), TEST(a_name_without_an_end_is_not_read_beyond_its_entry),
      TEST(a_lie_about_the_size_does_no_harm))
