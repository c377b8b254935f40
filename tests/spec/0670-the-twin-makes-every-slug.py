#!/usr/bin/env python3
"""With nothing but a test key every slug of the shipped catalog makes a file. ffprobe, which shares no code with the server, says what
the file is; the price is worked out here from the published table.

Three slugs of each shape (kind, files, unit) are tried, all of them with PURAS_TWIN_ALL=1 (tests/check.d/66-twin.sh).
"""
import concurrent.futures
import fractions
import json
import os
import subprocess
import tempfile
import time
import wave

from harness import case, equal, expect, run, shared

TEXT = "a red boat by the sea"
CODECS = {"image": {"png", "mjpeg", "webp"}, "video": {"h264"}, "audio": {"mp3", "vorbis", "pcm_s16le"}}
FILES = {}


def probe(data, name):
    with tempfile.NamedTemporaryFile(suffix="." + name.rsplit(".", 1)[-1]) as f:
        f.write(data)
        f.flush()
        out = subprocess.run(["ffprobe", "-v", "error", "-of", "json", "-show_format", "-show_streams", f.name], check=True, stdout=subprocess.PIPE)
    return json.loads(out.stdout)


def make_files(server):
    """A picture from the local model, a second of sound and a film: what callers hand in."""
    if FILES:
        return FILES
    a = server.wait(server.submit("puras/sketch", {"prompt": "a blue house", "size": "320x240"}, key="test"), key="test")
    b = server.wait(server.submit("puras/motion-t2v", {"prompt": "a boat", "duration": 2, "size": "320x180"}, key="test"), key="test")
    sound = os.path.join(server.data, "..", os.path.basename(server.data) + ".wav")
    with wave.open(sound, "wb") as w:
        w.setnchannels(1), w.setsampwidth(2), w.setframerate(16000)
        w.writeframes(bytes(range(0, 256, 2)) * 500)  # 2 seconds
    server.cli("drive", "put", sound, "in/voice.wav", key="test")
    os.unlink(sound)
    FILES.update(image=a["outputs"][0]["drive_path"], video=b["outputs"][0]["drive_path"], audio="in/voice.wav")
    return FILES


def inputs_for(server, model):
    """As little as a call needs, and short; every priced input at its cheapest for the machine."""
    out = {}
    for name, spec in spec_of(model).items():
        kind = spec["type"]
        if kind == "file":
            if spec.get("required") or (model["id"].endswith("-r2v") and name in ("image", "video")):
                out[name] = {"drive_path": make_files(server)[spec["file"]]}
        elif kind == "seconds" and spec.get("min") is not None:
            out[name] = spec["min"]
        elif kind == "text" and (spec.get("required") or name == "prompt"):
            out[name] = TEXT
        elif name == "resolution" and spec.get("values"):
            out[name] = spec["values"][0]
    return out


def spec_of(model):
    return {i["name"]: i for i in model["inputs"]} if isinstance(model["inputs"], list) else model["inputs"]


def row_for(price, given):
    """The first row whose conditions hold for these inputs, as a stranger reads the table."""
    for row in price["rate_table"]:
        if all(holds(want, given.get(name)) for name, want in row.get("when", {}).items()):
            return row
    raise AssertionError("no row: %r" % price)


def holds(want, have):
    if isinstance(want, dict):
        if "present" in want:
            return want["present"] == (have is not None)
        if have is None:
            return False
        if isinstance(have, dict):  # files count
            have = 1
        elif "x" in str(have):  # a size counts its pixels
            have = int(have.split("x")[0]) * int(have.split("x")[1])
        return want.get("min", have) <= have <= want.get("max", have)
    return have in want if isinstance(want, list) else have == want


def check_file(server, done, model, inputs):
    kind = model["kind"]
    if kind == "text":
        expect(done["text"] and done["words"][0]["text"] and done["language_code"] == "en", done)
        return
    o = done["outputs"][0]
    data = server.fetch(o["url"]).body
    facts = probe(data, o["drive_path"])
    equal(b"puras sandbox" in data, not model["id"].startswith("puras/"))
    video = [s for s in facts["streams"] if s["codec_type"] == "video"]
    sound = [s for s in facts["streams"] if s["codec_type"] == "audio"]
    expect((sound if kind == "audio" else video)[0]["codec_name"] in CODECS[kind], facts)
    if kind in ("image", "video"):
        equal((video[0]["width"], video[0]["height"]), (o["width"], o["height"]))
    if kind == "video" and isinstance(inputs.get("duration"), (int, float)):
        expect(abs(fractions.Fraction(facts["format"]["duration"]) - inputs["duration"]) < 0.05, facts["format"])
    if model["quantity_from"] == "media":
        expect(abs(float(facts["format"]["duration"]) - 2) < 0.1, facts["format"])
    if kind == "image" and "x" in str(inputs.get("size", "")):
        equal("%dx%d" % (video[0]["width"], video[0]["height"]), inputs["size"])
    if isinstance(inputs.get("audio"), bool):
        equal(bool(sound), inputs["audio"])


def due(model, row, inputs, done):
    """Micros, worked out anew from the row, rounded up once."""
    micros, unit = row["micros"], model["unit"]
    if model["quantity_from"] == "media":
        return micros * 2, micros * 21 // 10  # of the sound that was handed in, and not a tenth more
    if unit == "second":
        amount = fractions.Fraction(str(inputs["duration"])) * micros
    elif unit == "kchar":
        amount = fractions.Fraction(len(inputs["text"]), 1000) * micros
    elif unit == "megapixel":
        w, h = inputs["size"].split("x")
        amount = fractions.Fraction(int(w) * int(h), 1000000) * micros
    else:
        amount = fractions.Fraction(micros)
    one = -(-amount.numerator // amount.denominator)
    return (one * len(done["outputs"]),) * 2 if unit in ("image", "megapixel") else (one, one)


def try_slug(server, model):
    inputs = inputs_for(server, model)
    began = time.monotonic()
    done = server.wait(server.submit(model["id"], inputs, key="test"), key="test", seconds=120)
    expect(done["status"] == "completed", (model["id"], inputs, done["status"], done["error"]))
    if not model["id"].startswith("puras/"):
        equal(done["meta"]["sandbox"], True)
    check_file(server, done, model, done["inputs"])
    row = row_for(model, done["inputs"])
    equal((done["price_row"]["micros"], done["book"]), (row["micros"], "test"))
    low, high = due(model, row, done["inputs"], done)
    expect(low <= done["billed_micros"] <= high, (model["id"], low, done["billed_micros"], high, done["price_row"]))
    return model["id"], done["billed_micros"], time.monotonic() - began


def chosen(server):
    out, seen = [], {}
    for m in server.get("/v1/models", key="test").json["models"]:
        shape = (m["kind"], m["unit"], m["quantity_from"], tuple(sorted(n for n, i in spec_of(m).items() if i["type"] == "file")))
        seen[shape] = seen.get(shape, 0) + 1
        if seen[shape] <= 3 or os.environ.get("PURAS_TWIN_ALL"):
            out.append(m)
    return out


@case
def every_slug_makes_a_file():
    server = shared("sqlite", "--renders", "4")
    make_files(server)
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        for slug, billed, seconds in pool.map(lambda m: try_slug(server, m), chosen(server)):
            expect(billed > 0, slug)
            print("    %-44s %9d micros %5.1f s" % (slug, billed, seconds))
    server.audit()


def one(slug, inputs, status="completed"):
    server = shared("sqlite", "--renders", "4")
    done = server.wait(server.submit(slug, inputs, key="test"), key="test")
    equal((done["status"], slug), (status, slug))
    return server, done


@case
def pixels_length_and_sound_are_as_asked():
    shapes = [("black-forest-labs/flux-dev", {"size": "1008x704"}, (1008, 704)), ("black-forest-labs/flux-dev", {"size": {"width": 512, "height": 768}}, (512, 768)),
              ("google/nano-banana-pro", {"aspect_ratio": "16:9", "resolution": "1K"}, (1368, 768)), ("google/nano-banana-pro", {"resolution": "4K"}, (4096, 4096)),
              ("google/veo-3.1-t2v", {"duration": 4, "resolution": "1080p", "aspect_ratio": "9:16", "audio": True}, (1080, 1920)),
              ("kuaishou/kling-v3-t2v", {"duration": 7, "sound": True}, (1280, 720))]
    for slug, inputs, size in shapes:
        server, done = one(slug, dict(inputs, prompt=TEXT))
        o = done["outputs"][0]
        facts = probe(server.fetch(o["url"]).body, o["drive_path"])
        equal((facts["streams"][0]["width"], facts["streams"][0]["height"]), size)
        if "duration" in inputs:
            expect(abs(float(facts["format"]["duration"]) - inputs["duration"]) < 0.03, facts)
            equal(len(facts["streams"]), 2)


@case
def several_outputs_are_several_files():
    server, done = one("bytedance/seedream-v4", {"prompt": TEXT, "n": 3})
    equal((len(done["outputs"]), done["billed_micros"], len({o["sha256"] for o in done["outputs"]})), (3, 108000, 3))


@case
def a_live_key_gets_no_sandbox_file():
    server = shared("sqlite", "--renders", "4")
    reply = server.post("/v1/generations", {"model": "kuaishou/kling-v3-t2v", "inputs": {"prompt": TEXT}}, key="live")
    equal((reply.status, reply.json["charged_micros"]), (503, 0))


run()
