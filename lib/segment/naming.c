/* SPDX-License-Identifier: MIT */
/* Name locks and leases on segment files. */
#include "segment/naming.h"

#include "base/clock.h"
#include "base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

int coopi_name_lock(int fd, int64_t timeout, const char *label)
{
    int64_t deadline = coopi_deadline(timeout);
    while (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK && errno != EINTR) return coopi_fail(errno, "%s: flock: %s", label, strerror(errno));
        if (coopi_now() >= deadline)
            return coopi_fail(EBUSY, "%s: somebody else removes it, or looks whether anybody has it; try again", label);
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    return 0;
}

/* Not by close() alone: another thread may have forked a child, which has the descriptor too. */
void coopi_name_unlock(int fd)
{
    flock(fd, LOCK_UN);
}

int coopi_unlink_if_same(const struct coopi_segment_name *name, int fd)
{
    char file[sizeof COOPI_SHM_FOLDER + COOPI_SHM_NAME] = COOPI_SHM_FOLDER;
    memcpy(file + sizeof COOPI_SHM_FOLDER - 1, name->shm, sizeof name->shm);
    struct stat mine, there;
    if (fstat(fd, &mine) != 0 || stat(file, &there) != 0 || mine.st_ino != there.st_ino || mine.st_dev != there.st_dev)
        return coopi_fail(ENOENT, "%s: somebody else removed it first", name->name);
    if (shm_unlink(name->shm) != 0) return coopi_fail(errno, "%s: shm_unlink: %s", name->name, strerror(errno));
    return 0;
}

int coopi_lease_take(int fd)
{
    if (fcntl(fd, F_SETSIG, SIGURG) != 0 || fcntl(fd, F_SETLEASE, F_WRLCK) != 0) return -errno;
    return 0;
}

void coopi_lease_give(int fd)
{
    fcntl(fd, F_SETLEASE, F_UNLCK);
}

int coopi_remove_if_alone(const struct coopi_segment_name *name, int fd, int64_t timeout)
{
    if (coopi_name_lock(fd, timeout, name->name) < 0) return 0;
    int r = coopi_lease_take(fd);
    if (r == 0) {
        r = coopi_unlink_if_same(name, fd);
        coopi_lease_give(fd);
    }
    coopi_name_unlock(fd);
    return r == 0;
}
