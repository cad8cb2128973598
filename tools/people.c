/* SPDX-License-Identifier: MIT */
/* Participants and owners of a segment, and whether they live. */
#include "people.h"

#include "model.h"

#include "base/error.h"
#include "base/proc.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

const char *people_life_name(enum life life)
{
    switch (life) {
    case LIFE_ALIVE: return "alive";
    case LIFE_DEAD: return "dead";
    case LIFE_FREE: return "free";
    case LIFE_UNKNOWN: break;
    }
    return "unknown";
}

enum life people_judge_participant(const struct image *image, const struct coopi_participant *row)
{
    if (row->word == 0) return LIFE_FREE;
    if (!image->same_boot) return LIFE_DEAD;
    if (!image->same_pids) return LIFE_UNKNOWN;
    uint32_t pid = (uint32_t)(row->word & COOPI_PID_MASK);
    bool gone = coopi_process_gone_low(pid, (uint32_t)(row->word >> 32)) ||
                coopi_process_lacks_file(pid, image->device, image->inode);
    return gone ? LIFE_DEAD : LIFE_ALIVE;
}

enum life people_judge_owner(const struct image *image, const struct coopi_owner *row)
{
    uint64_t life = row->life.word;
    if (life & COOPI_OWNER_DIED) return LIFE_DEAD;
    uint32_t tid = (uint32_t)(life & COOPI_TID_MASK);
    if (tid == 0) return LIFE_FREE;
    if (!image->same_boot) return LIFE_DEAD;
    if (!image->same_pids) return LIFE_ALIVE; /* the kernel would have marked it; /proc cannot be asked */
    uint64_t start = row->info_tag == coopi_tag_of(life) ? row->start : 0;
    return coopi_task_gone(tid, start) ? LIFE_DEAD : LIFE_ALIVE;
}

int people_find_owner(const struct image *image, uint32_t tag, struct people_owner *ret_owner)
{
    const struct coopi_table *table = &image->header.owners;
    struct people_owner owner = {.row = tag & COOPI_ROW_MASK, .life = LIFE_DEAD};
    struct coopi_owner row;
    if (owner.row >= table->count)
        return coopi_fail(EBADMSG, "%s: damaged: a lock names owner %" PRIu32 ", and there are %" PRIu32, image->label,
                          owner.row, table->count);
    int r = image_read(image, table->offset + (uint64_t)owner.row * table->stride, &row, sizeof row);
    if (r < 0) return r;
    if (coopi_tag_of(row.life.word) == tag) {
        enum life life = people_judge_owner(image, &row);
        if (life != LIFE_FREE) owner.life = life; /* given back while its tag still holds something: as good as dead */
        owner.known = row.info_tag == tag;
    }
    if (owner.known) {
        owner.pid = row.pid;
        owner.tid = row.tid;
        memcpy(owner.command, row.command, sizeof owner.command);
    }
    *ret_owner = owner;
    return 0;
}

static json_t *participant(uint32_t number, const struct coopi_participant *row, enum life life)
{
    json_t *one = model_object();
    model_number(one, "row", number);
    model_number(one, "pid", row->word & COOPI_PID_MASK);
    if (row->info_word == row->word) {
        model_name(one, "command", row->command, sizeof row->command);
        model_time(one, "attached", row->attached);
        model_put(one, "attached_ns", json_integer(row->attached));
    } else {
        model_text(one, "command", NULL);
        model_text(one, "attached", NULL);
    }
    model_text(one, "state", people_life_name(life));
    return one;
}

static json_t *owner(uint32_t number, const struct coopi_owner *row, enum life life, const struct people_holds *holds)
{
    uint32_t tag = coopi_tag_of(row->life.word);
    json_t *one = model_object();
    model_number(one, "row", number);
    model_number(one, "generation", tag >> COOPI_ROW_BITS);
    if (row->info_tag == tag) {
        model_number(one, "pid", row->pid);
        model_number(one, "tid", row->tid);
        model_name(one, "command", row->command, sizeof row->command);
    } else {
        model_text(one, "pid", NULL);
        model_text(one, "tid", NULL);
        model_text(one, "command", NULL);
    }
    model_text(one, "state", people_life_name(life));
    model_number(one, "holds", holds && holds->tag == tag ? holds->count : 0);
    return one;
}

static void list_participants(const struct image *image, const struct coopi_participant *rows, json_t *array)
{
    for (uint32_t i = 0; i < image->header.participants.count; i++) {
        enum life life = people_judge_participant(image, &rows[i]);
        if (life != LIFE_FREE) model_append(array, participant(i, &rows[i], life));
    }
}

static void list_owners(const struct image *image, const struct coopi_owner *rows, const struct people_holds *holds,
                        json_t *array)
{
    for (uint32_t i = 0; i < image->header.owners.count; i++) {
        enum life life = people_judge_owner(image, &rows[i]);
        if (life != LIFE_FREE) model_append(array, owner(i, &rows[i], life, holds ? &holds[i] : NULL));
    }
}

int people_list(const struct image *image, const struct people_holds holds[COOPI_ROWS_MAX + 1], json_t *document)
{
    struct coopi_participant *participants;
    struct coopi_owner *owners;
    int r = image_table(image, &image->header.participants, &participants);
    if (r < 0) return r;
    r = image_table(image, &image->header.owners, &owners);
    if (r == 0) {
        json_t *array = model_array();
        model_put(document, "participants", array);
        list_participants(image, participants, array);
        array = model_array();
        model_put(document, "owners", array);
        list_owners(image, owners, holds, array);
        free(owners);
    }
    free(participants);
    return r;
}

/* Replaces the array at KEY by how many of its items are in each state. */
static void count_states(json_t *document, const char *key)
{
    json_int_t counts[LIFE_FREE] = {0};
    size_t i;
    json_t *one;
    json_array_foreach(json_object_get(document, key), i, one)
    {
        for (unsigned life = 0; life < LIFE_FREE; life++)
            counts[life] += strcmp(model_get_text(one, "state"), people_life_name((enum life)life)) == 0;
    }
    json_t *summary = model_object();
    for (unsigned life = 0; life < LIFE_FREE; life++)
        model_put(summary, people_life_name((enum life)life), json_integer(counts[life]));
    model_put(document, key, summary);
}

int people_count(const struct image *image, json_t *document)
{
    int r = people_list(image, NULL, document);
    if (r < 0) return r;
    count_states(document, "participants");
    count_states(document, "owners");
    return 0;
}
