/* SPDX-License-Identifier: MIT */
/* Participants and owners of a segment, and whether they live: by the life word first, then by what /proc says. */
#ifndef SHMCTL_PEOPLE_H
#define SHMCTL_PEOPLE_H

#include "image.h"

#include <jansson.h>

enum life { LIFE_ALIVE, LIFE_DEAD, LIFE_UNKNOWN, LIFE_FREE };

/* "alive", "dead", "unknown": a process of another PID namespace whose words tell nothing. */
const char *people_life_name(enum life life);

/* Judges a private copy of a row. LIFE_FREE: never used, or given back. */
enum life people_judge_participant(const struct image *image, const struct coopi_participant *row);
enum life people_judge_owner(const struct image *image, const struct coopi_owner *row);

/* What a tag in a lock word says of its owner. */
struct people_owner {
    enum life life; /* LIFE_DEAD as well when the row has passed on to another owner */
    uint32_t row;
    bool known; /* pid, tid and command are of this owner */
    uint32_t pid;
    uint32_t tid;
    char command[COOPI_COMMAND_SIZE]; /* as read: not clean, perhaps without NUL */
};

/* Reads the owner's row anew and judges it. -EBADMSG with a sentence: there is no such row, or no such file left. */
int people_find_owner(const struct image *image, uint32_t tag, struct people_owner *ret_owner);

/* Puts "participants" and "owners" into DOCUMENT: an array of the rows in use, each with its "state". HOLDS[row] is how
 * many locks were seen held by the owner with that row's tag. */
struct people_holds {
    uint32_t tag;
    uint32_t count;
};
int people_list(const struct image *image, const struct people_holds holds[COOPI_ROWS_MAX + 1], json_t *document);

/* Only how many: {"alive": 2, "dead": 0, "unknown": 0} each. */
int people_count(const struct image *image, json_t *document);

#endif
