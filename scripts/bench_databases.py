#!/usr/bin/env python3
"""Measures backups and restores beside PostgreSQL's own programs and Odoo's way, in one run, as ratios.

The database has 2 million rows in 550 tables and a filestore of 20,000 files; ODPM_BENCH_ROWS and ODPM_BENCH_FILES change
that. Needs PostgreSQL's programs and about 4 GiB of room.
"""

import contextlib
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

from bench import ODPM, high_water

ROWS = int(os.environ.get("ODPM_BENCH_ROWS", "2000000"))
FILES = int(os.environ.get("ODPM_BENCH_FILES", "20000"))
TABLES = 550
PORT = os.environ.get("ODPM_BENCH_PORT", "15435")
QUIET = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}


class Shop:
    """A project of the local engine with one large database."""

    def __init__(self, place):
        self.place = place
        self.bin = max(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
        major = self.bin.parent.name
        (place / "odpm.yaml").write_text(
            f'version: 1\nname: bench\nengine: local\nodoo: {{version: "18.0", database: bench}}\n'
            f'postgres: {{version: "{major}", port: {PORT}, settings: {{max_wal_size: 4GB, shared_buffers: 512MB}}}}\n')
        self.env = {"PATH": os.environ["PATH"], "HOME": str(place)}
        self.odpm("apply")
        password = (place / ".odpm/secrets/admin_password").read_text().strip()
        self.pg = self.env | {"PGPASSWORD": password, "PGHOST": "127.0.0.1", "PGPORT": PORT, "PGUSER": "postgres"}

    def odpm(self, *args):
        """Seconds and peak MiB of a command that has to succeed."""
        begin = time.perf_counter()
        child = subprocess.Popen([ODPM, *args, "--yes"], cwd=self.place, env=self.env, **QUIET)
        peak = high_water(child, 0.02)
        if child.wait() != 0:
            sys.exit(f"odpm {' '.join(args)} ended with {child.returncode}")
        return time.perf_counter() - begin, peak

    def run(self, program, *args):
        """Seconds of one of PostgreSQL's programs."""
        begin = time.perf_counter()
        subprocess.run([self.bin / program, *args], env=self.pg, check=True, **QUIET)
        return time.perf_counter() - begin

    def sql(self, database, text):
        subprocess.run([self.bin / "psql", "-Xq", "-v", "ON_ERROR_STOP=1", "-d", database], input=text, text=True,
                       env=self.pg, check=True, **QUIET)

    def fill(self):
        self.sql("postgres", "CREATE DATABASE bench OWNER odoo TEMPLATE template0")
        large = {1: 0.35, 2: 0.2, 3: 0.1, 4: 0.1}
        rest = int(ROWS * (1 - sum(large.values())) / (TABLES - len(large)))
        text = ["SET ROLE odoo;"]
        for number in range(1, TABLES + 1):
            rows = int(ROWS * large[number]) if number in large else rest
            text.append(
                f"CREATE TABLE model_{number} (id serial PRIMARY KEY, create_uid integer, create_date timestamp, "
                f"name varchar, note text, amount numeric, data jsonb, active boolean);"
                f"INSERT INTO model_{number} (create_uid, create_date, name, note, amount, data, active) SELECT n % 9, "
                f"now() - n * interval '1 minute', 'record ' || md5(n::text), repeat(md5((n * 7)::text) || ' ', n % 5), n / 7.0, "
                f"jsonb_build_object('en_US', md5((n * 3)::text)), n % 3 = 0 FROM generate_series(1, {rows}) n;"
                f"CREATE INDEX ON model_{number} (create_date); CREATE INDEX ON model_{number} (name);")
        text.append("CREATE TABLE ir_attachment (id serial PRIMARY KEY, store_fname varchar);")
        self.sql("bench", "\n".join(text))
        self.add_files(0, FILES)
        self.sql("bench", "VACUUM ANALYZE")

    def add_files(self, begin, count):
        store, names = self.place / "data/odoo/filestore/bench", []
        for number in range(begin, begin + count):
            # Half of them pictures, that do not get smaller, half of them text.
            size = 2000 + (number * 7919) % 60000
            seed = hashlib.sha256(str(number).encode()).digest()
            content = b"\x89PNG" + os.urandom(size) if number % 2 else (seed.hex().encode() * (size // 64 + 1))[:size]
            name = hashlib.sha1(content).hexdigest()
            names.append(f"{name[:2]}/{name}")
            (store / name[:2]).mkdir(parents=True, exist_ok=True)
            (store / names[-1]).write_bytes(content)
        values = ",".join(f"('{name}')" for name in names)
        self.sql("bench", f"INSERT INTO ir_attachment (store_fname) VALUES {values}")

    def odoos_way(self, to):
        """Seconds of what Odoo's database manager does: copy the files, dump to a folder, press it all."""
        begin = time.perf_counter()
        with tempfile.TemporaryDirectory(dir=self.place) as folder:
            shutil.copytree(self.place / "data/odoo/filestore/bench", Path(folder) / "filestore")
            (Path(folder) / "manifest.json").write_text("{}")
            self.run("pg_dump", "--no-owner", f"--file={folder}/dump.sql", "bench")
            with zipfile.ZipFile(to, "w", compression=zipfile.ZIP_DEFLATED, allowZip64=True) as out:
                for path in sorted(Path(folder).rglob("*")):
                    if path.is_file():
                        out.write(path, path.relative_to(folder))
        return time.perf_counter() - begin


def side_by_side(shop, own, peer, runs=3):
    """Medians of two measures, taken in turns, each beginning with everything on disk."""
    values = ([], [])
    for turn in range(runs):
        for measure, into in zip((own, peer), values):
            shop.sql("postgres", "CHECKPOINT")
            os.sync()
            into.append(measure(turn))
    return tuple(sorted(into)[runs // 2] for into in values)


@contextlib.contextmanager
def folder_of(kind):
    """A project of this kind in a folder of its own, that goes with its server."""
    with tempfile.TemporaryDirectory(prefix="odpm-bench-") as folder:
        os.chmod(folder, 0o755)
        place = Path(folder) / "shop"
        place.mkdir(mode=0o755)
        shop = kind(place)
        try:
            yield shop
        finally:
            subprocess.run([ODPM, "down", "--yes"], cwd=place, env=shop.env, **QUIET)


def table(what, rows, digits=1):
    """Prints odpm beside its peers; whether a limit was missed."""
    print(f"{what:<48}{'odpm':>10}{'peer':>10}{'ratio':>8}{'limit':>8}")
    missed = False
    for name, own, peer, limit in rows:
        ratio = own / peer
        missed |= ratio > limit
        print(f"{name:<48}{own:>8.{digits}f} s{peer:>8.{digits}f} s{ratio:>8.2f}{limit:>8.2f}{'  missed' if ratio > limit else ''}")
    return missed


def main():
    rows, peaks = [], []
    with folder_of(Shop) as shop:
        shop.fill()
        measure(shop, shop.place, rows, peaks)
    missed = table("what, 550 tables", rows)
    worst = max(peaks)
    print(f"peak of odpm's own memory: {worst:.0f} MiB (limit 100)")
    sys.exit(1 if missed or worst > 100 else 0)


def measure(shop, place, rows, peaks):
    def odpm(*args):
        seconds, peak = shop.odpm(*args)
        peaks.append(peak)
        return seconds

    def fresh(path):
        shutil.rmtree(path, ignore_errors=True)
        return path

    dump, fast = place / "peer.dir", place / "fast.odpm"

    def backup(_):
        fresh(fast)
        return odpm("database", "backup", "--format", "fast", "--no-filestore", "--out", str(fast))

    def peer_backup(_):
        return shop.run("pg_dump", "-Fd", "-j2", "-f", str(fresh(dump)), "bench")

    rows.append(("fast backup / pg_dump -Fd -j2", *side_by_side(shop, backup, peer_backup), 1.1))

    def restore(_):
        shop.sql("postgres", "DROP DATABASE IF EXISTS peer")
        return odpm("database", "restore", str(fast), "-d", "restored")

    def peer_restore(_):
        shop.sql("postgres", "DROP DATABASE restored")
        begin = time.perf_counter()
        shop.sql("postgres", "CREATE DATABASE peer TEMPLATE template0")
        shop.run("pg_restore", "-j2", "-d", "peer", "--no-owner", str(dump))
        shop.sql("peer", "ANALYZE")
        return time.perf_counter() - begin

    rows.append(("restore, checked / pg_restore -j2, ANALYZE", *side_by_side(shop, restore, peer_restore), 1.1))

    def zip_backup(turn):
        return odpm("database", "backup", "--format", "zip", "--out", str(place / f"{turn}.zip"))

    def peer_zip(_):
        return shop.odoos_way(place / "peer.zip")

    rows.append(("zip backup / Odoo's way", *side_by_side(shop, zip_backup, peer_zip), 0.5))

    first = odpm("database", "backup", "--format", "fast", "--out", str(place / "one.odpm"))
    pool = place / "odpm-files"
    before = sum(1 for path in pool.rglob("*") if path.is_file())
    shop.add_files(FILES, FILES // 100)
    second = odpm("database", "backup", "--format", "fast", "--out", str(place / "two.odpm"))
    stored = sum(1 for path in pool.rglob("*") if path.is_file()) - before
    print(f"second fast backup with 1 % new files: {stored} of {FILES + FILES // 100} files stored")
    rows.append(("second fast backup with files / first", second, first, 1.0))


if __name__ == "__main__":
    main()
