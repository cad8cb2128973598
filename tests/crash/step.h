/* SPDX-License-Identifier: MIT */
/* A victim: a thread of a child process under ptrace, moved on by one instruction or one system call at a time. */
#ifndef CRASH_STEP_H
#define CRASH_STEP_H

#include "crash/crash.h"

enum moved {
    MOVED,    /* it stands behind what it was told to do */
    SLEEPS,   /* it sleeps in a system call; told once a call */
    FINISHED, /* the operation is over */
    STUCK,    /* it slept for seconds, and nobody woke it */
    BROKEN,   /* a signal, or an end that nobody asked for */
};

enum moving { NOTHING, STEP, CALL_ENTRY, CALL_RETURN };

struct victim {
    pid_t pid, tid;
    struct board *board;
    bool threaded;      /* the operation runs in a second thread, which can end alone */
    enum moving moving; /* what it was told and has not done yet */
    bool told;          /* that it sleeps */
    int64_t since;      /* it sleeps */
    int signal;         /* that broke it, */
    int passed_on;      /* or that it is to have with the next move */
    uint64_t head;      /* address of the thread's robust-list head */
};

/* Forks a victim that runs WARM (may be NULL) freely, and stops before OPERATE. False: it did not get there. */
struct part {
    struct scene *scene;
    void (*warm)(struct scene *scene);
    void (*operate)(struct scene *scene);
};

bool victim_start(struct victim *victim, const struct part *part, bool threaded);

enum moved victim_step(struct victim *victim);

/* To the return of its next system call. */
enum moved victim_call(struct victim *victim);

/* A breakpoint of the processor at PLACE, for victim_to_breakpoint(); 0: none any more. False: there can be none. An
 * instruction with a repeat prefix stops there once, and a step at each repetition. */
bool victim_set_breakpoint(const struct victim *victim, uint64_t place);

/* Before the instruction at the breakpoint, or into its next system call. */
enum moved victim_to_breakpoint(struct victim *victim);

/* True if its next instruction enters the kernel. */
bool victim_enters(const struct victim *victim);

/* The address of its next instruction: the same in all victims, which are forks of one process. */
uint64_t victim_place(const struct victim *victim);

/* The same as an offset in the program's file, for addr2line. */
uint64_t victim_offset(const struct victim *victim);

/* SIZE bytes of its memory, from FROM on. */
bool victim_read(const struct victim *victim, uint64_t from, void *to, size_t size);

/* The kernel's view of the thread: list_op_pending, the list's head, and the sentinel behind it. */
void victim_robust(const struct victim *victim, uint64_t ret_words[3]);

/* SIGKILL for the process; SYS_exit for the thread alone, while its process goes on. */
void victim_kill(struct victim *victim);
bool victim_end_thread(struct victim *victim);

#endif
