/* SPDX-License-Identifier: MIT */
/* shmctl on segments that live: what it prints, whom it names, what it removes, and its exit codes. */
#include "harness/test.h"

#include "base/type.h"

#include <coop/array.h>
#include <coop/lock.h>
#include <coop/segment.h>
#include <coop/value.h>

#include <jansson.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#define PATH_ROOM 256

static coop_segment *segment;

/* The test's one segment, small and made by the library. */
static const char *make_segment(void)
{
    static char name[128];
    snprintf(name, sizeof name, "%s", test_name("bank"));
    CHECK_OK(coop_segment_create(name, COOP_SEGMENT_OPTIONS(.maximum = 1 << 22, .owners = 64, .participants = 16),
                                 &segment));
    return name;
}

static void remove_segment(const char *name)
{
    coop_segment_close(segment);
    CHECK_OK(coop_segment_remove(name, COOP_FORCE));
}

static const char *path_of(const char *name, const char *object)
{
    static char path[PATH_ROOM];
    snprintf(path, sizeof path, "%s/%s", name, object);
    return path;
}

static json_t *parse(struct ran ran)
{
    json_error_t error;
    json_t *document = json_loads(ran.out, 0, &error);
    if (!document) FAIL("not JSON: %s at line %d of:\n%s", error.text, error.line, ran.out);
    return document;
}

/* The one of the items whose text at KEY is VALUE; NULL: none. */
static json_t *find(const json_t *array, const char *key, const char *value)
{
    size_t i;
    json_t *item;
    json_array_foreach(array, i, item)
    {
        const char *text = json_string_value(json_object_get(item, key));
        if (text && strcmp(text, value) == 0) return item;
    }
    return NULL;
}

static json_int_t number(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    if (!json_is_integer(value)) FAIL("no number \"%s\" in %s", key, json_dumps(object, 0));
    return json_integer_value(value);
}

static const char *text(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    if (!json_is_string(value)) FAIL("no text \"%s\" in %s", key, json_dumps(object, 0));
    return json_string_value(value);
}

/* Forks a child that runs ACT on the lock and says so through *SAID; it lives on until it is killed. */
static pid_t holder(coop_lock *lock, int *said)
{
    pid_t pid;
    CHILD(pid) {
        CHECK_OK(coop_lock_acquire(lock, COOP_FOREVER));
        __atomic_store_n(said, 1, __ATOMIC_RELEASE);
        for (;;) pause();
    }
    CHECK_SOON(__atomic_load_n(said, __ATOMIC_ACQUIRE));
    return pid;
}

static void lists_a_segment_with_its_numbers(void)
{
    const char *name = make_segment();
    coop_lock *lock;
    CHECK_OK(coop_lock_in(segment, "door", COOP_CREATE, &lock));
    CHECK_OK(coop_lock_acquire(lock, COOP_FOREVER));
    struct ran ran = RUN("shmctl", "ls");
    CHECK_EQ(ran.code, 0);
    CHECK_HAS(ran.out, "PROCESSES");
    CHECK_HAS(ran.out, name);

    json_t *document = parse(RUN("shmctl", "--json", "ls"));
    json_t *row = find(json_object_get(document, "segments"), "name", name);
    CHECK(row);
    CHECK_STR(text(row, "state"), "ok");
    CHECK_EQ(number(row, "objects"), 1);
    CHECK_EQ(number(row, "maximum"), 1 << 22);
    CHECK_EQ(number(row, "reserved"), number(row, "size"));
    CHECK_EQ(number(json_object_get(row, "participants"), "alive"), 1);
    CHECK_EQ(number(json_object_get(row, "owners"), "alive"), 1);
    CHECK_EQ(number(json_object_get(row, "owners"), "dead"), 0);
    CHECK_EQ(number(json_object_get(row, "creator"), "pid"), getpid());
    json_decref(document);
    CHECK_OK(coop_lock_release(lock));
    coop_lock_close(lock);
    remove_segment(name);
}

static void json_stands_before_or_behind_the_subcommand(void)
{
    struct ran before = RUN("shmctl", "--json", "ls");
    struct ran behind = RUN("shmctl", "ls", "--json");
    CHECK_EQ(before.code, 0);
    CHECK_EQ(behind.code, 0);
    json_decref(parse(before));
    json_decref(parse(behind));
    struct ran tool = RUN("sh", "-c", "\"$0\" --json ls | python3 -m json.tool", test_program("shmctl"));
    CHECK_EQ(tool.code, 0);
    CHECK_HAS(tool.out, "\"segments\"");
}

static void shows_decoded_values_and_arrays(void)
{
    const char *name = make_segment();
    coop_value *saldo;
    coop_value *label;
    coop_array *numbers;
    CHECK_OK(coop_value_in(segment, "saldo", "i", COOP_CREATE, &saldo));
    CHECK_OK(coop_value_in(segment, "label", "8s", COOP_CREATE | COOP_RAW, &label));
    CHECK_OK(coop_array_in(segment, "numbers", "d", 20, COOP_CREATE, &numbers));
    CHECK_OK(coop_value_set(saldo, -5));
    CHECK_OK(coop_value_set_bytes(label, "a\x01\xff\"b\0\0", 8));
    CHECK_OK(coop_array_set(numbers, 1, 0.5));

    struct ran ran = RUN("shmctl", "show", name);
    CHECK_EQ(ran.code, 0);
    CHECK_HAS(ran.out, "saldo");
    CHECK_HAS(ran.out, "-5");
    CHECK_HAS(ran.out, "b'a\\x01\\xff\"b'");
    CHECK_HAS(ran.out, "[0.0, 0.5, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, ...]");
    CHECK_STR(ran.err, "");

    json_t *document = parse(RUN("shmctl", "--json", "show", "--items", "3", name));
    const json_t *objects = json_object_get(document, "objects");
    CHECK_EQ(json_array_size(objects), 3);
    CHECK_EQ(number(find(objects, "name", "saldo"), "value"), -5);
    CHECK_STR(text(find(objects, "name", "saldo"), "type"), "i");
    CHECK_STR(text(find(objects, "name", "label"), "value"), "a\\x01\\xff\"b");
    const json_t *array = find(objects, "name", "numbers");
    CHECK_EQ(number(array, "length"), 20);
    CHECK_EQ(json_array_size(json_object_get(array, "value")), 3);
    CHECK_DOUBLE(json_real_value(json_array_get(json_object_get(array, "value"), 1)), 0.5);
    CHECK(json_is_true(json_object_get(array, "cut")));
    json_decref(document);
    coop_value_close(saldo);
    coop_value_close(label);
    coop_array_close(numbers);
    remove_segment(name);
}

static void shows_every_type_as_python_prints_it(void)
{
    static const struct {
        const char *type;
        const char *bytes;
        const char *text;
        const char *json;
    } rows[] = {
        {"?", "\1", "True", "true"},
        {"c", "x", "b'x'", "\"x\""},
        {"b", "\xff", "-1", "-1"},
        {"B", "\xff", "255", "255"},
        {"h", "\xff\xff", "-1", "-1"},
        {"H", "\xff\xff", "65535", "65535"},
        {"i", "\0\0\0\x80", "-2147483648", "-2147483648"},
        {"I", "\xff\xff\xff\xff", "4294967295", "4294967295"},
        {"l", "\1\0\0\0\0\0\0\x80", "-9223372036854775807", "-9223372036854775807"},
        {"Q", "\xff\xff\xff\xff\xff\xff\xff\xff", "18446744073709551615", "\"18446744073709551615\""},
        {"N", "\5\0\0\0\0\0\0\0", "5", "5"},
        {"f", "\0\0\xc0\x7f", "nan", "\"nan\""},
        {"d", "\0\0\0\0\0\0\xf0\xbf", "-1.0", "-1.0"},
        {"d", "\0\0\0\0\0\0\xf0\xff", "-inf", "\"-inf\""},
        {"5s", "ab\0c\0", "b'ab\\x00c'", "\"ab\\\\x00c\""},
    };
    const char *name = make_segment();
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char object[16];
        coop_value *value;
        struct coopi_type type;
        snprintf(object, sizeof object, "v%zu", i);
        CHECK_OK(coopi_type_parse(rows[i].type, "test", &type));
        CHECK_OK(coop_value_in(segment, object, rows[i].type, COOP_CREATE, &value));
        CHECK_OK(coop_value_set_bytes(value, rows[i].bytes, type.size));
        coopi_type_clear(&type);
        coop_value_close(value);
        json_t *document = parse(RUN("shmctl", "--json", "show", path_of(name, object)));
        const json_t *shown = json_array_get(json_object_get(document, "objects"), 0);
        CHECK_STR(text(shown, "text"), rows[i].text);
        char *found = json_dumps(json_object_get(shown, "value"), JSON_ENCODE_ANY);
        CHECK_STR(found, rows[i].json);
        free(found);
        json_decref(document);
    }
    remove_segment(name);
}

static void shows_one_object_alone(void)
{
    const char *name = make_segment();
    coop_array *numbers;
    CHECK_OK(coop_array_in(segment, "numbers", "h", 300, COOP_CREATE, &numbers));
    CHECK_OK(coop_array_set(numbers, 299, 77));
    struct ran ran = RUN("shmctl", "show", "--items=300", path_of(name, "numbers"));
    CHECK_EQ(ran.code, 0);
    CHECK_HAS(ran.out, "length        300");
    CHECK_HAS(ran.out, "0, 77]");
    CHECK_HAS(ran.out, "lock          free");
    CHECK_LACKS(ran.out, "PROCESS");
    coop_array_close(numbers);
    remove_segment(name);
}

static void names_the_holder_of_a_lock(void)
{
    const char *name = make_segment();
    coop_lock *lock;
    CHECK_OK(coop_lock_in(segment, "door", COOP_CREATE, &lock));
    pid_t pid = holder(lock, test_shared(sizeof(int)));
    char expected[64];
    snprintf(expected, sizeof expected, "held by pid %d (run_tests)", (int)pid);
    struct ran ran = RUN("shmctl", "show", path_of(name, "door"));
    CHECK_EQ(ran.code, 0);
    CHECK_HAS(ran.out, expected);

    json_t *document = parse(RUN("shmctl", "show", "--json", name));
    const json_t *held = json_object_get(find(json_object_get(document, "objects"), "name", "door"), "lock");
    CHECK_STR(text(held, "state"), "held");
    CHECK_EQ(number(json_object_get(held, "holder"), "pid"), pid);
    CHECK_STR(text(json_object_get(held, "holder"), "state"), "alive");
    const json_t *owners = json_object_get(document, "owners");
    const json_t *owner = json_array_get(owners, json_array_size(owners) - 1);
    CHECK_EQ(number(owner, "pid"), pid);
    CHECK_EQ(number(owner, "holds"), 1);
    json_decref(document);
    child_kill(pid);
    coop_lock_close(lock);
    remove_segment(name);
}

static void names_who_died_holding_a_lock_until_it_is_recovered(void)
{
    const char *name = make_segment();
    coop_lock *lock;
    CHECK_OK(coop_lock_in(segment, "door", COOP_CREATE, &lock));
    pid_t pid = holder(lock, test_shared(sizeof(int)));
    child_kill(pid);
    char expected[64];
    snprintf(expected, sizeof expected, "DIED HOLDING IT: pid %d (run_tests)", (int)pid);
    struct ran ran = RUN("shmctl", "show", name);
    CHECK_EQ(ran.code, 0);
    CHECK_HAS(ran.out, expected);
    CHECK_HAS(ran.out, "dead");

    CHECK_EQ(coop_lock_acquire(lock, COOP_FOREVER), COOP_OWNER_DIED);
    snprintf(expected, sizeof expected, "last death    pid %d (run_tests) on ", (int)pid);
    ran = RUN("shmctl", "show", path_of(name, "door"));
    CHECK_HAS(ran.out, expected);
    CHECK_HAS(ran.out, "1 death in all");
    CHECK_LACKS(ran.out, "DIED HOLDING IT");
    CHECK_OK(coop_lock_release(lock));
    coop_lock_close(lock);
    remove_segment(name);
}

static void shows_the_depth_of_an_rlock_and_a_value_s_own_lock(void)
{
    const char *name = make_segment();
    coop_value *saldo;
    CHECK_OK(coop_value_in(segment, "saldo", "q", COOP_CREATE, &saldo));
    for (int i = 0; i < 3; i++) CHECK_OK(coop_rlock_acquire(coop_value_lock(saldo), COOP_FOREVER));
    struct ran ran = RUN("shmctl", "show", path_of(name, "saldo"));
    char expected[64];
    snprintf(expected, sizeof expected, "held by pid %d (run_tests), depth 3", (int)getpid());
    CHECK_HAS(ran.out, expected);
    for (int i = 0; i < 3; i++) CHECK_OK(coop_rlock_release(coop_value_lock(saldo)));
    coop_value_close(saldo);
    remove_segment(name);
}

static void *acquire_once(void *lock)
{
    CHECK_OK(coop_lock_acquire(lock, COOP_FOREVER));
    CHECK_OK(coop_lock_release(lock));
    return NULL;
}

/* Four processes that write, lock, and end threads, so that owner rows come and go below the reader's eyes. */
static void write_until(const int *stop, coop_value *saldo, coop_array *numbers, coop_lock *lock)
{
    for (int64_t i = 0; !__atomic_load_n(stop, __ATOMIC_ACQUIRE); i++) {
        pthread_t thread;
        CHECK_OK(coop_value_add(saldo, 1, NULL));
        CHECK_OK(coop_array_set(numbers, i % 20, (double)i));
        CHECK_OK(coop_rlock_acquire(coop_value_lock(saldo), COOP_FOREVER));
        CHECK_OK(coop_rlock_release(coop_value_lock(saldo)));
        if (i % 16) continue;
        CHECK_EQ(pthread_create(&thread, NULL, acquire_once, lock), 0);
        pthread_join(thread, NULL);
    }
}

static void works_while_four_processes_write(void)
{
    const char *name = make_segment();
    int *stop = test_shared(sizeof *stop);
    pid_t pids[4];
    coop_value *saldo;
    coop_array *numbers;
    coop_lock *lock;
    CHECK_OK(coop_value_in(segment, "saldo", "q", COOP_CREATE, &saldo));
    CHECK_OK(coop_array_in(segment, "numbers", "d", 20, COOP_CREATE, &numbers));
    CHECK_OK(coop_lock_in(segment, "door", COOP_CREATE, &lock));
    for (int i = 0; i < 4; i++)
        CHILD(pids[i]) write_until(stop, saldo, numbers, lock);
    for (int i = 0; i < 25; i++) {
        struct ran ls = RUN("shmctl", "--json", "ls");
        struct ran show = RUN("shmctl", "--json", "show", name);
        CHECK_EQ(ls.code, 0);
        CHECK_EQ(show.code, 0);
        CHECK_STR(show.err, "");
        json_decref(parse(ls));
        json_decref(parse(show));
        CHECK_LACKS(show.out, "owner died");
        CHECK_EQ(RUN("shmctl", "show", name).code, 0);
    }
    __atomic_store_n(stop, 1, __ATOMIC_RELEASE);
    for (int i = 0; i < 4; i++) child_must(pids[i]);
    coop_value_close(saldo);
    coop_array_close(numbers);
    coop_lock_close(lock);
    remove_segment(name);
}

/* Each goes into the storage that another one has just left. */
static void make_and_remove_until(const int *stop)
{
    static const int64_t ones = -1;
    for (int i = 0; !__atomic_load_n(stop, __ATOMIC_ACQUIRE); i++) {
        coop_value *value;
        coop_array *array;
        coop_lock *lock;
        CHECK_OK(coop_value_in(segment, NULL, "T{d:x: d:y: 16s:label:}", 0, &value));
        coop_value_close(value);
        CHECK_OK(coop_array_in(segment, "numbers", i % 2 ? "q" : "b", (size_t)(10 + i % 7), COOP_CREATE, &array));
        CHECK_OK(coop_array_fill(array, 0, 10, 1, &ones, coop_array_item_size(array)));
        coop_array_close(array);
        CHECK_OK(coop_lock_in(segment, NULL, 0, &lock));
        coop_lock_close(lock);
        CHECK_OK(coop_segment_remove_object(segment, "numbers", 0));
    }
}

static void works_while_objects_come_and_go(void)
{
    const char *name = make_segment();
    int *stop = test_shared(sizeof *stop);
    pid_t pid;
    CHILD(pid) make_and_remove_until(stop);
    for (int i = 0; i < 60; i++) {
        struct ran show = RUN("shmctl", "show", name);
        CHECK_STR(show.err, "");
        CHECK_EQ(show.code, 0);
    }
    __atomic_store_n(stop, 1, __ATOMIC_RELEASE);
    child_must(pid);
    remove_segment(name);
}

static void removes_a_segment_and_says_so(void)
{
    const char *name = make_segment();
    coop_segment_close(segment);
    struct ran ran = RUN("shmctl", "rm", name);
    CHECK_EQ(ran.code, 0);
    CHECK_HAS(ran.out, "removed ");
    ran = RUN("shmctl", "rm", name);
    CHECK_EQ(ran.code, 3);
    CHECK_HAS(ran.err, "no such segment");
}

static void removes_an_object_alone(void)
{
    char path[200];
    coop_value *value;
    const char *name = make_segment();
    snprintf(path, sizeof path, "%s/extra", name);
    CHECK_OK(coop_value_open(path, "i", COOP_CREATE, &value));
    coop_value_close(value);
    struct ran ran = RUN("shmctl", "rm", path);
    CHECK_EQ(ran.code, 0);
    CHECK_HAS(ran.out, "removed ");
    CHECK_ERR(coop_value_open(path, "i", 0, &value), -ENOENT);
    CHECK_EQ(RUN("shmctl", "rm", path).code, 3);
    CHECK_HAS(RUN("shmctl", "events", name).out, "extra");
    remove_segment(name);
}

static void does_not_remove_what_is_held_unless_forced(void)
{
    const char *name = make_segment();
    coop_lock *lock;
    CHECK_OK(coop_lock_in(segment, "door", COOP_CREATE, &lock));
    CHECK_OK(coop_lock_acquire(lock, COOP_FOREVER));
    struct ran ran = RUN("shmctl", "--json", "rm", name);
    CHECK_EQ(ran.code, 8);
    CHECK_HAS(ran.err, "door");
    CHECK_HAS(ran.err, "held");
    json_t *document = parse(ran);
    const json_t *failure = json_array_get(json_object_get(document, "failed"), 0);
    CHECK_EQ(number(failure, "exit"), 8);
    json_decref(document);
    CHECK_EQ(RUN("shmctl", "rm", "--force", name).code, 0);
    CHECK_OK(coop_lock_release(lock));
    coop_lock_close(lock);
    coop_segment_close(segment);
    CHECK_EQ(RUN("shmctl", "show", name).code, 3);
}

static void says_that_a_segment_or_object_is_absent(void)
{
    static const char *const commands[] = {"show", "events", "check", "repair", "gc", "rm"};
    struct ran ran;
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        ran = RUN("shmctl", commands[i], test_name("absent"));
        CHECK_EQ(ran.code, 3);
        CHECK_HAS(ran.err, "absent: no such segment; `shmctl ls` lists those there are\n");
    }
    CHECK_HAS(RUN("shmctl", "rm", "--force", path_of(test_name("absent"), "door")).err, "no such segment; `shmctl ls`");
    const char *name = make_segment();
    ran = RUN("shmctl", "show", path_of(name, "nothing"));
    CHECK_EQ(ran.code, 3);
    CHECK_HAS(ran.err, "no such object; `shmctl show");
    remove_segment(name);
}

static void refuses_malformed_names_and_options(void)
{
    CHECK_EQ(RUN("shmctl", "show", "../etc/passwd").code, 2);
    CHECK_EQ(RUN("shmctl", "show", "").code, 2);
    CHECK_EQ(RUN("shmctl", "show", "a/b/c").code, 2);
    CHECK_EQ(RUN("shmctl", "show", "no-such-user-here:a").code, 3);
    CHECK_EQ(RUN("shmctl", "rm", ".hidden").code, 2);
    CHECK_EQ(RUN("shmctl", "show", "--items", "-1", "a").code, 2);
    CHECK_EQ(RUN("shmctl", "show", "--items", "many", "a").code, 2);
    CHECK_EQ(RUN("shmctl", "show", "a", "b").code, 2);
    CHECK_EQ(RUN("shmctl", "show").code, 2);
    CHECK_EQ(RUN("shmctl", "rm").code, 2);
    CHECK_EQ(RUN("shmctl", "ls", "--nonsense").code, 2);
    CHECK_EQ(RUN("shmctl", "dance").code, 2);
    CHECK_EQ(RUN("shmctl").code, 2);
}

static void explains_itself(void)
{
    struct ran help = RUN("shmctl", "--help");
    CHECK_EQ(help.code, 0);
    CHECK_HAS(help.out, "show [--items N] SEGMENT[/OBJECT[PART]]");
    CHECK_HAS(help.out, "Exit codes");
    CHECK_HAS(RUN("shmctl", "show", "--help").out, "shmctl show [OPTION...] SEGMENT[/OBJECT[PART][@ATTRIBUTE]]");
    CHECK_HAS(RUN("shmctl", "--version").out, COOP_VERSION);
    CHECK_EQ(RUN("sh", "-c", "\"$0\" --json ls >/dev/full", test_program("shmctl")).code, 1);
}

TESTS(shmctl, TEST(lists_a_segment_with_its_numbers), TEST(json_stands_before_or_behind_the_subcommand),
      TEST(shows_decoded_values_and_arrays), TEST(shows_every_type_as_python_prints_it), TEST(shows_one_object_alone),
      TEST(names_the_holder_of_a_lock), TEST(names_who_died_holding_a_lock_until_it_is_recovered),
      TEST(shows_the_depth_of_an_rlock_and_a_value_s_own_lock), TEST_T(works_while_four_processes_write, .seconds = 30),
      TEST(works_while_objects_come_and_go), TEST(removes_a_segment_and_says_so), TEST(removes_an_object_alone),
      TEST(does_not_remove_what_is_held_unless_forced), TEST(says_that_a_segment_or_object_is_absent),
      TEST(refuses_malformed_names_and_options), TEST(explains_itself))
