/* SPDX-License-Identifier: MIT */
/* Names of segments and objects, and the paths that join them. */
#ifndef COOPI_NAME_H
#define COOPI_NAME_H

#include <stddef.h>
#include <sys/types.h>

#define COOPI_SEGMENT_NAME 101 /* with NUL */
#define COOPI_OBJECT_NAME 65
#define COOPI_SHM_NAME 128 /* "/coop.<uid>.<name>" with NUL */
#define COOPI_SHM_FOLDER "/dev/shm"

/* A segment as the user names it: `name`, or `USER:name` with a login name or uid. */
struct coopi_segment_name {
    uid_t uid;
    char name[COOPI_SEGMENT_NAME];
    char shm[COOPI_SHM_NAME]; /* the POSIX object's name, with its slash */
};

/* `segment/object`. */
struct coopi_path {
    struct coopi_segment_name segment;
    char object[COOPI_OBJECT_NAME];
};

/* Each: 0, or -EINVAL, -ENAMETOOLONG or -ENOENT (no such user) with a sentence that quotes the text, says what is wrong
 * with it (and where) and what a name looks like. Outputs untouched on failure. */
int coopi_segment_name_parse(const char *text, struct coopi_segment_name *ret_name);
int coopi_object_name_check(const char *name);
int coopi_path_parse(const char *text, struct coopi_path *ret_path);

#endif
