/* SPDX-License-Identifier: MIT */
/* msgpack that anybody may have sent: what the scan lets pass can be read, and written again, and then passes too. */
#include "proxy/wire.h"

#include <coop/error.h>
#include <errno.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    coop_any value, again;
    struct coopi_reader reader = {data, size, 0};
    if (coopi_wire_scan(data, size, COOP_ANY_DEPTH) < 0) return 0;
    struct coopi_reader skipping = reader;
    if (coopi_read_skip(&skipping) < 0 || skipping.off != size) abort();
    if (coopi_read_any(&reader, &value) < 0) return 0; /* a NaN as a key */
    if (reader.off != size) abort();
    struct coopi_writer w;
    coopi_writer_init(&w, COOPI_WIRE_MAX);
    coopi_write_any(&w, &value);
    if (coopi_writer_status(&w) < 0 || coopi_wire_scan(w.data, w.len, COOP_ANY_DEPTH) < 0) abort();
    struct coopi_reader written = {w.data, w.len, 0};
    if (coopi_read_any(&written, &again) < 0) abort();
    coop_any_clear(&again);
    coop_any_clear(&value);
    coopi_writer_free(&w);
    return 0;
}
