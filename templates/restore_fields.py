# Run by the Odoo shell: puts fields back that are still as they were seen.
_changes = _json.loads(_CHANGES)
_parts = _json.loads(_PARTS)
_quiet = dict(tracking_disable=True, mail_notrack=True, mail_create_nolog=True, mail_auto_subscribe_no_notify=True,
              connector_no_export=True, no_vat_validation=True, active_test=False)
_done = {"written": [], "already": [], "conflicts": [], "refused": {}}


def _same(record, name, one, two):
    if isinstance(one, bool) or isinstance(two, bool):
        return bool(one) == bool(two)
    if isinstance(one, (int, float)) or isinstance(two, (int, float)):
        one, two = one or 0, two or 0
        # Odoo rounds what it reads to the field's digits, the database may hold more.
        field = record._fields[name]
        digits = field.get_digits(env) if field.type == "float" else None
        least = 0.5001 * 10 ** -digits[1] if digits else 0
        return abs(one - two) <= max(least, 1e-9 * max(1, abs(one), abs(two)))
    return one == two or (not one and not two)


def _for_orm(record, name, value):
    if value is None:
        return False
    if record._fields[name].type == "datetime":
        return value.rstrip("Z").replace("T", " ").split(".")[0]
    return value


def _views(record, name, before, after):
    # Each company and each language has a value of its own.
    kind = _parts.get(record._name, {}).get(name)
    if not kind:
        yield record, None, before, after
        return
    before, after = before or {}, after or {}
    for part in sorted(set(before) | set(after)):
        if before.get(part) == after.get(part):
            continue
        if kind == "by_language":
            yield record.with_context(lang=part), part, before.get(part), after.get(part)
        elif part.isdigit():
            yield record.with_company(int(part)), part, before.get(part), after.get(part)


for _at, _change in enumerate(_changes):
    _model, _id = _change["_model"], _change["id"]
    _record = env[_model].sudo().with_context(**_quiet).browse(_id)
    _there = bool(_record.exists())
    for _name, _before in _change["before"].items():
        _after = _change["after"][_name]
        _place = {"_model": _model, "id": _id, "field": _name}
        if not _there:
            _done["conflicts"].append(dict(_place, seen=_after, now=None, before=_before))
            continue
        _field = _record._fields.get(_name)
        if _field is None or (_field.compute and not _field.inverse and _field.readonly and not _field.company_dependent):
            _key = "%s.%s" % (_model, _name)
            _done["refused"][_key] = _done["refused"].get(_key, 0) + 1
            continue
        for _view, _part, _was, _saw in _views(_record, _name, _before, _after):
            _label = _name if _part is None else "%s@%s" % (_name, _part)
            _now = _canonical(_view, _name)
            if _same(_view, _name, _now, _was):
                _done["already"].append([_model, _id])
            elif _same(_view, _name, _now, _saw):
                _view.write({_name: _for_orm(_view, _name, _was)})
                _done["written"].append(dict(_place, part=_part, seen=_saw, value=_was))
            else:
                _done["conflicts"].append(dict(_place, field=_label, seen=_saw, now=_now, before=_was))
    if _at % 200 == 199:
        env.cr.commit()
env.cr.commit()
print("ODPM-RESULT " + _json.dumps(_done))
