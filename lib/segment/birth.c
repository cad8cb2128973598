/* SPDX-License-Identifier: MIT */
/* The birth of a segment file: built where nobody sees it, then named by one link. */
#include "segment/birth.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/proc.h"
#include "segment/layout.h"
#include "segment/process.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define PAGE UINT64_C(4096)
#define DEFAULT_RESERVE (UINT64_C(64) << 10)
#define DEFAULT_MAXIMUM (UINT64_C(16) << 30)
#define MAXIMUM_LIMIT (UINT64_C(1) << 46)
#define DEFAULT_OBJECTS 256
#define DEFAULT_OWNERS 1024
#define DEFAULT_PARTICIPANTS 256
#define EVENTS 128

static uint64_t round_up(uint64_t n, uint64_t unit)
{
    return (n + unit - 1) / unit * unit;
}

static int complete_options(const coop_segment_options *given, const char *label, coop_segment_options *ret_options)
{
    coop_segment_options o = {.size = sizeof o};
    if (given && given->size != sizeof o)
        return coopi_fail(EINVAL,
                          "%s: the options' size is %zu, and this libcoop knows %zu; use COOP_SEGMENT_OPTIONS()", label,
                          given->size, sizeof o);
    if (given) o = *given;
    if (!o.reserve) o.reserve = DEFAULT_RESERVE;
    if (!o.maximum) o.maximum = DEFAULT_MAXIMUM;
    if (!o.objects) o.objects = DEFAULT_OBJECTS;
    if (!o.owners) o.owners = DEFAULT_OWNERS;
    if (!o.participants) o.participants = DEFAULT_PARTICIPANTS;
    if (o.objects > COOPI_OBJECTS_MAX || o.owners > COOPI_ROWS_MAX || o.participants > COOPI_ROWS_MAX)
        return coopi_fail(EINVAL, "%s: at most %d objects, %d owners and %d participants (asked for: %u, %u, %u)",
                          label, COOPI_OBJECTS_MAX, COOPI_ROWS_MAX, COOPI_ROWS_MAX, o.objects, o.owners,
                          o.participants);
    if (o.lifetime > COOP_UNTIL_LAST)
        return coopi_fail(EINVAL, "%s: the option .lifetime is COOP_UNTIL_REMOVED or COOP_UNTIL_LAST, not %u", label,
                          o.lifetime);
    if (o.access > COOP_GROUP)
        return coopi_fail(EINVAL, "%s: the option .access is COOP_OWNER_ALONE or COOP_GROUP, not %u", label, o.access);
    if (o.reserved != 0) return coopi_fail(EINVAL, "%s: the option .reserved must be 0", label);
    if (o.maximum > MAXIMUM_LIMIT || o.reserve > o.maximum)
        return coopi_fail(
            EINVAL, "%s: the maximum (%" PRIu64 ") must be at most %" PRIu64 " and not below the reserve (%" PRIu64 ")",
            label, o.maximum, MAXIMUM_LIMIT, o.reserve);
    *ret_options = o;
    return 0;
}

static uint64_t place_table(struct coopi_table *table, uint64_t offset, size_t stride, uint32_t count)
{
    *table = (struct coopi_table){.offset = offset, .stride = (uint32_t)stride, .count = count};
    return offset + (uint64_t)stride * count;
}

static int fill_header(struct coopi_header *h, const char *name, const coop_segment_options *o, const char *label)
{
    struct coopi_process *process = coopi_process();
    if (!process) return -errno;
    *h = (struct coopi_header){
        .magic = COOPI_MAGIC,
        .format_major = COOPI_FORMAT_MAJOR,
        .format_minor = COOPI_FORMAT_MINOR,
        .compatible = COOPI_COMPATIBLE,
        .incompatible = COOPI_INCOMPATIBLE,
        .fingerprint = coopi_fingerprint(),
        .pid_namespace = process->pid_namespace,
        .created = coopi_wall_clock(),
        .creator_pid = process->pid,
        .creator_uid = geteuid(),
    };
    int r = coopi_boot_id(h->boot_id);
    if (r < 0) return coopi_fail(-r, "%s: cannot read the boot id (%s); mount /proc", label, strerror(-r));
    h->lifetime = o->lifetime;
    uint64_t end = sizeof *h;
    end = place_table(&h->directory, end, sizeof(struct coopi_entry), o->objects);
    end = place_table(&h->participants, end, sizeof(struct coopi_participant), o->participants);
    end = place_table(&h->owners, end, sizeof(struct coopi_owner), o->owners);
    end = place_table(&h->events, end, sizeof(struct coopi_event), EVENTS);
    end = place_table(&h->opens, end, coopi_opens_stride(o->objects), o->participants);
    end = place_table(&h->index, end, sizeof(uint32_t), coopi_index_buckets(o->objects));
    h->storage = round_up(end, COOPI_LINE);
    h->storage_end = h->storage;
    h->size = round_up(h->storage + o->reserve, PAGE);
    h->maximum = round_up(o->maximum < h->size ? h->size : o->maximum, PAGE);
    snprintf(h->name, sizeof h->name, "%s", name);
    h->checksum = coopi_header_checksum(h);
    return 0;
}

int coopi_reserve(int fd, uint64_t from, uint64_t size, const char *label)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY && size > limit.rlim_cur)
        return coopi_fail(
            EFBIG, "%s: needs a file of %" PRIu64 " bytes, and RLIMIT_FSIZE allows %" PRIu64 "; raise it (ulimit -f)",
            label, size, (uint64_t)limit.rlim_cur);
    int error;
    do error = posix_fallocate(fd, (off_t)from, (off_t)(size - from));
    while (error == EINTR);
    if (error == ENOSPC)
        return coopi_fail(ENOSPC,
                          "%s: %s has no room for %" PRIu64 " bytes; remove segments (`shmctl rm`) or enlarge it "
                          "(mount -o remount,size=)",
                          label, COOPI_SHM_FOLDER, size);
    if (error) return coopi_fail(error, "%s: reserving %" PRIu64 " bytes: %s", label, size, strerror(error));
    return 0;
}

/* An unnamed file, written whole. All but the header is zero, which is what empty tables look like. */
static int build(const struct coopi_header *header, mode_t mode, const char *label, int *ret_fd)
{
    bool anonymous = !header->name[0];
    int fd = anonymous ? memfd_create("coop", MFD_CLOEXEC | MFD_ALLOW_SEALING)
                       : open(COOPI_SHM_FOLDER, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0) return coopi_fail(errno, "%s: cannot make a file in %s: %s", label, COOPI_SHM_FOLDER, strerror(errno));
    int r = fchmod(fd, mode) == 0
                ? 0
                : coopi_fail(errno, "%s: fchmod: %s", label, strerror(errno)); /* whatever the umask */
    if (r == 0) r = coopi_reserve(fd, 0, header->size, label);
    if (r == 0 && pwrite(fd, header, sizeof *header, 0) != (ssize_t)sizeof *header)
        r = coopi_fail(EIO, "%s: writing the header: %s", label, strerror(errno));
    if (r == 0 && anonymous && fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK) != 0)
        r = coopi_fail(errno, "%s: sealing it against shrinking: %s", label, strerror(errno));
    if (r < 0) {
        close(fd);
        return r;
    }
    *ret_fd = fd;
    return 0;
}

int coopi_segment_publish(int fd, const struct coopi_segment_name *name)
{
    char target[sizeof COOPI_SHM_FOLDER + COOPI_SHM_NAME], self[64];
    snprintf(target, sizeof target, "%s%s", COOPI_SHM_FOLDER, name->shm);
    if (linkat(fd, "", AT_FDCWD, target, AT_EMPTY_PATH) == 0) return 0;
    if (errno != EEXIST) { /* without the capability the kernel may want the long way round */
        snprintf(self, sizeof self, "/proc/self/fd/%d", fd);
        if (linkat(AT_FDCWD, self, AT_FDCWD, target, AT_SYMLINK_FOLLOW) == 0) return 0;
    }
    if (errno == EEXIST)
        return coopi_fail(EEXIST, "%s: exists already; open it, or remove it first (`shmctl rm %s`)", name->name,
                          name->name);
    return coopi_fail(errno, "%s: cannot name the segment %s: %s", name->name, target, strerror(errno));
}

int coopi_segment_build(const struct coopi_segment_name *name, const coop_segment_options *options, int *ret_fd)
{
    const char *label = name ? name->name : "anonymous segment";
    if (name && name->uid != geteuid())
        return coopi_fail(EACCES, "%s: belongs to uid %u; only that user can make it", label, name->uid);
    coop_segment_options complete;
    struct coopi_header header = {0};
    int r = complete_options(options, label, &complete);
    if (r == 0) r = fill_header(&header, name ? name->name : "", &complete, label);
    return r < 0 ? r : build(&header, complete.access == COOP_GROUP ? 0660 : 0600, label, ret_fd);
}
