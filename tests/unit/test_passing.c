/* SPDX-License-Identifier: MIT */
/* Anonymous segments that are passed over UNIX sockets, and segments that a group shares. */
#include "harness/forge.h"
#include "harness/test.h"

#include "base/atomic.h"
#include "segment/handle.h"

#include <coop/lock.h>
#include <coop/segment.h>
#include <coop/value.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>

static coop_segment *segment;
static int ends[2];

static void connect_ends(void)
{
    CHECK_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
}

static void disconnect(void)
{
    close(ends[0]);
    close(ends[1]);
}

/* The receiver was forked before the segment was made, so it has nothing of it. */
static void it_is_the_same_segment_on_the_other_side(void)
{
    connect_ends();
    uint32_t *step = test_shared(sizeof *step);
    coop_lock *lock;
    coop_value *value;
    pid_t pid;
    CHILD(pid) {
        CHECK_OK(coop_segment_receive(ends[1], 0, &segment));
        CHECK(coop_segment_name(segment) == NULL);
        CHECK_OK(coop_value_in(segment, "number", "i", 0, &value));
        CHECK_OK(coop_value_set_i64(value, 5));
        CHECK_OK(coop_lock_in(segment, "door", 0, &lock));
        CHECK_OK(coop_lock_acquire(lock, COOP_FOREVER));
        coopi_store_release(step, 1);
        for (;;) pause();
    }
    CHECK_OK(coop_segment_create(NULL, NULL, &segment));
    CHECK_OK(coop_value_in(segment, "number", "i", COOP_CREATE, &value));
    CHECK_OK(coop_lock_in(segment, "door", COOP_CREATE, &lock));
    CHECK_OK(coop_segment_send(segment, ends[0]));
    CHECK_SOON(coopi_load_acquire(step) == 1);
    int64_t number;
    CHECK_OK(coop_value_get_i64(value, &number));
    CHECK_EQ(number, 5);
    child_kill(pid);
    CHECK_OWNER_DIED(coop_lock_acquire(lock, COOP_FOREVER));
    CHECK_OK(coop_lock_release(lock));
    coop_value_close(value);
    coop_lock_close(lock);
    coop_segment_close(segment);
    disconnect();
}

static void received_by_its_maker_it_is_the_same_mapping(void)
{
    connect_ends();
    coop_segment *again;
    CHECK_OK(coop_segment_create(NULL, NULL, &segment));
    CHECK_OK(coop_segment_send(segment, ends[0]));
    CHECK_OK(coop_segment_receive(ends[1], 0, &again));
    CHECK(again->map == segment->map);
    coop_segment_close(again);
    coop_segment_close(segment);
    disconnect();
}

static void a_named_one_is_not_sent(void)
{
    connect_ends();
    CHECK_OK(coop_segment_create(test_name("s"), NULL, &segment));
    CHECK_ERR(coop_segment_send(segment, ends[0]), -EINVAL);
    CHECK_DETAIL("has a name");
    coop_segment_close(segment);
    CHECK_OK(coop_segment_remove(test_name("s"), 0));
    disconnect();
}

static void no_segment_is_not_sent(void)
{
    connect_ends();
    CHECK_ERR(coop_segment_send(NULL, ends[0]), -EINVAL);
    CHECK_DETAIL("pass an open one");
    disconnect();
}

static void without_anybody_there_it_is_an_error_and_no_signal(void)
{
    connect_ends();
    CHECK_OK(coop_segment_create(NULL, NULL, &segment));
    close(ends[1]);
    CHECK_ERR(coop_segment_send(segment, ends[0]), -EPIPE);
    close(ends[0]);
    connect_ends();
    close(ends[0]);
    coop_segment *none;
    CHECK_ERR(coop_segment_receive(ends[1], 0, &none), -ENOTCONN);
    CHECK_ERR(coop_segment_receive(ends[1], COOP_CREATE, &none), -EINVAL);
    close(ends[1]);
    CHECK_ERR(coop_segment_receive(ends[1], 0, &none), -EBADF);
    CHECK_ERR(coop_segment_send(segment, ends[0]), -EBADF);
    coop_segment_close(segment);
}

static void an_empty_socket_that_does_not_block_says_so(void)
{
    connect_ends();
    CHECK_EQ(fcntl(ends[1], F_SETFL, O_NONBLOCK), 0);
    CHECK_ERR(coop_segment_receive(ends[1], 0, &segment), -EAGAIN);
    disconnect();
}

static void send_rights(const void *text, size_t size, const int *fds, int count)
{
    union {
        char bytes[CMSG_SPACE(4 * sizeof(int))];
        struct cmsghdr align;
    } control = {{0}};
    struct iovec part = {(void *)(uintptr_t)text, size};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    if (count) {
        message.msg_control = control.bytes;
        message.msg_controllen = CMSG_SPACE((size_t)count * sizeof(int));
        struct cmsghdr *rights = CMSG_FIRSTHDR(&message);
        rights->cmsg_level = SOL_SOCKET;
        rights->cmsg_type = SCM_RIGHTS;
        rights->cmsg_len = CMSG_LEN((size_t)count * sizeof(int));
        memcpy(CMSG_DATA(rights), fds, (size_t)count * sizeof(int));
    }
    CHECK(sendmsg(ends[0], &message, 0) >= 0);
}

static int lowest_free(void)
{
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    close(fd);
    return fd;
}

static void check_refused(const void *text, size_t size, const int *fds, int count, int result, const char *what)
{
    coop_segment *none = NULL;
    int before = lowest_free();
    send_rights(text, size, fds, count);
    CHECK_ERR(coop_segment_receive(ends[1], 0, &none), result);
    CHECK_DETAIL(what);
    CHECK(none == NULL);
    CHECK_EQ(lowest_free(), before); /* what came was closed */
}

static void what_is_no_segment_is_refused_and_closed(void)
{
    connect_ends();
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    int file = memfd_create("plain", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    int short_one = memfd_create("short", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    CHECK_EQ(fcntl(short_one, F_ADD_SEALS, F_SEAL_SHRINK), 0);
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", short_one);
    int readable = open(path, O_RDONLY | O_CLOEXEC);
    int several[3] = {null, file, short_one};
    check_refused(COOPI_MAGIC, 8, NULL, 0, -EBADMSG, "no segment");
    check_refused("hello", 5, &file, 1, -EBADMSG, "no segment");
    check_refused("coopsegX-and-more", 17, &file, 1, -EBADMSG, "no segment");
    check_refused(COOPI_MAGIC, 8, several, 3, -EBADMSG, "3 descriptors");
    check_refused(COOPI_MAGIC, 8, &null, 1, -EACCES, "not a regular file");
    check_refused(COOPI_MAGIC, 8, &file, 1, -EACCES, "not sealed against shrinking");
    check_refused(COOPI_MAGIC, 8, &short_one, 1, -EBADMSG, "truncated");
    check_refused(COOPI_MAGIC, 8, &readable, 1, -EACCES, "without the right to write");
    close(null);
    close(file);
    close(short_one);
    close(readable);
    disconnect();
}

static void an_unknown_access_is_refused(void)
{
    CHECK_ERR(coop_segment_create(NULL, COOP_SEGMENT_OPTIONS(.access = 2), &segment), -EINVAL);
    CHECK_DETAIL(".access");
    CHECK_ERR(coop_segment_create(NULL, COOP_SEGMENT_OPTIONS(.reserved = 1), &segment), -EINVAL);
    CHECK_DETAIL(".reserved must be 0");
}

TESTS(passing, TEST(it_is_the_same_segment_on_the_other_side), TEST(received_by_its_maker_it_is_the_same_mapping),
      TEST(a_named_one_is_not_sent), TEST(no_segment_is_not_sent),
      TEST(without_anybody_there_it_is_an_error_and_no_signal), TEST(an_empty_socket_that_does_not_block_says_so),
      TEST(what_is_no_segment_is_refused_and_closed), TEST(an_unknown_access_is_refused))
