/* SPDX-License-Identifier: MIT */
/* Addresses of managers: names, URLs, the default, and which directories are trusted. */
#include "harness/test.h"
#include "proxy/address.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* A runtime directory of this test's own. */
static const char *use_runtime_directory(void)
{
    const char *path = test_file("run");
    CHECK_OK(mkdir(path, 0700));
    CHECK_OK(setenv("XDG_RUNTIME_DIR", path, 1));
    return path;
}

static struct coopi_address parsed(const char *text)
{
    struct coopi_address a;
    CHECK_OK(coopi_address_parse(text, &a));
    return a;
}

static void a_name_stands_for_a_socket_in_the_runtime_directory(void)
{
    CHECK_OK(setenv("XDG_RUNTIME_DIR", "/run/user/7", 1));
    struct coopi_address a = parsed("bank");
    CHECK_STR(a.name, "bank");
    CHECK_STR(a.directory, "/run/user/7/coop");
    CHECK_STR(a.path, "/run/user/7/coop/bank.sock");
    CHECK_STR(a.url, "ipc:///run/user/7/coop/bank.sock");
}

static void without_a_runtime_directory_it_is_in_tmp(void)
{
    char expected[64];
    snprintf(expected, sizeof expected, "/tmp/coop-%u/bank.sock", geteuid());
    CHECK_OK(unsetenv("XDG_RUNTIME_DIR"));
    CHECK_STR(parsed("bank").path, expected);
    CHECK_OK(setenv("XDG_RUNTIME_DIR", "relative", 1));
    CHECK_STR(parsed("bank").path, expected);
}

static void nothing_stands_for_the_variable_or_default(void)
{
    CHECK_OK(setenv("COOP_MANAGER", "chosen", 1));
    CHECK_STR(parsed(NULL).name, "chosen");
    CHECK_STR(parsed("").name, "chosen");
    CHECK_STR(parsed("other").name, "other");
    CHECK_OK(setenv("COOP_MANAGER", "ipc:///a/b", 1));
    CHECK_STR(parsed(NULL).path, "/a/b");
    CHECK_OK(unsetenv("COOP_MANAGER"));
    CHECK_STR(parsed(NULL).name, "default");
}

static void a_url_is_a_path(void)
{
    struct coopi_address a = parsed("ipc:///some/where.sock"), untouched = a;
    CHECK_STR(a.path, "/some/where.sock");
    CHECK_STR(a.name, "");
    CHECK_STR(a.directory, "");
    CHECK_OK(coopi_address_check(&a));
    CHECK_ERR(coopi_address_parse("ipc://relative", &a), -EINVAL);
    CHECK_DETAIL("absolute");
    CHECK_ERR(coopi_address_parse("ipc:///", &a), -EINVAL);
    CHECK_ERR(coopi_address_parse("tcp://1.2.3.4:5", &a), -EINVAL);
    CHECK_DETAIL("only ipc://");
    CHECK(memcmp(&a, &untouched, sizeof a) == 0);
}

static void a_bad_name_is_refused(void)
{
    static const char *const bad[] = {"a/b", ".hidden", "a b", "\xc3\xa4", "a\n", "../up"};
    struct coopi_address a;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        CHECK_ERR(coopi_address_parse(bad[i], &a), -EINVAL);
        CHECK_DETAIL("not a name");
    }
    CHECK(coopi_is_manager_name("a.b-c_9"));
    CHECK(!coopi_is_manager_name(""));
    char name[COOPI_NAME_MAX + 2];
    memset(name, 'n', sizeof name);
    name[COOPI_NAME_MAX + 1] = '\0';
    CHECK_ERR(coopi_address_parse(name, &a), -ENAMETOOLONG);
}

static void a_path_over_107_bytes_is_refused(void)
{
    char url[6 + 109];
    memset(url, 'x', sizeof url);
    memcpy(url, "ipc:///", 7);
    struct coopi_address a;
    url[6 + 108] = '\0';
    CHECK_ERR(coopi_address_parse(url, &a), -ENAMETOOLONG);
    CHECK_DETAIL("107");
    url[6 + 107] = '\0';
    CHECK_OK(coopi_address_parse(url, &a));
    CHECK_EQ(strlen(a.path), 107);
    CHECK_OK(setenv("XDG_RUNTIME_DIR", url + 6, 1));
    CHECK_ERR(coopi_address_parse("bank", &a), -ENAMETOOLONG);
}

static void who_listens_makes_the_directory(void)
{
    use_runtime_directory();
    struct coopi_address a = parsed("bank");
    struct stat st;
    CHECK_ERR(coopi_address_check(&a), -ENOENT);
    umask(0);
    CHECK_OK(coopi_address_prepare(&a));
    CHECK_OK(coopi_address_prepare(&a));
    CHECK_OK(coopi_address_check(&a));
    CHECK_OK(stat(a.directory, &st));
    CHECK_EQ(st.st_mode & 07777, 0700);
}

static void a_directory_open_to_others_is_refused(void)
{
    use_runtime_directory();
    struct coopi_address a = parsed("bank");
    CHECK_OK(mkdir(a.directory, 0700));
    CHECK_OK(chmod(a.directory, 0710));
    CHECK_ERR(coopi_address_check(&a), -EPERM);
    CHECK_DETAIL("0710");
    CHECK_ERR(coopi_address_prepare(&a), -EPERM);
    CHECK_OK(chmod(a.directory, 0700));
    CHECK_OK(coopi_address_check(&a));
}

static void a_symlink_for_a_directory_is_refused(void)
{
    use_runtime_directory();
    struct coopi_address a = parsed("bank");
    CHECK_OK(mkdir(test_file("elsewhere"), 0700));
    CHECK_OK(symlink(test_file("elsewhere"), a.directory));
    CHECK_ERR(coopi_address_check(&a), -EPERM);
    CHECK_DETAIL("not a directory");
    CHECK_ERR(coopi_address_prepare(&a), -EPERM);
}

static void a_foreign_directory_is_refused(void)
{
    use_runtime_directory();
    struct coopi_address a = parsed("bank");
    snprintf(a.directory, sizeof a.directory, "%s", geteuid() == 0 ? test_file("foreign") : "/");
    if (geteuid() == 0) {
        CHECK_OK(mkdir(a.directory, 0700));
        CHECK_OK(chown(a.directory, 12345, 12345));
    }
    CHECK_ERR(coopi_address_check(&a), -EPERM);
    CHECK_DETAIL("belongs to uid");
}

static void object_names_are_checked_by_size(void)
{
    CHECK(coopi_is_object_name("jobs", 4));
    CHECK(coopi_is_object_name("jobs!", 4));
    CHECK(!coopi_is_object_name("jobs!", 5));
    CHECK(!coopi_is_object_name("", 0));
    CHECK(!coopi_is_object_name("9a", 2));
    CHECK(!coopi_is_object_name("a\0b", 3));
    char name[66];
    memset(name, 'n', sizeof name);
    CHECK(coopi_is_object_name(name, 64));
    CHECK(!coopi_is_object_name(name, 65));
}

TESTS(address, TEST(a_name_stands_for_a_socket_in_the_runtime_directory),
      TEST(without_a_runtime_directory_it_is_in_tmp), TEST(nothing_stands_for_the_variable_or_default),
      TEST(a_url_is_a_path), TEST(a_bad_name_is_refused), TEST(a_path_over_107_bytes_is_refused),
      TEST(who_listens_makes_the_directory), TEST(a_directory_open_to_others_is_refused),
      TEST(a_symlink_for_a_directory_is_refused), TEST(a_foreign_directory_is_refused),
      TEST(object_names_are_checked_by_size))
