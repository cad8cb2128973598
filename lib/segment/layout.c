/* SPDX-License-Identifier: MIT */
/* Checks of what a segment file says of itself, on private copies. */
#include "segment/layout.h"

#include "base/error.h"
#include "base/name.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#define FNV_START UINT64_C(0xcbf29ce484222325)
#define FNV_PRIME UINT64_C(0x100000001b3)
#define MAXIMUM_LIMIT (UINT64_C(1) << 46)

static uint64_t fnv(uint64_t hash, const void *bytes, size_t size)
{
    const uint8_t *p = bytes;
    for (size_t i = 0; i < size; i++) hash = (hash ^ p[i]) * FNV_PRIME;
    return hash;
}

uint64_t coopi_fingerprint(void)
{
    const uint64_t facts[] = {
        UINT64_C(0x0102030405060708), /* byte order */
        sizeof(void *),
        2, /* libc: glibc */
        (uint64_t)COOPI_FUTEX_OFFSET,
        sizeof(struct coopi_header),
        sizeof(struct coopi_entry),
        sizeof(struct coopi_participant),
        sizeof(struct coopi_owner),
        sizeof(struct coopi_event),
        sizeof(struct coopi_lock_shm),
        sizeof(struct coopi_record_shm),
        sizeof(struct coopi_sync_shm),
        sizeof(struct coopi_event_shm),
        offsetof(struct coopi_owner, seat),
        offsetof(struct coopi_header, size),
        offsetof(struct coopi_header, lock),
        offsetof(struct coopi_entry, name),
        offsetof(struct coopi_owner, info_tag),
        offsetof(struct coopi_robust, node),
        COOPI_ROW_BITS,
        COOPI_FORMAT_MAJOR,
    };
    return fnv(FNV_START, facts, sizeof facts);
}

uint64_t coopi_header_checksum(const struct coopi_header *header)
{
    const uint8_t *bytes = (const uint8_t *)header;
    const size_t gap = offsetof(struct coopi_header, boot_id), rest = offsetof(struct coopi_header, maximum);
    return fnv(fnv(FNV_START, bytes, gap), bytes + rest, offsetof(struct coopi_header, checksum) - rest);
}

uint64_t coopi_event_sum(const struct coopi_event *event)
{
    return fnv(FNV_START, event, offsetof(struct coopi_event, sum));
}

uint32_t coopi_name_hash(const char *name)
{
    uint64_t hash = fnv(FNV_START, name, strlen(name));
    return (uint32_t)(hash ^ hash >> 32);
}

const char *coopi_kind_name(uint32_t kind)
{
    switch (kind) {
#define NAME(id, number, text)                                                                                         \
    case number: return text;
        COOPI_KINDS(NAME)
#undef NAME
    default: return "unknown";
    }
}

const char *coopi_event_name(uint32_t kind)
{
    switch (kind) {
#define NAME(id, number, text)                                                                                         \
    case number: return text;
        COOPI_EVENTS(NAME)
#undef NAME
    default: return "unknown";
    }
}

static int check_table(const struct coopi_header *header, const struct coopi_table *table, uint32_t stride,
                       uint32_t most, const char *what, const char *name)
{
    if (table->stride != stride || table->count == 0 || table->count > most || table->offset % COOPI_LINE ||
        table->offset < sizeof *header || table->offset > header->storage ||
        (uint64_t)table->count * stride > header->storage - table->offset)
        return coopi_fail(EBADMSG,
                          "%s: damaged: its %s table (offset %" PRIu64 ", %" PRIu32 " rows of %" PRIu32
                          " bytes) does not fit; remove it with `shmctl rm --force`",
                          name, what, table->offset, table->count, table->stride);
    return 0;
}

static bool lies_before(const struct coopi_table *a, const struct coopi_table *b)
{
    return a->offset + (uint64_t)a->stride * a->count <= b->offset;
}

/* Each of them fits; none may be another's. */
static bool tables_overlap(const struct coopi_header *h)
{
    const struct coopi_table *tables[] = {&h->directory, &h->participants, &h->owners,
                                          &h->events,    &h->opens,        &h->index};
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
        for (size_t k = 0; k < i; k++)
            if (!lies_before(tables[i], tables[k]) && !lies_before(tables[k], tables[i])) return true;
    }
    return false;
}

/* What decides whether we may look further at all. */
static int check_identity(const struct coopi_header *header, const char *name)
{
    if (memcmp(header->magic, COOPI_MAGIC, sizeof header->magic) != 0)
        return coopi_fail(EBADMSG, "%s: not a libcoop segment: wrong magic; remove the file if nothing else needs it",
                          name);
    if (header->format_major != COOPI_FORMAT_MAJOR)
        return coopi_fail(ENOTSUP,
                          "%s: has format %" PRIu32 ".%" PRIu32
                          ", and this libcoop knows %d.x; use the libcoop that made it",
                          name, header->format_major, header->format_minor, COOPI_FORMAT_MAJOR);
    if (header->incompatible & ~COOPI_INCOMPATIBLE)
        return coopi_fail(ENOTSUP, "%s: uses features (%#" PRIx64 ") that this libcoop does not know; use a newer one",
                          name, header->incompatible & ~COOPI_INCOMPATIBLE);
    if (header->fingerprint != coopi_fingerprint())
        return coopi_fail(ENOTSUP,
                          "%s: made by a program with another layout (fingerprint %016" PRIx64 ", ours %016" PRIx64
                          "): another word size, byte order or build; use programs of one build",
                          name, header->fingerprint, coopi_fingerprint());
    return 0;
}

int coopi_header_check(const struct coopi_header *header, uint64_t file_size, const char *name)
{
    int r = check_identity(header, name);
    if (r < 0) return r;
    if (header->checksum != coopi_header_checksum(header))
        return coopi_fail(
            EBADMSG, "%s: damaged: its header's checksum does not match; remove it with `shmctl rm --force`", name);
    if (memchr(header->name, 0, sizeof header->name) == NULL || header->storage % COOPI_LINE ||
        header->storage < sizeof *header || header->maximum > MAXIMUM_LIMIT || header->storage > header->maximum)
        return coopi_fail(EBADMSG, "%s: damaged: its header contradicts itself; remove it with `shmctl rm --force`",
                          name);
    if (header->storage > file_size)
        return coopi_fail(EBADMSG,
                          "%s: truncated: %" PRIu64 " bytes, and its tables need %" PRIu64
                          "; remove it with `shmctl rm --force`",
                          name, file_size, header->storage);
    r = check_table(header, &header->directory, sizeof(struct coopi_entry), COOPI_OBJECTS_MAX, "directory", name);
    if (r == 0)
        r = check_table(header, &header->participants, sizeof(struct coopi_participant), COOPI_ROWS_MAX, "participant",
                        name);
    if (r == 0) r = check_table(header, &header->owners, sizeof(struct coopi_owner), COOPI_ROWS_MAX, "owner", name);
    if (r == 0) r = check_table(header, &header->events, sizeof(struct coopi_event), COOPI_EVENTS_MAX, "event", name);
    if (r == 0)
        r = check_table(header, &header->opens, coopi_opens_stride(header->directory.count), COOPI_ROWS_MAX, "open",
                        name);
    if (r == 0) r = check_table(header, &header->index, sizeof(uint32_t), COOPI_OBJECTS_MAX, "index", name);
    if (r == 0 && (header->opens.count != header->participants.count ||
                   header->index.count != coopi_index_buckets(header->directory.count) ||
                   header->lifetime > COOPI_UNTIL_LAST || tables_overlap(header)))
        r = coopi_fail(EBADMSG, "%s: damaged: its tables contradict each other; remove it with `shmctl rm --force`",
                       name);
    return r;
}

static bool known_kind(uint32_t kind)
{
    return strcmp(coopi_kind_name(kind), "unknown") != 0;
}

int coopi_entry_check(const struct coopi_entry *entry, const struct coopi_header *header, uint64_t size,
                      const char *segment)
{
    const char *wrong = NULL;
    if (memchr(entry->name, 0, sizeof entry->name) == NULL)
        return coopi_fail(EBADMSG, "%s: damaged: an object's name has no end", segment);
    uint64_t end = entry->offset + entry->size;
    if (entry->offset % COOPI_LINE || entry->body % COOPI_LINE)
        wrong = "is not aligned";
    else if (entry->offset < header->storage || end < entry->offset || end > size || end > header->maximum)
        wrong = "lies outside the file";
    else if (entry->body < entry->offset || entry->body > end || entry->type_size > entry->body - entry->offset)
        wrong = "overlaps its own type";
    else if (!known_kind(entry->kind))
        wrong = "is of a kind that this libcoop does not know";
    else if (entry->name[0] && coopi_object_name_check(entry->name) < 0)
        wrong = "has a malformed name";
    if (!wrong) return 0;
    return coopi_fail(EBADMSG,
                      "%s: damaged: an object (kind %" PRIu32 ", offset %" PRIu64 ", %" PRIu64 " bytes) %s; "
                      "remove the segment with `shmctl rm --force`",
                      segment, entry->kind, entry->offset, entry->size, wrong);
}

uint64_t coopi_entry_lock_offset(const struct coopi_entry *entry, const struct coopi_header *header, uint64_t size)
{
    bool has_lock = entry->kind == COOPI_LOCK || entry->kind == COOPI_RLOCK || (entry->flags & COOPI_ENTRY_LOCKED);
    if (!has_lock || coopi_entry_check(entry, header, size, "") < 0) return 0;
    return sizeof(struct coopi_lock_shm) > entry->offset + entry->size - entry->body ? 0 : entry->body;
}

uint64_t coopi_entry_sync_offset(const struct coopi_entry *entry, const struct coopi_header *header, uint64_t size)
{
    bool has_one = entry->kind == COOPI_SEMAPHORE || entry->kind == COOPI_CONDITION || entry->kind == COOPI_BARRIER ||
                   entry->kind == COOPI_RWLOCK;
    if (!has_one || coopi_entry_check(entry, header, size, "") < 0) return 0;
    uint64_t lock = entry->flags & COOPI_ENTRY_LOCKED ? sizeof(struct coopi_lock_shm) : 0;
    uint64_t room = entry->offset + entry->size - entry->body, least = lock + sizeof(struct coopi_sync_shm);
    if (room < least || entry->length > COOPI_ROWS_MAX || entry->length > (room - least) / sizeof(uint64_t)) return 0;
    return entry->body + lock;
}
