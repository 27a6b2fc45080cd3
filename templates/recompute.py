# Run by the Odoo shell: computes stored fields anew, in batches, each committed and told, so that the next attempt goes on there.
_tables, _whole, _named = set(_json.loads(_TABLES)), set(_json.loads(_WHOLE)), _json.loads(_FIELDS)
_progress = _json.loads(_PROGRESS)
_quiet = dict(tracking_disable=True, mail_notrack=True, mail_create_nolog=True, mail_auto_subscribe_no_notify=True,
              connector_no_export=True, no_vat_validation=True)
# What follows from what is computed is flushed with a commit, in this environment.
env = env(su=True, context=dict(env.context, **_quiet))
_result = {"computed": {}, "failed": {}}
_SIZES = ("image_1024", "image_512", "image_256", "image_128")


def _rooms(model):
    return env[model].sudo().with_context(**_quiet)


def _leads_away(model, name, seen):
    # Whether what a field is computed from is, somewhere on the way, in a table that was not copied.
    field = model._fields.get(name)
    if field is None or (model._name, name) in seen:
        return False
    seen.add((model._name, name))
    depends = env.registry.field_depends if hasattr(env.registry, "field_depends") else {}
    for path in depends.get(field, ()):
        at = model
        for step in path.split("."):
            one = at._fields.get(step)
            if one is None:
                break
            if one.compute and not one.store and _leads_away(at, step, seen):
                return True
            if not one.relational:
                break
            at = env[one.comodel_name]
            if at._auto and at._table not in _tables:
                return True
    return False


def _chosen():
    # Fields that a person may write are left alone: what is in them may be a person's.
    for name in sorted(env.registry.keys()):
        model = env[name]
        if model._abstract or not model._auto or model._transient or model._table not in _whole:
            continue
        for field in model._fields.values():
            if not (field.store and field.compute and field.readonly) or field.inverse or field.name in _SIZES:
                continue
            # One method may compute several fields, and writes all of them.
            siblings = getattr(env.registry, "field_computed", {}).get(field, [field])
            if any(one.store and (not one.readonly or one.inverse) for one in siblings):
                continue
            if field.name == "complete_name" or _leads_away(model, field.name, set()):
                yield name, field.name


def _commit():
    env.cr.commit()
    getattr(env, "invalidate_all", None) and env.invalidate_all()


def _dated(model, ids):
    # Who has written a row last, and when: what is computed is nobody's work.
    if not model._log_access:
        return []
    env.cr.execute('SELECT id, write_date, write_uid FROM "%s" WHERE id = ANY (%%s)' % model._table, [ids])
    return env.cr.fetchall()


def _dated_again(model, kept):
    if not kept:
        return
    env.cr.execute('SELECT id, write_date, write_uid FROM "%s" WHERE id = ANY (%%s)' % model._table, [[row[0] for row in kept]])
    altered = set(env.cr.fetchall())
    for row in kept:
        if row not in altered:
            env.cr.execute('UPDATE "%s" SET write_date = %%s, write_uid = %%s WHERE id = %%s' % model._table, [row[1], row[2], row[0]])


def _compute(model, name, ids, size):
    key = "%s.%s" % (model, name)
    last = _progress.get(key, 0)
    ids = [one for one in ids if one > last]
    field = env[model]._fields[name]
    for at in range(0, len(ids), size):
        batch = ids[at:at + size]
        try:
            records = _rooms(model).browse(batch)
            if size > 50:
                # What is in the cache before is not written again where it comes out the same.
                records.mapped(name)
            records.env.add_to_compute(field, records)
            records.mapped(name)
            kept = _dated(env[model], batch)
            (records.flush_recordset if hasattr(records, "flush_recordset") else records.flush)([name])
            _dated_again(env[model], kept)
        except Exception as error:
            env.cr.rollback()
            getattr(env, "invalidate_all", None) and env.invalidate_all()
            _result["failed"][key] = "%s (ids %s to %s)" % (error, batch[0], batch[-1])
            return
        _commit()
        _result["computed"][key] = _result["computed"].get(key, 0) + len(batch)
        print("ODPM-PROGRESS " + _json.dumps({"field": key, "id": batch[-1]}), flush=True)


def _ids(sql, *args):
    env.cr.execute(sql, args)
    return [row[0] for row in env.cr.fetchall()]


def _table(model):
    return '"%s"' % env[model]._table.replace('"', '""')


def _images(model):
    # Only where a derivative is not there, and what it is made from is.
    for size in _SIZES:
        field = env[model]._fields.get(size)
        if field is None or not field.store or not getattr(field, "attachment", False):
            continue
        yield size, _ids(
            "SELECT a.res_id FROM ir_attachment a WHERE a.res_model = %s AND a.res_field = 'image_1920' AND NOT EXISTS "
            "(SELECT FROM ir_attachment b WHERE b.res_model = a.res_model AND b.res_id = a.res_id AND b.res_field = %s) "
            "ORDER BY 1", model, size)


def _paths(model):
    parent = '"%s"' % env[model]._parent_name
    return _ids(
        "SELECT t.id FROM %(t)s t LEFT JOIN %(t)s p ON p.id = t.%(p)s WHERE t.parent_path IS DISTINCT FROM "
        "coalesce(p.parent_path, '') || t.id || '/' LIMIT 1" % {"t": _table(model), "p": parent})


_all = set(tuple(one.rsplit(".", 1)) for one in _named) | set(_chosen())
for _model, _name in sorted(_all):
    if _model not in env.registry or _name not in env[_model]._fields:
        _result["failed"]["%s.%s" % (_model, _name)] = "there is no such field"
        continue
    if not env[_model]._fields[_name].store or not env[_model]._fields[_name].compute:
        _result["failed"]["%s.%s" % (_model, _name)] = "it is not a computed field that is stored"
        continue
    _compute(_model, _name, _ids("SELECT id FROM %s ORDER BY id" % _table(_model)), 50 if _name in _SIZES else 1000)
for _model in sorted(env.registry.keys()):
    _one = env[_model]
    if _one._abstract or not _one._auto or _one._transient or _one._table not in _tables:
        continue
    if "image_1920" in _one._fields and _one._table in _whole:
        for _size, _which in _images(_model):
            _compute(_model, _size, _which, 50)
    if getattr(_one, "_parent_store", False) and _paths(_model):
        _rooms(_model)._parent_store_compute()
        _commit()
        _result["computed"]["%s.parent_path" % _model] = 1
print("ODPM-RESULT " + _json.dumps(_result), flush=True)
