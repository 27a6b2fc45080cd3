#!/usr/bin/env python3
"""Measures upgrades, in one run: the checkpoint beside CREATE DATABASE ... TEMPLATE alone; the way back beside what the plan said of
it beforehand, for both kinds of checkpoint; what is looked at of 600 modules whose files are known; the diagnosis of a log of 100 MB.

The database has about 400 MB; ODPM_BENCH_UPGRADE_ROWS changes that. Odoo is played by a program that does nothing, so that what is
measured is odpm's. Needs PostgreSQL's programs and about 3 GiB of room.
"""

import json
import os
import re
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path

from bench import ODPM, high_water
from bench_databases import PORT, QUIET, Shop, folder_of, table

ROOT = Path(__file__).resolve().parent.parent
ROWS = int(os.environ.get("ODPM_BENCH_UPGRADE_ROWS", "900000"))
MODULES = 600
ROUNDS = 5
LOG = 100_000_000


def median(values):
    return sorted(values)[len(values) // 2]


class Upgraded(Shop):
    """A project with Odoo's source and 600 modules, all of them installed."""

    def fill(self):
        odoo = (ROOT / "tests/it/upgrade_odoo.py").read_text().replace("def sql(text):\n", "def sql(text):\n    return ''\n")
        source = self.place / "odoo-src"
        (source / "odoo/addons").mkdir(parents=True)
        (source / "addons").mkdir()
        (source / "odoo-bin").write_text(odoo)
        described = (self.place / "odpm.yaml").read_text()
        services = f"services: {{odoo: {{replicas: 0, port: {int(PORT) + 2}}}, odoo-cron: {{replicas: 0}}}}"
        described = described.replace("database: bench}", f"database: bench, source: ./odoo-src, addons: [./addons], {services}}}")
        (self.place / "odpm.yaml").write_text(described + "upgrade: {watch: 0s, watchdog: false}\n")
        self.names = [f"shop_{number}" for number in range(1, MODULES)]
        self.module(source / "odoo/addons/base", [])
        for name in self.names:
            self.module(self.place / "addons" / name, ["base"])
        self.odpm("apply")
        self.sql("postgres", "CREATE DATABASE bench OWNER odoo TEMPLATE template0")
        installed = ",".join(f"('{name}', 'installed', '18.0.1.0')" for name in ["base", *self.names])
        self.sql("bench", f"""
            SET ROLE odoo;
            CREATE TABLE ir_module_module (id serial PRIMARY KEY, name varchar, state varchar, latest_version varchar);
            CREATE TABLE ir_module_module_dependency (id serial, name varchar, module_id integer);
            CREATE TABLE ir_config_parameter (id serial PRIMARY KEY, key varchar UNIQUE, value text);
            INSERT INTO ir_module_module (name, state, latest_version) VALUES {installed};
            CREATE TABLE lines (id serial PRIMARY KEY, name varchar, note text, amount numeric);
            INSERT INTO lines (name, note, amount) SELECT md5(n::text), repeat(md5((n * 7)::text), n % 16), n / 7.0
                FROM generate_series(1, {ROWS}) n;
            CREATE INDEX ON lines (name)""")
        self.sql("bench", "VACUUM ANALYZE")
        self.bytes = int(self.ask("SELECT pg_database_size('bench')"))
        self.odpm("database", "backup", "--format", "fast")

    def module(self, folder, depends):
        for inner in ("models", "views", "static/src"):
            (folder / inner).mkdir(parents=True)
        (folder / "__init__.py").write_text("from . import models\n")
        manifest = {"name": folder.name, "version": "18.0.1.0", "depends": depends, "data": [f"views/{n}.xml" for n in range(4)]}
        (folder / "__manifest__.py").write_text(f"# {folder.name}\n{manifest!r}\n")
        for number in range(4):
            (folder / f"models/part_{number}.py").write_text(f"# {folder.name} {number}\n" + "class A:\n    pass\n" * 60)
            (folder / f"views/{number}.xml").write_text("<odoo>\n" + '    <record id="a" model="b"/>\n' * 40 + "</odoo>\n")
            (folder / f"static/src/{number}.js").write_text(f"// {folder.name} {number}\n" + "export const a = 1;\n" * 60)
        (folder / "models/__init__.py").write_text("from . import " + ", ".join(f"part_{n}" for n in range(4)) + "\n")

    def ask(self, text):
        done = subprocess.run([self.bin / "psql", "-XAtq", "-d", "postgres", "-c", text], env=self.pg, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    def last(self, command):
        """The journal of the last run of a command: its plan, and the seconds of each step."""
        for path in sorted((self.place / ".odpm/journal").glob("*.jsonl"), key=lambda path: path.stat().st_mtime_ns, reverse=True):
            records = [json.loads(line) for line in path.read_text().splitlines()]
            if records and records[0]["plan"]["command"] == command:
                return records
        sys.exit(f"nothing was ever done by odpm {command}")

    def run_once(self, kind):
        """An upgrade and its rollback: seconds of the checkpoint, of the way back, and what was said of that."""
        some = ",".join(self.names[:3])
        self.sql("postgres", "CHECKPOINT")
        os.sync()
        self.odpm("upgrade", "run", "-u", some, "--checkpoint", kind)
        records = self.last("upgrade run")
        step = {"copy": "copy", "backup": "backup"}[kind]
        at = {record["record"]: datetime.fromisoformat(record["at"]) for record in records if record.get("step") == step}
        checkpoint = (at["finished"] - at["started"]).total_seconds()
        said = re.search(r"the way back takes about (\d+) (s|min)", json.dumps(records[0]["plan"]["steps"]))
        said = int(said[1]) * (60 if said[2] == "min" else 1) if said else None
        back = self.odpm("upgrade", "rollback", "--reopen", "-d", "bench")[0]
        self.odpm("database", "prune")
        return checkpoint, back, said

    def template(self):
        self.sql("postgres", "CHECKPOINT")
        os.sync()
        begin = time.perf_counter()
        self.sql("postgres", "CREATE DATABASE peer TEMPLATE bench")
        took = time.perf_counter() - begin
        self.sql("postgres", "DROP DATABASE peer")
        return took

    def preflight(self):
        begin = time.perf_counter()
        done = subprocess.run([ODPM, "upgrade", "plan", "--changed"], cwd=self.place, env=self.env, capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"upgrade plan --changed: {done.stdout}{done.stderr}")
        return time.perf_counter() - begin


def log(path):
    """What an Odoo server writes in some days, an error now and then, and in the end an upgrade that fails."""
    usual = [
        'INFO shop werkzeug: 10.0.0.{n} - - [09/Jan/2026 08:00:00] "POST /web/dataset/call_kw/sale.order/read HTTP/1.1" 200 - 14 0.021 0.034',
        "INFO shop odoo.addons.base.models.ir_cron: Job 'Mail: Email Queue Manager' ({n}) done",
        'INFO shop werkzeug: 10.0.0.{n} - - [09/Jan/2026 08:00:00] "GET /web/image/product.product/{n}/image_128 HTTP/1.1" 304 - 3 0.002 0.005',
        "WARNING shop odoo.models: Cannot execute name_search, no _rec_name defined on x.model.{n}",
        "INFO shop odoo.modules.loading: Loading module shop_{n} ({n}/600)",
    ]
    trouble = ("ERROR shop odoo.http: Exception during request handling.\nTraceback (most recent call last):\n"
               + '  File "/opt/odoo/odoo/http.py", line 2131, in __call__\n    response = request._serve_db()\n' * 12
               + "psycopg2.errors.SerializationFailure: could not serialize access due to concurrent update\n")
    end = ("CRITICAL shop odoo.service.server: Failed to initialize database `shop`.\nTraceback (most recent call last):\n"
           '  File "/srv/addons/rent/migrations/18.0.1.1/pre-prices.py", line 12, in migrate\n    cr.execute(query)\n'
           'psycopg2.errors.UndefinedColumn: column "rate" of relation "rent" does not exist\n\n')
    with path.open("w") as out:
        number = 0
        while out.tell() < LOG:
            lines = []
            for number in range(number, number + 2000):
                line = trouble if number % 1000 == 0 else usual[number % len(usual)].replace("{n}", str(number % 250)) + "\n"
                lines.append(f"2026-01-09 08:{number // 60 % 60:02}:{number % 60:02},{number % 1000:03} 41 {line}")
            out.write("".join(lines))
            number += 1
        out.write(f"2026-01-09 09:00:00,000 41 {end}2026-01-09 09:00:00,100 41 INFO shop odoo.service.server: Initiating shutdown\n")


def diagnose(place):
    """Seconds and peak MiB."""
    begin = time.perf_counter()
    child = subprocess.Popen([ODPM, "upgrade", "diagnose", str(place / "odoo.log")], cwd=place, **QUIET)
    peak = high_water(child, 0.005)
    if child.returncode != 3:
        sys.exit(f"odpm upgrade diagnose ended with {child.returncode}")
    return time.perf_counter() - begin, peak


def main():
    copies, bare, backs = [], [], {"copy": [], "backup": []}
    with folder_of(Upgraded) as shop:
        shop.fill()
        shop.odpm("upgrade", "run", "-u", ",".join(shop.names))
        shop.odpm("database", "prune")
        # What is known from it is what the others are told by.
        shop.run_once("copy")
        shop.run_once("backup")
        for _ in range(ROUNDS):
            checkpoint, back, said = shop.run_once("copy")
            copies.append(checkpoint)
            backs["copy"].append((back, said))
            bare.append(shop.template())
            backs["backup"].append(shop.run_once("backup")[1:])
        preflights = [shop.preflight() for _ in range(11)]
        log(shop.place / "odoo.log")
        diagnoses = [diagnose(shop.place) for _ in range(5)]
        size = shop.bytes
    rows = [("checkpoint / CREATE DATABASE ... TEMPLATE", median(copies), median(bare), 1.1)]
    for kind, found in backs.items():
        # What is announced should rather be kept than be short.
        rows.append((f"way back, {kind} / what the plan said", median([took for took, _ in found]), median([said for _, said in found]), 1.0))
    missed = table(f"what, a database of {size / 1e6:.0f} MB", rows, 2)
    preflight, seconds, peak = median(preflights), median([took for took, _ in diagnoses]), max(peak for _, peak in diagnoses)
    print(f"upgrade plan --changed, {MODULES} modules: {preflight * 1000:.0f} ms (limit 300)")
    print(f"upgrade diagnose, {LOG // 1_000_000} MB: {seconds:.2f} s (limit 1), {peak:.0f} MiB (limit 50)")
    sys.exit(1 if missed or preflight > 0.3 or seconds > 1 or peak > 50 else 0)


if __name__ == "__main__":
    main()
