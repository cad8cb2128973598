/* SPDX-License-Identifier: MIT */
/* A segment with one object at `path`, and who has entry 0 open. */
#ifndef UNIT_REMOVING_H
#define UNIT_REMOVING_H

#include "base/atomic.h"
#include "harness/test.h"
#include "segment/handle.h"
#include "segment/opens.h"

#include <coop/segment.h>
#include <stdio.h>

static char name[128];
static char path[200];
static coop_segment *segment;

static inline void set_up(void)
{
    snprintf(name, sizeof name, "%s", test_name("removal"));
    snprintf(path, sizeof path, "%s/thing", name);
    CHECK_OK(coop_segment_create(name, COOP_SEGMENT_OPTIONS(.maximum = 8 << 20, .objects = 64), &segment));
}

static inline void tear_down(void)
{
    coop_segment_close(segment);
    CHECK_OK(coop_segment_remove(name, COOP_FORCE));
}

static inline const struct coopi_entry *entry(uint32_t number)
{
    return &segment->map->directory[number];
}

static inline bool is_free(uint32_t number)
{
    return !(coopi_load_acquire(&entry(number)->state) & (COOPI_ENTRY_LIVE | COOPI_ENTRY_REMOVED));
}

/* Has anybody the entry open? */
static inline bool is_open(uint32_t number)
{
    struct coopi_entry_set set = {.first = number / 64, .end = number / 64 + 1};
    set.bits[set.first] = UINT64_C(1) << number % 64;
    coopi_opens_take_out(segment->map, &set);
    return set.bits[set.first] == 0;
}

#endif
