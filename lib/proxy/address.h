/* SPDX-License-Identifier: MIT */
/* Where a manager listens: from a name, a URL or nothing to a socket path. */
#ifndef COOPI_ADDRESS_H
#define COOPI_ADDRESS_H

#include <coop/common.h>
#include <stdbool.h>
#include <sys/un.h>

#define COOPI_MANAGER_VARIABLE "COOP_MANAGER"
#define COOPI_MANAGER_DEFAULT "default"
#define COOPI_NAME_MAX 100 /* bytes of a manager's name */

struct coopi_address {
    char name[COOPI_NAME_MAX + 1];                             /* empty if it was given as a URL */
    char path[sizeof((struct sockaddr_un *)0)->sun_path];      /* of the socket, with its NUL */
    char url[sizeof((struct sockaddr_un *)0)->sun_path + 6];   /* ipc://PATH */
    char directory[sizeof((struct sockaddr_un *)0)->sun_path]; /* of a name's socket; empty with a URL */
};

/* TEXT is a name, or ipc://PATH with an absolute path; NULL or "" stands for $COOP_MANAGER, or else "default". Touches
 * no file. -EINVAL (bad name, another kind of URL), -ENAMETOOLONG (a socket path has at most 107 bytes). */
int coopi_address_parse(const char *text, struct coopi_address *ret_address) COOP_MUST_CHECK;

/* For who connects to a name's socket: the directory must be a real one, ours, with mode 0700, or else another user
 * could sit there in the manager's place. Always 0 with a URL: who names a path knows it. -ENOENT: there is none yet;
 * -EPERM: not a directory, not ours, or open to others. */
int coopi_address_check(const struct coopi_address *address) COOP_MUST_CHECK;

/* The same for who listens: makes the directory where it is absent. Also -EACCES, -ENOSPC, ... from mkdir(2). */
int coopi_address_prepare(const struct coopi_address *address) COOP_MUST_CHECK;

/* A manager's name: [A-Za-z0-9_-][A-Za-z0-9._-]{0,99}. */
bool coopi_is_manager_name(const char *name);

/* Whether SIZE bytes are a managed object's name: the same names as for a segment's objects (base/name.h). */
bool coopi_is_object_name(const char *name, size_t size);

#endif
