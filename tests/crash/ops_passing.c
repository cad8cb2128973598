/* SPDX-License-Identifier: MIT */
/* Anonymous segments on their way over a socket: it comes or it does not, and its sender's stays whole. */
#include "crash/crash.h"

#include "base/atomic.h"
#include "segment/handle.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#define LEFT 31
#define ROWS 3 /* participants: the sender, the survivor, and one more */

/* The victim's way, and the one by which the others get it. */
static int ends[2] = {-1, -1}, others[2] = {-1, -1};

static void connect_pair(int pair[2])
{
    for (int i = 0; i < 2; i++)
        if (pair[i] >= 0) close(pair[i]);
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) pair[0] = pair[1] = -1;
}

static void connect_all(struct scene *scene)
{
    connect_pair(ends);
    connect_pair(others);
    if (ends[0] < 0 || others[0] < 0) fault(scene, LOST, "there is no pair of sockets");
}

static int make(const struct scene *scene, coop_segment **ret_segment)
{
    coop_value *value;
    const coop_segment_options *options =
        COOP_SEGMENT_OPTIONS(.reserve = 4096, .maximum = 1 << 20, .objects = 8, .owners = 8,
                             .participants = scene->lives ? ROWS + 1 : ROWS);
    int r = coop_segment_create(NULL, options, ret_segment);
    if (r < 0) return r;
    r = coop_value_in(*ret_segment, "left", "i", COOP_CREATE, &value);
    if (r < 0) return r;
    r = coop_value_set_i64(value, LEFT);
    coop_value_close(value);
    return r;
}

/* Is it what was sent? */
static int look_into(coop_segment *segment)
{
    coop_value *value;
    int64_t number = 0;
    int r = coop_value_in(segment, "left", "i", 0, &value);
    if (r < 0) return r;
    r = coop_value_get_i64(value, &number);
    coop_value_close(value);
    return r < 0 ? r : number == LEFT ? 0 : -EBADMSG;
}

/* The sender, in a process of its own, so that nobody else has the segment. */
static void send_to_all(struct scene *scene, struct peer *self)
{
    coop_segment *segment;
    self->result = make(scene, &segment);
    if (self->result == 0) self->result = coop_segment_send(segment, ends[0]);
    for (int i = 0; i < 2 && self->result == 0; i++) self->result = coop_segment_send(segment, others[0]);
    peer_say(self, PEER_HOLDS);
    peer_obey(self);
    if (self->result == 0) self->result = look_into(segment);
    peer_say(self, PEER_DONE);
}

static void prepare_sent(struct scene *scene)
{
    connect_all(scene);
    struct peer *sender = peer_start(scene, send_to_all);
    if (!peer_await(sender, PEER_HOLDS) || sender->result < 0) fault(scene, LOST, "it was not sent");
}

static void receive(struct scene *scene)
{
    scene->board->result = coop_segment_receive(ends[1], 0, &scene->segment);
}

static void receive_and_look(struct scene *scene, struct peer *self)
{
    coop_segment *segment;
    self->result = coop_segment_receive(others[1], 0, &segment);
    if (self->result == 0) self->result = look_into(segment);
    peer_say(self, PEER_DONE);
    (void)scene;
}

/* One more process comes, which needs the dead one's row. */
static void another_receives(struct scene *scene)
{
    struct peer *peer = peer_start(scene, receive_and_look);
    if (!peer_await(peer, PEER_DONE))
        fault(scene, HUNG, "receiving it took more than a second");
    else if (peer->result < 0)
        fault(scene, LEAKED, "another process cannot receive it: %s", coop_strerror(peer->result));
}

static bool victim_attached(const struct scene *scene)
{
    const struct coopi_map *map = scene->segment->map;
    for (uint32_t i = 0; i < map->geometry->participants.count; i++)
        if ((coopi_load_acquire(&map->participants[i].word) & COOPI_PID_MASK) == scene->board->tid) return true;
    return false;
}

/* The survivor gets it as well, and so does one more. */
static enum outcome verify_received(struct scene *scene)
{
    struct peer *sender = &scene->board->peers[0];
    if (coop_segment_receive(others[1], 0, &scene->segment) < 0) {
        fault(scene, LOST, "%s", coop_error_detail());
        return BEFORE;
    }
    bool attached = victim_attached(scene);
    check_segment(scene);
    another_receives(scene);
    peer_go(sender);
    if (!peer_await(sender, PEER_DONE))
        fault(scene, HUNG, "its sender cannot use it");
    else if (sender->result < 0)
        fault(scene, LOST, "its sender: %s", coop_strerror(sender->result));
    return attached ? AFTER : BEFORE;
}

static void prepare_to_send(struct scene *scene)
{
    connect_all(scene);
    COOP_MUST(make(scene, &scene->segment));
    for (int i = 0; i < 2; i++) fcntl(ends[i], F_SETFL, O_NONBLOCK);
    COOP_MUST(coop_segment_send(scene->segment, others[0]));
}

static void send_it(struct scene *scene)
{
    scene->board->result = coop_segment_send(scene->segment, ends[0]);
}

/* It has come whole, or nothing has. */
static enum outcome verify_sent(struct scene *scene)
{
    coop_segment *again;
    int r = coop_segment_receive(ends[1], 0, &again);
    if (r < 0 && r != -EAGAIN) fault(scene, TORN, "%s", coop_error_detail());
    if (r == 0) {
        if (again->map != scene->segment->map) fault(scene, TORN, "another segment has come");
        coop_segment_close(again);
        bool twice = coop_segment_receive(ends[1], 0, &again) == 0;
        if (twice) coop_segment_close(again);
        if (twice) fault(scene, DOUBLED, "it has come twice");
    }
    if (look_into(scene->segment) < 0) fault(scene, TORN, "%s", coop_error_detail());
    check_segment(scene);
    another_receives(scene);
    return r == 0 ? AFTER : BEFORE;
}

const struct operation passing_operations[] = {
    {.name = "segment-send/alone", .prepare = prepare_to_send, .operate = send_it, .verify = verify_sent},
    {.name = "segment-receive/alone",
     .prepare = prepare_sent,
     .operate = receive,
     .verify = verify_received,
     .no_exit = true},
    {0},
};
