/* SPDX-License-Identifier: MIT */
/* The life of a manager: from taking its place to leaving it. */
#ifndef MANAGER_SERVER_H
#define MANAGER_SERVER_H

#include "proxy/address.h"

struct server_options {
    const char *name;
    struct coopi_address address;
    int watch; /* end when this pidfd says that its process is gone; -1: none */
};

/* Serves until SIGTERM, SIGINT, SIGHUP, or the end of the watched process. Prints one line on stdout when clients can
 * connect. To be called by the only thread of the program. Returns 0 after a clean end, or a negative errno with a
 * sentence. */
int server_run(const struct server_options *options) COOP_MUST_CHECK;

#endif
