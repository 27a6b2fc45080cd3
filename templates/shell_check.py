# Run by the Odoo shell: runs a check that somebody wrote. Nothing that it does is committed, and nothing of it leaves.
import re as _re, traceback as _traceback
from odoo import sql_db as _sql_db

_check, _file = _json.loads(_CHECK), _json.loads(_FILE)
_Connection, _Cursor = _sql_db.PsycoConnection, _sql_db.Cursor
_rolled_back = []


def _commit(self):
    # What Odoo does before a commit is done; the commit itself, and what waits for it, is not.
    if hasattr(self, "flush"):
        self.flush()
    elif hasattr(_sql_db, "flush_env"):
        _sql_db.flush_env(self)
    if hasattr(self, "postcommit"):
        self.postcommit.clear()


def _execute(self, query, *args, **kwargs):
    # From 17 on a query may be an object that holds its text.
    if _re.match(r"\s*(commit|end|prepare\s+transaction)\b", str(getattr(query, "code", query)), _re.I):
        raise RuntimeError("a check may not commit")
    return _plain_execute(self, query, *args, **kwargs)


def _rollback(self):
    _rolled_back.append(self)
    return _plain_rollback(self)


def _set_session(self, *args, **kwargs):
    kwargs.pop("autocommit", None)
    return _plain_session(self, *args[:3], **kwargs)


_plain_execute, _plain_rollback = _Cursor.execute, _Connection.rollback
_plain_session, _plain_level = _Connection.set_session, _Connection.set_isolation_level
_Cursor.commit, _Cursor.execute = _commit, _execute
_Connection.commit = lambda self: None
_Connection.rollback, _Connection.set_session = _rollback, _set_session
_Connection.set_isolation_level = lambda self, level: _plain_level(self, level) if level else None
_Connection.autocommit = property(lambda self: False, lambda self, on: None)
# Cursors that are opened on the way see what the check has done, and wait for none of its locks.
if hasattr(env.registry, "enter_test_mode"):
    env.registry.enter_test_mode(env.cr)
_mail = type(env["ir.mail_server"])
_mail.send_email = lambda self, message, *args, **kwargs: message["Message-Id"]
for _name in ("connect", "_connect__"):
    if hasattr(_mail, _name):
        setattr(_mail, _name, lambda self, *args, **kwargs: None)
try:
    import requests as _requests

    def _nobody(*args, **kwargs):
        raise _requests.exceptions.ConnectionError("a check reaches nobody outside")

    _requests.sessions.Session.request = _nobody
except ImportError:
    pass


def _transaction():
    env.cr.execute("SELECT txid_current()")
    return env.cr.fetchone()[0]


_answer = {"wrong": None, "trace": ""}
try:
    _first, _before = _transaction(), len(_rolled_back)
    _names = {name: value for name, value in globals().items() if not name.startswith("_")}
    exec(compile(_check, _file, "exec"), dict(_names, __name__="__main__", __file__=_file))
    # What is to be computed and written still, and what must hold of it, belongs to the check.
    if hasattr(env, "flush_all"):
        env.flush_all()
    else:
        env["base"].flush()
    if hasattr(env.cr, "flush"):
        env.cr.flush()
    if len(_rolled_back) == _before and _transaction() != _first:
        raise RuntimeError("the check has committed what it did: it is not taken back")
except BaseException as _error:
    if not isinstance(_error, SystemExit) or _error.code:
        _lines = [_frame.lineno for _frame in _traceback.extract_tb(_error.__traceback__) if _frame.filename == _file]
        _wrong = _traceback.format_exception_only(type(_error), _error)[-1].strip()
        if _lines:
            _wrong += " (line %d: %s)" % (_lines[-1], _check.splitlines()[_lines[-1] - 1].strip())
        _answer = {"wrong": _wrong, "trace": "".join(_traceback.format_exception(type(_error), _error, _error.__traceback__))}
finally:
    env.cr.rollback()
print("ODPM-RESULT " + _json.dumps(_answer))
