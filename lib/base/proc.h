/* SPDX-License-Identifier: MIT */
/* What the kernel says of processes and threads: /proc, read without allocation. */
#ifndef COOPI_PROC_H
#define COOPI_PROC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct coopi_task {
    uint64_t start;   /* clock ticks since boot: with its number it names a task for good */
    uint32_t threads; /* of its process, the zombies among them too */
    char state;       /* R, S, D, T, Z, X, ... */
    char command[16]; /* shortened, with NUL */
};

/* Looks a process or thread up by its number. 0; -ENOENT: there is none; another negative errno: /proc cannot tell (not
 * mounted, of another PID namespace, hides other users' tasks, no descriptor free), which proves nothing. */
int coopi_task_look(uint32_t tid, struct coopi_task *ret_task);

/* True only with proof: no such task, a zombie, or (START not 0) one that started at another time. */
bool coopi_task_gone(uint32_t tid, uint64_t start);

/* The same for a whole process, of whose start time only the low 32 bits are known: it lives on in its other threads
 * after its first one has ended (and is a zombie). */
bool coopi_process_gone_low(uint32_t pid, uint32_t start_low);

/* True only with proof: the process can be looked into, and maps no byte of the file. One that called exec keeps its
 * pid and start time, and nothing of what it had mapped. */
bool coopi_process_lacks_file(uint32_t pid, dev_t device, ino_t inode);

/* True only with proof, too: the process can be looked into, and has a mapping of the file that it can write. */
bool coopi_process_writes_file(uint32_t pid, dev_t device, ino_t inode);

/* Inode number of this process's PID namespace, and the boot's id. 0 or a negative errno. */
int coopi_pid_namespace(uint64_t *ret_inode);
int coopi_boot_id(uint8_t ret_id[16]);

#endif
