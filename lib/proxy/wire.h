/* SPDX-License-Identifier: MIT */
/* msgpack in and out: a scan that trusts nothing, a reader of what was scanned, and a writer. */
#ifndef COOPI_WIRE_H
#define COOPI_WIRE_H

#include <coop/any.h>

/* The limits of PROTOCOL.md. A message body with its request id is at most COOPI_WIRE_MAX bytes. The count of values
 * bounds what a message can make us allocate: sixteen bytes each, or thirty-two a pair, beside the bytes themselves. */
#define COOPI_WIRE_MAX ((size_t)64 << 20)
#define COOPI_WIRE_VALUES ((uint32_t)4 << 20)
#define COOPI_WIRE_DEPTH 36 /* of a message: the envelopes of a request and of a batch around COOP_ANY_DEPTH */

/* Looks through LEN bytes without allocating: exactly one msgpack value, whole, with no byte behind it, nested at most
 * MAX_DEPTH deep, every announced size and count possible within the bytes that are left, text in UTF-8, map keys
 * plain, no ext type. Returns 0, -EBADMSG or -EMSGSIZE with a sentence. Only what passed may be given to a reader. */
int coopi_wire_scan(const void *data, size_t len, int max_depth) COOP_MUST_CHECK;

/* Reads values one after another out of bytes that passed the scan. All reads fail with -EBADMSG and a sentence if the
 * next value has another type or there is none; they borrow from the bytes except where said. The reader may be copied
 * to read something twice. */
struct coopi_reader {
    const unsigned char *data;
    size_t len;
    size_t off;
};

int coopi_read_array(struct coopi_reader *r, uint32_t *ret_count) COOP_MUST_CHECK; /* its items follow */
int coopi_read_uint(struct coopi_reader *r, uint64_t *ret_number) COOP_MUST_CHECK;
int coopi_read_str(struct coopi_reader *r, const char **ret_text, size_t *ret_size) COOP_MUST_CHECK;
int coopi_read_bytes(struct coopi_reader *r, const void **ret_bytes, size_t *ret_size) COOP_MUST_CHECK;

/* Any value, owned by the caller: coop_any_clear() it. A map's key that came twice has its last value. -EBADMSG (also a
 * NaN as key, or deeper than COOP_ANY_DEPTH) or -ENOMEM. */
int coopi_read_any(struct coopi_reader *r, coop_any *ret_value) COOP_MUST_CHECK;

/* The same for a result: up to COOPI_RESULT_LEVELS arrays or maps that an operation puts around values, each of which
 * may nest as deep as a value can: the pages of a dict's items are arrays of an array of pairs. */
#define COOPI_RESULT_LEVELS 3
int coopi_read_result(struct coopi_reader *r, coop_any *ret_value) COOP_MUST_CHECK;

/* Any value but a list or map, borrowed from the bytes; for those -EBADMSG. Nothing is allocated. */
int coopi_read_plain(struct coopi_reader *r, coop_any *ret_value) COOP_MUST_CHECK;

/* Passes over one value. */
int coopi_read_skip(struct coopi_reader *r) COOP_MUST_CHECK;

/* Collects msgpack in memory that grows up to a limit. The first failure sticks, later writes do nothing, and
 * coopi_writer_status() tells it: -ENOMEM, -EMSGSIZE (limit), -EINVAL (text that is no UTF-8, unknown type, too deep),
 * with a sentence kept at the time. */
struct coopi_writer {
    unsigned char *data;
    size_t len;
    size_t capacity;
    size_t limit;
    int status;
};

void coopi_writer_init(struct coopi_writer *w, size_t limit); /* nothing is allocated yet */
void coopi_writer_free(struct coopi_writer *w);
void coopi_writer_reset(struct coopi_writer *w); /* empty again; keeps memory up to 64 KiB */
int coopi_writer_status(const struct coopi_writer *w) COOP_MUST_CHECK;

/* Back to the first LEN bytes, and to no failure: for what turned out not to fit. */
void coopi_writer_cut(struct coopi_writer *w, size_t len);

void coopi_write_raw(struct coopi_writer *w, const void *bytes, size_t size); /* as they are: headers, whole values */
void coopi_write_array(struct coopi_writer *w, uint32_t count);               /* COUNT items have to follow */
void coopi_write_map(struct coopi_writer *w, uint32_t count);                 /* COUNT keys and values, in turns */
void coopi_write_nil(struct coopi_writer *w);
void coopi_write_uint(struct coopi_writer *w, uint64_t number);
void coopi_write_str(struct coopi_writer *w, const char *text, size_t size);
void coopi_write_bytes(struct coopi_writer *w, const void *bytes, size_t size);
void coopi_write_any(struct coopi_writer *w, const coop_any *value);

#endif
