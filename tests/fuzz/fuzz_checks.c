/* SPDX-License-Identifier: MIT */
/* Headers and entries of any bytes: what the checks let pass lies inside the file. */
#include "segment/layout.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void inside(const struct coopi_table *table, size_t row, const struct coopi_header *header)
{
    if (table->stride < row || table->offset < sizeof *header || table->offset % COOPI_LINE) abort();
    uint64_t bytes = (uint64_t)table->stride * table->count;
    if (table->offset > header->storage || bytes > header->storage - table->offset) abort();
}

/* A header that could be right but for the bytes that the input puts over it. */
static struct coopi_header header_from(const uint8_t *data, size_t size)
{
    struct coopi_header header = {
        .magic = COOPI_MAGIC,
        .format_major = COOPI_FORMAT_MAJOR,
        .fingerprint = coopi_fingerprint(),
        .maximum = 1 << 20,
        .directory = {sizeof header, sizeof(struct coopi_entry), 4},
        .participants = {sizeof header + 4 * sizeof(struct coopi_entry), sizeof(struct coopi_participant), 2},
        .storage = sizeof header + 8 * 128,
        .size = 1 << 16,
        .name = "fuzz",
    };
    header.owners = (struct coopi_table){sizeof header + 6 * 128, sizeof(struct coopi_owner), 2};
    for (size_t i = 0; i + 2 < size; i += 3) {
        size_t at = (size_t)(data[i] << 8 | data[i + 1]) % offsetof(struct coopi_header, lock);
        memcpy((uint8_t *)&header + at, &data[i + 2], 1);
    }
    header.checksum = coopi_header_checksum(&header);
    return header;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct coopi_entry entry = {0};
    size_t part = size < sizeof entry ? size : sizeof entry;
    if (part) memcpy(&entry, data, part);
    struct coopi_header header = header_from(data + part, size - part);
    if (coopi_header_check(&header, 1 << 16, "fuzz") < 0) return 0;
    inside(&header.directory, sizeof(struct coopi_entry), &header);
    inside(&header.participants, sizeof(struct coopi_participant), &header);
    inside(&header.owners, sizeof(struct coopi_owner), &header);
    if (header.storage > 1 << 16 || !memchr(header.name, 0, sizeof header.name)) abort();
    if (coopi_entry_check(&entry, &header, 1 << 16, "fuzz") < 0) return 0;
    if (entry.offset < header.storage || entry.offset > 1 << 16 || entry.size > (1 << 16) - entry.offset) abort();
    if (entry.body < entry.offset || entry.body - entry.offset > entry.size) abort();
    if (entry.type_size > entry.body - entry.offset || !memchr(entry.name, 0, sizeof entry.name)) abort();
    return 0;
}
