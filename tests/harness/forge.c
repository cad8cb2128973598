/* SPDX-License-Identifier: MIT */
/* Segment files made by hand from layout.h. */
#include "harness/forge.h"

#include "harness/test.h"

#include "base/name.h"
#include "base/proc.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>

#define ENTRIES 16
#define PARTICIPANTS 8
#define OWNERS 16
#define EVENTS 8
#define STORAGE 8192
#define LIVE_TAG (UINT32_C(3) << COOPI_ROW_BITS | 0)
#define DEAD_TAG (UINT32_C(5) << COOPI_ROW_BITS | 1)

static struct coopi_table place_table(uint64_t *at, uint32_t stride, uint32_t count)
{
    struct coopi_table table = {.offset = *at, .stride = stride, .count = count};
    *at += (uint64_t)stride * count;
    return table;
}

static int64_t wall_clock(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void fill_header(struct coopi_header *header, const char *name)
{
    uint64_t at = sizeof *header;
    memcpy(header->magic, COOPI_MAGIC, sizeof header->magic);
    header->format_major = COOPI_FORMAT_MAJOR;
    header->format_minor = COOPI_FORMAT_MINOR;
    header->fingerprint = coopi_fingerprint();
    CHECK_OK(coopi_boot_id(header->boot_id));
    CHECK_OK(coopi_pid_namespace(&header->pid_namespace));
    header->maximum = UINT64_C(1) << 20;
    header->created = wall_clock();
    header->creator_pid = (uint32_t)getpid();
    header->creator_uid = geteuid();
    header->directory = place_table(&at, sizeof(struct coopi_entry), ENTRIES);
    header->participants = place_table(&at, sizeof(struct coopi_participant), PARTICIPANTS);
    header->owners = place_table(&at, sizeof(struct coopi_owner), OWNERS);
    header->events = place_table(&at, sizeof(struct coopi_event), EVENTS);
    header->opens = place_table(&at, coopi_opens_stride(ENTRIES), PARTICIPANTS);
    header->index = place_table(&at, sizeof(uint32_t), coopi_index_buckets(ENTRIES));
    header->storage = at;
    header->storage_end = at;
    header->size = at + STORAGE;
    snprintf(header->name, sizeof header->name, "%s", name);
}

static void take_memory(struct forge *forge, size_t size)
{
    *forge = (struct forge){.size = size, .cut = size, .mode = 0600};
    forge->bytes = aligned_alloc(COOPI_LINE, (size + COOPI_LINE - 1) / COOPI_LINE * COOPI_LINE);
    if (!forge->bytes) FAIL("out of memory");
    memset(forge->bytes, 0, size);
}

static void point(struct forge *forge)
{
    forge->header = (struct coopi_header *)(void *)forge->bytes;
    forge->used = forge->header->storage;
    forge->entries = (struct coopi_entry *)(void *)(forge->bytes + forge->header->directory.offset);
    forge->participants = (struct coopi_participant *)(void *)(forge->bytes + forge->header->participants.offset);
    forge->owners = (struct coopi_owner *)(void *)(forge->bytes + forge->header->owners.offset);
}

void forge_begin(struct forge *forge, const char *name)
{
    struct coopi_header header = {0};
    fill_header(&header, name);
    take_memory(forge, header.size);
    memcpy(forge->bytes, &header, sizeof header);
    point(forge);
}

void forge_read(struct forge *forge, const char *name)
{
    struct stat status;
    int fd = open(forge_path(name), O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &status) != 0) FAIL("%s: %s", forge_path(name), strerror(errno));
    take_memory(forge, (size_t)status.st_size);
    CHECK_EQ(pread(fd, forge->bytes, forge->size, 0), status.st_size);
    close(fd);
    point(forge);
    CHECK_OK(coopi_header_check(forge->header, forge->size, name));
}

static uint64_t line_up(uint64_t bytes)
{
    return (bytes + COOPI_LINE - 1) / COOPI_LINE * COOPI_LINE;
}

struct coopi_entry *forge_object(struct forge *forge, const char *name, uint32_t kind, const char *type,
                                 uint64_t length, uint64_t item_size, bool own_lock)
{
    uint32_t i = 0;
    while (forge->entries[i].state) i++;
    CHECK(i < forge->header->directory.count);
    bool is_lock = kind == COOPI_LOCK || kind == COOPI_RLOCK;
    uint64_t type_size = type ? strlen(type) + 1 : 0;
    uint64_t body_size = own_lock || is_lock ? sizeof(struct coopi_lock_shm) : 0;
    bool is_record = kind == COOPI_VALUE && item_size > sizeof(uint64_t);
    uint64_t items_size = is_record ? sizeof(struct coopi_record_shm) + 2 * line_up(item_size) : length * item_size;
    struct coopi_entry *entry = &forge->entries[i];
    entry->kind = kind;
    entry->flags = own_lock ? COOPI_ENTRY_LOCKED : 0;
    entry->offset = forge->used;
    entry->body = forge->used + line_up(type_size);
    entry->size = line_up(type_size) + line_up(body_size + items_size);
    entry->length = length;
    entry->type_size = (uint32_t)type_size;
    snprintf(entry->name, sizeof entry->name, "%s", name);
    entry->state = COOPI_ENTRY_GENERATION | COOPI_ENTRY_LIVE;
    uint32_t *bucket = (uint32_t *)(void *)(forge->bytes + forge->header->index.offset) +
                       (coopi_name_hash(entry->name) & (forge->header->index.count - 1));
    entry->next = *bucket;
    *bucket = i + 1;
    forge->used += entry->size;
    forge->header->storage_end = forge->used;
    forge->header->entry_cursor = i + 1;
    CHECK(forge->used <= forge->size);
    if (type) memcpy(forge->bytes + entry->offset, type, type_size);
    return entry;
}

struct coopi_lock_shm *forge_lock(const struct forge *forge, const struct coopi_entry *entry)
{
    return (struct coopi_lock_shm *)(void *)(forge->bytes + entry->body);
}

void *forge_items(const struct forge *forge, const struct coopi_entry *entry)
{
    uint64_t begin = entry->body + (entry->flags & COOPI_ENTRY_LOCKED ? sizeof(struct coopi_lock_shm) : 0);
    bool is_record = entry->kind == COOPI_VALUE && entry->offset + entry->size - begin > COOPI_LINE;
    return forge->bytes + begin + (is_record ? sizeof(struct coopi_record_shm) : 0);
}

static void add_process(struct forge *forge, uint32_t row, uint32_t pid, uint64_t start, const char *command)
{
    struct coopi_participant *participant = &forge->participants[row];
    participant->word = (uint64_t)(uint32_t)start << 32 | UINT64_C(1) << 22 | pid;
    participant->info_word = participant->word;
    participant->attached = forge->header->created;
    snprintf(participant->command, sizeof participant->command, "%s", command);
}

static void add_owner(struct forge *forge, uint64_t life, uint32_t pid, uint64_t start, const char *command)
{
    uint32_t tag = coopi_tag_of(life);
    struct coopi_owner *owner = &forge->owners[tag & COOPI_ROW_MASK];
    owner->life.word = life;
    owner->info_tag = tag;
    owner->pid = pid;
    owner->tid = pid;
    owner->start = start;
    snprintf(owner->command, sizeof owner->command, "%s", command);
}

static void add_people(struct forge *forge)
{
    struct coopi_task task;
    uint32_t pid = (uint32_t)getpid();
    CHECK_OK(coopi_task_look(pid, &task));
    add_process(forge, 0, pid, task.start, task.command);
    add_process(forge, 1, FORGE_DEAD_PID, 1, "ghost");
    forge->header->participant_cursor = 2;
    forge->header->owner_cursor = 2; /* where the library goes on, so that the dead one's row is not the first to go */
    add_owner(forge, (uint64_t)LIVE_TAG << 32 | COOPI_WAITERS | pid, pid, task.start, task.command);
    add_owner(forge, (uint64_t)DEAD_TAG << 32 | COOPI_WAITERS | COOPI_OWNER_DIED, FORGE_DEAD_PID, 1, "ghost");
}

static void add_objects(struct forge *forge)
{
    struct coopi_entry *saldo = forge_object(forge, "saldo", COOPI_VALUE, "i", 1, sizeof(int), true);
    *(int *)forge_items(forge, saldo) = 42;
    struct coopi_entry *numbers = forge_object(forge, "numbers", COOPI_ARRAY, "d", 5, sizeof(double), false);
    for (int i = 0; i < 5; i++) ((double *)forge_items(forge, numbers))[i] = i + 0.5;
    struct coopi_entry *label = forge_object(forge, "label", COOPI_VALUE, "16s", 1, 16, true);
    memcpy(forge_items(forge, label), "hello", 5);
    struct coopi_entry *door = forge_object(forge, "door", COOPI_LOCK, NULL, 1, 0, false);
    forge_lock(forge, door)->robust.word = (uint64_t)LIVE_TAG << 32 | (uint32_t)getpid();
    struct coopi_entry *gate = forge_object(forge, "gate", COOPI_RLOCK, NULL, 1, 0, false);
    forge_lock(forge, gate)->robust.word = (uint64_t)DEAD_TAG << 32 | COOPI_OWNER_DIED;
    forge_lock(forge, gate)->robust.extra = 1;
    forge->header->objects_made = FORGE_OBJECTS;
}

void forge_seal(void *bytes)
{
    struct coopi_header header;
    memcpy(&header, bytes, sizeof header);
    header.checksum = coopi_header_checksum(&header);
    memcpy(bytes, &header, sizeof header);
}

const char *forge_path(const char *name)
{
    static char path[512];
    const char *colon = strchr(name, ':');
    if (colon)
        snprintf(path, sizeof path, "/dev/shm/coop.%.*s.%s", (int)(colon - name), name, colon + 1);
    else
        snprintf(path, sizeof path, "/dev/shm/coop.%u.%s", (unsigned)geteuid(), name);
    return path;
}

void forge_file(const char *name, const void *bytes, size_t size, mode_t mode)
{
    const char *path = forge_path(name);
    unlink(path);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) FAIL("%s: %s", path, strerror(errno));
    for (size_t done = 0; done < size;) {
        ssize_t n = write(fd, (const char *)bytes + done, size - done);
        if (n <= 0) FAIL("%s: write: %s", path, strerror(errno));
        done += (size_t)n;
    }
    if (fchmod(fd, mode) != 0) FAIL("%s: fchmod: %s", path, strerror(errno));
    close(fd);
}

void forge_remove(const char *name)
{
    const char *path = forge_path(name);
    if (unlink(path) != 0 && rmdir(path) != 0 && errno != ENOENT) FAIL("%s: %s", path, strerror(errno));
}

void forge_map(const char *name)
{
    struct coopi_segment_name parsed;
    char path[sizeof COOPI_SHM_FOLDER + COOPI_SHM_NAME];
    if (coopi_segment_name_parse(name, &parsed) < 0) return;
    snprintf(path, sizeof path, COOPI_SHM_FOLDER "%s", parsed.shm);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return;
    (void)mmap(NULL, 1, PROT_READ, MAP_SHARED, fd, 0); /* until the process ends */
    close(fd);
}

void forge_write(const struct forge *forge, const char *name)
{
    if (!forge->keep_checksum) forge_seal(forge->bytes);
    forge_file(name, forge->bytes, forge->cut, forge->mode);
}

void forge_end(struct forge *forge)
{
    free(forge->bytes);
    forge->bytes = NULL;
}

void forge_segment(const char *name, void (*mutate)(struct forge *forge))
{
    struct forge forge;
    const char *colon = strchr(name, ':');
    forge_begin(&forge, colon ? colon + 1 : name);
    add_people(&forge);
    add_objects(&forge);
    if (mutate) mutate(&forge);
    forge_write(&forge, name);
    forge_end(&forge);
}
