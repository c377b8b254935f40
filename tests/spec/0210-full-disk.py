#!/usr/bin/env python3
"""Disks and folders as they are on bad days: full while a call is submitted, while a picture is written, while the log grows; full,
read-only, taken, damaged or too new at the start. Each answers with a stable code or exit status and a sentence, nothing is held
that is not worked on, and when there is room everything goes on.

The small disks are tmpfs in a mount namespace of our own; without the right to make one this fails."""
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time

from harness import PURAS, Server, audit_folder, case, equal, expect, run
from killing import CATALOG, PRICES, TERMINAL, Load

MB = 1 << 20
BIG = {"prompt": "a forest in the rain with twelve blue birds and a red house by the sea", "size": "2048x2048", "seed": 1}  # over a MB

if os.environ.get("PURAS_SPEC_NAMESPACE") != "1":
    own = ["unshare", "-m"] if os.getuid() == 0 else ["unshare", "-r", "-m"]
    trial = subprocess.run(own + ["sh", "-c", "mount -t tmpfs -o size=1m none /mnt"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if trial.returncode:
        print("FAIL small_disks: this machine lets us make no mount namespace with a small tmpfs (%s). Run as root, or allow unprivileged "
              "user namespaces." % trial.stdout.decode().strip())
        sys.exit(1)
    os.environ["PURAS_SPEC_NAMESPACE"] = "1"
    os.execvp(own[0], own + [sys.executable] + sys.argv)


class Disk:
    """A file system of a few MB, and a filler that leaves as much of it as one likes."""

    def __init__(self, size):
        self.path = tempfile.mkdtemp(prefix="puras-disk-")
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=%d" % size, "none", self.path], check=True)
        self.filler = os.path.join(self.path, "filler")
        self.folder = os.path.join(self.path, "data")
        os.mkdir(self.folder)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        subprocess.run(["umount", "-l", self.path], check=True)
        os.rmdir(self.path)

    def left(self):
        fs = os.statvfs(self.path)
        return fs.f_bavail * fs.f_frsize

    def fill(self, leave=0):
        with open(self.filler, "ab", buffering=0) as f:
            while self.left() > leave:
                try:
                    f.write(bytes(min(MB, max(4096, self.left() - leave))))
                except OSError:
                    break

    def make_room(self):
        os.unlink(self.filler)

    def remount(self, how):
        subprocess.run(["mount", "-o", "remount," + how, self.path], check=True)

    def server(self, log_here=False):
        s = Server("--catalog", CATALOG, data=self.folder, start=False)
        if log_here:
            s.log_path = os.path.join(self.path, "server.log")
        return s.start()


def until(what, seconds=30):
    """Polls a state of the server; there is no event for it."""
    end = time.monotonic() + seconds
    while True:
        seen = what()
        if seen:
            return seen
        expect(time.monotonic() < end, "this did not come true in %d s" % seconds)
        time.sleep(0.02)


def ready(s):
    return s.get("/readyz", key=None).status == 200


def refused(reply):
    equal((reply.status, reply.json["code"], reply.json["charged_micros"], reply.json["retry"]), (507, "storage_full", 0, "after"))
    expect("disk is full" in reply.json["detail"] or "Free some space" in reply.json["detail"], reply)


def goes_on(s):
    """There is room again: without a restart the server is ready, works, and its books agree."""
    until(lambda: ready(s))
    before = s.balance()
    equal(s.wait(s.submit("test/nothing"))["status"], "completed")
    made = s.wait(s.submit("puras/sketch", {"prompt": "a red house", "size": "64x64"}))
    equal(made["status"], "completed")
    equal(s.get("/v1/drive/files/" + made["outputs"][0]["drive_path"]).status, 200)
    equal(s.balance(), before - PRICES["test/nothing"] - PRICES["puras/sketch"])
    s.audit()


def all_settled(s, ids):
    billed = 0
    for i in ids:
        g = s.wait(i, seconds=60)
        expect(g["status"] in TERMINAL, g)
        equal(g["held_micros"], 0)
        equal(g["billed_micros"], PRICES[g["model"]] if g["status"] == "completed" else 0)
        billed += g["billed_micros"]
    return billed


@case
def filled_before_a_submit():
    with Disk(48 * MB) as disk, disk.server() as s:
        equal(s.wait(s.submit("test/nothing"))["status"], "completed")
        before = s.get("/v1/balance").json
        disk.fill()
        reply = until(lambda: next((r for r in [s.post("/v1/generations", {"model": "test/nothing", "inputs": {}})] if r.status != 202), None))
        refused(reply)
        unready = s.get("/readyz", key=None)
        equal(unready.status, 503)
        expect("disk is full" in str(unready.json), unready)
        refused(s.post("/v1/media/generate", {"model": "test/nothing", "inputs": {}}))
        after = s.get("/v1/balance").json  # reading goes on
        listed = s.get("/v1/generations?limit=200").json["generations"]
        equal(after["held_micros"], 0)
        equal(before["available_micros"] - after["available_micros"], (len(listed) - 1) * PRICES["test/nothing"])
        s.audit()
        disk.make_room()
        goes_on(s)
        equal(s.stop(), 0)
        equal(audit_folder(s.data)["ok"], True)


@case
def filled_while_a_picture_is_written():
    with Disk(48 * MB) as disk, disk.server() as s:
        equal(s.wait(s.submit("test/nothing"))["status"], "completed")
        before = s.balance()
        disk.fill(leave=600 * 1024)  # enough for the books, not for a large picture
        made = s.submit("puras/sketch", BIG)
        until(lambda: s.get("/v1/generations/" + made).json["attempts"] > 1)  # the first attempt found no room
        equal(s.get("/v1/generations/" + made).json["held_micros"], PRICES["puras/sketch"])
        disk.make_room()
        g = s.wait(made)
        equal((g["status"], g["billed_micros"]), ("completed", PRICES["puras/sketch"]))
        equal(s.balance(), before - PRICES["puras/sketch"])
        goes_on(s)


@case
def a_picture_that_never_finds_room_is_released():
    with Disk(48 * MB) as disk, disk.server() as s:
        before = s.balance()
        disk.fill(leave=600 * 1024)
        made = s.submit("puras/sketch", BIG)

        def ended():
            disk.fill(leave=600 * 1024)  # the reserve, too, once it is given up
            g = s.get("/v1/generations/" + made).json
            return g if g["status"] in TERMINAL else None

        g = until(ended, 120)
        equal((g["status"], g["billed_micros"], g["held_micros"], g["outputs"]), ("failed", 0, 0, []))
        expect("room" in g["error"]["detail"] or "full" in g["error"]["detail"], g["error"])
        equal(s.balance(), before)
        equal(os.listdir(os.path.join(disk.folder, "tmp")), [])
        s.audit()
        disk.make_room()
        goes_on(s)


@case
def filled_while_the_log_grows():
    """Calls run until the disk is full of what they write, the server's own log lines too."""
    with Disk(48 * MB) as disk, disk.server(log_here=True) as s:
        s.post("/v1/top-up", {"usd": 100}, key="admin")
        before = s.balance()
        disk.fill(leave=MB)
        load = Load([s.port], s.live, callers=6, sketches=1)
        until(lambda: load.other, 120)
        load.end()
        for status, body in load.other:
            equal((status, b'"storage_full"' in body), (507, True))
        expect(len(load.answered) > 5, "full before anything was answered")
        billed = all_settled(s, load.answered)  # with the reserve, while the disk is full
        equal(s.balance(), before - billed)
        equal(s.get("/v1/balance").json["held_micros"], 0)
        s.audit()
        disk.make_room()
        goes_on(s)


@case
def killed_while_the_disk_is_full():
    with Disk(48 * MB) as disk, disk.server() as s:
        disk.fill(leave=MB)
        load = Load([s.port], s.live, callers=6, sketches=1)
        until(lambda: load.other, 120)
        s.kill9()
        load.end()
        disk.fill()
        try:
            s.start()  # with what the reserve leaves
        except AssertionError as refusal:
            expect("exit 6" in str(refusal) and "ree some" in str(refusal), refusal)
            disk.make_room()
            s.start()
        else:
            disk.make_room()
        equal(sorted(load.answered), sorted(g["id"] for g in s.get("/v1/generations?limit=200").json["generations"] if g["id"] in load.answered))
        all_settled(s, load.answered)
        goes_on(s)


# --- at the start


def refuses_to_start(folder, status, *words):
    """The exit status, a sentence with these words on stderr, and not one byte changed."""
    before = tree(folder)
    done = subprocess.run([PURAS, "serve", "--data", folder, "--listen", "127.0.0.1:0"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=30)
    said = done.stderr.decode()
    equal((done.returncode, done.stdout), (status, b""))
    for word in words:
        expect(word in said, said)
    expect(said.startswith("puras serve: ") and said.rstrip().endswith("."), said)
    equal(tree(folder), before)


def tree(folder):
    out = {}
    for at, _, names in os.walk(folder):
        for name in names:
            with open(os.path.join(at, name), "rb") as f:
                content = f.read()
            if content and name != "puras.db-shm":  # an empty file is no trace of anything
                out[os.path.join(at, name)] = content
    return out


class Used:
    """A folder that a server has worked in and left."""

    def __enter__(self):
        self.path = tempfile.mkdtemp(prefix="puras-used-")
        with Server("--catalog", CATALOG, data=self.path) as s:
            equal(s.wait(s.submit("test/nothing"))["status"], "completed")
            equal(s.stop(), 0)
        os.unlink(os.path.join(self.path, "reserve"))
        return self

    def __exit__(self, *error):
        shutil.rmtree(self.path)

    def database(self):
        return os.path.join(self.path, "puras.db")


@case
def a_full_disk_at_the_first_start():
    with Disk(4 * MB) as disk:
        disk.fill()
        refuses_to_start(disk.folder, 6, "space")
        disk.make_room()
        with disk.server() as s:
            equal(s.wait(s.submit("test/nothing"))["status"], "completed")
            s.audit()


@case
def a_read_only_folder():
    with Disk(48 * MB) as disk:
        refused_folder = disk.folder
        disk.remount("ro")
        refuses_to_start(refused_folder, 1, refused_folder)
        disk.remount("rw")
        with disk.server() as s:
            equal(s.stop(), 0)
        disk.remount("ro")
        refuses_to_start(refused_folder, 1, refused_folder)
        disk.remount("rw")


@case
def a_second_server_on_the_same_folder():
    with Server("--catalog", CATALOG) as s:
        done = subprocess.run([PURAS, "serve", "--data", s.data, "--listen", "127.0.0.1:0"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=30)
        equal((done.returncode, done.stdout), (2, b""))
        expect(("Another puras server is using the folder %s." % s.data) in done.stderr.decode(), done)
        done = subprocess.run([PURAS, "ledger", "audit", "--data", s.data], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=30)
        equal(done.returncode, 0)  # reading beside it is allowed, and said
        expect(b"a server is running on" in done.stderr, done)
        equal(s.wait(s.submit("test/nothing"))["status"], "completed")  # the first did not notice
        s.audit()


@case
def a_damaged_database():
    with Used() as used:
        with open(used.database(), "rb") as f:
            sound = f.read()
        expect(len(sound) > 40000, len(sound))
        for where, damage in ((0, b"not a database at all"), (18, b"\x7f\x7f"), (100, bytes(3000)), (len(sound) // 2 // 4096 * 4096, os.urandom(8192))):
            with open(used.database(), "wb") as f:
                f.write(sound[:where] + damage + sound[where + len(damage):])
            refuses_to_start(used.path, 1, used.database())
        for length in (1, 99, 4096, len(sound) // 2):
            with open(used.database(), "wb") as f:
                f.write(sound[:length])
            refuses_to_start(used.path, 1, used.database())
        with open(used.database(), "wb") as f:
            f.write(sound)
        equal(audit_folder(used.path)["ok"], True)


@case
def a_database_of_a_newer_version():
    with Used() as used:
        db = sqlite3.connect(used.database())
        db.execute("insert into schema_version (id, applied_at) values (999, 0)")
        db.commit()
        db.close()
        refuses_to_start(used.path, 1, "newer puras", "999")
        db = sqlite3.connect(used.database())
        db.execute("delete from schema_version where id = 999")
        db.commit()
        db.close()
        with Server("--catalog", CATALOG, data=used.path) as s:
            s.audit()


@case
def a_database_of_another_program():
    with Used() as used:
        os.unlink(used.database())
        db = sqlite3.connect(used.database())
        db.execute("create table recipes (name text)")
        db.commit()
        db.close()
        refuses_to_start(used.path, 1, "another program")


run()
