/* SPDX-License-Identifier: MIT */
/* The nanomsg gateway: a raw REP socket, so that replies may go back in any order.
 *
 * A thread of its own sleeps in its own epoll set on nanomsg's receive descriptor and on an event descriptor that ends
 * it. Replies are sent by the executor's thread directly: nanomsg's sockets are thread-safe, and a hop back through the
 * gateway's thread would cost two context switches a request. A raw REP socket never blocks in a send; it drops what
 * its peer does not read, so a client has at most one request in flight on a connection. */
#include "gateway.h"

#include "base/error.h"
#include "executor.h"
#include "proxy/wire.h"

#include <errno.h>
#include <nanomsg/nn.h>
#include <nanomsg/reqrep.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

/* Messages taken in before the executor is rung and the stop descriptor looked at. */
#define BURST 64

struct nanomsg_gateway {
    struct gateway gateway; /* first: the two addresses are one */
    struct executor *executor;
    char *address;
    int socket;
    int poller;
    int stop; /* an event descriptor: readable once the thread shall end */
    pthread_t thread;
};

/* Takes one message in: 1 if there was one. */
static int receive(struct nanomsg_gateway *self)
{
    void *body = NULL;
    void *control = NULL;
    struct nn_iovec vector = {.iov_base = &body, .iov_len = NN_MSG};
    struct nn_msghdr header = {.msg_iov = &vector, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = NN_MSG};
    int size = nn_recvmsg(self->socket, &header, NN_DONTWAIT);
    if (size < 0) return 0;

    struct request *request = malloc(sizeof *request);
    if (!request) { /* the client's call runs into its time-out */
        nn_freemsg(body);
        nn_freemsg(control);
        return 0;
    }
    *request = (struct request){.gateway = &self->gateway, .body = body, .size = (size_t)size, .route = control};
    executor_submit(self->executor, request);
    return 1;
}

static void *serve(void *arg)
{
    struct nanomsg_gateway *self = arg;
    pthread_setname_np(pthread_self(), "gateway");
    for (;;) {
        struct epoll_event events[2];
        int n = epoll_wait(self->poller, events, 2, -1);
        for (int i = 0; i < n; i++)
            if (events[i].data.fd == self->stop) return NULL;
        int burst = 0;
        while (burst < BURST && executor_has_room(self->executor) && receive(self)) burst++;
        if (burst) executor_ring(self->executor);
        executor_wait_for_room(self->executor); /* after ringing: a sleeping executor makes no room */
    }
}

static void release(struct request *request)
{
    nn_freemsg((void *)(uintptr_t)request->body);
    free(request);
}

static void reply(struct gateway *gateway, struct request *request, const void *body, size_t size)
{
    struct nanomsg_gateway *self = (struct nanomsg_gateway *)gateway;
    struct nn_iovec vector = {.iov_base = (void *)(uintptr_t)body, .iov_len = size};
    struct nn_msghdr header = {
        .msg_iov = &vector, .msg_iovlen = 1, .msg_control = &request->route, .msg_controllen = NN_MSG};
    if (nn_sendmsg(self->socket, &header, NN_DONTWAIT) < 0) nn_freemsg(request->route);
    release(request);
}

static void drop(struct gateway *gateway, struct request *request)
{
    (void)gateway;
    nn_freemsg(request->route);
    release(request);
}

static void quiet(struct gateway *gateway)
{
    struct nanomsg_gateway *self = (struct nanomsg_gateway *)gateway;
    uint64_t one = 1;
    if (write(self->stop, &one, sizeof one) < 0) return; /* an event descriptor at 0 always takes 1 */
    pthread_join(self->thread, NULL);
}

static void free_gateway(struct nanomsg_gateway *self)
{
    if (self->socket >= 0) nn_close(self->socket);
    if (self->poller >= 0) close(self->poller);
    if (self->stop >= 0) close(self->stop);
    free(self->address);
    free(self);
}

static void close_gateway(struct gateway *gateway)
{
    free_gateway((struct nanomsg_gateway *)gateway);
}

static int open_socket(struct nanomsg_gateway *self)
{
    self->socket = nn_socket(AF_SP_RAW, NN_REP);
    if (self->socket < 0) return coopi_fail(nn_errno(), "%s: no nanomsg socket: %s", self->address, nn_strerror(errno));
    int limit = (int)COOPI_WIRE_MAX;
    if (nn_setsockopt(self->socket, NN_SOL_SOCKET, NN_RCVMAXSIZE, &limit, sizeof limit) < 0)
        return coopi_fail(nn_errno(), "%s: cannot limit messages: %s", self->address, nn_strerror(errno));

    mode_t before = umask(0177); /* nanomsg gives the socket file 0777 and this */
    int bound = nn_bind(self->socket, self->address);
    umask(before);
    if (bound < 0) return coopi_fail(nn_errno(), "%s: cannot listen there: %s", self->address, nn_strerror(nn_errno()));
    return 0;
}

static int watch(struct nanomsg_gateway *self)
{
    int receivable;
    size_t size = sizeof receivable;
    if (nn_getsockopt(self->socket, NN_SOL_SOCKET, NN_RCVFD, &receivable, &size) < 0)
        return coopi_fail(nn_errno(), "%s: no receive descriptor: %s", self->address, nn_strerror(nn_errno()));
    self->poller = epoll_create1(EPOLL_CLOEXEC);
    self->stop = eventfd(0, EFD_CLOEXEC);
    struct epoll_event messages = {.events = EPOLLIN, .data.fd = receivable};
    struct epoll_event stop = {.events = EPOLLIN, .data.fd = self->stop};
    if (self->poller < 0 || self->stop < 0 || epoll_ctl(self->poller, EPOLL_CTL_ADD, receivable, &messages) < 0 ||
        epoll_ctl(self->poller, EPOLL_CTL_ADD, self->stop, &stop) < 0)
        return coopi_fail(errno, "%s: cannot watch it: %s", self->address, strerror(errno));
    return 0;
}

int gateway_nanomsg_open(const char *address, struct executor *executor, struct gateway **ret_gateway)
{
    struct nanomsg_gateway *self = malloc(sizeof *self);
    char *copy = strdup(address);
    if (!self || !copy) {
        free(self);
        free(copy);
        return coopi_fail(ENOMEM, "%s: out of memory", address);
    }
    *self = (struct nanomsg_gateway){
        .gateway = {.address = copy, .reply = reply, .drop = drop, .quiet = quiet, .close = close_gateway},
        .executor = executor,
        .address = copy,
        .socket = -1,
        .poller = -1,
        .stop = -1,
    };
    int result = open_socket(self);
    if (result == 0) result = watch(self);
    if (result == 0) {
        int err = pthread_create(&self->thread, NULL, serve, self);
        if (err) result = coopi_fail(err, "%s: cannot start its gateway thread: %s", address, strerror(err));
    }
    if (result < 0) {
        free_gateway(self);
        return result;
    }
    *ret_gateway = &self->gateway;
    return 0;
}
