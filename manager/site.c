/* SPDX-License-Identifier: MIT */
/* A manager's place in the file system: the directory, the lock that keeps a second one out, the socket's path. */
#include "site.h"

#include "base/error.h"

#include <coop/try.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOCK_TRIES 100

static int refuse(const char *path, const char *what)
{
    int err = errno;
    return coopi_fail(err, "%s: %s: %s", path, what, strerror(err));
}

/* A path that was given has to stand in such a directory too: a wrong byte on an ipc socket can end a nanomsg program,
 * so nobody but its owner may reach it. */
static int prepare_directory(struct coopi_address *address)
{
    if (!address->directory[0]) {
        const char *slash = strrchr(address->path, '/');
        size_t size = slash == address->path ? 1 : (size_t)(slash - address->path);
        memcpy(address->directory, address->path, size);
        address->directory[size] = 0;
    }
    return coopi_address_prepare(address);
}

static int busy(const struct site *site, int lock)
{
    char pid[16] = "";
    ssize_t size = pread(lock, pid, sizeof pid - 1, 0);
    pid[size > 0 ? strspn(pid, "0123456789") : 0] = 0;
    return coopi_fail(EBUSY, "%s: a manager%s%s is running there already; stop it, or use another name",
                      site->address.path, pid[0] ? " with pid " : "", pid);
}

/* Whether the file that is locked still has its name: the last owner removes it while holding it. */
static bool still_named(const struct site *site, int lock)
{
    struct stat held;
    struct stat named;
    return fstat(lock, &held) == 0 && lstat(site->lock_path, &named) == 0 && held.st_ino == named.st_ino &&
           held.st_dev == named.st_dev;
}

static int try_lock(struct site *site)
{
    int lock = open(site->lock_path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
    if (lock < 0) return refuse(site->lock_path, "cannot open the lock file; remove what stands there");
    int result = 0;
    if (flock(lock, LOCK_EX | LOCK_NB) < 0)
        result = errno == EWOULDBLOCK ? busy(site, lock) : refuse(site->lock_path, "cannot lock it");
    else if (!still_named(site, lock))
        result = coopi_fail(EAGAIN, "%s: managers come and go too fast there; try again", site->address.path);
    if (result < 0)
        close(lock);
    else
        site->lock = lock;
    return result;
}

static int lock_site(struct site *site)
{
    int result = -EAGAIN;
    for (int i = 0; i < LOCK_TRIES && result == -EAGAIN; i++) result = try_lock(site);
    if (result == 0 && (ftruncate(site->lock, 0) < 0 || dprintf(site->lock, "%d\n", getpid()) < 0))
        result = refuse(site->lock_path, "cannot write to it");
    return result;
}

/* 0: nobody listens there. */
static int probe(const struct coopi_address *address)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    memcpy(name.sun_path, address->path, sizeof name.sun_path);
    int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (s < 0) return refuse(address->path, "no socket");
    int err = connect(s, (struct sockaddr *)&name, sizeof name) == 0 ? EISCONN : errno;
    close(s);
    if (err == ECONNREFUSED || err == ENOENT) return 0;
    if (err == EISCONN || err == EAGAIN)
        return coopi_fail(EBUSY, "%s: another program listens there; use another path", address->path);
    errno = err;
    return refuse(address->path, "cannot find out whether somebody listens there");
}

static int remove_dead_socket(const struct coopi_address *address)
{
    struct stat status;
    if (lstat(address->path, &status) < 0) return errno == ENOENT ? 0 : refuse(address->path, "cannot look at it");
    if (!S_ISSOCK(status.st_mode))
        return coopi_fail(EEXIST,
                          "%s: something that is no socket stands there, and it was left alone; remove it, or "
                          "use another path",
                          address->path);
    COOP_TRY(probe(address));
    if (unlink(address->path) < 0 && errno != ENOENT)
        return refuse(address->path, "cannot remove a dead manager's socket");
    return 0;
}

int site_take(const struct coopi_address *address, struct site *ret_site)
{
    struct site site = {.address = *address, .lock = -1};
    COOP_TRY(prepare_directory(&site.address));
    snprintf(site.lock_path, sizeof site.lock_path, "%s.lock", address->path);
    int result = lock_site(&site);
    if (result == 0) result = remove_dead_socket(address);
    if (result == 0)
        *ret_site = site;
    else if (site.lock >= 0)
        site_leave(&site);
    return result;
}

void site_bound(struct site *site)
{
    struct stat status;
    if (lstat(site->address.path, &status) < 0) return;
    site->device = status.st_dev;
    site->inode = status.st_ino;
}

void site_leave(struct site *site)
{
    struct stat status;
    if (site->inode && lstat(site->address.path, &status) == 0 && status.st_ino == site->inode &&
        status.st_dev == site->device)
        unlink(site->address.path);
    unlink(site->lock_path); /* while we hold it: who has it open sees that its name is gone */
    close(site->lock);
}
