/* SPDX-License-Identifier: MIT */
/* Passing anonymous segments to processes that are no children, over a UNIX socket. */
#include "base/error.h"
#include "segment/attach.h"
#include "segment/handle.h"
#include "segment/process.h"
#include "segment/registry.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define FDS_MAX 16 /* of one message; those that are too many are closed again */

union control {
    char bytes[CMSG_SPACE(FDS_MAX * sizeof(int))];
    struct cmsghdr align;
};

int coop_segment_send(coop_segment *segment, int socket)
{
    if (!segment) return coopi_fail(EINVAL, "anonymous segment: none is given; pass an open one");
    struct coopi_map *map = segment->map;
    if (!map->anonymous) return coopi_fail(EINVAL, "%s: has a name; give the other process that instead", map->name);
    int fd, r = coopi_map_file_descriptor(map, &fd);
    if (r < 0) return r;
    union control control = {{0}};
    char magic[8] = COOPI_MAGIC;
    struct iovec text = {magic, sizeof magic};
    struct msghdr message = {
        .msg_iov = &text, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = CMSG_SPACE(sizeof fd)};
    struct cmsghdr *rights = CMSG_FIRSTHDR(&message);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof fd);
    memcpy(CMSG_DATA(rights), &fd, sizeof fd);
    ssize_t sent;
    do sent = sendmsg(socket, &message, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    if (sent < 0) return coopi_fail(errno, "anonymous segment: cannot be sent: %s", strerror(errno));
    return 0;
}

/* The descriptors of a message: how many there are. */
static int take_rights(struct msghdr *message, int fds[FDS_MAX])
{
    int count = 0;
    for (struct cmsghdr *one = CMSG_FIRSTHDR(message); one; one = CMSG_NXTHDR(message, one)) {
        if (one->cmsg_level != SOL_SOCKET || one->cmsg_type != SCM_RIGHTS) continue;
        size_t bytes = one->cmsg_len - CMSG_LEN(0);
        for (size_t i = 0; i < bytes / sizeof(int) && count < FDS_MAX; i++)
            memcpy(&fds[count++], CMSG_DATA(one) + i * sizeof(int), sizeof(int));
    }
    return count;
}

/* One descriptor and our eight bytes; anything else is closed again. */
static int receive_fd(int socket, int *ret_fd)
{
    union control control;
    char magic[8] = {0};
    struct iovec text = {magic, sizeof magic};
    struct msghdr message = {
        .msg_iov = &text, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
    ssize_t got;
    do got = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
    while (got < 0 && errno == EINTR);
    if (got < 0) return coopi_fail(errno, "anonymous segment: cannot be received: %s", strerror(errno));
    int fds[FDS_MAX], count = take_rights(&message, fds);
    if (got == (ssize_t)sizeof magic && memcmp(magic, COOPI_MAGIC, sizeof magic) == 0 && count == 1 &&
        !(message.msg_flags & (MSG_TRUNC | MSG_CTRUNC))) {
        *ret_fd = fds[0];
        return 0;
    }
    for (int i = 0; i < count; i++) close(fds[i]);
    if (got == 0 && count == 0) return coopi_fail(ENOTCONN, "anonymous segment: the other side has closed the socket");
    return coopi_fail(EBADMSG,
                      "anonymous segment: what came is no segment (%zd bytes, %d descriptors); send it by "
                      "coop_segment_send()",
                      got, count);
}

static int check_fd(int fd, int flags)
{
    struct stat st;
    if (fstat(fd, &st) != 0) return coopi_fail(errno, "anonymous segment: fstat: %s", strerror(errno));
    if (!S_ISREG(st.st_mode))
        return coopi_fail(EACCES, "anonymous segment: what came is not a regular file (mode %06o)", st.st_mode);
    if (st.st_uid != geteuid() && !(flags & COOP_TRUST_PEERS))
        return coopi_fail(EACCES,
                          "anonymous segment: belongs to uid %u, not to us (uid %u); its writers would have full power "
                          "over this process: receive it with COOP_TRUST_PEERS if that is meant",
                          st.st_uid, geteuid());
    if ((fcntl(fd, F_GETFL) & O_ACCMODE) != O_RDWR)
        return coopi_fail(EACCES, "anonymous segment: came without the right to write; send it as it was made");
    int seals = fcntl(fd, F_GET_SEALS);
    if (seals < 0 || !(seals & F_SEAL_SHRINK))
        return coopi_fail(EACCES, "anonymous segment: is not sealed against shrinking, so its sender could end this "
                                  "process; send one that libcoop made");
    return 0;
}

/* That it says so itself is all there is: it has no name, and no other place. */
static int check_home(int fd)
{
    struct coopi_header header;
    if (pread(fd, &header, sizeof header, 0) != (ssize_t)sizeof header) return 0; /* mapping it says so */
    int home = coopi_is_at_home(&header, "anonymous segment");
    if (home != 0) return home < 0 ? home : 0;
    return coopi_fail(ENOTSUP,
                      "anonymous segment: was made in another PID namespace, where the same thread numbers mean "
                      "other threads; run both in one (docker --pid=, nsenter -p)");
}

int coop_segment_receive(int socket, int flags, coop_segment **ret_segment)
{
    if (flags & ~COOP_TRUST_PEERS)
        return coopi_fail(EINVAL, "anonymous segment: unknown flags %#x; receiving takes COOP_TRUST_PEERS", flags);
    int fd, r = receive_fd(socket, &fd);
    if (r < 0) return r;
    r = check_fd(fd, flags);
    if (r == 0) r = check_home(fd);
    coop_segment *segment = r == 0 ? coopi_segment_handle("anonymous segment") : NULL;
    if (!segment) {
        close(fd);
        return r < 0 ? r : -ENOMEM;
    }
    return coopi_segment_finish(coopi_map_made(fd, NULL, &segment->map), segment, ret_segment);
}
