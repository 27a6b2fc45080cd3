#!/usr/bin/env bash
# Makes sure that this machine has PostgreSQL's server programs, and Python for the tests' stand-in of Odoo.
set -euo pipefail

has_postgres() {
    local dir
    for dir in /usr/lib/postgresql/*/bin /usr/pgsql-*/bin /opt/homebrew/opt/postgresql@*/bin /usr/local/opt/postgresql@*/bin; do
        [ -x "$dir/initdb" ] && [ -x "$dir/psql" ] && return 0
    done
    return 1
}

missing=()
has_postgres || missing+=(postgresql)
command -v python3 >/dev/null || missing+=(python3)
[ ${#missing[@]} -eq 0 ] && exit 0

echo "installing: ${missing[*]}"
if command -v apt-get >/dev/null; then
    as_root=()
    [ "$(id -u)" = 0 ] || as_root=(sudo)
    "${as_root[@]}" apt-get update -qq
    DEBIAN_FRONTEND=noninteractive "${as_root[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
elif command -v brew >/dev/null; then
    brew install postgresql@16 python3
else
    echo "Install these with your system's package manager, then try again: ${missing[*]}" >&2
    exit 1
fi
has_postgres || { echo "PostgreSQL was installed, and its programs are not where they are looked for." >&2; exit 1; }
