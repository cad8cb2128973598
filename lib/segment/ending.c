/* SPDX-License-Identifier: MIT */
/* Ends: of a thread, of a program, and of a thread's business with one segment. */
#include "segment/ending.h"

#include "base/error.h"
#include "base/proc.h"
#include "segment/owner.h"
#include "segment/participant.h"
#include "segment/process.h"

#include <errno.h>
#include <pthread.h>

static pthread_key_t end_key;
static uint32_t end_key_made;

static void leave_all(struct coopi_self *self)
{
    for (uint32_t slot = 0; slot < coopi_maps_end() && self->lives; slot++) {
        struct coopi_map *map = coopi_map_in_slot(slot);
        if (map && self->id[slot]) coopi_owner_leave(map, self);
    }
}

static void end_thread(void *record)
{
    struct coopi_self *self = record;
    if (self->head && self->held_count > self->lives) {
        /* A later destructor may release it, and then we are called again; else it dies holding, and the kernel still
         * needs the list. */
        pthread_setspecific(end_key, self);
        return;
    }
    if (self->head) leave_all(self);
    coopi_self_dispose(self);
    coopi_maps_collect();
}

/* A program that has no key left may have one later: so failing is not remembered. */
static int make_end_key(void)
{
    struct coopi_process *process = coopi_process();
    if (!process) return errno;
    coopi_process_lock(process);
    int error = end_key_made ? 0 : pthread_key_create(&end_key, end_thread);
    if (!error) coopi_store_release(&end_key_made, 1);
    coopi_process_unlock(process);
    return error;
}

int coopi_thread_watch(struct coopi_self *self)
{
    int error = coopi_load_acquire(&end_key_made) ? 0 : make_end_key();
    if (!error) error = pthread_setspecific(end_key, self);
    if (error) return coopi_fail(error, "libcoop: this program has no thread-specific key left for it");
    return 0;
}

void coopi_thread_leave(struct coopi_map *map)
{
    struct coopi_self *self = coopi_self_;
    if (!self || !self->head || !self->id[map->slot]) return;
    if (coopi_self_holds(self, map) == 0 && !self->stands[map->slot]) coopi_owner_leave(map, self);
}

/* Nobody of this process will write into the segment any more, not even the kernel: then its row may go. */
static bool is_over(const struct coopi_map *map, const struct coopi_process *process)
{
    struct coopi_task task;
    if (coopi_load_acquire(&process->owners[map->slot])) return false;
    return !coopi_load_relaxed(&map->opened) || (coopi_task_look(process->pid, &task) == 0 && task.threads <= 1);
}

/* At exit() the calling thread ends like any other; the rest of them die with the process, and their words are marked.
 */
__attribute__((destructor)) static void end_program(void)
{
    struct coopi_self *self = coopi_self_;
    if (self && self->head && self->held_count == self->lives) leave_all(self);
    const struct coopi_process *process = coopi_process_seen();
    for (uint32_t slot = 0; process && slot < coopi_maps_end(); slot++) {
        struct coopi_map *map = coopi_map_in_slot(slot);
        if (map && coopi_load_acquire(&process->participant[slot]) && is_over(map, process))
            coopi_participant_leave(map);
    }
}
