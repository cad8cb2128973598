/* SPDX-License-Identifier: MIT */
/* The sizes of what Values and Arrays hold. */
#include "segment/content.h"

bool coopi_content_size(uint32_t kind, uint32_t item_size, uint64_t length, uint64_t *ret_bytes)
{
    uint64_t one = coopi_is_record(kind, item_size) ? coopi_record_bytes(item_size) : item_size;
    return !__builtin_mul_overflow(one, length, ret_bytes);
}

bool coopi_content_fits(uint32_t kind, uint32_t entry_flags, uint32_t item_size, uint64_t length, uint64_t body_size)
{
    uint64_t bytes, head = coopi_content_head(entry_flags);
    if (body_size < head || !coopi_content_size(kind, item_size, length, &bytes)) return false;
    if (kind == COOPI_VALUE && (length != 1 || body_size - head < COOPI_LINE)) return false;
    return body_size - head >= bytes;
}
