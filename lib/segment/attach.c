/* SPDX-License-Identifier: MIT */
/* Attaching: a sequence of checks from a name to a mapping, each with its own sentence. */
#include "segment/attach.h"

#include "base/atomic.h"
#include "base/clock.h"
#include "base/error.h"
#include "segment/naming.h"
#include "segment/process.h"

#include <coop/common.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define OPEN_FLAGS (O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY)
#define LEASE_TIMEOUT INT64_C(5000000000)
#define LAST_OUT_TIMEOUT INT64_C(50000000)

static int say_open(const struct coopi_segment_name *name, int error)
{
    const char *folder = COOPI_SHM_FOLDER, *shm = name->shm;
    switch (error) {
    case ENOENT: return coopi_fail(ENOENT, "%s: no such segment; `shmctl ls` lists those there are", name->name);
    case ELOOP:
        return coopi_fail(EACCES, "%s: %s%s is a symbolic link, not a segment; remove it", name->name, folder, shm);
    case EISDIR:
        return coopi_fail(EACCES, "%s: %s%s is a directory, not a segment; remove it", name->name, folder, shm);
    case ENXIO: /* what open() says of a socket */
        return coopi_fail(EACCES, "%s: %s%s is a socket, not a segment; remove it", name->name, folder, shm);
    case EACCES:
        return coopi_fail(EACCES, "%s: %s%s may not be opened by uid %u; ask its owner", name->name, folder, shm,
                          geteuid());
    case EAGAIN:
        return coopi_fail(EBUSY, "%s: somebody has had a lease on %s%s for 5 s; try again", name->name, folder, shm);
    default: return coopi_fail(error, "%s: cannot open %s%s: %s", name->name, folder, shm, strerror(error));
    }
}

static int check_file(const struct coopi_segment_name *name, const struct stat *st, int flags)
{
    bool trusted = flags & COOP_TRUST_PEERS;
    if (!S_ISREG(st->st_mode))
        return coopi_fail(EACCES, "%s: %s%s is not a regular file (mode %06o), so no segment; remove it", name->name,
                          COOPI_SHM_FOLDER, name->shm, st->st_mode);
    if (st->st_uid != name->uid)
        return coopi_fail(
            EACCES, "%s: %s%s belongs to uid %u, not to uid %u whose name it bears: somebody planted it; remove it",
            name->name, COOPI_SHM_FOLDER, name->shm, st->st_uid, name->uid);
    if (st->st_uid != geteuid() && !trusted)
        return coopi_fail(
            EACCES,
            "%s: belongs to uid %u, not to us (uid %u); its writers would have full power over this process: "
            "open it with COOP_TRUST_PEERS if that is meant",
            name->name, st->st_uid, geteuid());
    if ((st->st_mode & 077) && !trusted)
        return coopi_fail(EACCES,
                          "%s: its file mode %04o lets others in; chmod 600 %s%s, or open it with COOP_TRUST_PEERS",
                          name->name, st->st_mode & 07777, COOPI_SHM_FOLDER, name->shm);
    if (st->st_nlink > 1)
        return coopi_fail(EACCES, "%s: %s%s has %lu names, so it is not ours alone; remove the others", name->name,
                          COOPI_SHM_FOLDER, name->shm, (unsigned long)st->st_nlink);
    if (st->st_nlink == 0) return coopi_fail(ENOENT, "%s: was removed while we opened it; try again", name->name);
    return 0;
}

int coopi_segment_file_open(const struct coopi_segment_name *name, int flags, int *ret_fd)
{
    char file[sizeof COOPI_SHM_FOLDER + COOPI_SHM_NAME] = COOPI_SHM_FOLDER;
    memcpy(file + sizeof COOPI_SHM_FOLDER - 1, name->shm, sizeof name->shm);
    int64_t deadline = coopi_deadline(LEASE_TIMEOUT);
    int how = OPEN_FLAGS | (flags & COOP_READ_ONLY ? O_RDONLY : O_RDWR), fd = open(file, how);
    while (fd < 0 && errno == EAGAIN && coopi_now() < deadline) { /* somebody has a lease on it, for a moment */
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
        fd = open(file, how);
    }
    if (fd < 0) return say_open(name, errno);
    struct stat st;
    int r = fstat(fd, &st) == 0 ? check_file(name, &st, flags)
                                : coopi_fail(errno, "%s: fstat: %s", name->name, strerror(errno));
    if (r < 0) {
        close(fd);
        return r;
    }
    *ret_fd = fd;
    return 0;
}

bool coopi_opened_to_read(int fd)
{
    return (fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDONLY;
}

static int read_header(int fd, const char *name, struct coopi_header *ret_header, struct stat *ret_file)
{
    if (fstat(fd, ret_file) != 0) return coopi_fail(errno, "%s: fstat: %s", name, strerror(errno));
    uint64_t file_size = (uint64_t)ret_file->st_size;
    if (file_size < sizeof *ret_header || pread(fd, ret_header, sizeof *ret_header, 0) != (ssize_t)sizeof *ret_header)
        return coopi_fail(EBADMSG,
                          "%s: truncated or not a segment: %" PRIu64
                          " bytes, and a header has %zu; remove it with `shmctl rm --force`",
                          name, file_size, sizeof *ret_header);
    return coopi_header_check(ret_header, file_size, name);
}

/* RLIMIT_AS, mlockall, valgrind and sanitizers refuse large maps, each with its own error. */
static void *map_as_much(int fd, int protection, uint64_t maximum, uint64_t least, uint64_t *ret_mapped)
{
    for (uint64_t size = maximum;; size /= 2) {
        if (size < least) size = least;
        void *base = mmap(NULL, size, protection, MAP_SHARED | MAP_NORESERVE, fd, 0);
        if (base != MAP_FAILED) {
            *ret_mapped = size;
            return base;
        }
        if (size == least || (errno != ENOMEM && errno != EAGAIN && errno != EINVAL)) return NULL;
    }
}

static int make_map(int fd, const struct coopi_segment_name *name, struct coopi_header *geometry, struct coopi_map *map)
{
    const char *label = name ? name->name : "anonymous segment";
    struct stat st;
    int r = read_header(fd, label, geometry, &st);
    if (r < 0) return r;
    uint64_t file_size = (uint64_t)st.st_size, least = file_size < geometry->maximum ? file_size : geometry->maximum;
    map->read_only = coopi_opened_to_read(fd);
    int protection = map->read_only ? PROT_READ : PROT_READ | PROT_WRITE;
    void *base = map_as_much(fd, protection, geometry->maximum, least, &map->mapped);
    if (!base && errno != ENOMEM && errno != EAGAIN && errno != EINVAL)
        return coopi_fail(EACCES, "%s: cannot be mapped: %s; it must be writable, and not sealed against that", label,
                          strerror(errno));
    if (!base)
        return coopi_fail(ENOMEM, "%s: cannot map even its %" PRIu64 " bytes: %s; raise RLIMIT_AS (ulimit -v)", label,
                          least, strerror(errno));
    madvise(base, map->mapped, MADV_DONTDUMP); /* a process that dumps core keeps its locks until the dump is written */
    map->handles = calloc(geometry->directory.count, sizeof *map->handles);
    if (!map->handles) {
        munmap(base, map->mapped);
        return coopi_fail(ENOMEM, "%s: out of memory", label);
    }
    coopi_map_point(map, base, geometry);
    map->file_size = least;
    map->fd = fd;
    map->anonymous = !name;
    map->device = st.st_dev;
    map->inode = st.st_ino;
    if (name) {
        memcpy(map->name, name->name, sizeof map->name);
        map->uid = name->uid;
    }
    return 0;
}

int coopi_map_file(int fd, const struct coopi_segment_name *name, struct coopi_map **ret_map)
{
    struct coopi_map *map = calloc(1, sizeof *map);
    struct coopi_header *geometry = malloc(sizeof *geometry);
    int r = map && geometry ? make_map(fd, name, geometry, map)
                            : coopi_fail(ENOMEM, "%s: out of memory", name ? name->name : "segment");
    if (r < 0) {
        free(geometry);
        free(map);
        close(fd);
        return r;
    }
    *ret_map = map;
    return 0;
}

static bool is_ours(const struct coopi_map *map, int fd)
{
    struct stat st;
    return fd >= 0 && fstat(fd, &st) == 0 && st.st_dev == map->device && st.st_ino == map->inode;
}

/* With a descriptor of its own: the kernel counts opens, and a forked child shares ours and its mapping. Who is not
 * alone leaves it to the others; who cannot tell, to the next open or create of the name. */
static void last_out(const struct coopi_segment_name *name, dev_t device, ino_t inode)
{
    struct stat st;
    int fd;
    if (coopi_segment_file_open(name, COOP_TRUST_PEERS, &fd) < 0) return;
    if (fstat(fd, &st) == 0 && st.st_dev == device && st.st_ino == inode)
        (void)coopi_remove_if_alone(name, fd, LAST_OUT_TIMEOUT);
    close(fd);
}

static int name_of(const struct coopi_map *map, struct coopi_segment_name *ret_name)
{
    char text[COOPI_SEGMENT_NAME + 16];
    snprintf(text, sizeof text, "%u:%s", map->uid, map->name);
    return coopi_segment_name_parse(text, ret_name);
}

void coopi_unmap_file(struct coopi_map *map)
{
    struct coopi_segment_name name;
    bool ends = map->geometry->lifetime == COOPI_UNTIL_LAST && !map->anonymous && name_of(map, &name) == 0;
    munmap(map->base, map->mapped);
    if (is_ours(map, map->fd)) close(map->fd);
    if (ends) last_out(&name, map->device, map->inode);
    free(map->handles);
    free((void *)(uintptr_t)map->geometry);
    free(map);
}

int coopi_map_file_descriptor(struct coopi_map *map, int *ret_fd)
{
    int fd = coopi_load_acquire(&map->fd);
    if (!is_ours(map, fd)) {
        if (map->anonymous)
            return coopi_fail(EBADF,
                              "anonymous segment: this program closed its descriptor (closefrom?), so it cannot grow; "
                              "use a named segment, or keep descriptors that are not yours open");
        struct coopi_segment_name name;
        int r = name_of(map, &name);
        if (r == 0) r = coopi_segment_file_open(&name, COOP_TRUST_PEERS | (map->read_only ? COOP_READ_ONLY : 0), &fd);
        if (r < 0) return r;
        if (!is_ours(map, fd)) {
            close(fd);
            return coopi_fail(ENOENT, "%s: was removed and made anew by somebody; close it and open the new one",
                              map->name);
        }
        int old = coopi_load_relaxed(&map->fd);
        if (is_ours(map, old) || !coopi_cas_both(&map->fd, &old, fd)) { /* another thread was faster */
            close(fd);
            fd = coopi_load_acquire(&map->fd);
        }
    }
    *ret_fd = fd;
    return 0;
}
