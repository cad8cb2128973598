/* SPDX-License-Identifier: MIT */
/* shmctl on damaged copies of a segment: no crash, no hang, no read beyond, nothing printed that a terminal would obey.
 * 200 copies in the ordinary run, 2,000 with COOP_SOAK set. */
#include "harness/damage.h"
#include "harness/forge.h"
#include "harness/test.h"

#include <coop/array.h>
#include <coop/lock.h>
#include <coop/segment.h>
#include <coop/value.h>

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#define NAME_ROOM 128

static char name[NAME_ROOM];

/* Seconds of processor that all children used up to now. */
static double children_time(void)
{
    struct rusage usage;
    getrusage(RUSAGE_CHILDREN, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static void check_text(const char *text, const char *what)
{
    for (const char *c = text; *c; c++)
        if (*c != '\n' && (*c < ' ' || *c > '~')) FAIL("%s: byte %#x in:\n%s", what, (unsigned char)*c, text);
}

static struct ran look(const char *const argv[], const char *what)
{
    double before = children_time();
    struct ran ran = test_run(argv, __FILE__, __LINE__);
    double spent = children_time() - before;
    if (ran.code > 8) FAIL("%s: shmctl %s ended with %d:\n%s", what, argv[1], ran.code, ran.err);
    if (spent > 0.1 * test_slowness()) FAIL("%s: shmctl %s worked %.3f s", what, argv[1], spent);
    check_text(ran.out, what);
    check_text(ran.err, what);
    return ran;
}

#define LOOK(what, ...) look((const char *const[]){"shmctl", __VA_ARGS__, NULL}, (what))

static void look_at_copy(unsigned number, const char *what)
{
    char path[NAME_ROOM + 16];
    struct ran show = LOOK(what, "show", name);
    if (show.code == 5 && !strstr(show.err, "damaged") && !strstr(show.err, "truncated") && !strstr(show.err, "not a "))
        FAIL("%s: no word of damage:\n%s", what, show.err);
    if (number % 5) return;
    struct ran json = LOOK(what, "--json", "show", "--items", "1000", name);
    json_t *document = json_loads(json.out, 0, NULL);
    if (!document) FAIL("%s: not JSON:\n%s", what, json.out);
    json_decref(document);
    LOOK(what, "ls", "--all-users");
    snprintf(path, sizeof path, "%s/saldo", name);
    LOOK(what, "show", path);
}

static void look_at_copies(const char *original)
{
    struct forge forge;
    char what[128];
    unsigned count = getenv("COOP_SOAK") ? 2000 : 200;
    snprintf(name, sizeof name, "%s", test_name("copy"));
    forge_read(&forge, original);
    for (unsigned i = 0; i < count; i++) {
        uint8_t *copy = malloc(forge.size);
        CHECK(copy);
        memcpy(copy, forge.bytes, forge.size);
        size_t size = damage(copy, forge.size, i, what, sizeof what);
        forge_file(name, copy, size, 0600);
        free(copy);
        look_at_copy(i, what);
    }
    forge_remove(name);
    forge_end(&forge);
}

static void survives_damage_to_a_forged_segment(void)
{
    char original[NAME_ROOM];
    snprintf(original, sizeof original, "%s", test_name("forged"));
    forge_segment(original, NULL);
    look_at_copies(original);
    forge_remove(original);
}

/* Values, arrays, a lock that is held and one whose holder died. */
static void survives_damage_to_a_living_segment(void)
{
    char original[NAME_ROOM];
    coop_segment *segment;
    coop_value *saldo;
    coop_array *numbers;
    coop_lock *held;
    coop_lock *left;
    pid_t pid;
    snprintf(original, sizeof original, "%s", test_name("living"));
    CHECK_OK(coop_segment_create(original, COOP_SEGMENT_OPTIONS(.maximum = 1 << 22, .owners = 64, .participants = 16),
                                 &segment));
    CHECK_OK(coop_value_in(segment, "saldo", "i", COOP_CREATE, &saldo));
    CHECK_OK(coop_array_in(segment, "numbers", "d", 40, COOP_CREATE, &numbers));
    CHECK_OK(coop_lock_in(segment, "held", COOP_CREATE, &held));
    CHECK_OK(coop_lock_in(segment, "left", COOP_CREATE, &left));
    CHECK_OK(coop_lock_acquire(held, COOP_FOREVER));
    CHILD(pid) CHECK_OK(coop_lock_acquire(left, COOP_FOREVER));
    child_must(pid);
    look_at_copies(original);
    CHECK_OK(coop_lock_release(held));
    coop_value_close(saldo);
    coop_array_close(numbers);
    coop_lock_close(held);
    coop_lock_close(left);
    coop_segment_close(segment);
    CHECK_OK(coop_segment_remove(original, 0));
}

TESTS(shmctl_damage, TEST_T(survives_damage_to_a_forged_segment, .seconds = 120),
      TEST_T(survives_damage_to_a_living_segment, .seconds = 120))
