# Run by the Odoo shell before another script: values of fields as snapshots have them.
import json as _json
from datetime import date as _date, datetime as _datetime


def _canonical(record, name):
    field, value = record._fields[name], record[name]
    if field.type == "many2one":
        return value.id or None
    if field.type == "boolean":
        return bool(value)
    if field.type in ("integer", "float", "monetary"):
        number = float("%.15g" % value)
        return int(number) if number == int(number) and abs(number) < 1e15 else number
    if value is False or value is None:
        return None
    if isinstance(value, _datetime):
        return value.isoformat() + "Z"
    if isinstance(value, _date):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.decode("ascii", "replace")
    return value
