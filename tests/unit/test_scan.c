/* SPDX-License-Identifier: MIT */
/* The scan: what it lets pass and what it refuses, before anything else looks at a message. */
#include "harness/test.h"
#include "proxy/wire.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

/* The bytes of a string literal, without its NUL. */
#define SCAN(text, depth) coopi_wire_scan(text, sizeof(text) - 1, depth)

static void check_refused(const char *bytes, size_t size, const char *why)
{
    CHECK_ERR(coopi_wire_scan(bytes, size, COOPI_WIRE_DEPTH), -EBADMSG);
    CHECK_DETAIL(why);
}
#define REFUSED(text, why) check_refused(text, sizeof(text) - 1, why)

static void the_scan_takes_whole_messages(void)
{
    CHECK_OK(SCAN("\xc0", 0));
    CHECK_OK(SCAN("\x90", 1));
    CHECK_OK(SCAN("\x93\x01\xc2\xa1x", 1));
    CHECK_OK(SCAN("\x81\xa1k\x92\x01\x02", 2));
    CHECK_OK(SCAN("\xdc\x00\x01\xdf\x00\x00\x00\x01\xc4\x01\xff\xd3\0\0\0\0\0\0\0\0", 2));
}

static void the_scan_refuses_cut_messages(void)
{
    static const char whole[] = "\x94\xd9\x03"
                                "abc\xc5\x00\x02\x01\x02\xcb\0\0\0\0\0\0\0\0\x81\xcd\x01\x02\xc0";
    size_t size = sizeof whole - 1;
    CHECK_OK(coopi_wire_scan(whole, size, COOPI_WIRE_DEPTH));
    for (size_t i = 0; i < size; i++) {
        char *cut = malloc(i ? i : 1);
        memcpy(cut, whole, i);
        CHECK_ERR(coopi_wire_scan(cut, i, COOPI_WIRE_DEPTH), -EBADMSG);
        free(cut);
    }
}

static void the_scan_refuses_trailing_bytes(void)
{
    REFUSED("\xc0\xc0", "more behind");
    REFUSED("\x91\xc0\x00", "more behind");
}

static void the_scan_refuses_ext_and_the_reserved_byte(void)
{
    REFUSED("\xc1", "ext type");
    REFUSED("\xd4\x01\x00", "ext type");
    REFUSED("\xd8\x01................", "ext type");
    REFUSED("\xc7\x01\x01x", "ext type");
    REFUSED("\xc8\x00\x01\x01x", "ext type");
    REFUSED("\xc9\0\0\0\x01\x01x", "ext type");
    REFUSED("\x92\x01\xc1", "byte 2");
}

static void the_scan_refuses_bad_utf8(void)
{
    REFUSED("\xa1\xff", "not UTF-8");
    REFUSED("\xa2\xc0\x80", "not UTF-8");
    REFUSED("\xa3\xed\xa0\x80", "not UTF-8");
    REFUSED("\xa3\xe0\x80\x80", "not UTF-8");
    REFUSED("\xa4\xf4\x90\x80\x80", "not UTF-8");
    REFUSED("\xa4\xf0\x80\x80\x80", "not UTF-8");
    REFUSED("\xa2"
            "a\xc3",
            "not UTF-8");
    REFUSED("\xab"
            "eight..\xe2\x82\xac\xff",
            "byte 11");
    CHECK_OK(SCAN("\xa9"
                  "eight\xf0\x9f\x98\x80",
                  0));
}

static void the_scan_refuses_containers_as_keys(void)
{
    REFUSED("\x81\x90\x01", "map's key");
    REFUSED("\x81\x80\x01", "map's key");
    REFUSED("\x82\x01\x90\x91\x01\x02", "map's key");
    CHECK_OK(SCAN("\x82\x01\x90\x02\x91\x03", 2));
}

static void the_scan_refuses_bombs_at_once(void)
{
    static char deep[1 << 20];
    memset(deep, '\x91', sizeof deep);
    check_refused(deep, sizeof deep, "nested too deep");
    CHECK_ERR(SCAN("\x91\x91\xc0", 1), -EBADMSG);
    REFUSED("\xdd\xff\xff\xff\xff", "more values than");
    REFUSED("\xdf\xff\xff\xff\xff\x01\x02", "more values than");
    REFUSED("\xdf\x80\x00\x00\x00", "more values than");
    REFUSED("\xdb\xff\xff\xff\xff"
            "abc",
            "more bytes than");
    REFUSED("\xc6\xff\xff\xff\xff", "more bytes than");
    /* Each header promises no more than what is left, all together they do. */
    REFUSED("\x92\x93\x93\x01\x01\x01", "more values than");
}

/* The head of an array of COUNT items. */
static void put_array_head(char *message, uint32_t count)
{
    uint32_t big_endian = htobe32(count);
    message[0] = '\xdd';
    memcpy(message + 1, &big_endian, sizeof big_endian);
}

static void the_scan_bounds_the_number_of_values(void)
{
    size_t count = COOPI_WIRE_VALUES, size = count + 5;
    char *many = calloc(1, size);
    put_array_head(many, COOPI_WIRE_VALUES);
    CHECK_ERR(coopi_wire_scan(many, size, COOPI_WIRE_DEPTH), -EMSGSIZE);
    CHECK_DETAIL("more than 4194304 values");
    put_array_head(many, COOPI_WIRE_VALUES - 1);
    CHECK_OK(coopi_wire_scan(many, size - 1, COOPI_WIRE_DEPTH));
    CHECK_ERR(coopi_wire_scan(many, COOPI_WIRE_MAX + 1, COOPI_WIRE_DEPTH), -EMSGSIZE);
    free(many);
}

TESTS(scan, TEST(the_scan_takes_whole_messages), TEST(the_scan_refuses_cut_messages),
      TEST(the_scan_refuses_trailing_bytes), TEST(the_scan_refuses_ext_and_the_reserved_byte),
      TEST(the_scan_refuses_bad_utf8), TEST(the_scan_refuses_containers_as_keys), TEST(the_scan_refuses_bombs_at_once),
      TEST(the_scan_bounds_the_number_of_values))
