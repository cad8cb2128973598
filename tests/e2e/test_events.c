/* SPDX-License-Identifier: MIT */
/* The event ring, written by the library and read by shmctl events. */
#include "harness/test.h"
#include "segment/event.h"
#include "segment/handle.h"

#include <coop/lock.h>
#include <coop/segment.h>
#include <coop/value.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

static char name[128];
static coop_segment *segment;

static void set_up(void)
{
    snprintf(name, sizeof name, "%s", test_name("events"));
    CHECK_OK(coop_segment_create(name, COOP_SEGMENT_OPTIONS(.maximum = 1 << 22), &segment));
}

static void tear_down(void)
{
    coop_segment_close(segment);
    CHECK_OK(coop_segment_remove(name, COOP_FORCE));
}

static json_t *read_events(json_t **ret_document)
{
    struct ran ran = RUN("shmctl", "events", "--json", name);
    CHECK_EQ(ran.code, 0);
    *ret_document = json_loads(ran.out, 0, NULL);
    CHECK(*ret_document);
    return json_object_get(*ret_document, "events");
}

static pid_t kill_a_holder(coop_lock *lock)
{
    uint32_t *held = test_shared(sizeof *held);
    pid_t pid;
    CHILD(pid) {
        CHECK_OK(coop_lock_acquire(lock, COOP_FOREVER));
        coopi_store_release(held, 1);
        for (;;) pause();
    }
    CHECK_SOON(coopi_load_acquire(held));
    child_kill(pid);
    return pid;
}

static void a_death_is_told_with_its_object(void)
{
    set_up();
    coop_lock *lock;
    CHECK_OK(coop_lock_in(segment, "door", COOP_CREATE, &lock));
    pid_t pid = kill_a_holder(lock);
    CHECK_OWNER_DIED(coop_lock_acquire(lock, COOP_FOREVER));
    CHECK_OK(coop_lock_release(lock));
    json_t *document, *event = json_array_get(read_events(&document), 0);
    CHECK_STR(json_string_value(json_object_get(event, "event")), "owner died");
    CHECK_STR(json_string_value(json_object_get(event, "object")), "door");
    CHECK_EQ(json_integer_value(json_object_get(event, "pid")), pid);
    CHECK_EQ(json_integer_value(json_object_get(event, "teller")), getpid());
    CHECK_HAS(RUN("shmctl", "events", name).out, "door");
    json_decref(document);
    coop_lock_close(lock);
    tear_down();
}

static void a_new_segment_has_none(void)
{
    set_up();
    struct ran ran = RUN("shmctl", "events", name);
    CHECK_EQ(ran.code, 0);
    CHECK_HAS(ran.out, "nothing has happened");
    tear_down();
}

static void the_ring_keeps_the_newest(void)
{
    set_up();
    uint32_t places = segment->map->geometry->events.count;
    for (uint32_t i = 0; i < places + 5; i++) coopi_event_tell(segment->map, COOPI_EVENT_REMOVED, NULL, "thing");
    json_t *document, *events = read_events(&document);
    CHECK_EQ(json_array_size(events), places);
    CHECK_EQ(json_integer_value(json_object_get(json_array_get(events, 0), "number")), 6);
    json_decref(document);
    tear_down();
}

static void one_that_was_never_finished_is_left_out(void)
{
    set_up();
    coopi_event_tell(segment->map, COOPI_EVENT_REMOVED, NULL, "thing");
    coopi_event_tell(segment->map, COOPI_EVENT_REMOVED, NULL, "other");
    coopi_store_release(&segment->map->events[0].number, 0);
    json_t *document, *events = read_events(&document);
    CHECK_EQ(json_array_size(events), 1);
    CHECK_EQ(json_integer_value(json_object_get(document, "torn")), 1);
    json_decref(document);
    tear_down();
}

/* A writer that was stopped while the ring went round goes on in another's place. */
static void one_that_two_have_written_is_left_out(void)
{
    set_up();
    coopi_event_tell(segment->map, COOPI_EVENT_REMOVED, NULL, "thing");
    coopi_event_tell(segment->map, COOPI_EVENT_REMOVED, NULL, "other");
    segment->map->events[1].object[2] = 'X';
    json_t *document, *events = read_events(&document);
    CHECK_EQ(json_array_size(events), 1);
    CHECK_EQ(json_integer_value(json_object_get(document, "torn")), 1);
    json_decref(document);
    tear_down();
}

static void an_absent_segment_is_said(void)
{
    struct ran ran = RUN("shmctl", "events", test_name("absent"));
    CHECK_EQ(ran.code, 3);
    CHECK_HAS(ran.err, "no such segment");
}

TESTS(events, TEST(a_death_is_told_with_its_object), TEST(a_new_segment_has_none), TEST(the_ring_keeps_the_newest),
      TEST(one_that_was_never_finished_is_left_out), TEST(one_that_two_have_written_is_left_out),
      TEST(an_absent_segment_is_said))
