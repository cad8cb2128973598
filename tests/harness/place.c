/* SPDX-License-Identifier: MIT */
/* A test's private directories and segment prefix, and the search for what it left in them. */
#include "harness/process.h"
#include "harness/variant.h"

#include <dirent.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define SHM_DIR "/dev/shm"

static int found;

static const char *below(const struct place *place, const char *base)
{
    static char paths[8][256];
    static unsigned next;
    char *path = paths[next++ % 8];
    snprintf(path, sizeof paths[0], "%s/%s", place->dir, base);
    return path;
}

static void must(int result, const char *what)
{
    if (result == 0) return;
    perror(what);
    _exit(1);
}

void place_make(struct place *place, int number)
{
    snprintf(place->prefix, sizeof place->prefix, "t%d-%d-", (int)getppid(), number);
    snprintf(place->dir, sizeof place->dir, "/tmp/coop-test.XXXXXX");
    if (!mkdtemp(place->dir)) must(-1, "mkdtemp");
    must(mkdir(below(place, "run"), 0700), "mkdir");
    must(mkdir(below(place, "tmp"), 0700), "mkdir");
    must(mkdir(below(place, "reports"), 0700), "mkdir");
}

#if defined VARIANT_ASAN || defined VARIANT_TSAN || defined VARIANT_UBSAN
void __sanitizer_set_report_path(const char *path);
#endif

/* The test and the programs that it starts write a sanitizer's report to a file: nobody may swallow it with their
 * stderr. */
static void collect_reports(const struct place *place)
{
    static const char *const variables[] = {"ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS"};
    for (size_t i = 0; i < sizeof variables / sizeof variables[0]; i++) {
        const char *old = getenv(variables[i]);
        char options[512];
        snprintf(options, sizeof options, "%s%shalt_on_error=1:exitcode=99:log_path=%s/reports/report", old ? old : "",
                 old ? ":" : "", place->dir);
        must(setenv(variables[i], options, 1), "setenv");
    }
#if defined VARIANT_ASAN || defined VARIANT_TSAN || defined VARIANT_UBSAN
    __sanitizer_set_report_path(below(place, "reports/report"));
#endif
}

void place_enter(const struct place *place)
{
    must(setenv("COOP_TEST_PREFIX", place->prefix, 1), "setenv");
    must(setenv("XDG_RUNTIME_DIR", below(place, "run"), 1), "setenv");
    must(setenv("TMPDIR", below(place, "tmp"), 1), "setenv");
    must(unsetenv("COOP_MANAGER"), "unsetenv");
    must(chdir(below(place, "tmp")), "chdir");
    collect_reports(place);
}

static int report_file(const char *path, const struct stat *status, int type, struct FTW *at)
{
    (void)status;
    (void)at;
    if (type == FTW_D || type == FTW_DP || type == FTW_DNR) return 0;
    printf("left behind: %s\n", path);
    found++;
    return 0;
}

static int show_report(const char *path, const struct stat *status, int type, struct FTW *at)
{
    (void)at;
    if (type != FTW_F || status->st_size == 0) return 0;
    printf("sanitizer report of a process of this test:\n");
    FILE *file = fopen(path, "r");
    int c;
    while (file && (c = getc(file)) != EOF) putchar(c);
    if (file) fclose(file);
    found++;
    return 0;
}

static int remove_file(const char *path, const struct stat *status, int type, struct FTW *at)
{
    (void)status;
    (void)type;
    (void)at;
    if (remove(path) != 0) perror(path);
    return 0;
}

static void find_segments(const struct place *place)
{
    char prefix[64];
    snprintf(prefix, sizeof prefix, "coop.%d.%s", (int)getuid(), place->prefix);
    DIR *dir = opendir(SHM_DIR);
    if (!dir) return;
    for (struct dirent *entry; (entry = readdir(dir));) {
        if (strncmp(entry->d_name, prefix, strlen(prefix)) != 0) continue;
        printf("left behind: segment %s/%s\n", SHM_DIR, entry->d_name);
        found++;
        unlinkat(dirfd(dir), entry->d_name, 0);
    }
    closedir(dir);
}

int place_leave(const struct place *place)
{
    found = 0;
    find_segments(place);
    nftw(below(place, "run"), report_file, 16, FTW_PHYS);
    nftw(below(place, "reports"), show_report, 16, FTW_PHYS);
    nftw(place->dir, remove_file, 16, FTW_DEPTH | FTW_PHYS);
    return found;
}

const char *test_name(const char *base)
{
    static char names[8][128];
    static unsigned next;
    char *name = names[next++ % 8];
    const char *prefix = getenv("COOP_TEST_PREFIX");
    snprintf(name, sizeof names[0], "%s%s", prefix ? prefix : "", base);
    return name;
}

const char *test_file(const char *base)
{
    static char paths[8][256];
    static unsigned next;
    char *path = paths[next++ % 8];
    const char *dir = getenv("TMPDIR");
    snprintf(path, sizeof paths[0], "%s/%s", dir ? dir : "/tmp", base);
    return path;
}
