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

static struct coopi_table place(uint64_t *end, uint32_t stride, uint32_t count)
{
    struct coopi_table table = {*end, stride, count};
    *end = (*end + (uint64_t)stride * count + COOPI_LINE - 1) / COOPI_LINE * COOPI_LINE;
    return table;
}

/* A header that is right but for the bytes that the input puts over it. */
static struct coopi_header header_from(const uint8_t *data, size_t size)
{
    uint64_t end = sizeof(struct coopi_header);
    struct coopi_header header = {
        .magic = COOPI_MAGIC,
        .format_major = COOPI_FORMAT_MAJOR,
        .fingerprint = coopi_fingerprint(),
        .maximum = 1 << 20,
        .size = 1 << 16,
        .name = "fuzz",
    };
    header.directory = place(&end, sizeof(struct coopi_entry), 4);
    header.participants = place(&end, sizeof(struct coopi_participant), 2);
    header.owners = place(&end, sizeof(struct coopi_owner), 2);
    header.events = place(&end, sizeof(struct coopi_event), 2);
    header.opens = place(&end, coopi_opens_stride(4), 2);
    header.index = place(&end, sizeof(uint32_t), coopi_index_buckets(4));
    header.storage = end;
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
    if (coopi_header_check(&header, 1 << 16, "fuzz") < 0) {
        if (size <= part + 2) abort(); /* nothing was put over it */
        return 0;
    }
    inside(&header.directory, sizeof(struct coopi_entry), &header);
    inside(&header.participants, sizeof(struct coopi_participant), &header);
    inside(&header.owners, sizeof(struct coopi_owner), &header);
    inside(&header.events, sizeof(struct coopi_event), &header);
    inside(&header.opens, sizeof(uint64_t), &header);
    inside(&header.index, sizeof(uint32_t), &header);
    if (header.storage > 1 << 16 || !memchr(header.name, 0, sizeof header.name)) abort();
    if (coopi_entry_check(&entry, &header, 1 << 16, "fuzz") < 0) return 0;
    if (entry.offset < header.storage || entry.offset > 1 << 16 || entry.size > (1 << 16) - entry.offset) abort();
    if (entry.body < entry.offset || entry.body - entry.offset > entry.size) abort();
    if (entry.type_size > entry.body - entry.offset || !memchr(entry.name, 0, sizeof entry.name)) abort();
    return 0;
}
