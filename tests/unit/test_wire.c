/* SPDX-License-Identifier: MIT */
/* The wire: what writing and reading make of values, requests and replies. */
#include "harness/test.h"
#include "proxy/message.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Encodes, scans and decodes. The result is the caller's. */
static coop_any through(coop_any value)
{
    struct coopi_writer w;
    coopi_writer_init(&w, COOPI_WIRE_MAX);
    coopi_write_any(&w, &value);
    CHECK_OK(coopi_writer_status(&w));
    CHECK_OK(coopi_wire_scan(w.data, w.len, COOPI_WIRE_DEPTH));
    struct coopi_reader r = {w.data, w.len, 0}, skipper = r;
    coop_any back;
    CHECK_OK(coopi_read_any(&r, &back));
    CHECK_OK(coopi_read_skip(&skipper));
    CHECK_EQ(r.off, w.len);
    CHECK_EQ(skipper.off, w.len);
    coopi_writer_free(&w);
    return back;
}

static void check_through(coop_any value)
{
    coop_any back = through(value);
    CHECK_EQ(back.type, value.type);
    CHECK(coop_any_equal(back, value));
    coop_any_clear(&back);
}

/* Bytes as a message that only the decoder refuses, or takes. */
static int decode(const char *bytes, size_t size, coop_any *ret_value)
{
    char *exact = malloc(size); /* so that ASan sees the first byte too many */
    memcpy(exact, bytes, size);
    CHECK_OK(coopi_wire_scan(exact, size, COOPI_WIRE_DEPTH));
    struct coopi_reader r = {(const unsigned char *)exact, size, 0};
    int result = coopi_read_any(&r, ret_value);
    free(exact);
    return result;
}

#define DECODE(text, ret_value) decode(text, sizeof(text) - 1, ret_value)

static void every_type_comes_back_as_it_was(void)
{
    coop_pair pairs[] = {
        {coop_str("k"), coop_nil()}, {coop_int(-1), coop_bool(true)}, {coop_bytes("\xff", 1), coop_int(7)}};
    coop_any items[] = {coop_pairs(pairs, 3), coop_str("\xc3\xa4 text"), coop_float(-2.5)};
    check_through(coop_nil());
    check_through(coop_bool(false));
    check_through(coop_float(0.1));
    check_through(coop_float(INFINITY));
    check_through(coop_str(""));
    check_through(coop_bytes("a\0b", 3));
    check_through(coop_items(NULL, 0));
    check_through(coop_pairs(NULL, 0));
    check_through(coop_items(items, 3));
    coop_any nan = through(coop_float(NAN));
    CHECK(isnan(nan.as.real));
}

static void integers_keep_their_value_at_every_width(void)
{
    for (int bits = 0; bits < 64; bits++)
        for (int off = -1; off <= 1; off++) {
            uint64_t n = (UINT64_C(1) << bits) + (uint64_t)(int64_t)off;
            check_through(coop_uint(n));
            check_through(coop_int((int64_t)(0 - n)));
        }
    check_through(coop_uint(UINT64_MAX));
    check_through(coop_int(INT64_MIN));
}

static void strings_keep_their_bytes_at_every_width(void)
{
    static char text[70000];
    memset(text, 'x', sizeof text);
    static const size_t sizes[] = {0, 1, 31, 32, 255, 256, 65535, 65536, sizeof text};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        check_through(coop_strn(text, sizes[i]));
        check_through(coop_bytes(text, sizes[i]));
    }
}

static void long_lists_and_maps_come_back(void)
{
    enum { MANY = 70000 };
    static coop_any items[MANY];
    static coop_pair pairs[MANY];
    for (int i = 0; i < MANY; i++) {
        items[i] = coop_int(i);
        pairs[i] = (coop_pair){coop_int(i), coop_int(-i)};
    }
    check_through(coop_items(items, MANY));
    check_through(coop_items(items, 16));
    check_through(coop_pairs(pairs, MANY));
    check_through(coop_pairs(pairs, 16));
}

static void a_short_float_is_widened(void)
{
    coop_any value;
    CHECK_OK(DECODE("\xca\x3f\xc0\x00\x00", &value));
    CHECK_EQ(value.type, COOP_FLOAT);
    CHECK_DOUBLE(value.as.real, 1.5);
}

static void a_value_nests_as_deep_as_the_limit(void)
{
    char bytes[COOP_ANY_DEPTH + 2];
    coop_any value;
    memset(bytes, '\x91', sizeof bytes);
    bytes[COOP_ANY_DEPTH - 1] = '\x90';
    CHECK_OK(decode(bytes, COOP_ANY_DEPTH, &value));
    coop_any copy;
    CHECK_OK(coop_any_copy(value, &copy));
    coop_any_clear(&copy);
    check_through(value);
    coop_any_clear(&value);

    bytes[COOP_ANY_DEPTH - 1] = '\x91';
    bytes[COOP_ANY_DEPTH] = '\x90';
    CHECK_ERR(decode(bytes, COOP_ANY_DEPTH + 1, &value), -EBADMSG);
    CHECK_DETAIL("nested too deep");
}

static void a_value_too_deep_is_not_written(void)
{
    coop_any room[COOP_ANY_DEPTH + 1];
    room[0] = coop_items(NULL, 0);
    for (int i = 1; i <= COOP_ANY_DEPTH; i++) room[i] = coop_items(&room[i - 1], 1);
    struct coopi_writer w;
    coopi_writer_init(&w, 1000);
    coopi_write_any(&w, &room[COOP_ANY_DEPTH]);
    CHECK_ERR(coopi_writer_status(&w), -EINVAL);
    CHECK_DETAIL("deeper");
    coopi_writer_free(&w);
}

static void of_a_key_that_comes_twice_the_last_value_counts(void)
{
    coop_any map;
    char *text;
    CHECK_OK(DECODE("\x84\x01\xa1"
                    "a\xa1"
                    "b\x02\xcb\x3f\xf0\0\0\0\0\0\0\x03\xc3\x04",
                    &map));
    CHECK_OK(coop_any_format(map, &text));
    CHECK_STR(text, "{1: 4, 'b': 2}");
    free(text);
    coop_any_clear(&map);
}

static void nan_is_refused_as_a_key(void)
{
    coop_any value = coop_int(5);
    CHECK_ERR(DECODE("\x81\xcb\x7f\xf8\0\0\0\0\0\0\x01", &value), -EBADMSG);
    CHECK_DETAIL("NaN");
    CHECK_EQ(value.as.integer, 5);
    CHECK_ERR(DECODE("\x92\xa1x\x82\xa1y\xa1z\xcb\x7f\xf8\0\0\0\0\0\0\x01", &value), -EBADMSG);
}

/* Every text of one to three bytes, each at the end of its memory: no crash, and what passes can be read. */
static void all_short_messages_are_safe(void)
{
    unsigned char *at = malloc(3);
    unsigned passed = 0;
    for (unsigned n = 0; n < 1u << 24; n += (n & 0xff) < 0xe0 && (n & 0xff) > 0x10 ? 7 : 1) {
        memcpy(at, (unsigned char[]){(unsigned char)(n >> 16), (unsigned char)(n >> 8), (unsigned char)n}, 3);
        if (coopi_wire_scan(at, 3, COOPI_WIRE_DEPTH) < 0) continue;
        struct coopi_reader r = {at, 3, 0};
        coop_any value;
        int result = coopi_read_any(&r, &value);
        CHECK(result == 0 && r.off == 3);
        coop_any_clear(&value);
        passed++;
    }
    free(at);
    CHECK(passed > 1000);
}

static void a_writer_stops_at_its_limit(void)
{
    struct coopi_writer w;
    coopi_writer_init(&w, 10);
    coopi_write_str(&w, "abc", 3);
    coopi_write_bytes(&w, "0123456789", 10);
    CHECK_ERR(coopi_writer_status(&w), -EMSGSIZE);
    coopi_write_nil(&w);
    CHECK_ERR(coopi_writer_status(&w), -EMSGSIZE);
    coopi_writer_cut(&w, 4);
    CHECK_OK(coopi_writer_status(&w));
    coopi_write_uint(&w, 5);
    CHECK_EQ(w.len, 5);
    CHECK_MEM(w.data,
              "\xa3"
              "abc\x05",
              5);
    coopi_writer_reset(&w);
    CHECK_EQ(w.len, 0);
    coopi_writer_free(&w);
}

static void a_writer_refuses_what_no_reader_takes(void)
{
    struct coopi_writer w;
    coop_any bad[] = {coop_str("a\xff"), coop_nil(), coop_nil()};
    coop_pair nan = {coop_float(NAN), coop_nil()};
    bad[1].type = 99;
    bad[2] = coop_pairs(&nan, 1);
    for (int i = 0; i < 3; i++) {
        coopi_writer_init(&w, 1000);
        coopi_write_any(&w, &bad[i]);
        CHECK_ERR(coopi_writer_status(&w), -EINVAL);
        coopi_writer_free(&w);
    }
}

static void readers_name_what_they_expected(void)
{
    struct coopi_reader r = {(const unsigned char *)"\xff\x90\xa1x", 4, 0};
    uint64_t number;
    uint32_t count;
    const char *text;
    const void *bytes;
    size_t size;
    coop_any value;
    CHECK_ERR(coopi_read_uint(&r, &number), -EBADMSG);
    CHECK_DETAIL("an int >= 0");
    CHECK_ERR(coopi_read_array(&r, &count), -EBADMSG);
    CHECK_OK(coopi_read_plain(&r, &value));
    CHECK_EQ(value.as.integer, -1);
    CHECK_ERR(coopi_read_plain(&r, &value), -EBADMSG);
    CHECK_ERR(coopi_read_str(&r, &text, &size), -EBADMSG);
    CHECK_OK(coopi_read_array(&r, &count));
    CHECK_ERR(coopi_read_bytes(&r, &bytes, &size), -EBADMSG);
    CHECK_OK(coopi_read_str(&r, &text, &size));
    CHECK_EQ(size, 1);
    CHECK_ERR(coopi_read_any(&r, &value), -EBADMSG);
    CHECK_ERR(coopi_read_skip(&r), -EBADMSG);
    CHECK_ERR(coopi_read_plain(&r, &value), -EBADMSG);
}

/* PROTOCOL.md's example, byte by byte. */
static const char example[] =
    "\x98\x01\xc4\x10\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\x01\x01\x00"
    "\xablist.append\xa7numbers\x91\x03";

static void the_documented_request_is_written_and_read(void)
{
    struct coopi_request head = {.lane = 1, .sequence = 1}, request;
    struct coopi_writer w;
    coop_any three = coop_int(3), value;
    for (unsigned char i = 0; i < COOPI_SESSION_SIZE; i++) head.session[i] = i;
    coopi_writer_init(&w, 1000);
    coopi_request_begin(&w, &head);
    coopi_write_str(&w, "list.append", 11);
    coopi_write_str(&w, "numbers", 7);
    coopi_write_array(&w, 1);
    coopi_write_any(&w, &three);
    CHECK_EQ(w.len, sizeof example - 1);
    CHECK_MEM(w.data, example, w.len);
    coopi_writer_free(&w);

    CHECK_OK(coopi_request_parse(example, sizeof example - 1, &request));
    CHECK_MEM(request.session, head.session, COOPI_SESSION_SIZE);
    CHECK_EQ(request.lane, 1);
    CHECK_EQ(request.sequence, 1);
    CHECK_EQ(request.attempt, 0);
    CHECK_EQ(request.command.op_size, 11);
    CHECK_MEM(request.command.object.as.str, "numbers", 7);
    CHECK_EQ(request.command.arg_count, 1);
    CHECK_OK(coopi_read_any(&request.command.args, &value));
    CHECK_EQ(value.as.integer, 3);
}

static void a_request_with_more_fields_is_taken(void)
{
    char longer[sizeof example + 1];
    struct coopi_request request;
    memcpy(longer, example, sizeof example - 1);
    longer[0] = '\x9a';
    longer[sizeof example - 1] = '\xc0';
    longer[sizeof example] = '\xc0';
    CHECK_OK(coopi_request_parse(longer, sizeof longer, &request));
    CHECK_EQ(request.command.arg_count, 1);
}

/* One byte of the example at a time becomes every other byte. */
static void damaged_requests_are_refused_or_taken_whole(void)
{
    char bytes[sizeof example - 1];
    struct coopi_request request;
    for (size_t at = 0; at < sizeof bytes; at++)
        for (int byte = 0; byte < 256; byte++) {
            memcpy(bytes, example, sizeof bytes);
            bytes[at] = (char)byte;
            int result = coopi_request_parse(bytes, sizeof bytes, &request);
            CHECK(result == 0 || result == -EBADMSG || result == -EPROTO);
        }
    bytes[0] = '\x91';
    CHECK_ERR(coopi_request_parse("\x97\x01\0\0\0\0\0\0", 8, &request), -EBADMSG);
    CHECK_DETAIL("not [1, session");
    CHECK_ERR(coopi_request_parse("\x91\x02", 2, &request), -EPROTO);
    CHECK_DETAIL("version 2");
    CHECK_ERR(coopi_request_parse("\x90", 1, &request), -EBADMSG);
    CHECK_ERR(coopi_request_parse("\x01", 1, &request), -EBADMSG);
}

static void a_batch_is_read_command_by_command(void)
{
    static const char batch[] = "\x92\x93\xa4ping\xc0\x91\x07\x93\xa8list.len\x05\x90";
    struct coopi_reader r = {(const unsigned char *)batch, sizeof batch - 1, 0};
    struct coopi_command command;
    uint32_t count;
    uint64_t seven;
    CHECK_OK(coopi_read_array(&r, &count));
    CHECK_OK(coopi_command_read(&r, &command));
    CHECK_EQ(command.arg_count, 1);
    CHECK_OK(coopi_read_uint(&command.args, &seven));
    CHECK_EQ(seven, 7);
    CHECK_OK(coopi_command_read(&r, &command));
    CHECK_MEM(command.op, "list.len", 8);
    CHECK_EQ(command.object.as.integer, 5);
    CHECK_ERR(coopi_command_read(&r, &command), -EBADMSG);
    r = (struct coopi_reader){(const unsigned char *)"\x92\xa1x\xc0", 4, 0};
    CHECK_ERR(coopi_command_read(&r, &command), -EBADMSG);
}

static void an_object_is_nil_a_name_or_an_id(void)
{
    struct coopi_command command;
    struct coopi_reader r = {(const unsigned char *)"\x93\xa1x\xff\x90", 5, 0};
    CHECK_ERR(coopi_command_read(&r, &command), -EBADMSG);
    CHECK_DETAIL("object");
    r = (struct coopi_reader){(const unsigned char *)"\x93\xa1x\xc3\x90", 5, 0};
    CHECK_ERR(coopi_command_read(&r, &command), -EBADMSG);
}

static void replies_carry_results_and_errors(void)
{
    struct coopi_writer w;
    struct coopi_reply reply;
    uint64_t result;
    coopi_writer_init(&w, 1000);
    coopi_reply_begin(&w, 7);
    coopi_write_uint(&w, 99);
    CHECK_OK(coopi_reply_parse(w.data, w.len, &reply));
    CHECK_EQ(reply.sequence, 7);
    CHECK_EQ(reply.status, 0);
    CHECK_OK(coopi_read_uint(&reply.result, &result));
    CHECK_EQ(result, 99);

    coopi_writer_reset(&w);
    coopi_reply_error(&w, 8, -ENOENT, "no such key \xc3");
    CHECK_OK(coopi_reply_parse(w.data, w.len, &reply));
    CHECK_EQ(reply.status, -ENOENT);
    CHECK_EQ(reply.sentence_size, 12);
    CHECK_MEM(reply.sentence, "no such key ", 12);
    coopi_writer_free(&w);
    CHECK_ERR(coopi_reply_parse("\x94\x01\x01\xa2ok", 6, &reply), -EBADMSG);
    CHECK_ERR(coopi_reply_parse("\x94\x01\x01\xa2oh\x01", 7, &reply), -EBADMSG);
}

static void error_names_go_both_ways(void)
{
    CHECK_STR(coopi_error_name(-ESTALE), "ESTALE");
    CHECK_STR(coopi_error_name(-EXFULL), "EIO");
    CHECK_EQ(coopi_error_from_name("ESTALE", 6), -ESTALE);
    CHECK_EQ(coopi_error_from_name("ESTAL", 5), -EIO);
    CHECK_EQ(coopi_error_from_name("EFUTURE", 7), -EIO);
}

TESTS(wire, TEST(every_type_comes_back_as_it_was), TEST(integers_keep_their_value_at_every_width),
      TEST(strings_keep_their_bytes_at_every_width), TEST(long_lists_and_maps_come_back),
      TEST(a_short_float_is_widened), TEST(a_value_nests_as_deep_as_the_limit), TEST(a_value_too_deep_is_not_written),
      TEST(of_a_key_that_comes_twice_the_last_value_counts), TEST(nan_is_refused_as_a_key),
      TEST_T(all_short_messages_are_safe, .seconds = 30), TEST(a_writer_stops_at_its_limit),
      TEST(a_writer_refuses_what_no_reader_takes), TEST(readers_name_what_they_expected),
      TEST(the_documented_request_is_written_and_read), TEST(a_request_with_more_fields_is_taken),
      TEST(damaged_requests_are_refused_or_taken_whole), TEST(a_batch_is_read_command_by_command),
      TEST(an_object_is_nil_a_name_or_an_id), TEST(replies_carry_results_and_errors), TEST(error_names_go_both_ways))
