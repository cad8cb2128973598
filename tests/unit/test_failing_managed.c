/* SPDX-License-Identifier: MIT */
/* Every call on managed lists and dicts with each of the client's calls failing: what it was to change is changed or is
 * not, its output is untouched if it fails, and the next call works. */
#include "harness/literal.h"
#include "unit/meeting.h"
#include "unit/trial.h"

#include <coop/coop.h>

/* One call. A and B are its arguments, as literals. */
struct call {
    const char *what;
    const char *before, *a, *b, *after; /* AFTER NULL: it changes nothing */
    int (*run)(const struct call *call);
};

static coop_manager *manager;
static coop_list *list;
static coop_dict *dict;
static const struct call *calling;

/* Made once for each call, so that running makes nothing but the call. */
static struct {
    coop_any before, a, b, after;
} values;

/* Where the outputs go. */
static const coop_any untouched = {.type = COOP_INT, .as.integer = -77};
static coop_any out, out_key;
static size_t number;
static bool yes;

static void clear_outputs(void)
{
    coop_any_clear(&out);
    coop_any_clear(&out_key);
    out = out_key = untouched;
    number = 77;
    yes = false;
}

static bool outputs_are_untouched(void)
{
    return coop_any_equal(out, untouched) && coop_any_equal(out_key, untouched) && number == 77 && !yes;
}

static int run_call(void)
{
    return calling->run(calling);
}

/* Equal to what was before is allowed only to a call that failed. */
static void check_state(int r, bool is_before, bool is_after)
{
    if (r < 0 && !outputs_are_untouched()) FAIL("%s: failed, and an output is touched", calling->what);
    if (r == 0 && !is_after) FAIL("%s: worked, and the object is not what it should be", calling->what);
    if (!is_before && !is_after) FAIL("%s: failed, and did half of it", calling->what);
    clear_outputs();
}

static void try_calls(const struct call *calls, size_t count, void (*prepare)(void), void (*check)(int r))
{
    clear_outputs();
    for (size_t i = 0; i < count; i++) {
        calling = &calls[i];
        values.before = literal(calling->before);
        values.a = literal(calling->a ? calling->a : "None");
        values.b = literal(calling->b ? calling->b : "None");
        values.after = literal(calling->after ? calling->after : calling->before);
        trial_each(&(struct trial){.name = test_name("none"),
                                   .what = calling->what,
                                   .prepare = prepare,
                                   .run = run_call,
                                   .check = check,
                                   .keeps = 1});
    }
}

/* Lists */

static void prepare_list(void)
{
    CHECK_OK(coop_list_clear(list));
    CHECK_OK(coop_list_extend(list, values.before));
}

static void check_list(int r)
{
    bool is_before, is_after;
    CHECK_OK(coop_list_equal(list, values.before, &is_before));
    CHECK_OK(coop_list_equal(list, values.after, &is_after));
    check_state(r, is_before, is_after);
}

#define LIST(name, ...)                                                                                                \
    static int list_##name(const struct call *call)                                                                    \
    {                                                                                                                  \
        (void)call;                                                                                                    \
        return coop_list_##name(list, __VA_ARGS__);                                                                    \
    }
LIST(append, values.a)
LIST(extend, values.a)
LIST(insert, 1, values.a)
LIST(get, -1, &out)
LIST(set, 0, values.a)
LIST(pop, -1, &out)
LIST(del, 0)
LIST(remove, values.a)
LIST(len, &number)
LIST(copy, &out)
LIST(index, values.a, 0, INT64_MAX, &number)
LIST(count, values.a, &number)
LIST(contains, values.a, &yes)
LIST(equal, values.before, &yes)
LIST(get_slice, COOP_OMIT, COOP_OMIT, -1, &out)
LIST(set_slice, 1, 2, 1, values.a)
LIST(del_slice, COOP_OMIT, COOP_OMIT, 2)
LIST(sort, values.a, true)
LIST(concat, values.a, &out)
LIST(repeat, 2)
LIST(repeated, 2, &out)

static int list_clear(const struct call *call)
{
    (void)call;
    return coop_list_clear(list);
}

static int list_reverse(const struct call *call)
{
    (void)call;
    return coop_list_reverse(list);
}

static int list_walk(const struct call *call)
{
    coop_list_iter *iter;
    (void)call;
    int r = coop_list_iter_open(list, true, &iter);
    if (r < 0) return r;
    for (coop_any item; (r = coop_list_iter_next(iter, &item)) == 0; coop_any_clear(&item)) continue;
    coop_list_iter_close(iter);
    return r == -ENODATA ? 0 : r;
}

static int list_open_named(const struct call *call)
{
    coop_list *named;
    (void)call;
    int r = coop_list_open(manager, "named", COOP_CREATE, &named);
    if (r == 0) coop_list_close(named);
    return r;
}

static int list_open_nameless(const struct call *call)
{
    coop_list *nameless;
    (void)call;
    int r = coop_list_open(manager, NULL, 0, &nameless);
    if (r == 0) coop_list_close(nameless);
    return r;
}

static int list_batch(const struct call *call)
{
    coop_batch *batch;
    coop_any result;
    (void)call;
    int r = coop_batch_new(manager, &batch);
    if (r < 0) return r;
    r = coop_batch_list(batch, list, "append", "[i]", 3);
    if (r == 0) r = coop_batch_list(batch, list, "pop", "[i]", 0);
    if (r == 0) r = coop_batch_run(batch);
    if (r == 0) r = coop_batch_result(batch, 1, &result);
    if (r == 0) r = coop_any_copy(result, &out);
    coop_batch_close(batch);
    return r;
}

static const struct call list_calls[] = {
    {"append", "[1, 2]", "'x'", NULL, "[1, 2, 'x']", list_append},
    {"extend", "[1, 2]", "[3, 4]", NULL, "[1, 2, 3, 4]", list_extend},
    {"insert", "[1, 2]", "'x'", NULL, "[1, 'x', 2]", list_insert},
    {"get", "[1, 'text']", NULL, NULL, NULL, list_get},
    {"set", "[1, 2]", "'x'", NULL, "['x', 2]", list_set},
    {"pop", "[1, 'text']", NULL, NULL, "[1]", list_pop},
    {"del", "[1, 2]", NULL, NULL, "[2]", list_del},
    {"remove", "[1, 2]", "2", NULL, "[1]", list_remove},
    {"clear", "[1, 2]", NULL, NULL, "[]", list_clear},
    {"len", "[1, 2]", NULL, NULL, NULL, list_len},
    {"copy", "[1, ['text', {'k': b'v'}]]", NULL, NULL, NULL, list_copy},
    {"index", "[1, 2]", "2", NULL, NULL, list_index},
    {"count", "[1, 2]", "2", NULL, NULL, list_count},
    {"contains", "[1, 2]", "2", NULL, NULL, list_contains},
    {"equal", "[1, 2]", NULL, NULL, NULL, list_equal},
    {"get_slice", "[1, 'text', 3]", NULL, NULL, NULL, list_get_slice},
    {"set_slice", "[1, 2]", "[3, 4]", NULL, "[1, 3, 4]", list_set_slice},
    {"del_slice", "[1, 2, 3]", NULL, NULL, "[2]", list_del_slice},
    {"sort", "[2, 3, 1]", "None", NULL, "[3, 2, 1]", list_sort},
    {"reverse", "[1, 2]", NULL, NULL, "[2, 1]", list_reverse},
    {"concat", "[1, 2]", "['text']", NULL, NULL, list_concat},
    {"repeat", "[1, 2]", NULL, NULL, "[1, 2, 1, 2]", list_repeat},
    {"repeated", "[1, 'text']", NULL, NULL, NULL, list_repeated},
    {"walk", "[1, 'text']", NULL, NULL, NULL, list_walk},
    {"open named", "[]", NULL, NULL, NULL, list_open_named},
    {"open nameless", "[]", NULL, NULL, NULL, list_open_nameless},
    {"batch", "['text', 2]", NULL, NULL, "[2, 3]", list_batch},
};

/* Dicts */

static void prepare_dict(void)
{
    CHECK_OK(coop_dict_clear(dict));
    CHECK_OK(coop_dict_update(dict, values.before));
}

static void check_dict(int r)
{
    bool is_before, is_after;
    CHECK_OK(coop_dict_equal(dict, values.before, &is_before));
    CHECK_OK(coop_dict_equal(dict, values.after, &is_after));
    check_state(r, is_before, is_after);
}

#define DICT(name, ...)                                                                                                \
    static int dict_##name(const struct call *call)                                                                    \
    {                                                                                                                  \
        (void)call;                                                                                                    \
        return coop_dict_##name(dict, __VA_ARGS__);                                                                    \
    }
DICT(get, values.a, &out)
DICT(get_or, values.a, values.b, &out)
DICT(set, values.a, values.b)
DICT(del, values.a)
DICT(setdefault, values.a, values.b, &out)
DICT(compare_set, values.a, NULL, &values.b, &yes)
DICT(pop, values.a, &out)
DICT(pop_or, values.a, values.b, &out)
DICT(popitem, &out_key, &out)
DICT(update, values.a)
DICT(fromkeys, values.a, values.b)
DICT(incr, values.a, values.b, &out)
DICT(len, &number)
DICT(contains, values.a, &yes)
DICT(items, &out)
DICT(keys, &out)
DICT(values, &out)
DICT(merge, values.a, &out)
DICT(equal, values.before, &yes)

static int dict_clear(const struct call *call)
{
    (void)call;
    return coop_dict_clear(dict);
}

static int dict_walk(const struct call *call)
{
    coop_dict_iter *iter;
    (void)call;
    int r = coop_dict_iter_open(dict, COOP_ITEMS, false, &iter);
    if (r < 0) return r;
    for (coop_any key, value; (r = coop_dict_iter_next(iter, &key, &value)) == 0; coop_any_clear(&value))
        coop_any_clear(&key);
    coop_dict_iter_close(iter);
    return r == -ENODATA ? 0 : r;
}

static int dict_open_nameless(const struct call *call)
{
    coop_dict *nameless;
    (void)call;
    int r = coop_dict_open(manager, NULL, 0, &nameless);
    if (r == 0) coop_dict_close(nameless);
    return r;
}

static const struct call dict_calls[] = {
    {"get", "{'k': 'text'}", "'k'", NULL, NULL, dict_get},
    {"get_or", "{'k': 1}", "'x'", "'text'", NULL, dict_get_or},
    {"set", "{'k': 1}", "'x'", "'text'", "{'k': 1, 'x': 'text'}", dict_set},
    {"del", "{'k': 1}", "'k'", NULL, "{}", dict_del},
    {"setdefault", "{'k': 1}", "'x'", "'text'", "{'k': 1, 'x': 'text'}", dict_setdefault},
    {"compare_set", "{'k': 1}", "'x'", "2", "{'k': 1, 'x': 2}", dict_compare_set},
    {"pop", "{'k': 'text'}", "'k'", NULL, "{}", dict_pop},
    {"pop_or", "{'k': 'text'}", "'k'", "0", "{}", dict_pop_or},
    {"popitem", "{'k': 'text'}", NULL, NULL, "{}", dict_popitem},
    {"clear", "{'k': 1}", NULL, NULL, "{}", dict_clear},
    {"update", "{'k': 1}", "{'x': 2, 'k': 3}", NULL, "{'k': 3, 'x': 2}", dict_update},
    {"fromkeys", "{'k': 1}", "['x', 'y']", "0", "{'k': 1, 'x': 0, 'y': 0}", dict_fromkeys},
    {"incr", "{'k': 1}", "'k'", "2", "{'k': 3}", dict_incr},
    {"len", "{'k': 1}", NULL, NULL, NULL, dict_len},
    {"contains", "{'k': 1}", "'k'", NULL, NULL, dict_contains},
    {"items", "{'k': 'text'}", NULL, NULL, NULL, dict_items},
    {"keys", "{'k': 1}", NULL, NULL, NULL, dict_keys},
    {"values", "{'k': 'text'}", NULL, NULL, NULL, dict_values},
    {"merge", "{'k': 1}", "{'x': 'text'}", NULL, NULL, dict_merge},
    {"equal", "{'k': 1}", NULL, NULL, NULL, dict_equal},
    {"walk", "{'k': 'text', 'x': 2}", NULL, NULL, NULL, dict_walk},
    {"open nameless", "{}", NULL, NULL, NULL, dict_open_nameless},
};

static void begin(void)
{
    CHECK_OK(coop_manager_start(test_name("m"), &manager));
}

static void end(void)
{
    coop_list_close(list);
    coop_dict_close(dict);
    CHECK_OK(coop_manager_stop(manager));
    coop_manager_close(manager);
}

static void list_calls_fail_whole(void)
{
    begin();
    CHECK_OK(coop_list_open(manager, NULL, 0, &list));
    try_calls(list_calls, sizeof list_calls / sizeof *list_calls, prepare_list, check_list);
    end();
}

static void dict_calls_fail_whole(void)
{
    begin();
    CHECK_OK(coop_dict_open(manager, NULL, 0, &dict));
    try_calls(dict_calls, sizeof dict_calls / sizeof *dict_calls, prepare_dict, check_dict);
    end();
}

TESTS(failing_managed, TEST_T(list_calls_fail_whole, .seconds = 120), TEST_T(dict_calls_fail_whole, .seconds = 120))
