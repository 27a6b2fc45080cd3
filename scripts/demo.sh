#!/usr/bin/env bash
# Takes the example project through its life: plan, apply, rest, drift, refusal, acceptance, status, down.
# The argument is the engine: local or docker.
set -euo pipefail
cd "$(dirname "$0")/.."

home=$PWD
odpm=$home/target/release/odpm
newest=$(find /usr/lib/postgresql /usr/pgsql-* /opt/homebrew/opt/postgresql@* /usr/local/opt/postgresql@* \
    -maxdepth 0 2>/dev/null | grep -o '[0-9]*$' | sort -n | tail -1 || true)
[ -n "$newest" ] || newest=$(find /usr/lib/postgresql -mindepth 1 -maxdepth 1 -printf '%f\n' | sort -n | tail -1)
export ODPM_EXAMPLE_POSTGRES=$newest
export ODPM_EXAMPLE_PORT=${ODPM_EXAMPLE_PORT:-15432}
export ODPM_EXAMPLE_ENGINE=${1:-local}
if [ "$ODPM_EXAMPLE_ENGINE" = docker ]; then
    # Images made from this machine's own programs, so that no registry is needed.
    scripts/engine.sh
    tests/images/build.sh "$newest" 2>/dev/null
    export ODPM_EXAMPLE_POSTGRES_IMAGE=odpm-test/postgres:$newest ODPM_EXAMPLE_ODOO_IMAGE=odpm-test/odoo:1
fi
unset CI

place=$(mktemp -d "${TMPDIR:-/tmp}/odpm-demo-XXXXXX")
chmod 755 "$place"
cp -r .odpm-example/. "$place"
cd "$place"
leave() {
    "$odpm" down --yes --quiet >/dev/null 2>&1 || true
    cd / && rm -rf "$place"
}
trap leave EXIT

say() { printf '\n\033[1m# %s\033[0m\n' "$*"; }
# Runs odpm and expects this exit code.
run() {
    local want=$1 got=0
    shift
    printf '$ odpm %s\n' "$*"
    "$odpm" "$@" </dev/null || got=$?
    if [ "$got" != "$want" ]; then
        echo "expected exit code $want, got $got" >&2
        exit 1
    fi
    [ "$got" = 0 ] || printf '(exit code %s)\n' "$got"
}

say "The project as it is described: what would be done?"
run 2 plan --detailed-exitcode

say "Do it."
run 0 apply --yes

say "A second plan finds nothing to do."
run 0 plan --detailed-exitcode

# What a person would type into psql, as the server's superuser.
sql() {
    PGPASSWORD=$(cat .odpm/secrets/admin_password) \
        "$(find /usr/lib/postgresql/"$newest"/bin /usr/pgsql-"$newest"/bin /opt/homebrew/opt/postgresql@"$newest"/bin \
            -name psql 2>/dev/null | head -1)" \
        -qtA -h 127.0.0.1 -p "$ODPM_EXAMPLE_PORT" -U postgres -d "$1" -c "$2"
}

say "A database, backed up, lost, brought back, restored beside itself, and tried whether it would restore."
sql postgres 'CREATE DATABASE example OWNER odoo TEMPLATE template0'
sql example 'CREATE TABLE shelf AS SELECT n, md5(n::text) FROM generate_series(1, 50000) n; ALTER TABLE shelf OWNER TO odoo'
run 0 database backup --format fast --yes
run 0 database drop -d example --yes
run 0 undo "$("$odpm" history | awk '/database drop/ {print $1}' | tail -1)" --yes
run 0 database restore "$(basename backups/example-*.odpm)" -d copy --as-copy --neutralize --yes
run 0 database drill --yes
run 0 database list

say "A release with much noise hides that prices fell by 12 % and that 14 % of the catalogue is no longer listed."
sql postgres 'CREATE DATABASE catalogue OWNER odoo TEMPLATE template0'
fill=$(mktemp)
{ echo 'SET ROLE odoo;' && sed 's/:products/3000/g; s/:quants/3000/g; s/:rules/1000/g' "$home/tests/it/catalogue.sql"; } > "$fill"
sql catalogue "$(cat "$fill")" && rm "$fill"
cat > release.sh <<'EOF'
#!/bin/sh
# Codes are renamed, as planned, everything is synchronised, and two mistakes come along.
exec "$ODPM" psql -d catalogue -- -q \
    -c "UPDATE product_template SET default_code = default_code || '-B' WHERE id % 40 = 20 AND id < 1880" \
    -c "UPDATE marketplace_listing SET last_synced_at = now() AT TIME ZONE 'UTC'" \
    -c "UPDATE product_template SET list_price = round(list_price * 0.88, 2), write_uid = 3, write_date = now() AT TIME ZONE 'UTC' WHERE categ_id < 8" \
    -c "UPDATE marketplace_listing SET state = 'inactive' WHERE id % 50 < 7"
EOF
chmod +x release.sh
export ODPM=$odpm
run 3 watchdog run release-42 -d catalogue -- ./release.sh
run 0 watchdog rollback release-42-before release-42-after --only product.template.list_price,marketplace.listing.state --yes
run 0 watchdog diff release-42-before live --gate

say "A script cancels 400 orders and deletes 60 customers with all that hangs on them, while other orders come in."
run 0 archive enable --yes
sql postgres 'CREATE DATABASE shop OWNER odoo TEMPLATE template0'
sql shop "SET ROLE odoo; $(cat "$home/tests/it/incident.sql") CREATE TABLE account_move (id serial PRIMARY KEY, name varchar, state varchar); INSERT INTO account_move (name, state) SELECT 'INV/' || n, 'posted' FROM generate_series(1, 50) n"
since=$(sql postgres "SELECT to_json(clock_timestamp())#>>'{}'")
run 0 archive basebackup --yes
run 0 incident open --note 'orders are cancelled that nobody cancelled'
sql shop "BEGIN; UPDATE sale_order SET state = 'cancel', write_date = now() AT TIME ZONE 'UTC', write_uid = 3 WHERE id BETWEEN 301 AND 700; DELETE FROM res_partner WHERE id <= 60; COMMIT"
sql shop "INSERT INTO sale_order (name, state, partner_id, write_date, write_uid) SELECT 'S' || n, 'draft', 100, now() AT TIME ZONE 'UTC', 2 FROM generate_series(1001, 1005) n; UPDATE sale_order SET note = 'call back' WHERE id = 400"
run 0 incident contain -d shop --read-only --yes
sql postgres 'SELECT pg_switch_wal()' >/dev/null && sleep 2
run 0 incident blast-radius -d shop --since "$since"
found=$("$odpm" incident blast-radius -d shop --since "$since" --format json)
moment() { printf '%s' "$found" | sed -n "s/.*\"$1\": \"\(.*\)\".*/\1/p"; }
run 0 incident sidecar --at "$(moment t_recover)" --name before --yes
run 0 incident sidecar --at "$(moment damaged_until)" --name after --yes
run 0 incident diff -d shop --sidecar before
run 0 incident repair -d shop --sidecar before --after after --yes
run 0 incident verify -d shop
run 0 incident reopen --watch 1s --yes
for name in before after; do run 0 incident sidecar rm "$name" --yes; done
run 0 incident close --note 'scripts are rehearsed from now on: odpm sql'
run 0 incident report

say "Somebody drops the role that Odoo logs in with, and somebody else moves the project to a server."
for database in example copy catalogue shop; do sql "$database" 'REASSIGN OWNED BY odoo TO postgres'; done
sql postgres 'DROP ROLE odoo'
export ODPM_SCENARIO=server
run 3 plan --strict

say "That needs a person: without one, apply stops and names the exact flags."
run 3 apply --yes

say "Accepting one kind accepts no other."
run 3 apply --yes --accept-database-drift=odpm_scenario

say "Both are agreed to."
run 0 apply --yes --accept-database-drift=odpm_scenario --accept-database-drift=app_role_missing

say "How things are, and what was done."
run 0 status
run 0 history

say "The stack goes down; the data stays."
run 0 down --yes
