/* SPDX-License-Identifier: MIT */
/* The first bytes of a msgpack value: what it is and how much of it follows. */
#include "proxy/head.h"

/* The bytes c0 to df: what begins there, how many bytes of length come next, and how many bytes of number. */
static const struct {
    uint8_t kind;
    uint8_t length_bytes;
    uint8_t payload;
} formats[32] = {
    [0x00] = {COOPI_HEAD_NIL, 0, 0},    [0x01] = {COOPI_HEAD_BAD, 0, 0},    [0x02] = {COOPI_HEAD_NUMBER, 0, 0},
    [0x03] = {COOPI_HEAD_NUMBER, 0, 0}, [0x04] = {COOPI_HEAD_BYTES, 1, 0},  [0x05] = {COOPI_HEAD_BYTES, 2, 0},
    [0x06] = {COOPI_HEAD_BYTES, 4, 0},  [0x0a] = {COOPI_HEAD_NUMBER, 0, 4}, [0x0b] = {COOPI_HEAD_NUMBER, 0, 8},
    [0x0c] = {COOPI_HEAD_NUMBER, 0, 1}, [0x0d] = {COOPI_HEAD_NUMBER, 0, 2}, [0x0e] = {COOPI_HEAD_NUMBER, 0, 4},
    [0x0f] = {COOPI_HEAD_NUMBER, 0, 8}, [0x10] = {COOPI_HEAD_NUMBER, 0, 1}, [0x11] = {COOPI_HEAD_NUMBER, 0, 2},
    [0x12] = {COOPI_HEAD_NUMBER, 0, 4}, [0x13] = {COOPI_HEAD_NUMBER, 0, 8}, [0x19] = {COOPI_HEAD_STR, 1, 0},
    [0x1a] = {COOPI_HEAD_STR, 2, 0},    [0x1b] = {COOPI_HEAD_STR, 4, 0},    [0x1c] = {COOPI_HEAD_ARRAY, 2, 0},
    [0x1d] = {COOPI_HEAD_ARRAY, 4, 0},  [0x1e] = {COOPI_HEAD_MAP, 2, 0},    [0x1f] = {COOPI_HEAD_MAP, 4, 0},
};

/* The formats that are one byte: small numbers, and short containers and texts with their count in it. */
static struct coopi_head short_head(unsigned byte)
{
    struct coopi_head head = {.kind = COOPI_HEAD_NUMBER, .size = 1};
    if (byte >= 0xa0 && byte < 0xc0) {
        head.kind = COOPI_HEAD_STR;
        head.count = byte & 0x1f;
    } else if (byte >= 0x80 && byte < 0xa0) {
        head.kind = byte < 0x90 ? COOPI_HEAD_MAP : COOPI_HEAD_ARRAY;
        head.count = byte & 0x0f;
    }
    return head;
}

int coopi_head_read(const unsigned char *data, size_t size, struct coopi_head *ret_head)
{
    if (size == 0) return -1;
    unsigned byte = data[0];
    if (byte < 0xc0 || byte >= 0xe0) {
        *ret_head = short_head(byte);
        return 0;
    }
    unsigned length_bytes = formats[byte - 0xc0].length_bytes;
    if (size < 1 + length_bytes) return -1;
    uint32_t count = formats[byte - 0xc0].payload;
    for (unsigned i = 1; i <= length_bytes; i++) count = count << 8 | data[i];
    *ret_head = (struct coopi_head){.kind = formats[byte - 0xc0].kind, .count = count, .size = 1 + length_bytes};
    return 0;
}
