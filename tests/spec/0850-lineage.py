#!/usr/bin/env python3
"""Where a file comes from: the signed records of a film, the edit it was made from and the picture before it, with what all of it cost; what is
refused; and that nothing of it can be forged."""
import base64
import json
import os
import sqlite3
import subprocess
import tempfile

from harness import Server, case, each_store, equal, expect, refusal, run, sha256, shared


def made(s, model, inputs, key="live", **more):
    reply = s.post("/v1/media/generate", dict({"model": model, "inputs": inputs}, **more), key=key)
    expect(reply.status == 200, reply)
    return reply.json


def bytes_of(s, path, key="live"):
    return s.get("/v1/drive/files/" + path, key=key).body


def plain(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def verifies(jws, keys):
    """By OpenSSL, from the published key alone."""
    head, body, signature = jws.split(".")
    kid = json.loads(plain(head))["kid"]
    key = [k for k in keys["keys"] if k["kid"] == kid]
    if not key:
        return False
    with tempfile.TemporaryDirectory() as folder:
        def at(name, data):
            path = os.path.join(folder, name)
            with open(path, "wb") as f:
                f.write(data)
            return path

        der = bytes.fromhex("302a300506032b6570032100") + plain(key[0]["x"])  # RFC 8410
        done = subprocess.run(["openssl", "pkeyutl", "-verify", "-pubin", "-keyform", "DER", "-inkey", at("key", der), "-rawin", "-in", at("text", (head + "." + body).encode()),
                               "-sigfile", at("signature", plain(signature))], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=30)
        return done.returncode == 0


def the_film(s):
    picture = made(s, "puras/sketch", {"prompt": "a harbour at dawn", "size": "64x64"}, output_path="chain/picture.png")
    edit = made(s, "puras/sketch-edit", {"image": "chain/picture.png", "prompt": "sepia"}, output_path="chain/edit.png")
    film = made(s, "puras/motion-i2v", {"image": "chain/edit.png", "prompt": "zoom in slowly", "duration": 1}, output_path="chain/film.mp4")
    return picture, edit, film


@each_store
def a_film_leads_back_to_its_picture(s):
    picture, edit, film = the_film(s)
    cost = sum(m["billed_micros"] for m in (picture, edit, film))
    answer = s.get("/v1/lineage?path=chain/film.mp4").json
    equal((answer["generations"], answer["total_micros"], answer["complete"]), (3, cost, True))
    equal([l["drive_path"] for l in answer["chain"]], ["chain/film.mp4", "chain/edit.png", "chain/picture.png"])
    records = [l["record"] for l in answer["chain"]]
    equal([r["generation"] for r in records], [m["request_id"] for m in (film, edit, picture)])
    equal([[p["sha256"] for p in r["parents"]] for r in records], [[records[1]["sha256"]], [records[2]["sha256"]], []])
    for r, path in zip(records, ("chain/film.mp4", "chain/edit.png", "chain/picture.png")):
        equal(r["sha256"], sha256(bytes_of(s, path)))
        g = s.get("/v1/generations/" + r["generation"]).json
        for name in ("model", "catalog", "billed_micros", "price_row", "kind", "book"):
            equal(r[name], g[name])
        equal(r["provider"], "local")
    equal([a["record"]["inputs_sha256"] for a in answer["chain"]], [a["inputs_sha256"] for a in records])
    # asked otherwise it is the same
    for query in ("asset=" + answer["asset"], "sha256=" + answer["sha256"]):
        equal(s.get("/v1/lineage?" + query).json, answer)
    # the records are signed, each one whole
    keys = s.get("/.well-known/puras-lineage.json", key=None).json
    for l in answer["chain"]:
        equal(json.loads(plain(l["jws"].split(".")[1])), l["record"])
        equal(l["record"]["key_id"], keys["keys"][0]["kid"])
        expect(verifies(l["jws"], keys), l["jws"])
    head, body, signature = answer["chain"][0]["jws"].split(".")
    forged = json.loads(plain(body))
    forged["billed_micros"] += 1
    for text in (".".join((head, base64.urlsafe_b64encode(json.dumps(forged).encode()).decode().rstrip("="), signature)),
                 ".".join((head, answer["chain"][1]["jws"].split(".")[1], signature))):
        expect(not verifies(text, keys), text)


@each_store
def each_generation_is_counted_once(s):
    mix = made(s, "puras/sketch", {"prompt": "two hills", "size": "64x64"}, output_path="once/a.png")
    other = made(s, "puras/sketch-edit", {"image": "once/a.png", "prompt": "blue"}, output_path="once/b.png")
    both = made(s, "puras/sketch-edit", {"image": ["once/a.png", "once/b.png"], "prompt": "composite"}, output_path="once/c.png")
    answer = s.get("/v1/lineage?path=once/c.png").json
    equal((answer["generations"], len(answer["chain"])), (3, 3))
    equal(answer["total_micros"], sum(m["billed_micros"] for m in (mix, other, both)))
    equal(len(answer["chain"][0]["record"]["parents"]), 2)
    two = made(s, "puras/sketch", {"prompt": "a pair", "size": "64x64", "n": 2}, output_path="once/pair.png")
    equal(len(two["outputs"]), 2)  # one bill, two files in one chain
    pair = [o["drive_path"] for o in two["outputs"]]
    joined = made(s, "puras/sketch-edit", {"image": pair, "prompt": "composite"}, output_path="once/e.png")
    answer = s.get("/v1/lineage?path=once/e.png").json
    equal((len(answer["chain"]), answer["generations"], answer["total_micros"]), (3, 2, two["billed_micros"] + joined["billed_micros"]))
    # what came inline is an upload: the chain ends there
    data = bytes_of(s, "once/a.png") + b"\0"  # bytes nobody has made
    edit = made(s, "puras/sketch-edit", {"image": "data:image/png;base64," + base64.b64encode(data).decode(), "prompt": "warm"}, output_path="once/d.png")
    answer = s.get("/v1/lineage?path=once/d.png").json
    equal([l["record"]["origin"] for l in answer["chain"]], ["generation", "upload"])
    equal((answer["generations"], answer["total_micros"]), (1, edit["billed_micros"]))
    equal(answer["chain"][1]["record"]["sha256"], sha256(data))


@each_store
def what_is_unknown_changed_deleted_or_foreign(s):
    made(s, "puras/sketch", {"prompt": "a fence", "size": "64x64"}, output_path="gone/a.png")
    made(s, "puras/sketch-edit", {"image": "gone/a.png", "prompt": "green"}, output_path="gone/b.png")
    here = s.get("/v1/lineage?path=gone/a.png").json
    data = bytes_of(s, "gone/a.png")
    for query, status, code in (("", 400, "invalid_argument"), ("?path=a&asset=" + "0" * 32, 400, "invalid_argument"), ("?asset=1", 400, "invalid_argument"), ("?sha256=" + "A" * 64, 400, "invalid_argument"),
                                ("?path=../a", 400, "bad_path"), ("?path=no/such.png", 404, "not_found"), ("?asset=" + "0" * 32, 404, "not_found"), ("?sha256=" + sha256(data + b"x"), 404, "not_found")):
        refusal(s.get("/v1/lineage" + query), status, code)
    refusal(s.get("/v1/lineage?path=gone/a.png", key=None), 401, "unauthenticated")
    expect("changed a byte" in s.get("/v1/lineage?sha256=" + sha256(data[:-1] + b"x")).json["detail"])
    # another project, and the other book of this one
    other = s.post("/v1/keys", {"kind": "live", "project": s.post("/v1/projects", {"name": "lineage"}, key="admin").json["id"]}, key="admin").json["key"]
    for key in (other, "test"):
        for query in ("asset=" + here["asset"], "sha256=" + here["sha256"], "path=gone/a.png"):
            refusal(s.get("/v1/lineage?" + query, key=key), 404, "not_found")
    # a deleted one is told so, and what was made of it still leads to it
    equal(s.call("DELETE", "/v1/drive/files/gone/a.png", key="live").status, 200)
    refusal(s.get("/v1/lineage?path=gone/a.png"), 404, "not_found")
    expect("has been deleted" in refusal_text(s, "asset=" + here["asset"]))
    expect("has been deleted" in refusal_text(s, "sha256=" + here["sha256"]))
    chain = s.get("/v1/lineage?path=gone/b.png").json["chain"]
    equal([(l["deleted"], l["drive_path"]) for l in chain], [(False, "gone/b.png"), (True, "")])
    equal(chain[1]["record"]["sha256"], here["sha256"])


@case
def a_test_file_of_an_older_server_made_of_a_live_one():
    with Server() as s:
        live = made(s, "puras/sketch", {"prompt": "a fence", "size": "64x64"}, output_path="mixed/a.png")
        made(s, "puras/sketch", {"prompt": "a gate", "size": "64x64"}, key="test", output_path="mixed/b.png")
        mixed = made(s, "puras/sketch-edit", {"image": "mixed/b.png", "prompt": "grey"}, key="test", output_path="mixed/c.png")
        ids = [s.get("/v1/lineage?path=" + path, key=key).json["asset"] for path, key in (("mixed/b.png", "test"), ("mixed/a.png", "live"))]
        s.stop()
        with sqlite3.connect(os.path.join(s.data, "puras.db")) as db:  # while both books had one drive, a test call could name a live file
            db.execute("update generation set files = replace(files, ?, ?) where book = 'test'", ids)
        s.start()
        seen = s.get("/v1/lineage?path=mixed/c.png", key="test").json
        equal((seen["generations"], seen["total_micros"]), (1, mixed["billed_micros"]))
        equal(seen["chain"][1], {"asset": ids[1], "drive_path": "", "deleted": False, "record": None})
        whole = s.get("/v1/lineage?asset=" + seen["asset"], key="admin").json
        equal((whole["chain"][1]["record"]["generation"], whole["chain"][1]["drive_path"], whole["total_micros"]), (live["request_id"], "mixed/a.png", mixed["billed_micros"]))


def refusal_text(s, query):
    reply = s.get("/v1/lineage?" + query)
    equal(reply.status, 404)
    return reply.json["detail"]


@case
def why_draws_the_tree():
    s = shared("sqlite")
    _, _, film = the_film(s)
    total = s.get("/v1/lineage?path=chain/film.mp4").json["total_micros"]
    with tempfile.TemporaryDirectory() as folder:
        local = os.path.join(folder, "renamed.mp4")
        with open(local, "wb") as f:
            f.write(bytes_of(s, "chain/film.mp4"))
        for name in (local, "chain/film.mp4", "drive/chain/film.mp4"):
            lines = s.cli("why", name).splitlines()
            expect(lines[0].startswith("chain/film.mp4  puras/motion-i2v by local"), lines)
            expect(any(l.startswith("   image: chain/edit.png  puras/sketch-edit") for l in lines), lines)
            expect(any(l.startswith("      image: chain/picture.png  puras/sketch by local") for l in lines), lines)
            expect("%d micros" % total in lines[-1] and "3 generations" in lines[-1], lines)
        equal(json.loads(s.cli("why", local, "--json"))["total_micros"], total)
        with open(local, "ab") as f:
            f.write(b"x")
        s.cli("why", local, status=None)
        expect("changed a byte" in s.stderr, s.stderr)
    s.cli("why", "no/such.png", status=None)
    expect("There is no file 'no/such.png'" in s.stderr, s.stderr)
    expect(film["request_id"] in s.cli("why", film["request_id"]))


run()
