#!/usr/bin/env bash
# Makes sure that this machine has pgBackRest, where that can be done without asking anybody. What wants it is skipped otherwise.
set -euo pipefail
command -v pgbackrest >/dev/null && exit 0
command -v apt-get >/dev/null
as_root=()
if [ "$(id -u)" != 0 ]; then
    sudo -n true
    as_root=(sudo -n)
fi
[ -n "$(apt-cache search --names-only '^pgbackrest$')" ] || "${as_root[@]}" apt-get update -qq
DEBIAN_FRONTEND=noninteractive "${as_root[@]}" apt-get install -y -qq --no-install-recommends pgbackrest
