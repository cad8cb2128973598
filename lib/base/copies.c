/* SPDX-License-Identifier: MIT */
/* Other copies of libcoop in this process, found by the ELF notes of what is loaded. */
#include "base/copies.h"

#include "base/atomic.h"
#include "base/error.h"

#include <errno.h>
#include <link.h>
#include <string.h>

#define NOTE_NAME "libcoop"

/* Whose process uses this copy; a forked child finds its parent's number, and uses nothing yet. */
uint32_t coopi_user __attribute__((visibility("hidden"), used));

/* The note: sizes of name and rest, a version, the name, and how far it is from here to coopi_user. */
__asm__(".pushsection .note.libcoop, \"a\", %note\n"
        "    .balign 4\n"
        "    .long 8, 4, 1\n"
        "    .asciz \"libcoop\"\n"
        "    .long coopi_user - .\n"
        "    .popsection\n");

struct note {
    uint32_t name_size, size, type;
    char name[sizeof NOTE_NAME];
    int32_t distance;
};

struct search {
    uint32_t pid;
    int found;
    char where[128];
};

static uint32_t padded(uint32_t size)
{
    return (size + 3) & ~UINT32_C(3);
}

static const uint32_t *user_of(const struct note *note)
{
    const char *from = (const char *)&note->distance;
    return (const uint32_t *)(const void *)(from + note->distance);
}

/* Does one of the notes in [AT, END) belong to another copy that the process uses? */
static bool used_by(const char *at, const char *end, uint32_t pid)
{
    while ((size_t)(end - at) >= 3 * sizeof(uint32_t)) {
        const struct note *note = (const struct note *)(const void *)at;
        size_t length = 3 * sizeof(uint32_t) + padded(note->name_size) + padded(note->size);
        if (length > (size_t)(end - at)) return false;
        bool ours = note->type == 1 && length == sizeof *note && memcmp(note->name, NOTE_NAME, sizeof NOTE_NAME) == 0;
        if (ours && user_of(note) != &coopi_user && coopi_load_acquire(user_of(note)) == pid) return true;
        at += length;
    }
    return false;
}

static int look_at(struct dl_phdr_info *object, size_t size, void *data)
{
    struct search *search = data;
    (void)size;
    for (unsigned i = 0; i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *part = &object->dlpi_phdr[i];
        if (part->p_type != PT_NOTE || part->p_align > 4) continue;
        const char *notes = (const char *)(uintptr_t)(object->dlpi_addr + part->p_vaddr);
        if (!used_by(notes, notes + part->p_memsz, search->pid)) continue;
        const char *name = object->dlpi_name && *object->dlpi_name ? object->dlpi_name : "the program itself";
        strncpy(search->where, name, sizeof search->where - 1);
        return 1;
    }
    return 0;
}

int coopi_copies_enter(uint32_t pid)
{
    struct search search = {.pid = pid};
    uint32_t before = coopi_load_relaxed(&coopi_user);
    __atomic_store_n(&coopi_user, pid, __ATOMIC_SEQ_CST); /* first: of two who come at once, one at least sees it */
    if (!dl_iterate_phdr(look_at, &search)) return 0;
    coopi_store_release(&coopi_user, before == pid ? before : 0);
    return coopi_fail(ENOTSUP,
                      "libcoop: this process uses another copy of it already, in %s; link the program and its plugins "
                      "with the shared library",
                      search.where);
}
