/* SPDX-License-Identifier: MIT */
/* What the manager remembers of each lane, so that a request that is sent again is never run twice. */
#include "lanes.h"

#include "base/error.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

void lanes_init(struct lanes *lanes)
{
    *lanes = (struct lanes){.bytes = 0};
    TAILQ_INIT(&lanes->idle);
}

static void forget_reply(struct lanes *lanes, struct lane *lane)
{
    lanes->bytes -= lane->size;
    free(lane->reply);
    lane->reply = NULL;
    lane->size = 0;
}

static void forget(struct lanes *lanes, struct lane *lane)
{
    forget_reply(lanes, lane);
    TAILQ_REMOVE(&lanes->idle, lane, idle);
    HASH_DELETE(hh, lanes->table, lane);
    free(lane);
}

void lanes_destroy(struct lanes *lanes)
{
    struct lane *lane = TAILQ_FIRST(&lanes->idle);
    HASH_CLEAR(hh, lanes->table);
    while (lane) {
        struct lane *next = TAILQ_NEXT(lane, idle);
        free(lane->reply);
        free(lane);
        lane = next;
    }
}

static struct lane *add(struct lanes *lanes, const struct lane_key *key)
{
    if (HASH_COUNT(lanes->table) >= LANES_MAX) forget(lanes, TAILQ_FIRST(&lanes->idle));
    struct lane *lane = calloc(1, sizeof *lane);
    if (!lane) return NULL;
    lane->key = *key;
    HASH_ADD(hh, lanes->table, key, sizeof lane->key, lane);
    if (!lane->hh.tbl) {
        free(lane);
        return NULL;
    }
    TAILQ_INSERT_TAIL(&lanes->idle, lane, idle);
    return lane;
}

static int stale(const struct coopi_request *request, const char *why)
{
    return coopi_fail(ESTALE,
                      "request %" PRIu64 " of lane %" PRIu64 ": %s; it may or may not have been run, so look at the "
                      "object before you do it again",
                      request->sequence, request->lane, why);
}

int lanes_enter(struct lanes *lanes, const struct coopi_request *request, struct lane **ret_lane)
{
    struct lane_key key = {.lane = request->lane};
    memcpy(key.session, request->session, sizeof key.session);
    struct lane *lane = NULL;
    HASH_FIND(hh, lanes->table, &key, sizeof key, lane);
    if (!lane) {
        if (request->attempt > 0)
            return stale(request, "it was sent before, and the manager does not remember its lane");
        lane = add(lanes, &key);
        if (!lane) return coopi_fail(ENOMEM, "lane %" PRIu64 ": the manager is out of memory", request->lane);
    } else {
        TAILQ_REMOVE(&lanes->idle, lane, idle);
        TAILQ_INSERT_TAIL(&lanes->idle, lane, idle);
    }

    if (request->sequence < lane->sequence) return stale(request, "a later one of this lane was answered already");
    if (request->sequence > lane->sequence) {
        forget_reply(lanes, lane);
        lane->sequence = request->sequence;
        lane->state = LANE_UNCHANGED;
    }
    if (lane->state == LANE_LOST) return stale(request, "the manager had no room to keep its reply");
    *ret_lane = lane;
    return 0;
}

void lanes_remember(struct lanes *lanes, struct lane *lane, const void *reply, size_t size)
{
    forget_reply(lanes, lane);
    lane->reply = malloc(size);
    lane->state = lane->reply ? LANE_ANSWERED : LANE_LOST;
    if (!lane->reply) return;
    memcpy(lane->reply, reply, size);
    lane->size = size;
    lanes->bytes += size;
    struct lane *idle = TAILQ_FIRST(&lanes->idle);
    while (lanes->bytes > LANES_MAX_BYTES && idle != lane) {
        if (idle->state == LANE_ANSWERED) idle->state = LANE_LOST;
        forget_reply(lanes, idle);
        idle = TAILQ_NEXT(idle, idle);
    }
}
