/* SPDX-License-Identifier: MIT */
/* Untrusted bytes, sizes and points in time as text that is safe to print: printable ASCII, nothing else. */
#ifndef SHMCTL_TEXT_H
#define SHMCTL_TEXT_H

#include <stddef.h>
#include <stdint.h>

/* Room for any result of text_size() and text_time(). */
#define TEXT_SHORT 32

/* Writes the SIZE bytes with everything but printable ASCII as \xNN and a backslash doubled; cut (never inside an
 * escape) to fit ROOM bytes with NUL. Returns the number of bytes of input that found room. */
size_t text_escape(const void *bytes, size_t size, char *buffer, size_t room);

/* The same up to the first NUL among SIZE bytes: for names and commands. */
void text_name(const char *bytes, size_t size, char *buffer, size_t room);

/* A sentence: as text_escape(), but a backslash stays as it is. */
void text_sentence(const char *sentence, char *buffer, size_t room);

/* "832 B", "64 KiB", "1.5 GiB" */
void text_size(uint64_t bytes, char buffer[TEXT_SHORT]);

/* Wall clock: "2026-01-31 09:05:00" here, "2026-01-31T08:05:00Z" there. */
void text_time(int64_t ns, char buffer[TEXT_SHORT]);
void text_time_utc(int64_t ns, char buffer[TEXT_SHORT]);

#endif
