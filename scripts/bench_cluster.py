#!/usr/bin/env python3
"""Measures a sidecar, from "go" until it stands, beside the bare minimum - a copy of the base backup and PostgreSQL's own replay from
segments that are unpacked already -, and beside pgBackRest's restore of the same cluster to the same moment from a full backup of its
own; the comparison of a table with 1,000 damaged rows beside one COPY of it; and the repair of 10,000 rows beside single UPDATEs in one
transaction; in one run, as ratios. Needs PostgreSQL's programs,
pgBackRest for its part, and about 8 GiB of room.
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
BACKREST = shutil.which("pgbackrest")


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
        if BACKREST:
            self.backrest_prepare()
        for factor in ("1.01", "0.99"):
            self.sql("bench", f"UPDATE product_template SET list_price = list_price * {factor} WHERE id % 2 = 0; SELECT pg_switch_wal()")
        self.moment = self.ask("SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')")
        self.sql("bench", "UPDATE product_template SET list_price = 1, write_date = now() WHERE id % 500 = 7; SELECT pg_switch_wal()")
        while self.ask("SELECT count(*) FROM pg_ls_archive_statusdir() WHERE name LIKE '%.ready'") != "0":
            time.sleep(0.2)
        if BACKREST:
            self.backrest_push()

    def backrest(self, *args):
        """pgBackRest with a repository of its own beside odpm's archive, as the server's account, with as many processes as there are
        processors and its quickest compression."""
        account = {"user": "postgres", "group": "postgres"} if os.geteuid() == 0 else {}
        command = ["pgbackrest", f"--config={self.place / 'backrest.conf'}", "--stanza=bench", *args]
        done = subprocess.run(command, env=self.pg, capture_output=True, text=True, cwd="/", **account)
        if done.returncode != 0:
            sys.exit(f"{command}: {done.stdout}{done.stderr}")

    def backrest_prepare(self):
        """A full backup by pgBackRest at the same place in the log as odpm's. Its log is pushed afterwards: one server has one archiver,
        so its own checks of that are off."""
        repository, locks = self.place / "repository", self.place / "locks"
        for folder in (repository, locks):
            folder.mkdir(mode=0o755)
            if os.geteuid() == 0:
                shutil.chown(folder, "postgres", "postgres")
        socket = self.ask("SHOW unix_socket_directories").strip('"')
        (self.place / "backrest.conf").write_text(
            f"[global]\nrepo1-path={repository}\nrepo1-retention-full=1\nlock-path={locks}\nlog-level-file=off\nstart-fast=y\n"
            f"process-max={os.cpu_count()}\ncompress-type=lz4\n"
            f"[bench]\npg1-path={self.place / 'data/postgres'}\npg1-port={PORT}\npg1-socket-path={socket}\npg1-user=postgres\n")
        self.backrest("--no-online", "stanza-create")
        self.backrest("--type=full", "--no-archive-check", "backup")

    def backrest_push(self):
        """What odpm's archive has of the log goes into the repository, too."""
        folder = self.place / "pushed"
        folder.mkdir(mode=0o755)
        for segment in sorted((self.place / "archive/wal").glob("0*.gz")):
            if len(segment.stem) != 24:
                continue
            path = folder / segment.stem
            path.write_bytes(gzip.decompress(segment.read_bytes()))
            os.chmod(path, 0o644)
            self.backrest("archive-push", str(path))
            path.unlink()

    def restored(self):
        """Seconds of pgBackRest's restore to the moment, and of the start until it stands there."""
        data, run = self.place / "restored", self.place / "run"
        for folder, mode in ((data, 0o700), (run, 0o755)):
            folder.mkdir(mode=mode)
            if os.geteuid() == 0:
                shutil.chown(folder, "postgres", "postgres")
        target = self.moment.replace("T", " ").replace("Z", "+00")
        begin = time.perf_counter()
        self.backrest("--type=time", f"--target={target}", "--target-action=pause", "--archive-mode=off", f"--pg1-path={data}", "restore")
        took = self.recovered(data, run, self.place / "restored.log", ["-c", "archive_mode=off", "-c", "max_wal_size=4GB"], begin)
        shutil.rmtree(data)
        shutil.rmtree(run)
        return took

    def recovered(self, data, run, said, settings, begin):
        """Starts a server, waits until it stands still; seconds since the beginning."""
        command = [self.bin / "postgres", "-D", data, "-c", "listen_addresses=", "-c", f"unix_socket_directories={run}", "-c", f"port={PORT}", *settings]
        account = {"user": "postgres", "group": "postgres"} if os.geteuid() == 0 else {}
        with said.open("w") as log:
            server = subprocess.Popen(command, stdout=log, stderr=log, cwd="/", **account)
        while self.ask("SELECT pg_get_wal_replay_pause_state()", run) != "paused":
            if server.poll() is not None:
                sys.exit(said.read_text())
            time.sleep(0.02)
        took = time.perf_counter() - begin
        server.send_signal(signal.SIGINT)
        server.wait()
        return took

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
        if os.geteuid() == 0:
            subprocess.run(["chown", "-R", "postgres", data, run], check=True)
        settings = ["-c", f"restore_command=cp {wal}/%f %p", "-c", f"recovery_target_time={self.moment.replace('T', ' ').replace('Z', '+00')}",
                    "-c", "recovery_target_action=pause", "-c", "archive_mode=off", "-c", "max_wal_size=4GB"]
        took = self.recovered(data, run, folder / "log", settings, begin)
        shutil.rmtree(folder)
        return took

    def difference(self):
        begin = time.perf_counter()
        done = subprocess.run([ODPM, "incident", "diff", "--table", "product_template"], cwd=self.place, env=self.env, capture_output=True, text=True)
        if done.returncode != 0 or "list_price: 1," not in done.stdout.replace("list_price: 1,008 rows", "list_price: 1,"):
            sys.exit(f"the comparison is not as expected: {done.stdout}{done.stderr}")
        return time.perf_counter() - begin


    def repairs(self):
        """Seconds of taking 10,000 damaged rows back by a plan that is made already; of locking them and writing them by one UPDATE
        and nothing else; and of as many single UPDATEs in one transaction, each from the same damage."""
        clock = "SELECT to_json(clock_timestamp())#>>'{}'"
        some = f"id % {max(PRODUCTS // 10_000, 1)} = 0"
        first = self.ask(clock)
        self.sql("bench", f"CREATE TABLE whole AS SELECT id, list_price FROM product_template WHERE {some};"
                          f"UPDATE product_template SET list_price = list_price + 3 WHERE {some};"
                          f"CREATE TABLE hurt AS SELECT id, list_price FROM product_template WHERE {some}")
        second = self.ask(clock)
        self.odpm("incident", "sidecar", "--at", first, "--name", "before")
        self.odpm("incident", "sidecar", "--at", second, "--name", "after")
        self.sql("bench", f"\\copy (SELECT format('UPDATE product_template SET list_price = %s WHERE id = %s;', list_price, id) FROM whole) TO '{self.place}/single.sql'")
        (self.place / "bare.sql").write_text(
            "SELECT count(*) FROM (SELECT FROM product_template t JOIN whole USING (id) FOR UPDATE OF t) locked;"
            "UPDATE product_template t SET list_price = w.list_price FROM whole w WHERE w.id = t.id")
        own, bare, single = [], [], []
        for turn in range(ROUNDS):
            plan = self.place / f"repair-{turn}.json"
            subprocess.run([ODPM, "incident", "repair", "--sidecar", "before", "--after", "after", "--table", "product_template", "--save-plan", plan],
                           cwd=self.place, env=self.env, check=True, capture_output=True)
            own.append(self.odpm("apply", plan)[0])
            self.hurt()
            for name, seconds in (("bare", bare), ("single", single)):
                begin = time.perf_counter()
                subprocess.run([self.bin / "psql", "-Xq1", "-d", "bench", "-f", self.place / f"{name}.sql"], env=self.pg, check=True, capture_output=True)
                seconds.append(time.perf_counter() - begin)
                self.hurt()
        for name in ("before", "after"):
            self.odpm("incident", "sidecar", "rm", name)
        return own, bare, single

    def hurt(self):
        self.sql("bench", "UPDATE product_template t SET list_price = h.list_price FROM hurt h WHERE h.id = t.id; VACUUM product_template; CHECKPOINT")


def main():
    own, bare, restored, differences, copies = [], [], [], [], []
    with folder_of(Archived) as shop:
        shop.prepare()
        for _ in range(ROUNDS):
            own.append(shop.sidecar())
            differences.append(shop.difference())
            copies.append(shop.copies(("bench", "SELECT * FROM product_template ORDER BY id")))
            shop.odpm("incident", "sidecar", "rm", "bench")
            bare.append(shop.bare())
            if BACKREST:
                restored.append(shop.restored())
        repairs, locked, single = shop.repairs()
    rows = [("sidecar / copy and replay alone", median(own), median(bare), 1.1),
            ("comparison of a table / one COPY of it", median(differences), median(copies), 2.0),
            # What it takes to lock them first and write them by one statement is its own limit.
            ("repair of 10,000 rows / lock and UPDATE alone", median(repairs), median(locked), 2.0),
            ("repair of 10,000 rows / single UPDATEs", median(repairs), median(single), 0.7)]
    if BACKREST:
        # At least 1.3 times as fast.
        rows.insert(1, ("sidecar / pgbackrest restore and start", median(own), median(restored), 1 / 1.3))
    else:
        print("pgBackRest is not on this machine: nothing is laid beside it")
    sys.exit(1 if table(f"what, {PRODUCTS} products", rows, 2) else 0)


if __name__ == "__main__":
    main()
