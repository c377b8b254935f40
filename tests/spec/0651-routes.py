#!/usr/bin/env python3
"""Which route a call takes when providers fail, and how many leave at once: a provider that answers as it is told, on loopback, behind descriptions of this
file. Sync protocol, the picture inline, so that nothing but the choice is in question."""
import contextlib
import http.server
import json
import os
import tempfile
import threading
import time

from harness import Server, case, equal, expect, refusal, run

MANY = int(os.environ.get("PURAS_WAITING") or 150)  # tests/check.d runs it with a thousand
RATE = max(40, MANY // 8)
PIXEL = ("data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==")
DESCRIPTION = """provider: {name}
title: The {name} service
base: http://127.0.0.1:{port}/{name}
private: ["127.0.0.1:{port}"]
status: documented
auth: {{scheme: bearer}}
key: {{env: SPEC_{upper}_KEY, about: a key}}
limits: {limits}
errors:
  - {{status: [402], class: quota}}
protocol: sync
submit: {{path: /run}}
outputs: {{files: url}}
"""
MODEL = """slug: studio/{name}
kind: image
title: {name}
inputs:
  prompt: {{type: text, default: x}}
price: {{unit: call, rate_table: [{{micros: 20000}}]}}
routes:
  - {{provider: acme, model: a1, cost: {{unit: call, rate_table: [{{micros: 15000}}]}}}}
{more}"""
BOLT = "  - {provider: bolt, model: b1, cost: {unit: call, rate_table: [{micros: 16000}]}}\n"


class Upstream:
    """Answers 200 with a pixel, or what `says[name]` holds: (status, headers)."""

    def __init__(self):
        self.says, self.arrivals, self.lock = {}, [], threading.Lock()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                name = self.path.split("/")[1]
                with outer.lock:
                    outer.arrivals.append((time.monotonic(), name, self.headers.get("Authorization")))
                    status, headers = outer.says.get(name, (200, {}))
                body = json.dumps({"url": PIXEL} if status == 200 else {"message": "told to say %d" % status}).encode()
                self.send_response(status)
                for k, v in dict(headers, **{"Content-Type": "application/json", "Content-Length": str(len(body))}).items():
                    self.send_header(k, v)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args):
                pass

        class Many(http.server.ThreadingHTTPServer):
            request_queue_size, daemon_threads = 1024, True

        self.server = Many(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def of(self, name):
        with self.lock:
            return [a for a in self.arrivals if a[1] == name]

    def most_within(self, name, seconds):
        at = [a[0] for a in self.of(name)]
        return max((sum(1 for u in at[i:] if u - t < seconds) for i, t in enumerate(at)), default=0)


@contextlib.contextmanager
def studio(limits="{concurrency: 40}", args=(), keys=("acme", "bolt")):
    up = Upstream()
    with tempfile.TemporaryDirectory() as folder:
        os.makedirs(os.path.join(folder, "providers"))
        for name in ("acme", "bolt"):
            with open(os.path.join(folder, "providers", name + ".yaml"), "w") as f:
                f.write(DESCRIPTION.format(name=name, upper=name.upper(), port=up.port, limits=limits))
        for name, more in (("pair", BOLT), ("single", "")):
            with open(os.path.join(folder, name + ".yaml"), "w") as f:
                f.write(MODEL.format(name=name, more=more))
        with Server("--catalog", folder, *args, env={"SPEC_%s_KEY" % k.upper(): "key-of-" + k for k in keys}) as s:
            try:
                yield s, up
            finally:
                up.server.shutdown()
                up.server.server_close()


def row(s, name):
    return next(p for p in s.get("/v1/providers", key="admin").json["providers"] if p["name"] == name)


def billed_calls(s):
    return sum(r["events"] for r in s.get("/v1/usage_events?group=model").json["sums"])


def usage(s):
    return s.get("/v1/usage_events").json["usage_events"]


@case
def our_key_refused_goes_on_to_the_next_route():
    for status, word in ((401, "auth"), (402, "quota")):
        with studio() as (s, up):
            up.says["acme"] = (status, {})
            done = s.wait(s.submit("studio/pair"))
            equal((done["status"], done["billed_micros"]), ("completed", 20000))
            equal([a[1:] for a in up.arrivals], [("acme", "Bearer key-of-acme"), ("bolt", "Bearer key-of-bolt")])
            equal([(u["provider"], u["upstream_cost_micros"]) for u in usage(s)], [("bolt", 16000)])
            equal((row(s, "acme")["failures"], row(s, "acme")["last_failure"]["class"], row(s, "bolt")["failures"]), ({word: 1}, word, {}))
            expect("key-of" not in s.log() + s.get("/v1/providers", key="admin").body.decode() + s.get("/metrics", key=None).body.decode(), "a key was shown")
            listed = s.cli("providers", key="admin")  # to its operator nothing has to be said of charges
            expect(word in listed and "charged" not in listed, listed)
            up.says["bolt"] = (401, {})
            failed = s.wait(s.submit("studio/pair"))
            equal((failed["status"], failed["billed_micros"], failed["error"]["code"]), ("failed", 0, "provider_failed"))
            equal(len(up.arrivals), 4)  # each once
            failed = s.wait(s.submit("studio/single"))
            equal((failed["status"], failed["error"]["code"], len(up.of("acme"))), ("failed", "provider_failed", 3))
            s.audit()


@case
def what_was_not_begun_goes_on_to_a_route_that_was_not_tried():
    with studio() as (s, up):
        for status, headers in ((404, {}), (503, {}), (429, {"Retry-After": "30"})):
            up.says["acme"] = (status, headers)
            began = time.monotonic()
            done = s.wait(s.submit("studio/pair"))
            equal((done["status"], done["attempts"]), ("completed", 2))
            expect(time.monotonic() - began < 5, "it waited for the first route")
            equal([a[1] for a in up.arrivals[-2:]], ["acme", "bolt"])
            up.says.clear()
            s.wait(s.submit("studio/pair"))
            equal(up.arrivals[-1][1], "bolt" if status == 429 else "acme")  # a credential that rests is left alone
    with studio() as (s, up):
        up.says["acme"] = (404, {})  # the model is gone there, and no other makes it
        failed = s.wait(s.submit("studio/single"))
        equal((failed["status"], failed["attempts"], failed["error"]["code"], failed["billed_micros"]), ("failed", 1, "provider_failed", 0))


@case
def a_provider_that_asks_to_wait_is_waited_for():
    with studio() as (s, up):
        up.says["acme"] = (429, {"Retry-After": "1"})
        i = s.submit("studio/single")
        while len(up.of("acme")) < 6:  # more than a failure of another kind would have
            time.sleep(0.05)
        equal(s.get("/v1/generations/" + i).json["status"] in ("pending", "processing"), True)
        up.says.clear()
        done = s.wait(i)
        equal((done["status"], done["billed_micros"]), ("completed", 20000))
        expect(done["attempts"] > 5, done["attempts"])


@case
def a_broken_route_is_left_alone_and_tried_again():
    with studio() as (s, up):
        up.says["acme"] = (503, {})
        ids = [s.submit("studio/pair") for _ in range(8)]
        for i in ids:
            equal(s.wait(i)["status"], "completed")
        tried = len(up.of("acme"))
        expect(5 <= tried <= 8 + 5, tried)
        equal((row(s, "acme")["breaker"], row(s, "acme")["open_routes"], row(s, "bolt")["breaker"]), ("open", ["a1"], "closed"))
        equal(s.wait(s.submit("studio/pair"))["status"], "completed")
        equal(len(up.of("acme")), tried)  # at once by the other
        expect("open" in s.cli("providers", key="admin"), "")
        up.says.clear()
        waiting = s.submit("studio/single")  # it has no other: it waits for the probe
        equal(s.wait(waiting)["status"], "completed")
        equal(row(s, "acme")["breaker"], "closed")
        s.wait(s.submit("studio/pair"))
        equal(up.arrivals[-1][1], "acme")
        s.audit()


@case
def the_declared_rate_is_never_passed():
    with studio(limits="{rate: 10/s}") as (s, up):
        s.call("PATCH", "/v1/projects/%s" % s.get("/v1/balance").json["project_id"], {"run_limit": 100}, key="admin")
        ids = [s.submit("studio/single") for _ in range(35)]
        for i in ids:
            equal(s.wait(i)["status"], "completed")
        equal(len(up.of("acme")), 35)
        expect(up.most_within("acme", 0.9) <= 10, up.most_within("acme", 0.9))  # what lies between leaving and arriving is not ours
        at = [a[0] for a in up.of("acme")]
        expect(at[-1] - at[0] < 8, at[-1] - at[0])


@case
def the_rate_counts_what_left_before_a_restart():
    with studio(limits="{rate: 2/m}") as (s, up):
        for _ in range(2):
            equal(s.wait(s.submit("studio/single"))["status"], "completed")
        s.kill9()
        s.start()
        s.submit("studio/single")
        end = time.monotonic() + 20
        while row(s, "acme")["waiting"] != 1 and len(up.of("acme")) == 2 and time.monotonic() < end:
            time.sleep(0.05)
        equal((row(s, "acme")["waiting"], len(up.of("acme"))), (1, 2))


@case
def a_429_stops_the_credential_until_its_time():
    with studio() as (s, up):
        up.says["acme"] = (429, {"Retry-After": "3"})
        first = s.submit("studio/single")
        while not up.arrivals:
            time.sleep(0.01)
        up.says.clear()
        time.sleep(0.2)
        others = [s.submit("studio/single") for _ in range(5)]
        for i in [first] + others:
            equal(s.wait(i)["status"], "completed")
        at = [a[0] for a in up.of("acme")]
        expect(len(at) == 7 and 2.8 < at[1] - at[0] < 8, at)


@case
def many_wait_while_it_is_down_and_the_rate_holds():
    with studio(limits="{concurrency: 50, rate: %d/s}" % RATE, args=("--slots", "1200")) as (s, up):
        s.call("PATCH", "/v1/projects/%s" % s.get("/v1/balance").json["project_id"], {"run_limit": 1100, "drive_limit": 10 ** 12}, key="admin")
        s.post("/v1/top-up", {"usd": 100}, key="admin")
        up.says["acme"] = (503, {})
        ids = [s.submit("studio/single") for _ in range(MANY)]
        while row(s, "acme")["breaker"] != "open":
            time.sleep(0.05)
        time.sleep(1)
        down = len(up.of("acme"))
        expect(down < 60, down)  # those that were out at once, and then probes
        up.says.clear()
        for i in ids:
            equal(s.wait(i, seconds=120)["status"], "completed")
        expect(up.most_within("acme", 0.9) <= RATE, up.most_within("acme", 0.9))
        equal(billed_calls(s), MANY)
        s.audit()


run()
