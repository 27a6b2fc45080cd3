#!/usr/bin/env bash
# Makes the two images that the docker tests run, from this machine's own programs: no registry is asked.
#
#   odpm-test/postgres:MAJOR   PostgreSQL with an entry point that honours what the official image's does
#   odpm-test/odoo:1           a stand-in for Odoo: its options, its port, its log, a connection to PostgreSQL
#
# An image of the same content is kept: a digest of what it is made from is its label.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Copies programs and every library that they load into a root folder.
install_programs() {
    local root=$1 file lib
    shift
    for file in "$@"; do
        [ -e "$file" ] || continue
        mkdir -p "$root$(dirname "$file")"
        cp -aL "$file" "$root$file"
    done
    for file in "$@"; do ldd "$file" 2>/dev/null || true; done |
        awk '$2 == "=>" && $3 ~ /^\// {print $3} $1 ~ /^\// {print $1}' | sort -u |
        while read -r lib; do
            mkdir -p "$root$(dirname "$lib")"
            cp -aL "$lib" "$root$lib"
        done
}

# A root folder with a shell, the tools that scripts want, and two accounts.
base() {
    local root=$1 user=$2 uid=$3 tool tools=()
    mkdir -p "$root"/usr/{bin,sbin,lib,lib64} "$root"/{etc,tmp,run,proc,sys,dev,root}
    ln -s usr/bin "$root/bin"; ln -s usr/sbin "$root/sbin"; ln -s usr/lib "$root/lib"; ln -s usr/lib64 "$root/lib64"
    chmod 1777 "$root/tmp"
    for tool in bash cat chgrp chmod chown cmp cp env false find gzip head id kill ls mkdir mv printf rm rmdir sed setpriv sh \
        sleep stat sync tail test touch true; do
        tools+=("$(type -P "$tool" || true)")
    done
    install_programs "$root" "${tools[@]}"
    [ -e "$root/usr/bin/sh" ] || ln -s bash "$root/usr/bin/sh"
    printf 'root:x:0:0::/root:/bin/bash\n%s:x:%s:%s::/tmp:/bin/bash\n' "$user" "$uid" "$uid" >"$root/etc/passwd"
    printf 'root:x:0:\n%s:x:%s:\n' "$user" "$uid" >"$root/etc/group"
    echo 'hosts: files dns' >"$root/etc/nsswitch.conf"
    mkdir -p "$root/usr/lib/locale"
    cp -a /usr/lib/locale/C.utf8 "$root/usr/lib/locale/" 2>/dev/null || true
    for lib in files dns; do cp -L /lib/*-linux-gnu/libnss_$lib.so.2 "$root/usr/lib/" 2>/dev/null || true; done
}

# Whether the image is there, made from exactly this.
current() {
    [ "$(docker image inspect -f '{{index .Config.Labels "odpm.made-from"}}' "$1" 2>/dev/null)" = "$2" ]
}

# Builds an image from a root folder and the lines of a Dockerfile.
build() {
    local tag=$1 digest=$2 root=$3
    { echo FROM scratch; echo 'ADD root.tar /'; cat; echo "LABEL odpm.made-from=$digest"; } >"$work/Dockerfile"
    tar --numeric-owner -C "$root" -cf "$work/root.tar" .
    tar -C "$work" -cf - Dockerfile root.tar | DOCKER_BUILDKIT=0 docker build -q -t "$tag" - >/dev/null
    rm "$work/root.tar"
    echo "built $tag"
}

postgres() {
    local major=$1 dir=/usr/lib/postgresql/$1 root=$work/postgres digest tag=odpm-test/postgres:$1
    digest=$(cat "$0" "$here/postgres-entrypoint.sh" "$dir/bin/postgres" | sha256sum | cut -c1-32)
    current "$tag" "$digest" && return
    base "$root" postgres 999
    find "$dir/bin" "$dir/lib" -type f ! -path '*/bitcode/*' ! -path '*/pgxs/*' ! -name 'llvmjit*' -print0 >"$work/files"
    mapfile -d '' -t files <"$work/files"
    install_programs "$root" "${files[@]}"
    mkdir -p "$root/usr/share/postgresql" "$root/var/run/postgresql" "$root/var/lib/postgresql/data"
    cp -aL "/usr/share/postgresql/$major" "$root/usr/share/postgresql/"
    cp -a /usr/share/zoneinfo "$root/usr/share/"
    chmod 3777 "$root/var/run/postgresql"; chown 999:999 "$root/var/lib/postgresql" "$root/var/lib/postgresql/data"
    install -m 755 "$here/postgres-entrypoint.sh" "$root/usr/bin/docker-entrypoint.sh"
    build "$tag" "$digest" "$root" <<END
ENV PATH=$dir/bin:/usr/bin:/usr/sbin PGDATA=/var/lib/postgresql/data PG_MAJOR=$major LANG=C.UTF-8
VOLUME /var/lib/postgresql/data
EXPOSE 5432
STOPSIGNAL SIGINT
ENTRYPOINT ["docker-entrypoint.sh"]
CMD ["postgres"]
END
}

odoo() {
    local root=$work/odoo digest tag=odpm-test/odoo:1 python version
    python=$(readlink -f /usr/bin/python3)
    version=$(basename "$python")
    digest=$(cat "$0" "$here/odoo.py" "$python" | sha256sum | cut -c1-32)
    current "$tag" "$digest" && return
    base "$root" odoo 101
    find "/usr/lib/$version" -name '*.so' -type f -print0 >"$work/files"
    mapfile -d '' -t files <"$work/files"
    install_programs "$root" "$python" "${files[@]}"
    mkdir -p "$root/usr/lib/$version" "$root/var/lib/odoo" "$root/etc/odoo"
    tar -C "/usr/lib/$version" --exclude=test --exclude=__pycache__ --exclude='config-*' -cf - . | tar -C "$root/usr/lib/$version" -xf -
    ln -s "$version" "$root/usr/bin/python3"
    chown 101:101 "$root/var/lib/odoo"
    install -m 755 "$here/odoo.py" "$root/usr/bin/odoo"
    local addons="$root/usr/lib/python3/dist-packages/odoo/addons"
    mkdir -p "$addons/web/data"
    echo "UPDATE ir_config_parameter SET value = 'by web' WHERE key = 'web.base.url';" >"$addons/web/data/neutralize.sql"
    build "$tag" "$digest" "$root" <<'END'
ENV PATH=/usr/bin:/usr/sbin LANG=C.UTF-8 ODOO_RC=/etc/odoo/odoo.conf
USER odoo
EXPOSE 8069
CMD ["odoo"]
END
}

for major in "$@"; do postgres "$major"; done
odoo
