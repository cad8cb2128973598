/* SPDX-License-Identifier: MIT */
/* Managed lists and dicts written about as Python's own tests write theirs, at a manager in this process. */
#ifndef UNIT_PYTHON_H
#define UNIT_PYTHON_H

#include "harness/literal.h"
#include "unit/managed.h"

#include <stdio.h>
#include <stdlib.h>

static struct managed m;

/* A nameless list or dict. */
struct py {
    const char *type;
    coop_any id;
};

/* Asks for an operation of the object: ARGUMENTS is a literal of a list. */
static inline int py_ask(struct py object, const char *verb, const char *arguments)
{
    coop_any values = literal(arguments);
    return ask(&m, text_of("%s.%s", object.type, verb), object.id, values.as.items, values.size);
}

static inline struct py py_new(const char *type, const char *fill, const char *contents)
{
    struct py object = {.type = type, .id = coop_nil()};
    CHECK_OK(py_ask(object, "open", "[]"));
    object.id = coop_uint(m.result.as.natural);
    CHECK_OK(py_ask(object, fill, text_of("[%s]", contents)));
    return object;
}

/* list([1, 2]), dict({1: 2}) */
static inline struct py py_list(const char *contents)
{
    return py_new("list", "extend", contents);
}

static inline struct py py_dict(const char *contents)
{
    return py_new("dict", "update", contents);
}

/* The whole object, as Python writes it. */
static inline const char *py_repr(struct py object)
{
    char *text;
    CHECK_OK(py_ask(object, object.type[0] == 'l' ? "copy" : "items", "[]"));
    CHECK_OK(coop_any_format(m.result, &text));
    const char *kept = text_of("%s", text);
    free(text);
    return kept;
}

/* The last result, as Python writes it. */
static inline const char *py_result(void)
{
    char *text;
    CHECK_OK(coop_any_format(m.result, &text));
    const char *kept = text_of("%s", text);
    free(text);
    return kept;
}

static inline const char *py_call(struct py object, const char *verb, const char *arguments)
{
    CHECK_OK(py_ask(object, verb, arguments));
    return py_result();
}

/* object.copy(): another object with the same contents, also of very many. */
static inline struct py py_copy(struct py object)
{
    bool list = object.type[0] == 'l';
    CHECK_OK(py_ask(object, list ? "copy" : "items", "[]"));
    coop_any contents = m.result;
    m.result = coop_nil();
    struct py copy = list ? py_list("[]") : py_dict("{}");
    CHECK_OK(ask(&m, list ? "list.extend" : "dict.update", copy.id, &contents, 1));
    coop_any_clear(&contents);
    return copy;
}

/* a == b */
static inline bool py_equal(struct py a, struct py b)
{
    CHECK_OK(py_ask(b, b.type[0] == 'l' ? "copy" : "items", "[]"));
    coop_any contents = m.result;
    m.result = coop_nil();
    CHECK_OK(ask(&m, text_of("%s.equal", a.type), a.id, &contents, 1));
    coop_any_clear(&contents);
    return m.result.as.boolean;
}

#define DO(object, verb, arguments) CHECK_OK(py_ask((object), (verb), (arguments)))
#define GIVES(object, verb, arguments, text) CHECK_STR(py_call((object), (verb), (arguments)), (text))
#define IS(object, text) CHECK_STR(py_repr(object), (text))

/* The call fails with the errno of a Python exception and says its name; the object stays as it is. */
#define RAISES(...) RAISES_(__VA_ARGS__)
#define RAISES_(object, verb, arguments, error, name)                                                                  \
    do {                                                                                                               \
        const char *before_ = py_repr(object);                                                                         \
        CHECK_ERR(py_ask((object), (verb), (arguments)), (error));                                                     \
        CHECK_HAS(m.sentence, name);                                                                                   \
        CHECK_STR(py_repr(object), before_);                                                                           \
    } while (0)

#define RUNTIME_ERROR -EAGAIN, "changed size during iteration"
#define INDEX_ERROR -ERANGE, "IndexError"
#define KEY_ERROR -ENOENT, "KeyError"
#define VALUE_ERROR -EINVAL, "ValueError"
#define NOT_FOUND -ENOENT, "ValueError"
#define TYPE_ERROR -EINVAL, "TypeError"
#define WRONG_COUNT -EINVAL, "arguments"
#define WRONG_TYPE -EINVAL, ""

/* One walk through a list or dict, PAGE items at a time. */
struct py_iter {
    struct py object;
    const char *what; /* of a dict: "keys", "values", "items" */
    bool backwards;
    int page;
    int at;             /* in the page */
    const char *held;   /* the page's items */
    const char *resume; /* arguments of the next page behind the first three; NULL: the first page */
    bool ended;
};

static inline struct py_iter py_iter(struct py object, const char *what, bool backwards)
{
    return (struct py_iter){.object = object, .what = what, .backwards = backwards, .page = 1, .held = "[]"};
}

/* Fetches a page; a negative errno. */
static inline int py_turn(struct py_iter *it)
{
    const char *backwards = it->backwards ? "True" : "False";
    bool list = it->object.type[0] == 'l';
    const char *first = list ? it->resume ? it->resume : it->backwards ? "-1" : "0" : text_of("'%s'", it->what);
    const char *rest = list || !it->resume ? "" : it->resume;
    int result = py_ask(it->object, "page", text_of("[%s, %d, %s%s]", first, it->page, backwards, rest));
    if (result < 0) return result;
    coop_any answer = literal(py_result());
    const coop_any *fields = answer.as.items;
    const coop_any *items = &fields[answer.size - 1];
    int64_t position = fields[0].as.integer;
    char *text;
    CHECK_OK(coop_any_format(*items, &text));
    it->held = text_of("%s", text);
    free(text);
    it->at = 0;
    it->ended = items->size == 0;
    if (list) {
        int64_t next = it->backwards ? position - items->size : position + items->size;
        it->ended = it->ended || next < -1;
        it->resume = text_of("%lld", next < 0 ? (long long)INT64_MIN : (long long)next); /* below 0: out of range */
    } else if (items->size) {
        CHECK_OK(coop_any_format(fields[1], &text));
        it->resume = text_of(", %lld, %s", (long long)position, text);
        free(text);
    }
    return 0;
}

/* next(it): the item's text, NULL for StopIteration. */
static inline int py_next(struct py_iter *it, const char **ret_text)
{
    coop_any held = literal(it->held);
    if (!it->ended && it->at == (int)held.size) {
        int result = py_turn(it);
        if (result < 0) return result;
        held = literal(it->held);
    }
    *ret_text = NULL;
    if (it->ended) return 0;
    char *text;
    CHECK_OK(coop_any_format(held.as.items[it->at++], &text));
    *ret_text = text_of("%s", text);
    free(text);
    return 0;
}

/* list(it) */
static inline const char *py_rest(struct py_iter *it)
{
    const char *all = "", *item = NULL;
    for (;;) {
        CHECK_OK(py_next(it, &item));
        if (!item) return text_of("[%s]", all);
        all = text_of("%s%s%s", all, *all ? ", " : "", item);
    }
}

static inline const char *py_all(struct py object, const char *what, bool backwards)
{
    struct py_iter it = py_iter(object, what, backwards);
    return py_rest(&it);
}

#endif
