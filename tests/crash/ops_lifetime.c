/* SPDX-License-Identifier: MIT */
/* Ends and new beginnings of segments: the last one out, one whose last was killed, one of another boot. */
#include "crash/crash.h"

#include "base/atomic.h"
#include "base/proc.h"
#include "segment/abandoned.h"
#include "segment/attach.h"
#include "segment/handle.h"
#include "segment/process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define LEFT 31

static const coop_segment_options *options(uint32_t lifetime)
{
    static coop_segment_options small = {
        .size = sizeof small, .reserve = 4096, .maximum = 1 << 20, .objects = 8, .owners = 8, .participants = 8};
    small.lifetime = lifetime;
    return &small;
}

static void path_of(const struct scene *scene, char path[100])
{
    snprintf(path, 100, "/dev/shm/coop.%u.%s", (unsigned)geteuid(), scene->name);
}

static ino_t inode_of(const struct scene *scene)
{
    char path[100];
    struct stat st;
    path_of(scene, path);
    return stat(path, &st) == 0 ? st.st_ino : 0;
}

static void prepare_nothing(struct scene *scene)
{
    scene->segment = NULL;
}

/* In a process of its own, which is killed holding the door. */
static void leave_behind(struct scene *scene, uint32_t lifetime)
{
    pid_t pid = fork();
    if (pid == 0) {
        coop_segment *segment;
        coop_value *value;
        coop_lock *door;
        COOP_MUST(coop_segment_create(scene->name, options(lifetime), &segment));
        COOP_MUST(coop_value_in(segment, "left", "i", COOP_CREATE, &value));
        COOP_MUST(coop_value_set_i64(value, LEFT));
        COOP_MUST(coop_lock_in(segment, "door", COOP_CREATE, &door));
        if (coop_lock_acquire(door, COOP_NOWAIT) == 0) raise(SIGKILL);
        _exit(1);
    }
    waitpid(pid, NULL, 0);
    scene->segment = NULL;
}

static void prepare_abandoned(struct scene *scene)
{
    leave_behind(scene, COOP_UNTIL_LAST);
    scene->board->number = (int64_t)inode_of(scene);
}

static void change_boot(const struct scene *scene)
{
    char path[100];
    uint8_t byte;
    const off_t at = offsetof(struct coopi_header, boot_id) + 3;
    path_of(scene, path);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (pread(fd, &byte, 1, at) != 1) fault((struct scene *)(uintptr_t)scene, LOST, "cannot read %s", path);
    byte ^= 0x55;
    if (pwrite(fd, &byte, 1, at) != 1) fault((struct scene *)(uintptr_t)scene, LOST, "cannot write %s", path);
    close(fd);
}

static bool is_whole(const struct scene *scene)
{
    char path[100];
    struct stat st;
    struct coopi_header header = {0};
    path_of(scene, path);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    bool read = fd >= 0 && fstat(fd, &st) == 0 && pread(fd, &header, sizeof header, 0) == (ssize_t)sizeof header;
    if (fd >= 0) close(fd);
    return read && coopi_header_check(&header, (uint64_t)st.st_size, scene->name) == 0;
}

/* The door's holder of the other world, by its numbers, is a thread that lives here: this one. */
static void let_the_dead_seem_alive(const struct scene *scene)
{
    char path[100];
    struct stat st;
    struct coopi_task task;
    path_of(scene, path);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fstat(fd, &st) != 0 || coopi_task_look((uint32_t)getpid(), &task) < 0) return;
    uint8_t *base = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    const struct coopi_header *header = (const struct coopi_header *)(const void *)base;
    const struct coopi_entry *entry = (const struct coopi_entry *)(const void *)(base + header->directory.offset);
    struct coopi_owner *owners = (struct coopi_owner *)(void *)(base + header->owners.offset);
    while (strcmp(entry->name, "door") != 0) entry++;
    struct coopi_robust *robust = (struct coopi_robust *)(void *)(base + entry->body);
    struct coopi_owner *owner = &owners[coopi_tag_of(robust->word) & COOPI_ROW_MASK];
    uint64_t tag = (uint64_t)coopi_tag_of(robust->word) << 32;
    robust->word = owner->life.word = tag | (uint64_t)getpid();
    owner->start = task.start;
    munmap(base, (size_t)st.st_size);
}

static void prepare_foreign(struct scene *scene)
{
    leave_behind(scene, COOP_UNTIL_REMOVED);
    let_the_dead_seem_alive(scene);
    change_boot(scene);
}

static void make_it(struct scene *scene)
{
    COOP_MUST(coop_segment_create(scene->name, options(COOP_UNTIL_LAST), &scene->segment));
}

static void close_it(struct scene *scene)
{
    coop_segment_close(scene->segment);
}

static void open_it(struct scene *scene)
{
    coop_segment *segment;
    scene->board->result = coop_segment_open(scene->name, 0, &segment);
}

static void open_or_create(struct scene *scene)
{
    coop_segment *segment;
    scene->board->result = coop_segment_open(scene->name, COOP_CREATE, &segment);
}

static void create(struct scene *scene)
{
    coop_segment *segment;
    scene->board->result = coop_segment_create(scene->name, options(COOP_UNTIL_LAST), &segment);
}

static void remove_abandoned(struct scene *scene)
{
    struct coopi_segment_name name;
    scene->board->result = coopi_segment_name_parse(scene->name, &name);
    if (scene->board->result == 0) scene->board->result = coopi_abandoned_remove(&name);
}

/* As `shmctl gc --all` does it. */
static void collect(struct scene *scene)
{
    struct coopi_segment_name name;
    int fd, r = coopi_segment_name_parse(scene->name, &name);
    if (r == 0) r = coopi_segment_file_open(&name, COOP_TRUST_PEERS, &fd);
    if (r == 0) {
        r = coopi_abandoned_end(&name, fd, COOP_S(1), false);
        close(fd);
    }
    scene->board->result = r;
}

/* Nothing of the old one is there, and the name serves as ever. */
static void make_anew(struct scene *scene)
{
    int64_t began = now_ns();
    int r = coop_segment_open(scene->name, COOP_CREATE, &scene->segment);
    if (now_ns() - began > SECOND) fault(scene, HUNG, "opening it took more than a second");
    if (r < 0) {
        fault(scene, LEAKED, "it cannot be made anew: %s", coop_error_detail());
        return;
    }
    coop_value *value;
    if (coop_value_in(scene->segment, "left", "i", 0, &value) == 0) {
        coop_value_close(value);
        fault(scene, LEAKED, "who was gone left something behind");
    }
    check_segment(scene);
}

static enum outcome verify_last_out(struct scene *scene)
{
    bool there = inode_of(scene) != 0;
    coop_segment *segment;
    if (coop_segment_open(scene->name, 0, &segment) != -ENOENT) fault(scene, LEAKED, "its last is gone, and it stays");
    if (inode_of(scene)) fault(scene, LEAKED, "its last is gone, and its name stays");
    make_anew(scene);
    return there ? BEFORE : AFTER;
}

static enum outcome verify_abandoned(struct scene *scene)
{
    bool there = inode_of(scene) == (ino_t)scene->board->number;
    make_anew(scene);
    return there ? BEFORE : AFTER;
}

/* It is there, whole, or it is gone; and the next one ends it. */
static enum outcome verify_collected(struct scene *scene)
{
    bool there = inode_of(scene) != 0;
    if (there && inode_of(scene) != (ino_t)scene->board->number) fault(scene, TORN, "another has its name");
    if (there && !is_whole(scene)) fault(scene, TORN, "it is there, and not whole: %s", coop_error_detail());
    remove_abandoned(scene);
    if (scene->board->result != (there ? 1 : -ENOENT))
        fault(scene, LEAKED, "the next one answers %d", scene->board->result);
    if (inode_of(scene)) fault(scene, LEAKED, "nobody is in it, and its name stays");
    make_anew(scene);
    return there ? BEFORE : AFTER;
}

static bool is_at_home(const struct scene *scene)
{
    char path[100];
    struct coopi_header header = {0};
    path_of(scene, path);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    bool home = pread(fd, &header, sizeof header, 0) == (ssize_t)sizeof header && coopi_is_at_home(&header, "it") == 1;
    close(fd);
    return home;
}

static enum outcome verify_adopted(struct scene *scene)
{
    bool adopted = is_at_home(scene);
    coop_value *value;
    coop_lock *door;
    int64_t number = 0;
    int r = coop_segment_open(scene->name, 0, &scene->segment);
    if (r < 0) {
        fault(scene, LOST, "it cannot be adopted: %s", coop_error_detail());
        return adopted ? AFTER : BEFORE;
    }
    check_segment(scene);
    if (coop_value_in(scene->segment, "left", "i", 0, &value) < 0 || coop_value_get_i64(value, &number) < 0)
        fault(scene, LOST, "%s", coop_error_detail());
    if (number != LEFT) fault(scene, TORN, "the value is %lld", (long long)number);
    coop_value_close(value);
    if (coop_lock_in(scene->segment, "door", 0, &door) < 0) fault(scene, LOST, "%s", coop_error_detail());
    r = coop_lock_acquire(door, COOP_NOWAIT);
    if (r != COOP_OWNER_DIED) fault(scene, r < 0 ? HUNG : LOST, "the door's holder died, and it gave %d", r);
    if (r >= 0) coop_lock_release(door);
    coop_lock_close(door);
    return adopted ? AFTER : BEFORE;
}

const struct operation lifetime_operations[] = {
    {.name = "segment-close/last",
     .prepare = prepare_nothing,
     .warm = make_it,
     .operate = close_it,
     .verify = verify_last_out,
     .no_exit = true,
     .unwatched = true,
     .shut = true},
    {.name = "segment-open/abandoned",
     .prepare = prepare_abandoned,
     .operate = open_it,
     .verify = verify_abandoned,
     .repair = open_it,
     .no_exit = true,
     .unwatched = true,
     .shut = true},
    {.name = "segment-open-or-create/abandoned",
     .prepare = prepare_abandoned,
     .operate = open_or_create,
     .verify = verify_abandoned,
     .no_exit = true,
     .unwatched = true,
     .shut = true},
    {.name = "segment-create/abandoned",
     .prepare = prepare_abandoned,
     .operate = create,
     .verify = verify_abandoned,
     .repair = create,
     .no_exit = true,
     .unwatched = true,
     .shut = true},
    {.name = "segment-gc/library",
     .prepare = prepare_abandoned,
     .operate = remove_abandoned,
     .verify = verify_collected,
     .repair = remove_abandoned,
     .no_exit = true,
     .unwatched = true,
     .shut = true},
    {.name = "segment-gc/program",
     .prepare = prepare_abandoned,
     .operate = collect,
     .verify = verify_collected,
     .repair = collect,
     .no_exit = true,
     .unwatched = true,
     .shut = true},
    {.name = "segment-open/adopting",
     .prepare = prepare_foreign,
     .operate = open_it,
     .verify = verify_adopted,
     .repair = open_it,
     .no_exit = true,
     .unwatched = true,
     .shut = true},
    {0},
};
