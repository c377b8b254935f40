#!/usr/bin/env python3
"""Fuzzes the REST surface from its own description, GET /openapi.json: calls made of the schema's types, its limits and what lies just
outside of them. Fails on any status of 500, any status that the description does not name, an error that has not the one shape, a server
that dies, and books that do not balance.

  tests/fuzz/schema.py [CALLS_PER_OPERATION]     a generator of our own, without anything to install
  SCHEMATHESIS=/path/to/st tests/fuzz/schema.py  the same with schemathesis behind it, as an opinion that is not ours
"""
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import urllib.parse

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "spec"))
from harness import Server, case, expect, run  # noqa: E402

SEED = int(os.environ.get("FUZZ_SEED", "1"))
CALLS = int(sys.argv.pop(1)) if len(sys.argv) > 1 and sys.argv[1].isdigit() else 120
ALLOWED_5XX = ("501", "502", "503", "504", "507")  # named by the description where they can come
STRINGS = ["", " ", "a", "0", "-1", "null", "x" * 300, "x" * 5000, "ü", "\U0001f600", "a\u0000b", "\u202e", "../..", "/", "%00", "%s%n", "' or 1=1 --", "<b>", "puras/sketch", "kuaishou/kling-v3-i2v", "image", "live", "1e308",
           "5s", "0x10", "a.png", "v1.a.b", "e\u0301", "\x7f", "true"]
NUMBERS = [0, 1, -1, 2, 5, 29, 30, 3600, 2592000, 2592001, 2 ** 31, 2 ** 53, 2 ** 63 - 1, 2 ** 63, 2 ** 64, -2 ** 63, 10 ** 30, 0.1, -0.5, 1e-9, 1e308, 1.0]


class Maker:
    def __init__(self, api, known):
        self.api, self.known, self.r = api, known, random.Random(SEED)

    def deref(self, schema):
        while "$ref" in schema:
            node = self.api
            for part in schema["$ref"][2:].split("/"):
                node = node[part]
            schema = node
        return schema

    def anything(self, depth=0):
        pick = self.r.randrange(9 if depth < 4 else 5)
        if pick < 2:
            return self.r.choice(STRINGS)
        if pick < 4:
            return self.r.choice(NUMBERS)
        if pick == 4:
            return self.r.choice([None, True, False])
        if pick < 7:
            return [self.anything(depth + 1) for _ in range(self.r.randrange(4))]
        return {self.r.choice(STRINGS + ["prompt", "n", "size", "model"]): self.anything(depth + 1) for _ in range(self.r.randrange(4))}

    def value(self, schema, depth=0):
        """Mostly of the schema, sometimes just beside it, sometimes anything at all."""
        schema = self.deref(schema)
        if self.r.random() < 0.08 or depth > 6:
            return self.anything()
        for word in ("anyOf", "oneOf"):
            if word in schema:
                return self.value(self.r.choice(schema[word]), depth + 1)
        if "allOf" in schema:
            return self.value(self.r.choice(schema["allOf"]), depth + 1)
        if "enum" in schema and self.r.random() < 0.9:
            return self.r.choice(schema["enum"])
        for word in ("const", "default", "example"):
            if word in schema and self.r.random() < 0.5:
                return schema[word]
        kind = schema.get("type", "object" if "properties" in schema else None)
        kind = self.r.choice(kind) if isinstance(kind, list) else kind
        if kind == "object":
            wanted = [(k, v) for k, v in schema.get("properties", {}).items() if k in schema.get("required", []) and self.r.random() < 0.95 or self.r.random() < 0.4]
            out = {k: self.value(v, depth + 1) for k, v in wanted}
            if not schema.get("properties") or self.r.random() < 0.05:
                out.update({self.r.choice(["prompt", "n", "size", "seed", "format", "x"]): self.anything(depth + 1) for _ in range(self.r.randrange(3))})
            return out
        if kind == "array":
            return [self.value(schema.get("items", {}), depth + 1) for _ in range(self.r.randrange(4))]
        if kind in ("integer", "number"):
            edge = [schema[w] + d for w in ("minimum", "maximum") if w in schema for d in (-1, 0, 1)]
            return self.r.choice(edge + NUMBERS[:8] if edge and self.r.random() < 0.8 else NUMBERS)
        if kind == "boolean":
            return self.r.choice([True, False])
        if kind == "null":
            return None
        if kind == "string":
            edge = ["y" * max(0, schema[w] + d) for w in ("minLength", "maxLength") if w in schema and schema[w] < 70000 for d in (-1, 0, 1)]
            return self.r.choice(edge + STRINGS + self.known if self.r.random() < 0.7 or not edge else edge)
        return self.anything(depth)


def request_of(m, path, op, item):
    query, headers = [], {}
    for p in item.get("parameters", []) + op.get("parameters", []):
        p = m.deref(p)
        value = m.value(p.get("schema", {}))
        text = value if isinstance(value, str) else json.dumps(value)
        if p["in"] == "path":
            text = m.r.choice([text, m.r.choice(m.known), "0" * 32]) or "0"
            path = path.replace("{%s}" % p["name"], urllib.parse.quote(text.encode("utf-8", "replace"), safe="" if m.r.random() < 0.5 else "/")[:6000])
        elif p["in"] == "query" and (p.get("required") or m.r.random() < 0.5):
            query.append((p["name"], text[:1500]))
        elif p["in"] == "header" and m.r.random() < 0.4:
            clean = re.sub(r"[^\x20-\x7e\xa0-\xff]", "?", text)[:1000].encode("latin-1").decode("latin-1").strip()
            headers[p["name"]] = clean
    if query:
        path += "?" + urllib.parse.urlencode(query, errors="replace")
    body = None
    if "requestBody" in op:
        kind, media = next(iter(m.deref(op["requestBody"])["content"].items()))
        if kind == "application/json":
            body = json.dumps(m.value(media.get("schema", {}))).encode()
            if m.r.random() < 0.05:
                body = body[:m.r.randrange(len(body) + 1)]
            headers["Content-Type"] = "application/json" if m.r.random() < 0.97 else "text/plain"
        else:
            body = m.r.randbytes(m.r.choice([0, 1, 100, 70000]))
    return path, headers, body


def judge(reply, op, what):
    expect(str(reply.status) in op["responses"], "%s: the status is not described: %r" % (what, reply))
    expect(reply.status < 500 or str(reply.status) in ALLOWED_5XX, "%s: %r" % (what, reply))
    if reply.status >= 400 and reply.body:
        body = reply.json
        wrapped = next(iter(op["responses"]["400"].values())).rsplit("/", 1)[-1].startswith("O")  # of OpenAI's shape
        if wrapped:
            expect(body["error"]["type"] and "param" in body["error"], "%s: %r" % (what, reply))
            body = body["error"]
        expect(reply.body.startswith(b'{"error":{"detail":' if wrapped else b'{"detail":') and body["code"] and body["charged_micros"] == 0 and len(body["detail"].encode()) < 500, "%s: %r" % (what, reply))


@case
def calls_made_of_the_description():
    with Server("--quiet") as s:
        made = s.post("/v1/media/generate", {"model": "puras/sketch", "inputs": {"prompt": "x", "size": "64x64"}}).json
        api = s.get("/openapi.json", key=None).json
        m = Maker(api, [made["request_id"], made["drive_path"], "puras/sketch", "kuaishou/kling-v3-i2v", s.get("/v1/balance").json["project_id"]])
        seen = {}
        for path, item in api["paths"].items():
            for method, op in item.items():
                if method == "parameters":
                    continue
                for n in range(CALLS):
                    target, headers, body = request_of(m, path, op, item)
                    key = m.r.choice(["live", "live", "test", "admin", None])
                    # a call that waits would only wait
                    if method == "post" and "generat" in path:
                        headers["Prefer"] = "respond-async"
                    target = re.sub(r"([?&]wait=)[^&]*", r"\g<1>0", target)
                    what = "seed %d, %s %s (%s key) %r" % (SEED, method.upper(), target[:300], key, body and body[:300])
                    try:
                        reply = s.call(method.upper(), target, body, key=key, headers=headers, timeout=20)
                    except (OSError, ValueError) as e:
                        raise AssertionError("%s: %r" % (what, e))
                    judge(reply, op, what)
                    seen[reply.status] = seen.get(reply.status, 0) + 1
                    if method == "delete" and "keys" in path and reply.status == 200:
                        raise AssertionError("%s: a key was guessed" % what)
        expect(s.alive(), "the server died")
        s.audit()
        print("    " + ", ".join("%d: %d" % pair for pair in sorted(seen.items())))


def schemathesis(kind):
    with Server("--quiet") as s, tempfile.TemporaryDirectory() as folder:
        s.post("/v1/media/generate", {"model": "puras/sketch", "inputs": {"prompt": "x", "size": "64x64"}})
        key = s.post("/v1/keys", {"kind": kind}, key="admin").json["key"]  # it may find and revoke what it uses
        if kind == "admin":
            key = s.admin
        with open(os.path.join(folder, "schemathesis.toml"), "w", encoding="utf-8") as f:
            f.write('[checks.not_a_server_error]\nexpected-statuses = ["2xx", "3xx", "4xx", %s]\n' % ", ".join('"%s"' % n for n in ALLOWED_5XX))
        done = subprocess.run([os.environ["SCHEMATHESIS"], "--config-file", os.path.join(folder, "schemathesis.toml"), "run", s.url + "/openapi.json", "-H", "X-API-Key: " + key, "--checks",
                               "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,allow_header_conformance", "-n", os.environ.get("FUZZ_EXAMPLES", "40"),
                               "--request-timeout", "30", "--seed", str(SEED), "--suppress-health-check", "all", "--warnings", "off"], cwd=folder, capture_output=True, text=True, timeout=900)
        expect(done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:])
        expect(s.alive(), "the server died")
        print("    " + re.search(r"Test cases:\n\s*(.*)", done.stdout).group(1))


if os.environ.get("SCHEMATHESIS"):
    @case
    def schemathesis_with_a_live_key():
        schemathesis("live")

    @case
    def schemathesis_with_a_test_key():
        schemathesis("test")

    @case
    def schemathesis_with_an_admin_key():
        schemathesis("admin")


run()
