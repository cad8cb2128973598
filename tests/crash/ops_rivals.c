/* SPDX-License-Identifier: MIT */
/* Commands to a real coop-manager while others work on the same object: the victim's ran once or not at all, in one
 * piece, and none of theirs is lost. No lock of a client is in shared memory: what is contended is the object, the
 * manager's one executor, and, between threads of one process, what they share of the handle. */
#include "crash/crash.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>

#define FIRST 1000 /* the rival's items, counted up; below it are the victim's and those from the beginning */
#define BREATH 200 /* microseconds, between two commands of the rival */

static struct peer *rival_of(const struct scene *scene)
{
    return &scene->board->peers[PEERS - 1];
}

/* RESULT is how many of its commands were answered, or what went wrong. */
static void compete(struct scene *scene, struct peer *self)
{
    while (!__atomic_load_n(&self->order, __ATOMIC_ACQUIRE)) {
        int64_t done = self->result;
        int r = scene->list ? coop_list_append(scene->list, coop_int(FIRST + done))
                            : coop_dict_incr(scene->dict, coop_str("n"), coop_int(1), &(coop_any){0});
        __atomic_store_n(&self->result, r < 0 ? r : (int32_t)done + 1, __ATOMIC_RELEASE);
        if (r < 0) break;
        peer_say(self, PEER_HOLDS);
        nap_us(BREATH);
    }
    peer_say(self, PEER_DONE);
}

static void be_rival(struct scene *scene, struct peer *self)
{
    (void)self;
    compete(scene, rival_of(scene));
}

/* Another client. It is at work when the victim begins. */
static void add_rival(struct scene *scene)
{
    peer_start(scene, be_rival);
    if (!peer_await(rival_of(scene), PEER_HOLDS)) fault(scene, HUNG, "the rival's first command takes a second");
}

static void *compete_here(void *argument)
{
    struct scene *scene = argument;
    compete(scene, rival_of(scene));
    return NULL;
}

/* Another thread of the victim, with a lane of its own. */
static void warm_with_thread(struct scene *scene)
{
    pthread_t thread;
    connect_list(scene);
    if (pthread_create(&thread, NULL, compete_here, scene) != 0) return;
    pthread_detach(thread);
    while (__atomic_load_n(&rival_of(scene)->state, __ATOMIC_ACQUIRE) < PEER_HOLDS) nap_us(BREATH);
}

/* The rival's last command is answered, and no other one comes: but a thread of the victim's is dead. */
static void end_rivalry(struct scene *scene)
{
    struct peer *rival = rival_of(scene);
    if (scene->op->warm == warm_with_thread) return;
    peer_go(rival);
    if (!peer_await(rival, PEER_DONE)) fault(scene, HUNG, "the rival's command takes a second");
    if (rival->result < 0) fault(scene, LOST, "the rival: %s", coop_strerror(rival->result));
}

/* What is not the rival's, as digits of base 1,000. Those of a batch have nobody in between. */
static int64_t read_list(struct scene *scene)
{
    coop_any items;
    if (coop_list_copy(scene->list, &items) < 0) {
        fault(scene, HUNG, "the manager does not answer: %s", coop_error_detail());
        return -1;
    }
    int64_t sum = 0, theirs = 0, last = 0;
    for (uint32_t i = 0; i < items.size; i++) {
        int64_t item = items.as.items[i].as.integer;
        if (item == 101 && last != 100) fault(scene, TORN, "between two of a batch stands %" PRId64, last);
        last = item;
        if (item < FIRST)
            sum = sum * 1000 + item + 1;
        else if (item != FIRST + theirs++)
            fault(scene, LOST, "the rival's number %" PRId64 " is %" PRId64, theirs - 1, item - FIRST);
    }
    coop_any_clear(&items);
    int64_t answered = rival_of(scene)->result, most = scene->op->warm == warm_with_thread ? answered + 1 : answered;
    if (theirs < answered || theirs > most)
        fault(scene, theirs < answered ? LOST : DOUBLED,
              "the rival was told that it has appended %" PRId64 ", and %" PRId64 " are there", answered, theirs);
    return sum;
}

/* What 'n' is without the rival's share, and 10 times each of the other keys. */
static int64_t read_dict(struct scene *scene)
{
    static const struct {
        const char *key;
        int64_t weight;
    } keys[] = {{"n", 1}, {"k", 10}, {"l", 100}, {"d", 1000}};
    int64_t sum = 0;
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        coop_any value;
        int r = coop_dict_get(scene->dict, coop_str(keys[i].key), &value);
        if (r == 0) sum += keys[i].weight * (i == 0 ? value.as.integer - rival_of(scene)->result : 1);
        if (r == -ETIMEDOUT) fault(scene, HUNG, "the manager does not answer: %s", coop_error_detail());
    }
    return sum;
}

static void prepare_dict_with_more(struct scene *scene)
{
    prepare_dict(scene);
    COOP_MUST(coop_dict_set(scene->dict, coop_str("d"), coop_int(1)));
}

static void append(struct scene *scene)
{
    scene->board->result = coop_list_append(scene->list, coop_int(100));
}

static void append_two(struct scene *scene)
{
    coop_any values[] = {coop_int(100), coop_int(101)};
    scene->board->result = coop_list_extend(scene->list, coop_items(values, 2));
}

static void pop(struct scene *scene)
{
    scene->board->result = coop_list_pop(scene->list, 0, NULL);
}

static void set_item(struct scene *scene)
{
    scene->board->result = coop_list_set(scene->list, 1, coop_int(100));
}

static void insert_slice(struct scene *scene)
{
    coop_any value = coop_int(100);
    scene->board->result = coop_list_set_slice(scene->list, 1, 1, 1, coop_items(&value, 1));
}

static void increment(struct scene *scene)
{
    coop_any sum;
    scene->board->result = coop_dict_incr(scene->dict, coop_str("n"), coop_int(1), &sum);
}

static void set_key(struct scene *scene)
{
    scene->board->result = coop_dict_set(scene->dict, coop_str("k"), coop_int(100));
}

static void update(struct scene *scene)
{
    coop_pair pairs[] = {{coop_str("k"), coop_int(7)}, {coop_str("l"), coop_int(8)}};
    scene->board->result = coop_dict_update(scene->dict, coop_pairs(pairs, 2));
}

static void pop_key(struct scene *scene)
{
    coop_any value;
    scene->board->result = coop_dict_pop(scene->dict, coop_str("d"), &value);
}

static enum outcome judge_list(struct scene *scene, int64_t after)
{
    end_rivalry(scene);
    enum outcome outcome = judge_managed(scene, read_list, 1002003, after);
    coop_list_close(scene->list);
    scene->list = NULL;
    return outcome;
}

static enum outcome judge_dict(struct scene *scene, int64_t after)
{
    end_rivalry(scene);
    enum outcome outcome = judge_managed(scene, read_dict, 1005, after);
    coop_dict_close(scene->dict);
    scene->dict = NULL;
    return outcome;
}

static enum outcome verify_append(struct scene *scene)
{
    return judge_list(scene, 1002003101);
}

static enum outcome verify_append_two(struct scene *scene)
{
    return judge_list(scene, 1002003101102);
}

static enum outcome verify_pop(struct scene *scene)
{
    return judge_list(scene, 2003);
}

static enum outcome verify_set_item(struct scene *scene)
{
    return judge_list(scene, 1101003);
}

static enum outcome verify_insert_slice(struct scene *scene)
{
    return judge_list(scene, 1101002003);
}

static enum outcome verify_increment(struct scene *scene)
{
    return judge_dict(scene, 1006);
}

static enum outcome verify_set_key(struct scene *scene)
{
    return judge_dict(scene, 1015);
}

static enum outcome verify_update(struct scene *scene)
{
    return judge_dict(scene, 1115);
}

static enum outcome verify_pop_key(struct scene *scene)
{
    return judge_dict(scene, 5);
}

#define MANAGED .open = open_manager, .close = close_manager
#define LIST(called, ...)                                                                                              \
    {                                                                                                                  \
        .name = called, .prepare = prepare_list, .warm = connect_list, .gather = add_rival, MANAGED, __VA_ARGS__       \
    }
#define DICT(called, ...)                                                                                              \
    {                                                                                                                  \
        .name = called, .prepare = prepare_dict_with_more, .warm = connect_dict, .gather = add_rival, MANAGED,         \
        __VA_ARGS__                                                                                                    \
    }

const struct operation rival_operations[] = {
    LIST("list-append/rival", .operate = append, .verify = verify_append),
    LIST("list-extend/rival", .operate = append_two, .verify = verify_append_two),
    LIST("list-pop/rival", .operate = pop, .verify = verify_pop),
    LIST("list-set/rival", .operate = set_item, .verify = verify_set_item),
    LIST("list-slice-set/rival", .operate = insert_slice, .verify = verify_insert_slice),
    DICT("dict-incr/rival", .operate = increment, .verify = verify_increment),
    DICT("dict-set/rival", .operate = set_key, .verify = verify_set_key),
    DICT("dict-update/rival", .operate = update, .verify = verify_update),
    DICT("dict-pop/rival", .operate = pop_key, .verify = verify_pop_key),
    {.name = "list-append/second-lane",
     .prepare = prepare_list,
     .warm = warm_with_thread,
     .operate = append,
     .verify = verify_append,
     .no_exit = true,
     MANAGED},
    {0},
};
