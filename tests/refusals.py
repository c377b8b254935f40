#!/usr/bin/env python3
"""Holds what the scenarios saw against the document: every refusal that /openapi.json names for an operation has been provoked by one, and
none came that it does not name.

    tests/refusals.py FILE     FILE: what harness.py wrote, a JSON list [method, path, status, code, scenario] a line

Statuses that every operation has (the server's framing, a server in trouble) need one witness in all; every other one needs its own."""
import json
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "spec"))
from harness import Server, expect  # noqa: E402

# Answers to requests that lead to no operation: another method, an unknown path, framing the server does not speak.
NOWHERE = {404, 405, 501, 505}


def matcher(path):
    rest = path.endswith("}")
    parts = ["[^/]+" if part.startswith("{") else re.escape(part) for part in path.split("/")]
    return re.compile("/".join(parts[:-1] + [".+" if rest else parts[-1]]))


def documented(document):
    """{(method, path): its statuses of refusal}, and those that all of them have."""
    out = {}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            out[method.upper(), path] = {int(status) for status in operation["responses"] if int(status) >= 400}
    return out, set.intersection(*out.values())


def main():
    with Server() as server:
        operations, common = documented(server.get("/openapi.json", key=None).json)
    # the most literal first: /v1/keys/{prefix}/rotate before what takes the rest of a path
    patterns = sorted(((op, matcher(op[1])) for op in operations), key=lambda p: (p[0][1].endswith("}"), p[0][1].count("{")))
    seen, anywhere, strange = {}, set(), []
    with open(sys.argv[1], encoding="utf-8") as f:
        for line in f:
            method, path, status, code, scenario = json.loads(line)
            anywhere.add(status)
            op = next((op for op, pattern in patterns if op[0] == ("GET" if method == "HEAD" else method) and pattern.fullmatch(path)), None)
            if op:
                seen.setdefault(op, set()).add(status)
            if status not in NOWHERE and status not in (operations[op] if op else common):
                strange.append("%s %s answered %d %s in %s, which the document does not name" % (method, path, status, code, scenario))
    missing = ["%s %s: no scenario provokes its %d" % (*op, status) for op, all_of in sorted(operations.items())
               for status in sorted(all_of - common - seen.get(op, set()))]
    missing += ["no scenario provokes a %d anywhere" % status for status in sorted(common - anywhere)]
    print("%d refusals of %d operations are documented" % (sum(len(all_of - common) for all_of in operations.values()), len(operations)))
    for text in sorted(set(missing + strange)):
        print(text)
    expect(operations and anywhere, "nothing was seen")
    sys.exit(1 if missing or strange else 0)


main()
