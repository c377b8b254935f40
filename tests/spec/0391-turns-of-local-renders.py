#!/usr/bin/env python3
"""Local renders: a cancel ends one at once and frees its slot, projects have their turns, and who waits says so."""
import json
import os
import re
import shutil
import tempfile
import time

from harness import HeldHelper, Server, case, each_store, equal, expect, pg_database, refusal, run

LONG = {"prompt": "a red car drives past two trees", "duration": 15, "resolution": "1080p", "fps": 60}
SHORT = {"prompt": "a red car", "duration": 1, "resolution": "360p"}
SKETCH = {"prompt": "a house", "size": "64x64"}
SLOTS = 4


def until(look, seconds, what):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        seen = look()
        if seen:
            return seen
        time.sleep(0.01)
    raise AssertionError("%s: not within %s s" % (what, seconds))


def below(pid):
    """Every process under that one."""
    out = []
    try:
        with open("/proc/%d/task/%d/children" % (pid, pid), encoding="ascii") as f:
            for child in f.read().split():
                out += [int(child)] + below(int(child))
    except (FileNotFoundError, ProcessLookupError):
        pass
    return out


def helper(s):
    """The media helper: children of its are renders, and what renders started."""
    def name(pid):
        try:
            return os.readlink("/proc/%d/exe" % pid)
        except OSError:
            return ""
    found = [pid for pid in HeldHelper(s.process.pid).pids if name(pid).endswith("puras-media")]
    equal(len(found), 1)
    return found[0]


def of(s, i, key="live"):
    return s.get("/v1/generations/" + i, key=key).json


def names(g):
    return [stage["name"] for stage in g["stages"]]


def neighbour(s):
    """A key of another project, with money."""
    project = s.post("/v1/projects", {"name": "neighbour"}, key="admin").json["id"]
    s.post("/v1/top-up", {"usd": "5", "project": project}, key="admin")
    made = s.post("/v1/keys", {"kind": "live", "project": project}, key="admin").json
    return made["key"]


@each_store
def a_cancel_ends_the_render_and_frees_its_slot(s):
    before, zygote = s.balance(), helper(s)
    films = [s.submit("puras/motion-t2v", LONG) for _ in range(SLOTS)]
    until(lambda: all("drawing" in names(of(s, i)) for i in films), 60, "four films are drawn")
    drawing = below(zygote)
    expect(len(drawing) >= 2 * SLOTS, drawing)  # each with its ffmpeg
    progress = of(s, films[0])["progress"]
    equal((set(progress), progress["stage"]), ({"stage", "percent"}, "drawing"))
    until(lambda: of(s, films[0])["progress"]["percent"] > progress["percent"], 20, "its percent grows")
    expect(re.search(r"^progress +drawing \d+%$", s.cli("generations", films[0]), re.M), "generations ID")
    rows = {row["id"]: row for row in json.loads(s.cli("top", "--json"))["generations"]}
    equal([(rows[i]["stage"], rows[i]["percent"] > 0) for i in films], [("drawing", True)] * SLOTS)
    expect("progress" not in s.get("/v1/generations?state=processing").json["generations"][0], "lists stay short")
    began = time.monotonic()
    for i in films:
        equal(s.call("POST", "/v1/generations/%s/cancel" % i, key="live").json["status"], "cancelled")
    until(lambda: not any(os.path.exists("/proc/%d" % pid) for pid in drawing), 1, "the renders are gone")
    made = s.post("/v1/media/generate", {"model": "puras/sketch", "inputs": SKETCH}, timeout=20)
    equal(made.status, 200)
    expect(time.monotonic() - began < 5, time.monotonic() - began)
    for i in films:
        equal((of(s, i)["status"], of(s, i)["billed_micros"], "progress" in of(s, i)), ("cancelled", 0, False))
    equal(os.listdir(os.path.join(s.data, "tmp")), [])
    equal(s.balance(), before - 10000)
    s.audit()


@each_store
def a_cancel_takes_what_waits_out_of_the_queue(s):
    with s.hold_renders():
        ids = [s.submit("puras/sketch", SKETCH) for _ in range(SLOTS + 3)]
        last = ids[-1]
        until(lambda: "waiting for a renderer" in names(of(s, last)), 10, "the last one waits")
        for i in ids[SLOTS:-1]:
            equal(s.call("POST", "/v1/generations/%s/cancel" % i, key="live").json["status"], "cancelled")
        equal(of(s, last)["status"], "processing")
    equal([s.wait(i)["status"] for i in ids], ["completed"] * SLOTS + ["cancelled"] * 2 + ["completed"])
    s.audit()


@each_store
def projects_have_their_turns(s):
    """Twelve films of one project stand before the sketch of another: it is made at the first free slot."""
    other = neighbour(s)
    with s.hold_renders():
        films = [s.submit("puras/motion-t2v", SHORT) for _ in range(12)]
        sketch = s.submit("puras/sketch", SKETCH, key=other)
        until(lambda: "waiting for a renderer" in names(of(s, sketch, other)), 10, "the sketch waits")
        equal([of(s, i)["status"] for i in films], ["processing"] * 12)
    made = s.wait(sketch, key=other)
    equal(made["status"], "completed")
    ends = sorted(s.wait(i)["completed_at"] for i in films)
    earlier = [end for end in ends if end < made["completed_at"]]
    expect(len(earlier) <= 2 * SLOTS - 2, (made["completed_at"], ends))  # those under way, and hardly more
    s.audit()


@each_store
def who_waits_says_so(s):
    with s.hold_renders():
        ids = [s.submit("puras/sketch", SKETCH) for _ in range(SLOTS + 2)]
        first, second = ids[SLOTS:]
        for i in (first, second):
            until(lambda: "waiting for a renderer" in names(of(s, i)), 10, "it waits")
        for i in ids[:SLOTS]:
            equal((names(of(s, i)), of(s, i)["progress"]), (["submitted", "started"], {"stage": "started", "percent": None}))  # its turn came at once: nothing to tell
        equal([of(s, i)["progress"] for i in (first, second)], [{"stage": "waiting for a renderer" + more, "percent": None} for more in ("", ", 1 before it")])
        equal({row["id"]: row["stage"] for row in json.loads(s.cli("top", "--json"))["generations"]}[second], "waiting for a renderer, 1 before it")
    for i, told in ((first, '"waiting for a renderer"'), (second, '"waiting for a renderer, 1 before it"')):
        made = s.wait(i)
        equal((made["status"], names(made)[:4]), ("completed", ["submitted", "started", "waiting for a renderer", "preparing"]))
        expect(told in s.get("/v1/generations/%s/events" % i).body.decode(), told)


MODEL = """slug: turns/%(name)s
kind: video
inputs:
  prompt:     {type: text, required: true}
  duration:   {type: seconds, default: 1, min: 1, max: 15, price: true}
  resolution: {type: enum, values: [360p, 1080p], default: 360p}
  fps:        {type: int, default: 12, min: 12, max: 60}
price: {unit: second, quantity: {input: duration}, rate_table: [{micros: 1000}]}
routes: [{provider: local, model: motion-t2v}]
deadline: %(deadline)s
"""


@case
def a_models_deadline_counts_from_the_beginning_of_its_render():
    with tempfile.TemporaryDirectory() as folder:
        os.makedirs(os.path.join(folder, "models"))
        for name, deadline in (("quick", "3s"), ("patient", "10m")):
            with open(os.path.join(folder, "models", name + ".yaml"), "w", encoding="utf-8") as f:
                f.write(MODEL % {"name": name, "deadline": deadline})
        with Server("--catalog", folder, "--renders", "1") as s:
            # it waits for longer than its deadline, which is not touched by that
            with s.hold_renders():
                first, second = s.submit("turns/patient", {"prompt": "a boat"}), s.submit("turns/quick", {"prompt": "a boat"})
                began = time.monotonic()
                until(lambda: time.monotonic() - began > 4, 10, "time passes")
                seen = of(s, second)
                equal((seen["status"], seen["progress"]["stage"]), ("processing", "waiting for a renderer"))
            equal([s.wait(i)["status"] for i in (first, second)], ["completed", "completed"])
            # what takes longer than it may is ended, once and for all, and the place is free
            before = s.balance()
            late = s.wait(s.submit("turns/quick", LONG))
            equal((late["status"], late["error"]["code"], late["attempts"], late["billed_micros"]), ("failed", "deadline_exceeded", 1, 0))
            expect("within the 3 s that it may take" in late["error"]["detail"], late["error"])
            until(lambda: not below(helper(s)), 2, "the render is gone")
            refusal(s.post("/v1/media/generate", {"model": "turns/quick", "inputs": LONG}), 504, "deadline_exceeded")
            equal(s.wait(s.submit("turns/patient", {"prompt": "a boat"}))["status"], "completed")
            equal(s.balance(), before - 1000)
            s.audit()


@case
def a_cancel_through_another_node_ends_the_render_too():
    database = pg_database()
    with tempfile.TemporaryDirectory() as folder, Server(database=database) as s:
        for name in ("credentials.json", "master.key"):
            shutil.copy(os.path.join(s.data, name), folder)
        with Server(data=folder, database=database) as other:
            film = s.submit("puras/motion-t2v", LONG)
            until(lambda: of(other, film)["progress"]["stage"] == "drawing", 30, "it is drawn")
            equal((len(below(helper(s))) >= 2, below(helper(other))), (True, []))
            equal(other.call("POST", "/v1/generations/%s/cancel" % film, key="live").json["status"], "cancelled")
            until(lambda: not below(helper(s)), 3, "the render is gone")
            other.audit()


run()
