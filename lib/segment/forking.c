/* SPDX-License-Identifier: MIT */
/* Forks under way, counted on both sides: the parent when it begins, the child when it has entered. */
#include "segment/forking.h"

#include "base/atomic.h"
#include "base/error.h"
#include "segment/process.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>

static uint32_t watched;
static void (*tell_all)(void);
static bool (*enter_child)(void);

/* A page that this process shares with its children. A child has its own from its first own fork on. */
static uint32_t *entered;
static uint32_t begun, over;

static void begin(void)
{
    uint32_t *none = NULL;
    if (!coopi_load_acquire(&entered)) {
        void *page = mmap(NULL, sizeof *entered, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (page != MAP_FAILED && !coopi_cas_both(&entered, &none, page)) munmap(page, sizeof *entered);
    }
    coopi_fetch_add(&begun, 1); /* without a page it never settles, which is safe */
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    coopi_load_relaxed (&tell_all)();
}

static void end_in_parent(void)
{
    coopi_fetch_add(&over, 1);
}

static void end_in_child(void)
{
    uint32_t *parents = entered;
    entered = NULL;
    begun = over = 0;
    if (coopi_load_relaxed(&enter_child)() && parents) coopi_fetch_add(parents, 1);
    if (parents) munmap(parents, sizeof *parents);
}

/* A program that has no memory for it now may have some later: so failing is not remembered. */
static int watch(void)
{
    struct coopi_process *process = coopi_process();
    if (!process) return -errno;
    coopi_process_lock(process);
    int error = watched ? 0 : pthread_atfork(begin, end_in_parent, end_in_child);
    if (!error) coopi_store_release(&watched, 1);
    coopi_process_unlock(process);
    return error ? coopi_fail(error, "libcoop: pthread_atfork: %s", strerror(error)) : 0;
}

int coopi_forking_watch(void (*tell)(void), bool (*enter)(void))
{
    coopi_store_relaxed(&tell_all, tell);
    coopi_store_relaxed(&enter_child, enter); /* all give the same */
    return coopi_load_acquire(&watched) ? 0 : watch();
}

bool coopi_forking_now(void)
{
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    return coopi_load_acquire(&begun) != coopi_load_acquire(&over);
}

uint32_t coopi_forking_count(void)
{
    return coopi_load_acquire(&over);
}

/* A fork that began before something was opened and ran after it is over later, and so not in that one's count. */
bool coopi_forking_settled(uint32_t since)
{
    uint32_t count = coopi_load_acquire(&begun);
    const uint32_t *page = coopi_load_acquire(&entered);
    return since == count || (page && coopi_load_acquire(page) == count);
}
