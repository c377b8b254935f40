#!/usr/bin/env python3
"""One picture from prompt to file: quoted, held, captured, signed, audited; over REST, then over the command line."""
import json
import os
import struct
import tempfile

from harness import Server, audit_folder, case, equal, expect, run, sha256

PROMPT = "two red bicycles under a blue umbrella at sunset"
PRICE = 10000


def png_size(data):
    expect(data[:8] == b"\x89PNG\r\n\x1a\n", data[:16])
    return struct.unpack(">II", data[16:24])


@case
def one_picture_over_rest():
    with Server() as s:
        before = s.balance()
        equal(before, 10_000_000)
        quote = s.post("/v1/quote", {"model": "puras/sketch", "inputs": {"prompt": PROMPT}})
        equal(quote.status, 200)
        equal(quote.json["quoted_micros"], PRICE)
        reply = s.post("/v1/media/generate", {"model": "puras/sketch", "inputs": {"prompt": PROMPT}})
        equal(reply.status, 200)
        made = reply.json
        equal(made["kind"], "image")
        equal(made["billed_micros"], PRICE)
        equal(made["billed_usd"], 0.01)
        equal(made["drive_path"], "media/%s.png" % made["request_id"])
        stored = s.get("/v1/drive/files/" + made["drive_path"])
        equal(stored.status, 200)
        equal(stored.headers["Content-Type"], "image/png")
        png_size(stored.body)
        linked = s.fetch(made["output_url"])
        equal((linked.status, sha256(linked.body)), (200, sha256(stored.body)))
        equal(s.fetch(made["output_url"][:-1] + ("A" if made["output_url"][-1] != "A" else "B")).status, 403)
        equal(s.balance(), before - PRICE)
        usage = s.get("/v1/usage_events").json["usage_events"]
        equal([u["billed_micros"] for u in usage], [PRICE])
        s.audit()


@case
def the_same_over_the_command_line():
    with Server() as s, tempfile.TemporaryDirectory() as folder:
        file = os.path.join(folder, "picture.png")
        receipt = s.cli("run", "puras/sketch", "-i", "prompt=" + PROMPT, "-i", "seed=7", "-o", file)
        for word in ("quoted", "held", "billed", "row", "stages", "drive", "url"):
            expect(any(line.startswith(word) for line in receipt.splitlines()), receipt)
        expect("0.01 USD (10000 micros)" in receipt, receipt)
        with open(file, "rb") as f:
            data = f.read()
        png_size(data)
        generations = json.loads(s.cli("generations", "--json"))["generations"]
        equal([g["status"] for g in generations], ["completed"])
        equal(generations[0]["outputs"][0]["sha256"], sha256(data))
        equal(json.loads(s.cli("balance", "--json"))["available_micros"], 10_000_000 - PRICE)
        s.cli("ledger", "audit", key="admin")
        s.cli("drive", "get", generations[0]["outputs"][0]["drive_path"], os.path.join(folder, "again.png"))
        with open(os.path.join(folder, "again.png"), "rb") as f:
            equal(sha256(f.read()), sha256(data))
        equal(s.stop(), 0)
        report = audit_folder(s.data)
        equal((report["ok"], report["revenue_micros"]), (True, PRICE))


@case
def a_generation_survives_a_kill():
    with Server() as s:
        ids = [s.submit("puras/sketch", {"prompt": PROMPT, "seed": n}) for n in range(3)]
        s.restart()
        for i in ids:
            equal(s.wait(i)["status"], "completed")
        equal(s.balance(), 10_000_000 - 3 * PRICE)
        s.audit()


@case
def refusals_hold_nothing():
    with Server() as s:
        before = s.balance()
        equal(s.post("/v1/generations", {"model": "puras/skecth", "inputs": {}}).json["code"], "unknown_model")
        equal(s.post("/v1/generations", {"model": "puras/sketch"}, key="puras_live_00000000.nothing").status, 401)
        equal(s.cli("run", "puras/skecth", "-i", "prompt=x", status=2), "")
        expect("puras/sketch" in s.stderr, s.stderr)
        equal(s.cli("balance", key=None, status=4), "")
        equal(s.balance(), before)
        s.audit()


run()
