/* SPDX-License-Identifier: MIT */
/* Names of segments and objects, and the paths that join them. */
#include "base/name.h"

#include "base/error.h"
#include "base/quote.h"

#include <errno.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define USER_NAME 65 /* with NUL */

/* What one kind of name looks like. */
struct grammar {
    const char *what;
    size_t longest;
    bool digit_first; /* may begin with a digit or '-' */
    bool dots;        /* may have dots after the first character */
    const char *cure;
};

static const struct grammar segment_grammar = {
    "a segment name", COOPI_SEGMENT_NAME - 1, true, true,
    "a segment name is 1 to 100 of A-Z a-z 0-9 _ - . and does not begin with a dot"};
static const struct grammar object_grammar = {
    "an object name", COOPI_OBJECT_NAME - 1, false, false,
    "an object name is 1 to 64 of A-Z a-z 0-9 _ - and begins with a letter or _"};

static const char path_cure[] = "a path is segment/object, such as bank/saldo";

static bool allowed(const struct grammar *grammar, char c, bool first)
{
    if ((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_') return true;
    if ((c >= '0' && c <= '9') || c == '-') return grammar->digit_first || !first;
    return c == '.' && grammar->dots && !first;
}

/* Checks the LENGTH characters at NAME, which stand somewhere in TEXT, the whole that the user wrote. */
static int check(const struct grammar *grammar, const char *text, const char *name, size_t length)
{
    char quoted[COOPI_QUOTED];
    for (size_t i = 0; i < length; i++) {
        if (allowed(grammar, name[i], i == 0)) continue;
        char character[8];
        return coopi_fail(EINVAL, "%s: %s at column %td cannot %s %s; %s", coopi_quote(text, quoted, sizeof quoted),
                          coopi_quote_char(name[i], character, sizeof character), name + i - text + 1,
                          i == 0 ? "begin" : "stand in", grammar->what, grammar->cure);
    }
    if (length == 0)
        return coopi_fail(EINVAL, "%s: %s is missing at column %td; %s", coopi_quote(text, quoted, sizeof quoted),
                          grammar->what, name - text + 1, grammar->cure);
    if (length > grammar->longest)
        return coopi_fail(ENAMETOOLONG,
                          "%s: %s of %zu characters at column %td is too long, at most %zu are possible; %s",
                          coopi_quote(text, quoted, sizeof quoted), grammar->what, length, name - text + 1,
                          grammar->longest, grammar->cure);
    return 0;
}

/* A user given by number. False: USER is not all digits, or too large for a uid ((uid_t)-1 means nobody). */
static bool user_number(const char *user, uid_t *ret_uid)
{
    uint64_t number = 0;
    for (const char *c = user; *c; c++) {
        if (*c < '0' || *c > '9' || number > UINT32_MAX) return false;
        number = number * 10 + (uint64_t)(*c - '0');
    }
    if (number >= UINT32_MAX) return false;
    *ret_uid = (uid_t)number;
    return true;
}

/* Looks up the LENGTH characters before the colon of TEXT. */
static int find_user(const char *text, size_t length, uid_t *ret_uid)
{
    char quoted[COOPI_QUOTED];
    coopi_quote(text, quoted, sizeof quoted);
    if (length == 0)
        return coopi_fail(EINVAL, "%s: ':' at column 1: no user stands before it; another user's segment is USER:name",
                          quoted);
    if (length >= USER_NAME)
        return coopi_fail(ENAMETOOLONG, "%s: the user before ':' has %zu characters, at most %d are possible", quoted,
                          length, USER_NAME - 1);
    char user[USER_NAME];
    memcpy(user, text, length);
    user[length] = '\0';
    if (user_number(user, ret_uid)) return 0;
    char memory[16384];
    struct passwd entry;
    struct passwd *found = NULL;
    int error = getpwnam_r(user, &entry, memory, sizeof memory, &found);
    if (found) {
        *ret_uid = found->pw_uid;
        return 0;
    }
    if (error != 0 && error != ENOENT && error != ESRCH)
        return coopi_fail(error, "%s: cannot look up the user before ':': %s; give the uid instead", quoted,
                          strerrordesc_np(error));
    return coopi_fail(ENOENT, "%s: there is no such user as stands before ':'; give a login name or a uid", quoted);
}

/* The LENGTH first characters of TEXT as a segment. */
static int parse_segment(const char *text, size_t length, struct coopi_segment_name *ret_name)
{
    struct coopi_segment_name found = {.uid = geteuid()};
    const char *name = text;
    const char *colon = memchr(text, ':', length);
    if (colon) name = colon + 1;
    size_t name_length = length - (size_t)(name - text);
    int result = check(&segment_grammar, text, name, name_length);
    if (result < 0) return result;
    if (colon) result = find_user(text, (size_t)(colon - text), &found.uid);
    if (result < 0) return result;
    memcpy(found.name, name, name_length);
    snprintf(found.shm, sizeof found.shm, "/coop.%ju.%s", (uintmax_t)found.uid, found.name);
    *ret_name = found;
    return 0;
}

int coopi_segment_name_parse(const char *text, struct coopi_segment_name *ret_name)
{
    if (!text) return coopi_fail(EINVAL, "no segment name given; %s", segment_grammar.cure);
    return parse_segment(text, strlen(text), ret_name);
}

int coopi_object_name_check(const char *name)
{
    if (!name) return coopi_fail(EINVAL, "no object name given; %s", object_grammar.cure);
    return check(&object_grammar, name, name, strlen(name));
}

int coopi_path_parse(const char *text, struct coopi_path *ret_path)
{
    if (!text) return coopi_fail(EINVAL, "no path given; %s", path_cure);
    char quoted[COOPI_QUOTED];
    const char *slash = strchr(text, '/');
    if (!slash)
        return coopi_fail(EINVAL, "%s: no '/' up to column %zu, so no object is named; %s",
                          coopi_quote(text, quoted, sizeof quoted), strlen(text) + 1, path_cure);
    const char *object = slash + 1;
    size_t length = strlen(object);
    int result = check(&object_grammar, text, object, length);
    if (result < 0) return result;
    struct coopi_path path = {0};
    result = parse_segment(text, (size_t)(slash - text), &path.segment);
    if (result < 0) return result;
    memcpy(path.object, object, length);
    *ret_path = path;
    return 0;
}
