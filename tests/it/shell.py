#!/usr/bin/env python3
"""The Odoo shell in small: `env` over psql, enough for scripts that read and write records."""
import configparser, json, os, subprocess, sys

args = sys.argv[1:]
assert args[0] == "shell", args
conf = configparser.RawConfigParser()
conf.read(args[args.index("-c") + 1])
opt = dict(conf["options"])
PSQL = ["psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-h", opt["db_host"], "-p", opt["db_port"], "-U", opt["db_user"],
        "-d", args[args.index("-d") + 1]]


def sql(text):
    done = subprocess.run(PSQL, input=text, text=True, capture_output=True, env=dict(os.environ, PGPASSWORD=opt["db_password"]))
    if done.returncode:
        sys.exit(done.stderr)
    return done.stdout.splitlines()


class Field:
    compute = inverse = None
    readonly = company_dependent = False

    def __init__(self, name):
        self.name, self.type = name, "float" if "price" in name or name == "virtual_available" else "char"
        self.company_dependent = name == "standard_price"

    def get_digits(self, env):
        return (16, 2)


class Fields(dict):
    def get(self, name, default=None):
        return self[name]

    def __missing__(self, name):
        return Field(name)


class Records:
    _fields = Fields()

    def __init__(self, model, ids=(), company="1"):
        self._name, self.ids, self.company = model, list(ids), company
        self.table = model.replace(".", "_")

    @property
    def id(self):
        return self.ids[0]

    def sudo(self):
        return self

    def with_context(self, **context):
        assert "lang" in context or context["active_test"] is False
        return self

    def with_company(self, company):
        return Records(self._name, self.ids, str(company))

    def browse(self, id):
        return Records(self._name, [id])

    def search(self, domain, order):
        return Records(self._name, [int(line) for line in sql(f"SELECT id FROM {self.table} ORDER BY id")])

    def exists(self):
        return self.ids and sql(f"SELECT id FROM {self.table} WHERE id = {self.id}")

    def invalidate_recordset(self):
        pass

    def __len__(self):
        return len(self.ids)

    def __iter__(self):
        return (Records(self._name, [id], self.company) for id in self.ids)

    def __getitem__(self, key):
        if isinstance(key, slice):
            return Records(self._name, self.ids[key], self.company)
        if key == "virtual_available":
            return self.id + 0.1 + 0.2
        column = f"{key}->>'{self.company}'" if key == "standard_price" else key
        line = sql(f"SELECT to_json({column}) FROM {self.table} WHERE id = {self.id}")[0]
        value = json.loads(line) if line else False
        return float(value or 0) if self._fields[key].type == "float" else value

    def write(self, values):
        for key, value in values.items():
            text = "NULL" if value is False else "'%s'" % str(value).replace("'", "''")
            if key == "standard_price":
                text = f"jsonb_set(coalesce({key}, '{{}}'), '{{{self.company}}}', to_jsonb({text}::numeric))"
            sql(f"UPDATE {self.table} SET {key} = {text}, write_uid = 1, write_date = now() AT TIME ZONE 'UTC' WHERE id = {self.id}")


class Env(dict):
    class cr:
        commit = staticmethod(lambda: None)

    def __missing__(self, model):
        return Records(model)


exec(sys.stdin.read(), {"env": Env()})
