#!/usr/bin/env python3
"""`puras run` against a server that breaks: a stream that ends early is read on from its last event, a lost submit is repeated
under the same key, a file that arrives changed is refused. The server here is a script, so that each break happens exactly where
the case wants it."""
import hashlib
import http.server
import json
import os
import subprocess
import tempfile
import threading

from harness import PURAS, case, equal, expect, run

ID = "0" * 31 + "1"
FILE = b"\x89PNG\r\n\x1a\n picture"


class Script(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def answer(self, status, body, kind="application/json"):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        seen = self.server.seen
        self.rfile.read(int(self.headers["Content-Length"]))
        seen["keys"].append(self.headers["Idempotency-Key"])
        if len(seen["keys"]) <= seen["lose"]:
            self.close_connection = True  # taken, and no answer
            return
        self.answer(202, json.dumps({"id": ID, "status": "pending", "held_micros": 10000}).encode())

    def do_GET(self):
        seen = self.server.seen
        if self.path.endswith("/events"):
            after = self.headers["Last-Event-ID"]
            seen["after"].append(after)
            first = int(after or 0) + 1
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.send_header("Connection", "close")
            self.end_headers()
            last = min(first + 1, len(seen["events"]))  # two events a stream, then it breaks
            for n in range(first, last + 1):
                event = seen["events"][n - 1]
                self.wfile.write(b"id: %d\nevent: %s\ndata: {\"type\":\"%s\",\"data\":{}}\n\n" % (n, event, event))
            self.close_connection = True
        elif self.path.startswith("/v1/drive/files/"):
            self.answer(200, seen["file"], "image/png")
        else:
            state = seen["events"][-1].decode()
            error = {"code": "refused", "detail": "The model will not draw that."} if state == "failed" else None
            outputs = [{"drive_path": "media/a.png", "sha256": hashlib.sha256(FILE).hexdigest(), "url": "http://x/"}] if state == "completed" else []
            self.answer(200, json.dumps({"id": ID, "status": state, "model": "m", "quoted_micros": 10000,
                                         "billed_micros": 10000 if outputs else 0, "outputs": outputs, "error": error}).encode())


def play(events, lose=0, file=FILE):
    """Runs `puras run` against the script; returns what was seen, the finished process and the file or None."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Script)
    server.daemon_threads = True
    server.seen = {"keys": [], "after": [], "events": events, "lose": lose, "file": file}
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory() as folder:
        out = os.path.join(folder, "a.png")
        env = dict(os.environ, PURAS_API_BASE="http://127.0.0.1:%d" % server.server_port, PURAS_API_KEY="puras_live_x.y")
        done = subprocess.run([PURAS, "run", "m", "-i", "prompt=x", "-o", out], env=env, capture_output=True, timeout=60, text=True)
        made = open(out, "rb").read() if os.path.exists(out) else None
        equal([n for n in os.listdir(folder) if n.endswith(".part")], [])
    server.shutdown()
    server.server_close()
    return server.seen, done, made


@case
def a_broken_stream_is_read_on_from_its_last_event():
    seen, done, made = play([b"submitted", b"started", b"progress", b"progress", b"completed"])
    equal((done.returncode, made), (0, FILE))
    equal(seen["after"], [None, "2", "4"])


@case
def a_lost_submit_is_repeated_under_the_same_key():
    seen, done, made = play([b"submitted", b"completed"], lose=2)
    equal((done.returncode, made), (0, FILE))
    equal(len(seen["keys"]), 3)
    expect(len(set(seen["keys"])) == 1 and len(seen["keys"][0]) == 32, seen)


@case
def a_submit_lost_three_times_is_given_up():
    seen, done, made = play([b"completed"], lose=9)
    equal((done.returncode, len(seen["keys"]), made), (6, 3, None))


@case
def a_file_that_arrives_changed_is_refused():
    seen, done, made = play([b"completed"], file=FILE + b"!")
    equal((done.returncode, made), (1, None))
    expect("puras drive get media/a.png" in done.stderr, done.stderr)


@case
def a_failed_generation_says_why_and_what_it_cost():
    seen, done, made = play([b"submitted", b"failed"])
    equal((done.returncode, made, done.stdout), (7, None, ""))
    expect("The model will not draw that." in done.stderr and "0 USD (0 micros) was charged" in done.stderr, done.stderr)


run()
