/* SPDX-License-Identifier: MIT */
/* The operations of a managed dict, by file. PROTOCOL.md says what each does. */
#ifndef MANAGER_DICT_OPS_H
#define MANAGER_DICT_OPS_H

#include "object.h"

/* dict_items.c */
operation dict_run_get, dict_run_set, dict_run_del, dict_run_contains, dict_run_setdefault, dict_run_pop,
    dict_run_popitem, dict_run_cas;

/* dict_incr.c */
operation dict_run_incr;

/* dict_whole.c */
operation dict_run_len, dict_run_items, dict_run_keys, dict_run_values, dict_run_clear, dict_run_page;

/* dict_update.c */
operation dict_run_update, dict_run_fromkeys, dict_run_merge, dict_run_equal;

#endif
