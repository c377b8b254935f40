#!/usr/bin/env python3
"""A live key, the shipped descriptions and the shipped catalog, with `puras twin` in the providers' places: the whole way from a call to a
file in the drive, at every provider that the twin speaks, and what the twin can be told to do wrong. The twin counts what reached it.

Ark and Kling are first asked after ten seconds; they are tried with PURAS_TWIN_ALL=1 only (tests/check.d/66-twin.sh).
"""
import concurrent.futures
import json
import os
import subprocess
import tempfile

from harness import Server, case, equal, expect, run
from twin_server import Twin

KEYS = {"fal": {"FAL_KEY": "kid:secret"}, "replicate": {"REPLICATE_API_TOKEN": "r8_x"}, "openai": {"OPENAI_API_KEY": "sk-x"}, "google": {"GEMINI_API_KEY": "g-x"},
        "ark": {"ARK_API_KEY": "ark-x"}, "kling": {"KLING_API_KEY": "kk-x"}, "kling-legacy": {"KLING_ACCESS_SECRET": "AKtest:twin-secret"}}
TWIN = Twin().__enter__()
ALL = bool(os.environ.get("PURAS_TWIN_ALL"))
PATIENT = ("ark", "kling", "kling-legacy")


def server(*providers):
    """A server that has the keys of these providers only, so that a call can take no other way."""
    args, env = [], {name: "" for keys in KEYS.values() for name in keys}
    for p in providers:
        args += ["--provider-base", "%s=%s/%s" % (p, TWIN.url, p.split("-")[0])]
        env.update(KEYS[p])
    s = Server(*args, env=env)
    s.post("/v1/top-up", {"usd": 100, "project": s.credentials["project"]}, key="admin")
    return s


def probe(data):
    with tempfile.NamedTemporaryFile() as f:
        f.write(data)
        f.flush()
        out = subprocess.run(["ffprobe", "-v", "error", "-of", "json", "-show_format", "-show_streams", f.name], check=True, stdout=subprocess.PIPE)
    return json.loads(out.stdout)


def make(s, slug, status="completed", **inputs):
    done = s.wait(s.submit(slug, inputs), seconds=90)
    equal((slug, done["status"], done["error"] if status == "completed" else None), (slug, status, None))
    return done


def sent(provider, what="submit"):
    return TWIN.log(provider.split("-")[0], what)["count"]


def picture(s):
    return s.wait(s.submit("puras/sketch", {"prompt": "a house", "size": "640x480"}, key="live"))["outputs"][0]["drive_path"]


ROWS = {  # provider: slug, inputs, kind of the first stream, width, seconds
    "fal": [("kuaishou/kling-v3-t2v", {"prompt": "rainy alley", "duration": 3}, "h264", None, 3), ("kuaishou/kling-v3-i2v", {"image": True, "prompt": "it spins", "duration": 3, "audio": True}, "h264", None, 3),
            ("bytedance/seedream-v4-edit", {"image": True, "prompt": "neon trim"}, "png", None, None), ("elevenlabs/tts-v3", {"text": "Doors closing."}, "mp3", None, None)],
    "replicate": [("bytedance/seedance-2-t2v", {"prompt": "a boat", "duration": 4, "resolution": "480p"}, "h264", None, 4), ("google/veo-3-fast-i2v", {"image": True, "prompt": "x", "duration": 4}, "h264", None, 4)],
    "openai": [("openai/gpt-image-2", {"prompt": "a vintage red bicycle", "size": "1024x1024", "quality": "high"}, "png", 1024, None), ("openai/gpt-image-2-edit", {"image": True, "prompt": "violet"}, "png", None, None),
               ("openai/tts-1", {"text": "Doors closing."}, "mp3", None, None)],
    "google": [("google/nano-banana-pro", {"prompt": "a woodcut"}, "png", None, None), ("google/nano-banana-2-edit", {"image": True, "prompt": "a woodcut"}, "png", None, None)],
    "ark": [("bytedance/seedance-2-i2v", {"image": True, "prompt": "it spins", "duration": 4, "resolution": "480p"}, "h264", None, 4), ("bytedance/seedream-v4", {"prompt": "a chair"}, "mjpeg", None, None)],
    "kling": [("kuaishou/kling-v3-t2v", {"prompt": "thunder over hills", "duration": 4, "generate_audio": True}, "h264", None, 4)],
    "kling-legacy": [("kuaishou/kling-v3-t2v", {"prompt": "thunder over hills", "duration": 4, "generate_audio": True}, "h264", None, 4), ("kuaishou/kling-o1-image", {"prompt": "a chair"}, "png", None, None)],
}


def check(s, done, slug, inputs, codec, width, seconds):
    equal((slug, done["status"], done["error"]), (slug, "completed", None))
    facts = probe(s.fetch(done["outputs"][0]["url"]).body)
    first = facts["streams"][0]
    equal((slug, first["codec_name"]), (slug, codec))
    if width:
        equal(first["width"], width)
    if seconds:
        expect(abs(float(facts["format"]["duration"]) - seconds) < 0.1, facts["format"])
        equal(len(facts["streams"]), 2 if inputs.get("audio") or inputs.get("generate_audio") else 1)
    expect(done["billed_micros"] > 0 and "sandbox" not in done["meta"], done)


def try_provider(provider):
    with server(provider) as s:
        given = picture(s)
        count, before, started = sent(provider), s.balance(), []
        for row in ROWS[provider]:
            started.append((row, s.submit(row[0], {k: given if v is True and k == "image" else v for k, v in row[1].items()})))
        billed = 0
        for (slug, inputs, codec, width, seconds), one in started:
            done = s.wait(one, seconds=90)
            check(s, done, slug, inputs, codec, width, seconds)
            billed += done["billed_micros"]
        equal((provider, sent(provider) - count, before - s.balance()), (provider, len(started), billed))
        s.audit()
    return provider


@case
def the_whole_way_at_every_provider():
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        names = [p for p in ROWS if (ALL or p not in PATIENT) and p != "kling-legacy"]
        equal(list(pool.map(try_provider, names)), names)
    if ALL:
        try_provider("kling-legacy")  # by itself: the twin counts what it gets together with Kling's


T2V = "kuaishou/kling-v3-t2v"


@case
def what_passes_is_tried_again_and_what_ends_costs_nothing():
    with server("fal") as s:
        before, count = s.balance(), sent("fal")
        passing, ending = ("busy 1 1s", "fail transient 1"), ("fail moderation", "fail caller", "fail gone", "fail unclassified", "fail auth", "done-then-fail")
        started = [(words, s.submit(T2V, {"prompt": "a boat, %s [twin: %s]" % (words, words), "duration": 3})) for words in passing + ending]
        billed = 0
        for words, one in started:
            done = s.wait(one, seconds=90)
            equal((words, done["status"]), (words, "completed" if words in passing else "failed"))
            expect((done["billed_micros"] > 0) == (words in passing), done)
            billed += done["billed_micros"]
        equal((before - s.balance(), sent("fal") - count), (billed, 2 * len(passing) + len(ending)))
        s.audit()


@case
def an_empty_account_is_the_next_routes_work():
    with server("fal", "replicate") as s:
        counts = sent("fal"), sent("replicate")
        make(s, "google/veo-3-t2v", prompt="a boat", duration=4)
        equal((sent("fal") - counts[0], sent("replicate") - counts[1]), (1, 0))
        TWIN.mood("fal", "fail quota")
        try:
            make(s, "google/veo-3-t2v", prompt="a boat", duration=4)
        finally:
            TWIN.mood("", "")
        equal((sent("fal") - counts[0], sent("replicate") - counts[1]), (2, 1))
        s.audit()


@case
def dead_links_and_broken_downloads_are_mended():
    with server("fal") as s:
        started = [s.submit(T2V, {"prompt": "a boat in the distance, %s [twin: %s]" % (words, words), "duration": 3}) for words in ("expire", "die 1", "die 2, expire")]
        for one in started:
            done = s.wait(one, seconds=90)
            equal((done["status"], done["billed_micros"]), ("completed", 3 * 134400))
            expect(abs(float(probe(s.fetch(done["outputs"][0]["url"]).body)["format"]["duration"]) - 3) < 0.1, done)
        s.audit()


@case
def a_lost_answer_is_never_sent_again():
    with server("fal") as s:
        count = sent("fal")
        g = s.submit(T2V, {"prompt": "a boat that is lost for ever [twin: lose 1]", "duration": 3})
        TWIN.until(lambda: s.get("/v1/generations/" + g), lambda r: "confirm" in json.dumps(r.json))
        equal((s.get("/v1/generations/" + g).json["status"], sent("fal") - count), ("processing", 1))
        s.audit()


def a_lost_answer_is_looked_up():
    with server("kling") as s:  # it can be asked by our own reference
        count = sent("kling")
        done = s.wait(s.submit(T2V, {"prompt": "a boat that is lost [twin: lose 1]", "duration": 3}), seconds=90)
        equal((done["status"], sent("kling") - count, done["attempts"]), ("completed", 1, 1))


if ALL:
    case(a_lost_answer_is_looked_up)


@case
def a_wrong_file_costs_nothing_and_a_lie_changes_no_bill():
    with server("fal") as s:
        done = s.wait(s.submit(T2V, {"prompt": "a boat [twin: wrong-type]", "duration": 3}), seconds=90)
        equal((done["status"], done["error"]["code"], done["billed_micros"], done["held_micros"]), ("failed", "output_lost", 0, 0))
        expect("image/png" in done["error"]["detail"], done["error"])
        done = make(s, T2V, prompt="a boat [twin: length 1s]", duration=3)
        equal((done["outputs"][0]["duration"], done["billed_micros"]), (1, 3 * 134400))


@case
def the_twin_ends():
    TWIN.__exit__(None, None, None)


run()
