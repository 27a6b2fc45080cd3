#!/usr/bin/env python3
"""Measures a sidecar, from "go" until it stands, beside the bare minimum - a copy of the base backup and PostgreSQL's own replay from
segments that are unpacked already -, and the comparison of a table with 1,000 damaged rows beside one COPY of it; in one run, as
ratios. Needs PostgreSQL's programs and about 6 GiB of room.
"""

import gzip
import os
import shutil
import signal
import subprocess
import sys
import time

from bench import ODPM
from bench_databases import PORT, folder_of, table
from bench_rows import PRODUCTS, Catalogue

ROUNDS = 3


def median(values):
    return sorted(values)[len(values) // 2]


class Archived(Catalogue):
    """A catalogue whose log is kept: a base backup, changes since, and a moment among them."""

    def prepare(self):
        with (self.place / "odpm.yaml").open("a") as described:
            described.write("archive: {method: basebackup}\n")
        self.odpm("archive", "enable")
        self.fill()
        self.odpm("archive", "basebackup")
        for factor in ("1.01", "0.99"):
            self.sql("bench", f"UPDATE product_template SET list_price = list_price * {factor} WHERE id % 2 = 0; SELECT pg_switch_wal()")
        self.moment = self.ask("SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')")
        self.sql("bench", "UPDATE product_template SET list_price = 1, write_date = now() WHERE id % 500 = 7; SELECT pg_switch_wal()")
        while self.ask("SELECT count(*) FROM pg_ls_archive_statusdir() WHERE name LIKE '%.ready'") != "0":
            time.sleep(0.2)

    def ask(self, sql, host=None):
        env = self.pg | ({"PGHOST": str(host)} if host else {})
        done = subprocess.run([self.bin / "psql", "-XAtq", "-d", "postgres", "-c", sql], env=env, capture_output=True, text=True)
        return done.stdout.strip()

    def sidecar(self):
        begin = time.perf_counter()
        self.odpm("incident", "sidecar", "--at", self.moment, "--name", "bench")
        return time.perf_counter() - begin

    def bare(self):
        """Seconds of copying the base backup and having PostgreSQL recover it, with nothing else."""
        folder = self.place / "bare"
        folder.mkdir(mode=0o755)
        base = max((self.place / "archive/base").iterdir(), key=lambda path: (path.is_dir(), path.name))
        wal = folder / "wal"
        wal.mkdir(mode=0o755)
        for segment in (self.place / "archive/wal").glob("*.gz"):
            (wal / segment.stem).write_bytes(gzip.decompress(segment.read_bytes()))
            os.chmod(wal / segment.stem, 0o644)
        data, run = folder / "data", folder / "run"
        run.mkdir()
        begin = time.perf_counter()
        subprocess.run(["cp", "-a", "--reflink=auto", base, data], check=True)
        (data / "recovery.signal").touch()
        command = [self.bin / "postgres", "-D", data, "-c", "listen_addresses=", "-c", f"unix_socket_directories={run}", "-c", f"port={PORT}",
                   "-c", f"restore_command=cp {wal}/%f %p", "-c", f"recovery_target_time={self.moment.replace('T', ' ').replace('Z', '+00')}",
                   "-c", "recovery_target_action=pause", "-c", "archive_mode=off", "-c", "max_wal_size=4GB"]
        account = {}
        if os.geteuid() == 0:
            subprocess.run(["chown", "-R", "postgres", data, run], check=True)
            account = {"user": "postgres", "group": "postgres"}
        with (folder / "log").open("w") as log:
            server = subprocess.Popen(command, stdout=log, stderr=log, cwd="/", **account)
        while self.ask("SELECT pg_get_wal_replay_pause_state()", run) != "paused":
            if server.poll() is not None:
                sys.exit((folder / "log").read_text())
            time.sleep(0.02)
        took = time.perf_counter() - begin
        server.send_signal(signal.SIGINT)
        server.wait()
        shutil.rmtree(folder)
        return took

    def difference(self):
        begin = time.perf_counter()
        done = subprocess.run([ODPM, "incident", "diff", "--table", "product_template"], cwd=self.place, env=self.env, capture_output=True, text=True)
        if done.returncode != 0 or "list_price: 1," not in done.stdout.replace("list_price: 1,008 rows", "list_price: 1,"):
            sys.exit(f"the comparison is not as expected: {done.stdout}{done.stderr}")
        return time.perf_counter() - begin


def main():
    own, bare, differences, copies = [], [], [], []
    with folder_of(Archived) as shop:
        shop.prepare()
        for _ in range(ROUNDS):
            own.append(shop.sidecar())
            differences.append(shop.difference())
            copies.append(shop.copies(("bench", "SELECT * FROM product_template ORDER BY id")))
            shop.odpm("incident", "sidecar", "rm", "bench")
            bare.append(shop.bare())
    rows = [("sidecar / copy and replay alone", median(own), median(bare), 1.1),
            ("comparison of a table / one COPY of it", median(differences), median(copies), 2.0)]
    sys.exit(1 if table(f"what, {PRODUCTS} products", rows, 2) else 0)


if __name__ == "__main__":
    main()
