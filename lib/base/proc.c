/* SPDX-License-Identifier: MIT */
/* What the kernel says of processes and threads: /proc, read without allocation. */
#include "base/proc.h"

#include "base/atomic.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* Reads the beginning of a file, with NUL. The number of bytes, or a negative errno. */
static ssize_t read_file(const char *path, char *buffer, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return -errno;
    ssize_t length;
    do length = read(fd, buffer, size - 1);
    while (length < 0 && errno == EINTR);
    ssize_t result = length < 0 ? -errno : length;
    close(fd);
    if (result >= 0) buffer[result] = '\0';
    return result;
}

/* Where /proc belongs to another PID namespace, its numbers are not ours and prove nothing. */
static bool proc_is_ours(void)
{
    char link[16];
    char own[16];
    ssize_t length = readlink("/proc/self", link, sizeof link);
    int expected = snprintf(own, sizeof own, "%d", getpid());
    return length == expected && memcmp(link, own, (size_t)length) == 0;
}

/* /proc has no such task: so it is, or it hides another user's (hidepid), which the kernel tells by another answer. */
static int missing(uint32_t tid)
{
    if (syscall(SYS_tkill, (int)tid, 0) == 0) return -EAGAIN;
    return errno == ESRCH ? -ENOENT : -EACCES;
}

static const char *skip_fields(const char *at, int count)
{
    while (count-- > 0 && at) {
        at = strchr(at, ' ');
        if (at) at++;
    }
    return at;
}

/* False: not a number. Takes no sign, no locale, no errno. */
static bool read_number(const char *at, uint64_t *ret_number)
{
    if (!at || *at < '0' || *at > '9') return false;
    uint64_t number = 0;
    for (; *at >= '0' && *at <= '9'; at++) number = number * 10 + (uint64_t)(*at - '0');
    *ret_number = number;
    return true;
}

/* The command is between the first '(' and the last ')': it may have blanks and brackets of its own. After it come the
 * state, which is field 3, the number of threads, 20, and the start time, 22. */
static int parse_stat(const char *text, struct coopi_task *ret_task)
{
    const char *open_bracket = strchr(text, '(');
    const char *close_bracket = strrchr(text, ')');
    if (!open_bracket || !close_bracket || close_bracket < open_bracket || close_bracket[1] != ' ') return -EBADMSG;
    const char *state = close_bracket + 2;
    struct coopi_task task = {.state = *state};
    uint64_t threads = 0;
    if (!read_number(skip_fields(state, 20 - 3), &threads)) return -EBADMSG;
    if (!read_number(skip_fields(state, 22 - 3), &task.start)) return -EBADMSG;
    task.threads = (uint32_t)threads;
    size_t length = (size_t)(close_bracket - open_bracket - 1);
    if (length >= sizeof task.command) length = sizeof task.command - 1;
    memcpy(task.command, open_bracket + 1, length);
    *ret_task = task;
    return 0;
}

int coopi_task_look(uint32_t tid, struct coopi_task *ret_task)
{
    if (tid == 0 || tid > INT_MAX) return -ENOENT;
    if (!proc_is_ours()) return missing(tid) == -ENOENT ? -ENOENT : -ENXIO;
    char path[64];
    char text[1024];
    snprintf(path, sizeof path, "/proc/%u/task/%u/stat", tid, tid);
    ssize_t length = read_file(path, text, sizeof text);
    if (length == -ENOENT || length == -ESRCH) return missing(tid);
    if (length < 0) return (int)length;
    return parse_stat(text, ret_task);
}

/* Z is a zombie; X and x are seen in the moment of its end. */
static bool ended(const struct coopi_task *task)
{
    return task->state == 'Z' || task->state == 'X' || task->state == 'x';
}

bool coopi_task_gone(uint32_t tid, uint64_t start)
{
    struct coopi_task task;
    int result = coopi_task_look(tid, &task);
    if (result < 0) return result == -ENOENT;
    return ended(&task) || (start != 0 && task.start != start);
}

bool coopi_process_gone_low(uint32_t pid, uint32_t start_low)
{
    struct coopi_task task;
    int result = coopi_task_look(pid, &task);
    if (result < 0) return result == -ENOENT;
    return (ended(&task) && task.threads <= 1) || (uint32_t)task.start != start_low;
}

/* Does a line of /proc/PID/maps, "start-end perms offset major:minor inode path", name the file, with PERMISSION among
 * the perms (NUL: any)? */
static bool line_names(const char *line, dev_t device, ino_t inode, char permission)
{
    char permissions[8];
    unsigned high, low;
    unsigned long number;
    if (sscanf(line, "%*s %7s %*s %x:%x %lu", permissions, &high, &low, &number) != 4) return false;
    if (number != inode || high != major(device) || low != minor(device)) return false;
    return strchr(permissions, permission) != NULL;
}

/* Reads the file line by line in BUFFER's room, long paths cut. */
static bool names_file(int fd, dev_t device, ino_t inode, char permission, bool *ret_complete)
{
    char buffer[4096];
    size_t have = 0;
    bool skipping = false; /* in the rest of a line that was too long */
    bool any = false;      /* a process whose first thread has ended shows nothing, which proves nothing */
    for (;;) {
        ssize_t n = read(fd, buffer + have, sizeof buffer - 1 - have);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) {
            *ret_complete = n == 0 && any;
            return false;
        }
        have += (size_t)n;
        any = true;
        buffer[have] = 0;
        char *line = buffer, *end;
        for (; (end = strchr(line, '\n')); line = end + 1) {
            *end = 0;
            if (!skipping && line_names(line, device, inode, permission)) return true;
            skipping = false;
        }
        have = strlen(line);
        memmove(buffer, line, have + 1);
        if (have < sizeof buffer - 1) continue;
        if (!skipping && line_names(buffer, device, inode, permission)) return true;
        skipping = true;
        have = 0;
    }
}

static bool look_into(uint32_t pid, dev_t device, ino_t inode, char permission, bool *ret_complete)
{
    char path[32];
    snprintf(path, sizeof path, "/proc/%u/maps", pid);
    *ret_complete = false;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return false;
    bool named = names_file(fd, device, inode, permission, ret_complete);
    close(fd);
    return named;
}

bool coopi_process_lacks_file(uint32_t pid, dev_t device, ino_t inode)
{
    bool complete;
    return !look_into(pid, device, inode, 0, &complete) && complete;
}

bool coopi_process_writes_file(uint32_t pid, dev_t device, ino_t inode)
{
    bool complete;
    return look_into(pid, device, inode, 'w', &complete);
}

int coopi_pid_namespace(uint64_t *ret_inode)
{
    struct stat status;
    if (stat("/proc/self/ns/pid", &status) < 0) return -errno;
    *ret_inode = (uint64_t)status.st_ino;
    return 0;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return -1;
}

static int read_boot_id(uint8_t ret_id[16])
{
    char text[64];
    ssize_t length = read_file("/proc/sys/kernel/random/boot_id", text, sizeof text);
    if (length < 0) return (int)length;
    uint8_t id[16];
    const char *at = text;
    for (size_t i = 0; i < sizeof id; i++) {
        if (*at == '-') at++;
        int high = hex_digit(at[0]);
        int low = high < 0 ? -1 : hex_digit(at[1]);
        if (low < 0) return -EBADMSG;
        id[i] = (uint8_t)(high << 4 | low);
        at += 2;
    }
    memcpy(ret_id, id, sizeof id);
    return 0;
}

/* Read once: it does not change while anybody lives. */
int coopi_boot_id(uint8_t ret_id[16])
{
    static uint64_t kept[2];
    static uint32_t known;
    uint64_t id[2];
    static_assert(sizeof id == 16, "the boot id");
    if (coopi_load_acquire(&known)) {
        for (int i = 0; i < 2; i++) id[i] = coopi_load_relaxed(&kept[i]);
        memcpy(ret_id, id, sizeof id);
        return 0;
    }
    int r = read_boot_id(ret_id);
    if (r < 0) return r;
    memcpy(id, ret_id, sizeof id);
    for (int i = 0; i < 2; i++) coopi_store_relaxed(&kept[i], id[i]);
    coopi_store_release(&known, 1);
    return 0;
}
