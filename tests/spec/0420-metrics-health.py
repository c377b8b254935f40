#!/usr/bin/env python3
"""What an operator's tools read: health, readiness, figures, the API's own description, and the headers of every answer."""
import json
import re

from harness import Server, case, each_store, equal, expect, refusal, run, shared

CALL = {"model": "puras/sketch", "inputs": {"prompt": "a figure", "size": "64x64"}}


def metrics(s):
    """{name with labels: value}; checks the text format on the way."""
    reply = s.get("/metrics", key=None)
    equal(reply.status, 200)
    expect(reply.headers["Content-Type"].startswith("text/plain; version=0.0.4"), reply.headers)
    text, out, typed, helped = reply.body.decode(), {}, {}, set()
    expect(text.endswith("\n"), text[-50:])
    for line in text.splitlines():
        if not line:
            continue
        if line.startswith("# HELP "):
            expect(line.split(" ")[2] not in helped, line)  # a reader takes a family that is described twice for broken text
            helped.add(line.split(" ")[2])
        elif line.startswith("# TYPE "):
            typed[line.split(" ")[2]] = line.split(" ")[3]
        else:
            match = re.fullmatch(r"([a-z_][a-z0-9_]*)(\{[^}]*\})? (-?[0-9.e+]+|NaN|[+-]Inf)", line)
            expect(match, line)
            name = re.sub(r"_(bucket|sum|count)$", "", match.group(1)) if match.group(1) not in typed else match.group(1)
            expect(name in typed and name in helped and name.startswith("puras_"), line)
            expect(match.group(1) + (match.group(2) or "") not in out, line)
            out[match.group(1) + (match.group(2) or "")] = float(match.group(3))
            expect(typed[name] != "counter" or name.endswith("_total"), line)
    return out


@each_store
def the_figures_count(s):
    first = metrics(s)
    s.post("/v1/media/generate", CALL)
    s.post("/v1/generations", {"model": "nobody/knows"})
    s.call("PUT", "/v1/drive/files/m.txt", b"x", key="live")
    second = metrics(s)
    for name, least in (("puras_submits_total", 1), ("puras_submits_refused_total", 1), ("puras_uploads_total", 1), ("puras_settled_total", 1), ("puras_http_requests_total", 3), ("puras_commit_batches_total", 3)):
        expect(second[name] - first[name] >= least, (name, first[name], second[name]))
    for name in first:
        expect(name in second and (not name.endswith("_total") or second[name] >= first[name]), name)
    equal(second["puras_callers_parked"], 0)
    with s.hold_renders():
        i = s.submit("puras/sketch", CALL["inputs"])
        equal(metrics(s)["puras_tasks"], 1)
    s.wait(i)
    equal(metrics(s)["puras_tasks"], 0)


@each_store
def health_and_readiness(s):
    for path in ("/health", "/healthz"):
        equal((s.get(path, key=None).status, s.get(path, key=None).json), (200, {"status": "ok"}))
        equal(s.call("HEAD", path).status, 200)
    ready = s.get("/readyz", key=None).json
    equal((ready["status"], ready["catalog"], len(ready["node"])), ("ready", s.post("/v1/quote", CALL).json["catalog"], 32))
    expect(isinstance(ready["warnings"], list), ready)


@case
def the_description_fits_the_routes():
    s = shared("sqlite")
    api = s.get("/openapi.json", key=None).json
    expect(api["openapi"].startswith("3.1"), api["openapi"])
    equal(api["servers"][0]["url"], s.url)
    operations = set()
    refs = set(re.findall(r'"\$ref": ?"#/components/([^"]+)"', json.dumps(api)))
    for ref in refs:
        node = api["components"]
        for part in ref.split("/"):
            node = node[part]
    for path, item in api["paths"].items():
        for method, op in item.items():
            if method == "parameters":
                continue
            expect(op["operationId"] not in operations and op["summary"] and op["responses"], (path, method))
            operations.add(op["operationId"])
            concrete = re.sub(r"\{[^}]+\}", "0" * 32, path)
            keyed = s.call(method.upper(), concrete, {} if method in ("post", "patch") else b"x" if method == "put" else None, key="admin")
            expect(keyed.status != 405 and str(keyed.status) in op["responses"], (method, path, keyed.status, list(op["responses"])))
            bare = s.call(method.upper(), concrete, {} if method in ("post", "patch") else None)
            expect(str(bare.status) in op["responses"], (method, path, bare.status))
            equal(bare.status == 401, bool(op.get("security", api.get("security"))))
    expect(len(operations) >= 30, operations)


@case
def headers_of_every_answer():
    s = shared("sqlite")
    ids = set()
    for method, path, key in (("GET", "/health", None), ("GET", "/v1/balance", "live"), ("GET", "/v1/balance", None), ("GET", "/nowhere", None), ("POST", "/v1/balance", "live"), ("GET", "/v1/generations/x", "live"), ("GET", "/metrics", None),
                              ("GET", "/v1/pricing", None), ("HEAD", "/readyz", None), ("DELETE", "/openapi.json", None)):
        reply = s.call(method, path, key=key, headers={"X-Request-Id": "mine"})
        expect(re.fullmatch("[0-9a-f]{32}", reply.headers["X-Request-Id"]), reply.headers)
        ids.add(reply.headers["X-Request-Id"])
        expect(re.match(r"total;dur=\d", reply.headers["Server-Timing"]), reply.headers)
        equal((reply.headers["Cache-Control"], reply.headers["X-Content-Type-Options"]), ("no-store", "nosniff"))
        expect("Server" not in reply.headers or "/" not in reply.headers["Server"], reply.headers)
        expect(reply.headers["Date"], reply.headers)
    equal(len(ids), 10)


@case
def other_methods_and_paths():
    s = shared("sqlite")
    for method, path, allow in (("PUT", "/v1/balance", "GET, HEAD"), ("GET", "/v1/quote", "POST"), ("PATCH", "/v1/generations", "POST, GET, HEAD"), ("POST", "/health", "GET, HEAD"), ("OPTIONS", "/v1/quote", "POST"), ("HEAD", "/v1/quote", "POST"), ("TRACE", "/health", "GET, HEAD")):
        reply = s.call(method, path, key="live")
        equal((reply.status, sorted(reply.headers["Allow"].split(", "))), (405, sorted(allow.split(", "))))
    for path in ("/", "/v1", "/v1/", "/v1/generation", "/v1/generations/", "/V1/balance", "/v1/balance/", "//v1/balance", "/v1/%62alance", "/favicon.ico", "/v1/../v1/balance", "/.env", "/v1/drive/files", "/v1/keys/a/b"):
        refusal(s.get(path), 404, "not_found")
    equal(s.raw(b"BREW / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", timeout=5).split(b" ")[1], b"501")


@case
def lists_are_paged_without_gaps():
    s = shared("sqlite")
    project = s.post("/v1/projects", {"name": "pages"}, key="admin").json["id"]
    key = s.post("/v1/keys", {"kind": "live", "project": project}, key="admin").json["key"]
    s.post("/v1/top-up", {"usd": 1, "project": project}, key="admin")
    ids = [s.post("/v1/media/generate", CALL, key=key).json["request_id"] for _ in range(7)]
    for path, name, count in (("generations", "generations", 7), ("usage_events", "usage_events", 7), ("ledger", "transfers", 15)):
        seen, before = [], ""
        while before is not None:
            page = s.get("/v1/%s?limit=3%s" % (path, "&before=%s" % before if before else ""), key=key).json
            seen += [row["seq"] for row in page[name]]
            before = page["next_before"]
        equal((path, seen), (path, list(range(count, 0, -1))))
        for query in ("limit=0", "limit=201", "limit=x", "before=-1", "before=x", "before=0", "limit=1.5"):
            refusal(s.get("/v1/%s?%s" % (path, query), key=key), 400, "invalid_argument")
        equal(s.get("/v1/%s?limit=&before=" % path, key=key).status, 200)
    equal([g["id"] for g in s.get("/v1/generations", key=key).json["generations"]], ids[::-1])
    equal(len(s.get("/v1/generations?state=completed&model=puras/sketch", key=key).json["generations"]), 7)
    equal(s.get("/v1/generations?state=failed", key=key).json["generations"], [])
    expect(s.get("/v1/generations?state=nonsense", key=key).status in (200, 400), "state")
    s.audit()


@case
def the_log_is_json_and_drops_queries():
    with Server() as s:
        s.get("/v1/balance?secret=of-mine")
        s.get("/v1/balance", key=None)
        s.get("/v1/\"quoted\\path\x01".replace("\x01", "%01"))
        s.stop()
        lines = [json.loads(line) for line in s.log().splitlines() if line.strip()]
        expect(len(lines) >= 3 and all("ts" in l and "level" in l and "ev" in l for l in lines), lines)
        expect("of-mine" not in s.log(), "a query stands in the log")
        requests = [l for l in lines if l["ev"] == "http.request"]
        expect(any(l["path"] == "/v1/balance" and l["status"] == 200 and "code" not in l for l in requests), requests)
        expect(any(l["status"] == 401 and l["code"] == "unauthenticated" for l in requests), requests)
    with Server("--quiet") as s:
        s.get("/v1/balance")
        s.stop()
        equal(s.log(), "")


run()
