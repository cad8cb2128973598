#!/bin/bash
# SPDX-License-Identifier: MIT
# Builds the fuzzers with clang and runs each for SECONDS; what they find is left in build/fuzz-found.
#
#     tests/fuzz/run.sh SECONDS
set -u
seconds=${1:?how many seconds for each fuzzer?}
built=build/fuzz-clang/fuzz
found=build/fuzz-found
scons -Q -s variant=fuzz cc=clang "$built" || exit 1
mkdir -p "$found"
bad=0
for program in "$built"/fuzz_*; do
    name=$(basename "$program")
    mkdir -p "build/fuzz-corpus/$name"
    log=$found/$name.log
    if "$program" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=4096 -max_len=2048 -detect_leaks=1 \
        -artifact_prefix="$found/$name-" "build/fuzz-corpus/$name" >"$log" 2>&1; then
        echo "$name: $(grep -oE 'Done [0-9]+ runs in [0-9]+ second' "$log")s"
    else
        bad=1
        tail -40 "$log"
        echo "$name: FAILED; its input stands in $found, and its words in $log"
    fi
done
rm -f /dev/shm/coop."$(id -u)".fuzz.*
exit $bad
