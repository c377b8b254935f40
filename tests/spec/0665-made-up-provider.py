#!/usr/bin/env python3
"""A provider that nobody has heard of, described from docs/PROVIDERS.md alone: two files written into a folder of a running server, and it serves."""
import http.server
import json
import os
import shutil
import struct
import subprocess
import tempfile
import threading
import time
import zlib

from harness import PURAS, TOP, Server, case, equal, expect, refusal, run, sha256

KEY = "wick-7"


def png(width, height, shade):
    """A grey picture."""
    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
    rows = b"".join(b"\0" + bytes([shade]) * width for _ in range(height))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


class Lantern(http.server.BaseHTTPRequestHandler):
    """Paints on tickets. Nothing about it is like any other provider: the key's header, the words for a state, where the pictures stand, how it refuses."""
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def say(self, status, body, kind="application/json"):
        body = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def known(self):
        if self.headers.get("X-Wick") == KEY:
            return True
        self.say(418, {"grumble": {"kind": "stranger", "words": "Who are you?"}})
        return False

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if not self.known():
            return
        shop = self.server.shop
        shop["orders"].append(body)
        words = body["scene"]["words"]
        if "forbidden" in words:
            self.say(200, {"grumble": {"kind": "blush", "words": "I do not paint that."}})
        elif "early" in words and not shop.setdefault("early", False):
            shop["early"] = True
            self.say(503, {"grumble": {"kind": "yawn", "words": "Too early."}})
        else:
            number = str(len(shop["tickets"]) + 17)
            shop["tickets"][number] = {"order": body, "looks": 0}
            self.say(202, {"ticket": {"no": number}, "mood": "napping"})

    def do_GET(self):
        if not self.known():
            return
        shop = self.server.shop
        parts = self.path.split("/")
        if parts[1] == "look":
            ticket = shop["tickets"][parts[2]]
            ticket["looks"] += 1
            if ticket["looks"] < 2:
                self.say(200, {"mood": "painting", "dried": "40%"})
            else:
                self.say(200, {"mood": "proud", "shelf": [{"at": "/shelf/%s/%d" % (parts[2], i)} for i in range(ticket["order"]["copies"])], "candles": 3 * ticket["order"]["copies"]})
        elif parts[1] == "shelf":
            scene = shop["tickets"][parts[2]]["order"]["scene"]
            self.say(200, png(scene["wide"], scene["high"], 10 + int(parts[3])), "image/png")


DESCRIPTION = """
provider: lantern
title: The lantern shop
base: http://127.0.0.1:%(port)d
private: ["127.0.0.1:%(port)d"]
status: documented
auth: {scheme: header, name: X-Wick, format: "{key}"}
key: {env: LANTERN_KEY, about: A wick of the shop}
limits: {concurrency: 4, rate: 50/s, polls: 50/s}
pace: {first: 0.1s, every: 0.1s, max: 1s}
protocol: queue
submit:
  path: /paint
  request: '(.input.size | split("x") | map(tonumber)) as $size | {scene: {words: .input.prompt, wide: $size[0], high: $size[1]}, copies: .input.n, mine: $our_ref}'
  reply: {ref: ticket.no, status: mood}
poll:
  path: "/look/{ref}"
  reply: {status: mood, progress: dried}
statuses: {napping: waiting, painting: running, proud: done}
failed_when: {at: grumble.kind, exists: true}
errors:
  - {at: grumble.kind, is: [blush], class: moderation}
  - {at: grumble.kind, is: [stranger], class: auth}
  - {at: grumble.kind, is: [yawn], class: transient}
error_message: grumble.words
outputs:
  files: "shelf[*].at"
  credentials: true
  meta: {candles: candles}
"""
MODEL = """
slug: lantern/grey
kind: image
title: Grey pictures
inputs:
  prompt: {type: text, required: true, max_chars: 500}
  size:   {type: size, default: 64x48, min: 16, max: 512, aliases: [image_size]}
  n:      {type: int, default: 1, min: 1, max: 4, aliases: [num_images], price: true}
price:
  unit: image
  outputs: {input: n}
  rate_table: [{micros: 3000}]
routes:
  - {provider: lantern, model: grey, carries: {n: copies}, cost: {unit: image, rate_table: [{micros: 2000}]}}
"""


class Shop:
    """The provider on a free port."""

    def __enter__(self):
        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Lantern)
        self.http.shop = self.shop = {"orders": [], "tickets": {}}
        threading.Thread(target=self.http.serve_forever, daemon=True).start()
        self.port = self.http.server_address[1]
        return self

    def __exit__(self, *args):
        self.http.shutdown()
        self.http.server_close()


def write(folder, name, text):
    """As an editor does: beside it first, then over it."""
    path = os.path.join(folder, name)
    with open(path + ".new", "w", encoding="utf-8") as f:
        f.write(text)
    os.rename(path + ".new", path)


def wait_for(look, seconds=15):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        seen = look()
        if seen:
            return seen
        threading.Event().wait(0.05)
    raise AssertionError("it did not come to pass")


@case
def a_running_server_serves_it():
    with Shop() as shop, tempfile.TemporaryDirectory() as folder:
        os.mkdir(os.path.join(folder, "providers"))
        os.mkdir(os.path.join(folder, "models"))
        with Server("--catalog", folder, env={"LANTERN_KEY": KEY}) as s:
            pid = s.process.pid
            refusal(s.post("/v1/quote", {"model": "lantern/grey", "inputs": {"prompt": "x"}}), 400, "unknown_model")
            write(os.path.join(folder, "providers"), "lantern.yaml", DESCRIPTION % {"port": shop.port})
            write(os.path.join(folder, "models"), "grey.yaml", MODEL)
            wait_for(lambda: s.get("/v1/models/lantern/grey").status == 200)
            before = s.balance()

            made = s.wait(s.submit("lantern/grey", {"prompt": "a lamp", "num_images": 2, "image_size": {"width": 80, "height": 60}}))
            equal((made["status"], made["billed_micros"]), ("completed", 6000))
            equal(s.balance(), before - 6000)
            equal(len(made["outputs"]), 2)
            for i, output in enumerate(made["outputs"]):
                equal(sha256(s.fetch(output["url"]).body), sha256(png(80, 60, 10 + i)))
            order = shop.shop["orders"][0]
            equal((order["scene"], order["copies"]), ({"words": "a lamp", "wide": 80, "high": 60}, 2))
            expect(order["mine"], order)
            equal(made["meta"]["metrics"]["candles"], 6)

            # it says no in its own words, and nothing is billed
            bad = s.wait(s.submit("lantern/grey", {"prompt": "a forbidden thing"}))
            equal((bad["status"], bad["billed_micros"]), ("failed", 0))
            expect("I do not paint that" in json.dumps(bad["error"]), bad)
            # an answer that asks to come again is not the caller's trouble
            again = s.wait(s.submit("lantern/grey", {"prompt": "an early bird"}))
            equal((again["status"], again["billed_micros"]), ("completed", 3000))
            equal(s.balance(), before - 9000)
            # with a test key the shop hears nothing
            orders = len(shop.shop["orders"])
            equal(s.wait(s.submit("lantern/grey", {"prompt": "a lamp"}, key="test"), key="test")["status"], "completed")
            equal(len(shop.shop["orders"]), orders)
            s.audit()
            equal(s.process.pid, pid)
            expect(KEY not in s.log(), "the key stands in the log")


@case
def a_description_that_is_wrong_is_named_and_changes_nothing():
    with tempfile.TemporaryDirectory() as folder:
        os.mkdir(os.path.join(folder, "providers"))
        for text, words in [
                (DESCRIPTION.replace("proud: done", "proud: happy"), "happy"),
                (DESCRIPTION.replace("path: /paint", "path: /paint/{nobody}"), "nobody"),
                (DESCRIPTION.replace("class: moderation", "class: shame"), "shame"),
                (DESCRIPTION.replace("copies: .input.n", "copies: (.input.n"), "compile"),
                (DESCRIPTION.replace("pace:", "paces:"), "paces"),
                (DESCRIPTION.replace("scheme: header", "scheme: charm"), "charm")]:
            write(os.path.join(folder, "providers"), "lantern.yaml", text % {"port": 4711})
            write(folder, "grey.yaml", MODEL)
            done = subprocess.run([PURAS, "catalog", "lint", folder], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)
            expect(done.returncode != 0 and words in done.stdout.decode(), (words, done.stdout))
        # what the price counts has to be told to the provider
        write(os.path.join(folder, "providers"), "lantern.yaml", DESCRIPTION.replace("copies: .input.n", "copies: 4") % {"port": 4711})
        done = subprocess.run([PURAS, "catalog", "lint", folder], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)
        expect(done.returncode != 0 and "copies" in done.stdout.decode(), done.stdout)
        write(os.path.join(folder, "providers"), "lantern.yaml", DESCRIPTION % {"port": 4711})
        done = subprocess.run([PURAS, "catalog", "lint", folder], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
        equal((done.returncode, done.stdout.decode()[:9]), (0, "1 models,"))


@case
def engines_of_ones_own_are_a_few_lines():
    """The files to copy, and those in the page, are whole models."""
    with open(os.path.join(TOP, "docs", "PROVIDERS.md"), encoding="utf-8") as f:
        page = f.read().split("## Engines of your own")[1]
    blocks = [part.split("```")[0] for part in page.split("```yaml\n")[1:]]
    expect(len(blocks) >= 4, blocks)
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as shipped:
        for i, block in enumerate(blocks):
            write(folder, "%d.yaml" % i, block)
        os.mkdir(os.path.join(shipped, "providers"))
        for name in ("comfyui", "sd-cpp", "openai-compatible"):
            shutil.copy(os.path.join(TOP, "catalog", "providers", name + ".yaml"), os.path.join(shipped, "providers"))
        for engines in (folder, os.path.join(TOP, "examples", "engines")):
            done = subprocess.run([PURAS, "catalog", "lint", shipped, engines], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)
            equal((done.returncode, b"no problems" in done.stdout), (0, True))


run()
