/* SPDX-License-Identifier: MIT */
/* Two copies of libcoop in one process: the tests are linked with the static one, and load the shared one. */
#include "harness/test.h"

#include <coop/error.h>
#include <coop/lock.h>
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

static struct {
    int (*lock_new)(coop_lock **ret_lock);
    int (*acquire)(coop_lock *lock, int64_t timeout);
    int (*release)(coop_lock *lock);
    void (*close)(coop_lock *lock);
    const char *(*detail)(void);
} shared;

static void *library;

static void find(const char *name, void *ret_function)
{
    void *found = dlsym(library, name);
    if (!found) FAIL("%s is not in the shared library", name);
    memcpy(ret_function, &found, sizeof found);
}

static void load_shared(void)
{
    char path[600];
    ssize_t length = readlink("/proc/self/exe", path, 500);
    CHECK(length > 0);
    path[length] = 0;
    *strrchr(path, '/') = 0;
    char *end = strrchr(path, '/');
    snprintf(end, (size_t)(path + sizeof path - end), "/lib/libcoop.so");
    library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!library) FAIL("%s", dlerror());
    find("coop_lock_new", &shared.lock_new);
    find("coop_lock_acquire", &shared.acquire);
    find("coop_lock_release", &shared.release);
    find("coop_lock_close", &shared.close);
    find("coop_error_detail", &shared.detail);
}

static void use_shared(void)
{
    coop_lock *lock;
    CHECK_EQ(shared.lock_new(&lock), 0);
    CHECK_EQ(shared.acquire(lock, COOP_FOREVER), 0);
    CHECK_EQ(shared.release(lock), 0);
    shared.close(lock);
}

static void use_static(void)
{
    coop_lock *lock;
    CHECK_OK(coop_lock_new(&lock));
    CHECK_OK(coop_lock_acquire(lock, COOP_FOREVER));
    CHECK_OK(coop_lock_release(lock));
    coop_lock_close(lock);
}

static void the_shared_one_refuses_where_the_static_one_is_used(void)
{
    load_shared();
    use_static();
    coop_lock *lock = NULL;
    CHECK_EQ(shared.lock_new(&lock), -ENOTSUP);
    CHECK_HAS(shared.detail(), "another copy of it already, in the program itself");
    CHECK_HAS(shared.detail(), "with the shared library");
    CHECK(lock == NULL);
    use_static();
    CHECK_EQ(shared.lock_new(&lock), -ENOTSUP);
}

static void the_static_one_refuses_where_the_shared_one_is_used(void)
{
    load_shared();
    use_shared();
    coop_lock *lock = NULL;
    CHECK_ERR(coop_lock_new(&lock), -ENOTSUP);
    CHECK_DETAIL("another copy of it already, in /");
    CHECK_DETAIL("libcoop.so");
    CHECK(lock == NULL);
    use_shared();
}

static void one_that_is_only_loaded_is_no_other(void)
{
    load_shared();
    use_static();
}

/* A child has used nothing yet. */
static void a_forked_child_may_use_the_other(void)
{
    load_shared();
    use_static();
    pid_t child;
    CHILD(child) {
        use_shared();
        coop_lock *lock;
        CHECK_ERR(coop_lock_new(&lock), -ENOTSUP);
    }
    child_must(child);
    use_static();
}

TESTS(copies, TEST(the_shared_one_refuses_where_the_static_one_is_used),
      TEST(the_static_one_refuses_where_the_shared_one_is_used), TEST(one_that_is_only_loaded_is_no_other),
      TEST(a_forked_child_may_use_the_other))
