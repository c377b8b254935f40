#!/usr/bin/env python3
"""A provider that is a program of this machine: two files in a running server's folder, and it serves. Files in and out, metrics and
text, refusals, time, walls, a server that dies in the middle, and a host that does not allow the full sandbox."""
import base64
import json
import os
import socket
import tempfile
import threading
import time

from harness import Server, case, equal, expect, refusal, run, sha256

# What it shall do is the prompt. /usr/bin/python3 is seen inside because all of /usr is; of its own folder it sees its own file only.
PROGRAM = r'''#!/usr/bin/python3
import json, os, socket, struct, subprocess, sys, time, zlib

def png(width, height, shade):
    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
    rows = b"".join(b"\0" + bytes([shade]) * width for _ in range(height))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")

call = json.load(sys.stdin)
inputs, report = call["inputs"], {}
task, *words = call["input"]["prompt"].split()

def put(name, data=png(40, 30, 7)):
    with open("out/" + name, "wb") as f:
        f.write(data)

def can(what):
    try:
        what()
        return True
    except OSError:
        return False

def read_text(path):
    with open(path) as f:
        return f.read()

if task == "copy":  # what went in comes out
    with open(inputs["image"], "rb") as f:
        put("a.png", f.read())
    report = {"metrics": {"model": sys.argv[1], "slug": call["slug"], "files": call["files"], "seen": sorted(os.listdir("in"))}}
elif task == "two":
    put("2.png", png(40, 30, 2))
    put("1.png", png(40, 30, 1))
    put(".draft", b"not looked at")
    os.symlink("/usr/bin/python3", "out/0.png")
elif task == "text":
    report = {"text": "hello there", "language_code": "en", "words": [{"word": "hello", "start": 0, "end": 0.4}], "metrics": {"pace": 2}}
elif task == "refuse":
    report = {"error": {"class": words[0], "message": "The picture is upside down."}}
elif task == "break":
    sys.exit("no graphics card here")
elif task == "nothing":
    pass
elif task == "noise":
    put("a.png", b"these are only words")
elif task == "flood":
    while True:
        sys.stdout.write("x" * 65536)
elif task == "slow":  # it does not listen when asked to end, and neither does its child
    subprocess.Popen(["/usr/bin/python3", "-c", "import signal, time; signal.signal(15, signal.SIG_IGN); time.sleep(100)", "child-of-" + words[0]])
    time.sleep(float(words[1]))
    put("a.png")
    os._exit(0)
elif task == "look":
    own = os.path.dirname(os.path.abspath(sys.argv[0]))
    report = {"metrics": {
        "uid": os.getuid(), "environment": sorted(os.environ), "root": sorted(os.listdir("/")), "etc": sorted(os.listdir("/etc")), "beside": sorted(os.listdir(own)),
        "passwd": os.path.exists("/etc/passwd"), "data": os.path.exists(words[0]), "database": can(lambda: read_text(words[0] + "/puras.db")),
        "keys": can(lambda: read_text(words[0] + "/credentials.json")), "server": can(lambda: read_text("/proc/%s/status" % words[2])),
        "network": can(lambda: socket.create_connection(("127.0.0.1", int(words[1])), 1)), "interfaces": [n for _, n in socket.if_nameindex()],
        "processes": len([n for n in os.listdir("/proc") if n.isdigit()]), "in": can(lambda: open("in/mine", "w")), "usr": can(lambda: open("/usr/mine", "w"))}}
    put("a.png")
print(json.dumps(report) if report else "")
'''
DESCRIPTION = """
provider: workshop
title: The workshop
protocol: command
status: verified
command: [%(program)s, "{model}"]
timeout: %(timeout)s
"""
MODEL = """
slug: workshop/%(name)s
kind: %(kind)s
title: Made in the workshop
deadline: %(deadline)s
inputs:
  prompt: {type: text, required: true, max_chars: 500}
  image:  {file: image}
  n:      {type: int, default: 1, min: 1, max: 4, price: true}
price: {unit: image, outputs: {input: n}, rate_table: [{micros: 3000}]}
routes: [{provider: workshop, model: bench-%(name)s, carries: {n: n}, cost: {unit: image, rate_table: [{micros: 0}]}}]
"""
TALK = """
slug: workshop/talk
kind: text
title: Heard in the workshop
inputs: {prompt: {type: text, required: true, max_chars: 500}}
price: {unit: call, rate_table: [{micros: 700}]}
routes: [{provider: workshop, model: ear}]
"""


class Workshop:
    """A catalog folder with the program, and a server that has it. `wrap` stands before the server's command."""

    def __init__(self, timeout="30s", deadline="1m", wrap=()):
        self.folder = tempfile.TemporaryDirectory()
        self.path = self.folder.name
        os.chmod(self.path, 0o755)
        self.program = os.path.join(self.path, "tool.py")
        self.write("tool.py", PROGRAM)
        self.write("secret", "nobody inside shall see this")
        os.chmod(self.program, 0o755)
        self.catalog = os.path.join(self.path, "catalog")
        os.makedirs(os.path.join(self.catalog, "providers"))
        os.makedirs(os.path.join(self.catalog, "models"))
        self.description = DESCRIPTION % {"program": self.program, "timeout": timeout}
        self.deadline = deadline
        self.wrap = list(wrap)

    def write(self, name, text):
        path = os.path.join(self.path, name)
        with open(path + ".new", "w", encoding="utf-8") as f:
            f.write(text)
        os.rename(path + ".new", path)

    def fill(self):
        self.write("catalog/providers/workshop.yaml", self.description)
        self.write("catalog/models/grey.yaml", MODEL % {"name": "grey", "kind": "image", "deadline": self.deadline})
        self.write("catalog/models/talk.yaml", TALK)

    def __enter__(self):
        self.server = Server("--catalog", self.catalog, start=False)
        plain = self.server.command
        self.server.command = lambda: self.wrap + plain()
        self.server.start()
        return self

    def __exit__(self, *error):
        self.server.__exit__(*error)
        self.folder.cleanup()

    def make(self, prompt, model="workshop/grey", **inputs):
        return self.server.wait(self.server.submit(model, dict(inputs, prompt=prompt)))


def wait_for(look, seconds=20):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        seen = look()
        if seen:
            return seen
        threading.Event().wait(0.02)
    raise AssertionError("it did not come to pass")


def processes_with(words):
    found = []
    for pid in os.listdir("/proc"):
        try:
            with open("/proc/%s/cmdline" % pid, "rb") as f:
                if pid.isdigit() and words.encode() in f.read():
                    found.append(int(pid))
        except OSError:
            pass
    return found


def folders_of_runs(server):
    return [os.path.join(at, name) for at, names, _ in os.walk(server.data) for name in names if name.startswith("run-")]


@case
def a_running_server_gets_a_program():
    with Workshop() as w:
        s, pid = w.server, w.server.process.pid
        refusal(s.post("/v1/quote", {"model": "workshop/grey", "inputs": {"prompt": "x"}}), 400, "unknown_model")
        w.fill()
        wait_for(lambda: s.get("/v1/models/workshop/grey").status == 200 and s.get("/v1/models/workshop/talk").status == 200)
        before = s.balance()

        # a file in, the same file out; what the program says of itself
        given = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==")
        made = w.make("copy", image="data:image/png;base64," + base64.b64encode(given).decode())
        equal((made["status"], made["billed_micros"], len(made["outputs"])), ("completed", 3000, 1))
        equal(sha256(s.fetch(made["outputs"][0]["url"]).body), sha256(given))
        said = made["meta"]["metrics"]
        equal((said["model"], said["slug"], said["seen"]), ("bench-grey", "workshop/grey", ["image-1.png"]))
        equal([(f["input"], f["index"], f["type"], f["bytes"], f["value"]) for f in said["files"]], [("image", 0, "image/png", len(given), "in/image-1.png")])

        # two outputs in order of name; dots and links are not looked at
        made = w.make("two", n=2)
        equal((made["status"], made["billed_micros"], len(made["outputs"])), ("completed", 6000, 2))
        first, second = [s.fetch(o["url"]).body for o in made["outputs"]]
        expect(first != second and first[:4] == second[:4] == b"\x89PNG", (first[:8], second[:8]))
        equal([(o["width"], o["height"]) for o in made["outputs"]], [(40, 30)] * 2)

        # a text
        made = w.make("text", model="workshop/talk")
        equal((made["status"], made["billed_micros"], made["text"]), ("completed", 700, "hello there"))
        equal((made["meta"]["metrics"]["pace"], made["language_code"], made["words"][0]["word"]), (2, "en", "hello"))
        equal(s.balance(), before - 9700)

        # with a test key the program does not run
        equal(s.wait(s.submit("workshop/grey", {"prompt": "break"}, key="test"), key="test")["status"], "completed")
        equal(s.process.pid, pid)
        equal(folders_of_runs(s), [])
        s.audit()


@case
def what_it_refuses_and_how_it_breaks():
    with Workshop(timeout="2s") as w:
        s = w.server
        w.fill()
        wait_for(lambda: s.get("/v1/models/workshop/talk").status == 200)
        before = s.balance()
        for prompt, model, status, code, words in [
                ("refuse caller", "grey", 422, "refused", "The picture is upside down."),
                ("refuse moderation", "grey", 422, "refused", "upside down"),
                ("refuse weather", "grey", 502, "provider_failed", "upside down"),
                ("break", "grey", 502, "provider_failed", "no graphics card here"),
                ("nothing", "grey", 502, "provider_failed", "no file in out/"),
                ("noise", "grey", 502, "provider_failed", "a.png"),
                ("nothing", "talk", 502, "provider_failed", "`text`"),
                ("flood", "grey", 502, "provider_failed", "more than this server takes")]:
            reply = s.post("/v1/media/generate", {"model": "workshop/" + model, "inputs": {"prompt": prompt}})
            body = refusal(reply, status, code)
            expect(words in body["detail"] and "charged" in body["detail"], (prompt, body))
        # too late: it and its child are ended, whatever they do with signals
        reply = s.post("/v1/media/generate", {"model": "workshop/grey", "inputs": {"prompt": "slow evening-%d 60" % os.getpid()}})
        body = refusal(reply, 502, "provider_failed")
        expect("2 s" in body["detail"] and "charged" in body["detail"], body)
        wait_for(lambda: not processes_with("child-of-evening-%d" % os.getpid()) and not processes_with(w.program), 5)
        equal(s.balance(), before)
        equal(folders_of_runs(s), [])
        s.audit()


@case
def what_it_sees():
    with Workshop() as w, socket.create_server(("127.0.0.1", 0)) as ear:
        s = w.server
        w.fill()
        wait_for(lambda: s.get("/v1/models/workshop/grey").status == 200)
        made = w.make("look %s %d %d" % (s.data, ear.getsockname()[1], s.process.pid))
        equal((made["status"], made["billed_micros"]), ("completed", 3000))
        seen = made["meta"]["metrics"]
        for thing in ("passwd", "data", "database", "keys", "network", "server", "in", "usr"):
            equal((thing, seen[thing]), (thing, False))
        equal((seen["uid"], seen["environment"], seen["beside"]), (65534, ["HOME", "LANG", "PATH", "PWD", "TMPDIR"], ["tool.py"]))
        expect(set(seen["etc"]) <= {"ld.so.cache", "alternatives", "fonts", "localtime"} and seen["processes"] <= 4 and seen["interfaces"] in ([], ["lo"]), seen)
        expect("home" not in seen["root"] and "root" not in seen["root"], seen["root"])


@case
def a_server_that_dies_in_the_middle():
    with Workshop() as w:
        s = w.server
        w.fill()
        wait_for(lambda: s.get("/v1/models/workshop/grey").status == 200)
        before = s.balance()
        made = s.submit("workshop/grey", {"prompt": "slow night-%d 2.5" % os.getpid()})
        wait_for(lambda: processes_with("child-of-night-%d" % os.getpid()))
        expect(folders_of_runs(s), "no folder of a run")
        s.kill9()
        wait_for(lambda: not processes_with("child-of-night-%d" % os.getpid()) and not processes_with(w.program), 1.5)  # long before it would have ended
        s.start()
        made = s.wait(made)
        equal((made["status"], made["billed_micros"], len(made["outputs"])), ("completed", 3000, 1))
        expect(s.fetch(made["outputs"][0]["url"]).body.startswith(b"\x89PNG"), made)
        equal(s.balance(), before - 3000)
        equal([e["billed_micros"] for e in s.get("/v1/usage_events").json["usage_events"]], [3000])
        before -= 3000
        equal(folders_of_runs(s), [])
        s.audit()
        # an orderly stop ends the program too, and the next server finishes the work
        made = s.submit("workshop/grey", {"prompt": "slow dawn-%d 1.5" % os.getpid()})
        wait_for(lambda: processes_with("child-of-dawn-%d" % os.getpid()))
        equal(s.stop(), 0)
        expect(not processes_with("child-of-dawn-%d" % os.getpid()) and not processes_with(w.program), "the program outlives its server")
        s.start()
        made = s.wait(made)
        equal((made["status"], made["billed_micros"], s.balance()), ("completed", 3000, before - 3000))
        s.audit()


@case
def a_cancel_ends_the_program():
    """Nothing has left this machine, so nothing is billed: the program and its children are gone within moments, also after a restart in between."""
    with Workshop() as w:
        s = w.server
        w.fill()
        wait_for(lambda: s.get("/v1/models/workshop/grey").status == 200)
        before = s.balance()
        for restart in (False, True):
            child = "child-of-noon-%d-%d" % (restart, os.getpid())
            made = s.submit("workshop/grey", {"prompt": "slow noon-%d-%d 25" % (restart, os.getpid())})
            wait_for(lambda: processes_with(child))
            equal(s.post("/v1/generations/%s/cancel" % made, {}).status // 100, 2)
            if restart:
                s.kill9()
                s.start()
            g = s.wait(made, seconds=10)
            equal((g["status"], g["billed_micros"], g["held_micros"], g["outputs"]), ("cancelled", 0, 0, []))
            wait_for(lambda: not processes_with(child) and not processes_with(w.program), 5)
        equal((s.balance(), s.get("/v1/usage_events").json["usage_events"]), (before, []))
        wait_for(lambda: folders_of_runs(s) == [], 5)
        s.audit()


@case
def a_host_without_the_full_sandbox():
    """Namespaces are really not to be had: the server starts in a user namespace in which no further one may be made."""
    with Workshop(wrap=["unshare", "--user", "--map-root-user", "sh", "-c", 'echo 0 > /proc/sys/user/max_user_namespaces && exec "$0" "$@"']) as w:
        s = w.server
        w.fill()
        wait_for(lambda: s.get("/v1/models/workshop/grey").status == 200)
        before = s.balance()
        body = refusal(s.post("/v1/media/generate", {"model": "workshop/grey", "inputs": {"prompt": "two"}}), 503, "sandbox_unavailable")
        expect("user.max_user_namespaces" in body["detail"] and "charged" in body["detail"], body)
        equal(s.balance(), before)
        # what needs no full sandbox runs on
        equal(s.wait(s.submit("puras/sketch", {"prompt": "a red house", "size": "64x64"}))["status"], "completed")
        s.audit()


run()
