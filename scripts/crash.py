#!/usr/bin/env python3
"""Kills odpm with SIGKILL before and after each record of the journal of each kind of plan, on a real PostgreSQL cluster.

Each time the run is then finished (apply --resume) and what it was to do is checked; or it is given up (apply --abandon), and
the database has to be as before or as after, whole; or it is finished and taken back (undo), where its kind can be, and all has
to be as before. Prints a line for each kind of plan.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ODPM = ROOT / "target/crash/debug/odpm"
PORT = os.environ.get("ODPM_CRASH_PORT", "15436")
KILLED = -9


class Shop:
    """A project of the local engine in a folder of its own."""

    def __init__(self, place):
        self.place = place
        # Whether the run at hand is to be taken back: what that needs stays.
        self.taken_back = False
        self.bin = max(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
        self.env = {"PATH": os.environ["PATH"], "HOME": str(place), "ODPM_ADMIN_PASSWORD": "secret"}

    def describe(self):
        (self.place / "odpm.yaml").write_text(
            f'version: 1\nname: crash\nengine: local\nodoo: {{version: "18.0", database: shop}}\n'
            f'postgres: {{version: "{self.bin.parent.name}", port: {PORT}}}\nbackup: {{keep: {{last: 1, daily: 0, weekly: 0, monthly: 0}}}}\n'
            f'watchdog: {{keep: 1}}\narchive: {{method: basebackup, keep: 1}}\n')

    def odpm(self, *args, crash=None):
        env = self.env | ({"ODPM_CRASH": crash} if crash else {})
        return subprocess.run([ODPM, *args], cwd=self.place, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True)

    def must(self, *args):
        done = self.odpm(*args)
        if done.returncode != 0:
            raise Broken(f"odpm {' '.join(args)} ended with {done.returncode}: {done.stdout[-300:]}{done.stderr[-500:]}")
        return done.stdout

    def sql(self, database, text):
        password = (self.place / ".odpm/secrets/admin_password").read_text().strip()
        done = subprocess.run([self.bin / "psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-p", PORT, "-U", "postgres",
                               "-d", database], input=text, env=self.env | {"PGPASSWORD": password}, capture_output=True, text=True)
        if done.returncode != 0:
            raise Broken(done.stderr)
        return done.stdout.strip()

    def names(self):
        return set(self.sql("postgres", "SELECT datname FROM pg_database WHERE NOT datistemplate AND datname <> 'postgres'").split())

    def fill(self, name="shop"):
        """The database as every case begins with it."""
        self.sql("postgres", f'CREATE DATABASE "{name}" OWNER odoo TEMPLATE template0')
        script = (ROOT / "tests/it/catalogue.sql").read_text()
        for word, value in ((":products", "40"), (":quants", "40"), (":rules", "10")):
            script = script.replace(word, value)
        self.sql(name, "SET ROLE odoo;\n" + script)
        self.sql(name, "ALTER TABLE res_users ADD password varchar; CREATE TABLE ir_attachment (id serial PRIMARY KEY, store_fname varchar); "
                 "CREATE TABLE ir_model_data (id serial PRIMARY KEY, module varchar, name varchar, model varchar, res_id integer); "
                 "ALTER TABLE ir_attachment OWNER TO odoo; ALTER TABLE ir_model_data OWNER TO odoo")
        files = self.place / f"data/odoo/filestore/{name}"
        shutil.rmtree(files, ignore_errors=True)
        (files / "aa").mkdir(parents=True)
        (files / "aa" / ("aa" + "f4c61ddcc5e8a2dabede0f3b482cd9aea9434d"[:38])).write_text("hello")

    def last_run(self):
        begun = [path for path in (self.place / ".odpm/journal").glob("*.jsonl") if path.stat().st_size]
        return max(begun, key=lambda path: path.stat().st_mtime_ns).stem

    def products(self, name="shop"):
        return self.sql(name, "SELECT count(*), sum(list_price) FROM product_template")

    def wipe(self):
        for record in json.loads(self.must("incident", "sidecar", "list", "--format", "json")):
            self.must("incident", "sidecar", "rm", record["sidecar"]["name"], "--yes")
        shutil.rmtree(self.place / "archive/base", ignore_errors=True)
        for name in self.names():
            self.sql("postgres", f'DROP DATABASE "{name}" WITH (FORCE)')
        for folder in ("data/odoo/filestore", "backups", ".odpm/snapshots", ".odpm/watchdog", ".odpm/scripts", ".odpm/journal"):
            shutil.rmtree(self.place / folder, ignore_errors=True)
        (self.place / ".odpm/journal").mkdir(mode=0o700)


class Broken(Exception):
    """What should hold does not."""


def check(holds, what):
    if not holds:
        raise Broken(what)


class Case:
    """A kind of plan: how the world is prepared, the command, and what has to be so afterwards."""

    def __init__(self, name, args, after, prepare=lambda shop: None, fresh=False, either=None, before=None):
        self.name, self.args, self.after, self.prepare, self.fresh = name, args, after, prepare, fresh
        # What has to be so when the run is given up anywhere.
        self.either = either or (lambda shop: None)
        # What has to be so again when the run is taken back; None where its kind cannot be.
        self.before = before

    def begin(self, shop):
        if self.fresh:
            shop.odpm("down", "--yes")
            for entry in shop.place.iterdir():
                shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
            shop.describe()
        else:
            shop.odpm("incident", "reopen", "--watch", "0s", "--yes")
            shop.must("apply", "--yes")
            shop.wipe()
            shop.fill()
        self.prepare(shop)

    def records(self, shop):
        """How many records an undisturbed run writes."""
        self.begin(shop)
        journal = shop.place / ".odpm/journal"
        before = set(journal.glob("*.jsonl")) if journal.exists() else set()
        shop.must(*self.words(shop))
        new = set(journal.glob("*.jsonl")) - before
        self.after(shop)
        # One that died before its first record has left an empty journal.
        return max((len(path.read_text().splitlines()) for path in new), default=0)

    def crash(self, shop, point, how):
        self.begin(shop)
        shop.taken_back = how == "undo"
        args = self.words(shop)
        done = shop.odpm(*args, crash=point)
        check(done.returncode == KILLED, f"it was not killed but ended with {done.returncode}: {done.stderr[-300:]}")
        told = shop.odpm("plan")
        unfinished = "is not finished" in told.stdout
        if how in ("resume", "undo"):
            # Before the first record nothing is begun, after the last one all is done.
            if unfinished:
                shop.must("apply", "--resume", "--yes")
            elif point == "before:1":
                shop.must(*args)
            self.after(shop)
            if how == "undo":
                shop.must(*taken_back(shop))
                self.before(shop)
        elif unfinished:
            shop.must("apply", "--abandon")
            self.either(shop)
            shop.must("plan")

    def words(self, shop):
        return self.args(shop) if callable(self.args) else self.args


def taken_back(shop):
    """The words that take the last run back, with the name of what that puts out of service."""
    words = ["undo", shop.last_run(), "--yes"]
    lost = re.search(r"^Lost, or out of service: (.*)$", shop.odpm(*words, crash="before:1").stdout, re.MULTILINE)
    return [*words, f"--confirm={lost[1].split(', ')[0]}"] if lost else words


def at_rest(shop):
    check(shop.odpm("plan", "--detailed-exitcode").returncode == 0, "the plan afterwards is not empty")


def has(*names):
    def holds(shop):
        check(shop.names() == set(names), f"the databases are {shop.names()}, not {set(names)}")
        whole = {shop.products(name) for name in names}
        check(len(whole) <= 1, f"their rows differ: {whole}")
    return holds


def one_of(*sets):
    """Whatever odpm's own names are beside, what people named is one of these and whole."""
    def holds(shop):
        named = {name for name in shop.names() if not name.startswith("odpm_")}
        check(any(named == set(one) for one in sets), f"the databases are {named}")
        for name in named:
            shop.products(name)
    return holds


def prices(text):
    def holds(shop):
        check(shop.sql("shop", "SELECT count(*) FROM product_template WHERE list_price = 1") == text, "prices are not as they should be")
    return holds


def weightless(shop):
    shop.sql("shop", "UPDATE product_template SET weight = 0")


def weights(*texts):
    """Every product weighs one of these, all of them the same."""
    def holds(shop):
        found = shop.sql("shop", "SELECT DISTINCT weight FROM product_template")
        check(found in texts, f"the weights are {found!r}, not one of {texts}")
    return holds


def backup(form):
    end = {"zip": "zip", "fast": "odpm", "dump": "dump"}[form]

    def holds(shop):
        found = [path for path in (shop.place / "backups").glob(f"*.{end}")]
        check(found, "there is no backup")
        for path in found:
            shop.must("database", "verify", str(path))
    return holds


def saved(shop):
    shop.must("database", "backup", "--format", "fast", "--out", "backups/shop.odpm", "--yes")


def altered(shop):
    saved(shop)
    shop.sql("shop", "UPDATE product_template SET list_price = 1")


def renamed(shop):
    shop.must("database", "rename", "-d", "shop", "two", "--yes")


def changed(shop):
    shop.must("watchdog", "snapshot", "before")
    shop.sql("shop", "UPDATE product_template SET list_price = 1")
    shop.must("watchdog", "snapshot", "after")


def snapshots(shop):
    changed(shop)


def two_backups(shop):
    saved(shop)
    shop.must("database", "backup", "--out", "backups/second.zip", "--yes")


def one_snapshot(shop):
    check(len(list((shop.place / ".odpm/snapshots").glob("*.jsonl"))) == 1, "not one snapshot is left")


def one_backup(shop):
    listed = [path for path in (shop.place / "backups").iterdir() if path.suffix in (".zip", ".odpm") and path.name != "odpm-files"]
    check(len(listed) == 1, f"not one backup is left: {listed}")


def a_base(shop):
    shop.must("archive", "basebackup", "--yes")


def two_bases(shop):
    a_base(shop)
    # They go by their seconds.
    time.sleep(1.1)
    a_base(shop)


def bases(count):
    def holds(shop):
        found = json.loads(shop.must("archive", "status", "--format", "json"))["bases"]
        check(len(found) == count, f"{len(found)} base backups, not {count}")
        shop.must("archive", "verify")
    return holds


def sidecars(count):
    def holds(shop):
        found = json.loads(shop.must("incident", "sidecar", "list", "--format", "json"))
        check(sum(record["stands"] for record in found) == count, f"not {count} sidecars stand: {found}")
    return holds


def clock(shop):
    return shop.sql("postgres", "SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')")


def moment(shop):
    return ["incident", "sidecar", "--at", clock(shop), "--name", "before", "--yes"]


def damaged(shop):
    """Prices and rows lost, with a sidecar on each side of that."""
    a_base(shop)
    before = clock(shop)
    shop.sql("shop", "BEGIN; UPDATE product_template SET list_price = 1; DELETE FROM marketplace_listing; COMMIT")
    for name, at in (("before", before), ("after", clock(shop))):
        shop.must("incident", "sidecar", "--at", at, "--name", name, "--yes")


def listings(some):
    def holds(shop):
        check((shop.sql("shop", "SELECT count(*) FROM marketplace_listing") != "0") == some, "listings are not as they should be")
    return holds


def both(*all):
    return lambda shop: [one(shop) for one in all]


def held(shop):
    check((shop.place / ".odpm/contained.json").exists(), "nothing is held back")
    check("read-only" in refused(shop), "writes go through")


def let_go(shop):
    check(not (shop.place / ".odpm/contained.json").exists(), "something is held back")
    check(refused(shop) == "", "writes do not go through")


def reopened(shop):
    """Given up in the middle, whatever is held back can be let go of."""
    shop.must("incident", "reopen", "--watch", "0s", "--yes")
    let_go(shop)


def refused(shop):
    try:
        shop.sql("shop", "UPDATE product_template SET weight = weight WHERE id = 1")
        return ""
    except Broken as e:
        return str(e)


def a_sidecar(shop):
    a_base(shop)
    shop.must(*moment(shop))


def before_the_damage(shop):
    a_base(shop)
    shop.moment = moment(shop)[3]
    shop.sql("shop", "UPDATE product_template SET list_price = 1")


def cutback(shop):
    return ["incident", "cutback", "--at", shop.moment, "-d", "shop", "--yes"]


def rewound(shop):
    prices("0")(shop)
    check(len(list((shop.place / "data").glob("*.before-*"))) == 1, "what was there is not set aside")
    check(not list((shop.place / "data").glob(".*.odpm-cutback-*")), "work is left beside the data directory")
    at_rest(shop)
    bases(2)(shop)
    tidy(shop)


def put_back(shop):
    prices("40")(shop)
    at_rest(shop)
    bases(1)(shop)
    tidy(shop)


def given_up(shop):
    # A run that was given up has moved the one or the other into its place, and has lost neither.
    shop.must("apply", "--yes")
    at_rest(shop)
    prices("0" if list((shop.place / "data").glob("*.before-*")) else "40")(shop)
    check(not list((shop.place / "data").glob(".*.odpm-cutback-*")), "work is left beside the data directory")
    tidy(shop)


def tidy(shop):
    if not shop.taken_back:
        for folder in (shop.place / "data").glob("*.before-*"):
            shutil.rmtree(folder)
    for folder in (shop.place / "data").glob("*.rewound-*"):
        shutil.rmtree(folder)


CASES = [
    Case("apply, first", ["apply", "--yes"], at_rest, fresh=True),
    Case("database backup, zip", ["database", "backup", "--yes"], backup("zip")),
    Case("database backup, fast", ["database", "backup", "--format", "fast", "--yes"], backup("fast")),
    Case("database backup, dump", ["database", "backup", "--format", "dump", "--yes"], backup("dump")),
    Case("database restore, beside", ["database", "restore", "backups/shop.odpm", "-d", "two", "--yes"], has("shop", "two"), saved,
         either=one_of(["shop"], ["shop", "two"])),
    Case("database restore, over", ["database", "restore", "backups/shop.odpm", "-d", "shop", "--replace", "--neutralize", "--yes"],
         has("shop"), saved, either=one_of(["shop"])),
    Case("database restore, old kept", ["database", "restore", "backups/shop.odpm", "-d", "shop", "--replace", "--keep-old", "--yes"],
         prices("0"), altered, either=one_of(["shop"]), before=prices("40")),
    Case("database rename", ["database", "rename", "-d", "shop", "two", "--yes"], has("two"), either=one_of(["shop"], ["two"]),
         before=has("shop")),
    Case("undo of a rename", taken_back, has("shop"), renamed,
         either=one_of(["shop"], ["two"])),
    Case("database duplicate", ["database", "duplicate", "two", "--yes"], has("shop", "two"),
         either=one_of(["shop"], ["shop", "two"])),
    Case("database drop", ["database", "drop", "-d", "shop", "--no-checkpoint", "--yes"], one_of([]), either=one_of(["shop"], [])),
    Case("database drop, kept", ["database", "drop", "-d", "shop", "--yes"], one_of([]), either=one_of(["shop"], []),
         before=has("shop")),
    Case("database neutralize", ["database", "neutralize", "-d", "shop", "--yes"], has("shop"), either=one_of(["shop"])),
    Case("database set-admin-pass", ["database", "set-admin-pass", "-d", "shop", "--yes"],
         lambda shop: check(shop.sql("shop", "SELECT password LIKE '$pbkdf2%' FROM res_users WHERE id = 2") == "t", "no password")),
    Case("database drill", ["database", "drill", "--yes"], has("shop"), saved, either=one_of(["shop"])),
    Case("database prune", ["database", "prune", "--yes"], one_backup, two_backups),
    Case("watchdog rollback", ["watchdog", "rollback", "--yes"], prices("0"), changed, either=one_of(["shop"]),
         before=prices("40")),
    Case("sql", ["sql", "-c", "UPDATE product_template SET weight = weight + 1", "--apply", "--yes"], weights("1"), weightless,
         either=weights("0", "1"), before=weights("0")),
    Case("watchdog prune", ["watchdog", "prune", "--yes"], one_snapshot, snapshots),
    Case("archive basebackup", ["archive", "basebackup", "--yes"], bases(1)),
    Case("archive expire", ["archive", "expire", "--yes"], bases(1), two_bases),
    Case("incident sidecar", moment, sidecars(1), a_base, before=sidecars(0)),
    Case("incident sidecar rm", ["incident", "sidecar", "rm", "before", "--yes"], sidecars(0), a_sidecar),
    Case("incident repair", ["incident", "repair", "--sidecar", "before", "--after", "after", "--yes"],
         both(prices("0"), listings(True)), damaged, either=one_of(["shop"]), before=both(prices("40"), listings(False))),
    Case("incident contain", ["incident", "contain", "--read-only", "--yes"], held, either=reopened, before=let_go),
    Case("incident reopen", ["incident", "reopen", "--watch", "0s", "--yes"], let_go,
         lambda shop: shop.must("incident", "contain", "--read-only", "--yes"), either=reopened),
    Case("incident cutback", cutback, rewound, before_the_damage, either=given_up, before=put_back),
    Case("down", ["down", "--yes"], lambda shop: shop.must("apply", "--yes"), lambda shop: shop.must("apply", "--yes")),
]


def main():
    wanted = sys.argv[1:]
    failed = 0
    print(f"{'kind of plan':<30}{'records':>8}{'kills':>7}{'resumed':>9}{'given up':>10}{'taken back':>12}")
    with tempfile.TemporaryDirectory(prefix="odpm-crash-") as folder:
        os.chmod(folder, 0o755)
        shop = Shop(Path(folder))
        shop.describe()
        shop.must("apply", "--yes")
        try:
            for case in CASES:
                if wanted and case.name not in wanted:
                    continue
                failed += matrix(shop, case)
        finally:
            shop.odpm("apply", "--abandon")
            shop.odpm("down", "--yes")
    sys.exit(1 if failed else 0)


def matrix(shop, case):
    records = case.records(shop)
    points = [f"{when}:{number}" for number in range(1, records + 1) for when in ("before", "after")]
    good = {"resume": 0, "abandon": 0} | ({"undo": 0} if case.before else {})
    wrong = []
    for point in points:
        for how in good:
            try:
                case.crash(shop, point, how)
                good[how] += 1
            except Broken as e:
                wrong.append(f"  {case.name}, {point}, {how}: {e}")
                shop.odpm("apply", "--abandon")
                shop.odpm("apply", "--yes")
    back = good.get("undo", "-")
    print(f"{case.name:<30}{records:>8}{len(good) * len(points):>7}{good['resume']:>9}{good['abandon']:>10}{back:>12}", flush=True)
    for line in wrong:
        print(line, flush=True)
    return len(wrong)


if __name__ == "__main__":
    main()
