#!/usr/bin/env bash
# Makes odpm-test/real-odoo:TAG of a source tree of Odoo and Debian's own packages of what it imports: no registry of images
# is asked. Wants root and debootstrap, takes some minutes the first time.
#
#   real_odoo.sh SOURCE TAG
set -euo pipefail
source=$1 tag=odpm-test/real-odoo:$2 base=odpm-test/real-odoo-base:1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# What Odoo 16 to 18 import, as Debian 12 names it, and the client programs.
packages=(python3 postgresql-client)
for name in asn1crypto babel chardet cryptography dateutil decorator docutils geoip2 gevent greenlet idna jinja2 libsass \
    lxml markupsafe num2words ofxparse openpyxl openssl passlib pil polib psutil psycopg2 pypdf2 qrcode reportlab requests \
    rjsmin serial stdnum tz urllib3 usb vobject werkzeug xlrd xlsxwriter xlwt zeep; do
    packages+=("python3-$name")
done

if ! docker image inspect "$base" >/dev/null 2>&1; then
    mirror=$(sed -n 's/^URIs: //p' /etc/apt/sources.list.d/debian.sources 2>/dev/null | head -1)
    debootstrap --variant=minbase bookworm "$work/root" "${mirror:-http://deb.debian.org/debian}" >&2
    DEBIAN_FRONTEND=noninteractive chroot "$work/root" apt-get install -y -qq --no-install-recommends "${packages[@]}" >&2
    rm -rf "$work"/root/var/cache/apt/* "$work"/root/usr/share/{doc,man,locale}/*
    chroot "$work/root" useradd --uid 101 --home-dir /var/lib/odoo --create-home odoo
    tar --numeric-owner -C "$work/root" -cf - . | docker import -c 'ENV LANG=C.UTF-8' - "$base" >/dev/null
    rm -rf "$work/root"
fi

printf '#!/bin/sh\nexec python3 /opt/odoo/odoo-bin "$@"\n' >"$work/odoo"
cat >"$work/Dockerfile" <<END
FROM $base
ADD source.tar /opt/odoo/
COPY odoo /usr/bin/odoo
ENV ODOO_RC=/etc/odoo/odoo.conf
USER odoo
EXPOSE 8069
CMD ["odoo"]
END
chmod 755 "$work/odoo"
tar -C "$source" --exclude=.git --exclude=.venv --exclude='*.pyc' --exclude='static/tests' -cf "$work/source.tar" odoo odoo-bin addons
tar -C "$work" -cf - Dockerfile odoo source.tar | DOCKER_BUILDKIT=0 docker build -q -t "$tag" - >/dev/null
echo "$tag"
