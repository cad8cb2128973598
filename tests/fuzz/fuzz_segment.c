/* SPDX-License-Identifier: MIT */
/* A segment file with anything written over it: shmctl's reader and the library answer with an error or a result. */
#include "harness/forge.h"
#include "tools/survey.h"

#include <coop/coop.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t *input;
static size_t input_size;

/* Patches of five bytes: a region, an offset in it, what is done, a byte. */
static void patch(struct forge *forge)
{
    for (size_t i = 0; i + 4 < input_size; i += 5) {
        const struct coopi_header *h = forge->header;
        uint64_t starts[] = {0,          h->directory.offset, h->participants.offset, h->owners.offset,
                             h->storage, h->events.offset,    h->opens.offset,        h->index.offset};
        uint64_t offset = (uint64_t)input[i + 1] << 8 | input[i + 2];
        uint64_t region = input[i] % 10;
        if (region == 9) forge->cut = offset * 16 < forge->size ? offset * 16 : forge->size;
        if (region == 8) forge->keep_checksum = true;
        if (region >= 8 || starts[region] >= forge->size) continue;
        uint64_t at = starts[region] + offset % (region == 0 ? 512 : 1024);
        if (at >= forge->size) continue;
        if (input[i + 3] % 4 == 0) forge->bytes[at] ^= input[i + 4];
        if (input[i + 3] % 4 == 1) forge->bytes[at] = input[i + 4];
        if (input[i + 3] % 4 == 2) memset(forge->bytes + at, input[i + 4], at + 8 <= forge->size ? 8 : 1);
    }
}

static void show(const char *name)
{
    struct coopi_segment_name parsed;
    struct image image;
    json_t *document;
    if (coopi_segment_name_parse(name, &parsed) < 0) abort();
    if (image_open(&parsed, &image) < 0) return;
    if (survey_make(&image, &(struct objects_wish){.part = "", .items = 10}, &document) == 0) json_decref(document);
    image_close(&image);
}

static void use_lock(coop_segment *segment)
{
    coop_lock *lock;
    coop_lock_holder holder;
    if (coop_lock_in(segment, "door", 0, &lock) < 0) return;
    int known = coop_lock_owner(lock, &holder);
    if (known == 0 && !memchr(holder.command, 0, sizeof holder.command)) abort();
    known = coop_lock_last_death(lock, &holder);
    if (known == 0 && !memchr(holder.command, 0, sizeof holder.command)) abort();
    if (coop_lock_locked(lock) < 0) abort();
    coop_lock_close(lock);
}

static void use(const char *name)
{
    coop_segment *segment;
    coop_value *value;
    coop_array *array;
    int64_t number;
    uint8_t item[4096];
    if (coop_segment_open(name, 0, &segment) < 0) return;
    if (coop_value_in(segment, "saldo", NULL, 0, &value) == 0) {
        if (coop_value_get_i64(value, &number) == 0) coop_value_set_i64(value, number);
        coop_value_close(value);
    }
    if (coop_array_in(segment, "numbers", NULL, COOP_ANY_LENGTH, 0, &array) == 0) {
        int64_t last = (int64_t)coop_array_length(array) - 1;
        if (coop_array_item_size(array) <= sizeof item && last >= 0) {
            coop_array_read(array, 0, 1, item);
            coop_array_read(array, last, 1, item);
        }
        coop_array_close(array);
    }
    use_lock(segment);
    coop_segment_close(segment);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char name[32];
    snprintf(name, sizeof name, "fuzz.%d", getpid());
    input = data;
    input_size = size;
    forge_segment(name, patch);
    show(name);
    use(name);
    if (coop_segment_remove(name, 0) < 0) forge_remove(name);
    return 0;
}
