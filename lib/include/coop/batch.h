/* SPDX-License-Identifier: MIT */
/* Batches: many operations on a manager's objects in one round trip. */
#ifndef COOP_BATCH_H
#define COOP_BATCH_H

#include <coop/dict.h>
#include <coop/list.h>
#include <coop/pack.h>

COOP_BEGIN_DECLS

/*     coop_batch_list(batch, jobs, "append", "[s]", "wash up");
 *     coop_batch_dict(batch, counts, "incr", "[s, i]", "jobs", 1);
 *     coop_batch_run(batch);
 *     coop_batch_result(batch, 1, &count);
 *
 * The operations run in order, as one atomic command: nobody sees some of them done. Each has an outcome of its own:
 * one that fails does not stop those behind it. If their results are larger than a message together, the one that does
 * not fit and all behind it fail with -EMSGSIZE; those behind it are not run.
 *
 * A batch belongs to one thread at a time. Close it before its manager. */
typedef struct coop_batch coop_batch;

int coop_batch_new(coop_manager *manager, coop_batch **ret_batch) COOP_MUST_CHECK;

/* NULL is ignored. */
void coop_batch_close(coop_batch *batch);

/* Add an operation, by the name and with the arguments that PROTOCOL.md gives it: VERB is "append" for `list.append`;
 * FORMAT and what follows pack a list of the arguments (<coop/pack.h>). Nothing is sent yet. After a coop_batch_run()
 * the first one begins a new batch. -EINVAL: the format, text that is not UTF-8, an object of another manager;
 * -EMSGSIZE: the batch is full, with what was added before still in it.
 *
 * int coop_batch_list(coop_batch *batch, const coop_list *list, const char *verb, const char *format, ...)
 * int coop_batch_dict(coop_batch *batch, const coop_dict *dict, const char *verb, const char *format, ...) */
int coop_batch_list_args(coop_batch *batch, const coop_list *list, const char *verb, const char *format,
                         const coop_arg *args, size_t count) COOP_MUST_CHECK;
int coop_batch_dict_args(coop_batch *batch, const coop_dict *dict, const char *verb, const char *format,
                         const coop_arg *args, size_t count) COOP_MUST_CHECK;

/* Sends all that was added and waits for the outcomes. 0 although operations failed: ask for their results. Errors:
 * those of <coop/manager.h>; then there are no results, and the batch may be run again unless the sentence says that it
 * may be done. */
int coop_batch_run(coop_batch *batch) COOP_MUST_CHECK;

/* How many operations were added; after a run also how many results there are. */
size_t coop_batch_count(const coop_batch *batch);

/* What the operation number INDEX, from 0, gave: 0 and its value, borrowed until the batch is added to, run or closed;
 * or the error that it failed with, and coop_error_detail() is its sentence. -ERANGE: there is no such result. */
int coop_batch_result(const coop_batch *batch, size_t index, coop_any *ret_value) COOP_MUST_CHECK;

static inline void coop_batch_closep(coop_batch **batch)
{
    coop_batch_close(*batch);
}

COOP_END_DECLS

#ifndef __cplusplus
#define coop_batch_list(batch, list, verb, ...) coop_batch_list_args((batch), (list), (verb), COOP_ARGS_(__VA_ARGS__))
#define coop_batch_dict(batch, dict, verb, ...) coop_batch_dict_args((batch), (dict), (verb), COOP_ARGS_(__VA_ARGS__))
#else
template <class... T>
COOP_MUST_CHECK int coop_batch_list(coop_batch *batch, const coop_list *list, const char *verb, const char *format,
                                    T... arguments)
{
    const coop_arg all[] = {coop_arg_of(arguments)..., coop_arg()};
    return coop_batch_list_args(batch, list, verb, format, all, sizeof...(arguments));
}

template <class... T>
COOP_MUST_CHECK int coop_batch_dict(coop_batch *batch, const coop_dict *dict, const char *verb, const char *format,
                                    T... arguments)
{
    const coop_arg all[] = {coop_arg_of(arguments)..., coop_arg()};
    return coop_batch_dict_args(batch, dict, verb, format, all, sizeof...(arguments));
}
#endif

#endif
