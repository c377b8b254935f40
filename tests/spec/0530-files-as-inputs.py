#!/usr/bin/env python3
"""Where a model takes a file: every shape of it, what is made of it, and what is refused before anything is held."""
import base64
import json
import struct
import zlib

from harness import Unmoved, case, each_store, equal, expect, refusal, run, shared


def png(side=64):
    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    rows = b"".join(b"\0" + bytes([y * 3, y, 90]) * side for y in range(side))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def edit(s, image, key="live"):
    return s.post("/v1/media/generate", {"model": "puras/sketch-edit", "inputs": {"image": image, "prompt": "sepia"}}, key=key)


@each_store
def every_shape_is_the_same_file(s):
    data = png()
    equal(s.call("PUT", "/v1/drive/files/in/one.png", data, key="live").status, 201)
    link = s.post("/v1/drive/sign", {"path": "in/one.png", "ttl": 60}).json["signed_url"]
    text = base64.b64encode(data).decode()
    seeds = set()
    for image in ("in/one.png", "drive/in/one.png", {"drive_path": "in/one.png"}, {"path": "in/one.png"}, link, {"url": link}, ["in/one.png"],
                  "data:image/png;base64," + text, {"data": text}, {"base64": text, "media_type": "image/png"}, text):
        reply = edit(s, image)
        expect(reply.status == 200, (image, reply))
        made = reply.json
        equal((made["kind"], made["billed_micros"]), ("image", 12000))
        kept = s.get("/v1/generations/" + made["request_id"]).json["inputs"]["image"]
        kept = kept[0] if isinstance(kept, list) else kept
        expect(kept["drive_path"] == "in/one.png" or kept["drive_path"].startswith("inputs/"), kept)
        seeds.add(kept["drive_path"])
    equal(len(seeds), 2)  # what came inline is one file, however often it came


@each_store
def what_is_no_file_of_ours_is_refused_every_time(s):
    s.call("PUT", "/v1/drive/files/in/words.txt", b"only words", key="live")
    link = s.post("/v1/drive/sign", {"path": "in/words.txt", "ttl": 60}).json["signed_url"]
    with Unmoved(s):
        for _ in range(30):  # a verdict that is lost now and then is lost once in thirty
            refusal(edit(s, "nothing.png"), 400, "invalid_argument")
        refusal(edit(s, "in/words.txt"), 415, "unsupported_media_type")
        refusal(edit(s, link.replace("sig=", "sig=A")), 403, "bad_signature")
        refusal(edit(s, "https://127.0.0.1:1/picture.png"), 400, "egress_refused")
        refusal(edit(s, "data:image/png;base64,%%%"), 400, "invalid_argument")
        refusal(edit(s, {"data": base64.b64encode(b"no picture at all, only words").decode()}), 415, "unsupported_media_type")
        refusal(edit(s, {"file": "in/words.txt"}), 400, "invalid_argument")
        refusal(edit(s, "../in/one.png"), 400, "bad_path")


@each_store
def files_of_another_project_are_out_of_reach(s):
    other = s.post("/v1/keys", {"kind": "live", "project": s.post("/v1/projects", {"name": "other"}, key="admin").json["id"]}, key="admin").json["key"]
    equal(s.call("PUT", "/v1/drive/files/theirs.png", png(), key=other).status, 201)
    link = s.post("/v1/drive/sign", {"path": "theirs.png", "ttl": 60}, key=other).json["signed_url"]
    equal(s.fetch(link).status, 200)
    with Unmoved(s):
        refusal(edit(s, link), 403, "bad_signature")
        refusal(edit(s, {"url": link}), 403, "bad_signature")
        refusal(edit(s, "theirs.png"), 400, "invalid_argument")


@case
def copies_are_made_when_they_are_looked_at():
    s = shared("sqlite")
    made = s.post("/v1/media/generate", {"model": "puras/sketch", "inputs": {"prompt": "a red boat", "size": "1024x512"}}).json
    out = s.get("/v1/generations/" + made["request_id"]).json["outputs"][0]
    thumbnail, again, optimized = s.fetch(out["thumbnail_url"]), s.fetch(out["thumbnail_url"]), s.fetch(out["optimized_url"])
    equal((thumbnail.status, thumbnail.headers["Content-Type"], thumbnail.body[8:12]), (200, "image/webp", b"WEBP"))
    equal(again.body, thumbnail.body)
    equal((optimized.status, optimized.body[8:12]), (200, b"WEBP"))
    refusal(s.fetch(out["thumbnail_url"].replace("/thumbnails/", "/optimized/")), 403, "bad_signature")
    refusal(s.fetch(out["url"].replace("/files/", "/thumbnails/")), 403, "bad_signature")
    s.call("PUT", "/v1/drive/files/broken.png", png()[:60], key="live")
    voice = s.post("/v1/media/generate", {"model": "puras/voice", "inputs": {"text": "Hello."}}).json
    equal(s.get("/v1/generations/" + voice["request_id"]).json["outputs"][0]["thumbnail_url"], None)


@case
def work_is_told_by_stages_with_percent():
    s = shared("sqlite")
    made = s.post("/v1/media/generate", {"model": "puras/motion-t2v", "inputs": {"prompt": "a boat at dawn", "duration": 1, "resolution": "360p"}}).json
    equal((made["kind"], made["billed_micros"], made["meta"]["duration_ms"]), ("video", 20000, 1000))
    names = [stage["name"] for stage in s.get("/v1/generations/" + made["request_id"]).json["stages"]]
    expect({"submitted", "started", "drawing", "completed"} <= set(names), names)
    events = s.call("GET", "/v1/generations/%s/events" % made["request_id"], key="live").body.decode()
    percents = [json.loads(line[6:])["data"]["percent"] for line in events.splitlines() if line.startswith("data: ") and '"percent"' in line]
    expect(percents and percents == sorted(percents) and percents[-1] <= 100, percents)


run()
