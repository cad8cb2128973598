/* SPDX-License-Identifier: MIT */
/* Records against the C compiler, in 200 generated structs, and plain formats against Python's struct.calcsize. */
#include "base/type.h"
#include "harness/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct layout_field {
    const char *path;
    size_t offset;
    size_t size;
};

struct layout {
    const char *format;
    size_t size;
    size_t align;
    const struct layout_field *fields;
    size_t count;
};

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpedantic" /* arrays without members: what 0d means */
#include "layouts.h"
#pragma GCC diagnostic pop

static void generated_structs_are_laid_out_as_the_compiler_does_it(void)
{
    CHECK_EQ(sizeof layouts / sizeof layouts[0], 200);
    for (size_t i = 0; i < sizeof layouts / sizeof layouts[0]; i++) {
        const struct layout *layout = &layouts[i];
        struct coopi_type type;
        CHECK_OK(coopi_type_parse(layout->format, layout->format, &type));
        for (size_t k = 0; k < layout->count; k++) {
            const struct layout_field *field = &layout->fields[k];
            struct coopi_place place;
            CHECK_OK(coopi_type_find(&type, field->path, layout->format, &place));
            if (place.offset != field->offset || coopi_place_size(&place) != field->size)
                FAIL("%s of %s is at %u and has %u bytes, not at %zu with %zu", field->path, layout->format,
                     place.offset, coopi_place_size(&place), field->offset, field->size);
        }
        if (type.size != layout->size || type.fields[0].align != layout->align)
            FAIL("%s has %u bytes aligned to %u, not %zu to %zu", layout->format, type.size, type.fields[0].align,
                 layout->size, layout->align);
        coopi_type_clear(&type);
    }
}

static void the_canonical_text_is_the_same_type(void)
{
    for (size_t i = 0; i < sizeof layouts / sizeof layouts[0]; i++) {
        struct coopi_type type, again;
        char difference[400] = "";
        CHECK_OK(coopi_type_parse(layouts[i].format, "t", &type));
        CHECK_OK(coopi_type_parse(type.text, "t", &again));
        CHECK_STR(again.text, type.text);
        CHECK(!strchr(type.text, ' ') && !strchr(type.text, '@'));
        CHECK(coopi_type_same(&type, &again, difference, sizeof difference));
        CHECK_STR(difference, "");
        coopi_type_clear(&type);
        coopi_type_clear(&again);
    }
}

static uint32_t size_of(const char *format)
{
    struct coopi_type type;
    CHECK_OK(coopi_type_parse(format, "t", &type));
    uint32_t size = type.size;
    coopi_type_clear(&type);
    return size;
}

/* Formats that Python's struct knows: seeded, the same in each run. */
static void random_format(unsigned *seed, char *format, size_t room)
{
    static const char codes[] = "?cbBhHiIlLqQnNfdsx";
    size_t length = 0;
    int items = rand_r(seed) % 8 + 1;
    for (int i = 0; i < items && length + 16 < room; i++) {
        char code = codes[(size_t)rand_r(seed) % (sizeof codes - 1)];
        int count = rand_r(seed) % 12 + (code == 's' || code == 'x');
        const char *blank = rand_r(seed) % 2 ? " " : "";
        if (rand_r(seed) % 2 && count > 0)
            length += (size_t)snprintf(format + length, room - length, "%s%d%c", blank, count, code);
        else if (count == 0)
            length += (size_t)snprintf(format + length, room - length, "%s0%ci", blank, code);
        else
            length += (size_t)snprintf(format + length, room - length, "%s%c", blank, code);
    }
    snprintf(format + length, room - length, "b");
}

static void python_s_struct_has_the_same_sizes(void)
{
    enum { FORMATS = 300, ROOM = 160 };
    static char formats[FORMATS][ROOM];
    static char script[FORMATS * ROOM + 200];
    unsigned seed = 3118;
    size_t length = (size_t)snprintf(script, sizeof script, "import struct\nfor f in '''\n");
    for (int i = 0; i < FORMATS; i++) {
        random_format(&seed, formats[i], ROOM);
        length += (size_t)snprintf(script + length, sizeof script - length, "%s\n", formats[i]);
    }
    snprintf(script + length, sizeof script - length, "'''.split('\\n')[1:-1]: print(struct.calcsize(f))\n");
    struct ran ran = RUN("python3", "-c", script);
    CHECK_STR(ran.err, "");
    char *line = ran.out;
    for (int i = 0; i < FORMATS; i++) {
        uint32_t expected = (uint32_t)strtoul(line, &line, 10), found = size_of(formats[i]);
        if (found != expected) FAIL("%s has %u bytes, and Python says %u", formats[i], found, expected);
    }
    CHECK_STR(line, "\n");
}

TESTS(layout, TEST(generated_structs_are_laid_out_as_the_compiler_does_it), TEST(the_canonical_text_is_the_same_type),
      TEST(python_s_struct_has_the_same_sizes))
