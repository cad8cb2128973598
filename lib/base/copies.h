/* SPDX-License-Identifier: MIT */
/* Other copies of libcoop in this process: a program that was linked with the static library may load a plugin that
 * brings the shared one. Each would have thread records and mappings of its own, and a thread that holds a lock through
 * one would wait for itself through the other.
 *
 * Each copy carries an ELF note, which says where in its memory it writes the process that uses it. */
#ifndef COOPI_COPIES_H
#define COOPI_COPIES_H

#include <stdint.h>

/* Says that process PID uses this copy. 0, or -ENOTSUP with a sentence if it uses another one already; then it does not
 * use this one. */
int coopi_copies_enter(uint32_t pid);

#endif
