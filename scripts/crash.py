#!/usr/bin/env python3
"""Kills odpm with SIGKILL before and after each record of the journal of each kind of plan, on a real PostgreSQL cluster.

Each time the run is then finished (apply --resume) and what it was to do is checked; or it is given up (apply --abandon), and
the database has to be as before or as after, whole; or it is finished and taken back (undo), where its kind can be, and all has
to be as before. A command that makes several plans is killed in each of them, and then begun anew where it has to be. Prints a
line for each kind of plan.
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
ODPM = Path(os.environ.get("ODPM_CRASH_PROGRAM", ROOT / "target/crash/debug/odpm"))
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

    def describe(self, replicas=0):
        (self.place / "odpm.yaml").write_text(
            f'version: 1\nname: crash\nengine: local\nodoo: {{version: "18.0", database: shop, source: ./odoo-src, addons: [./addons], '
            f'services: {{odoo: {{replicas: {replicas}, port: {int(PORT) + 1}}}, odoo-cron: {{replicas: 0}}}}}}\n'
            f'postgres: {{version: "{self.bin.parent.name}", port: {PORT}}}\nbackup: {{keep: {{last: 1, daily: 0, weekly: 0, monthly: 0}}}}\n'
            f'watchdog: {{keep: 1}}\narchive: {{method: basebackup, keep: 1}}\nupgrade: {{watch: 0s}}\n')
        source = self.place / "odoo-src"
        for folder in (source / "odoo/addons", source / "addons", self.place / "addons/rent"):
            folder.mkdir(parents=True, exist_ok=True)
        odoo = (ROOT / "tests/it/upgrade_odoo.py").read_text().replace("PSQL", str(self.bin / "psql"))
        (source / "odoo-bin").write_text(odoo)
        for folder in (source / "odoo/addons/base", self.place / "addons/rent"):
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "__init__.py").write_text("")
            depends = [] if folder.name == "base" else ["base"]
            (folder / "__manifest__.py").write_text(repr({"name": folder.name, "version": "1.3", "depends": depends}))
        (self.place / "addons/rent/upgrade.sql").write_text("UPDATE product_template SET list_price = list_price * 2")
        (self.place / "addons/rent/failure.json").unlink(missing_ok=True)

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

    def written(self):
        """How many records the journals have."""
        return sum(len(path.read_text().splitlines()) for path in (self.place / ".odpm/journal").glob("*.jsonl"))

    def products(self, name="shop"):
        return self.sql(name, "SELECT count(*), sum(list_price) FROM product_template")

    def wipe(self):
        for record in json.loads(self.must("incident", "sidecar", "list", "--format", "json")):
            self.must("incident", "sidecar", "rm", record["sidecar"]["name"], "--yes")
        shutil.rmtree(self.place / "archive/base", ignore_errors=True)
        for name in self.names():
            self.sql("postgres", f'DROP DATABASE "{name}" WITH (FORCE)')
        for folder in ("data/odoo/filestore", "backups", ".odpm/snapshots", ".odpm/watchdog", ".odpm/scripts", ".odpm/upgrades", ".odpm/migrations", ".odpm/journal"):
            shutil.rmtree(self.place / folder, ignore_errors=True)
        (self.place / ".odpm/journal").mkdir(mode=0o700)


class Broken(Exception):
    """What should hold does not."""


def check(holds, what):
    if not holds:
        raise Broken(what)


class Case:
    """A kind of plan: how the world is prepared, the command, and what has to be so afterwards."""

    def __init__(self, name, args, after, prepare=lambda shop: None, fresh=False, either=None, before=None, onward=None, code=0,
                 stops=False):
        self.name, self.args, self.after, self.prepare, self.fresh = name, args, after, prepare, fresh
        # What has to be so when the run is given up anywhere.
        self.either = either or (lambda shop: None)
        # What has to be so again when the run is taken back; None where its kind cannot be.
        self.before = before
        # What else there is to do once the run that was killed is gone on with, where the command makes several.
        self.onward = onward
        # How the command ends, undisturbed; whether there are points from which it is not gone on with but begun anew.
        self.code, self.stops = code, stops
        self.several = onward is not None or code != 0

    def begin(self, shop):
        if self.fresh:
            shop.odpm("down", "--yes")
            for entry in shop.place.iterdir():
                shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
            shop.describe()
        else:
            shop.odpm("incident", "reopen", "--watch", "0s", "--yes")
            shop.describe()
            shop.must("apply", "--yes")
            shop.wipe()
            shop.fill()
        self.prepare(shop)

    def records(self, shop):
        """How many records an undisturbed run writes."""
        self.begin(shop)
        before = shop.written()
        done = shop.odpm(*self.words(shop))
        check(done.returncode == self.code, f"undisturbed it ended with {done.returncode}: {done.stdout[-300:]}{done.stderr[-500:]}")
        records = shop.written() - before
        self.after(shop)
        return records

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
            if unfinished and self.code == 0 and not self.stops:
                shop.must("apply", "--resume", "--yes")
            elif unfinished:
                shop.odpm("apply", "--resume", "--yes")
            elif point == "before:1" and self.code == 0:
                shop.must(*args)
            if self.onward:
                self.onward(shop)
            self.after(shop)
            if how == "undo":
                shop.must(*taken_back(shop))
                self.before(shop)
        else:
            if unfinished:
                shop.must("apply", "--abandon")
            # Between two plans of one command nothing is unfinished, and it is not at its end either.
            if unfinished or self.several:
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


def rentable(shop):
    """A module that is behind its manifest, a server that runs, and all that an upgrade wants to see first."""
    shop.describe(replicas=1)
    shop.must("apply", "--yes")
    shop.sql("shop", "SET ROLE odoo; CREATE TABLE IF NOT EXISTS ir_module_module (id serial PRIMARY KEY, name varchar, state varchar, "
             "latest_version varchar); CREATE TABLE IF NOT EXISTS ir_module_module_dependency (id serial, name varchar, module_id integer); "
             "CREATE TABLE IF NOT EXISTS ir_config_parameter (id serial PRIMARY KEY, key varchar UNIQUE, value text, create_uid integer, "
             "write_uid integer, create_date timestamp, write_date timestamp); DELETE FROM ir_module_module; "
             "INSERT INTO ir_module_module (name, state, latest_version) VALUES ('base', 'installed', '18.0.1.3'), "
             "('rent', 'installed', '18.0.1.2')")
    shop.must("database", "backup", "--yes")
    shop.cost = float(shop.sql("shop", "SELECT sum(list_price) FROM product_template"))


def hopeless(shop):
    """The same with a module that fails when it has done its worst; its code is otherwise what the database has."""
    rentable(shop)
    (shop.place / "addons/rent/__manifest__.py").write_text(repr({"name": "rent", "version": "1.2", "depends": ["base"]}))
    failure = {"sql": "DELETE FROM product_template", "traceback": 'Traceback (most recent call last):\n  File "x.py", line 1, in y\nKeyError: 1\n'}
    (shop.place / "addons/rent/failure.json").write_text(json.dumps(failure))


def rests_no_more(shop):
    """In service, nothing held back, and nothing left that `database prune` would not take."""
    check(not (shop.place / ".odpm/contained.json").exists(), "it is held back still")
    status = json.loads(shop.must("status", "--format", "json"))
    check(status["services"]["odoo"]["running"] == 1, "Odoo does not run")
    at_rest(shop)
    check(shop.sql("postgres", "SELECT datallowconn FROM pg_database WHERE datname = 'shop'") == "t", "shop takes no connections")
    files = shop.place / "data/odoo/filestore/shop"
    check(len([path for path in files.rglob("*") if path.is_file()]) == 1, "its files are not there")


def dear(shop):
    """Upgraded once, and not twice."""
    now = float(shop.sql("shop", "SELECT sum(list_price) FROM product_template"))
    check(now == 2 * shop.cost, f"prices are {now}, not twice {shop.cost}")
    check(shop.sql("shop", "SELECT latest_version FROM ir_module_module WHERE name = 'rent'") == "18.0.1.3", "rent is not upgraded")
    rests_no_more(shop)


def cheap(shop):
    """Whatever was done of it is taken back."""
    told = json.loads(shop.must("upgrade", "history", "--format", "json"))["upgrades"]
    if any(not one["record"].get("rehearsal") for one in told):
        shop.must("upgrade", "rollback", "--reopen", "--yes", "-d", "shop")
    same(shop)
    # What is left is nobody's.
    shop.must("database", "prune", "--yes")
    has("shop")(shop)
    same(shop)


def same(shop):
    now = float(shop.sql("shop", "SELECT sum(list_price) FROM product_template"))
    check(now == shop.cost, f"prices are {now}, not {shop.cost}")
    rests_no_more(shop)


def upgraded(shop):
    rentable(shop)
    shop.must("upgrade", "run", "-u", "rent", "--yes")


def upgraded_by_backup(shop):
    rentable(shop)
    shop.must("upgrade", "run", "-u", "rent", "--checkpoint", "backup", "--yes")


def back_again(shop):
    shop.must("upgrade", "rollback", "--reopen", "--yes", "-d", "shop")


def forward(shop):
    """Upgraded itself, a database that was left half-way is no beginning; it comes out of its backup."""
    if any("outcome" not in one or not one["outcome"] for one in json.loads(shop.must("upgrade", "history", "--format", "json"))["upgrades"]):
        shop.must("upgrade", "run", "--fix-forward", "--yes")


def again(shop):
    """A rehearsal that was given up has left Odoo stopped, as any run may that stops it for a while."""
    shop.odpm("apply", "--yes")
    cheap(shop)


def really(shop):
    """The rehearsal is over, or begun anew where Odoo was at work in it; the upgrade itself, unless that was begun."""
    shop.odpm("apply", "--abandon")
    told = json.loads(shop.must("upgrade", "history", "--format", "json"))["upgrades"]
    if not any(not one["record"].get("rehearsal") for one in told):
        shop.must("upgrade", "run", "-u", "rent", "--yes")


STAGING = """
INSERT INTO res_currency VALUES (1, 'EUR'); INSERT INTO res_country VALUES (12, 'AT'); INSERT INTO res_company VALUES (1, 'Shop', 1);
INSERT INTO res_users VALUES (1, 'system', 'x', 1, NULL);
INSERT INTO res_partner (id, name, country_id, create_uid) SELECT n, 'partner ' || n, 12, 1 FROM generate_series(20, 59) n;
INSERT INTO product_category VALUES (1, 'All', NULL, '1/'), (2, 'Tools', 1, '1/2/');
INSERT INTO product_template (id, name, categ_id, weight, create_uid) SELECT n, '{"en_US": "Hammer"}', n % 2 + 1, 2, 1 FROM generate_series(100, 139) n;
INSERT INTO ir_attachment (id, name, res_model, res_field, res_id, store_fname, create_uid)
    VALUES (50, 'image', 'product.template', 'image_1920', 100, 'aa/aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d', 1);
INSERT INTO ir_model_data (module, name, model, res_id) VALUES ('base', 'main_company', 'res.company', 1), ('product', 'all', 'product.category', 1),
    ('base', 'at', 'res.country', 12), ('__import__', 'twenty', 'res.partner', 20);
"""
PRODUCTION = """
INSERT INTO res_currency VALUES (5, 'EUR'); INSERT INTO res_country VALUES (14, 'AT'); INSERT INTO res_company VALUES (1, 'Shop', 5);
INSERT INTO res_users VALUES (1, 'system', 'y', 1, NULL); INSERT INTO product_category VALUES (3, 'All', NULL, '3/');
INSERT INTO ir_model_data (module, name, model, res_id) VALUES ('base', 'main_company', 'res.company', 1), ('product', 'all', 'product.category', 3),
    ('base', 'at', 'res.country', 14);
SELECT setval(oid::regclass, 60) FROM pg_class WHERE relkind = 'S' AND relname LIKE '%\\_id\\_seq';
"""
MIGRATE = ["migrate", "apply", "--from", "staging", "--set", "e-commerce", "--yes"]


def migratable(shop):
    """Staging beside a fresh production that Odoo works on."""
    shop.sql("postgres", "DROP DATABASE shop WITH (FORCE)")
    for name, rows in (("staging", STAGING), ("shop", PRODUCTION)):
        shop.sql("postgres", f'CREATE DATABASE "{name}" OWNER odoo TEMPLATE template0')
        shop.sql(name, "SET ROLE odoo;\n" + (ROOT / "tests/it/migrate_plan.sql").read_text() + rows)
    files = shop.place / "data/odoo/filestore"
    (files / "shop").rename(files / "staging")
    (files / "shop").mkdir()
    shutil.chown(files / "shop", (files / "staging").stat().st_uid, (files / "staging").stat().st_gid)
    shop.describe(replicas=1)
    shop.must("apply", "--yes")


def goods(shop):
    """What has come: products by their category's name, partners by their country, xml ids, attachments with their files."""
    rows = shop.sql("shop", "SELECT (SELECT count(*) FROM product_template t JOIN product_category c ON c.id = t.categ_id AND c.id IN (2, 3)), "
                    "(SELECT count(*) FROM res_partner p WHERE p.country_id = 14), (SELECT count(*) FROM ir_model_data), (SELECT count(*) FROM ir_attachment)")
    files = [path for path in (shop.place / "data/odoo/filestore/shop").rglob("*") if path.is_file()]
    return rows, len(files)


NOTHING, ALL = "0|0|3|0", "40|40|4|1"


def serves(shop):
    """In service, whole, and nothing is left that `database prune` would not take."""
    shop.must("migrate", "verify", "-d", "shop", "--all", "--deep")
    check(shop.sql("postgres", "SELECT datallowconn FROM pg_database WHERE datname = 'shop'") == "t", "shop takes no connections")
    status = json.loads(shop.must("status", "--format", "json"))
    check(status["services"]["odoo"]["running"] == 1, "Odoo does not run")
    at_rest(shop)
    if not shop.taken_back:
        shop.must("database", "prune", "--yes")
        check(shop.names() == {"shop", "staging"}, f"the databases are {shop.names()}")


def migrated(shop):
    check(goods(shop) == (ALL, 1), f"what has come is {goods(shop)}")
    serves(shop)


def unmigrated(shop):
    check(goods(shop)[0] == NOTHING, f"what is there is {goods(shop)}")
    serves(shop)


def all_or_nothing(shop):
    """Given up anywhere: as before or as after. Odoo is stopped, as by any run that stops it for a while."""
    shop.must("apply", "--yes")
    check(goods(shop)[0] in (NOTHING, ALL), f"what is there is {goods(shop)}")
    check(goods(shop) != (ALL, 0), "rows are there without their files")
    serves(shop)


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
    Case("upgrade run", ["upgrade", "run", "-u", "rent", "--yes"], dear, rentable, either=cheap),
    Case("upgrade run, by a backup", ["upgrade", "run", "-u", "rent", "--checkpoint", "backup", "--yes"], dear, rentable, either=cheap,
         onward=forward, stops=True),
    Case("upgrade run, rehearsed", ["upgrade", "run", "-u", "rent", "--rehearse", "--yes"], dear, rentable, either=again, onward=really,
         stops=True),
    Case("upgrade run, that fails", ["upgrade", "run", "-u", "rent", "--rollback-on-failure", "--yes"], cheap, hopeless, either=cheap, code=1),
    Case("upgrade run, by a backup, that fails", ["upgrade", "run", "-u", "rent", "--checkpoint", "backup", "--rollback-on-failure", "--yes"], cheap, hopeless,
         either=cheap, code=1),
    Case("upgrade rollback", ["upgrade", "rollback", "--reopen", "-d", "shop", "--yes"], cheap, upgraded, either=cheap, onward=back_again),
    Case("upgrade rollback, by a backup", ["upgrade", "rollback", "--reopen", "-d", "shop", "--yes"], cheap, upgraded_by_backup,
         either=cheap, onward=back_again),
    Case("migrate apply", MIGRATE, migrated, migratable, either=all_or_nothing),
    Case("migrate apply, staged", [*MIGRATE, "--staged"], migrated, migratable, either=all_or_nothing, before=unmigrated),
    Case("down", ["down", "--yes"], lambda shop: shop.must("apply", "--yes"), lambda shop: shop.must("apply", "--yes")),
]


def main():
    wanted = sys.argv[1:]
    failed = 0
    print(f"{'kind of plan':<38}{'records':>8}{'kills':>7}{'resumed':>9}{'given up':>10}{'taken back':>12}")
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
                # What one kill has spoiled is no reason for the next to fail.
                (shop.place / ".odpm/contained.json").unlink(missing_ok=True)
                shop.odpm("apply", "--yes")
    back = good.get("undo", "-")
    print(f"{case.name:<38}{records:>8}{len(good) * len(points):>7}{good['resume']:>9}{good['abandon']:>10}{back:>12}", flush=True)
    for line in wrong:
        print(line, flush=True)
    return len(wrong)


if __name__ == "__main__":
    main()
