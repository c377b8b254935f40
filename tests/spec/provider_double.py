"""A made-up provider on loopback for the scenarios of 0630-0649: a queue, an operation and a sync protocol, with faults on demand.

    with Double() as d, catalog(d) as folder, Server("--catalog", folder, env=KEY) as s:
        d.fault("submit", status=503)          # the next submit; several are taken in order
        d.fault("file", cut=1000)              # the next file breaks off after 1000 bytes
        with d.hold("poll") as at: ...         # the next poll waits; at.wait() returns once it has come

Operations: submit, poll, result, cancel, find, make (sync), upload, file. What has come is counted in d.seen, and every work in d.works.
"""
import base64
import contextlib
import http.server
import json
import os
import shutil
import socket
import struct
import tempfile
import threading
import time
import zlib

KEY = {"DOUBLE_KEY": "double-secret"}


def png(width, height, noise=b""):
    """A picture; `noise` makes it as long as that."""
    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
    rows = b"".join(b"\0" + bytes([90]) * width for _ in range(height))
    extra = chunk(b"noIs", noise) if noise else b""
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)) + extra +
            chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


class Held:
    def __init__(self):
        self.come, self.go = threading.Event(), threading.Event()

    def wait(self, seconds=30):
        if not self.come.wait(seconds):
            raise AssertionError("what was to be held did not come")


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def say(self, status, body, kind="application/json", headers=None):
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def hang_up(self):
        self.close_connection = True
        try:
            self.connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

    def operation(self, parts):
        if self.command == "POST":
            if parts[0] in ("queue", "op") and parts[1] == "submit":
                return "submit"
            return {"cancel": "cancel", "make": "make", "upload": "upload"}[parts[-1]]
        if parts[0] == "file":
            return "file"
        return {"find": "find", "result": "result"}.get(parts[-1].split("?")[0], "poll")

    def handle_one(self):
        d = self.server.double
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = self.path.strip("/").split("/")
        what = self.operation(parts)
        fault, held = d.arrive(what, self, body)
        if held:
            held.come.set()
            held.go.wait(60)
        if fault and "before" in fault:  # it never arrived
            return self.hang_up()
        if fault and "status" in fault:
            return self.say(fault["status"], fault.get("json", {"error": {"code": "busy", "message": "come again"}}), fault.get("type", "application/json"), fault.get("headers"))
        answer = getattr(d, "do_" + what)(self, parts, body, fault or {})
        if fault and "lost" in fault:  # it was done, and nobody hears of it
            return self.hang_up()
        if answer is not None:
            self.say(200, answer)

    def do_GET(self):
        try:
            self.handle_one()
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    do_POST = do_PUT = do_GET


class Quiet(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        pass  # servers are killed here


class Double:
    def __init__(self):
        self.lock = threading.Lock()
        self.faults, self.holds, self.seen, self.works, self.requests = {}, {}, {}, {}, []
        self.polls_until_done = 2
        self.picture = png(64, 48)

    def __enter__(self):
        self.http = Quiet(("127.0.0.1", 0), Handler)
        self.http.double = self
        threading.Thread(target=self.http.serve_forever, daemon=True).start()
        self.port = self.http.server_address[1]
        self.url = "http://127.0.0.1:%d" % self.port
        return self

    def __exit__(self, *args):
        for held in list(self.holds.values()):
            held.go.set()
        self.http.shutdown()
        self.http.server_close()

    # --- what the scenario says

    def fault(self, what, times=1, **how):
        with self.lock:
            self.faults.setdefault(what, []).extend([how] * times)

    @contextlib.contextmanager
    def hold(self, what):
        held = Held()
        with self.lock:
            self.holds[what] = held
        try:
            yield held
        finally:
            held.go.set()

    def count(self, what):
        with self.lock:
            return self.seen.get(what, 0)

    def last(self, what):
        with self.lock:
            return [r for r in self.requests if r["what"] == what][-1]

    # --- what comes

    def arrive(self, what, request, body):
        with self.lock:
            self.seen[what] = self.seen.get(what, 0) + 1
            self.requests.append({"what": what, "path": request.path, "headers": dict(request.headers), "body": body})
            queue = self.faults.get(what)
            return queue.pop(0) if queue else None, self.holds.pop(what, None)

    def begin(self, asked, ref):
        with self.lock:
            for name, work in self.works.items():
                if ref and work["ref"] == ref and work["idempotent"]:
                    work["submits"] += 1
                    return name
            name = "w%d" % (len(self.works) + 1)
            self.works[name] = {"asked": asked, "ref": ref, "polls": 0, "submits": 1, "stopped": False, "idempotent": bool(asked.get("idem"))}
            return name

    def do_submit(self, request, parts, body, fault):
        asked = json.loads(body)
        ref = asked.get("ref") or request.headers.get("Idempotency-Key")
        if request.headers.get("Idempotency-Key"):
            asked["idem"] = True
        return {"id": self.begin(asked, ref)}

    def files(self, name):
        work = self.works[name]
        n = work["asked"].get("n", 1) - work.get("fewer", 0)
        return [{"url": "%s/file/%s/%d" % (self.url, name, i)} for i in range(n)]

    def do_poll(self, request, parts, body, fault):
        name = parts[-1].split("?")[0]
        work = self.works.get(name)
        if not work:
            request.say(404, {"error": {"code": "gone", "message": "no such work"}})
            return None
        work["polls"] += 1
        if work["stopped"]:
            return {"state": "stopped"}
        if fault.get("say"):
            return fault["say"]
        if work["polls"] < self.polls_until_done:
            return {"state": "running", "progress": 0.5, "done": False}
        return {"state": "finished", "done": True, "response": {"files": self.files(name)}}

    def do_result(self, request, parts, body, fault):
        if "raw" in fault:
            return request.say(200, fault["raw"], kind=fault["type"])
        work = self.works[parts[-2]]
        work["fewer"] = fault.get("fewer", 0)
        return fault.get("say") or {"files": self.files(parts[-2]), "timings": {"inference": 1.5}}

    def do_cancel(self, request, parts, body, fault):
        if fault.get("refuse"):
            request.say(409, {"state": "running"})
            return None
        self.works[parts[-2]]["stopped"] = True
        return {"state": "stopped"}

    def do_find(self, request, parts, body, fault):
        ref = request.path.split("ref=")[1]
        with self.lock:
            return {"list": [{"id": n} for n, w in self.works.items() if w["ref"] == ref]}

    def do_make(self, request, parts, body, fault):
        asked = json.loads(body)
        self.begin(asked, asked.get("ref"))
        if "raw" in fault:
            return request.say(200, fault["raw"], kind=fault["type"])
        if fault.get("say"):
            return fault["say"]
        return {"images": [{"b64": base64.b64encode(self.picture).decode()} for _ in range(asked.get("n", 1))]}

    def do_upload(self, request, parts, body, fault):
        with self.lock:
            return {"name": "up-%d" % self.seen["upload"]}

    def do_file(self, request, parts, body, fault):
        data, start = fault.get("data", self.picture), 0
        given = request.headers.get("Range")
        if given:
            start = int(given.split("=")[1].split("-")[0])
        request.send_response(206 if start else 200)
        request.send_header("Content-Type", fault.get("type", "image/png"))
        request.send_header("ETag", '"one"')
        if start:
            from_, total = start + fault.get("shift", 0), len(data) + fault.get("longer", 0)
            request.send_header("Content-Range", "bytes %d-%d/%d" % (from_, len(data) - 1, total))
        request.send_header("Content-Length", str(len(data) - start))
        request.end_headers()
        rest = data[start:]
        if "cut" in fault:
            request.wfile.write(rest[:fault["cut"]])
            request.wfile.flush()
            request.hang_up()
        else:
            request.wfile.write(rest)
        return None


DESCRIPTION = """
provider: double
title: The double
base: %(url)s
private: ["127.0.0.1:%(port)d"]
status: documented
auth: {scheme: header, name: Authorization, format: "Key {key}"}
key: {env: DOUBLE_KEY, about: A key of the double}
pace: {first: 0.1s, every: 0.1s, max: 0.5s}
errors:
  - {at: error.code, is: [blocked], class: moderation}
  - {at: error.code, is: [costly], class: moderation, billed: true}
  - {at: error.code, is: [inputs], class: caller}
  - {at: error.code, is: [broke], class: quota}
  - {at: error.code, is: [stranger], class: auth}
  - {at: error.code, is: [hiccup], class: transient}
  - {at: error.code, is: [late], class: transient, lost: true}
  - {status: [408, 5xx], class: transient}
error_message: error.message
failed_when: {at: state, is: [broken]}
endpoints:
"""
QUEUE = """
  %(name)s:
    protocol: queue
%(more)s    submit: {path: /queue/submit, request: '.input + {ref: $our_ref}', timeout: 5s, reply: {ref: id}}
    poll: {path: "/queue/work/{ref}", reply: {status: state, progress: progress}}
    statuses: {waiting: waiting, running: running, finished: done, broken: failed, stopped: cancelled}
    result: {path: "/queue/work/{ref}/result"}
    outputs: {files: "files[*].url", meta: {inference_time: timings.inference}}
    cancel: {method: POST, path: "/queue/work/{ref}/cancel", stopped: {status: [200], at: state, is: [stopped]}}
"""
LOOKUP = '    lookup: {path: "/queue/find?ref={our_ref}", reply: {ref: "list[0].id"}, absence_is_proof: %s}\n'
OTHERS = """
  op:
    protocol: operation
    submit: {path: /op/submit, request: '.input + {ref: $our_ref}', timeout: 5s, reply: {ref: id}}
    poll: {path: "/op/work/{ref}", reply: {done: done, error: error}}
    outputs: {files: "response.files[*].url"}
  sync:
    protocol: sync
    submit: {path: /sync/make, request: '.input + {ref: $our_ref}', timeout: 5s}
    outputs: {files: "images[*].b64", encoding: base64}
"""
MODEL = """
slug: double/%(name)s
kind: image
title: Pictures by %(name)s
inputs:
  prompt: {type: text, required: true, max_chars: 500}
  image: {file: image}
  n: {type: int, default: 1, min: 1, max: 4, price: true}
price:
  unit: image
  outputs: {input: n}
  rate_table: [{micros: 3000}]
deadline: %(deadline)s
routes:
  - {provider: double, endpoint: %(name)s, model: %(name)s, cost: {unit: image, rate_table: [{micros: 2000}]}}
"""
ENDPOINTS = {
    "blind": "",
    "idem": "    idempotency: {header: Idempotency-Key}\n",
    "look": LOOKUP % "false",
    "proof": LOOKUP % "true",
    "op": None,
    "sync": None,
    "upload": "    files: {as: upload, upload: {path: /files/upload, body: multipart, part: file}, value: name}\n",
    "data": "    files: {as: data}\n",
}


def until(s, id, done, seconds=20):
    """Asks for the generation until done(it)."""
    end = time.monotonic() + seconds
    while True:
        made = s.get("/v1/generations/" + id).json
        if done(made):
            return made
        if time.monotonic() > end:
            raise AssertionError(made)
        time.sleep(0.02)


def write(folder, name, text):
    path = os.path.join(folder, name)
    with open(path + ".new", "w", encoding="utf-8") as f:
        f.write(text)
    os.rename(path + ".new", path)


def description(d):
    text = DESCRIPTION % {"url": d.url, "port": d.port}
    for name, more in ENDPOINTS.items():
        if more is not None:
            text += QUEUE % {"name": name, "more": more}
    return text + OTHERS


@contextlib.contextmanager
def catalog(d, deadline="2m"):
    folder = tempfile.mkdtemp(prefix="puras-double-")
    try:
        for sub in ("models", "providers"):
            os.mkdir(os.path.join(folder, sub))
        write(folder, "providers/double.yaml", description(d))
        for name in ENDPOINTS:
            write(folder, "models/double-%s.yaml" % name, MODEL % {"name": name, "deadline": deadline})
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
