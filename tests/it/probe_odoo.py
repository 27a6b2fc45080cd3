#!/usr/bin/env python3
"""Odoo in small, for probes: a server that answers as the file `mode` beside it says, and a shell whose `env.cr` is psql."""
import configparser, http.server, json, os, signal, subprocess, sys, time, types

HERE = os.path.dirname(os.path.abspath(__file__))
args = sys.argv[1:]
conf = configparser.RawConfigParser()
conf.read(args[args.index("-c") + 1])
opt = dict(conf["options"])
database = args[len(args) - 1 - args[::-1].index("-d") + 1] if "-d" in args else "?"


def last(name, default):
    return ([arg.split("=", 1)[1] for arg in args if arg.startswith(name + "=")] or [default])[-1]


def log(level, logger, text):
    print(f"2026-11-20 20:39:14,098 {os.getpid()} {level} {database} {logger}: {text}", flush=True)


class PsycoConnection:
    autocommit = False

    def __init__(self):
        words = ["psql", "-XAtq", "-h", opt["db_host"], "-p", opt["db_port"], "-U", opt["db_user"], "-d", database]
        self.psql = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                     text=True, env=dict(os.environ, PGPASSWORD=opt["db_password"]))
        self.run("BEGIN")

    def run(self, text):
        self.psql.stdin.write(text + ";\n\\echo the-end\n")
        self.psql.stdin.flush()
        lines = []
        for line in self.psql.stdout:
            if line.strip() == "the-end":
                return lines
            if line.startswith("ERROR:"):
                raise RuntimeError(line.strip())
            lines.append(line.rstrip("\n"))
        raise RuntimeError("psql has ended")

    def commit(self):
        self.run("COMMIT; BEGIN" if not self.autocommit else "SELECT 1")

    def rollback(self):
        self.run("ROLLBACK; BEGIN")

    def set_session(self, *args, **kwargs):
        assert "autocommit" not in kwargs

    def set_isolation_level(self, level):
        assert level


class Cursor:
    def __init__(self):
        self._cnx = PsycoConnection()
        self.postcommit, self.pending = [], []

    def execute(self, query, params=None):
        self.rows = self._cnx.run(query)

    def fetchone(self):
        return tuple(self.rows[0].split("|"))

    def commit(self):
        self._cnx.commit()
        for hook in self.postcommit:
            hook()

    def rollback(self):
        self._cnx.rollback()


class MailServer:
    def send_email(self, message):
        open(os.path.join(HERE, "mail-was-sent"), "w").close()


class Base:
    """As of Odoo 14: what is pending is written when a model says so."""

    def __init__(self, cr):
        self.cr = cr

    def flush(self):
        while self.cr.pending:
            self.cr.pending.pop()()


class Env(dict):
    def __init__(self, cr):
        self.cr, self.user = cr, None
        self.registry = types.SimpleNamespace(cursor=Cursor)

    def __missing__(self, model):
        if model == "base":
            return Base(self.cr)
        assert model == "ir.mail_server", model
        return MailServer()


if args[0] == "shell":
    odoo, sql_db = types.ModuleType("odoo"), types.ModuleType("odoo.sql_db")
    sql_db.PsycoConnection, sql_db.Cursor, odoo.sql_db = PsycoConnection, Cursor, sql_db
    sys.modules.update({"odoo": odoo, "odoo.sql_db": sql_db})
    exec(sys.stdin.read(), {"env": Env(Cursor()), "odoo": odoo})
    sys.exit()

with open(os.path.join(HERE, "mode")) as file:
    mode = file.read().strip()
with open(os.path.join(HERE, "started"), "w") as file:
    json.dump({"pid": os.getpid(), "args": args}, file)
log("INFO", "odoo", "Odoo version 18.0")
if mode == "words":
    sys.exit("odoo-bin: error: no such option: --nonsense")
if mode == "dies":
    log("INFO", "odoo.modules.loading", "loading 3 modules...")
    log("CRITICAL", "odoo.modules.module", "Couldn't load module shop_prices")
    log("ERROR", "odoo.modules.registry", "Failed to load registry")
    print("""Traceback (most recent call last):
  File "/src/odoo/modules/registry.py", line 129, in new
    odoo.modules.load_modules(registry, force_demo, status, update_module)
  File "/srv/addons/shop_prices/models/price.py", line 3, in <module>
    import stdnum
ModuleNotFoundError: No module named 'stdnum'""", flush=True)
    sys.exit(255)
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
if mode == "hangs":
    time.sleep(600)


class Pages(http.server.BaseHTTPRequestHandler):
    def answer(self, status, text, **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(text.encode())

    def do_GET(self):
        if self.path == "/web/health":
            return self.answer(200, '{"status": "pass"}')
        if mode == "500" and self.path == "/web/login":
            log("ERROR", "odoo.http", "Exception during request handling.")
            print("Traceback (most recent call last):\n  File \"/src/odoo/http.py\", line 1, in f\n    f()\n"
                  "psycopg2.errors.UndefinedColumn: column res_users.nickname does not exist", flush=True)
            return self.answer(500, "Internal Server Error")
        if mode == "nowhere" and self.path == "/web/login":
            return self.answer(303, "", Location="/web/database/selector")
        self.answer(200, "<form>Log in to " + database + "</form>")

    def do_POST(self):
        self.answer(200, '{"jsonrpc": "2.0", "error": {"message": "Odoo Server Error", "data": {"message": "no price"}}}')

    def log_message(self, *_):
        pass


port = int(last("--http-port", opt["http_port"]))
http.server.HTTPServer((last("--http-interface", "127.0.0.1"), port), Pages).serve_forever()
