/* SPDX-License-Identifier: MIT */
/* shared_dict: four processes count the words of a text into one managed dict, and lose none. */
#include <argp.h>
#include <coop/coop.h>
#include <coop/try.h>
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#define WORKERS 4

static const char text_of_ours[] =
    "A lock is a promise and a process may be killed in the middle of a promise. Who waits for the lock of the dead "
    "waits "
    "for ever, unless the kernel tells him, and the kernel tells only who asked before. So a lock that survives the "
    "death "
    "of a process writes the name of the process into the lock, and the kernel keeps a list of the locks of a process, "
    "and at the end of the process it walks the list and marks each lock, and the next who comes finds the mark and "
    "knows "
    "that the process before him is dead and that what the lock guards may be half of a change. A dict in a manager "
    "needs "
    "no lock: one process owns the dict, the others ask, and each question is answered before the next is heard.";

struct plan {
    const char *address; /* of a manager that runs already; NULL: start one */
    const char *file;    /* NULL: the text above */
};

/* The next word of the text, as a str in lower case in WORD; false at the end. */
static bool next_word(const char **text, char word[64], coop_any *ret_word)
{
    size_t size = 0;
    while (**text && !isalpha((unsigned char)**text)) ++*text;
    for (; isalpha((unsigned char)**text); ++*text)
        if (size < 64) word[size++] = (char)tolower((unsigned char)**text);
    *ret_word = coop_strn(word, size);
    return size > 0;
}

/* Every WORKERS-th word, from number FIRST on. */
static int count_share(coop_dict *counts, const char *text, int first)
{
    char buffer[64];
    coop_any word;
    for (int i = 0; next_word(&text, buffer, &word); i++)
        if (i % WORKERS == first) COOP_TRY(coop_dict_incr(counts, word, coop_int(1), NULL));
    return 0;
}

static int count_serially(const char *text, coop_any *counts)
{
    char buffer[64];
    coop_any word;
    while (next_word(&text, buffer, &word)) {
        const coop_any *before = coop_any_get(counts, word);
        COOP_TRY(coop_any_set(counts, word, coop_int(before ? before->as.integer + 1 : 1)));
    }
    return 0;
}

static void run_workers(coop_dict *counts, const char *text)
{
    pid_t workers[WORKERS];
    for (int i = 0; i < WORKERS; i++) {
        workers[i] = fork();
        if (workers[i] == 0) {
            COOP_MUST(count_share(counts, text, i));
            exit(0);
        }
    }
    for (int i = 0; i < WORKERS; i++) waitpid(workers[i], NULL, 0);
}

static bool report(coop_any counted, coop_any serial)
{
    int64_t words = 0;
    uint32_t most = 0; /* in the order of the text: in the shared dict, whoever was faster comes first */
    for (uint32_t i = 0; i < counted.size; i++) words += counted.as.pairs[i].value.as.integer;
    for (uint32_t i = 0; i < serial.size; i++)
        if (serial.as.pairs[i].value.as.integer > serial.as.pairs[most].value.as.integer) most = i;
    printf("%" PRId64 " words, %u different", words, counted.size);
    if (serial.size)
        printf("; \"%s\" comes %" PRId64 " times", serial.as.pairs[most].key.as.str,
               serial.as.pairs[most].value.as.integer);
    bool equal = coop_any_equal(counted, serial);
    printf("\n%s a serial count\n", equal ? "equal to" : "NOT equal to");
    return equal;
}

static char *read_file(const char *path)
{
    char *text = NULL;
    size_t size = 0;
    FILE *file = fopen(path, "r");
    if (!file || (getdelim(&text, &size, '\0', file) < 0 && ferror(file))) {
        perror(path);
        exit(1);
    }
    fclose(file);
    return text;
}

static const struct argp_option options[] = {
    {"manager", 'm', "NAME", 0, "Use the manager at this name or address, as $COOP_MANAGER does (default: start one)",
     0},
    {0},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct plan *plan = state->input;
    switch (key) {
    case 'm': plan->address = arg; return 0;
    case ARGP_KEY_ARG:
        if (plan->file) return ARGP_ERR_UNKNOWN;
        plan->file = arg;
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

int main(int argc, char **argv)
{
    static const struct argp argp = {options, parse, "[FILE]", "Four processes count the words of a text.",
                                     NULL,    NULL,  NULL};
    struct plan plan = {.address = getenv("COOP_MANAGER")};
    argp_err_exit_status = 2;
    argp_parse(&argp, argc, argv, 0, NULL, &plan);
    char *file_text = plan.file ? read_file(plan.file) : NULL;
    const char *text = file_text ? file_text : text_of_ours;

    COOP_AUTO(coop_manager) manager = NULL;
    COOP_AUTO(coop_dict) counts = NULL;
    coop_any counted;
    coop_any serial = coop_pairs(NULL, 0);
    if (plan.address)
        COOP_MUST(coop_manager_connect(plan.address, &manager));
    else
        COOP_MUST(coop_manager_start(NULL, &manager));
    COOP_MUST(coop_dict_open(manager, NULL, 0, &counts));
    run_workers(counts, text);
    COOP_MUST(coop_dict_items(counts, &counted));
    COOP_MUST(count_serially(text, &serial));
    bool equal = report(counted, serial);
    coop_any_clear(&counted);
    coop_any_clear(&serial);
    free(file_text);
    return equal ? 0 : 1;
}
