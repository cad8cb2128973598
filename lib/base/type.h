/* SPDX-License-Identifier: MIT */
/* Types as format strings, in the notation of Python's struct module and PEP 3118, parsed into a table of fields.
 *
 *   type    = item | field...            several fields without T{}: as struct has them, without padding at the end
 *   field   = item [:name:] | Nx | 0CODE   x: padding; 0CODE: none of it, but aligned as if, as in struct
 *   item    = [(N,N,...)] [N] CODE | [(N,N,...)] Ns | [(N,N,...)] [N] T{field...}
 *   CODE    = ? c b B h H i I l L q Q n N f d
 *   name    = [A-Za-z_][A-Za-z0-9_]*, at most 63 characters, once in its record
 * with blanks and '@' before any field. Everything has this machine's native size and alignment, and a record T{...}
 * has the padding that a C compiler gives the struct with these members, also at its end.
 *
 * Format strings come from callers and out of segments, where anybody may have written them. So parsing is one pass
 * with a stack of its own, and the text, the fields, the depth and the bytes are limited. */
#ifndef COOPI_TYPE_H
#define COOPI_TYPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define COOPI_TYPE_TEXT 4096           /* a format string with NUL, as given and as canonical */
#define COOPI_TYPE_SIZE_MAX (1u << 30) /* bytes of one item */
#define COOPI_TYPE_FIELDS 1024         /* in all, those of nested records too */
#define COOPI_TYPE_DEPTH 16            /* records within records */
#define COOPI_TYPE_DIMENSIONS 8
#define COOPI_FIELD_NAME 64 /* with NUL */

/* A field: one item, or a row or matrix of them. */
struct coopi_field {
    uint32_t offset;    /* from the beginning of the record that it stands in */
    uint32_t item_size; /* bytes of one item: a scalar, a string, a record with the padding at its end */
    uint32_t count;     /* items: the product of the shape */
    uint32_t shape[COOPI_TYPE_DIMENSIONS];
    uint8_t dimensions; /* 0: one item */
    uint8_t align;
    uint8_t depth;     /* records around it */
    uint8_t name_size; /* 0: it has no name */
    uint16_t name;     /* where its name begins in the type's text */
    uint16_t next;     /* the index of the field behind it, and behind all that is in it */
    char code;         /* one of ?cbBhHiIlLqQnNfd; s: byte strings; T: records */
};

struct coopi_type {
    char code; /* those of fields[0] */
    uint32_t item_size;
    uint32_t count;
    uint32_t size; /* item_size * count */
    uint32_t field_count;
    struct coopi_field *fields; /* [0] is the whole; each record's fields follow it, in order */
    char *text;                 /* canonical: no blanks, no '@', no leading zeros, no count of 1 (but `1s`) */
};

/* Parses FORMAT. WHO begins the sentence of an error: -EINVAL with the column (from 1) and what was expected there;
 * -ENOMEM. RET is untouched on failure; else give it to coopi_type_clear(). */
int coopi_type_parse(const char *format, const char *who, struct coopi_type *ret_type);

/* Frees what a parsed type has. One that is all zero has nothing. */
void coopi_type_clear(struct coopi_type *type);

/* One number, character or bool, which one atomic access reads: no string, row or record. */
static inline bool coopi_type_is_scalar(const struct coopi_type *type)
{
    return type->fields[0].dimensions == 0 && type->code != 's' && type->code != 'T';
}

/* Characters that a caller may take as one string: `Ns`, or a row `Nc`. */
static inline bool coopi_type_is_string(const struct coopi_type *type)
{
    const struct coopi_field *field = type->fields;
    return (field->code == 's' && field->dimensions == 0) || (field->code == 'c' && field->dimensions == 1);
}

/* A part of a type, which an expression such as `.position.x`, `[3]` or `[3].label` names. */
struct coopi_place {
    const struct coopi_field *field;
    uint32_t offset;    /* from the beginning of the whole */
    uint8_t dimensions; /* those of the field's that are not indexed: the last ones. 0: one item */
};

uint32_t coopi_place_size(const struct coopi_place *place);

/* Finds the part of TYPE that EXPRESSION names (its first dot may be left out; empty: the whole). A field without a
 * name is f0, f1, ... by its place in its record, and a negative index counts from the end. -EINVAL (malformed),
 * -ENOENT (no such field), -ERANGE (index), with a sentence that begins with WHO. */
int coopi_type_find(const struct coopi_type *type, const char *expression, const char *who,
                    struct coopi_place *ret_place);

/* The name of FIELD, the NUMBERth of its record, as coopi_type_find() knows it. */
void coopi_field_name(const struct coopi_type *type, const struct coopi_field *field, uint32_t number,
                      char ret_name[COOPI_FIELD_NAME]);

/* Do FOUND and WANTED lay out the same fields under the same names? If not, BUFFER says which is the first that differs
 * and how, as "field `position.x` is f at byte 8, not d at byte 8"; empty if the types have no field in common. */
bool coopi_type_same(const struct coopi_type *found, const struct coopi_type *wanted, char *buffer, size_t size);

/* One scalar of CODE at P as text ("-5", "2.5", "True", "b'x'"): as Python prints it. Writes at most SIZE bytes with
 * NUL and returns what snprintf would. P need not be aligned. */
int coopi_type_format_scalar(char code, const void *p, char *buffer, size_t size);

/* What a C programmer calls the code ("int", "double", "bytes"), and its bytes and alignment as a member of a struct;
 * 0: no such code. */
const char *coopi_type_name(char code);
uint32_t coopi_code_size(char code);
uint8_t coopi_code_align(char code);

#endif
