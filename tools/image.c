/* SPDX-License-Identifier: MIT */
/* A segment's file, read by pread(2) and judged in private memory. */
#include "image.h"

#include "base/error.h"
#include "base/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define LEASE_TRIES 50 /* of 1 ms: somebody asks the kernel just now whether anyone else has the file */

static const char *type_of_file(mode_t mode)
{
    if (S_ISLNK(mode)) return "a symbolic link";
    if (S_ISFIFO(mode)) return "a FIFO";
    if (S_ISDIR(mode)) return "a directory";
    if (S_ISSOCK(mode)) return "a socket";
    return "a device";
}

static int not_a_file(const struct image *image, mode_t mode)
{
    return coopi_fail(EACCES,
                      "%s: " COOPI_SHM_FOLDER "%s is %s, not a segment; somebody put it in the way: "
                      "remove it with `%s " COOPI_SHM_FOLDER "%s`",
                      image->label, image->name.shm, type_of_file(mode), S_ISDIR(mode) ? "rmdir" : "rm",
                      image->name.shm);
}

static int cannot_open(const struct image *image, const char *path, int err)
{
    struct stat status;
    if (err == ENOENT)
        return coopi_fail(ENOENT, "%s: no such segment; `shmctl ls` lists those there are", image->label);
    if ((err == ELOOP || err == ENXIO || err == ENODEV) && lstat(path, &status) == 0 && !S_ISREG(status.st_mode))
        return not_a_file(image, status.st_mode);
    if (err == EACCES || err == EPERM)
        return coopi_fail(EACCES, "%s: uid %u may not read it; ask its owner, or look as root", image->label,
                          (unsigned)geteuid());
    return coopi_fail(err, "%s: cannot be opened: %s", image->label, strerror(err));
}

static int open_file(struct image *image)
{
    char path[sizeof COOPI_SHM_FOLDER + COOPI_SHM_NAME];
    snprintf(path, sizeof path, COOPI_SHM_FOLDER "%s", image->name.shm);
    for (int tries = 0;; tries++) {
        image->fd = open(path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
        if (image->fd >= 0) return 0;
        int err = errno;
        if ((err != EAGAIN && err != EINTR) || tries == LEASE_TRIES) return cannot_open(image, path, err);
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
}

/* Keeps what the library would refuse and a reader need not: the first reason. */
static void note(struct image *image, int refused, const char *format, ...) __attribute__((format(printf, 3, 4)));
static void note(struct image *image, int refused, const char *format, ...)
{
    if (image->refused) return;
    va_list args;
    va_start(args, format);
    vsnprintf(image->reason, sizeof image->reason, format, args);
    va_end(args);
    image->refused = refused;
}

static void note_trust(struct image *image, const struct stat *status)
{
    if (status->st_mode & (S_IRWXG | S_IRWXO))
        note(image, -EACCES,
             "%s: its mode %04o lets others in, so libcoop refuses it; `chmod 600 " COOPI_SHM_FOLDER
             "%s` if its content can be trusted, else `shmctl rm --force`",
             image->label, (unsigned)status->st_mode & 07777, image->name.shm);
    if (status->st_nlink > 1)
        note(image, -EACCES, "%s: its file has %ju names, so libcoop refuses it; remove the other ones", image->label,
             (uintmax_t)status->st_nlink);
}

static int check_file(struct image *image)
{
    struct stat status;
    if (fstat(image->fd, &status) != 0) return coopi_fail(errno, "%s: fstat: %s", image->label, strerror(errno));
    if (!S_ISREG(status.st_mode)) return not_a_file(image, status.st_mode);
    if (status.st_uid != image->name.uid)
        return coopi_fail(EACCES,
                          "%s: belongs to uid %u, not to uid %u as its name says; somebody put it in the way: its "
                          "owner or root can remove " COOPI_SHM_FOLDER "%s",
                          image->label, (unsigned)status.st_uid, (unsigned)image->name.uid, image->name.shm);
    image->mode = status.st_mode & 07777;
    image->owner = status.st_uid;
    image->device = status.st_dev;
    image->inode = status.st_ino;
    image->file_size = (uint64_t)status.st_size;
    note_trust(image, &status);
    return 0;
}

static int read_at(const struct image *image, uint64_t offset, void *buffer, size_t size)
{
    for (size_t done = 0; done < size;) {
        ssize_t n = pread(image->fd, (char *)buffer + done, size - done, (off_t)(offset + done));
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return coopi_fail(errno, "%s: cannot be read: %s", image->label, strerror(errno));
        if (n == 0)
            return coopi_fail(EBADMSG, "%s: truncated: its file ends at byte %" PRIu64 " and should not", image->label,
                              offset + done);
        done += (size_t)n;
    }
    return 0;
}

/* The part of the header that changes. What is left of the objects can still be shown. */
static void check_size(struct image *image)
{
    const struct coopi_header *h = &image->header;
    image->limit = h->size < image->file_size ? h->size : image->file_size;
    if (h->size < h->storage || h->size > h->maximum)
        note(image, -EBADMSG,
             "%s: damaged: it says that %" PRIu64 " bytes are reserved, and %" PRIu64 " to %" PRIu64
             " is possible; remove it with `shmctl rm --force`",
             image->label, h->size, h->storage, h->maximum);
    else if (h->size > image->file_size)
        note(image, -EBADMSG,
             "%s: truncated: %" PRIu64 " of %" PRIu64 " bytes are left; remove it with `shmctl rm --force`",
             image->label, image->file_size, h->size);
}

/* A header of our format with another layout's fingerprint or unknown features, and a wrong checksum, is not a
 * stranger's but a damaged one. */
static int tell_damage_from_strangeness(const struct image *image, int result)
{
    const struct coopi_header *h = &image->header;
    if (h->format_major != COOPI_FORMAT_MAJOR || h->checksum == coopi_header_checksum(h)) return result;
    return coopi_fail(EBADMSG,
                      "%s: damaged: its header's checksum does not match, nor does its fingerprint (%016" PRIx64
                      ", ours %016" PRIx64 ") or its feature words; remove it with `shmctl rm --force`",
                      image->label, h->fingerprint, coopi_fingerprint());
}

static int read_header(struct image *image)
{
    uint64_t there = image->file_size < sizeof image->header ? image->file_size : sizeof image->header;
    int r = read_at(image, 0, &image->header, (size_t)there);
    if (r < 0) return r;
    if (there < sizeof image->header)
        return coopi_fail(EBADMSG,
                          "%s: truncated: %" PRIu64 " bytes, and a segment's header has %zu; remove it with "
                          "`shmctl rm --force`",
                          image->label, image->file_size, sizeof image->header);
    struct stat status;
    if (fstat(image->fd, &status) == 0) image->file_size = (uint64_t)status.st_size;
    r = coopi_header_check(&image->header, image->file_size, image->label);
    if (r == -ENOTSUP) return tell_damage_from_strangeness(image, r);
    if (r == 0) check_size(image);
    return r;
}

static void compare_world(struct image *image)
{
    uint8_t boot[16];
    uint64_t pids;
    image->same_boot = coopi_boot_id(boot) < 0 || memcmp(boot, image->header.boot_id, sizeof boot) == 0;
    image->same_pids = coopi_pid_namespace(&pids) < 0 || pids == image->header.pid_namespace;
}

int image_open(const struct coopi_segment_name *name, struct image *ret_image)
{
    struct image *image = ret_image;
    memset(image, 0, sizeof *image);
    image->name = *name;
    if (name->uid == geteuid())
        snprintf(image->label, sizeof image->label, "%s", name->name);
    else
        snprintf(image->label, sizeof image->label, "%u:%s", (unsigned)name->uid, name->name);
    int r = open_file(image);
    if (r < 0) return r;
    r = check_file(image);
    if (r < 0) {
        image_close(image);
        return r;
    }
    image->damage = read_header(image);
    if (image->damage < 0)
        snprintf(image->wrong, sizeof image->wrong, "%s", coop_error_detail());
    else
        compare_world(image);
    return 0;
}

void image_close(struct image *image)
{
    if (image->fd >= 0) close(image->fd);
    image->fd = -1;
}

int image_read(const struct image *image, uint64_t offset, void *buffer, size_t size)
{
    if (offset > image->file_size || size > image->file_size - offset)
        return coopi_fail(EBADMSG, "%s: damaged: %zu bytes at %" PRIu64 " lie outside its file of %" PRIu64 " bytes",
                          image->label, size, offset, image->file_size);
    return read_at(image, offset, buffer, size);
}

int image_table(const struct image *image, const struct coopi_table *table, void *ret_rows)
{
    size_t size = (size_t)table->count * table->stride;
    void *rows = malloc(size);
    if (!rows) return coopi_fail(ENOMEM, "%s: no memory for a table of %zu bytes", image->label, size);
    int r = image_read(image, table->offset, rows, size);
    if (r < 0) {
        free(rows);
        return r;
    }
    memcpy(ret_rows, &rows, sizeof rows);
    return 0;
}
