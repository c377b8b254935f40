"""The benchmarks' provider: tests/bench/upstream_double.c, and a catalog folder that describes it. A server that is started with the
folder sends its calls there; no key is needed."""
import json
import os
import shutil
import subprocess
import sys
import tempfile
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(TOP, "tests", "spec"))
import harness  # noqa: E402

TOOLS = os.path.join(harness.BUILD, "tests", "bench")

PROVIDER = """
provider: double
base: http://127.0.0.1:PORT
private: ["127.0.0.1:PORT"]
status: verified
auth: {scheme: none}
endpoints:
  queue:
    protocol: queue
    pace: {first: PACE, every: PACE, max: PACE}
    submit: {path: /works, request: "{prompt: .input.prompt}", reply: {ref: id}}
    poll: {path: "/works/{ref}", reply: {status: status}}
    statuses: {running: running, done: done}
    result: {path: "/works/{ref}/result"}
    outputs: {files: "images[*].url"}
  sync:
    protocol: sync
    submit: {path: /images, request: "{prompt: .input.prompt}"}
    outputs: {files: "data[*].b64_json", encoding: base64}
"""

MODELS = {"queue": "a picture that takes its time", "sync": "a picture in the answer, as base64"}
MODEL = """
slug: double/NAME
kind: image
title: TITLE
deadline: 6h
max_bytes: 4MB
inputs: {prompt: {type: text, required: true, max_chars: 500}}
price: {unit: image, rate_table: [{micros: 1000}]}
routes: [{provider: double, endpoint: NAME, model: NAME}]
"""


class Double:
    """In a `with` block: the running provider and its catalog folder."""

    def __init__(self, time_ms=30000, pace="30s", image_bytes=2000000):
        self.process = subprocess.Popen([os.path.join(TOOLS, "upstream_double"), "-t", str(time_ms), "-b", str(image_bytes)], stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline())
        self.folder = tempfile.mkdtemp(prefix="puras-double-")
        for part in ("providers", "models"):
            os.mkdir(os.path.join(self.folder, part))
        self.write("providers/double.yaml", PROVIDER.replace("PORT", str(self.port)).replace("PACE", pace))
        for name, title in MODELS.items():
            self.write("models/%s.yaml" % name, MODEL.replace("NAME", name).replace("TITLE", title))

    def write(self, path, text):
        with open(os.path.join(self.folder, path), "w", encoding="utf-8") as f:
            f.write(text)

    def ask(self, path, post=False):
        with urllib.request.urlopen("http://127.0.0.1:%d%s" % (self.port, path), data=b"" if post else None, timeout=60) as answer:
            return json.load(answer)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.process.kill()
        self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


def load(address, target, connections, seconds, *more, method="POST", status=202, key=None, body=None, warmup=0.3, threads=1):
    """tests/bench/load.c; `more` are its own options."""
    words = ["-c", connections, "-t", threads, "-d", seconds, "-w", warmup, "-m", method, "-s", status, *more]
    if key:
        words += ["-H", "Authorization: Bearer " + key]
    if body:
        words += ["-b", body]
    done = subprocess.run([os.path.join(TOOLS, "load")] + [str(w) for w in words + [address, target]], stdout=subprocess.PIPE)
    if done.returncode:
        raise SystemExit("load failed: %s" % done.stdout.decode())
    return json.loads(done.stdout)


def rss(pid):
    with open("/proc/%d/status" % pid, encoding="ascii") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("VmRSS:")) * 1024


def cpu_seconds(pid):
    with open("/proc/%d/stat" % pid, encoding="utf-8") as f:
        words = f.read().rsplit(")", 1)[1].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def metrics(server):
    lines = (line.rsplit(" ", 1) for line in server.call("GET", "/metrics").body.decode().splitlines() if not line.startswith("#"))
    return {name: float(value) for name, value in lines}
