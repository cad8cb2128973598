/* SPDX-License-Identifier: MIT */
/* What to do with a segment that nobody may live in. */
#include "segment/abandoned.h"

#include "base/error.h"
#include "base/proc.h"
#include "segment/adoption.h"
#include "segment/attach.h"
#include "segment/naming.h"
#include "segment/process.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define TRIES 100 /* of a millisecond: somebody else looks at the same name just now */

/* Does the participant table name anybody who lives? Read from the file: it is not mapped yet. */
static bool somebody_lives(int fd, const struct coopi_header *header)
{
    struct stat st;
    struct coopi_participant row;
    if (fstat(fd, &st) != 0) return true;
    for (uint32_t i = 0; i < header->participants.count; i++) {
        uint64_t at = header->participants.offset + (uint64_t)i * sizeof row;
        if (pread(fd, &row, sizeof row, (off_t)at) != (ssize_t)sizeof row) return true;
        if (!row.word) continue;
        uint32_t pid = (uint32_t)(row.word & COOPI_PID_MASK);
        if (!coopi_process_gone_low(pid, (uint32_t)(row.word >> 32)) &&
            !coopi_process_lacks_file(pid, st.st_dev, st.st_ino))
            return true;
    }
    return false;
}

static int say_stranger(const struct coopi_header *header, const char *name, int refused)
{
    const struct coopi_process *process = coopi_process();
    if (!process) return -errno;
    return coopi_fail(ENOTSUP,
                      "%s: was made in another PID namespace or boot (namespace %" PRIu64 ", ours %" PRIu64
                      "), where the same thread numbers mean other threads, and %s; run all in one "
                      "(docker --pid=, nsenter -p), or remove it with `shmctl rm --force`",
                      name, header->pid_namespace, process->pid_namespace,
                      refused == -EAGAIN ? "somebody has it open" : "only its owner may adopt it");
}

/* With the name lock, and perhaps alone. */
static int settle_locked(const struct coopi_segment_name *name, int fd, const struct coopi_header *header, bool home,
                         bool last_try)
{
    int r = coopi_lease_take(fd);
    if (r == -EAGAIN && !last_try) return 1;
    if (r < 0) return home ? 0 : say_stranger(header, name->name, r);
    if (header->lifetime == COOPI_UNTIL_LAST)
        r = coopi_unlink_if_same(name, fd) < 0 ? 0 : 1;
    else
        r = coopi_adopt(fd, header, name->name);
    coopi_lease_give(fd);
    return r;
}

int coopi_abandoned_settle(const struct coopi_segment_name *name, int fd, bool last_try)
{
    struct coopi_header header;
    struct stat st;
    if (fstat(fd, &st) != 0) return coopi_fail(errno, "%s: fstat: %s", name->name, strerror(errno));
    ssize_t got = pread(fd, &header, sizeof header, 0);
    if (got < 0) return coopi_fail(errno, "%s: its header cannot be read: %s", name->name, strerror(errno));
    if (got != (ssize_t)sizeof header) return 0;                                     /* attaching says it */
    if (coopi_header_check(&header, (uint64_t)st.st_size, name->name) < 0) return 0; /* attaching says it */
    int home = coopi_is_at_home(&header, name->name);
    if (home < 0) return home;
    if (home && header.lifetime != COOPI_UNTIL_LAST) return 0;
    if (home && somebody_lives(fd, &header)) return 0;
    int r = coopi_name_lock(fd, 0, name->name);
    if (r == -EBUSY && !last_try) return 1; /* never attached meanwhile: he may be about to take its name away */
    if (r < 0) return r;
    r = settle_locked(name, fd, &header, home, last_try);
    coopi_name_unlock(fd);
    return r;
}

int coopi_abandoned_remove(const struct coopi_segment_name *name)
{
    for (int tries = 1; tries <= TRIES; tries++) {
        int fd, r = coopi_segment_file_open(name, COOP_TRUST_PEERS, &fd); /* it is not mapped */
        if (r < 0) return r == -ENOENT && tries == 1 ? r : r == -ENOENT;
        struct coopi_header header;
        bool ends =
            pread(fd, &header, sizeof header, 0) == (ssize_t)sizeof header && header.lifetime == COOPI_UNTIL_LAST;
        if (ends) r = coopi_abandoned_settle(name, fd, tries == TRIES);
        close(fd);
        if (!ends || r <= 0) return 0;
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    return 0;
}

/* With the lease nobody can come before the name is gone. */
static int end_locked(const struct coopi_segment_name *name, int fd, bool dry_run)
{
    int r = coopi_lease_take(fd);
    if (r < 0) return r == -EAGAIN ? r : -ENOLCK;
    r = dry_run ? 0 : coopi_unlink_if_same(name, fd);
    coopi_lease_give(fd);
    return r;
}

int coopi_abandoned_end(const struct coopi_segment_name *name, int fd, int64_t patience, bool dry_run)
{
    if (coopi_name_lock(fd, patience, name->name) < 0) return -EBUSY;
    int r = end_locked(name, fd, dry_run);
    coopi_name_unlock(fd);
    return r;
}
