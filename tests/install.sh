#!/bin/bash
# SPDX-License-Identifier: MIT
# Installs into an empty folder and uses what is there, and nothing else: a program built by pkg-config against the
# shared library and against the static one, and the programs.
set -eu
cd "$(dirname "$0")/.."
stage=$PWD/build/stage
rm -rf "$stage"
scons -Q -s install DESTDIR="$stage" prefix=/usr

export PKG_CONFIG_PATH=$stage/usr/lib/pkgconfig PKG_CONFIG_SYSROOT_DIR=$stage LD_LIBRARY_PATH=$stage/usr/lib
export PATH=$stage/usr/bin:$PATH
cat > "$stage/use.c" <<'END'
#include <coop/coop.h>
#include <stdio.h>
#include <unistd.h>

int main(void)
{
    char path[64];
    int64_t number;
    coop_value *value;
    snprintf(path, sizeof path, "install-test-%d/number", (int)getpid());
    if (coop_value_open(path, "i", COOP_CREATE, &value) < 0 || coop_value_add(value, 42, &number) < 0) {
        fprintf(stderr, "%s\n", coop_error_detail());
        return 1;
    }
    printf("%s %d\n", path, (int)number);
    return 0;
}
END
read -ra flags <<< "$(pkg-config --cflags --libs coop)"
"${CC:-cc}" -Wall -Wextra -Werror -o "$stage/use" "$stage/use.c" "${flags[@]}"
msgpack=$(PKG_CONFIG_SYSROOT_DIR='' pkg-config --libs msgpack)
read -ra flags <<< "$(pkg-config --cflags coop) $stage/usr/lib/libcoop.a $msgpack -pthread"
"${CC:-cc}" -Wall -Wextra -Werror -o "$stage/use-static" "$stage/use.c" "${flags[@]}"

for program in use use-static; do
    said=$("$stage/$program")
    segment=${said%%/*}
    [ "${said##* }" = 42 ]
    shmctl show "$segment/number" | grep -q 42
    shmctl rm "$segment" > /dev/null
done
ldd "$stage/use" | grep -q "$stage/usr/lib/libcoop.so.0"
if ldd "$stage/use-static" | grep -q libcoop; then exit 1; fi
shmctl --version | grep -q shmctl
coop-manager --version | grep -q coop-manager
[ -s "$stage/usr/share/man/man1/shmctl.1" ] && [ -s "$stage/usr/share/man/man1/coop-manager.1" ]
rm -rf "$stage"
echo "install: ok"
