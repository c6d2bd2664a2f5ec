"""Says what is wrong with an OpenRPC document and with calls that a server has taken, a line each."""

import json
import sys

from jsonschema import Draft7Validator

with open(sys.argv[1], encoding="utf-8") as file:
    meta_schema = json.load(file)
with open(sys.argv[2], encoding="utf-8") as file:
    given = json.load(file)
document = given["document"]


def path(error):
    return "/".join(str(step) for step in error.absolute_path)


for error in Draft7Validator(meta_schema).iter_errors(document):
    # The innermost cause of "is not valid under any of the given schemas".
    cause = min(error.context, key=lambda e: len(e.message), default=error)
    print(f"document: {path(error)}: {cause.message[:300]}")

if given["calls"]:
    components = document["components"]
    methods = {}
    for method in document["methods"]:
        params = method["params"]
        methods[method["name"]] = tuple(
            Draft7Validator({**schema, "components": components})
            for schema in (
                {
                    "type": "object",
                    "properties": {p["name"]: p["schema"] for p in params},
                    "required": [p["name"] for p in params if p.get("required")],
                    "additionalProperties": False,
                },
                {"allOf": [method["result"]["schema"]]},
            )
        )
    for call in given["calls"]:
        params, result = methods[call["method"]]
        for what, validator in (("params", params), ("result", result)):
            for error in validator.iter_errors(call[what]):
                print(f"{call['method']}: {what}: {path(error)}: {error.message[:300]}")
