#!/usr/bin/env python3
"""Measures snapshots and comparisons of rows beside COPY and diff, in one run, as ratios.

The catalogue has 504,000 product templates and variants, 500,000 quants and 300,000 price rules; ODPM_BENCH_PRODUCTS scales all
of them. Needs PostgreSQL's programs, GNU diff, and about 3 GiB of room.
"""

import os
import subprocess
import sys
import time
from pathlib import Path

from bench import ODPM, high_water
from bench_databases import QUIET, Shop, folder_of, side_by_side, table

PRODUCTS = int(os.environ.get("ODPM_BENCH_PRODUCTS", "504000"))
COLUMNS = "default_code, list_price, weight, sale_ok, active"
ROOT = Path(__file__).resolve().parent.parent


class Catalogue(Shop):
    """A project whose database is a product catalogue."""

    def fill(self):
        self.sql("postgres", "CREATE DATABASE bench OWNER odoo TEMPLATE template0")
        sizes = [f"products={PRODUCTS}", f"quants={PRODUCTS * 500 // 504}", f"rules={PRODUCTS * 300 // 504}"]
        options = [word for size in sizes for word in ("-v", size)]
        password = (self.place / ".odpm/secrets/app_password").read_text().strip()
        subprocess.run([self.bin / "psql", "-Xq", "-v", "ON_ERROR_STOP=1", *options, "-d", "bench", "-f",
                        ROOT / "tests/it/catalogue.sql"], env=self.pg | {"PGUSER": "odoo", "PGPASSWORD": password}, check=True, **QUIET)
        self.sql("postgres", "CHECKPOINT")

    def watch(self, text):
        """Sets what is watched."""
        described = (self.place / "odpm.yaml").read_text().split("watchdog:")[0]
        (self.place / "odpm.yaml").write_text(described + text)

    def watchdog(self, *args):
        """Seconds and peak MiB."""
        begin = time.perf_counter()
        child = subprocess.Popen([ODPM, "watchdog", *args], cwd=self.place, env=self.env, **QUIET)
        peak = high_water(child, 0.005)
        if child.wait() != 0:
            sys.exit(f"odpm watchdog {' '.join(args)} ended with {child.returncode}")
        return time.perf_counter() - begin, peak

    def copies(self, *queries):
        """Seconds of as many COPY ... TO STDOUT at once."""
        begin = time.perf_counter()
        children = [subprocess.Popen([self.bin / "psql", "-Xq", "-d", database, "-c", f"COPY ({query}) TO STDOUT"],
                                     env=self.pg, **QUIET) for database, query in queries]
        for child in children:
            if child.wait() != 0:
                sys.exit("COPY failed")
        return time.perf_counter() - begin


def main():
    rows = []
    with folder_of(Catalogue) as shop:
        shop.fill()
        peak = measure(shop, shop.place, rows)
    missed = table(f"what, {PRODUCTS} products", rows, 3)
    print(f"memory of a comparison of two files: {peak:.0f} MiB at most (limit 16)")
    sys.exit(1 if missed or peak > 16 else 0)


def measure(shop, place, rows):
    select = f"SELECT id, {COLUMNS} FROM product_template"
    five = f"watchdog: {{defaults: false, models: {{product.template: {{{COLUMNS.replace(',', ': ,')}: }}}}}}\n"
    shop.watch(five)

    def snapshot(_):
        return shop.watchdog("snapshot", "five")[0]

    one = f"{select} ORDER BY id"
    rows.append(("snapshot of 5 columns / COPY", *side_by_side(shop, snapshot, lambda _: shop.copies(("bench", one)), 7), 2.0))

    # One product in a thousand, all over the table.
    shop.watchdog("snapshot", "before")
    shop.sql("bench", "UPDATE product_template SET list_price = list_price + 1 WHERE id % 1000 = 1")
    shop.watchdog("snapshot", "after")
    files = [max((place / ".odpm/snapshots").glob(f"*-{label}.jsonl")) for label in ("before", "after")]
    peaks = []

    def compare(_):
        seconds, peak = shop.watchdog("diff", *map(str, files), "--format", "json")
        peaks.append(peak)
        return seconds

    def diff(_):
        begin = time.perf_counter()
        subprocess.run(["diff", "-u", *files], **QUIET)
        return time.perf_counter() - begin

    rows.append(("two files, 0.1 % changed / diff -u", *side_by_side(shop, compare, diff, 7), 0.2))

    shop.sql("postgres", "CREATE DATABASE other TEMPLATE bench OWNER odoo")
    shop.sql("other", "UPDATE product_template SET list_price = list_price + 1 WHERE id % 1000 = 2")

    def live(_):
        return shop.watchdog("diff", "live:bench", "live:other", "--format", "json")[0]

    both = [("bench", one), ("other", one)]
    rows.append(("two live databases / COPY of both at once", *side_by_side(shop, live, lambda _: shop.copies(*both), 7), 1.3))

    shop.watch("")
    whole = sorted(shop.watchdog("snapshot", "whole")[0] for _ in range(3))[1]
    rows.append(("snapshot of all that is watched / 5 s", whole, 5.0, 1.0))
    return max(peaks)


if __name__ == "__main__":
    main()
