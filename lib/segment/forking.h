/* SPDX-License-Identifier: MIT */
/* Forks under way: children that are born and have not yet entered themselves for what their parent has open. */
#ifndef COOPI_FORKING_H
#define COOPI_FORKING_H

#include <stdbool.h>
#include <stdint.h>

/* Calls TELL in every process that is about to fork, and ENTER in every child before fork() returns there; true: it has
 * entered. Once a program; thread-safe. Negative with a sentence: -ENOMEM. */
int coopi_forking_watch(void (*tell)(void), bool (*enter)(void));

/* Is a thread of this process in the midst of fork()? TELL ran or will run behind whatever was stored before. */
bool coopi_forking_now(void);

/* How many forks are over; to be kept with what is opened now. */
uint32_t coopi_forking_count(void);

/* No child is on its way that has what was opened when the count was SINCE: none was born since then, or all have
 * entered. */
bool coopi_forking_settled(uint32_t since);

#endif
