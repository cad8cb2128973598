/* SPDX-License-Identifier: MIT */
/* shmctl on records: decoded values, parts of them by expression, single facts, and types that lie. */
#include "harness/forge.h"
#include "harness/test.h"

#include <coop/array.h>
#include <coop/segment.h>
#include <coop/value.h>

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct reading {
    int64_t time;
    struct {
        double x, y;
    } position;
    float samples[2][3];
    char label[8];
    unsigned char flags;
};
#define READING "T{q:time: T{d:x: d:y:}:position: (2,3)f:samples: 8s:label: B:flags:}"
#define SHOWN                                                                                                          \
    "{'time': 7, 'position': {'x': 1.5, 'y': -2.5}, 'samples': [[0.5, 1.0, 1.5], [2.0, 2.5, 3.0]], "                   \
    "'label': b'north', 'flags': 255}"

static const struct reading example = {
    .time = 7,
    .position = {1.5, -2.5},
    .samples = {{0.5f, 1, 1.5f}, {2, 2.5f, 3}},
    .label = "north",
    .flags = 255,
};

static const char *board(const char *part)
{
    static char path[256];
    static const char *segment;
    if (!segment) {
        static char name[128];
        snprintf(name, sizeof name, "%s", test_name("board"));
        segment = name;
    }
    snprintf(path, sizeof path, "%s%s", segment, part);
    return path;
}

/* A segment with a value and an array of readings, and an array of letters. */
static void make_board(void)
{
    coop_value *sensor;
    coop_array *history, *letters;
    CHECK_OK(coop_value_open(board("/sensor"), READING, COOP_CREATE, &sensor));
    CHECK_OK(coop_array_open(board("/history"), READING, 20, COOP_CREATE, &history));
    CHECK_OK(coop_array_open(board("/letters"), "c", 100, COOP_CREATE, &letters));
    CHECK_OK(coop_value_set_record(sensor, &(struct reading){0}));
    CHECK_OK(coop_value_set_record(sensor, &example));
    CHECK_OK(coop_array_set_record(history, 17, &example));
    CHECK_OK(coop_array_set_value(letters, "a\x01string"));
    coop_value_close(sensor);
    coop_array_close(history);
    coop_array_close(letters);
}

static json_t *document;

static void forget_document(void)
{
    json_decref(document);
    document = NULL;
}

/* The one object of the output. It lives until the next one, or until the board is removed. */
static json_t *object_of(struct ran ran)
{
    json_error_t error;
    forget_document();
    document = json_loads(ran.out, 0, &error);
    if (!document) FAIL("not JSON: %s at line %d of:\n%s", error.text, error.line, ran.out);
    return json_array_get(json_object_get(document, "objects"), 0);
}

static void remove_board(void)
{
    forget_document();
    CHECK_OK(coop_segment_remove(board(""), 0));
}

static void shows_a_record_by_its_fields(void)
{
    make_board();
    struct ran ran = RUN("shmctl", "show", board("/sensor"));
    CHECK_EQ(ran.code, 0);
    CHECK_HAS(ran.out, "type          T{q:time:T{d:x:d:y:}:position:(2,3)f:samples:8s:label:B:flags:}\n");
    CHECK_HAS(ran.out, "version       2\n");
    CHECK_HAS(ran.out, "value         " SHOWN "\n");
    CHECK_STR(ran.err, "");
    ran = RUN("shmctl", "show", board(""));
    CHECK_EQ(ran.code, 0);
    CHECK_HAS(ran.out, "{'time': 7, 'position': {'x': 1.5");
    CHECK_HAS(ran.out, "b'a\\x01string'");

    json_t *object = object_of(RUN("shmctl", "--json", "show", board("/sensor")));
    char *value = json_dumps(json_object_get(object, "value"), JSON_COMPACT);
    CHECK_STR(value, "{\"time\":7,\"position\":{\"x\":1.5,\"y\":-2.5},\"samples\":[[0.5,1.0,1.5],[2.0,2.5,3.0]],"
                     "\"label\":\"north\",\"flags\":255}");
    free(value);
    CHECK_EQ(json_integer_value(json_object_get(object, "version")), 2);
    CHECK_EQ(json_integer_value(json_object_get(object, "item_size")), sizeof example);
    CHECK(json_is_false(json_object_get(object, "cut")));
    remove_board();
}

static void shows_items_of_an_array_of_records(void)
{
    make_board();
    json_t *object = object_of(RUN("shmctl", "--json", "show", "--items", "20", board("/history")));
    const json_t *items = json_object_get(object, "value");
    CHECK_EQ(json_array_size(items), 20);
    CHECK_EQ(json_integer_value(json_object_get(json_array_get(items, 17), "time")), 7);
    object = object_of(RUN("shmctl", "--json", "show", "--items", "2", board("/history")));
    CHECK(json_is_true(json_object_get(object, "cut")));
    struct ran ran = RUN("shmctl", "show", "--items", "2", board("/history"));
    CHECK_HAS(ran.out, "'samples': [[0.0, 0.0, ...], [0.0, 0.0, ...]]");
    CHECK_HAS(ran.out, "}, ...]\n");
    ran = RUN("shmctl", "show", board("/history[17]"));
    CHECK_HAS(ran.out, "part          [17]\nvalue         " SHOWN "\n");
    remove_board();
}

static void check_part(const char *part, const char *value)
{
    struct ran ran = RUN("shmctl", "show", board(part));
    char line[400];
    snprintf(line, sizeof line, "value         %s\n", value);
    CHECK_EQ(ran.code, 0);
    CHECK_HAS(ran.out, line);
    CHECK_STR(ran.err, "");
}

static void shows_a_part_that_an_expression_names(void)
{
    make_board();
    check_part("/sensor.time", "7");
    check_part("/sensor.position", "{'x': 1.5, 'y': -2.5}");
    check_part("/sensor.position.y", "-2.5");
    check_part("/sensor.samples", "[[0.5, 1.0, 1.5], [2.0, 2.5, 3.0]]");
    check_part("/sensor.samples[1]", "[2.0, 2.5, 3.0]");
    check_part("/sensor.samples[-1][-1]", "3.0");
    check_part("/sensor.label", "b'north'");
    check_part("/history[-3].flags", "255");
    check_part("/history[0].label", "b''");
    check_part("/letters", "b'a\\x01string'");
    check_part("/letters[2]", "b's'");
    remove_board();
}

static void prints_one_fact_alone(void)
{
    make_board();
    CHECK_STR(RUN("shmctl", "show", board("/sensor@version")).out, "2\n");
    CHECK_STR(RUN("shmctl", "show", board("/sensor.label@value")).out, "b'north'\n");
    CHECK_STR(RUN("shmctl", "show", board("/sensor.time@value")).out, "7\n");
    CHECK_STR(RUN("shmctl", "show", board("/history@length")).out, "20\n");
    CHECK_STR(RUN("shmctl", "show", board("/sensor@kind")).out, "value\n");
    CHECK_STR(RUN("shmctl", "show", "--json", board("/sensor@kind")).out, "\"value\"\n");
    struct ran ran = RUN("shmctl", "show", board("/sensor@depth"));
    CHECK_EQ(ran.code, 3);
    CHECK_HAS(ran.err, "has no attribute \"depth\"");
    CHECK_STR(ran.out, "");
    remove_board();
}

static void check_wrong(const char *part, int code, const char *why)
{
    struct ran ran = RUN("shmctl", "show", board(part));
    CHECK_EQ(ran.code, code);
    CHECK_HAS(ran.err, why);
}

static void says_which_part_is_not_there(void)
{
    coop_lock *lock;
    make_board();
    check_wrong("/sensor.speed", 3,
                "/sensor: has no field \"speed\"; there are: time, position, samples, label, flags");
    check_wrong("/sensor[0]", 2, "this is one item, and has no index");
    check_wrong("/sensor.samples[2]", 1, "index 2 is out of bounds: there are 2 items");
    check_wrong("/sensor.samples[x]", 2, "expected an index");
    check_wrong("/sensor.", 2, "expected the name of a field");
    check_wrong("/history.time", 2, "choose an item of the array first");
    check_wrong("/history[20]", 1, "index 20 is out of bounds: it has 20 items");
    check_wrong("/history[-21]", 1, "index -21 is out of bounds");
    check_wrong("/history[99999999999999999999]", 1, "is out of bounds");
    check_wrong("/history[]", 2, "choose an item of the array first");
    check_wrong("/history[ 1]", 2, "choose an item of the array first");
    check_wrong("/history[1x]", 2, "choose an item of the array first");
    check_wrong("/absent.time", 3, "no such object");
    CHECK_OK(coop_lock_open(board("/door"), COOP_CREATE, &lock));
    check_wrong("/door.time", 2, "/door: a lock has no parts; leave `.time` out");
    coop_lock_close(lock);
    remove_board();
}

static void shows_whole_versions_while_a_process_writes(void)
{
    coop_value *pair;
    int *stop = test_shared(sizeof *stop);
    CHECK_OK(coop_value_open(board("/pair"), "64q", COOP_CREATE, &pair));
    pid_t pid;
    CHILD(pid) {
        int64_t words[64];
        for (int64_t n = 1; !__atomic_load_n(stop, __ATOMIC_RELAXED); n++) {
            for (int i = 0; i < 64; i++) words[i] = n;
            CHECK_OK(coop_value_set_bytes(pair, words, sizeof words));
            if (n % 16 == 0) test_sleep_ms(1);
        }
    }
    for (int i = 0; i < 25; i++) {
        json_t *object = object_of(RUN("shmctl", "--json", "show", "--items=64", board("/pair")));
        const json_t *words = json_object_get(object, "value");
        CHECK_EQ(json_array_size(words), 64);
        for (size_t k = 0; k < 64; k++)
            CHECK_EQ(json_integer_value(json_array_get(words, k)),
                     json_integer_value(json_object_get(object, "version")));
    }
    __atomic_store_n(stop, 1, __ATOMIC_RELAXED);
    child_must(pid);
    coop_value_close(pair);
    remove_board();
}

static void a_long_string_is_cut(void)
{
    coop_value *text;
    CHECK_OK(coop_value_open(board("/text"), "300s", COOP_CREATE, &text));
    CHECK_OK(coop_value_set_string(text, "short"));
    CHECK_STR(RUN("shmctl", "show", board("/text@value")).out, "b'short'...\n");
    char letters[301] = "";
    memset(letters, 'x', 300);
    CHECK_OK(coop_value_set_string(text, letters));
    CHECK_HAS(RUN("shmctl", "show", board("/text@value")).out, "xxxxxxxx'...\n");
    coop_value_close(text);
    remove_board();
}

/* Types that lie */

static const char *lying;

static void lie(struct forge *forge)
{
    struct coopi_entry *entry = forge_object(forge, "liar", COOPI_VALUE, lying, 1, 64, false);
    memset(forge_items(forge, entry), 0x5a, 64);
}

static void a_record_larger_than_its_storage_is_told(void)
{
    static const char *const types[] = {"T{65s:a:}", "T{(1000,1000)d:a:}", "(16)T{d:a:}", "T{1073741824s:a:}"};
    const char *name = test_name("liar");
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        lying = types[i];
        forge_segment(name, lie);
        struct ran ran = RUN("shmctl", "show", name);
        CHECK_EQ(ran.code, 5);
        CHECK_HAS(ran.err, "/liar: damaged: 1 items of type");
        CHECK_HAS(ran.out, "saldo");
        coop_value *none = NULL;
        char path[256];
        snprintf(path, sizeof path, "%s/liar", name);
        CHECK_ERR(coop_value_open(path, NULL, 0, &none), -EBADMSG);
        CHECK_DETAIL("its items do not fit into its storage");
        forge_remove(name);
    }
}

static void a_type_that_is_none_is_told(void)
{
    static const char *const types[] = {"T{", "T{T{T{T{T{T{T{T{T{T{T{T{T{T{T{T{T{i:a:", "T{i:\x1b[2J:}",
                                        "(99999999999,99999999999)T{d:x:}"};
    const char *name = test_name("liar");
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        lying = types[i];
        forge_segment(name, lie);
        struct ran ran = RUN("shmctl", "show", name);
        CHECK_EQ(ran.code, 5);
        CHECK_HAS(ran.err, "/liar: damaged: its type \"");
        CHECK_LACKS(ran.err, "\x1b");
        forge_remove(name);
    }
}

/* The longest type there may be, with a matrix in each of its fields: what is shown stays small. */
static void an_abundance_of_fields_is_cut(void)
{
    static char type[4096];
    size_t length = (size_t)snprintf(type, sizeof type, "T{");
    while (length < 3900) length += (size_t)snprintf(type + length, sizeof type - length, "(8,8,8)b");
    snprintf(type + length, sizeof type - length, "}");
    coop_array *array;
    CHECK_OK(coop_array_open(board("/wide"), type, 100, COOP_CREATE, &array));
    struct ran ran = RUN("shmctl", "--json", "show", board("/wide"));
    CHECK_EQ(ran.code, 0);
    CHECK(ran.out_size < 200000);
    CHECK(json_is_true(json_object_get(object_of(ran), "cut")));
    coop_array_close(array);
    remove_board();
}

TESTS(shmctl_records, TEST(shows_a_record_by_its_fields), TEST(shows_items_of_an_array_of_records),
      TEST(shows_a_part_that_an_expression_names), TEST(prints_one_fact_alone), TEST(says_which_part_is_not_there),
      TEST_T(shows_whole_versions_while_a_process_writes, .seconds = 30),
      TEST(a_record_larger_than_its_storage_is_told), TEST(a_type_that_is_none_is_told), TEST(a_long_string_is_cut),
      TEST(an_abundance_of_fields_is_cut))
