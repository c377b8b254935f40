#!/usr/bin/env python3
"""RULES B7 and C6: what a provider made and the caller's own output_url_path hides is billed once, kept, and delivered for nothing more. What was
not made, or is hidden by nobody but the description, costs nothing."""
import base64
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading

from harness import TOP, Server, case, equal, expect, pg_database, refusal, run, sha256
from installed import PREFIX, build, install
from provider_double import KEY, Double, catalog, png, until

NODE = shutil.which("node") or shutil.which("nodejs") or "node"
PRICE = 3000
DAY = 24 * 3600 * 1000


class World:
    """The double, a catalog of its own and a server on it."""

    def __init__(self, database=None):
        self.database = database

    def __enter__(self):
        self.double = Double().__enter__()
        self.folder = catalog(self.double)
        self.server = Server("--catalog", self.folder.__enter__(), database=self.database, env=KEY).__enter__()
        self.before = self.server.balance()
        return self.double, self.server, self

    def __exit__(self, kind, error, trace):
        if not kind:
            self.server.audit()
        self.server.__exit__(kind, error, trace)
        self.folder.__exit__(kind, error, trace)
        self.double.__exit__(kind, error, trace)

    def paid(self, micros):
        equal(self.before - self.server.balance(), micros)
        equal(self.server.get("/v1/balance").json["held_micros"], 0)


def album(d, n=1):
    """An answer whose links stand where nobody looks by himself, beside links that are no files."""
    return {"status_url": d.url + "/queue/work/w1", "input": {"picture": "https://elsewhere.example/in.png"},
            "album": {"items": [{"asset": {"href": "%s/file/w1/%d.png" % (d.url, i)}} for i in range(n)]}}


def hidden(d, s, n=1, path="album.items[0].link", **more):
    d.fault("result", say=album(d, n))
    reply = s.post("/v1/generations", dict({"model": "double/blind", "inputs": {"prompt": "a", "n": n}, "output_url_path": path}, **more))
    made = s.wait(reply.json["id"])
    equal((made["status"], made["outputs"], made["error"]["code"]), ("completed", [], "output_not_found"))
    return made


def deliver(s, id, path=None, key="live"):
    return s.post("/v1/generations/%s/deliver" % id, {} if path is None else {"output_url_path": path}, key=key)


def the_whole_way(database):
    with World(database) as (d, s, world):
        d.fault("result", say=album(d))
        body = {"model": "double/blind", "inputs": {"prompt": "a"}, "output_url_path": "album.items[0].link", "output_path": "cat.png"}
        again = {"Idempotency-Key": "the-cat"}
        told = refusal(s.post("/v1/media/generate", body, headers=again), 422, "output_not_found", charged=PRICE)
        id = told["generation_id"]
        for word in ("`album.items[0].link`", "`album.items[0].asset.href`", "30 days", "/v1/generations/%s/deliver" % id):
            expect(word in told["detail"], told)
        expect("status_url" not in told["detail"] and "input" not in told["detail"].replace("output", ""), told)
        world.paid(PRICE)
        equal(refusal(s.post("/v1/media/generate", body, headers=again), 422, "output_not_found", charged=PRICE)["generation_id"], id)
        made = s.get("/v1/generations/" + id).json
        equal((made["status"], made["outputs"], made["billed_micros"], made["error"]["charged_micros"]), ("completed", [], PRICE, PRICE))
        s.restart()

        told = refusal(deliver(s, id, "album.items[7].asset.href"), 422, "output_not_found")
        equal(told["field"], "output_url_path")
        expect("items[7]" in told["detail"], told)
        refusal(deliver(s, id), 422, "output_not_found")
        equal(s.get("/v1/generations/" + id).json["outputs"], [])
        reply = deliver(s, id, "album.items[0].asset.href")
        equal(reply.status, 200)
        equal((reply.json["status"], reply.json["error"], reply.json["billed_micros"], len(reply.json["outputs"])), ("completed", None, PRICE, 1))
        equal((reply.json["outputs"][0]["drive_path"], reply.json["outputs"][0]["sha256"]), ("cat.png", sha256(d.picture)))
        equal(s.fetch(reply.json["outputs"][0]["url"]).body, d.picture)
        equal([e["name"] for e in reply.json["stages"]][-2:], ["completed", "delivered"])
        files = d.count("file")
        equal(deliver(s, id, "album.items[0].asset.href").json["outputs"][0]["id"], reply.json["outputs"][0]["id"])  # once more: the same, and nothing fetched
        equal(d.count("file"), files)
        made = s.post("/v1/media/generate", body, headers=again)  # the call itself now has its file
        equal((made.status, made.json["drive_path"], made.json["billed_micros"]), (200, "cat.png", PRICE))
        equal(d.count("submit"), 1)
        world.paid(PRICE)
        equal([t["purpose"] for t in s.get("/v1/ledger?limit=2").json["transfers"]], ["capture", "hold"])


@case
def billed_once_and_delivered_on_sqlite():
    the_whole_way(None)


@case
def billed_once_and_delivered_on_postgres():
    the_whole_way(pg_database())


@case
def as_many_are_billed_as_the_answer_has():
    with World() as (d, s, world):
        made = hidden(d, s, n=3)
        equal(made["billed_micros"], 3 * PRICE)
        made = deliver(s, made["id"], "album.items[*].asset.href").json
        equal((len(made["outputs"]), made["billed_micros"]), (3, 3 * PRICE))
        one = hidden(d, s, n=3)  # one path after the other: it stays open until all are there
        for i in range(3):
            got = deliver(s, one["id"], "album.items[%d].asset.href" % i).json
            equal((len(got["outputs"]), got["error"] is None, got["billed_micros"]), (i + 1, i == 2, 3 * PRICE))
        equal(len({o["drive_path"] for o in got["outputs"]}), 3)
        d.fault("result", say=album(d, 1))  # fewer than were asked for
        made = s.wait(s.post("/v1/generations", {"model": "double/blind", "inputs": {"prompt": "a", "n": 4}, "output_url_path": "x"}).json["id"])
        equal((made["error"]["code"], made["billed_micros"]), ("output_not_found", PRICE))
        world.paid(7 * PRICE)


@case
def nothing_newer_is_replaced_and_no_bound_passed():
    with World() as (d, s, world):
        made = hidden(d, s, output_path="cat.png")
        equal(s.call("PUT", "/v1/drive/files/cat.png", b"mine", key="live").status, 201)
        project = s.get("/v1/balance").json["project_id"]
        s.call("PATCH", "/v1/projects/" + project, {"drive_limit": 10}, key="admin")
        told = refusal(deliver(s, made["id"], "album.items[0].asset.href"), 507, "drive_full")
        expect("deliver it again" in told["detail"], told)
        s.call("PATCH", "/v1/projects/" + project, {"drive_limit": 10 ** 9}, key="admin")
        got = deliver(s, made["id"], "album.items[0].asset.href").json
        equal(got["outputs"][0]["drive_path"], "media/%s.png" % made["id"])
        equal(s.get("/v1/drive/files/cat.png").body, b"mine")
        world.paid(PRICE)


@case
def megabytes_inside_of_the_answer_are_kept_too():
    with World() as (d, s, world):
        picture = png(64, 48, bytes(range(256)) * 2000)
        d.fault("make", say={"album": {"first": {"bytes64": base64.b64encode(picture).decode()}, "second": {"bytes64": base64.b64encode(d.picture).decode()}}})
        made = s.wait(s.post("/v1/generations", {"model": "double/sync", "inputs": {"prompt": "a"}, "output_url_path": "album.first.link"}).json["id"])
        equal((made["status"], made["error"]["code"], made["billed_micros"]), ("completed", "output_not_found", PRICE))
        expect("`album.first.bytes64`" in made["error"]["detail"], made["error"])
        s.kill9()
        s.start()
        made = deliver(s, made["id"], "album.first.bytes64").json
        equal((len(made["outputs"]), made["outputs"][0]["sha256"]), (1, sha256(picture)))
        equal(s.fetch(made["outputs"][0]["url"]).body, picture)
        world.paid(PRICE)


@case
def without_a_path_of_the_callers_nothing_is_charged():
    with World() as (d, s, world):
        d.fault("result", say=album(d))
        made = s.wait(s.submit("double/blind", {"prompt": "a"}))  # the description is at fault
        equal((made["status"], made["error"]["code"], made["billed_micros"]), ("failed", "provider_failed", 0))
        for word in ("`album`", "Nothing was charged", "output_url_path", "`album.items[0].asset.href`"):
            expect(word in made["error"]["detail"], made["error"])
        refusal(deliver(s, made["id"], "album.items[0].asset.href"), 409, "conflict")
        nothing = album(d)  # the provider says done and has made nothing: a path hides nothing then
        nothing["album"] = {"items": [], "web": d.url + "/p/w1", "log": "many words " * 7000}  # pages of the provider's, and words, are no files
        d.fault("result", say=nothing)
        made = s.wait(s.post("/v1/generations", {"model": "double/blind", "inputs": {"prompt": "a"}, "output_url_path": "album.items[0].link"}).json["id"])
        equal((made["status"], made["error"]["code"], made["billed_micros"]), ("failed", "provider_failed", 0))
        world.paid(0)


@case
def a_dead_link_is_asked_for_anew():
    with World() as (d, s, world):
        made = hidden(d, s)
        d.fault("file", status=410)
        d.fault("result", say=album(d))
        results = d.count("result")
        got = deliver(s, made["id"], "album.items[0].asset.href").json
        equal((got["status"], len(got["outputs"]), d.count("result") - results), ("completed", 1, 1))
        made = hidden(d, s)
        d.fault("file", status=503)
        told = refusal(deliver(s, made["id"], "album.items[0].asset.href"), 502, "provider_failed")
        expect("Nothing more was charged" in told["detail"], told)
        d.fault("file", status=404, times=2)
        d.fault("result", say=album(d))
        told = refusal(deliver(s, made["id"], "album.items[0].asset.href"), 502, "output_lost")
        expect("was billed" in told["detail"] and "Nothing was charged" not in told["detail"], told)
        equal(len(deliver(s, made["id"], "album.items[0].asset.href").json["outputs"]), 1)  # that link lives: nothing was given up
        world.paid(2 * PRICE)


@case
def two_at_once_deliver_one():
    with World() as (d, s, world):
        made = hidden(d, s)
        seen = []
        with d.hold("file") as at:
            one = threading.Thread(target=lambda: seen.append(deliver(s, made["id"], "album.items[0].asset.href")))
            one.start()
            at.wait()
            seen.append(deliver(s, made["id"], "album.items[0].asset.href"))
        one.join()
        equal([r.status for r in seen], [200, 200])
        equal(len({r.json["outputs"][0]["id"] for r in seen}), 1)
        equal(len(s.get("/v1/drive").json["files"]), 1)
        world.paid(PRICE)


@case
def who_may_and_when():
    with World() as (d, s, world):
        made = hidden(d, s)
        path = "album.items[0].asset.href"
        refusal(deliver(s, made["id"], path, key="test"), 404, "not_found")
        refusal(deliver(s, "0" * 32, path), 404, "not_found")
        refusal(s.post("/v1/generations/%s/deliver" % made["id"], {"path": "x"}), 400, "invalid_argument")
        with d.hold("submit"):
            waiting = s.submit("double/blind", {"prompt": "a"})
            until(s, waiting, lambda g: g["status"] == "processing")
            refusal(deliver(s, waiting, path), 409, "conflict")
        equal(s.wait(waiting)["status"], "completed")
        told = refusal(deliver(s, made["id"], "a[b"), 422, "output_not_found")
        expect("a[b" in told["detail"], told)
        s.stop()
        with sqlite3.connect(os.path.join(s.data, "puras.db")) as db:
            db.execute("update generation set finished_at = finished_at - ? where id = ?", (30 * DAY + 60000, made["id"]))
        s.start()
        told = refusal(deliver(s, made["id"], path), 409, "conflict")
        expect("30 days" in told["detail"], told)


@case
def from_the_command_line():
    with World() as (d, s, world):
        made = hidden(d, s)
        text = s.cli("generations", made["id"])
        expect("output_not_found" in text and "deliver" in text, text)
        s.cli("generations", "deliver", made["id"], "--output-url-path", "nowhere", status=7)
        text = s.cli("generations", "deliver", made["id"], "--output-url-path", "album.items[0].asset.href")
        expect("media/%s.png" % made["id"] in text, text)
        world.paid(PRICE)


PYTHON = """
import json, sys
from puras import PurasAPIError, media
try:
    media.run("double/blind", {"prompt": "a"}, output_url_path="nowhere")
except PurasAPIError as error:
    refused = error
made = media.get(refused.generation_id)
try:
    made.result()
except PurasAPIError as error:
    again = error
got = made.deliver("album.items[0].asset.href").result()
print(json.dumps([refused.code, refused.charged_micros, again.code, got["drive_path"], got["billed_micros"]]))
"""
JAVASCRIPT = """
import {Puras} from %(module)s;
const media = new Puras().media;
const g = await media.submit("double/blind", {prompt: "a"}, {outputUrlPath: "nowhere"});
const refused = await g.wait().catch((error) => error);
const got = (await g.deliver({outputUrlPath: "album.items[0].asset.href"})).result();
console.log(JSON.stringify([refused.code, refused.chargedMicros, refused.code, got.drive_path, got.billed_micros]));
"""
C = r"""
#include <puras.h>
#include <stdio.h>
int main(void) {
    puras_error e, late;
    puras *p = puras_open(NULL, NULL, &e);
    puras_inputs *in = puras_inputs_new();
    puras_text(in, "prompt", "a");
    puras_options o = {.output_url_path = "nowhere"};
    puras_result *r = NULL;
    if (puras_run(p, "double/blind", in, &o, &r, &e)) return 3;
    if (puras_deliver(p, e.generation_id, "elsewhere", &r, &late)) return 4;
    if (!puras_deliver(p, e.generation_id, "album.items[0].asset.href", &r, &late)) return 5;
    printf("[\"%s\", %lld, \"%s\", \"%s\", %lld]\n", e.code, (long long)e.charged_micros, late.code, r->outputs[0].drive_path, (long long)r->billed_micros);
    puras_result_free(r), puras_inputs_free(in), puras_close(p);
    return 0;
}
"""


@case
def from_each_client():
    install()
    with World() as (d, s, world), tempfile.TemporaryDirectory() as folder:
        source = os.path.join(folder, "deliver.c")
        with open(source, "w", encoding="utf-8") as f:
            f.write(C)
        env = dict(os.environ, PURAS_API_BASE=s.url, PURAS_API_KEY=s.live, PYTHONPATH=os.path.join(TOP, "python"), LD_LIBRARY_PATH=PREFIX + "/lib")
        script = JAVASCRIPT % {"module": json.dumps(os.path.join(TOP, "js", "index.js"))}
        for n, command in enumerate(([sys.executable, "-c", PYTHON], [NODE, "--input-type=module", "-e", script], [build(source, os.path.join(folder, "deliver"))])):
            d.fault("result", say=album(d))
            done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60)
            equal((done.returncode, done.stderr), (0, ""))
            told = json.loads(done.stdout)
            equal((told[:3], told[4]), (["output_not_found", PRICE, "output_not_found"], PRICE))
            equal(s.get("/v1/drive/files/" + told[3]).body, d.picture)
            world.paid((n + 1) * PRICE)


@case
def a_cancel_that_comes_too_late_says_what_it_costs():
    with World() as (d, s, world):
        d.polls_until_done = 10
        d.fault("cancel", refuse=True)
        id = s.submit("double/blind", {"prompt": "a"})
        until(s, id, lambda g: any(e["name"] == "accepted" for e in g["stages"]))
        reply = s.post("/v1/generations/%s/cancel" % id, {})
        equal((reply.status, reply.json["status"], reply.json["cancel_requested"]), (200, "processing", True))
        expect("If it confirms, nothing is charged; otherwise" in reply.json["status_detail"], reply.json)
        made = s.wait(id)
        equal((made["status"], made["billed_micros"], len(made["outputs"])), ("completed", PRICE, 1))
        expect("came too late" in made["status_detail"], made)
        d.polls_until_done = 10
        id = s.submit("double/blind", {"prompt": "a"})
        until(s, id, lambda g: any(e["name"] == "accepted" for e in g["stages"]))
        s.post("/v1/generations/%s/cancel" % id, {})
        made = s.wait(id)
        equal((made["status"], made["billed_micros"], made.get("status_detail")), ("cancelled", 0, None))
        world.paid(PRICE)


run()
