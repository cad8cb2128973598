/* SPDX-License-Identifier: MIT */
/* The life of a manager: from taking its place to leaving it. */
#include "server.h"

#include "base/error.h"
#include "command.h"
#include "executor.h"
#include "gateway.h"
#include "site.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

struct server {
    struct site site;
    struct commands commands;
    struct executor executor;
    struct gateway *gateway;
    int signals; /* readable when we are to end */
};

/* nanomsg's worker spins when it has no descriptor left for a connection. */
static void raise_descriptor_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0) return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

/* Before any thread starts: all of them inherit the mask, so that signals are read from the descriptor only. */
static int open_signals(int *ret_signals)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    sigaction(SIGPIPE, &ignore, NULL);
    int fd = signalfd(-1, &set, SFD_CLOEXEC);
    if (fd < 0) return coopi_fail(errno, "manager: no signal descriptor: %s", strerror(errno));
    *ret_signals = fd;
    return 0;
}

static int wait_for_end(const struct server *server, int watch)
{
    struct pollfd fds[] = {{.fd = server->signals, .events = POLLIN}, {.fd = watch, .events = POLLIN}};
    int n;
    do {
        n = poll(fds, 2, -1);
    } while (n < 0 && errno == EINTR);
    return n < 0 ? coopi_fail(errno, "manager: cannot wait: %s", strerror(errno)) : 0;
}

static int open_gateway(struct server *server, const struct server_options *options)
{
    int result = executor_start(&server->executor, &server->commands);
    if (result < 0) return result;
    result = gateway_nanomsg_open(options->address.url, &server->executor, &server->gateway);
    if (result < 0) executor_stop(&server->executor);
    return result;
}

static void close_gateway(struct server *server)
{
    server->gateway->quiet(server->gateway);
    executor_stop(&server->executor); /* what was received is answered */
    server->gateway->close(server->gateway);
}

static int serve(struct server *server, const struct server_options *options)
{
    int result = open_gateway(server, options);
    if (result < 0) return result;
    site_bound(&server->site);
    printf("coop-manager: ready at %s\n", options->address.url);
    fflush(stdout);
    result = wait_for_end(server, options->watch);
    close_gateway(server);
    return result;
}

int server_run(const struct server_options *options)
{
    struct server server = {.signals = -1};
    int result = open_signals(&server.signals);
    if (result < 0) return result;
    raise_descriptor_limit();
    result = site_take(&options->address, &server.site);
    if (result == 0) {
        commands_init(&server.commands, options->name);
        result = serve(&server, options);
        commands_destroy(&server.commands);
        site_leave(&server.site);
    }
    close(server.signals);
    return result;
}
