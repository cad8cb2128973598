/* SPDX-License-Identifier: MIT */
/* What belongs to this process and not to a forked child: a page that the kernel wipes at fork, raw clone included. */
#include "segment/process.h"

#include "base/atomic.h"
#include "base/clock.h"
#include "base/copies.h"
#include "base/error.h"
#include "base/fence.h"
#include "base/futex.h"
#include "base/proc.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static struct coopi_process *the_process;

void *coopi_map_wiped_at_fork(size_t size)
{
    void *page = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED) return NULL;
    if (madvise(page, size, MADV_WIPEONFORK) == 0) return page;
    munmap(page, size);
    return NULL;
}

static struct coopi_process *make_page(void)
{
    struct coopi_process *page = coopi_map_wiped_at_fork(sizeof *page), *first = NULL;
    if (!page) return NULL;
    if (coopi_cas_both(&the_process, &first, page)) return page;
    munmap(page, sizeof *page);
    return first;
}

static int say_no_proc(int error)
{
    bool passes = error == EMFILE || error == ENFILE || error == ENOMEM;
    return coopi_fail(passes ? error : ENOTSUP,
                      "/proc: cannot read this process's own entry (%s); mount /proc, or free a descriptor",
                      strerror(error));
}

static int look_at_ourselves(struct coopi_process *process)
{
    uint32_t pid = (uint32_t)getpid();
    struct coopi_task task;
    uint64_t pid_namespace;
    int r = coopi_task_look(pid, &task);
    if (r == 0) r = coopi_pid_namespace(&pid_namespace);
    if (r < 0) return say_no_proc(-r);
    r = coopi_copies_enter(pid);
    if (r < 0) return r;
    coopi_process_lock(process);
    if (!process->pid) {
        process->start = task.start;
        process->pid_namespace = pid_namespace;
        memcpy(process->command, task.command, sizeof process->command);
        process->fenced_from_afar = coopi_fence_register();
        coopi_store_release(&process->pid, pid);
    }
    coopi_process_unlock(process);
    return 0;
}

struct coopi_process *coopi_process(void)
{
    struct coopi_process *process = coopi_load_acquire(&the_process);
    if (coopi_unlikely(!process)) process = make_page();
    if (coopi_unlikely(!process)) {
        errno = -coopi_fail(ENOMEM, "libcoop: cannot map a page that fork wipes (%s)", strerror(errno));
        return NULL;
    }
    if (!coopi_unlikely(!coopi_load_acquire(&process->pid))) return process;
    int r = look_at_ourselves(process);
    if (r == 0) return process;
    errno = -r;
    return NULL;
}

struct coopi_process *coopi_process_seen(void)
{
    struct coopi_process *process = coopi_load_acquire(&the_process);
    return process && coopi_load_acquire(&process->pid) ? process : NULL;
}

int coopi_is_at_home(const struct coopi_header *header, const char *label)
{
    const struct coopi_process *process = coopi_process();
    if (!process) return -errno;
    uint8_t boot_id[16];
    int r = coopi_boot_id(boot_id);
    if (r < 0) return coopi_fail(-r, "%s: cannot read the boot id (%s); mount /proc", label, strerror(-r));
    return header->pid_namespace == process->pid_namespace && memcmp(boot_id, header->boot_id, sizeof boot_id) == 0;
}

void coopi_process_lock(struct coopi_process *process)
{
    uint32_t seen = 0;
    if (coopi_cas_acquire(&process->lock, &seen, 1)) return;
    while (__atomic_exchange_n(&process->lock, 2, __ATOMIC_ACQUIRE) != 0)
        coopi_futex_wait(&process->lock, 2, COOPI_NEVER);
}

void coopi_process_unlock(struct coopi_process *process)
{
    if (coopi_exchange_release(&process->lock, 0) == 2) coopi_futex_wake(&process->lock, 1);
}
