#!/usr/bin/env python3
"""Tens of megabytes of base64 within a JSON body: files of the drive, with flat memory; and what is refused leaves nothing behind."""
import base64
import hashlib
import json
import os
import socket
import struct
import time
import zlib
from pathlib import Path

from harness import Unmoved, case, each_store, equal, expect, refusal, run, shared


def png(width, height, seed=b"x"):
    """A picture of noise: what it takes is what it has."""
    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    noise = os.urandom(width * 3) + seed
    rows = b"".join(b"\0" + noise[y % 97:] [:width * 3].ljust(width * 3, b"\1") for y in range(height))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)) + chunk(b"IDAT", zlib.compress(rows, 0)) + chunk(b"IEND", b"")


def memory(s, name):
    for line in Path("/proc/%d/status" % s.process.pid).read_text().splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1]) * 1024
    raise AssertionError(name)


def left(s):
    """Temporary files; those of a call that is over may be on their way out."""
    folder = Path(s.data) / "tmp"
    until = time.monotonic() + 5
    while any(folder.iterdir()) and time.monotonic() < until:
        pass
    return sorted(p.name for p in folder.iterdir())


def edit(s, image, key="live", headers=None, **more):
    return s.post("/v1/media/generate", {"model": "puras/sketch-edit", "inputs": {"image": image, "prompt": "sepia", "size": "32x32", **more}}, key=key, headers=headers)


@each_store
def megabytes_come_in_every_inline_shape(s):
    data = png(300, 300)
    text = base64.b64encode(data).decode()
    expect(len(text) > 300_000)
    paths = set()
    for image in ("data:image/png;base64," + text, text, {"data": text}, {"base64": text, "media_type": "image/png"}, {"url": "data:image/png;base64," + text},
                  ["data:image/png;base64," + text], text.replace("+", "-").replace("/", "_")):
        reply = edit(s, image)
        expect(reply.status == 200, reply)
        kept = s.get("/v1/generations/" + reply.json["request_id"]).json["inputs"]["image"]
        kept = kept[0] if isinstance(kept, list) else kept
        paths.add(kept["drive_path"])
        equal(s.call("GET", "/v1/drive/files/" + kept["drive_path"], key="live").body, data)
    equal(paths, {"inputs/%s.png" % hashlib.sha256(data).hexdigest()[:32]})
    equal(left(s), [])


@case
def tens_of_megabytes_pass_with_flat_memory():
    s = shared("sqlite")
    data = png(3000, 2200)
    body = json.dumps({"model": "puras/sketch-edit", "inputs": {"image": "data:image/png;base64," + base64.b64encode(data).decode(), "prompt": "sepia", "size": "32x32"}}).encode()
    expect(len(body) > 26_000_000)
    edit(s, base64.b64encode(png(200, 200)).decode())  # what the first call costs anyway
    Path("/proc/%d/clear_refs" % s.process.pid).write_text("5")  # the peak begins anew
    before = memory(s, "VmRSS")
    reply = s.post("/v1/media/generate", body)
    expect(reply.status == 200, reply)
    grown = memory(s, "VmHWM") - before
    expect(grown < 8_000_000, "the peak grew by %d bytes for a body of %d" % (grown, len(body)))
    kept = s.get("/v1/generations/" + reply.json["request_id"]).json["inputs"]["image"]["drive_path"]
    equal(hashlib.sha256(s.call("GET", "/v1/drive/files/" + kept, key="live").body).hexdigest(), hashlib.sha256(data).hexdigest())


@each_store
def a_key_stands_for_the_bytes_of_its_files(s):
    one, two = png(200, 200), png(200, 200)
    first = edit(s, base64.b64encode(one).decode(), headers={"Idempotency-Key": "inline-1"})
    again = edit(s, base64.b64encode(one).decode(), headers={"Idempotency-Key": "inline-1"})
    equal((first.status, again.status, again.json["request_id"]), (200, 200, first.json["request_id"]))
    equal(again.headers["Idempotent-Replayed"], "true")
    with Unmoved(s):
        refusal(edit(s, base64.b64encode(one[:-40] + two[-40:]).decode(), headers={"Idempotency-Key": "inline-1"}), 409, "idempotency_key_reused")
    equal(left(s), [])


@each_store
def what_is_no_file_is_refused_and_leaves_nothing(s):
    text = base64.b64encode(png(200, 200)).decode()
    with Unmoved(s):
        equal(refusal(edit(s, text, prompt="long " * 20000), 400, "invalid_argument")["field"], "prompt")
        equal(refusal(edit(s, text, other={"deep": [text]}), 400, "invalid_argument")["field"], "other")
        refusal(edit(s, base64.b64encode(b"only words, " * 10000).decode()), 415, "unsupported_media_type")
        refusal(edit(s, "no base64, " * 10000), 400, "invalid_argument")
        refusal(edit(s, text[:-200] + "!" * 200), 400, "invalid_argument")
        refusal(edit(s, text[:100000] + "\\ud800" + text), 400, "invalid_argument")
        refusal(s.post("/v1/generations", b'{"model":"puras/sketch-edit","inputs":{"image":"%s\\ud800"}}' % text.encode()), 400, "bad_json")
        refusal(s.post("/v1/generations", b'{"model":"puras/sketch-edit","inputs":{"image":"%s' % text.encode()), 400, "bad_json")
        refusal(s.post("/v1/generations", b'{"model":"puras/sketch-edit","inputs":{"image":"%s"},}' % text.encode()), 400, "bad_json")
        refusal(s.post("/v1/generations", {"model": "puras/sketch-edit", "inputs": {"prompt": "x", "image": text}, "metadata": {"x": text}}), 400, "invalid_argument")
        refusal(s.post("/v1/generations", {"model": text, "inputs": {}}), 400, "invalid_argument")
        refusal(edit(s, [text] * 40), 413, "too_large")
        # our own sign is plain data in a caller's body
        refusal(edit(s, {"$spool": 1, "bytes": 200000, "head": "iVBO"}, other=["x" * 100000]), 400, "invalid_argument")
        refusal(s.post("/v1/generations", json.dumps({"model": "puras/sketch-edit", "inputs": {"image": {"$spool": 1, "bytes": 9, "head": ""}, "prompt": "x" * 10, "n": [1] * 30000}}).encode()), 400, "invalid_argument")
        head = "POST /v1/generations HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Length: %d\r\n\r\n" % (s.live, 64 * 1024 * 1024 + 1)
        expect(s.raw(head.encode(), timeout=8).startswith(b"HTTP/1.1 413 "), "no 413")
    equal(left(s), [])


@case
def who_leaves_in_the_middle_leaves_nothing():
    s = shared("sqlite")
    text = base64.b64encode(png(600, 600))
    with Unmoved(s):
        for cut in (70_000, 200_000, 1_000_000):
            with socket.create_connection(("127.0.0.1", s.port), 5) as c:
                body = b'{"model":"puras/sketch-edit","inputs":{"prompt":"x","image":"%s"}}' % text
                c.sendall(b"POST /v1/generations HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Length: %d\r\n\r\n" % (s.live.encode(), len(body)) + body[:cut])
    equal(left(s), [])
    expect(s.alive(), "the server")


@case
def edits_in_the_other_shape_take_them_too():
    s = shared("sqlite")
    link = "data:image/png;base64," + base64.b64encode(png(200, 200)).decode()
    reply = s.post("/v1/images/edits", {"model": "puras/sketch-edit", "prompt": "sepia", "images": [{"image_url": link}]})
    expect(reply.status == 200, reply)


run()
