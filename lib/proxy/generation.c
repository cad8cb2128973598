/* SPDX-License-Identifier: MIT */
/* Telling a process from its forked children, and one lock that a fork cannot leave locked. */
#include "proxy/generation.h"

#include "base/atomic.h"
#include "base/error.h"
#include "segment/process.h"

#include <errno.h>
#include <pthread.h>
#include <sys/mman.h>

/* The kernel zeroes this page in a forked child. Zero bytes are glibc's PTHREAD_MUTEX_INITIALIZER. */
struct wiped {
    pthread_mutex_t lock;
    uint32_t seen; /* 1 once this process has counted itself */
};

static struct wiped *wiped;
static uint64_t generation;

static struct wiped *make_page(void)
{
    struct wiped *page = coopi_map_wiped_at_fork(sizeof *page), *first = NULL;
    if (!page) {
        coopi_fail(ENOMEM, "libcoop: cannot map a page that fork wipes (needs Linux 4.14 and free memory)");
        return NULL;
    }
    if (coopi_cas_both(&wiped, &first, page)) return page;
    munmap(page, sizeof *page);
    return first;
}

uint64_t coopi_generation(void)
{
    struct wiped *page = coopi_load_acquire(&wiped);
    if (coopi_unlikely(!page) && !(page = make_page())) return 0;
    if (coopi_unlikely(!coopi_load_acquire(&page->seen))) {
        coopi_proxy_lock();
        if (!page->seen) {
            generation++;
            coopi_store_release(&page->seen, 1);
        }
        coopi_proxy_unlock();
    }
    return generation;
}

void coopi_proxy_lock(void)
{
    pthread_mutex_lock(&coopi_load_acquire(&wiped)->lock);
}

void coopi_proxy_unlock(void)
{
    pthread_mutex_unlock(&coopi_load_acquire(&wiped)->lock);
}
