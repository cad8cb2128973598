/* SPDX-License-Identifier: MIT */
/* A victim that is stopped in the midst of its operation: nobody who does not need what it holds waits, and nothing is
 * taken from it. */
#include "crash/stand.h"

#include "segment/handle.h"

#include <errno.h>
#include <stdio.h>

/* In a process of its own: attaches, takes another lock, makes and removes another segment, reads. */
static void work_elsewhere(struct scene *scene, struct peer *self)
{
    char name[80];
    coop_segment *segment;
    int64_t number;
    char bytes[64];
    snprintf(name, sizeof name, "%s.beside", scene->name);
    int r = scene->manager || scene->op->shut ? -ENOENT : coop_segment_open(scene->name, 0, &segment);
    if (r == 0) coop_segment_close(segment);
    if (r == -ENOENT) r = 0;
    if (r == 0) r = coop_segment_create(name, COOP_SEGMENT_OPTIONS(.reserve = 4096, .maximum = 1 << 20), &segment);
    if (r == 0) coop_segment_close(segment);
    if (r == 0) r = coop_segment_remove(name, 0);
    bool may_own = scene->spare && !scene->op->shut;
    if (r == 0 && may_own) r = coop_lock_acquire(scene->spare, COOP_S(2));
    if (r == 0 && may_own) r = coop_lock_release(scene->spare);
    if (r == 0 && scene->value) r = coop_value_get_bytes(scene->value, bytes, coop_value_size(scene->value));
    if (r == 0 && scene->array) r = coop_array_get_i64(scene->array, 0, &number);
    if (r == 0 && scene->manager) r = coop_manager_ping(scene->manager);
    self->result = r;
    peer_say(self, PEER_DONE);
}

static void let_others_work(struct scene *scene)
{
    if (scene->peers == PEERS) return;
    struct peer *peer = peer_start(scene, work_elsewhere);
    if (!peer_await(peer, PEER_DONE))
        fault(scene, HUNG, "somebody who needs nothing of what it holds waits for it");
    else if (peer->result < 0)
        fault(scene, LOST, "somebody who needs nothing of what it holds: %s", coop_strerror(peer->result));
    peer_kill(peer);
    scene->peers--;
}

/* Only what the survivor may try without waiting. */
static void try_to_take(struct scene *scene)
{
    int r = take(scene, COOP_NOWAIT);
    if (r == -EBUSY) return;
    fault(scene, DOUBLED, "it holds the lock, and so does another: %s", r < 0 ? coop_error_detail() : "taken");
    if (r >= 0) give(scene);
}

void stand(struct scene *scene, unsigned ms)
{
    unsigned held = count_words(scene);
    let_others_work(scene);
    bool his = victim_holds(scene);
    if (his) try_to_take(scene);
    int64_t until = now_ns() + (int64_t)ms * 1000000;
    while (now_ns() < until) nap_us(10000);
    if (his && ms) try_to_take(scene);
    unsigned left = count_words(scene);
    if (left < held) fault(scene, LOST, "of %u words that it held %u are taken from it", held, held - left);
}
