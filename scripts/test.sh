#!/usr/bin/env bash
# Sets up what the tests need, runs them all, and counts those that could not run here.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/setup.sh
scripts/pgbackrest.sh >/dev/null 2>&1 || echo "pgBackRest could not be had: its tests are skipped"
scripts/compose2.sh >/dev/null 2>&1 || echo "Compose 2 could not be had: its tests are skipped"
skipped=$PWD/target/skipped-tests
mkdir -p target
: >"$skipped"
# They wait for servers and processes more than they compute.
export RUST_TEST_THREADS=${RUST_TEST_THREADS:-$(($(nproc) * 3 / 2))}
ODPM_TEST_SKIPPED=$skipped cargo test --locked "$@"
count=$(wc -l <"$skipped" | tr -d ' ')
echo "$count tests skipped"
[ "$count" = 0 ] || cat "$skipped"
