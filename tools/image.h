/* SPDX-License-Identifier: MIT */
/* A segment's file as shmctl sees it: read by pread(2) into private memory, never mapped, nothing believed.
 *
 * The segment may be alive, damaged or forged. So every byte is fetched once and judged as it was fetched; counts and
 * offsets come from the one private copy of the header that coopi_header_check() has passed; and no read leaves the
 * file. Whoever cuts the file while we read gets an error, never a signal. */
#ifndef SHMCTL_IMAGE_H
#define SHMCTL_IMAGE_H

#include "base/name.h"
#include "segment/layout.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define IMAGE_SENTENCE 512

struct image {
    struct coopi_segment_name name;
    char label[COOPI_SEGMENT_NAME + 16]; /* how a user would name it: `bank`, or `1000:bank` */
    int fd;
    uint64_t file_size; /* looked at after the header was read: the file only grows */
    mode_t mode;
    uid_t owner;
    dev_t device;
    ino_t inode;
    struct coopi_header header; /* private copy; zeroes where the file is shorter */
    uint64_t limit;             /* the first byte that no object may cover; with damage, 0 */
    bool same_boot;             /* what the header says of boot and PID namespace is true of us */
    bool same_pids;
    int damage;                  /* 0, or why nothing behind the header can be read: a negative errno ... */
    char wrong[IMAGE_SENTENCE];  /* ... and the sentence */
    int refused;                 /* 0, or why the library would refuse it although it can be read ... */
    char reason[IMAGE_SENTENCE]; /* ... and the sentence */
};

/* Opens the file and reads and judges its header. A damaged segment opens, too: look at `damage`. Fails with a sentence
 * where there is nothing to read: -ENOENT, -EACCES (not readable, not a regular file, not of the user in its name). */
int image_open(const struct coopi_segment_name *name, struct image *ret_image);

void image_close(struct image *image);

/* Fills BUFFER from the file. -EBADMSG with a sentence if [offset, offset + size) is not all inside it (any more). */
int image_read(const struct image *image, uint64_t offset, void *buffer, size_t size);

/* A private copy of a whole table of a header that was checked (at most 8 MiB): the caller's, to free.
 * -EBADMSG, -ENOMEM. */
int image_table(const struct image *image, const struct coopi_table *table, void *ret_rows);

#endif
