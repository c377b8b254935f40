#!/usr/bin/env python3
"""Links to other servers where a model takes a file: refused for where they lead, fetched where the operator has allowed it, and every
way in which a fetch can fail."""
import base64
import hashlib
import http.server
import json
import os
import struct
import subprocess
import threading
import time
import zlib

from harness import PURAS, Server, Unmoved, case, equal, expect, pg_database, refusal, run, sha256, shared


def png(side=64, noise=False):
    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    rows = b"".join(b"\0" + (hashlib.shake_256(b"%d" % y).digest(side * 3) if noise else bytes([y % 256, y % 256, 90]) * side) for y in range(side))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


SMALL, LARGE = png(), png(1200, noise=True)  # LARGE: over 4 MB


class Elsewhere:
    """A server of somebody else; what its paths do stands in `answer`."""

    def __init__(self):
        outer = self
        self.asked, self.dead, self.held = [], False, threading.Event()

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                outer.asked.append(self.path)
                try:
                    outer.answer(self)
                except OSError:
                    pass  # the other side has heard enough

            def log_message(self, *args):
                pass

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads, self.http.handle_error = True, lambda *hung_up: None
        self.address = "127.0.0.1:%d" % self.http.server_port
        self.url = "http://" + self.address
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.held.set()
        self.http.shutdown()
        self.http.server_close()

    def send(self, h, status, body=b"", length=None, **headers):
        h.send_response(status)
        h.send_header("Content-Length", str(len(body) if length is None else length))
        for name, value in headers.items():
            h.send_header(name, value)
        h.end_headers()
        h.wfile.write(body)

    def answer(self, h):
        path, _, query = h.path[1:].partition("?")
        if self.dead:
            self.send(h, 410)
        elif path == "small.png":
            self.send(h, 200, SMALL)
        elif path == "large.png":
            self.send(h, 200, LARGE)
        elif path == "words":
            self.send(h, 200, b"only words")
        elif path == "many-words":
            self.send(h, 200, b"only words " * 300000)
        elif path == "noise":
            self.send(h, 200, b"\x01\xfe\x02" * 30)
        elif path == "much-noise":
            self.send(h, 200, b"\x01\xfe\x02" * 900000)
        elif path == "sound.wav":
            self.send(h, 200, b"RIFF\x24\x08\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00\x44\xac\x00\x00\x88\x58\x01\x00\x02\x00\x10\x00data\x00\x08\x00\x00" + b"\0" * 2048)
        elif path == "empty":
            self.send(h, 200)
        elif path == "half":
            self.send(h, 200, LARGE[:5000], length=len(LARGE))
            h.close_connection = True
        elif path == "half-hold":
            self.send(h, 200, LARGE[:2000000], length=len(LARGE))
            self.held.wait(60)
            h.close_connection = True
        elif path == "huge":
            self.send(h, 200, SMALL, length=50 * 1024 * 1024 + 1)
        elif path == "endless":  # a picture that does not say how long it is, and does not end
            h.send_response(200)
            h.send_header("Transfer-Encoding", "chunked")
            h.end_headers()
            piece = LARGE[:1 << 20]
            for _ in range(60):
                h.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            h.close_connection = True
        elif path == "to":
            self.send(h, 302, Location=query)
        elif path == "hold":
            self.held.wait(60)
            h.close_connection = True
        elif path.isdigit():
            self.send(h, int(path), b"nothing to see")
        else:
            self.send(h, 404)


def edit(s, image, key="live", **more):
    return s.post("/v1/media/generate", {"model": "puras/sketch-edit", "inputs": {"image": image, "prompt": "sepia"}}, key=key, **more)


def blobs(s):
    return sorted(os.path.join(folder, name) for folder, _, names in os.walk(os.path.join(s.data, "blobs", "up")) for name in names) + sorted(os.listdir(os.path.join(s.data, "tmp")) if os.path.isdir(os.path.join(s.data, "tmp")) else [])


@case
def links_into_the_house_are_refused():
    s = shared("sqlite")
    with Elsewhere() as e, Unmoved(s):
        port = e.http.server_port
        for host in ("127.0.0.1", "localhost", "LOCALHOST", "localhost.", "127.1", "0x7f.1", "2130706433", "0177.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "10.0.0.1", "169.254.169.254", "192.168.1.1",
                     "172.16.0.1", "100.64.0.1", "[fd00::1]", "[fe80::1]", "[64:ff9b::7f00:1]", "127.0.0.1."):
            for shape in ("http://%s:%d/small.png" % (host, port), {"url": "http://%s:%d/small.png" % (host, port)}):
                body = refusal(edit(s, shape), 400, "egress_refused")
                expect("image" in body["detail"] and body["field"] == "image" and "Nothing was charged" in body["detail"], body)
        for link in ("https://", "http:///small.png", "http://user:pass@127.0.0.1/", "http://exa mple/", "http://1.2.3.4.5/", "http://a/" + "b" * 9000):
            refusal(edit(s, link), 400, "invalid_argument")
        refusal(edit(s, e.url + "/small.png", key="test"), 400, "egress_refused")
        equal(e.asked, [])
    own = s.url + "/small.png" if isinstance(s.url, str) else "http://127.0.0.1:%d/healthz" % s.port
    refusal(edit(s, own), 400, "egress_refused")


def serving(e, store="sqlite"):
    return Server("--allow-private", e.address, database=pg_database() if store == "postgres" else None)


def a_link_is_a_file_of_the_drive(store):
    with Elsewhere() as e, serving(e, store) as s:
        inline = edit(s, {"data": base64.b64encode(SMALL).decode()})
        equal(inline.status, 200)
        seen = set()
        for image in (e.url + "/small.png", {"url": e.url + "/small.png"}, [e.url + "/small.png"], e.url + "/to?" + e.url + "/small.png", e.url + "/to?/small.png"):
            made = edit(s, image)
            expect(made.status == 200, (image, made))
            equal((made.json["kind"], made.json["billed_micros"]), ("image", 12000))
            kept = s.get("/v1/generations/" + made.json["request_id"]).json["inputs"]["image"]
            seen.add((kept[0] if isinstance(kept, list) else kept)["drive_path"])
        equal(seen, {"inputs/" + sha256(SMALL)[:32] + ".png"})  # the file that came inline is the same one
        equal(e.asked.count("/small.png"), 5)
        made = edit(s, e.url + "/large.png", key="test")
        equal((made.status, made.json["billed_micros"]), (200, 12000))
        path = s.get("/v1/generations/" + made.json["request_id"], key="test").json["inputs"]["image"]["drive_path"]
        equal(s.call("GET", "/v1/drive/files/" + path, key="test").body, LARGE)
        # The address is allowed as it stands and in no other way.
        asked = len(e.asked)
        with Unmoved(s):
            refusal(edit(s, "http://127.0.0.2:%d/small.png" % e.http.server_port), 400, "egress_refused")
            refusal(edit(s, "http://127.0.0.1:%d/healthz" % s.port), 400, "egress_refused")
            refusal(edit(s, e.url + "/to?http://127.0.0.1:%d/healthz" % s.port), 400, "egress_refused")
        equal(len(e.asked), asked + 1)
        checks = {c["check"]: c for c in json.loads(s.cli("doctor", "--json"))["checks"]}
        expect("1 private one (" in checks["egress"]["text"], checks["egress"])
        s.audit()


@case
def a_link_is_a_file_of_the_drive_sqlite():
    a_link_is_a_file_of_the_drive("sqlite")


@case
def a_link_is_a_file_of_the_drive_postgres():
    a_link_is_a_file_of_the_drive("postgres")


@case
def a_fetch_that_fails_costs_nothing():
    with Elsewhere() as e, serving(e) as s:
        before = blobs(s)
        with Unmoved(s):
            for path, status, code, words in (("nothing", 400, "invalid_argument", "answered 404"), ("500", 400, "invalid_argument", "answered 500"), ("204", 400, "invalid_argument", "answered 204"),
                                              ("words", 415, "unsupported_media_type", "is text/plain"), ("many-words", 415, "unsupported_media_type", "is text/plain"),
                                              ("noise", 415, "unsupported_media_type", "no picture"), ("much-noise", 415, "unsupported_media_type", "no picture"),
                                              ("sound.wav", 415, "unsupported_media_type", "takes image"), ("empty", 400, "invalid_argument", "with nothing"),
                                              ("half", 400, "invalid_argument", "in the middle of its answer"), ("huge", 400, "invalid_argument", "at most 52428800"),
                                              ("endless", 400, "invalid_argument", "longer than the 52428800"), ("to?/to?/to?/to?/small.png", 400, "invalid_argument", "more than 3 times"),
                                              ("to?ftp://127.0.0.1/x", 400, "invalid_argument", "only http"), ("to?http://10.0.0.1/", 400, "egress_refused", "a private address")):
                body = refusal(edit(s, e.url + "/" + path), status, code)
                expect(words in body["detail"] and "Nothing was charged" in body["detail"] and e.url not in body["detail"], (path, body))
            # One of two fails: the other is not kept either.
            refusal(edit(s, [e.url + "/small.png", e.url + "/nothing"]), 400, "invalid_argument")
            refusal(edit(s, ["in/none.png", e.url + "/small.png"]), 400, "invalid_argument")
        end = time.monotonic() + 10
        while blobs(s) != before and time.monotonic() < end:
            time.sleep(0.02)
        equal(blobs(s), before)
        equal([f["path"] for f in s.get("/v1/drive").json["files"] if f["path"].startswith("inputs/")], [])
        # A model that cannot be called is refused before anything is fetched.
        asked = len(e.asked)
        refusal(s.post("/v1/media/generate", {"model": "puras/none", "inputs": {"image": e.url + "/small.png"}}), 400, "unknown_model")
        equal(len(e.asked), asked)


@case
def a_full_drive_takes_no_link_and_leaves_no_blob():
    with Elsewhere() as e, serving(e) as s:
        project = s.get("/v1/balance").json["project_id"]
        s.cli("projects", "set", project, "--drive-limit", str(20 * 1024 * 1024), key="admin")
        equal(s.call("PUT", "/v1/drive/files/fill.bin", b"x" * (18 * 1024 * 1024), key="live").status, 201)
        before = blobs(s)
        with Unmoved(s):
            refusal(edit(s, e.url + "/large.png"), 507, "drive_full")
        end = time.monotonic() + 10
        while blobs(s) != before and time.monotonic() < end:
            time.sleep(0.02)
        equal(blobs(s), before)


@case
def a_repeat_needs_no_link_any_more():
    with Elsewhere() as e, serving(e) as s:
        key = {"Idempotency-Key": "with-a-link"}
        first = edit(s, e.url + "/small.png", headers=key)
        equal(first.status, 200)
        e.dead = True
        again = edit(s, e.url + "/small.png", headers=key)
        equal((again.status, again.json["request_id"]), (200, first.json["request_id"]))
        refusal(edit(s, e.url + "/small.png"), 400, "invalid_argument")


@case
def who_waits_for_a_link_is_answered_when_the_server_stops():
    with Elsewhere() as e, serving(e) as s:
        replies = []
        threads = [threading.Thread(target=lambda: replies.append(edit(s, e.url + "/hold"))) for _ in range(3)]
        for t in threads:
            t.start()
        end = time.monotonic() + 10
        while e.asked.count("/hold") < 3 and time.monotonic() < end:
            time.sleep(0.02)
        began = time.monotonic()
        equal(s.stop(), 0)
        expect(time.monotonic() - began < 10, "the stop waited for the links")
        for t in threads:
            t.join()
        for reply in replies:
            expect("Nothing" in refusal(reply, 503, "unavailable")["detail"] or "nothing was charged" in reply.json["detail"], reply)
        s.start()
        equal(edit(s, e.url + "/small.png").status, 200)
        s.audit()


@case
def a_server_killed_in_the_middle_of_a_fetch_has_held_nothing():
    with Elsewhere() as e, serving(e) as s:
        before, seen = blobs(s), Unmoved(s).look()

        def call():
            try:
                edit(s, e.url + "/half-hold")
            except OSError:
                pass  # it is killed

        t = threading.Thread(target=call)
        t.start()
        end = time.monotonic() + 10
        while len(blobs(s)) == len(before) and time.monotonic() < end:
            time.sleep(0.02)
        expect(len(blobs(s)) > len(before), "nothing was on its way to the disk")
        s.kill9()
        t.join()
        s.start()
        equal(Unmoved(s).look(), seen)
        end = time.monotonic() + 10
        while blobs(s) != before and time.monotonic() < end:
            time.sleep(0.02)
        equal(blobs(s), before)
        equal(edit(s, e.url + "/small.png").status, 200)
        s.audit()


@case
def what_an_operator_mistypes_is_said():
    for args, words in ((("--allow-private", "minio.lan:9000"), "is not an address"), (("--allow-private", "10.0.0.1,10.0.0.0/8"), "10.0.0.0/8"), (("--allow-private", ""), "is not an address"),
                        (("--egress-proxy", "socks5://127.0.0.1:1"), "only http"), (("--egress-proxy", "proxy:3128"), "only http")):
        done = subprocess.run([PURAS, "serve", "--data", "/nonexistent/x", *args], capture_output=True, text=True, timeout=20)
        equal(done.returncode, 2)
        expect(words in done.stderr, done.stderr)


run()
