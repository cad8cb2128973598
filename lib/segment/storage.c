/* SPDX-License-Identifier: MIT */
/* The storage of a segment. The entries are the only truth; what the header says besides is derived from them, errs on
 * the safe side when a death cuts a change off, and is made anew after it. */
#include "segment/storage.h"

#include "base/atomic.h"
#include "base/error.h"
#include "segment/opens.h"
#include "segment/registry.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

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

/* Nobody can find it any more: whoever has it open keeps it. */
static bool out_of_sight(const struct coopi_entry *entry)
{
    uint64_t state = coopi_load_acquire(&entry->state);
    return (state & COOPI_ENTRY_REMOVED) || ((state & COOPI_ENTRY_LIVE) && entry->name[0] == 0);
}

void coopi_storage_recount(struct coopi_map *map)
{
    uint64_t end = map->geometry->storage;
    uint32_t count = map->geometry->directory.count, first = count, hidden = 0;
    for (uint32_t i = 0; i < count; i++) {
        struct range range;
        hidden += out_of_sight(&map->directory[i]);
        if (first == count && !covers(coopi_load_acquire(&map->directory[i].state))) first = i;
        if (range_of(map, i, &range) && range.end > end) end = range.end;
    }
    coopi_store_relaxed(&map->header->out_of_sight, hidden);
    coopi_store_relaxed(&map->header->entry_cursor, first);
    coopi_store_relaxed(&map->header->storage_end, end);
    coopi_store_relaxed(&map->header->free_end, 0);
}

static void release(struct coopi_map *map, uint32_t number)
{
    uint64_t *state = &map->directory[number].state;
    coopi_store_release(state, coopi_load_relaxed(state) & ~(COOPI_ENTRY_LIVE | COOPI_ENTRY_REMOVED));
}

static bool is_in(const struct coopi_entry_set *set, uint32_t number)
{
    return set->bits[number / 64] & UINT64_C(1) << number % 64;
}

void coopi_storage_collect(struct coopi_map *map)
{
    if (coopi_load_relaxed(&map->header->out_of_sight) == 0) return;
    uint32_t count = map->geometry->directory.count;
    struct coopi_entry_set set;
    set.first = 0;
    set.end = (count + 63) / 64;
    memset(set.bits, 0, set.end * sizeof set.bits[0]);
    for (uint32_t i = 0; i < count; i++)
        if (out_of_sight(&map->directory[i])) set.bits[i / 64] |= UINT64_C(1) << i % 64;
    coopi_opens_take_out(map, &set);
    for (uint32_t i = 0; i < count; i++)
        if (is_in(&set, i)) release(map, i);
    coopi_storage_recount(map);
}

/* Where there is room now, if it is more than what is known: as one range if they touch. */
static void remember(struct coopi_map *map, const struct range *range)
{
    uint64_t start = coopi_load_relaxed(&map->header->free_start), end = coopi_load_relaxed(&map->header->free_end);
    if (start < end && range->end == start)
        coopi_store_relaxed(&map->header->free_start, range->start);
    else if (start < end && range->start == end)
        coopi_store_relaxed(&map->header->free_end, range->end);
    else if (start >= end || range->end - range->start > end - start) {
        coopi_store_relaxed(&map->header->free_end, 0);
        coopi_store_release(&map->header->free_start, range->start);
        coopi_store_release(&map->header->free_end, range->end);
    }
}

void coopi_storage_collect_one(struct coopi_map *map, uint32_t number)
{
    struct coopi_entry_set set;
    set.first = number / 64;
    set.end = set.first + 1;
    set.bits[set.first] = UINT64_C(1) << number % 64;
    coopi_opens_take_out(map, &set);
    if (!is_in(&set, number)) return;
    struct range range;
    bool ranged = range_of(map, number, &range);
    release(map, number);
    uint32_t hidden = coopi_load_relaxed(&map->header->out_of_sight);
    if (hidden) coopi_store_relaxed(&map->header->out_of_sight, hidden - 1);
    if (number < coopi_load_relaxed(&map->header->entry_cursor))
        coopi_store_relaxed(&map->header->entry_cursor, number);
    if (ranged) remember(map, &range);
}

static bool find_free(const struct coopi_map *map, uint32_t from, uint32_t *ret_number)
{
    for (uint32_t i = from; i < map->geometry->directory.count; i++) {
        if (covers(coopi_load_acquire(&map->directory[i].state))) continue;
        *ret_number = i;
        return true;
    }
    return false;
}

int coopi_storage_entry(struct coopi_map *map, uint32_t *ret_number)
{
    bool found = find_free(map, coopi_load_relaxed(&map->header->entry_cursor), ret_number);
    if (!found) coopi_storage_collect(map);
    if (!found) found = find_free(map, 0, ret_number);
    if (!found)
        return coopi_fail(ENOSPC,
                          "%s: its directory is full (%" PRIu32
                          " objects); remove some, or make the segment with more (.objects)",
                          coopi_map_label(map), map->geometry->directory.count);
    coopi_store_relaxed(&map->header->entry_cursor, *ret_number);
    return 0;
}

static int by_start(const void *a, const void *b)
{
    const struct range *x = a, *y = b;
    return (x->start > y->start) - (x->start < y->start);
}

/* The first gap of at least SIZE bytes between objects; 0: none. What is left of it is remembered. */
static int find_gap(struct coopi_map *map, uint64_t size, uint64_t *ret_offset)
{
    struct range *ranges = malloc(map->geometry->directory.count * sizeof *ranges);
    if (!ranges) return coopi_fail(ENOMEM, "%s: out of memory", coopi_map_label(map));
    size_t count = 0;
    for (uint32_t i = 0; i < map->geometry->directory.count; i++)
        if (range_of(map, i, &ranges[count])) count++;
    qsort(ranges, count, sizeof *ranges, by_start);
    uint64_t at = map->geometry->storage;
    *ret_offset = 0;
    for (size_t i = 0; i < count && !*ret_offset; i++) {
        if (ranges[i].start > at && ranges[i].start - at >= size) {
            *ret_offset = at;
            coopi_store_relaxed(&map->header->free_end, 0);
            remember(map, &(struct range){at + size, ranges[i].start});
        }
        if (ranges[i].end > at) at = ranges[i].end;
    }
    free(ranges);
    return 0;
}

/* Where storage that was never given away begins. */
static uint64_t end_of_all(const struct coopi_map *map)
{
    uint64_t end = coopi_load_relaxed(&map->header->storage_end), least = map->geometry->storage;
    return round_up(end > least ? end : least, COOPI_LINE);
}

static bool fits(const struct coopi_map *map, uint64_t offset, uint64_t size, uint64_t limit)
{
    return offset <= limit && size <= limit - offset && offset <= map->geometry->maximum;
}

/* What the words in the header do not know of; or else growth. */
static int find_or_grow(struct coopi_map *map, uint64_t size, uint64_t *ret_offset)
{
    coopi_storage_collect(map);
    coopi_storage_recount(map); /* also without any of those: the last objects may be gone */
    uint64_t gap = 0, offset = end_of_all(map);
    bool room = fits(map, offset, size, coopi_load_acquire(&map->header->size));
    int r = room ? 0 : find_gap(map, size, &gap);
    if (r == 0 && !room && !gap) {
        uint64_t step = round_up(offset + size, GROWTH);
        r = coopi_map_grow(map, step < map->geometry->maximum ? step : offset + size);
    }
    if (r == 0) *ret_offset = gap ? gap : offset;
    return r;
}

/* What was freed last, if it is large enough. The range gets smaller before anything is put there. */
static bool take_remembered(struct coopi_map *map, uint64_t size, uint64_t *ret_offset)
{
    uint64_t start = coopi_load_relaxed(&map->header->free_start), end = coopi_load_relaxed(&map->header->free_end);
    if (start % COOPI_LINE || start < map->geometry->storage || end > coopi_load_relaxed(&map->header->storage_end) ||
        end < start || end - start < size)
        return false;
    coopi_store_relaxed(&map->header->free_start, start + size);
    *ret_offset = start;
    return true;
}

int coopi_storage_take(struct coopi_map *map, uint64_t size, uint64_t *ret_offset)
{
    uint64_t offset;
    int r = 0;
    if (size > map->geometry->maximum)
        return coopi_fail(ENOSPC,
                          "%s: an object of %" PRIu64 " bytes is more than its maximum of %" PRIu64
                          "; make the segment with a larger .maximum",
                          coopi_map_label(map), size, map->geometry->maximum);
    if (!take_remembered(map, size, &offset)) {
        offset = end_of_all(map);
        if (!fits(map, offset, size, coopi_load_acquire(&map->header->size))) r = find_or_grow(map, size, &offset);
    }
    if (r == 0) r = coopi_map_reach(map, offset + size);
    if (r < 0) return r;
    if (offset + size > end_of_all(map)) coopi_store_relaxed(&map->header->storage_end, offset + size);
    *ret_offset = offset;
    return 0;
}
