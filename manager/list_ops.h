/* SPDX-License-Identifier: MIT */
/* The operations of a managed list, by file. PROTOCOL.md says what each does. */
#ifndef MANAGER_LIST_OPS_H
#define MANAGER_LIST_OPS_H

#include "object.h"

/* list_items.c */
operation list_run_append, list_run_extend, list_run_insert, list_run_get, list_run_set, list_run_del, list_run_pop,
    list_run_len, list_run_copy, list_run_clear, list_run_page;

/* list_search.c */
operation list_run_index, list_run_count, list_run_contains, list_run_remove, list_run_equal;

/* list_slice.c */
operation list_run_get_slice, list_run_set_slice, list_run_del_slice;

/* list_order.c */
operation list_run_sort, list_run_reverse;

/* list_arithmetic.c */
operation list_run_concat, list_run_repeat, list_run_repeated;

#endif
