/* SPDX-License-Identifier: MIT */
/* Values and arrays, decoded by their own type string. */
#include "valueview.h"

#include "model.h"
#include "text.h"

#include "base/error.h"
#include "base/quote.h"
#include "base/type.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TYPE_ROOM 256 /* a type string that is longer is not one of ours */
#define STRING_SHOWN 128
#define ITEM_ROOM 4096 /* of one item that is itself a list, this many bytes are shown at most */

struct view {
    const struct image *image;
    struct coopi_type type;
    uint64_t items;
    FILE *text;
    bool cut;
};

static int read_type(const struct image *image, const struct coopi_entry *entry, const char *label,
                     struct coopi_type *ret_type)
{
    char text[TYPE_ROOM];
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

/* A byte string of SIZE bytes, of which the first THERE were read. NULs at its end are left off, as ctypes does. */
static json_t *string_item(struct view *view, const uint8_t *bytes, size_t there, size_t size)
{
    char clean[4 * STRING_SHOWN + 1];
    bool cut = there < size;
    while (!cut && there > 0 && bytes[there - 1] == 0) there--;
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

static json_t *real_item(const struct coopi_type *type, const uint8_t *bytes, const char *text)
{
    double number = 0;
    float single;
    if (type->item_size == sizeof number) {
        memcpy(&number, bytes, sizeof number);
    } else {
        memcpy(&single, bytes, sizeof single);
        number = (double)single;
    }
    return isfinite(number) ? json_real(number) : json_string(text);
}

static json_t *scalar_item(struct view *view, const uint8_t *bytes)
{
    const struct coopi_type *type = &view->type;
    if (type->code == 's') return string_item(view, bytes, 1, 1);
    char text[64];
    coopi_type_format_scalar(type, bytes, text, sizeof text);
    fputs(text, view->text);
    if (type->code == '?') return json_boolean(bytes[0] != 0);
    if (type->code == 'f' || type->code == 'd') return real_item(type, bytes, text);
    if (type->code == 'c') {
        char clean[8];
        text_escape(bytes, 1, clean, sizeof clean);
        return json_string(clean);
    }
    if (strchr("BHILQN", type->code)) return model_new_number(unsigned_number(bytes, type->item_size));
    return json_integer(signed_number(bytes, type->item_size));
}

/* A flat list of scalars inside one item. */
static json_t *list_item(struct view *view, const uint8_t *bytes, uint32_t shown)
{
    json_t *list = model_array();
    fputc('[', view->text);
    for (uint32_t i = 0; i < shown; i++) {
        if (i) fputs(", ", view->text);
        model_append(list, scalar_item(view, bytes + (size_t)i * view->type.item_size));
    }
    bool cut = shown < view->type.count;
    view->cut |= cut;
    fputs(cut ? ", ...]" : "]", view->text);
    return list;
}

/* NULL: the file ended while we read. */
static json_t *read_item(struct view *view, uint64_t offset)
{
    uint8_t bytes[ITEM_ROOM];
    const struct coopi_type *type = &view->type;
    uint32_t shown = type->count;
    uint32_t most = type->code == 's' ? STRING_SHOWN : ITEM_ROOM / type->item_size;
    if (type->code != 's' && view->items < most) most = (uint32_t)view->items;
    if (shown > most) shown = most;
    if (image_read(view->image, offset, bytes, (size_t)shown * type->item_size) < 0) return NULL;
    if (type->code == 's') return string_item(view, bytes, shown, type->size);
    return type->count == 1 ? scalar_item(view, bytes) : list_item(view, bytes, shown);
}

static json_t *read_items(struct view *view, uint64_t offset, uint64_t length)
{
    json_t *list = model_array();
    uint64_t shown = length < view->items ? length : view->items;
    fputc('[', view->text);
    for (uint64_t i = 0; i < shown; i++) {
        if (i) fputs(", ", view->text);
        json_t *item = read_item(view, offset + i * view->type.size);
        if (!item) {
            json_decref(list);
            return NULL;
        }
        model_append(list, item);
    }
    view->cut |= shown < length;
    fputs(shown == length ? "]" : shown ? ", ...]" : "...]", view->text);
    return list;
}

/* Where the items begin: behind the object's own lock, if it has one. */
static int find_items(const struct coopi_entry *entry, const struct coopi_type *type, const char *label,
                      uint64_t *ret_offset)
{
    uint64_t end = entry->offset + entry->size;
    uint64_t begin = entry->body;
    if (entry->flags & COOPI_ENTRY_LOCKED) begin += sizeof(struct coopi_lock_shm);
    if (begin > end || entry->length > (end - begin) / type->size)
        return coopi_fail(EBADMSG, "%s: damaged: %" PRIu64 " items of type %s do not fit into its %" PRIu64 " bytes",
                          label, entry->length, type->text, entry->size);
    *ret_offset = begin;
    return 0;
}

int valueview_read(const struct image *image, const struct coopi_entry *entry, const char *label, uint64_t items,
                   json_t *object)
{
    struct view view = {.image = image, .items = items};
    int r = read_type(image, entry, label, &view.type);
    if (r < 0) return r;
    model_text(object, "type", view.type.text);
    model_number(object, "item_size", view.type.size);
    uint64_t offset;
    r = find_items(entry, &view.type, label, &offset);
    if (r < 0) return r;

    char *text = NULL;
    size_t size;
    view.text = open_memstream(&text, &size);
    if (!view.text) return coopi_fail(ENOMEM, "%s: no memory", label);
    json_t *value = entry->kind == COOPI_ARRAY ? read_items(&view, offset, entry->length) : read_item(&view, offset);
    fclose(view.text);
    if (value) {
        model_put(object, "value", value);
        model_bool(object, "cut", view.cut);
        model_put(object, "text", json_string(text));
    }
    free(text);
    return value ? 0 : -EBADMSG;
}
