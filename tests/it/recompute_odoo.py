#!/usr/bin/env python3
"""The Odoo shell that is asked to compute fields anew: three batches of one field. As long as `fails` is beside it, the second fails.

What it was given and which batches it has done goes to `asked.jsonl` beside it.
"""

import json
import os
import sys

HOME = os.path.dirname(os.path.abspath(__file__))
FIELD = "product.category.complete_name"

assert sys.argv[1] == "shell", sys.argv
given = {}
for line in sys.stdin.read().splitlines():
    if line.startswith(("_TABLES = ", "_FIELDS = ", "_PROGRESS = ")):
        exec(line, given)
tables, last = json.loads(given["_TABLES"]), json.loads(given["_PROGRESS"]).get(FIELD, 0)
done, failed = [], {}
for end in (10, 20, 30):
    if end <= last:
        continue
    if end == 20 and os.path.exists(os.path.join(HOME, "fails")):
        failed[FIELD] = "no such category (ids 11 to 20)"
        break
    done.append(end)
    print("ODPM-PROGRESS " + json.dumps({"field": FIELD, "id": end}), flush=True)
with open(os.path.join(HOME, "asked.jsonl"), "a") as file:
    file.write(json.dumps({"tables": tables, "last": last, "done": done}) + "\n")
print("ODPM-RESULT " + json.dumps({"computed": {FIELD: 10 * len(done)} if done else {}, "failed": failed}), flush=True)
