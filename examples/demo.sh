#!/bin/bash
# SPDX-License-Identifier: MIT
# The demo: the examples at work, shmctl looking on, and a process killed in the middle.
#
#   examples/demo.sh [BUILD]      BUILD is build/release, or another folder that scons built
#   COOP_DEMO_BREAK=nolock        leaves the lock out of saldo, to see that the demo notices
set -u
cd "$(dirname "$0")/.." || exit 1
build=${1:-build/release}
if [ ! -d "$build" ]; then
    echo "demo: no folder $build: run scons" >&2
    exit 1
fi
build=$(cd "$build" && pwd)
PATH=$build/examples:$build/bin:$PATH
segment=demo-$$
dir=$(mktemp -d /tmp/coop-demo.XXXXXX) || exit 1
out=$dir/out
mkdir -m 700 "$dir/run"
export XDG_RUNTIME_DIR=$dir/run COOP_MANAGER=demo-$$

cleanup()
{
    trap - EXIT INT TERM HUP
    # shellcheck disable=SC2046 # a list of numbers
    kill -TERM $(jobs -p) 2>/dev/null
    [ -z "${manager:-}" ] || timeout 5 tail --pid="$manager" -f /dev/null
    # shellcheck disable=SC2046
    kill -KILL $(jobs -p) 2>/dev/null
    wait 2>/dev/null
    shmctl rm --force "$segment" >/dev/null 2>&1
    rm -rf "$dir"
}
trap cleanup EXIT
trap 'exit 1' INT TERM HUP

fail()
{
    echo
    echo "demo: FAILED: $*" >&2
    exit 1
}

heading()
{
    printf '\n== %s\n' "$*"
}

# show COMMAND...: runs it as one would type it; what it printed stays in $out. The result is the command's.
show()
{
    local code
    echo "\$ $*"
    timeout 30 "$@" >"$out" 2>&1
    code=$?
    cat "$out"
    return $code
}

# expect TEXT: the last command printed it.
expect()
{
    grep -qF -- "$1" "$out" || fail "missing: $1"
}

# until_true COMMAND...: tries for ten seconds.
until_true()
{
    local i
    for ((i = 0; i < 200; i++)); do
        "$@" >/dev/null 2>&1 && return
        sleep 0.05
    done
    fail "did not come true: $*"
}

shows()
{
    shmctl show "$segment" 2>/dev/null | grep -qE -- "$1"
}

heading "Two processes deposit into one shared account, under its lock"
if [ "${COOP_DEMO_BREAK:-}" = nolock ]; then
    show saldo --no-lock
else
    show saldo
fi
expect "final balance 200000"

heading "Four processes count, made safe in three ways"
show counters || fail "counters: a sum is not exact"

heading "shmctl looks on while six processes write"
saldo --segment "$segment" --deposits 4000000 >"$dir/saldo" 2>&1 &
saldo=$!
counters --segment "$segment" --steps 1000000 >"$dir/counters" 2>&1 &
counters=$!
until_true shows '^lock '
until_true shows '^saldo '
show shmctl ls || fail "shmctl ls"
expect "$segment"
show shmctl show "$segment" || fail "shmctl show"
wait "$saldo" || fail "saldo: $(cat "$dir/saldo")"
wait "$counters" || fail "counters: $(cat "$dir/counters")"
cat "$dir/saldo" "$dir/counters"

heading "A process is killed while it holds the lock and two others wait for it"
saldo --segment "$segment" --hold >"$dir/holder" 2>&1 &
holder=$!
until_true grep -q "holds the lock" "$dir/holder"
cat "$dir/holder"
saldo --segment "$segment" >"$dir/saldo" 2>&1 &
saldo=$!
until_true shows "^saldo .*held by pid $holder .*others wait"
show shmctl show "$segment/saldo"
expect "held by pid $holder (saldo)"
echo "\$ kill -KILL $holder"
disown "$holder" # bash need not tell us
kill -KILL "$holder"
wait "$saldo" || fail "saldo did not survive the death: $(cat "$dir/saldo")"
cat "$dir/saldo"
grep -qF "final balance 200000" "$dir/saldo" || fail "saldo: a deposit was lost"
show shmctl show "$segment/saldo"
expect "pid $holder (saldo)"
show shmctl rm "$segment" || fail "shmctl rm"

heading "A manager holds lists and dicts for any number of processes"
echo "\$ coop-manager --name $COOP_MANAGER &"
coop-manager --name "$COOP_MANAGER" >"$dir/manager" 2>&1 &
manager=$!
until_true test -s "$dir/manager"
cat "$dir/manager"
show shared_list || fail "shared_list"
for number in 0 1 2 3 4; do
    [ "$(grep -o "$number" "$out" | wc -l)" = 2 ] || fail "shared_list: $number is not there twice"
done
show shared_dict || fail "shared_dict"
expect "equal to a serial count"

heading "The manager of a program is killed: the program is told"
unset COOP_MANAGER
show shared_list --kill-server && fail "shared_list: nobody told it that its manager is gone"
expect "no manager answers there"

printf '\ndemo: ok\n'
