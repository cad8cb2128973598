/* SPDX-License-Identifier: MIT */
/* The program coop-manager among peers that mean it harm. A wrong type byte before a message is left out on purpose: it
 * ends libnanomsg itself (see README's caveats); the private directory is the guard against it. */
#include "harness/sp.h"

#include <endian.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static struct started manager;

static void begin(void)
{
    manager = start_manager("m");
}

static void end(void)
{
    check_serves(manager_path("m"));
    CHECK_EQ(stop_program(&manager, SIGTERM), 0);
}

/* A field of /proc/PID/status, in bytes. */
static int64_t memory(const char *field)
{
    char path[64];
    char line[256];
    int64_t kib = -1;
    snprintf(path, sizeof path, "/proc/%d/status", (int)manager.pid);
    FILE *status = fopen(path, "re");
    CHECK(status != NULL);
    while (fgets(line, sizeof line, status))
        if (strncmp(line, field, strlen(field)) == 0) kib = atoll(line + strlen(field) + 1);
    fclose(status);
    CHECK(kib >= 0);
    return kib * 1024;
}

static void say(const void *bytes, size_t size)
{
    int fd = sp_socket(manager_path("m"));
    (void)sp_write(fd, bytes, size); /* it may have hung up already */
    close(fd);
}

static void wrong_handshakes_do_no_harm(void)
{
    static const char *const handshakes[] = {
        "GET / HT",           "\0SP\0\0\x31\0\0", "\0SP\1\0\x30\0\0",
        "\0SP\0\xff\xff\0\0", "\0SP\0\0\x30\1\1", "\xff\xff\xff\xff\xff\xff\xff\xff",
    };
    begin();
    for (size_t i = 0; i < sizeof handshakes / sizeof handshakes[0]; i++)
        for (size_t size = 0; size <= 8; size++) say(handshakes[i], size);
    end();
}

static void cut_frames_do_no_harm(void)
{
    char frame[] = "\0SP\0\0\x30\0\0\x01\0\0\0\0\0\0\0\x32\x80\0\0\x01\x98\x01\xc4\x10";
    begin();
    for (size_t size = 0; size < sizeof frame; size++) say(frame, size);
    end();
}

static void sizes_without_a_message_do_no_harm(void)
{
    static const unsigned char sizes[][8] = {
        {0, 0, 0, 0, 0, 0, 0, 0},
        {0, 0, 0, 0, 0, 0, 0, 3},
        {0, 0, 0, 0, 4, 0, 0, 0},
        {0, 0, 0, 0, 4, 0, 0, 1},
        {0, 0, 0, 0, 0x80, 0, 0, 0},
        {0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
        {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
    };
    begin();
    int64_t before = memory("VmRSS");
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        char bytes[8 + 9 + 4] = SP_REQ;
        bytes[8] = 1;
        memcpy(bytes + 9, sizes[i], 8);
        say(bytes, sizeof bytes);
    }
    check_serves(manager_path("m"));
    if (test_slowness() == 1) CHECK(memory("VmHWM") - before <= 16 << 20);
    end();
}

static void garbage_is_answered_and_the_connection_goes_on(void)
{
    struct sp sp;
    unsigned char garbage[512];
    begin();
    srand(3);
    sp_open(&sp, manager_path("m"));
    for (int i = 0; i < 2000; i++) {
        size_t size = (size_t)rand() % sizeof garbage;
        for (size_t k = 0; k < size; k++) garbage[k] = (unsigned char)rand();
        CHECK(sp_send(&sp, garbage, size));
        CHECK(sp_answer(&sp) < 0);
    }
    CHECK_OK(sp_ask(&sp, "ping", coop_nil(), NO_ARGS));
    sp_close(&sp);
    end();
}

/* Ids that do not end, as a device on the way would add them: there is nobody to answer. */
static void message_without_a_request_id_is_dropped(void)
{
    static const char frame[] = SP_REQ "\x01\0\0\0\0\0\0\0\x08\0\0\0\x01\0\0\0\x02";
    begin();
    for (int i = 0; i < 20; i++) say(frame, sizeof SP_REQ - 1 + 17);
    end();
}

static void send_bomb(struct sp *sp, const void *bomb, size_t size)
{
    CHECK(sp_send(sp, bomb, size));
    CHECK(sp_answer(sp) < 0);
}

/* A request to append the bomb to the list l. */
static void append_bomb(struct sp *sp, const void *bomb, size_t size)
{
    sp->head.sequence++;
    sp_compose(sp, "list.append", coop_str("l"), NO_ARGS);
    coopi_writer_cut(&sp->request, sp->request.len - 1);
    coopi_write_array(&sp->request, 1);
    coopi_write_raw(&sp->request, bomb, size);
    CHECK_OK(coopi_writer_status(&sp->request));
    send_bomb(sp, sp->request.data, sp->request.len);
}

static void bombs_are_refused_without_growing(void)
{
    static unsigned char deep[1 << 20];
    static unsigned char wide[31 * 5];
    static const char *const counts[] = {"\xdd\xff\xff\xff\xff", "\xdf\xff\xff\xff\xff", "\xdb\xff\xff\xff\xff",
                                         "\xc6\xff\xff\xff\xff", "\xdd\x00\x40\x00\x01", "\xdf\x7f\xff\xff\xff"};
    struct sp sp;
    begin();
    sp_open(&sp, manager_path("m"));
    memset(deep, 0x91, sizeof deep);
    for (size_t i = 0; i < sizeof wide; i++) wide[i] = (unsigned char)"\xdd\x04\x00\x00\x00"[i % 5];
    CHECK_OK(sp_ask(&sp, "list.open", coop_str("l"), ARGS(coop_int(COOPI_OPEN_CREATE))));
    append_bomb(&sp, "\xc1", 1);
    int64_t before = memory("VmRSS");
    int64_t reserved_before = memory("VmSize");
    for (int i = 0; i < 20; i++) {
        send_bomb(&sp, deep, sizeof deep);
        append_bomb(&sp, deep, sizeof deep);
        send_bomb(&sp, wide, sizeof wide);
        append_bomb(&sp, wide, sizeof wide);
        for (size_t k = 0; k < sizeof counts / sizeof counts[0]; k++) append_bomb(&sp, counts[k], 5);
    }
    if (test_slowness() == 1) {
        CHECK(memory("VmHWM") - before <= 16 << 20);
        CHECK(memory("VmPeak") - reserved_before <= 64 << 20);
    }
    sp_close(&sp);
    end();
}

/* Sends on and on and reads nothing. */
static void client_that_never_reads_does_no_harm(void)
{
    static char text[60000];
    struct sp sp;
    begin();
    sp_open(&sp, manager_path("m"));
    CHECK_EQ(fcntl(sp.fd, F_SETFL, O_NONBLOCK), 0);
    sp_compose(&sp, "ping", coop_nil(), ARGS(coop_bytes(text, sizeof text)));
    size_t size = 13 + sp.request.len;
    uint64_t length = htobe64(sp.request.len + 4);
    char *frame = calloc(1, size);
    CHECK(frame != NULL);
    frame[0] = 1;
    frame[9] = (char)0x80;
    memcpy(frame + 1, &length, 8);
    memcpy(frame + 13, sp.request.data, sp.request.len);
    size_t done = 0;
    int frames = 0;
    for (int64_t until = test_now() + INT64_C(500000000); !test_passed(until);) {
        ssize_t n = send(sp.fd, frame + done, size - done, MSG_NOSIGNAL);
        if (n < 0) continue; /* full for now */
        done = (done + (size_t)n) % size;
        frames += done == 0;
    }
    CHECK(frames > 10);
    check_serves(manager_path("m"));
    if (test_slowness() == 1) CHECK(memory("VmHWM") <= 128 << 20);
    free(frame);
    sp_close(&sp);
    end();
}

static void connections_that_come_and_go_leave_nothing(void)
{
    begin();
    for (int i = 0; i < 20; i++) say(SP_REQ, 8);
    check_serves(manager_path("m"));
    int64_t before = memory("VmRSS");
    for (int i = 0; i < 2000; i++) say(SP_REQ, (size_t)(i % 9));
    check_serves(manager_path("m"));
    if (test_slowness() == 1) CHECK(memory("VmRSS") - before <= 16 << 20);
    end();
}

static void many_idle_connections_hold_up_nobody(void)
{
    enum { IDLE = 300 };
    int fds[IDLE];
    begin();
    for (int i = 0; i < IDLE; i++) {
        fds[i] = sp_socket(manager_path("m"));
        if (i % 2) CHECK(sp_write(fds[i], SP_REQ, 8));
    }
    check_serves(manager_path("m"));
    for (int i = 0; i < IDLE; i++) close(fds[i]);
    end();
}

TESTS(manager_hostile, TEST(wrong_handshakes_do_no_harm), TEST(cut_frames_do_no_harm),
      TEST(sizes_without_a_message_do_no_harm), TEST(garbage_is_answered_and_the_connection_goes_on),
      TEST(message_without_a_request_id_is_dropped), TEST_T(bombs_are_refused_without_growing, .seconds = 20),
      TEST(client_that_never_reads_does_no_harm), TEST(connections_that_come_and_go_leave_nothing),
      TEST(many_idle_connections_hold_up_nobody))
