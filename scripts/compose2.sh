#!/usr/bin/env bash
# Brings the second generation of Compose to target/compose2 for the tests that want both: from the package of
# a newer Debian, without installing it. Where that cannot be had those tests are skipped, and counted.
set -euo pipefail
cd "$(dirname "$0")/.."
suite=trixie
place=$PWD/target/compose2
plugin=$place/cli-plugins/docker-compose
command -v docker >/dev/null || exit 0
[ -x "$plugin" ] && exit 0
docker compose version >/dev/null 2>&1 && exit 0
command -v apt-get >/dev/null && command -v dpkg >/dev/null || exit 0

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mirror=$(sed -n 's/^URIs: *//p' /etc/apt/sources.list.d/*.sources 2>/dev/null | head -1)
[ -n "$mirror" ] || mirror=$(sed -n 's/^deb \(\[[^]]*\] \)\?\([^ ]*\) .*/\2/p' /etc/apt/sources.list 2>/dev/null | head -1)
[ -n "$mirror" ] || exit 0
mkdir -p "$work"/{lists/partial,archives/partial}
touch "$work/status"
echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $suite main" >"$work/sources.list"
options=(-qq -o "Dir::Etc::sourcelist=$work/sources.list" -o Dir::Etc::sourceparts=- -o "Dir::State=$work"
    -o "Dir::State::lists=$work/lists" -o "Dir::State::status=$work/status" -o "Dir::Cache=$work"
    -o "Dir::Cache::archives=$work/archives" -o APT::Sandbox::User=root)
apt-get "${options[@]}" update
(cd "$work" && apt-get "${options[@]}" download docker-compose && dpkg -x docker-compose_*.deb unpacked)
mkdir -p "$place/cli-plugins"
cp "$work/unpacked/usr/libexec/docker/cli-plugins/docker-compose" "$plugin.new"
mv "$plugin.new" "$plugin"
