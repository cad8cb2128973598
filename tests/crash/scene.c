/* SPDX-License-Identifier: MIT */
/* A scene: its segment, its handles, its peers, and its faults. */
#include "crash/scene.h"

#include "segment/handle.h"
#include "segment/repair.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ARRANGED_AFTER (10 * SECOND)

#define REPORTS 6 /* faults an operation that are described */

static const char *const fault_names[FAULTS] = {"hung", "torn", "lost", "doubled", "leaked"};

int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * SECOND + now.tv_nsec;
}

void nap_us(int us)
{
    nanosleep(&(struct timespec){.tv_nsec = us * 1000L}, NULL);
}

void fault(struct scene *scene, enum fault kind, const char *format, ...)
{
    unsigned count = 0;
    for (int i = 0; i < FAULTS; i++) count += scene->faults[i];
    scene->faults[kind]++;
    if (count >= REPORTS) return;
    char text[300];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    fprintf(stderr, "crash: %s %s: %s: %s\n", scene->op->name, scene->place ? scene->place : "", fault_names[kind],
            text);
}

void peer_say(struct peer *self, enum peer_state state)
{
    __atomic_store_n(&self->state, (uint32_t)state, __ATOMIC_RELEASE);
}

void peer_obey(struct peer *self)
{
    while (!__atomic_load_n(&self->order, __ATOMIC_ACQUIRE)) nap_us(20);
}

struct peer *peer_start(struct scene *scene, void (*run)(struct scene *, struct peer *))
{
    struct peer *peer = &scene->board->peers[scene->peers++];
    *peer = (struct peer){0}; /* somebody may have stood there before */
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        run(scene, peer);
        for (;;) pause();
    }
    peer->pid = pid;
    return peer;
}

static bool await_until(struct peer *peer, enum peer_state state, int64_t limit)
{
    while (__atomic_load_n(&peer->state, __ATOMIC_ACQUIRE) < (uint32_t)state) {
        if (now_ns() > limit) return false;
        nap_us(20);
    }
    return true;
}

bool peer_await(struct peer *peer, enum peer_state state)
{
    return await_until(peer, state, now_ns() + SECOND);
}

static bool is_in_futex(pid_t pid)
{
    char path[64], text[64] = "";
    snprintf(path, sizeof path, "/proc/%d/wchan", pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return false;
    ssize_t length = read(fd, text, sizeof text - 1);
    close(fd);
    return length > 0 && strstr(text, "futex");
}

bool peer_await_sleep(struct peer *peer)
{
    int64_t limit = now_ns() + ARRANGED_AFTER;
    if (!await_until(peer, PEER_ASKS, limit)) return false;
    while (!is_in_futex(peer->pid)) {
        if (__atomic_load_n(&peer->state, __ATOMIC_ACQUIRE) == PEER_DONE) return true;
        if (now_ns() > limit) return false;
        nap_us(20);
    }
    return true;
}

void peer_go(struct peer *peer)
{
    __atomic_store_n(&peer->order, 1, __ATOMIC_RELEASE);
}

void peer_kill(struct peer *peer)
{
    if (peer->pid <= 0) return;
    kill(peer->pid, SIGKILL);
    while (waitpid(peer->pid, NULL, 0) < 0 && errno == EINTR) continue;
    peer->pid = 0;
}

void make_segment(struct scene *scene)
{
    const coop_segment_options *options =
        COOP_SEGMENT_OPTIONS(.reserve = 4096, .maximum = 1 << 20, .objects = 8, .owners = 8, .participants = 8);
    COOP_MUST(coop_segment_create(scene->name, options, &scene->segment));
}

void scene_name(pid_t pid, char *ret_name, size_t size)
{
    snprintf(ret_name, size, "crash.%d", pid);
}

bool scene_open(struct scene *scene, const struct operation *op)
{
    static char name[64];
    scene_name(getpid(), name, sizeof name);
    void *board = mmap(NULL, sizeof(struct board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (board == MAP_FAILED) return false;
    *scene = (struct scene){.op = op, .board = board, .name = name};
    if (op->forks && prctl(PR_SET_CHILD_SUBREAPER, 1) != 0) return false;
    if (op->open) op->open(scene);
    return true;
}

void scene_close(struct scene *scene)
{
    if (scene->op->close) scene->op->close(scene);
    munmap(scene->board, sizeof *scene->board);
}

void scene_begin(struct scene *scene)
{
    memset(scene->board, 0, sizeof *scene->board);
    scene->complete = scene->alive = scene->his = false;
    scene->child = scene->op->forks;
    scene->ended = 0;
    scene->least = scene->most = scene->peers = scene->sleepers = 0;
    scene->holder = -1;
    scene->dead = 0;
    scene->op->prepare(scene);
}

static void close_handles(struct scene *scene)
{
    coop_condition_close(scene->condition);
    coop_lock_close(scene->lock);
    coop_lock_close(scene->other);
    coop_lock_close(scene->spare);
    if (!scene->value && !scene->array && !scene->condition) coop_rlock_close(scene->rlock); /* else it is theirs */
    coop_rwlock_close(scene->rwlock);
    coop_value_close(scene->value);
    coop_array_close(scene->array);
    coop_semaphore_close(scene->semaphore);
    coop_event_close(scene->event);
    coop_barrier_close(scene->barrier);
    coop_segment_close(scene->segment);
    scene->lock = scene->other = scene->spare = NULL;
    scene->rlock = NULL;
    scene->rwlock = NULL;
    scene->value = NULL;
    scene->array = NULL;
    scene->semaphore = NULL;
    scene->condition = NULL;
    scene->event = NULL;
    scene->barrier = NULL;
    scene->segment = NULL;
}

void end_children(struct scene *scene)
{
    pid_t group = (pid_t)scene->board->number;
    scene->child = false;
    if (group <= 1) return;
    kill(-group, SIGKILL);
    while (waitpid(-group, NULL, 0) > 0 || errno == EINTR) continue;
}

/* Nothing of the scene's name may be left where segments live. */
static void check_leftovers(struct scene *scene)
{
    DIR *folder = opendir("/dev/shm");
    if (!folder) return;
    for (const struct dirent *entry; (entry = readdir(folder));) {
        const char *at = strstr(entry->d_name, scene->name);
        if (!at || strcmp(at, scene->name) == 0) continue;
        fault(scene, LEAKED, "/dev/shm/%s is left", entry->d_name);
    }
    closedir(folder);
}

static void say_finding(struct coopi_findings *findings, const char *sentence)
{
    fault(findings->context, TORN, "at last: %s", sentence);
}

/* Whatever happened: what the product's own check says once all others are gone. */
static void judge_at_last(struct scene *scene)
{
    if (!scene->segment || scene->op->unsound) return;
    struct coopi_findings findings = {.tell = say_finding, .context = scene};
    if (coopi_segment_repair(scene->segment->map, true, &findings) < 0)
        fault(scene, HUNG, "nobody can check it: %s", coop_error_detail());
}

void scene_end(struct scene *scene)
{
    for (int i = 0; i < scene->peers; i++) peer_kill(&scene->board->peers[i]);
    if (scene->child) end_children(scene);
    judge_at_last(scene);
    close_handles(scene);
    int r = coop_segment_remove(scene->name, COOP_FORCE);
    if (r < 0 && r != -ENOENT) fault(scene, LEAKED, "removing the segment: %s", coop_error_detail());
    check_leftovers(scene);
}
