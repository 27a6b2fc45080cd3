#!/usr/bin/env python3
"""Measures copies of tables into another database beside COPY, pg_dump and pgcopydb, in one run, as ratios.

The set has 2.2 million rows in five tables with 15 indexes and nine references; ODPM_BENCH_ROWS changes that. The target is an empty
schema, made anew for each measure. Then how long a migration of 47,000 records of master data takes, with all of its checks, and how
long the references of a database with 1,500 many2one fields are looked at: the largest backup in the folder that ODPM_TEST_BACKUPS
names, where it names one, else a database like it. Needs PostgreSQL's programs and about 4 GiB of room; pgcopydb where it is installed.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from bench import ODPM, ROOT, high_water
from bench_databases import PORT, QUIET, Shop, folder_of, table

ROWS = int(os.environ.get("ODPM_BENCH_ROWS", "2200000"))
TURNS = int(os.environ.get("ODPM_BENCH_TURNS", "3"))

SCHEMA = """
CREATE TABLE res_partner (id serial PRIMARY KEY, name varchar, email varchar, ref varchar, parent_id integer, country_id integer,
  create_date timestamp, write_date timestamp, active boolean, comment text);
CREATE TABLE product_template (id serial PRIMARY KEY, name jsonb NOT NULL, default_code varchar, list_price numeric, categ_id integer,
  partner_id integer, description jsonb, create_date timestamp, active boolean);
CREATE TABLE product_product (id serial PRIMARY KEY, product_tmpl_id integer NOT NULL, default_code varchar, barcode varchar,
  standard_price jsonb, create_date timestamp, active boolean);
CREATE TABLE product_supplierinfo (id serial PRIMARY KEY, partner_id integer NOT NULL, product_tmpl_id integer, product_id integer,
  price numeric, min_qty numeric, date_start date, product_code varchar);
CREATE TABLE product_tag_rel (product_id integer NOT NULL, partner_id integer NOT NULL, PRIMARY KEY (product_id, partner_id));
CREATE INDEX ON res_partner (name); CREATE INDEX ON res_partner (email); CREATE INDEX ON res_partner (parent_id); CREATE INDEX ON res_partner (ref);
CREATE INDEX ON product_template (default_code); CREATE INDEX ON product_template (categ_id); CREATE INDEX ON product_template (partner_id);
CREATE INDEX ON product_product (product_tmpl_id); CREATE INDEX ON product_product (default_code); CREATE UNIQUE INDEX ON product_product (barcode);
CREATE INDEX ON product_supplierinfo (partner_id); CREATE INDEX ON product_supplierinfo (product_tmpl_id); CREATE INDEX ON product_supplierinfo (product_id);
CREATE INDEX ON product_supplierinfo (product_code); CREATE INDEX ON product_tag_rel (partner_id, product_id);
ALTER TABLE res_partner ADD FOREIGN KEY (parent_id) REFERENCES res_partner ON DELETE SET NULL;
ALTER TABLE product_template ADD FOREIGN KEY (partner_id) REFERENCES res_partner ON DELETE SET NULL;
ALTER TABLE product_product ADD FOREIGN KEY (product_tmpl_id) REFERENCES product_template ON DELETE CASCADE;
ALTER TABLE product_supplierinfo ADD FOREIGN KEY (partner_id) REFERENCES res_partner ON DELETE CASCADE,
  ADD FOREIGN KEY (product_tmpl_id) REFERENCES product_template ON DELETE CASCADE, ADD FOREIGN KEY (product_id) REFERENCES product_product;
ALTER TABLE product_tag_rel ADD FOREIGN KEY (product_id) REFERENCES product_product ON DELETE CASCADE,
  ADD FOREIGN KEY (partner_id) REFERENCES res_partner ON DELETE CASCADE;
"""

SHARES = {"res_partner": 0.2, "product_template": 0.15, "product_product": 0.2, "product_supplierinfo": 0.25, "product_tag_rel": 0.2}
FILLS = {
    "res_partner": "(name, email, ref, parent_id, country_id, create_date, write_date, active, comment) SELECT 'partner ' || md5(n::text), "
                   "md5((n * 3)::text) || '@example.com', 'R' || n::bigint * 7919 % 1000003, CASE WHEN n > 9 AND n % 3 = 0 THEN n / 3 END, n % 200, "
                   "now() - n * interval '1 minute', now(), true, CASE WHEN n % 4 = 0 THEN repeat(md5(n::text), 4) END",
    "product_template": "(name, default_code, list_price, categ_id, partner_id, description, create_date, active) SELECT "
                        "jsonb_build_object('en_US', 'product ' || md5(n::text), 'de_DE', 'Artikel ' || n), 'T' || md5(n::text), n / 7.0, n % 300, "
                        "n % {res_partner} + 1, jsonb_build_object('en_US', repeat(md5(n::text), 3)), now(), true",
    "product_product": "(product_tmpl_id, default_code, barcode, standard_price, create_date, active) SELECT n % {product_template} + 1, "
                       "'P' || md5(n::text), n::text || 'x', jsonb_build_object('1', n / 3.0), now(), true",
    "product_supplierinfo": "(partner_id, product_tmpl_id, product_id, price, min_qty, date_start, product_code) SELECT n * 31 % {res_partner} + 1, "
                            "n * 17 % {product_template} + 1, n * 13 % {product_product} + 1, n / 9.0, n % 10, current_date, md5(n::text)",
    "product_tag_rel": "SELECT n % {product_product} + 1, n * 7 % {res_partner} + 1",
}

# 47,000 records, and what they refer to on both sides.
MASTER_BOTH = """
INSERT INTO res_currency (name) VALUES ('EUR');
INSERT INTO res_country (code) SELECT 'C' || n FROM generate_series(1, 200) n;
INSERT INTO res_company (name, currency_id) VALUES ('shop', 1);
INSERT INTO res_users (login, company_id) VALUES ('admin', 1);
"""
MASTER = """
INSERT INTO res_partner (name, company_id, parent_id, country_id, user_id, create_uid)
  SELECT 'partner ' || n, 1, CASE WHEN n > 9 AND n % 3 = 0 THEN n / 3 END, n % 200 + 1, 1, 1 FROM generate_series(1, 10000) n;
INSERT INTO product_category (name, parent_id) SELECT 'category ' || n, nullif(n / 5, 0) FROM generate_series(1, 500) n;
WITH RECURSIVE tree(id, path) AS (SELECT id, id || '/' FROM product_category WHERE parent_id IS NULL
  UNION ALL SELECT c.id, tree.path || c.id || '/' FROM product_category c JOIN tree ON c.parent_id = tree.id)
  UPDATE product_category c SET parent_path = tree.path FROM tree WHERE tree.id = c.id;
INSERT INTO product_tag (name) SELECT 'tag ' || n FROM generate_series(1, 500) n;
INSERT INTO product_template (name, categ_id, vendor_id, weight, create_uid)
  SELECT jsonb_build_object('en_US', 'product ' || md5(n::text)), n % 500 + 1, n % 10000 + 1, n / 7.0, 1 FROM generate_series(1, 18000) n;
INSERT INTO product_tag_rel SELECT n, n % 500 + 1 FROM generate_series(1, 18000) n;
INSERT INTO ir_model_data (module, name, model, res_id) SELECT '__export__', 'product_' || n, 'product.template', n
  FROM generate_series(1, 18000, 10) n;
"""
MASTER_TABLES = ["res_partner", "product_category", "product_tag", "product_template", "product_tag_rel"]

# 300 models with five many2one fields each, none of which a foreign key keeps.
WIRED = """
DO $$ BEGIN FOR n IN 1..300 LOOP
  EXECUTE format('CREATE TABLE x_model_%s (id serial PRIMARY KEY, a_id integer, b_id integer, c_id integer, d_id integer, e_id integer)', n);
  EXECUTE format('INSERT INTO x_model_%s (a_id, b_id, c_id, d_id, e_id) SELECT i, i %% 7 + 1, i %% 100 + 1, NULL, i FROM generate_series(1, 300) i', n);
  INSERT INTO ir_model (model) VALUES ('x.model.' || n);
  INSERT INTO ir_model_fields (model, name, ttype, relation)
    SELECT 'x.model.' || n, f || '_id', 'many2one', 'x.model.' || n % 300 + 1 FROM unnest('{a,b,c,d,e}'::text[]) f;
END LOOP; END $$;
ANALYZE;
"""


class Move(Shop):
    """A project with a filled database and an empty one beside it."""

    def fill(self):
        sizes = {name: max(10, int(ROWS * share)) for name, share in SHARES.items()}
        self.rows = sum(sizes.values())
        self.sql("postgres", "CREATE DATABASE staging OWNER odoo TEMPLATE template0")
        self.sql("postgres", "CREATE DATABASE empty OWNER odoo TEMPLATE template0")
        for database in ("staging", "empty"):
            self.sql(database, "SET ROLE odoo;" + SCHEMA)
        text = "SET ROLE odoo;"
        for name, values in FILLS.items():
            text += f"INSERT INTO {name} {values.format(**sizes)} FROM generate_series(1, {sizes[name]}) n;"
        self.sql("staging", text)
        self.sql("staging", "VACUUM ANALYZE")
        self.sizes = sizes

    def anew(self, schema=True):
        self.sql("postgres", "DROP DATABASE IF EXISTS target")
        self.sql("postgres", f"CREATE DATABASE target OWNER odoo TEMPLATE {'empty' if schema else 'template0'}")
        self.sql("postgres", "CHECKPOINT")
        os.sync()

    def ask(self, database, question):
        done = subprocess.run([self.bin / "psql", "-XAtq", "-d", database, "-c", question], env=self.pg, check=True,
                              capture_output=True, text=True)
        return done.stdout.strip()

    def check(self):
        """Everything has to be there, with its indexes and references."""
        for name, rows in self.sizes.items():
            if self.ask("target", f"SELECT count(*) FROM {name}") != str(rows):
                sys.exit(f"{name} is not whole")
        both = [self.ask(name, "SELECT count(*) FROM pg_index i JOIN pg_class c ON c.oid = indrelid WHERE relnamespace = 'public'::regnamespace")
                + self.ask(name, "SELECT string_agg(pg_get_constraintdef(oid) || convalidated, ',' ORDER BY conname) FROM pg_constraint WHERE contype = 'f'")
                for name in ("staging", "target")]
        if both[0] != both[1]:
            sys.exit("an index or a reference is missing")

    def plan(self, jobs):
        """A plan that copies every table: the step alone, as a migration's plan has it among others."""
        for path in (self.place / "a.plan", self.place / "migration"):
            shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)
        subprocess.run([ODPM, "plan", "--out", "a.plan"], cwd=self.place, env=self.env, check=True, **QUIET)
        tables = []
        for name, rows in self.sizes.items():
            columns = self.ask("staging", f"SELECT string_agg(attname, ',' ORDER BY attnum) FROM pg_attribute WHERE attrelid = '{name}'::regclass AND attnum > 0")
            key = ["id"] if name != "product_tag_rel" else ["product_id", "partner_id"]
            tables.append({"table": name, "columns": columns.split(","), "key": key, "fresh": f"SELECT {columns} FROM {name}",
                           "rows": rows, "rebuild": True})
        transfer = json.dumps({"format_version": 1, "tables": tables, "xml_ids": [], "sequences": [], "parent_paths": [],
                               "checks": [], "target": {name: {"rows": 0, "highest": 0} for name in self.sizes}})
        (self.place / "transfer.json").write_text(transfer)
        identity = self.ask("staging", "SELECT (SELECT system_identifier FROM pg_control_system()) || '/' || oid FROM pg_database "
                                       "WHERE datname = current_database()")
        endpoint = {"host": "127.0.0.1", "port": int(PORT)}
        app = {"from": "app_password"}
        step = {"do": "copy_tables",
                "source": {"endpoint": endpoint, "role": "odoo", "secret": app, "database": "staging", "identity": identity},
                "operator": {"endpoint": endpoint, "role": "postgres", "secret": {"from": "admin_password"}, "app_role": "odoo",
                             "app": app, "programs": {"engine": "local", "bin_dir": str(self.bin)}},
                "database": "target", "transfer": str(self.place / "transfer.json"),
                "digest": hashlib.sha256(transfer.encode()).hexdigest(), "jobs": jobs, "folder": str(self.place / "migration")}
        plan = json.loads((self.place / "a.plan").read_text())
        plan["steps"] = [{"id": "copy-tables", "step": step, "reason": "it is measured", "risk": "none", "guards": []}]
        (self.place / "a.plan").write_text(json.dumps(plan))

    def own(self, jobs):
        """Seconds and MiB."""
        self.anew()
        self.plan(jobs)
        begin = time.perf_counter()
        said = open(self.place / "said", "wb")
        child = subprocess.Popen([ODPM, "apply", "a.plan", "--yes"], cwd=self.place, env=self.env, stdout=said, stderr=said)
        peak = high_water(child, 0.02)
        seconds = time.perf_counter() - begin
        if child.wait() != 0:
            sys.exit(f"odpm ended with {child.returncode}: {(self.place / 'said').read_text()}")
        return seconds, peak

    def shell(self, text):
        """Seconds of a pipe of programs."""
        begin = time.perf_counter()
        env = self.pg | {"PATH": f"{self.bin}:{self.pg['PATH']}"}
        subprocess.run(["bash", "-ec", f"set -o pipefail; {text}"], env=env, check=True, **QUIET)
        return time.perf_counter() - begin

    def piped(self):
        self.anew()
        one = 'psql -Xq -d staging -c "COPY {0} TO STDOUT (FORMAT binary)" | psql -Xq -d target -c "COPY {0} FROM STDIN (FORMAT binary)"'
        return self.shell("; ".join(one.format(name) for name in self.sizes))

    def dumped(self):
        self.anew()
        return self.shell("pg_dump -a staging | psql -Xq -v ON_ERROR_STOP=1 -d target")

    def restored(self):
        self.anew(schema=False)
        dump = self.place / "dump"
        shutil.rmtree(dump, ignore_errors=True)
        return self.shell(f"pg_dump -Fd -j2 -Z0 -f {dump} staging; pg_restore -j2 -d target {dump}")

    def pgcopydb(self):
        self.anew(schema=False)
        shutil.rmtree(self.place / "work", ignore_errors=True)
        uri = f"postgres://postgres@127.0.0.1:{PORT}"
        return self.shell(f"{shutil.which('pgcopydb')} clone --dir {self.place / 'work'} --source {uri}/staging --target {uri}/target "
                          "--table-jobs 2 --index-jobs 2 --skip-large-objects")

    def master(self):
        """Seconds of a migration as a person runs it: planned, copied, checked, compared."""
        schema = (ROOT / "tests/it/migrate_plan.sql").read_text()
        described = self.place / "odpm.yaml"
        if "migrate:" not in described.read_text():
            described.write_text(described.read_text() + f"migrate: {{sets: {{master: {{tables: [{', '.join(MASTER_TABLES)}]}}}}}}\n")
            self.sql("postgres", "CREATE DATABASE master OWNER odoo TEMPLATE template0")
            self.sql("master", "SET ROLE odoo;" + schema + MASTER_BOTH + MASTER + "ANALYZE")
        self.sql("postgres", "DROP DATABASE IF EXISTS fresh")
        self.sql("postgres", "CREATE DATABASE fresh OWNER odoo TEMPLATE template0")
        self.sql("fresh", "SET ROLE odoo;" + schema + MASTER_BOTH + "ANALYZE")
        seconds, _ = self.odpm("migrate", "apply", "--from", "master", "--to", "fresh", "--set", "master", "--no-checkpoint")
        rows = sum(int(self.ask("fresh", f"SELECT count(*) FROM {name}")) for name in MASTER_TABLES)
        if rows != 47000:
            sys.exit(f"{rows} records of master data came, not 47000")
        return seconds

    def wired(self):
        """A database with many references; what it is called."""
        folder = os.environ.get("ODPM_TEST_BACKUPS")
        backups = sorted(Path(folder).glob("*.zip"), key=lambda path: path.stat().st_size) if folder else []
        if backups:
            self.odpm("database", "restore", str(backups[-1]), "-d", "wired")
        else:
            self.sql("postgres", "CREATE DATABASE wired OWNER odoo TEMPLATE template0")
            self.sql("wired", "SET ROLE odoo;" + (ROOT / "tests/it/migrate.sql").read_text() + WIRED)

    def verified(self):
        """Seconds, and how many many2one fields there are. What dangles is nobody's fault here."""
        begin = time.perf_counter()
        done = subprocess.run([ODPM, "migrate", "verify", "-d", "wired", "--all", "--format", "json"], cwd=self.place, env=self.env,
                              capture_output=True, text=True)
        seconds = time.perf_counter() - begin
        if done.returncode not in (0, 3):
            sys.exit(f"odpm migrate verify ended with {done.returncode}: {done.stderr}")
        return seconds, json.loads(done.stdout)["asked"]["many2one"]


def main():
    with folder_of(Move) as shop:
        shop.fill()
        measures = {"odpm, 2 connections": lambda: shop.own(2), "odpm, one transaction": lambda: shop.own(1),
                    "COPY piped, indexes in place": shop.piped, "pg_dump -a | psql": shop.dumped,
                    "pg_dump -Fd -j2, pg_restore -j2": shop.restored}
        if shutil.which("pgcopydb"):
            measures["pgcopydb, 2 and 2 jobs"] = shop.pgcopydb
        else:
            print("pgcopydb is not installed: not measured")
        seconds, peaks = {name: [] for name in measures}, []
        for _ in range(TURNS):
            for name, measure in measures.items():
                took = measure()
                if isinstance(took, tuple):
                    peaks.append(took[1])
                    took = took[0]
                shop.check()
                seconds[name].append(took)
        shop.sql("postgres", "DROP DATABASE target")
        mastered = sorted(shop.master() for _ in range(TURNS))[TURNS // 2]
        shop.wired()
        verified, fields = sorted(shop.verified() for _ in range(TURNS))[TURNS // 2]
    medians = {name: sorted(times)[len(times) // 2] for name, times in seconds.items()}
    limits = {"COPY piped, indexes in place": 1 / 1.6, "pg_dump -a | psql": 1 / 1.9, "pg_dump -Fd -j2, pg_restore -j2": 1.0,
              "pgcopydb, 2 and 2 jobs": 1.0}
    missed = False
    for own in ("odpm, 2 connections", "odpm, one transaction"):
        rows = [(name, medians[own], medians[name], limit) for name, limit in limits.items() if name in medians]
        missed |= table(f"{own}, {shop.rows} rows", rows)
    missed |= table("a whole migration, and a look at references",
                    [("47,000 records, with checks / 10 s", mastered, 10.0, 1.0), (f"{fields:,} many2one fields / 5 s", verified, 5.0, 1.0)])
    print(f"memory of odpm: {max(peaks):.0f} MiB at most (limit 60)")
    sys.exit(1 if missed or max(peaks) > 60 else 0)


if __name__ == "__main__":
    main()
