/* SPDX-License-Identifier: MIT */
/* What belongs to this process and not to a forked child: a page that the kernel wipes at fork, raw clone included. */
#ifndef COOPI_PROCESS_H
#define COOPI_PROCESS_H

#include "segment/map.h"

struct coopi_process {
    uint32_t lock;             /* the registry's: 0 free, 1 taken, 2 taken with sleepers */
    uint32_t pid;              /* 0: this process has not looked at itself yet */
    uint64_t start;            /* its start time, in clock ticks since boot */
    uint64_t pid_namespace;    /* inode number */
    uint32_t fenced_from_afar; /* 1: other processes' membarrier reaches this one */
    char command[COOPI_COMMAND_SIZE];
    uint64_t participant[COOPI_MAPS]; /* by map slot: our row's word; 0: not attached */
    uint32_t participant_row[COOPI_MAPS];
    uint32_t owners[COOPI_MAPS]; /* by map slot: threads of ours with a life word in it */
};

/* This process's page, filled in. NULL, with a sentence and errno: ENOMEM, EMFILE, ENFILE, or ENOTSUP: no /proc that is
 * ours, or another copy of libcoop in use. */
struct coopi_process *coopi_process(void);

/* The same, without looking: NULL if this process has not looked at itself yet. */
struct coopi_process *coopi_process_seen(void);

/* Was the segment made, or adopted, in this boot and PID namespace? 0 no, 1 yes; negative with a sentence: those of
 * coopi_process(), or no boot id. */
int coopi_is_at_home(const struct coopi_header *header, const char *label);

/* One lock for everything private that several threads change: maps and their references. Never held while waiting. It
 * is free in a forked child, whoever held it in the parent: so whatever it guards changes by single stores. */
void coopi_process_lock(struct coopi_process *process);
void coopi_process_unlock(struct coopi_process *process);

/* Maps SIZE private bytes, zeroed here and again in every forked child. NULL on failure. */
void *coopi_map_wiped_at_fork(size_t size);

#endif
