/* SPDX-License-Identifier: MIT */
/* Parts of a type by name, and where two types part. */
#include "base/error.h"
#include "base/quote.h"
#include "base/type.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define PATH_TEXT 160

uint32_t coopi_place_size(const struct coopi_place *place)
{
    const struct coopi_field *field = place->field;
    uint32_t size = field->item_size;
    for (int i = field->dimensions - place->dimensions; i < field->dimensions; i++) size *= field->shape[i];
    return size;
}

void coopi_field_name(const struct coopi_type *type, const struct coopi_field *field, uint32_t number,
                      char ret_name[COOPI_FIELD_NAME])
{
    if (field->name_size)
        snprintf(ret_name, COOPI_FIELD_NAME, "%.*s", field->name_size, type->text + field->name);
    else
        snprintf(ret_name, COOPI_FIELD_NAME, "f%" PRIu32, number);
}

/* Finding */

struct finder {
    const struct coopi_type *type;
    const char *who;
    const char *text;
    const char *at;
    struct coopi_place place;
};

static int malformed(const struct finder *finder, const char *why)
{
    char quoted[COOPI_QUOTED];
    coopi_quote(finder->text, quoted, sizeof quoted);
    return coopi_fail(EINVAL, "%s: %s, column %td: %s", finder->who, quoted, finder->at - finder->text + 1, why);
}

static bool ends_name(char c)
{
    return c == 0 || c == '.' || c == '[';
}

/* The fields of the record, as far as a sentence bears them. */
static int no_such_field(const struct finder *finder, const char *name, size_t size)
{
    const struct coopi_type *type = finder->type;
    uint32_t record = (uint32_t)(finder->place.field - type->fields);
    uint32_t number = 0;
    char list[PATH_TEXT] = "";
    size_t length = 0;
    for (uint32_t i = record + 1; i < type->fields[record].next && length < sizeof list - COOPI_FIELD_NAME - 8;
         i = type->fields[i].next) {
        char field[COOPI_FIELD_NAME];
        coopi_field_name(type, &type->fields[i], number++, field);
        length += (size_t)snprintf(list + length, sizeof list - length, "%s%s", length ? ", " : "", field);
    }
    char wanted[COOPI_FIELD_NAME + 8];
    char quoted[COOPI_QUOTED];
    snprintf(wanted, sizeof wanted, "%.*s", (int)(size < sizeof wanted ? size : sizeof wanted), name);
    return coopi_fail(ENOENT, "%s: has no field %s; there are: %s", finder->who,
                      coopi_quote(wanted, quoted, sizeof quoted), list);
}

/* N of `fN`, as it is written by coopi_field_name(); UINT32_MAX: another name. */
static uint32_t number_of_name(const char *name, size_t size)
{
    uint32_t number = 0;
    if (size < 2 || size > 5 || name[0] != 'f' || (size > 2 && name[1] == '0')) return UINT32_MAX;
    for (size_t i = 1; i < size; i++) {
        if (name[i] < '0' || name[i] > '9') return UINT32_MAX;
        number = number * 10 + (uint32_t)(name[i] - '0');
    }
    return number;
}

static int find_field(struct finder *finder)
{
    const struct coopi_type *type = finder->type;
    const char *name = finder->at;
    const struct coopi_field *record = finder->place.field;
    if (finder->place.dimensions > 0) return malformed(finder, "these are many items; choose one by [index] first");
    if (record->code != 'T') return malformed(finder, "this is no record, and has no fields");
    while (!ends_name(*finder->at)) finder->at++;
    size_t size = (size_t)(finder->at - name);
    const struct coopi_field *found = NULL;
    uint32_t number = 0;
    uint32_t wanted = number_of_name(name, size);
    for (uint32_t i = (uint32_t)(record - type->fields) + 1; i < record->next; i = type->fields[i].next, number++) {
        const struct coopi_field *field = &type->fields[i];
        if (!field->name_size && number == wanted && !found) found = field;
        if (field->name_size != size || memcmp(type->text + field->name, name, size) != 0) continue;
        found = field; /* a name that was given comes before one that counts */
        break;
    }
    if (!found) return no_such_field(finder, name, size);
    finder->place.field = found;
    finder->place.offset += found->offset;
    finder->place.dimensions = found->dimensions;
    return 0;
}

/* `[3]`, `[-1]`: 18 digits at most, so nothing overflows. */
static int find_item(struct finder *finder)
{
    struct coopi_place *place = &finder->place;
    const struct coopi_field *field = place->field;
    if (place->dimensions == 0) return malformed(finder, "this is one item, and has no index");
    int64_t length = field->shape[field->dimensions - place->dimensions];
    bool negative = *++finder->at == '-';
    if (negative) finder->at++;
    const char *digits = finder->at;
    int64_t index = 0;
    for (; *finder->at >= '0' && *finder->at <= '9' && finder->at - digits < 18; finder->at++)
        index = index * 10 + (*finder->at - '0');
    if (finder->at == digits || *finder->at != ']') return malformed(finder, "expected an index, as in [3] or [-1]");
    if (negative) index = -index;
    if (index < -length || index >= length)
        return coopi_fail(ERANGE, "%s: index %" PRId64 " is out of bounds: there are %" PRId64 " items", finder->who,
                          index, length);
    finder->at++;
    place->dimensions--;
    place->offset += (uint32_t)(index < 0 ? index + length : index) * coopi_place_size(place);
    return 0;
}

int coopi_type_find(const struct coopi_type *type, const char *expression, const char *who,
                    struct coopi_place *ret_place)
{
    struct finder finder = {.type = type,
                            .who = who,
                            .text = expression,
                            .at = expression,
                            .place = {.field = type->fields, .dimensions = type->fields[0].dimensions}};
    while (*finder.at) {
        bool item = *finder.at == '[';
        if (*finder.at == '.')
            finder.at++;
        else if (!item && finder.at != expression)
            return malformed(&finder, "expected .field or [index]");
        if (!item && ends_name(*finder.at)) return malformed(&finder, "expected the name of a field");
        int r = item ? find_item(&finder) : find_field(&finder);
        if (r < 0) return r;
    }
    *ret_place = finder.place;
    return 0;
}

/* Comparing */

/* `position.x`: the names of the records around the field, and its own. Without the beginning if it is very long. */
static void name_path(const struct coopi_type *type, uint32_t index, char text[PATH_TEXT])
{
    size_t length = 0;
    uint32_t record = 0;
    text[0] = 0;
    while (record != index) {
        uint32_t number = 0, i = record + 1;
        for (; type->fields[i].next <= index; i = type->fields[i].next) number++;
        char name[COOPI_FIELD_NAME];
        coopi_field_name(type, &type->fields[i], number, name);
        if (length + strlen(name) + 2 > PATH_TEXT) length = 0;
        length += (size_t)snprintf(text + length, PATH_TEXT - length, "%s%s", length ? "." : "", name);
        record = i;
    }
}

static void describe(const struct coopi_field *field, char *text, size_t size)
{
    char shape[PATH_TEXT / 2] = "";
    size_t length = 0;
    for (int i = 0; i < field->dimensions; i++)
        length += (size_t)snprintf(shape + length, sizeof shape - length, "%c%" PRIu32, i ? ',' : '(', field->shape[i]);
    if (length) snprintf(shape + length, sizeof shape - length, ")");
    if (field->code == 's')
        snprintf(text, size, "%s%" PRIu32 "s at byte %" PRIu32, shape, field->item_size, field->offset);
    else if (field->code == 'T')
        snprintf(text, size, "%sT{} of %" PRIu32 " bytes at byte %" PRIu32, shape, field->item_size, field->offset);
    else
        snprintf(text, size, "%s%c at byte %" PRIu32, shape, field->code, field->offset);
}

static bool same_name(const struct coopi_type *a, const struct coopi_field *x, const struct coopi_type *b,
                      const struct coopi_field *y)
{
    return x->name_size == y->name_size && memcmp(a->text + x->name, b->text + y->name, x->name_size) == 0;
}

/* But for what is in them: a difference there is told where it is. */
static bool same_field(const struct coopi_field *x, const struct coopi_field *y)
{
    return x->code == y->code && x->offset == y->offset && x->dimensions == y->dimensions &&
           (x->code == 'T' || x->item_size == y->item_size) &&
           memcmp(x->shape, y->shape, x->dimensions * sizeof x->shape[0]) == 0;
}

/* The fields at INDEX part by their names, or only one type has such a field. */
static void tell_names(const struct coopi_type *found, const struct coopi_type *wanted, uint32_t index, char *buffer,
                       size_t size)
{
    char one[PATH_TEXT] = "";
    char other[PATH_TEXT] = "";
    bool in_found = index < found->field_count, in_wanted = index < wanted->field_count;
    if (in_found && in_wanted && found->fields[index].depth != wanted->fields[index].depth) {
        in_found = found->fields[index].depth > wanted->fields[index].depth;
        in_wanted = !in_found;
    }
    if (in_found) name_path(found, index, one);
    if (in_wanted) name_path(wanted, index, other);
    if (in_found && in_wanted)
        snprintf(buffer, size, "it has field `%s` where `%s` is wanted", one, other);
    else
        snprintf(buffer, size, "it has %s field `%s`", in_found ? "a further" : "no", in_found ? one : other);
}

static void tell_fields(const struct coopi_type *found, const struct coopi_type *wanted, uint32_t index, char *buffer,
                        size_t size)
{
    char path[PATH_TEXT], one[PATH_TEXT], other[PATH_TEXT];
    buffer[0] = 0;
    if (index == 0 && (found->code != 'T' || wanted->code != 'T')) return;
    name_path(found, index, path);
    describe(&found->fields[index], one, sizeof one);
    describe(&wanted->fields[index], other, sizeof other);
    if (index == 0)
        snprintf(buffer, size, "the record is %s, not %s", one, other);
    else
        snprintf(buffer, size, "field `%s` is %s, not %s", path, one, other);
}

bool coopi_type_same(const struct coopi_type *found, const struct coopi_type *wanted, char *buffer, size_t size)
{
    uint32_t i = 0, both = found->field_count < wanted->field_count ? found->field_count : wanted->field_count;
    for (; i < both; i++) {
        const struct coopi_field *x = &found->fields[i], *y = &wanted->fields[i];
        if (x->depth != y->depth || !same_name(found, x, wanted, y)) break;
        if (same_field(x, y)) continue;
        tell_fields(found, wanted, i, buffer, size);
        return false;
    }
    if (i < found->field_count || i < wanted->field_count) {
        tell_names(found, wanted, i, buffer, size);
        return false;
    }
    for (i = 0; i < both && found->fields[i].item_size == wanted->fields[i].item_size;) i++;
    if (i == both) return true;
    tell_fields(found, wanted, i, buffer, size);
    return false;
}
