# Run by the Odoo shell: fields that are computed and not stored, of every record, archived ones too.
_answer = {}
for _model, _names in _json.loads(_WANTED).items():
    _records = env[_model].sudo().with_context(active_test=False).search([], order="id")
    _rows = _answer[_model] = []
    for _start in range(0, len(_records), 1000):
        _batch = _records[_start:_start + 1000]
        for _record in _batch:
            _rows.append([_record.id, {_name: _canonical(_record, _name) for _name in _names}])
        _batch.invalidate_recordset() if hasattr(_batch, "invalidate_recordset") else _batch.invalidate_cache()
print("ODPM-RESULT " + _json.dumps(_answer))
