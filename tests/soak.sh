#!/bin/bash
# SPDX-License-Identifier: MIT
# The long runs: what the tests do in a short form, in full. BUILD is the build folder, as SConstruct gives it.
#
#     tests/soak.sh BUILD [PART...]      stress | waiters | privileged | deaths | clients | damage | versions |
#                                       examples | stops | crash | model | mutants; all without a name
set -u
build=${1:?which build folder?}
shift
parts=("$@")
all=(stress waiters privileged deaths clients damage versions examples stops crash model mutants)
[ ${#parts[@]} -gt 0 ] || parts=("${all[@]}")

# run NAME COMMAND...: prints its time; the first failure ends the soak.
run()
{
    local name=$1 before=$SECONDS
    shift
    if "$@"; then
        echo "soak $name: ok after $((SECONDS - before)) s"
    else
        echo "soak $name: FAILED after $((SECONDS - before)) s"
        exit 1
    fi
}

for part in "${parts[@]}"; do
    case $part in
    stress)
        run stress_locks "$build/tests/stress_locks" --kills-holding 2000 --ends-holding 500
        run stress "$build/tests/stress_all" --seconds 60 --least 10000
        ;;
    waiters) run waiters "$build/tests/stress_waiters" --seconds 60 ;;
    privileged) run privileged env COOP_SOAK=1 "$build/tests/run_tests" --only 'privileged/*' ;;
    deaths) run deaths env COOP_SOAK=1 "$build/tests/run_tests" --only 'death/*fat*' ;;
    clients) run clients env COOP_SOAK=1 "$build/tests/run_tests" --only 'manager_wire/*' ;;
    damage) # where a read out of bounds shows
        run asan scons -Q -s variant=asan build/asan
        run damage env COOP_SOAK=1 build/asan/tests/run_tests --only 'shmctl_damage/*' --only 'damaged/*'
        ;;
    versions) run versions python3 tests/versions/run.py "$build" ;;
    examples) run examples "$build/tests/run_tests" --only 'examples/*' --only 'readme/*' ;;
    stops) run stops "$build/tests/crash" --mode stop --stand 10000 --every 7 --jobs 8 ;;
    crash) run crash "$build/tests/crash" --ops '*' --every 1 ;;
    model) run model python3 tests/model/check.py --long ;;
    mutants) run mutants python3 tests/mutants/run.py ;;
    *)
        echo "soak: no part named $part" >&2
        exit 2
        ;;
    esac
done
