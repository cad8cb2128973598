/* SPDX-License-Identifier: MIT */
/* The storage of a segment. The entries are the only truth: there is no allocator state that a death could tear. */
#include "segment/storage.h"

#include "base/atomic.h"
#include "base/error.h"
#include "segment/opens.h"
#include "segment/registry.h"

#include <inttypes.h>
#include <stdlib.h>

#define GROWTH (UINT64_C(64) << 10)

struct range {
    uint64_t start;
    uint64_t end;
};

static uint64_t round_up(uint64_t n, uint64_t unit)
{
    return (n + unit - 1) / unit * unit;
}

static bool covers(uint64_t state)
{
    return state & (COOPI_ENTRY_LIVE | COOPI_ENTRY_REMOVED);
}

void coopi_storage_collect(struct coopi_map *map)
{
    for (uint32_t i = 0; i < map->geometry->directory.count; i++) {
        uint64_t *state = &map->directory[i].state;
        uint64_t seen = coopi_load_acquire(state);
        if ((seen & COOPI_ENTRY_REMOVED) && coopi_opens_none(map, i)) coopi_store_release(state, seen & ~COOPI_ENTRY_REMOVED);
    }
}

int coopi_storage_entry(const struct coopi_map *map, uint32_t *ret_number)
{
    for (uint32_t i = 0; i < map->geometry->directory.count; i++) {
        if (covers(coopi_load_acquire(&map->directory[i].state))) continue;
        *ret_number = i;
        return 0;
    }
    return coopi_fail(ENOSPC, "%s: its directory is full (%" PRIu32 " objects); remove some, or make the segment with more (.objects)",
                      coopi_map_label(map), map->geometry->directory.count);
}

/* What entry NUMBER covers; false: nothing, or nonsense, which then covers nothing. */
static bool range_of(const struct coopi_map *map, uint32_t number, struct range *ret_range)
{
    const struct coopi_entry *entry = &map->directory[number];
    if (!covers(coopi_load_acquire(&entry->state))) return false;
    uint64_t start = coopi_load_relaxed(&entry->offset), end = start + coopi_load_relaxed(&entry->size);
    if (start < map->geometry->storage || end < start || end > map->geometry->maximum) return false;
    *ret_range = (struct range){start, round_up(end, COOPI_LINE)};
    return true;
}

static uint64_t end_of_all(const struct coopi_map *map)
{
    uint64_t end = round_up(map->geometry->storage, COOPI_LINE);
    for (uint32_t i = 0; i < map->geometry->directory.count; i++) {
        struct range range;
        if (range_of(map, i, &range) && range.end > end) end = range.end;
    }
    return end;
}

static int by_start(const void *a, const void *b)
{
    const struct range *x = a, *y = b;
    return (x->start > y->start) - (x->start < y->start);
}

/* The first gap of at least SIZE bytes between objects; 0: none. */
static int find_gap(const struct coopi_map *map, uint64_t size, uint64_t *ret_offset)
{
    struct range *ranges = malloc(map->geometry->directory.count * sizeof *ranges);
    if (!ranges) return coopi_fail(ENOMEM, "%s: out of memory", coopi_map_label(map));
    size_t count = 0;
    for (uint32_t i = 0; i < map->geometry->directory.count; i++)
        if (range_of(map, i, &ranges[count])) count++;
    qsort(ranges, count, sizeof *ranges, by_start);
    uint64_t at = round_up(map->geometry->storage, COOPI_LINE);
    *ret_offset = 0;
    for (size_t i = 0; i < count && !*ret_offset; i++) {
        if (ranges[i].start > at && ranges[i].start - at >= size) *ret_offset = at;
        if (ranges[i].end > at) at = ranges[i].end;
    }
    free(ranges);
    return 0;
}

int coopi_storage_take(struct coopi_map *map, uint64_t size, uint64_t *ret_offset)
{
    uint64_t offset = end_of_all(map), reserved = coopi_load_acquire(&map->header->size);
    if (size > map->geometry->maximum)
        return coopi_fail(ENOSPC, "%s: an object of %" PRIu64 " bytes is more than its maximum of %" PRIu64
                          "; make the segment with a larger .maximum", coopi_map_label(map), size, map->geometry->maximum);
    if (offset + size > reserved) {
        uint64_t gap;
        int r = find_gap(map, size, &gap);
        if (r < 0) return r;
        uint64_t step = round_up(offset + size, GROWTH);
        if (gap) offset = gap;
        else r = coopi_map_grow(map, step < map->geometry->maximum ? step : offset + size);
        if (r < 0) return r;
    }
    *ret_offset = offset;
    return coopi_map_reach(map, offset + size);
}
