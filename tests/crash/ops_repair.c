/* SPDX-License-Identifier: MIT */
/* Mending a segment: cut off anywhere, the next one does the rest, and nothing that was sound is lost. */
#include "crash/crash.h"

#include "base/atomic.h"
#include "segment/event.h"
#include "segment/handle.h"
#include "segment/repair.h"

#include <string.h>

#define KEPT 55

static void prepare(struct scene *scene)
{
    static const char *const names[] = {"kept", "first", "second", "outside"};
    make_segment(scene);
    struct coopi_map *map = scene->segment->map;
    for (int i = 0; i < 4; i++) {
        coop_value *value;
        COOP_MUST(coop_value_in(scene->segment, names[i], "i", COOP_CREATE, &value));
        COOP_MUST(coop_value_set_i64(value, KEPT));
        coop_value_close(value);
    }
    coopi_event_tell(map, COOPI_EVENT_REMOVED, NULL, "torn");
    map->events[0].pid++;
    map->owners[5].life.word = (UINT64_C(9) << COOPI_ROW_BITS | 2) << 32;
    map->directory[2].offset = map->directory[1].offset;
    map->directory[2].body = map->directory[1].body;
    map->directory[3].kind = 77;
    map->header->storage_end = map->header->storage;
    map->header->entry_cursor = 8;
    memset(map->index, 0, map->geometry->index.count * sizeof(uint32_t));
}

static void ignore(struct coopi_findings *findings, const char *sentence)
{
    (void)findings;
    (void)sentence;
}

static void repair(struct scene *scene)
{
    struct coopi_findings findings = {.tell = ignore};
    scene->board->result = coopi_segment_repair(scene->segment->map, false, &findings);
}

static bool is_told(const struct coopi_map *map)
{
    for (uint32_t i = 0; i < map->geometry->events.count; i++)
        if (coopi_load_acquire(&map->events[i].number) && map->events[i].kind == COOPI_EVENT_REPAIRED) return true;
    return false;
}

static void complain(struct coopi_findings *findings, const char *sentence)
{
    fault(findings->context, TORN, "left after the repair: %s", sentence);
}

static void look(struct scene *scene, const char *name)
{
    coop_value *value;
    int64_t number = 0;
    if (coop_value_in(scene->segment, name, "i", 0, &value) < 0) {
        fault(scene, LOST, "%s", coop_error_detail());
        return;
    }
    if (coop_value_get_i64(value, &number) < 0 || number != KEPT)
        fault(scene, TORN, "%s is %lld", name, (long long)number);
    coop_value_close(value);
}

static enum outcome verify(struct scene *scene)
{
    bool told = is_told(scene->segment->map);
    struct coopi_findings findings = {.tell = complain, .context = scene};
    repair(scene);
    if (scene->board->result < 0) fault(scene, HUNG, "it cannot be repaired: %s", coop_error_detail());
    if (coopi_segment_repair(scene->segment->map, true, &findings) < 0)
        fault(scene, HUNG, "it cannot be checked: %s", coop_error_detail());
    look(scene, "kept");
    look(scene, "first");
    coop_value *value;
    if (coop_value_in(scene->segment, "after", "i", COOP_CREATE | COOP_EXCL, &value) < 0)
        fault(scene, LEAKED, "%s", coop_error_detail());
    check_segment(scene);
    return told ? AFTER : BEFORE;
}

const struct operation repair_operations[] = {
    {.name = "segment-repair/alone",
     .prepare = prepare,
     .operate = repair,
     .verify = verify,
     .repair = repair,
     .unsound = true},
    {0},
};
