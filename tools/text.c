/* SPDX-License-Identifier: MIT */
/* Untrusted bytes, sizes and points in time as text that is safe to print. */
#include "text.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static size_t escape(const void *bytes, size_t size, bool keep_backslash, char *buffer, size_t room)
{
    const unsigned char *in = bytes;
    size_t n = 0;
    size_t i = 0;
    for (; i < size; i++) {
        char piece[5];
        if (in[i] == '\\' && !keep_backslash)
            snprintf(piece, sizeof piece, "\\\\");
        else if (in[i] >= ' ' && in[i] <= '~')
            snprintf(piece, sizeof piece, "%c", in[i]);
        else
            snprintf(piece, sizeof piece, "\\x%02x", in[i]);
        size_t length = strlen(piece);
        if (n + length >= room) break;
        memcpy(buffer + n, piece, length);
        n += length;
    }
    buffer[n] = 0;
    return i;
}

size_t text_escape(const void *bytes, size_t size, char *buffer, size_t room)
{
    return escape(bytes, size, false, buffer, room);
}

void text_name(const char *bytes, size_t size, char *buffer, size_t room)
{
    escape(bytes, strnlen(bytes, size), false, buffer, room);
}

void text_sentence(const char *sentence, char *buffer, size_t room)
{
    escape(sentence, strlen(sentence), true, buffer, room);
}

void text_size(uint64_t bytes, char buffer[TEXT_SHORT])
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    int unit = 0;
    uint64_t one = 1;
    while (bytes / one >= 1024) {
        one *= 1024;
        unit++;
    }
    if (bytes % one == 0)
        snprintf(buffer, TEXT_SHORT, "%" PRIu64 " %s", bytes / one, units[unit]);
    else
        snprintf(buffer, TEXT_SHORT, "%.1f %s", (double)bytes / (double)one, units[unit]);
}

static void format_time(const struct tm *parts, const char *format, char buffer[TEXT_SHORT])
{
    if (!parts || strftime(buffer, TEXT_SHORT, format, parts) == 0) snprintf(buffer, TEXT_SHORT, "?");
}

static time_t seconds_of(int64_t ns)
{
    int64_t s = ns / 1000000000;
    return ns % 1000000000 < 0 ? s - 1 : s;
}

void text_time(int64_t ns, char buffer[TEXT_SHORT])
{
    time_t seconds = seconds_of(ns);
    struct tm parts;
    format_time(localtime_r(&seconds, &parts), "%Y-%m-%d %H:%M:%S", buffer);
}

void text_time_utc(int64_t ns, char buffer[TEXT_SHORT])
{
    time_t seconds = seconds_of(ns);
    struct tm parts;
    format_time(gmtime_r(&seconds, &parts), "%Y-%m-%dT%H:%M:%SZ", buffer);
}
