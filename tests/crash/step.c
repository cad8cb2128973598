/* SPDX-License-Identifier: MIT */
/* A victim: a thread of a child process under ptrace, moved on by one instruction or one system call at a time.
 *
 * A system call is one step, however long it sleeps. While a victim is waited for, a timer interrupts waitpid() every
 * two milliseconds, and /proc says whether it sleeps. */
#include "crash/step.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#define STUCK_AFTER (3 * SECOND)
#define SYSCALL_STOP (SIGTRAP | 0x80)
#define SYSCALL_INSTRUCTION 0x050f

extern char crash_exit_thread[]; /* where an ending thread is sent: SYS_exit(0), without a stack */
__asm__(".text\n.globl crash_exit_thread\ncrash_exit_thread:\n    xorl %edi, %edi\n    movl $60, %eax\n    syscall\n");

extern char __executable_start[];

static void *act(void *argument)
{
    const struct part *part = argument;
    struct board *board = part->scene->board;
    if (part->warm) part->warm(part->scene);
    if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0) _exit(3);
    __atomic_store_n(&board->tid, (uint32_t)gettid(), __ATOMIC_RELEASE);
    __asm__ volatile("int3" ::: "memory");
    part->operate(part->scene);
    __atomic_store_n(&board->done, 1, __ATOMIC_RELEASE);
    __asm__ volatile("int3" ::: "memory");
    pause();
    return NULL;
}

static void ignore(int signal)
{
    (void)signal;
}

static void tick(long us)
{
    struct sigaction action = {.sa_handler = ignore};
    struct itimerval interval = {{0, us}, {0, us}};
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &interval, NULL);
}

static char state_of(pid_t tid)
{
    char path[64], text[256];
    snprintf(path, sizeof path, "/proc/%d/stat", tid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return 'X';
    ssize_t length = read(fd, text, sizeof text - 1);
    close(fd);
    if (length <= 0) return 'X';
    text[length] = 0;
    const char *bracket = strrchr(text, ')');
    return bracket && bracket[1] == ' ' ? bracket[2] : 'X';
}

/* What a stop of the victim means. MOVED stands for any trap. */
static enum moved judge(struct victim *v, int status)
{
    if (!WIFSTOPPED(status)) {
        v->signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
        v->pid = 0;
        return BROKEN;
    }
    int stop = WSTOPSIG(status);
    v->passed_on = stop == SIGUSR1 || stop == SIGURG ? stop : 0; /* from the survivor; that a lease is wanted */
    if (v->passed_on) return MOVED;
    if (stop != SIGTRAP && stop != SYSCALL_STOP) {
        v->signal = stop;
        return BROKEN;
    }
    return __atomic_load_n(&v->board->done, __ATOMIC_ACQUIRE) ? FINISHED : MOVED;
}

static enum moved await(struct victim *v)
{
    for (;;) {
        int status;
        if (waitpid(v->tid, &status, __WALL) == v->tid) {
            v->told = false;
            return judge(v, status);
        }
        if (errno != EINTR) return BROKEN;
        if (state_of(v->tid) != 'S') continue;
        if (!v->told) {
            v->told = true;
            v->since = now_ns();
            return SLEEPS;
        }
        if (now_ns() - v->since > STUCK_AFTER) return STUCK;
    }
}

static enum moved move(struct victim *v, enum moving moving)
{
    if (v->moving == NOTHING) {
        v->moving = moving;
        long signal = v->passed_on;
        v->passed_on = 0;
        if (ptrace(moving == STEP ? PTRACE_SINGLESTEP : PTRACE_SYSCALL, v->tid, NULL, signal) != 0) return BROKEN;
    }
    enum moved moved = await(v);
    if (v->passed_on) { /* no move yet */
        v->moving = NOTHING;
        return move(v, moving);
    }
    if (moved != SLEEPS) v->moving = NOTHING;
    return moved;
}

enum moved victim_step(struct victim *v)
{
    return move(v, STEP);
}

enum moved victim_call(struct victim *v)
{
    if (v->moving != CALL_RETURN) {
        enum moved moved = move(v, CALL_ENTRY);
        if (moved != MOVED) return moved;
    }
    return move(v, CALL_RETURN);
}

static bool poke_debug(const struct victim *v, int number, uint64_t value)
{
    size_t at = offsetof(struct user, u_debugreg) + (size_t)number * sizeof(unsigned long long);
    return ptrace(PTRACE_POKEUSER, v->tid, (void *)at, (void *)(uintptr_t)value) == 0;
}

bool victim_set_breakpoint(const struct victim *v, uint64_t place)
{
    if (!place) return poke_debug(v, 7, 0);
    return poke_debug(v, 0, place) && poke_debug(v, 7, 1); /* number 0, of this thread, at execution */
}

enum moved victim_to_breakpoint(struct victim *v)
{
    return move(v, CALL_ENTRY);
}

static pid_t fork_victim(const struct part *part, bool threaded)
{
    pid_t pid = fork();
    if (pid != 0) return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    pthread_t thread;
    if (!threaded)
        act((void *)(uintptr_t)part);
    else if (pthread_create(&thread, NULL, act, (void *)(uintptr_t)part) != 0)
        _exit(4);
    for (;;) pause();
}

bool victim_start(struct victim *v, const struct part *part, bool threaded)
{
    struct board *board = part->scene->board;
    board->tid = board->done = board->mark = 0;
    *v = (struct victim){.board = board, .threaded = threaded};
    v->pid = fork_victim(part, threaded);
    if (v->pid < 0) return false;
    int64_t limit = now_ns() + 5 * SECOND;
    while (!(v->tid = (pid_t)__atomic_load_n(&board->tid, __ATOMIC_ACQUIRE))) {
        if (now_ns() > limit) return false;
        nap_us(20);
    }
    tick(2000);
    if (await(v) != MOVED) return false;
    long options = PTRACE_O_EXITKILL | PTRACE_O_TRACESYSGOOD;
    if (ptrace(PTRACE_SETOPTIONS, v->tid, NULL, (void *)options) != 0) return false;
    void *head = NULL;
    size_t size;
    if (syscall(SYS_get_robust_list, v->tid, &head, &size) == 0) v->head = (uint64_t)(uintptr_t)head;
    return true;
}

bool victim_read(const struct victim *v, uint64_t from, void *to, size_t size)
{
    struct iovec local = {to, size}, remote = {(void *)(uintptr_t)from, size};
    return from && process_vm_readv(v->tid, &local, 1, &remote, 1, 0) == (ssize_t)size;
}

uint64_t victim_place(const struct victim *v)
{
    errno = 0;
    long counter = ptrace(PTRACE_PEEKUSER, v->tid, (void *)offsetof(struct user_regs_struct, rip), NULL);
    return errno ? 0 : (uint64_t)counter;
}

bool victim_enters(const struct victim *v)
{
    uint16_t code = 0;
    return victim_read(v, victim_place(v), &code, sizeof code) && code == SYSCALL_INSTRUCTION;
}

uint64_t victim_offset(const struct victim *v)
{
    return victim_place(v) - (uint64_t)(uintptr_t)__executable_start;
}

void victim_robust(const struct victim *v, uint64_t words[3])
{
    uint64_t head[3] = {0}; /* struct robust_list_head: list, futex_offset, list_op_pending */
    memset(words, 0, 3 * sizeof *words);
    if (!victim_read(v, v->head, head, sizeof head)) return;
    words[0] = head[0];
    words[1] = head[2];
    if (head[0] != v->head) victim_read(v, head[0], &words[2], sizeof words[2]);
}

static void reap(pid_t tid)
{
    int status = 0;
    while (waitpid(tid, &status, __WALL) == tid ? WIFSTOPPED(status) : errno == EINTR) continue;
}

void victim_kill(struct victim *v)
{
    tick(0);
    if (v->pid <= 0) return;
    kill(v->pid, SIGKILL);
    if (v->threaded) reap(v->tid); /* a traced thread is the tracer's to reap; the process comes to its end after it */
    reap(v->pid);
    v->pid = 0;
}

/* A sleeper is brought out of its system call by a signal that it never sees. */
static bool interrupt(const struct victim *v)
{
    int status;
    if (syscall(SYS_tgkill, v->pid, v->tid, SIGSTOP) != 0) return false;
    while (waitpid(v->tid, &status, __WALL) < 0)
        if (errno != EINTR) return false;
    return WIFSTOPPED(status);
}

bool victim_end_thread(struct victim *v)
{
    struct user_regs_struct registers;
    int status;
    tick(0);
    if (v->moving != NOTHING && !interrupt(v)) return false;
    if (ptrace(PTRACE_GETREGS, v->tid, NULL, &registers) != 0) return false;
    registers.rip = (uint64_t)(uintptr_t)crash_exit_thread;
    registers.orig_rax = (unsigned long long)-1; /* so that no interrupted call begins again */
    if (ptrace(PTRACE_SETREGS, v->tid, NULL, &registers) != 0) return false;
    do { /* a signal that interrupted it may still be on its way */
        if (ptrace(PTRACE_CONT, v->tid, NULL, NULL) != 0) return false;
        while (waitpid(v->tid, &status, __WALL) < 0)
            if (errno != EINTR) return false;
    } while (WIFSTOPPED(status));
    return WIFEXITED(status);
}
