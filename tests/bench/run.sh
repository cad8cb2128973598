#!/bin/bash
# SPDX-License-Identifier: MIT
# What `scons bench` runs: our benchmark programs, beside the peers' if COOP_PEERS names the folder of their run.
#
#   tests/bench/run.sh BUILD [option of run_peers.sh, e.g. --only lock]
#   OUT=FOLDER is where the peers' run writes peers.tsv (default: BUILD/peers); REPS=5 is how often each program runs.
set -eu
build=$(cd "${1:?usage: tests/bench/run.sh BUILD}" && pwd)
shift
if [ -n "${COOP_PEERS:-}" ]; then
    export OUT=${OUT:-$build/peers} EXTRA_DIR=$build/bench
    "$COOP_PEERS/run_peers.sh" "$@"
    column -t -s "$(printf '\t')" "$OUT/peers.tsv"
    exit
fi
while read -r program filters; do
    case "$program" in "" | "#"*) continue ;; esac
    # shellcheck disable=SC2086 # a list of filters
    "$build/bench/$program" $filters
done <"$build/bench/units.txt"
