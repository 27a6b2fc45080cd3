#!/usr/bin/env python3
"""Plays Odoo for the tests of upgrades: alters ir_module_module as its manifests say, writes Odoo's log, fails on request.

Beside a module's manifest: upgrade.sql is run when it is upgraded; failure.json says how it fails: `at`, by its `options`, before it is `connected`,
or when only `base` is loaded; `before`, lines of the log; `sql`, what it has done by then; `file`, a file that it has stored; `unlink`,
that it has removed files; `reset` and `traceback`, how it ends; `raw`, what nobody logs; `kill`, that the kernel ends it; `exit`;
`after` and `then`, lines and SQL of one that comes to its end. A file `hold` beside odoo-bin keeps it waiting in the middle.
"""

import ast
import configparser
import http.server
import json
import os
import signal
import subprocess
import sys
import time

args = sys.argv[1:]
conf = configparser.RawConfigParser()
conf.read(args[args.index("-c") + 1] if "-c" in args else os.environ["ODOO_RC"])


def option(name, default=""):
    return conf.get("options", name, fallback=default)


# In an image, what the test says lies where it can be seen.
HOME = os.path.dirname(os.path.abspath(__file__))
HOME = HOME if os.access(HOME, os.W_OK) else option("data_dir")


def given(flag, default=""):
    for at, arg in enumerate(args):
        if arg == flag:
            return args[at + 1]
        if arg.startswith(flag + "="):
            return arg[len(flag) + 1:]
    return default


database = given("-d", option("db_name", "?"))


def log(level, logger, text):
    now = time.strftime("%Y-%m-%d %H:%M:%S") + ",%03d" % (time.time() % 1 * 1000)
    print(f"{now} {os.getpid()} {level} {database} {logger}: {text}", file=sys.stderr, flush=True)


def sql(text):
    env = dict(os.environ, PGPASSWORD=option("db_password"))
    where = ["-h", option("db_host"), "-p", option("db_port"), "-U", option("db_user"), "-d", database]
    command = ["PSQL", *where, "-v", "ON_ERROR_STOP=1", "-qAtX", "-c", text]
    return subprocess.run(command, env=env, check=True, capture_output=True, text=True).stdout.strip()


def manifest(module):
    for folder in option("addons_path").split(","):
        path = os.path.join(folder.strip(), module, "__manifest__.py")
        if os.path.exists(path):
            return os.path.dirname(path), ast.literal_eval(open(path).read())
    return None, None


def stop(*_):
    log("INFO", "odoo.service.server", "Initiating shutdown")
    sys.exit(0)


def damage(failure):
    if failure.get("sql"):
        sql(failure["sql"])
    # As Odoo stores: what is there already is left alone.
    store = os.path.join(option("data_dir"), "filestore", database)
    if failure.get("file"):
        os.makedirs(os.path.join(store, "0f"), exist_ok=True)
        with open(os.path.join(store, "0f", failure["file"]), "x") as file:
            file.write("new")
    if failure.get("unlink"):
        for folder, _, names in os.walk(store):
            for name in names[:1]:
                os.unlink(os.path.join(folder, name))


def fail(failure):
    for line in failure.get("before", []):
        log(*line)
    damage(failure)
    if failure.get("kill"):
        os.kill(os.getpid(), signal.SIGKILL)
    if failure.get("raw"):
        print(failure["raw"], file=sys.stderr, flush=True)
    for line in failure.get("reset", []):
        log(*line)
    if failure.get("traceback"):
        log("CRITICAL", "odoo.service.server", f"Failed to initialize database `{database}`.\n" + failure["traceback"])
        log("INFO", "odoo.service.server", "Initiating shutdown")
    sys.exit(failure.get("exit", 255))


def asked():
    return [module for flag in ("-i", "-u") for module in given(flag).split(",") if module]


def fails(at):
    for module in asked():
        file = os.path.join(manifest(module)[0] or "", "failure.json")
        if os.path.exists(file) and json.load(open(file)).get("at") == at:
            fail(json.load(open(file)))


def load(modules):
    then, after = None, []
    fails("connected")
    log("INFO", "odoo.modules.loading", "loading 1 modules...")
    log("INFO", "odoo.modules.loading", "1 modules loaded in 0.01s, 0 queries (+0 extra)")
    log("INFO", "odoo.modules.loading", "updating modules list")
    fails("base")
    unknown = [module for module in modules if not manifest(module)[0]]
    if unknown:
        log("WARNING", "odoo.modules.loading", "invalid module names, ignored: " + ", ".join(unknown))
    known = [module for module in modules if module not in unknown]
    log("INFO", "odoo.modules.loading", f"loading {len(known) + 1} modules...")
    for at, module in enumerate(known, 1):
        folder, says = manifest(module)
        log("INFO", "odoo.modules.loading", f"Loading module {module} ({at}/{len(known)})")
        sql(f"UPDATE ir_module_module SET state = 'to upgrade' WHERE name = '{module}'")
        log("INFO", "odoo.modules.registry", f"module {module}: creating or updating database tables")
        own = os.path.join(folder, "upgrade.sql")
        if os.path.exists(own):
            sql(open(own).read())
        if os.path.exists(os.path.join(HOME, "hold")):
            open(os.path.join(HOME, "waits"), "w").write(str(os.getpid()))
            while os.path.exists(os.path.join(HOME, "hold")):
                time.sleep(0.05)
        log("INFO", "odoo.modules.loading", f"loading {module}/views/views.xml")
        failure = os.path.join(folder, "failure.json")
        if os.path.exists(failure):
            told = json.load(open(failure))
            if told.get("exit", 255) != 0:
                fail(told)
            damage(told)
            for line in told.get("before", []):
                log(*line)
            then, after = told.get("then"), told.get("after", [])
        # A version without the series gets it, as Odoo does it.
        version = says.get("version", "1.0")
        if not version.startswith("18.0."):
            version = "18.0." + version
        sql(
            "INSERT INTO ir_module_module (name, state, latest_version) SELECT '{0}', 'installed', '{1}' "
            "WHERE NOT EXISTS (SELECT FROM ir_module_module WHERE name = '{0}'); "
            "UPDATE ir_module_module SET state = 'installed', latest_version = '{1}' WHERE name = '{0}'"
            .format(module, version)
        )
        log("INFO", "odoo.modules.loading", f"Module {module} loaded in 0.01s, 9 queries (+9 other)")
    log("INFO", "odoo.modules.loading", f"{len(known) + 1} modules loaded in 0.02s, 18 queries (+18 extra)")
    if then:
        sql(then)
    for line in after:
        log(*line)
    log("INFO", "odoo.modules.loading", "Modules loaded.")
    log("INFO", "odoo.modules.registry", "Registry loaded in 0.1s")


if args[:1] == ["shell"]:
    # Asked to compute fields anew, for which there is nothing to do in what it plays.
    given = [line for line in sys.stdin.read().splitlines() if line.startswith(("_TABLES = ", "_FIELDS = "))]
    assert len(given) == 2, given
    print("ODPM-PROGRESS " + json.dumps({"field": "product.template.complete_name", "id": 2}), flush=True)
    print("ODPM-RESULT " + json.dumps({"computed": {"product.template.complete_name": 2}, "failed": {}}), flush=True)
    sys.exit()
signal.signal(signal.SIGTERM, stop)
signal.signal(signal.SIGINT, stop)
fails("options")
log("INFO", "odoo", "Odoo version 18.0")
if "--stop-after-init" in args:
    load(asked())
    stop()
if "--no-http" in args:
    while True:
        time.sleep(1)


class Front(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        sick = os.path.exists(os.path.join(HOME, "sick"))
        self.send_response(500 if sick and self.path != "/web/health" else 200)
        self.end_headers()
        self.wfile.write(b'{"status": "pass"}')

    def log_message(self, *_):
        pass


log("INFO", "odoo.service.server", "HTTP service (werkzeug) running")
http.server.ThreadingHTTPServer((given("--http-interface", "0.0.0.0"), int(given("--http-port", option("http_port", "8069")))), Front).serve_forever()
