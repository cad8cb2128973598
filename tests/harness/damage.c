/* SPDX-License-Identifier: MIT */
/* Damage to copies of a segment file. */
#include "harness/damage.h"

#include "harness/forge.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define REGIONS 8

struct region {
    const char *name;
    uint64_t offset;
    uint64_t size;
};

/* Numbers that look random and are the same on every run (splitmix64). */
static uint64_t next_random(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static uint64_t first_rows(const struct coopi_table *table, uint32_t rows)
{
    return (uint64_t)(table->count < rows ? table->count : rows) * table->stride;
}

/* Where something stands; the rest of the file is mostly zeroes that nobody looks at. */
static void find_regions(const struct coopi_header *h, size_t size, struct region regions[REGIONS])
{
    uint64_t objects = size - h->storage;
    regions[0] = (struct region){"header", 0, offsetof(struct coopi_header, spare2)};
    regions[1] = (struct region){"directory", h->directory.offset, first_rows(&h->directory, 8)};
    regions[2] = (struct region){"participants", h->participants.offset, first_rows(&h->participants, 3)};
    regions[3] = (struct region){"owners", h->owners.offset, first_rows(&h->owners, 3)};
    regions[4] = (struct region){"events", h->events.offset, first_rows(&h->events, 2)};
    regions[5] = (struct region){"opens", h->opens.offset, first_rows(&h->opens, 2)};
    regions[6] = (struct region){"index", h->index.offset, first_rows(&h->index, 16)};
    regions[7] = (struct region){"objects", h->storage, objects < 4096 ? objects : 4096};
}

static uint64_t nasty_value(uint64_t random, size_t size)
{
    const uint64_t values[] = {
        0,
        1,
        2,
        63,
        64,
        0x7f,
        0x80,
        0xff,
        UINT16_MAX,
        INT32_MAX,
        UINT32_MAX,
        INT64_MAX,
        UINT64_C(1) << 63,
        UINT64_MAX,
        size - 1,
        size,
        size + 1,
        size - 64,
        size + 64,
        4095,
        4096,
        65536,
        65537,
        UINT64_C(1) << 46,
        UINT64_C(0x40000000),
        UINT64_C(0xffffffff80000001),
        UINT64_MAX - 63,
        UINT64_MAX - 127,
    };
    return values[random % (sizeof values / sizeof values[0])];
}

static void flip_bits(uint8_t *bytes, const struct region *region, uint64_t *random, int count)
{
    for (int i = 0; i < count; i++) {
        uint64_t bit = next_random(random) % (region->size * 8);
        bytes[region->offset + bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}

static uint64_t put_nasty(uint8_t *bytes, const struct region *region, uint64_t *random, size_t size)
{
    size_t width = next_random(random) % 2 ? 8 : 4;
    uint64_t at = region->offset + next_random(random) % (region->size / width) * width;
    uint64_t value = nasty_value(next_random(random), size);
    memcpy(bytes + at, &value, width);
    return at;
}

static size_t cut(const struct region *regions, uint64_t *random, size_t size)
{
    uint64_t which = next_random(random) % (UINT64_C(2) * REGIONS);
    if (which >= REGIONS) return (size_t)(next_random(random) % size);
    uint64_t at = regions[which].offset + next_random(random) % 3;
    return at == 0 ? 0 : (size_t)(at - 1);
}

size_t damage(void *bytes, size_t size, unsigned number, char *what, size_t room)
{
    struct coopi_header header;
    struct region regions[REGIONS];
    uint64_t random = number;
    memcpy(&header, bytes, sizeof header);
    find_regions(&header, size, regions);
    const struct region *region = &regions[next_random(&random) % REGIONS];
    bool seal = next_random(&random) % 4 != 0;
    size_t left = size;
    switch (number % 4) {
    case 0:
        flip_bits(bytes, region, &random, 1);
        snprintf(what, room, "copy %u: a bit of the %s%s", number, region->name, seal ? ", sealed" : "");
        break;
    case 1:
        snprintf(what, room, "copy %u: a value of the %s at %" PRIu64 "%s", number, region->name,
                 put_nasty(bytes, region, &random, size), seal ? ", sealed" : "");
        break;
    case 2:
        flip_bits(bytes, region, &random, 40);
        snprintf(what, room, "copy %u: 40 bits of the %s%s", number, region->name, seal ? ", sealed" : "");
        break;
    default:
        left = cut(regions, &random, size);
        snprintf(what, room, "copy %u: cut to %zu bytes", number, left);
        break;
    }
    if (seal) forge_seal(bytes);
    return left;
}
