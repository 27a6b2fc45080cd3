#!/usr/bin/python3
"""Plays Odoo for the tests: takes its options, reads its configuration, reaches for its database, answers HTTP."""

import configparser
import http.server
import os
import signal
import socket
import sys
import time

args = [arg for arg in sys.argv[1:] if arg != "odoo"]
conf = configparser.RawConfigParser()
conf.read(args[args.index("-c") + 1] if "-c" in args else os.environ.get("ODOO_RC", "/etc/odoo/odoo.conf"))


def option(name, default=""):
    return conf.get("options", name, fallback=default)


def log(level, text):
    now = time.strftime("%Y-%m-%d %H:%M:%S,000")
    print(f"{now} {os.getpid()} {level} {option('db_name', '?')} odoo.service.server: {text}", flush=True)


def stop(*_):
    log("INFO", "Initiating shutdown")
    sys.exit(0)


signal.signal(signal.SIGTERM, stop)
signal.signal(signal.SIGINT, stop)
log("INFO", f"Odoo version 18.0 with {args}")
if option("log_level") == "broken":
    log("CRITICAL", "no such module: nonsense")
    sys.exit(1)
try:
    socket.create_connection((option("db_host", "localhost"), int(option("db_port", "5432"))), timeout=10).close()
except OSError as error:
    log("CRITICAL", f"could not reach the database: {error}")
    sys.exit(1)
with open(os.path.join(option("data_dir", "/tmp"), "written-by-odoo"), "w") as file:
    file.write("yes\n")
if "--stop-after-init" in args:
    for flag in ("-i", "-u"):
        for module in args[args.index(flag) + 1].split(",") if flag in args else []:
            if module == "broken":
                log("ERROR", f"module {module}: no such thing as a price")
            log("INFO", f"module {module}: creating or updating database tables")
    stop()
if "--no-http" in args:
    while True:
        time.sleep(1)


class Health(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(503 if option("log_level") == "sick" else 200)
        self.end_headers()
        self.wfile.write(b"pass")

    def log_message(self, *_):
        pass


log("INFO", "HTTP service (werkzeug) running")
http.server.HTTPServer(("0.0.0.0", int(option("http_port", "8069"))), Health).serve_forever()
