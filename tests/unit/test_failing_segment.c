/* SPDX-License-Identifier: MIT */
/* What segments do beside being made and opened, with each of its calls failing: adoption, repair, the last one's
 * close, passing, and opening only to read. */
#include "harness/failing.h"
#include "harness/forge.h"
#include "unit/meeting.h"
#include "unit/trial.h"

#include "segment/handle.h"
#include "segment/repair.h"

#include <coop/coop.h>
#include <sys/socket.h>

static struct {
    coop_segment *segment, *kept;
    char name[100];
    int pair[2];
} h;

static void close_all(void)
{
    coop_segment_close(h.segment);
    h.segment = NULL;
}

static bool any_open(void)
{
    return h.segment != NULL;
}

static void fail_each(const struct trial *trial)
{
    struct trial one = *trial;
    snprintf(h.name, sizeof h.name, "%s", test_name("s"));
    one.name = h.name;
    one.close = close_all;
    one.any_open = any_open;
    trial_each(&one);
}

static int open_it(void)
{
    return coop_segment_open(h.name, 0, &h.segment);
}

/* Adoption. One that failed half way is met again as it was left. */

static void other_boot(struct forge *forge)
{
    forge->header->boot_id[15] ^= 1;
}

static void other_namespace(struct forge *forge)
{
    forge->header->pid_namespace++;
}

static void prepare_other_boot(void)
{
    if (!trial_name_is_there(h.name)) forge_segment(h.name, other_boot);
}

static void prepare_other_namespace(void)
{
    if (!trial_name_is_there(h.name)) forge_segment(h.name, other_namespace);
}

/* What was held in the other world was held by the dead, and the values are as they were. */
static void check_adopted(int r)
{
    coop_value *saldo;
    coop_lock *door;
    int64_t number;
    CHECK(trial_name_is_there(h.name));
    if (r < 0) return;
    CHECK_OK(coop_value_in(h.segment, "saldo", "i", 0, &saldo));
    CHECK_OK(coop_value_get_i64(saldo, &number));
    CHECK_EQ(number, 42);
    coop_value_close(saldo);
    CHECK_OK(coop_lock_in(h.segment, "door", 0, &door));
    CHECK_OWNER_DIED(coop_lock_acquire(door, COOP_NOWAIT));
    CHECK_OK(coop_lock_release(door));
    coop_lock_close(door);
}

static void adoption_after_a_reboot_fails_whole(void)
{
    fail_each(&(struct trial){.prepare = prepare_other_boot, .run = open_it, .check = check_adopted});
}

static void adoption_from_another_pid_namespace_fails_whole(void)
{
    fail_each(&(struct trial){.prepare = prepare_other_namespace, .run = open_it, .check = check_adopted});
}

/* Repair */

static void make_and_damage(void)
{
    coop_value *value;
    coop_rlock *rlock;
    CHECK_OK(coop_segment_create(h.name, NULL, &h.segment));
    CHECK_OK(coop_value_in(h.segment, "thing", "16s", COOP_CREATE, &value));
    CHECK_OK(coop_rlock_in(h.segment, "gate", COOP_CREATE, &rlock));
    struct coopi_map *map = h.segment->map;
    memset(map->base + map->directory[0].offset, '!', 2);
    ((struct coopi_robust *)(void *)(map->base + map->directory[1].body))->extra = 2;
    map->header->index_state |= 1;
    map->header->entry_cursor = map->geometry->directory.count;
}

static void prepare_damaged(void)
{
    pid_t maker;
    if (!trial_name_is_there(h.name)) {
        CHILD(maker) make_and_damage();
        child_must(maker);
    }
    CHECK_OK(open_it());
}

static void note(struct coopi_findings *findings, const char *sentence)
{
    if (findings->context) snprintf(findings->context, 400, "%s", sentence);
}

static int repair(void)
{
    return coopi_segment_repair(h.segment->map, false, &(struct coopi_findings){.tell = note});
}

static void check_repaired(int r)
{
    char last[400] = "";
    struct coopi_findings findings = {.tell = note, .context = last};
    if (r < 0) return;
    CHECK_OK(coopi_segment_repair(h.segment->map, true, &findings));
    if (*last) FAIL("%s: %s", failing_what(), last);
}

static void repair_fails_whole(void)
{
    fail_each(&(struct trial){
        .prepare = prepare_damaged, .run = repair, .check = check_repaired, .in_place = true, .keeps = 1});
}

/* The last one's close */

static void prepare_last(void)
{
    CHECK_OK(coop_segment_create(h.name, COOP_SEGMENT_OPTIONS(.lifetime = COOP_UNTIL_LAST), &h.segment));
}

static int close_last(void)
{
    close_all();
    return 0;
}

/* What it could not take away goes at the next open. (But if fstat fails, this process cannot prove that its descriptor
 * is its own, keeps it, and so has the segment until it ends.) */
static void check_ended(int r)
{
    CHECK_OK(r);
    if (failing_what() && strcmp(failing_what(), "fstat") == 0) return;
    CHECK_ERR(coop_segment_open(h.name, 0, &h.segment), -ENOENT);
    CHECK(!trial_name_is_there(h.name));
}

static void the_last_ones_close_leaves_nothing(void)
{
    fail_each(&(struct trial){
        .prepare = prepare_last, .run = close_last, .check = check_ended, .in_place = true, .keeps = 1});
}

/* Passing */

static void empty_socket(void)
{
    char byte;
    while (recv(h.pair[1], &byte, 1, MSG_DONTWAIT) >= 0) continue;
}

static void prepare_socket(void)
{
    if (!h.pair[1]) CHECK_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, h.pair), 0);
    empty_socket();
}

static void prepare_to_send(void)
{
    if (!h.kept) CHECK_OK(coop_segment_create(NULL, NULL, &h.kept));
    prepare_socket();
}

static int send_it(void)
{
    return coop_segment_send(h.kept, h.pair[0]);
}

static void check_sent(int r)
{
    char bytes[16];
    ssize_t got = recv(h.pair[1], bytes, sizeof bytes, MSG_DONTWAIT);
    CHECK(r < 0 ? got < 0 : got == 8);
}

static void sending_fails_whole(void)
{
    fail_each(&(struct trial){.prepare = prepare_to_send, .run = send_it, .check = check_sent, .keeps = 1});
}

/* From another process: it is no mapping of this one yet. */
static void prepare_to_receive(void)
{
    pid_t sender;
    prepare_socket();
    CHILD(sender) {
        coop_value *value;
        CHECK_OK(coop_segment_create(NULL, COOP_SEGMENT_OPTIONS(.maximum = 1 << 20), &h.kept));
        CHECK_OK(coop_value_in(h.kept, "thing", "i", COOP_CREATE, &value));
        CHECK_OK(coop_value_set_i64(value, 7));
        CHECK_OK(coop_segment_send(h.kept, h.pair[0]));
    }
    child_must(sender);
}

static int receive_it(void)
{
    return coop_segment_receive(h.pair[1], 0, &h.segment);
}

static void check_received(int r)
{
    coop_value *value;
    int64_t number;
    empty_socket();
    if (r < 0) return;
    CHECK_OK(coop_value_in(h.segment, "thing", "i", 0, &value));
    CHECK_OK(coop_value_get_i64(value, &number));
    CHECK_EQ(number, 7);
    coop_value_close(value);
}

static void receiving_fails_whole(void)
{
    fail_each(
        &(struct trial){.prepare = prepare_to_receive, .run = receive_it, .check = check_received, .anonymous = true});
}

/* Only to read */

static void make_value(void)
{
    coop_value *value;
    pid_t maker;
    if (trial_name_is_there(h.name)) return;
    CHILD(maker) {
        CHECK_OK(coop_segment_create(h.name, NULL, &h.segment));
        CHECK_OK(coop_value_in(h.segment, "thing", "i", COOP_CREATE, &value));
        CHECK_OK(coop_value_set_i64(value, 7));
    }
    child_must(maker);
}

static int open_to_read(void)
{
    return coop_segment_open(h.name, COOP_READ_ONLY, &h.segment);
}

static void check_readable(int r)
{
    coop_value *value;
    int64_t number;
    if (r < 0) return;
    CHECK_OK(coop_value_in(h.segment, "thing", "i", COOP_READ_ONLY, &value));
    CHECK_OK(coop_value_get_i64(value, &number));
    CHECK_EQ(number, 7);
    coop_value_close(value);
}

static void a_segment_opened_to_read_fails_whole(void)
{
    fail_each(&(struct trial){.prepare = make_value, .run = open_to_read, .check = check_readable});
}

TESTS(failing_segment, TEST_T(adoption_after_a_reboot_fails_whole, .seconds = 60),
      TEST_T(adoption_from_another_pid_namespace_fails_whole, .seconds = 60), TEST_T(repair_fails_whole, .seconds = 60),
      TEST_T(the_last_ones_close_leaves_nothing, .seconds = 60), TEST_T(sending_fails_whole, .seconds = 60),
      TEST_T(receiving_fails_whole, .seconds = 60), TEST_T(a_segment_opened_to_read_fails_whole, .seconds = 60))
