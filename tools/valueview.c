/* SPDX-License-Identifier: MIT */
/* Values and arrays, decoded by their own type string. */
#include "valueview.h"

#include "model.h"
#include "text.h"

#include "base/error.h"
#include "base/quote.h"
#include "base/type.h"
#include "segment/content.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STRING_SHOWN 128
#define LEAVES 1024 /* so many scalars are shown in any case, and then as many as --items allows for */
#define TRIES 64    /* to read a version of a value whole */

struct view {
    const struct image *image;
    const struct coopi_entry *entry;
    const char *label;
    const struct coopi_type *type;
    uint64_t items; /* shown of each row */
    uint64_t left;  /* scalars that may still be shown */
    FILE *text;
    bool cut;
    bool failed; /* the file ended while we read */
};

static int read_type(const struct image *image, const struct coopi_entry *entry, const char *label,
                     struct coopi_type *ret_type)
{
    char text[COOPI_TYPE_TEXT];
    if (entry->type_size == 0 || entry->type_size > sizeof text)
        return coopi_fail(EBADMSG, "%s: damaged: its type has %" PRIu32 " bytes, and 2 to %zu are possible", label,
                          entry->type_size, sizeof text);
    int r = image_read(image, entry->offset, text, entry->type_size);
    if (r < 0) return r;
    if (text[entry->type_size - 1] != 0) return coopi_fail(EBADMSG, "%s: damaged: its type has no end", label);
    if (coopi_type_parse(text, label, ret_type) == 0) return 0;
    char quoted[COOPI_QUOTED];
    return coopi_fail(EBADMSG, "%s: damaged: its type %s is none", label, coopi_quote(text, quoted, sizeof quoted));
}

static json_t *fail(struct view *view)
{
    view->failed = true;
    return json_null();
}

/* SIZE bytes as a string. NULs at its end are left off, as ctypes does. */
static json_t *string_item(struct view *view, uint64_t offset, uint64_t size)
{
    char bytes[STRING_SHOWN];
    char clean[4 * STRING_SHOWN + 1];
    bool cut = size > sizeof bytes;
    size_t there = cut ? sizeof bytes : (size_t)size;
    if (image_read(view->image, offset, bytes, there) < 0) return fail(view);
    while (there > 0 && bytes[there - 1] == 0) there--;
    text_escape(bytes, there, clean, sizeof clean);
    view->cut |= cut;
    fprintf(view->text, "b'%s'%s", clean, cut ? "..." : "");
    return json_string(clean);
}

static int64_t signed_number(const uint8_t *bytes, uint32_t size)
{
    int64_t number = 0;
    switch (size) {
    case 1: return (int8_t)bytes[0];
    case 2: {
        int16_t half;
        memcpy(&half, bytes, sizeof half);
        return half;
    }
    case 4: {
        int32_t word;
        memcpy(&word, bytes, sizeof word);
        return word;
    }
    default: memcpy(&number, bytes, sizeof number); return number;
    }
}

static uint64_t unsigned_number(const uint8_t *bytes, uint32_t size)
{
    uint64_t number = (uint64_t)signed_number(bytes, size);
    return size < 8 ? number & ((UINT64_C(1) << 8 * size) - 1) : number;
}

static json_t *real_item(uint32_t size, const uint8_t *bytes, const char *text)
{
    double number = 0;
    float single;
    if (size == sizeof number) {
        memcpy(&number, bytes, sizeof number);
    } else {
        memcpy(&single, bytes, sizeof single);
        number = (double)single;
    }
    return isfinite(number) ? json_real(number) : json_string(text);
}

static json_t *scalar_item(struct view *view, char code, uint64_t offset)
{
    uint8_t bytes[sizeof(uint64_t)];
    uint32_t size = coopi_code_size(code);
    char text[64];
    if (image_read(view->image, offset, bytes, size) < 0) return fail(view);
    coopi_type_format_scalar(code, bytes, text, sizeof text);
    fputs(text, view->text);
    if (code == '?') return json_boolean(bytes[0] != 0);
    if (code == 'f' || code == 'd') return real_item(size, bytes, text);
    if (code == 'c') {
        char clean[8];
        text_escape(bytes, 1, clean, sizeof clean);
        return json_string(clean);
    }
    if (strchr("BHILQN", code)) return model_new_number(unsigned_number(bytes, size));
    return json_integer(signed_number(bytes, size));
}

static json_t *show_place(struct view *view, const struct coopi_place *place, uint64_t base);

/* LENGTH places like FIRST, one behind the other. */
static json_t *list_item(struct view *view, struct coopi_place first, uint64_t length, uint64_t base)
{
    json_t *list = model_array();
    uint32_t stride = coopi_place_size(&first);
    uint64_t i = 0;
    fputc('[', view->text);
    for (; i < length && i < view->items && view->left > 0 && !view->failed; i++) {
        if (i) fputs(", ", view->text);
        model_append(list, show_place(view, &first, base + i * stride));
    }
    view->cut |= i < length;
    fputs(i == length ? "]" : i ? ", ...]" : "...]", view->text);
    return list;
}

static json_t *record_item(struct view *view, const struct coopi_place *place, uint64_t base)
{
    const struct coopi_field *fields = view->type->fields;
    uint32_t number = 0, i = (uint32_t)(place->field - fields) + 1;
    json_t *object = model_object();
    fputc('{', view->text);
    for (; i < place->field->next && view->left > 0 && !view->failed; i = fields[i].next, number++) {
        char name[COOPI_FIELD_NAME];
        struct coopi_place member = {&fields[i], place->offset + fields[i].offset, fields[i].dimensions};
        coopi_field_name(view->type, &fields[i], number, name);
        fprintf(view->text, "%s'%s': ", number ? ", " : "", name);
        model_put(object, name, show_place(view, &member, base));
    }
    view->cut |= i < place->field->next;
    fputs(i < place->field->next ? ", ...}" : "}", view->text);
    return object;
}

/* The place counts from BASE. Goes no deeper than the parsed type does. */
static json_t *show_place(struct view *view, const struct coopi_place *place, uint64_t base)
{
    const struct coopi_field *field = place->field;
    struct coopi_place inner = *place;
    if (field->code == 'c' && place->dimensions == 1) {
        if (view->left) view->left--;
        return string_item(view, base + place->offset, coopi_place_size(place));
    }
    if (place->dimensions > 0) {
        inner.dimensions--;
        return list_item(view, inner, field->shape[field->dimensions - place->dimensions], base);
    }
    if (field->code == 'T') return record_item(view, place, base);
    if (view->left) view->left--;
    return field->code == 's' ? string_item(view, base + place->offset, field->item_size)
                              : scalar_item(view, field->code, base + place->offset);
}

/* What is to be shown of the object: a place in an item, or all items. */
struct choice {
    struct coopi_place place;
    uint64_t base;  /* where the item with the place begins */
    uint64_t count; /* UINT64_MAX: that place alone; else so many items from there on */
};

static json_t *show_choice(struct view *view, const struct choice *choice)
{
    bool text = view->type->code == 'c' && choice->place.dimensions == 0;
    if (choice->count == UINT64_MAX) return show_place(view, &choice->place, choice->base);
    if (text) return string_item(view, choice->base, choice->count);
    return list_item(view, choice->place, choice->count, choice->base);
}

/* Where the items begin: behind the object's own lock, if it has one. */
static int find_items(const struct view *view, uint64_t *ret_offset)
{
    const struct coopi_entry *entry = view->entry;
    uint64_t body_size = entry->offset + entry->size - entry->body;
    char quoted[COOPI_QUOTED];
    if (!coopi_content_fits(entry->kind, entry->flags, view->type->size, entry->length, body_size))
        return coopi_fail(EBADMSG, "%s: damaged: %" PRIu64 " items of type %s do not fit into its %" PRIu64 " bytes",
                          view->label, entry->length, coopi_quote(view->type->text, quoted, sizeof quoted),
                          entry->size);
    *ret_offset = entry->body + coopi_content_head(entry->flags);
    return 0;
}

/* The `[index]` that an expression on an array begins with; *PART goes on behind it. */
static int choose_item(const struct view *view, const char **part, uint64_t *ret_index)
{
    int64_t length = (int64_t)view->entry->length;
    const char *text = *part;
    char *end = NULL;
    char quoted[COOPI_QUOTED];
    errno = 0;
    int64_t index = *text == '[' && text[1] != ' ' ? strtoll(text + 1, &end, 10) : 0;
    if (!end || end == text + 1 || *end != ']')
        return coopi_fail(EINVAL, "%s: %s: choose an item of the array first, as in [0] or [-1]", view->label,
                          coopi_quote(text, quoted, sizeof quoted));
    if (errno || index < -length || index >= length)
        return coopi_fail(ERANGE, "%s: index %.*s is out of bounds: it has %" PRId64 " items", view->label,
                          (int)(end - text - 1 < 24 ? end - text - 1 : 24), text + 1, length);
    *part = end + 1;
    *ret_index = (uint64_t)(index < 0 ? index + length : index);
    return 0;
}

static int choose(const struct view *view, const char *part, uint64_t begin, struct choice *ret_choice)
{
    bool array = view->entry->kind == COOPI_ARRAY;
    struct choice choice = {.base = begin, .count = UINT64_MAX};
    uint64_t index = 0;
    if (array && !*part) {
        choice.count = view->entry->length;
    } else if (array) {
        int r = choose_item(view, &part, &index);
        if (r < 0) return r;
    }
    int r = coopi_type_find(view->type, part, view->label, &choice.place);
    if (r < 0) return r;
    choice.base += index * view->type->size;
    *ret_choice = choice;
    return 0;
}

/* Renders the choice, in memory that the caller frees. */
static json_t *render(struct view *view, const struct choice *choice, char **ret_text)
{
    size_t size;
    *ret_text = NULL;
    view->left = LEAVES + view->items;
    view->cut = view->failed = false;
    view->text = open_memstream(ret_text, &size);
    if (!view->text) return NULL;
    json_t *value = show_choice(view, choice);
    fclose(view->text);
    return value;
}

/* A version as a reader gets it: the sequence is the same before and after. */
static int render_record(struct view *view, struct choice choice, json_t *object, json_t **ret_value, char **ret_text)
{
    uint64_t head = choice.base, version, again;
    for (int i = 0; i < TRIES; i++) {
        int r = image_read(view->image, head, &version, sizeof version);
        if (r < 0) return r;
        choice.base = head + sizeof(struct coopi_record_shm) +
                      (version & 1) * (coopi_record_bytes(view->type->size) - sizeof(struct coopi_record_shm)) / 2;
        *ret_value = render(view, &choice, ret_text);
        r = image_read(view->image, head, &again, sizeof again);
        if (r == 0 && again == version) {
            model_number(object, "version", version);
            return 0;
        }
        json_decref(*ret_value);
        free(*ret_text);
        *ret_value = NULL;
        *ret_text = NULL;
        if (r < 0) return r;
    }
    return coopi_fail(EAGAIN, "%s: is changed faster than it can be read; ask again", view->label);
}

static int show_value(struct view *view, const char *part, json_t *object)
{
    bool record = coopi_is_record(view->entry->kind, view->type->size);
    uint64_t begin;
    struct choice choice;
    json_t *value = NULL;
    char *text = NULL;
    int r = find_items(view, &begin);
    if (r == 0) r = choose(view, part, begin, &choice);
    if (r < 0) return r;
    if (record)
        r = render_record(view, choice, object, &value, &text);
    else
        value = render(view, &choice, &text);
    if (r == 0 && !value) r = coopi_fail(ENOMEM, "%s: no memory", view->label);
    if (r == 0 && view->failed) r = -EBADMSG;
    if (r == 0) {
        model_put(object, "value", json_incref(value));
        model_bool(object, "cut", view->cut);
        model_put(object, "text", json_string(text));
    }
    json_decref(value);
    free(text);
    return r;
}

int valueview_read(const struct image *image, const struct coopi_entry *entry, const char *label, const char *part,
                   uint64_t items, json_t *object)
{
    struct coopi_type type;
    struct view view = {.image = image, .entry = entry, .label = label, .type = &type, .items = items};
    int r = read_type(image, entry, label, &type);
    if (r < 0) return r;
    model_text(object, "type", type.text);
    model_number(object, "item_size", type.size);
    r = show_value(&view, part, object);
    coopi_type_clear(&type);
    return r;
}
