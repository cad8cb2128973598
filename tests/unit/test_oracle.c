/* SPDX-License-Identifier: MIT */
/* Random operations on a managed list and dict, compared step by step with what Python made of the same. */
#include "unit/python.h"

#define STEPS "4000"

/* What the exception is called, as an errno of this operation. */
static int error_of(const char *verb, const char *name)
{
    bool search = strcmp(verb, "index") == 0 || strcmp(verb, "remove") == 0;
    if (strcmp(name, "IndexError") == 0) return -ERANGE;
    if (strcmp(name, "KeyError") == 0) return -ENOENT;
    return strcmp(name, "ValueError") == 0 && search ? -ENOENT : -EINVAL;
}

/* type, verb, arguments, outcome, contents */
static void check_step(char *line, struct py list, struct py dict)
{
    char *fields[5];
    for (int i = 0; i < 5; i++) {
        fields[i] = strsep(&line, "\t");
        CHECK(fields[i] != NULL);
    }
    struct py object = strcmp(fields[0], "list") == 0 ? list : dict;
    const char *did = text_of("%s.%s %s", fields[0], fields[1], fields[2]);
    int result = py_ask(object, fields[1], fields[2]);
    const char *outcome = result == 0 ? text_of("=%s", py_result()) : m.sentence;
    if (fields[3][0] == '=' ? strcmp(outcome, fields[3]) != 0
                            : result != error_of(fields[1], fields[3] + 1) || !strstr(outcome, fields[3] + 1))
        FAIL("%s gave %s (%d), and Python %s", did, outcome, result, fields[3]);
    if (strcmp(py_repr(object), fields[4]) != 0) FAIL("%s left %s, and Python %s", did, py_repr(object), fields[4]);
}

static void check_seed(const char *seed)
{
    char script[4200];
    snprintf(script, 4096, "%s", test_program("shmctl"));
    for (int up = 0; up < 4; up++) *strrchr(script, '/') = 0;
    strncat(script, "/tests/unit/oracle.py", 64);
    struct ran r = RUN("python3", script, seed, STEPS);
    CHECK_STR(r.err, "");
    managed_start(&m);
    struct py list = py_list("[]"), dict = py_dict("{}");
    char *rest = r.out;
    int steps = 0;
    for (char *line; (line = strsep(&rest, "\n")) && *line; steps++) check_step(line, list, dict);
    CHECK_EQ(steps, atoi(STEPS));
    managed_stop(&m);
}

static void list_and_dict_do_what_pythons_do(void)
{
    check_seed("1");
}

static void list_and_dict_do_what_pythons_do_again(void)
{
    check_seed("2");
}

TESTS(oracle, TEST_T(list_and_dict_do_what_pythons_do, .seconds = 30),
      TEST_T(list_and_dict_do_what_pythons_do_again, .seconds = 30))
