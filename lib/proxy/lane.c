/* SPDX-License-Identifier: MIT */
/* Which lane is whose: one a thread, given back when the thread ends, all new in a forked child. */
#include "base/atomic.h"
#include "base/error.h"
#include "proxy/client.h"
#include "proxy/generation.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

/* The lane that this thread used last. The serial tells whether it is still what it was. */
static __thread struct {
    uint64_t serial;
    struct coopi_lane *lane;
} mine;

static coop_manager *managers;
static uint64_t last_serial;
static pthread_key_t thread_end;
static bool key_made;

/* OWNER is &mine of the thread that ends: its address may be another thread's soon. */
static void release_lanes(void *owner)
{
    mine.serial = 0;
    if (!coopi_generation()) return;
    coopi_proxy_lock();
    for (coop_manager *m = managers; m; m = m->next)
        for (struct coopi_lane *lane = m->lanes; lane; lane = lane->next)
            if (lane->owner == owner) {
                coopi_stream_close(&lane->stream);
                lane->owner = NULL;
            }
    coopi_proxy_unlock();
}

/* A program that has no key left may have one later: so failing is not remembered. */
static int make_key(const coop_manager *m)
{
    int error = key_made ? 0 : pthread_key_create(&thread_end, release_lanes);
    key_made = !error;
    if (!error) return 0;
    return coopi_fail(error, "%s: this process has no thread-specific key left; it uses too many libraries",
                      m->address.url);
}

/* In a forked child: closes the copies of the parent's connections, and forgets its child. Another thread may have been
 * in the middle of changing its lane's buffers when the fork came: those are left alone for good. */
static void disown(coop_manager *m)
{
    for (struct coopi_lane *lane = m->lanes; lane; lane = lane->next) {
        coopi_stream_close(&lane->stream);
        if (lane->owner != &mine) {
            coopi_stream_init(&lane->stream);
            coopi_writer_init(&lane->out, lane->out.limit);
        }
        lane->owner = NULL;
    }
    if (m->pidfd >= 0) close(m->pidfd);
    m->pidfd = -1;
    m->pid = 0;
}

/* A session of this process, without lanes in use. Locked. */
static int renew(coop_manager *m, uint64_t generation)
{
    unsigned char session[COOPI_SESSION_SIZE];
    if (getrandom(session, sizeof session, 0) != (ssize_t)sizeof session)
        return coopi_fail(EIO, "%s: the kernel gives no random bytes (%s)", m->address.url, strerror(errno));
    disown(m);
    memcpy(m->session, session, sizeof session);
    m->next_lane = 0;
    coopi_store_relaxed(&m->serial, ++last_serial);
    coopi_store_release(&m->generation, generation);
    return 0;
}

int coopi_lanes_begin(coop_manager *m)
{
    uint64_t generation = coopi_generation();
    if (!generation) return -ENOMEM;
    coopi_proxy_lock();
    int result = make_key(m);
    if (result == 0) result = renew(m, generation);
    if (result == 0) {
        m->next = managers;
        coopi_store_release(&managers, m);
    }
    coopi_proxy_unlock();
    return result;
}

void coopi_lanes_end(coop_manager *m)
{
    uint64_t generation = coopi_generation();
    coopi_proxy_lock();
    if (m->generation != generation) disown(m);
    for (coop_manager **at = &managers; *at; at = &(*at)->next)
        if (*at == m) {
            *at = m->next;
            break;
        }
    coopi_proxy_unlock();
    for (struct coopi_lane *lane = m->lanes, *next; lane; lane = next) {
        next = lane->next;
        coopi_stream_free(&lane->stream);
        coopi_writer_free(&lane->out);
        free(lane);
    }
}

/* A lane that nobody has, locked; a new one if need be. NULL without memory. */
static struct coopi_lane *free_lane(coop_manager *m)
{
    for (struct coopi_lane *lane = m->lanes; lane; lane = lane->next)
        if (!lane->owner) return lane;
    struct coopi_lane *lane = calloc(1, sizeof *lane);
    if (!lane) return NULL;
    coopi_stream_init(&lane->stream);
    coopi_writer_init(&lane->out, COOPI_WIRE_MAX + COOPI_FRAME_HEAD);
    lane->next = m->lanes;
    coopi_store_release(&m->lanes, lane);
    return lane;
}

static struct coopi_lane *owned_lane(coop_manager *m, const void *owner)
{
    for (struct coopi_lane *lane = m->lanes; lane; lane = lane->next)
        if (lane->owner == owner) return lane;
    struct coopi_lane *lane = free_lane(m);
    if (!lane) return NULL;
    lane->owner = owner;
    lane->number = ++m->next_lane;
    lane->sequence = 0;
    return lane;
}

int coopi_lane_get(coop_manager *m, struct coopi_lane **ret_lane)
{
    uint64_t generation = coopi_generation();
    if (coopi_load_acquire(&m->generation) == generation && mine.serial == coopi_load_relaxed(&m->serial)) {
        *ret_lane = mine.lane;
        return 0;
    }
    if (pthread_setspecific(thread_end, &mine) != 0)
        return coopi_fail(ENOMEM, "%s: no memory to remember this thread's connection", m->address.url);
    coopi_proxy_lock();
    int result = m->generation == generation ? 0 : renew(m, generation);
    struct coopi_lane *lane = result == 0 ? owned_lane(m, &mine) : NULL;
    uint64_t serial = m->serial;
    coopi_proxy_unlock();
    if (result < 0) return result;
    if (!lane) return coopi_fail(ENOMEM, "%s: no memory for this thread's connection", m->address.url);
    mine.serial = serial;
    mine.lane = lane;
    *ret_lane = lane;
    return 0;
}
