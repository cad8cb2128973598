#!/bin/sh
# SPDX-License-Identifier: MIT
# Installs what building, the demo and the tests need; with --all also what bench, fuzz, lint and packaging need.
# Quiet, and without touching the network, when nothing is missing.
set -eu

packages="scons gcc g++ libc6-dev make pkg-config python3 libnanomsg-dev libmsgpack-dev libcunit1-dev libjansson-dev
libsmartcols-dev uthash-dev libsodium-dev"
more="clang libclang-rt-14-dev clang-format clang-tidy cppcheck universal-ctags shellcheck redis-server libhiredis-dev
libboost-dev libqb-dev spin patch git
bsdextrautils"

# CPython's own tests, which tests/cpython.tsv is compared with; a python3 that is no package may have brought them.
python3 -c 'import test.list_tests' 2>/dev/null || packages="$packages libpython3.11-testsuite"

case "${1-}" in
"") ;;
--all) packages="$packages $more" ;;
*)
    echo "usage: tools/setup.sh [--all]" >&2
    exit 2
    ;;
esac

if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
    echo "setup.sh: no apt here. Install what your system calls these, then go on with scons:" >&2
    echo "$packages" >&2
    exit 1
fi

missing=""
for package in $packages; do
    status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$status" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" = 0 ]; then
    root=""
elif command -v sudo >/dev/null; then
    root=sudo
else
    echo "setup.sh: not root and no sudo. As root, run: apt-get install$missing" >&2
    exit 1
fi

# Benchmarks start a redis-server of their own; the package must not start one. policy-rc.d tells dpkg so; if this
# system has one already, it stays as it is.
policy=/usr/sbin/policy-rc.d
case "$missing" in
*redis-server*)
    if [ ! -e "$policy" ]; then
        printf '#!/bin/sh\nexit 101\n' | $root tee "$policy" >/dev/null
        $root chmod 755 "$policy"
        trap '$root rm -f "$policy"' EXIT
        trap 'exit 1' INT TERM
    fi
    ;;
esac

echo "setup.sh: installing$missing"
$root apt-get update -qq
# sudo drops the environment, so the setting goes through env.
# shellcheck disable=SC2086 # a list of names
$root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing
