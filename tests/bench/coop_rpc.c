/* SPDX-License-Identifier: MIT */
/* The manager over ipc: dict set, dict get and list append by one client and by four, one at a time and 64 in a batch.
 *
 * The manager runs on CPU 0; clients on CPU 1 ("cross"), or on the manager's own ("same"). */
#include "bench.h"
#include "proxy/client.h"

#include <coop/dict.h>
#include <coop/list.h>
#include <coop/try.h>

#define NAME "rpc/coop_manager_ipc"
#define RUN_NS UINT64_C(200000000)
#define CLIENTS_MAX 4
#define LATENCIES_MAX 20000
#define BATCH_MAX 64

struct desk {
    coop_manager *manager;
    coop_dict *dict;
    coop_list *list;
};

struct round {
    struct gate gate;
    struct {
        CACHE_LINE uint64_t requests;
        uint64_t ns;
        uint64_t latencies;
    } client[CLIENTS_MAX];
    uint64_t latency[CLIENTS_MAX][LATENCIES_MAX];
};

struct operation {
    const char *metric;
    int (*call)(struct desk *);
    const char *op; /* the same for a batch */
    bool with_key;
    bool with_value;
};

static int dict_set(struct desk *desk)
{
    return coop_dict_set(desk->dict, coop_str("k"), coop_int(42));
}

static int dict_get(struct desk *desk)
{
    coop_any value;
    int result = coop_dict_get(desk->dict, coop_str("k"), &value);
    if (result == 0) coop_any_clear(&value);
    return result;
}

static int list_append(struct desk *desk)
{
    return coop_list_append(desk->list, coop_int(42));
}

static const struct operation operations[] = {
    {"dict_set", dict_set, "dict.set", true, true},
    {"dict_get", dict_get, "dict.get", true, false},
    {"list_append", list_append, "list.append", false, true},
};

/* COUNT times the operation in one command, each made and answered like a single one. */
static int call_batch(struct desk *desk, const struct operation *operation, uint32_t count)
{
    coop_any dict = coop_str(coop_dict_path(desk->dict));
    coop_any list = coop_int(strtoll(coop_list_path(desk->list) + 1, NULL, 10)); /* "#ID" is the id on the wire */
    coop_any args[BATCH_MAX][2], command[BATCH_MAX][3], entries[BATCH_MAX];
    for (uint32_t i = 0; i < count; i++) {
        uint32_t n = 0;
        if (operation->with_key) args[i][n++] = coop_str("k");
        if (operation->with_value) args[i][n++] = coop_int(42);
        command[i][0] = coop_str(operation->op);
        command[i][1] = operation->with_key ? dict : list;
        command[i][2] = coop_items(args[i], n);
        entries[i] = coop_items(command[i], 3);
    }
    struct coopi_call call = {.op = "batch", .object = coop_nil(), .args = entries, .arg_count = count};
    coop_any results;
    COOP_TRY(coopi_manager_call(desk->manager, &call, &results));
    int result = results.size == count ? 0 : -EPROTO;
    for (uint32_t i = 0; i < results.size; i++) {
        const coop_any *status = coop_any_at(&results.as.items[i], 0);
        if (!status || strcmp(status->as.str, "ok") != 0) result = -EPROTO;
    }
    coop_any_clear(&results);
    return result;
}

static int call_once(struct desk *desk, const struct operation *operation, uint32_t batch)
{
    return batch == 1 ? operation->call(desk) : call_batch(desk, operation, batch);
}

static void run_client(struct desk *desk, const struct operation *operation, uint32_t batch, struct round *round,
                       int me)
{
    for (int i = 0; i < 20; i++) COOP_MUST(call_once(desk, operation, batch));
    gate_wait(&round->gate);
    uint64_t start = now_ns(), before = start, requests = 0, latencies = 0;
    while (before - start < RUN_NS) {
        COOP_MUST(call_once(desk, operation, batch));
        uint64_t after = now_ns();
        if (latencies < LATENCIES_MAX) round->latency[me][latencies++] = after - before;
        before = after;
        requests += batch;
    }
    round->client[me].requests = requests;
    round->client[me].ns = before - start;
    round->client[me].latencies = latencies;
}

static void report(const struct operation *operation, const char *form, int clients, bool latencies,
                   struct round *round)
{
    static uint64_t all[CLIENTS_MAX * LATENCIES_MAX];
    char metric[96];
    double rate = 0;
    size_t count = 0;
    for (int i = 0; i < clients; i++) {
        rate += (double)round->client[i].requests * 1e9 / (double)round->client[i].ns;
        memcpy(all + count, round->latency[i], round->client[i].latencies * sizeof *all);
        count += round->client[i].latencies;
    }
    snprintf(metric, sizeof metric, "%s.%s.rate", operation->metric, form);
    emit(NAME, metric, rate, "req/s");
    if (!latencies || count == 0) return;
    qsort(all, count, sizeof *all, compare_u64);
    snprintf(metric, sizeof metric, "%s.%s.p50", operation->metric, form);
    size_t half = count / 2, nearly_all = count - 1 - count / 100;
    emit(NAME, metric, (double)all[half], "ns");
    snprintf(metric, sizeof metric, "%s.%s.p99", operation->metric, form);
    emit(NAME, metric, (double)all[nearly_all], "ns");
}

static void run(coop_manager *manager, const struct operation *operation, const char *form, int clients, int cpu,
                uint32_t batch)
{
    struct desk desk = {.manager = manager};
    struct round *round = shared(sizeof *round);
    pid_t kids[CLIENTS_MAX];
    int bad = 0;
    round->gate.need = (uint32_t)clients;
    COOP_MUST(coop_dict_open(manager, "dict", COOP_CREATE, &desk.dict));
    COOP_MUST(coop_list_open(manager, NULL, 0, &desk.list)); /* nameless: removed, with its items, when closed */
    COOP_MUST(coop_dict_set(desk.dict, coop_str("k"), coop_int(1)));
    for (int i = 0; i < clients; i++) {
        kids[i] = fork_child(cpu);
        if (kids[i] != 0) continue;
        run_client(&desk, operation, batch, round, i);
        _exit(0);
    }
    for (int i = 0; i < clients; i++) bad |= join_child(kids[i]);
    if (bad)
        fprintf(stderr, NAME " %s.%s failed (wait status 0x%x)\n", operation->metric, form, (unsigned)bad);
    else
        report(operation, form, clients, batch == 1, round);
    coop_list_close(desk.list);
    coop_dict_close(desk.dict);
    munmap(round, sizeof *round);
}

/* A manager on CPU 0, which it inherits; this program then goes back to all of its CPUs. */
static coop_manager *start_manager(void)
{
    cpu_set_t all;
    coop_manager *manager;
    sched_getaffinity(0, sizeof all, &all);
    pin(0);
    COOP_MUST(coop_manager_start(NULL, &manager));
    sched_setaffinity(0, sizeof all, &all);
    return manager;
}

int main(int argc, char **argv)
{
    if (!wanted(argc, argv, "coop_manager_ipc")) return 0;
    coop_manager *manager = start_manager();
    for (size_t i = 0; i < sizeof operations / sizeof *operations; i++) {
        run(manager, &operations[i], "1c.cross", 1, 1, 1);
        run(manager, &operations[i], "1c.same", 1, 0, 1);
        run(manager, &operations[i], "4c.cross", 4, 1, 1);
        run(manager, &operations[i], "1c.pipe64", 1, 1, 64);
        run(manager, &operations[i], "4c.pipe64", 4, 1, 64);
    }
    coop_manager_close(manager);
    return 0;
}
