#!/usr/bin/env bash
# Sets up what the tests need, runs them all, and counts those that could not run here.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/setup.sh
skipped=$PWD/target/skipped-tests
mkdir -p target
: >"$skipped"
ODPM_TEST_SKIPPED=$skipped cargo test --locked "$@"
count=$(wc -l <"$skipped" | tr -d ' ')
echo "$count tests skipped"
[ "$count" = 0 ] || cat "$skipped"
