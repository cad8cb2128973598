/* SPDX-License-Identifier: MIT */
/* Batches: many operations on a manager's objects in one round trip. */
#include "base/error.h"
#include "proxy/proxy.h"

#include <coop/batch.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define HEAD_ROOM 128 /* for what stands before the operations in a request */

/* What an operation gave: its value, or if STATUS is negative its sentence; owned. */
struct outcome {
    int status;
    coop_any value;
};

struct coop_batch {
    coop_manager *manager;
    struct coopi_writer packed; /* [op, object, args], one after another */
    uint32_t count;             /* of those */
    struct outcome *outcomes;   /* as many, once it was run */
};

int coop_batch_new(coop_manager *manager, coop_batch **ret_batch)
{
    coop_batch *batch = calloc(1, sizeof *batch);
    if (!batch) return coopi_fail(ENOMEM, "%s: no memory for a batch", coop_manager_address(manager));
    batch->manager = manager;
    coopi_writer_init(&batch->packed, COOPI_WIRE_MAX - HEAD_ROOM);
    *ret_batch = batch;
    return 0;
}

static void free_outcomes(struct outcome *outcomes, uint32_t count)
{
    for (uint32_t i = 0; outcomes && i < count; i++) coop_any_clear(&outcomes[i].value);
    free(outcomes);
}

void coop_batch_close(coop_batch *batch)
{
    if (!batch) return;
    free_outcomes(batch->outcomes, batch->count);
    coopi_writer_free(&batch->packed);
    free(batch);
}

/* After a run: empty again. */
static void begin_anew(coop_batch *batch)
{
    free_outcomes(batch->outcomes, batch->count);
    batch->outcomes = NULL;
    batch->count = 0;
    coopi_writer_reset(&batch->packed);
}

/* Writes one operation behind the others, or nothing. */
static int write_operation(coop_batch *batch, const struct coopi_proxy *proxy, const char *op, const coop_any *args)
{
    struct coopi_writer *w = &batch->packed;
    size_t before = w->len;
    coop_any object = coop_uint(proxy->id);
    coopi_write_array(w, 3);
    coopi_write_str(w, op, strlen(op));
    coopi_write_any(w, &object);
    coopi_write_array(w, args->size);
    for (uint32_t i = 0; i < args->size; i++) coopi_write_any(w, &args->as.items[i]);
    int result = coopi_writer_status(w);
    if (result == 0) {
        batch->count++;
        return 0;
    }
    coopi_writer_cut(w, before);
    if (result != -EMSGSIZE) return result;
    return coopi_fail(EMSGSIZE, "batch: %s does not fit any more; run what was added before, then begin another", op);
}

static int add(coop_batch *batch, const struct coopi_proxy *proxy, const char *verb, const char *format,
               const coop_arg *args, size_t count)
{
    char op[64];
    coop_any list;
    if (proxy->manager != batch->manager)
        return coopi_fail(EINVAL, "%s %s: it belongs to another manager's handle than the batch; make one for each",
                          proxy->type, proxy->path);
    int result = coop_any_pack_args(&list, format, args, count);
    if (result < 0) return result;
    if (batch->outcomes) begin_anew(batch);
    snprintf(op, sizeof op, "%s.%s", proxy->type, verb);
    if (list.type == COOP_LIST)
        result = write_operation(batch, proxy, op, &list);
    else
        result = coopi_fail(EINVAL, "format \"%s\": of a batch it is a list of the arguments, as in \"[i]\"", format);
    coop_any_clear(&list);
    return result;
}

int coop_batch_list_args(coop_batch *batch, const coop_list *list, const char *verb, const char *format,
                         const coop_arg *args, size_t count)
{
    return add(batch, coopi_list_proxy(list), verb, format, args, count);
}

int coop_batch_dict_args(coop_batch *batch, const coop_dict *dict, const char *verb, const char *format,
                         const coop_arg *args, size_t count)
{
    return add(batch, coopi_dict_proxy(dict), verb, format, args, count);
}

/* ["ok", value] or [ERROR, sentence] */
static int take_outcome(struct coopi_reader *r, struct outcome *ret_outcome)
{
    struct outcome outcome = {.value = coop_nil()};
    uint32_t fields;
    const char *name;
    size_t size;
    int result = coopi_read_array(r, &fields);
    if (result == 0 && fields != 2) result = -EBADMSG;
    if (result == 0) result = coopi_read_str(r, &name, &size);
    if (result < 0) return result;
    if (size != 2 || memcmp(name, "ok", 2) != 0) outcome.status = coopi_error_from_name(name, size);
    result = coopi_read_result(r, &outcome.value);
    if (result == 0) *ret_outcome = outcome;
    return result;
}

static int take_outcomes(struct coopi_reader *r, void *user)
{
    coop_batch *batch = user;
    uint32_t count;
    int result = coopi_read_array(r, &count);
    if (result == 0 && count != batch->count) result = -EBADMSG;
    if (result < 0) return result;
    struct outcome *outcomes = calloc(count + 1u, sizeof *outcomes); /* not NULL for an empty batch either */
    if (!outcomes) return coopi_fail(ENOMEM, "batch: no memory for its results, though it was done");
    for (uint32_t i = 0; i < count && result == 0; i++) result = take_outcome(r, &outcomes[i]);
    if (result == 0)
        batch->outcomes = outcomes;
    else
        free_outcomes(outcomes, count);
    return result;
}

int coop_batch_run(coop_batch *batch)
{
    if (batch->outcomes) begin_anew(batch);
    struct coopi_call call = {.op = "batch", .object = coop_nil(), .arg_count = batch->count, .packed = &batch->packed};
    return coopi_manager_call_taking(batch->manager, &call, take_outcomes, batch);
}

size_t coop_batch_count(const coop_batch *batch)
{
    return batch->count;
}

int coop_batch_result(const coop_batch *batch, size_t index, coop_any *ret_value)
{
    if (!batch->outcomes) return coopi_fail(ERANGE, "batch: there are no results before it was run; run it first");
    if (index >= batch->count)
        return coopi_fail(ERANGE, "batch: no result %zu; its %" PRIu32 " results count from 0", index, batch->count);
    const struct outcome *outcome = &batch->outcomes[index];
    if (outcome->status < 0)
        return coopi_fail(-outcome->status, "%s", outcome->value.type == COOP_STR ? outcome->value.as.str : "batch");
    coop_any value = outcome->value;
    value.owned = 0;
    *ret_value = value;
    return 0;
}
