/* SPDX-License-Identifier: MIT */
/* Where a manager listens: from a name, a URL or nothing to a socket path. */
#include "proxy/address.h"

#include "base/error.h"
#include "base/name.h"
#include "base/quote.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define IPC "ipc://"

static bool is_name_char(char c, bool first)
{
    bool word = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
    return word || (c == '.' && !first);
}

bool coopi_is_manager_name(const char *name)
{
    size_t length = strnlen(name, COOPI_NAME_MAX + 1);
    if (length == 0 || length > COOPI_NAME_MAX) return false;
    for (size_t i = 0; i < length; i++)
        if (!is_name_char(name[i], i == 0)) return false;
    return true;
}

bool coopi_is_object_name(const char *name, size_t size)
{
    char copy[COOPI_OBJECT_NAME];
    if (size >= sizeof copy || memchr(name, '\0', size)) return false;
    memcpy(copy, name, size);
    copy[size] = '\0';
    return coopi_object_name_check(copy) == 0;
}

static int too_long(const char *text)
{
    char quoted[COOPI_QUOTED];
    return coopi_fail(ENAMETOOLONG, "manager %s: its socket's path is over %zu bytes; take a shorter name or directory",
                      coopi_quote(text, quoted, sizeof quoted), sizeof((struct coopi_address *)0)->path - 1);
}

/* Whether snprintf() fitted what it made into SIZE bytes. */
static bool fits(int length, size_t size)
{
    return length >= 0 && (size_t)length < size;
}

static int from_path(const char *text, const char *path, struct coopi_address *a)
{
    char quoted[COOPI_QUOTED];
    if (path[0] != '/' || path[1] == '\0')
        return coopi_fail(EINVAL, "manager %s: not an absolute path; write ipc:///path/of/the/socket",
                          coopi_quote(text, quoted, sizeof quoted));
    if (!fits(snprintf(a->path, sizeof a->path, "%s", path), sizeof a->path)) return too_long(text);
    return 0;
}

/* A relative XDG_RUNTIME_DIR is to be ignored, says its specification. */
static int from_name(const char *name, struct coopi_address *a)
{
    const char *runtime = getenv("XDG_RUNTIME_DIR");
    int length = runtime && *runtime == '/' ? snprintf(a->directory, sizeof a->directory, "%s/coop", runtime)
                                            : snprintf(a->directory, sizeof a->directory, "/tmp/coop-%u", geteuid());
    if (!fits(length, sizeof a->directory)) return too_long(name);
    length = snprintf(a->path, sizeof a->path, "%s/%s.sock", a->directory, name);
    if (!fits(length, sizeof a->path)) return too_long(name);
    memcpy(a->name, name, strlen(name) + 1);
    return 0;
}

int coopi_address_parse(const char *text, struct coopi_address *ret_address)
{
    if (!text || !*text) text = getenv(COOPI_MANAGER_VARIABLE);
    if (!text || !*text) text = COOPI_MANAGER_DEFAULT;
    struct coopi_address a = {0};
    char quoted[COOPI_QUOTED];
    int result;
    if (strncmp(text, IPC, strlen(IPC)) == 0)
        result = from_path(text, text + strlen(IPC), &a);
    else if (strstr(text, "://"))
        result = coopi_fail(EINVAL, "manager %s: only ipc:// is spoken; write a name or ipc:///path/of/the/socket",
                            coopi_quote(text, quoted, sizeof quoted));
    else if (coopi_is_manager_name(text))
        result = from_name(text, &a);
    else
        result = coopi_fail(strlen(text) > COOPI_NAME_MAX ? ENAMETOOLONG : EINVAL,
                            "manager %s: not a name; take 1 to %d of A-Z a-z 0-9 _ - . (no dot first), or "
                            "ipc:///path/of/the/socket",
                            coopi_quote(text, quoted, sizeof quoted), COOPI_NAME_MAX);
    if (result < 0) return result;
    snprintf(a.url, sizeof a.url, IPC "%s", a.path);
    *ret_address = a;
    return 0;
}

int coopi_address_check(const struct coopi_address *address)
{
    const char *directory = address->directory;
    struct stat st;
    if (!*directory) return 0;
    if (lstat(directory, &st) < 0) {
        int error = errno;
        return coopi_fail(error, "%s: %s; start a manager first, or mend XDG_RUNTIME_DIR", directory, strerror(error));
    }
    if (!S_ISDIR(st.st_mode))
        return coopi_fail(EPERM, "%s: not a directory; remove it, or set XDG_RUNTIME_DIR to a place of yours",
                          directory);
    if (st.st_uid != geteuid())
        return coopi_fail(EPERM, "%s: belongs to uid %u, not to you; set XDG_RUNTIME_DIR to a place of yours",
                          directory, st.st_uid);
    if ((st.st_mode & 07777) != 0700)
        return coopi_fail(EPERM, "%s: its mode is %04o, others may reach in; chmod 0700 it", directory,
                          st.st_mode & 07777);
    return 0;
}

int coopi_address_prepare(const struct coopi_address *address)
{
    if (*address->directory && mkdir(address->directory, 0700) < 0 && errno != EEXIST) {
        int error = errno;
        return coopi_fail(error, "%s: cannot make this directory (%s); mend XDG_RUNTIME_DIR", address->directory,
                          strerror(error));
    }
    return coopi_address_check(address);
}
