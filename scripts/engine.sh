#!/usr/bin/env bash
# Starts the Docker engine where it is installed and does not run; fails when it then cannot be used.
# With `install` as its argument it installs engine and Compose from Debian's packages first, where missing.
set -euo pipefail

if [ "${1:-}" = install ] && ! { command -v docker && command -v docker-compose; } >/dev/null; then
    as_root=()
    [ "$(id -u)" = 0 ] || as_root=(sudo)
    "${as_root[@]}" apt-get update -qq
    DEBIAN_FRONTEND=noninteractive "${as_root[@]}" apt-get install -y -qq docker.io docker-compose >/dev/null
fi
answers() { docker version -f '{{.Server.Version}}' >/dev/null 2>&1; }
if ! command -v docker >/dev/null || ! command -v dockerd >/dev/null; then
    echo "there is no Docker engine on this machine: its tests are skipped"
    exit 0
fi
answers && exit 0
if [ "$(id -u)" != 0 ]; then
    echo "the Docker engine does not answer, and only root can start it: its tests are skipped"
    exit 0
fi
log=$(mktemp)
dockerd >"$log" 2>&1 &
for _ in $(seq 100); do
    answers && exit 0
    sleep 0.2
done
echo "the Docker engine is installed and could not be started:" >&2
tail -5 "$log" >&2
exit 1
