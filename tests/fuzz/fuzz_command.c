/* SPDX-License-Identifier: MIT */
/* Requests to a manager, well formed or not: each is answered with something that parses, and when the objects are gone
 * nothing of what they held is left in the budget. */
#include "manager/command.h"
#include "manager/object.h"
#include "proxy/message.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
    const uint8_t *at;
    size_t left;
};

static unsigned next(struct input *input)
{
    if (input->left == 0) return 0;
    input->left--;
    return *input->at++;
}

/* Some value, mostly a small one. */
static void write_value(struct input *input, struct coopi_writer *w, int depth)
{
    unsigned kind = next(input);
    uint8_t bytes[8];
    switch (kind % 8) {
    case 0: coopi_write_nil(w); return;
    case 1: coopi_write_uint(w, next(input)); return;
    case 2: {
        coop_any number = coop_int((int64_t)next(input) - 128);
        coopi_write_any(w, &number);
        return;
    }
    case 3: {
        coop_any real = coop_float((double)next(input) / 4);
        coopi_write_any(w, &real);
        return;
    }
    case 4: coopi_write_str(w, "abcdefgh", kind / 8 % 8); return;
    case 5:
        for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (uint8_t)next(input);
        coopi_write_bytes(w, bytes, kind / 8 % 9);
        return;
    default: break;
    }
    unsigned count = depth > 4 ? 0 : kind / 8 % 5;
    if (kind % 8 == 6)
        coopi_write_array(w, count);
    else
        coopi_write_map(w, count);
    for (unsigned i = 0; i < count; i++) {
        if (kind % 8 == 7) coopi_write_uint(w, i);
        write_value(input, w, depth + 1);
    }
}

static const struct command *choose(struct input *input)
{
    const struct command_table *tables[] = {&list_type.commands, &dict_type.commands, &general_commands};
    const struct command_table *table = tables[next(input) % 3];
    return &table->rows[next(input) % table->count];
}

/* op, object, args; those of a batch are such triples themselves. */
static void write_command(struct input *input, struct coopi_writer *w, int depth)
{
    const struct command *command = choose(input);
    bool batch = command->max_args > 8;
    coopi_write_str(w, command->name, command->size);
    if (command->target == ON_NOTHING)
        coopi_write_nil(w);
    else
        coopi_write_str(w, command->name, 4); /* one list and one dict, by these names */
    unsigned more = batch ? 4 : command->max_args - command->min_args;
    unsigned count = command->min_args + next(input) % (more + 1);
    if (batch && depth > 2) count = 0;
    coopi_write_array(w, count);
    for (unsigned i = 0; i < count; i++) {
        if (batch) coopi_write_array(w, 3);
        if (batch)
            write_command(input, w, depth + 1);
        else
            write_value(input, w, 0);
    }
}

static void write_request(struct input *input, struct coopi_writer *w, uint64_t sequence)
{
    struct coopi_request head = {.session = "fuzz", .lane = 1 + next(input) % 3, .sequence = sequence};
    coopi_request_begin(w, &head);
    write_command(input, w, 0);
}

/* What was not made so is made of the bytes as they stand. */
static void ask(struct commands *commands, struct input *input, struct coopi_writer *w, uint64_t sequence)
{
    struct reply bytes;
    struct coopi_reply reply;
    coopi_writer_reset(w);
    if (next(input) % 16) {
        write_request(input, w, sequence);
    } else {
        size_t size = next(input);
        if (size > input->left) size = input->left;
        coopi_write_raw(w, input->at, size);
        input->at += size;
        input->left -= size;
    }
    if (coopi_writer_status(w) < 0) return;
    if (commands_run(commands, w->data, w->len, &bytes) < 0) abort();
    if (coopi_reply_parse(bytes.data, bytes.size, &reply) < 0) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct commands commands;
    struct coopi_writer w;
    struct input input = {data, size};
    commands_init(&commands, "fuzz");
    coopi_writer_init(&w, COOPI_WIRE_MAX);
    for (uint64_t sequence = 1; input.left > 0; sequence++) ask(&commands, &input, &w, sequence);
    while (commands.registry.by_id) registry_remove(&commands.registry, commands.registry.by_id);
    if (commands.registry.budget.used != 0) abort();
    commands_destroy(&commands);
    coopi_writer_free(&w);
    return 0;
}
