#!/usr/bin/env python3
"""The registry as data: every slug that the two products name is there, is priced above what it costs, and says what it takes."""
import glob
import json
import os
import re
import shutil
import subprocess
import tempfile

from harness import PURAS, TOP, case, equal, expect, run, shared

# the seeds and the product's own list, by what comes out
SLUGS = {
    "image": ["openai/gpt-image-2", "openai/gpt-image-2-edit", "bytedance/seedream-v4", "bytedance/seedream-v4-edit", "google/imagen-4", "google/nano-banana-pro",
              "google/nano-banana-pro-edit", "kuaishou/kling-v3-image", "kuaishou/kling-v3-image-edit"],
    "video": ["bytedance/seedance-2-t2v", "bytedance/seedance-2-i2v", "bytedance/seedance-2-r2v", "bytedance/seedance-2-fast-t2v", "bytedance/seedance-2-fast-i2v",
              "bytedance/seedance-2-fast-r2v", "kuaishou/kling-v3-t2v", "kuaishou/kling-v3-i2v", "kuaishou/kling-o3-r2v", "kuaishou/kling-avatar-v2", "google/veo-3-t2v",
              "google/veo-3-i2v", "google/veo-3-fast-t2v", "google/veo-3-fast-i2v", "google/veo-3.1-r2v"],
    "audio": ["elevenlabs/tts-v3", "elevenlabs/tts-multilingual-v2"],
    "text": ["elevenlabs/scribe-v2"],
}
WIRED = {os.path.basename(p)[:-5] for p in glob.glob(os.path.join(TOP, "catalog", "providers", "*.yaml"))} # whose every route has a test of what leaves
# Every name a caller of either product may write for the same thing.
CALLS = [
    ("kuaishou/kling-v3-i2v", {"image_url": "a.png", "prompt": "x", "duration": 5}, 672000),
    ("kuaishou/kling-v3-i2v", {"source_media_urls": ["a.png"], "duration": "5s", "sound": True}, 1008000),
    ("kuaishou/kling-v3-t2v", {"prompt": "rainy alley", "duration": 5}, 672000),
    ("google/veo-3-t2v", {"prompt": "thunder", "duration": 4, "generate_audio": True}, 1920000),
    ("google/veo-3-fast-i2v", {"image_url": "a.png", "duration": 4}, 480000),
    ("bytedance/seedance-2-i2v", {"image_url": "a.png", "prompt": "spin", "duration": 8}, 2912640),
    ("bytedance/seedance-2-r2v", {"prompt": "match", "image_urls": ["a.png"], "duration": 6}, 2184480),
    ("bytedance/seedance-2-r2v", {"prompt": "match", "image_urls": ["a.png"], "video_url": "b.mp4", "duration": 6}, 1584000),
    ("bytedance/seedance-2-fast-t2v", {"prompt": "x", "duration": 5}, 1451400),
    ("bytedance/seedream-v4-edit", {"image_url": "a.png", "prompt": "neon"}, 36000),
    ("openai/gpt-image-2", {"prompt": "x", "size": "1024x1024", "quality": "high"}, 264000),
    ("openai/gpt-image-2", {"prompt": "x", "image_size": {"width": 1024, "height": 1536}, "quality": "low", "num_images": 2}, 48000),
    ("openai/gpt-image-2-edit", {"prompt": "x", "quality": "low", "image_url": "a.png"}, 48000),
    ("openai/gpt-image-2-edit", {"prompt": "x", "quality": "low", "image_urls": ["a.png", "b.png", "c.png"], "n": 2}, 168000),
    ("openai/gpt-image-2-edit", {"prompt": "x", "quality": "low", "image_urls": ["%d.png" % i for i in range(16)]}, 264000),
    ("google/nano-banana-pro", {"prompt": "x", "resolution": "4K", "n": 2}, 720000),
    ("elevenlabs/tts-v3", {"text": "x" * 500}, 60000),
    ("elevenlabs/tts-multilingual-v2", {"text": "x" * 1000}, 120000),
    ("black-forest-labs/flux-dev", {"prompt": "x", "image_size": {"width": 2048, "height": 1024}, "n": 2}, 120000),
]


def files():
    out = {}
    for path in sorted(glob.glob(os.path.join(TOP, "catalog", "models", "*.yaml"))):
        with open(path, encoding="utf-8") as f:
            text = f.read()
        out[re.search(r"^slug: (\S+)$", text, re.M).group(1)] = text
    return out


def section(text, name):
    found = re.search(r"^%s:(.*?)(?=^[a-z_]+:|\Z)" % name, text, re.M | re.S)
    return found.group(1) if found else ""


def routes(text):
    """Each route of a model as text, the provider's name in front."""
    parts = re.split(r"^  - ", section(text, "routes"), flags=re.M)[1:]
    return [(re.search(r"provider: ([a-z0-9._-]+)", part).group(1), part) for part in parts]


@case
def every_slug_is_there_and_says_what_it_takes():
    models = {m["slug"]: m for m in shared("sqlite").get("/v1/models").json["models"]}
    for kind, slugs in SLUGS.items():
        for slug in slugs:
            m = models[slug]
            equal((slug, m["kind"]), (slug, kind))
            expect(m["title"] != slug and m["rate_table"], m)
            expect(m["estimated_time_s"] > 0, m)
            names = {i["name"] for i in m["inputs"]}
            if slug.endswith(("-i2v", "-edit")):
                expect([i for i in m["inputs"] if i.get("file") == "image" and i["required"]], m)
            if slug.endswith(("-t2v", "-i2v", "-r2v")):
                expect({"duration", "prompt"} <= names, m)


@case
def rows_read_as_the_second_product_writes_them():
    models = {m["model_id"]: m for m in shared("sqlite").get("/v1/models").json["models"]}
    wanted = [
        ("kuaishou/kling-v3-i2v", "video", 67.2, ["image-to-video"], True, ["image"]),
        ("kuaishou/kling-v3-t2v", "video", 67.2, ["text-to-video"], False, []),
        ("bytedance/seedream-v4-edit", "image", 3.6, ["image-to-image"], True, ["image"]),
        ("bytedance/seedance-2-r2v", "video", 182.04, ["text-to-video", "image-to-video"], False, ["image", "video", "audio"]),
        ("elevenlabs/tts-v3", "speech", 12, ["text-to-speech"], False, []),
        ("google/lyria-3", "music", 4.8, ["text-to-music"], False, ["image"]),
        ("elevenlabs/scribe-v2", "other", 0.0209, ["speech-to-text"], True, ["audio"]),
    ]
    for slug, kind, credits, generations, needs, takes in wanted:
        m = models[slug]
        equal((slug, m["model_type"], m["cost_per_generation"], m["generation_types"], m["requires_input_media"], m["input_media_types"]), (slug, kind, credits, generations, needs, takes))
        equal((m["display_name"], m["provider"]), (m["title"], slug.split("/")[0]))
        equal(m["estimated_time_seconds"], m["estimated_time_s"])
    for kind in ("image", "video", "music", "speech", "other"):
        found = shared("sqlite").get("/v1/models?model_type=" + kind).json
        equal(sorted(m["slug"] for m in found["models"]), sorted(m["slug"] for m in models.values() if m["model_type"] == kind))
        expect(found["total_count"] == len(found["models"]) > 0, kind)
    can = models["kuaishou/kling-v3-t2v"]["capabilities"]
    equal((can["prompt_max_chars"], can["aspect_ratio_options"], can["duration_options"][0], can["supports_sound"]), (2500, ["16:9", "9:16", "1:1"], "3s", True))
    can = models["bytedance/seedance-2-r2v"]["capabilities"]
    equal([can["max_input_" + k] for k in ("images", "videos", "audios", "media")], [9, 3, 3, 15])


@case
def prices_are_what_the_products_say():
    s = shared("sqlite")
    for slug, inputs, micros in CALLS:
        reply = s.post("/v1/quote", {"model": slug, "inputs": inputs})
        equal((slug, reply.status, reply.json.get("quoted_micros")), (slug, 200, micros))


@case
def every_model_has_a_source_and_a_date():
    for slug, text in files().items():
        if slug.startswith("puras/"):
            continue
        expect(re.search(r"^source: .{10,}$", text, re.M), slug)
        expect(re.search(r"^date: 20\d\d-\d\d-\d\d$", text, re.M), slug)


@case
def every_model_can_run_or_says_that_it_ended():
    known = {os.path.basename(p)[:-5] for p in glob.glob(os.path.join(TOP, "catalog", "providers", "*.yaml"))} | {"local"}
    for slug, text in files().items():
        there = routes(text)
        expect(there or re.search(r"^ended: ", text, re.M), slug)
        for provider, part in there:
            expect(provider in known, (slug, provider))
            if provider != "local":
                # what is not known to be true runs for no live key, so its price may be unknown too
                expect(re.search(r"cost:", part) or "status: guess" in part, (slug, provider))
    for kind, slugs in SLUGS.items():
        for slug in slugs:
            expect([p for p, part in routes(files()[slug]) if "status: guess" not in part], slug)


@case
def every_route_says_what_is_known_of_it():
    shipped = json.loads(subprocess.run([PURAS, "catalog", "lint", "--json"], stdout=subprocess.PIPE, check=True).stdout)
    equal((shipped["ok"], shipped["advice"]), (True, []))
    with tempfile.TemporaryDirectory() as folder:
        os.mkdir(os.path.join(folder, "providers"))
        shutil.copy(os.path.join(TOP, "catalog", "providers", "fal.yaml"), os.path.join(folder, "providers"))
        text = files()["google/lyria-3"]
        with open(os.path.join(folder, "lyria.yaml"), "w", encoding="utf-8") as f:
            f.write(re.sub(r"^    status: .*\n", "", text, flags=re.M))
        done = subprocess.run([PURAS, "catalog", "lint", folder], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        equal((done.returncode, len(done.stderr.splitlines())), (0, len(routes(text))))
        expect("lyria.yaml:" in done.stderr and "states a cost and no `status`" in done.stderr, done.stderr)
    expect(all(m["estimated_time_s"] > 0 for m in shared("sqlite").get("/v1/models").json["models"]), "a model without an estimated time")


@case
def a_fifth_is_left_over_the_first_route():
    compared = 0
    for slug, text in files().items():
        priced = [int(m) for m in re.findall(r"micros: (\d+)", section(text, "price"))]
        unit = re.search(r"unit: (\w+)", section(text, "price")).group(1)
        for provider, part in routes(text)[:1]:
            cost = re.search(r"cost:(.*?)(?=^    [a-z_]+:|\Z)", part, re.M | re.S)
            spent = [int(m) for m in re.findall(r"micros: (\d+)", cost.group(1))] if cost else []
            if len(spent) != len(priced) or not re.search(r"unit: %s\b" % unit, cost.group(1)):
                continue
            compared += 1
            for p, c in zip(priced, spent):
                expect(p * 10 >= c * 12, (slug, provider, p, c))
    expect(compared >= 60, compared)


@case
def what_leaves_is_tested_for_every_route():
    tested = {}
    for path in glob.glob(os.path.join(TOP, "tests", "wire", "*", "*.yaml")):
        with open(path, encoding="utf-8") as f:
            text = f.read()
        provider = re.search(r"^provider: (\S+)$", text, re.M).group(1)
        for test in re.split(r"^  - name: ", text, flags=re.M)[1:]:
            if "request:" in test:
                tested.setdefault(provider, set()).update(re.findall(r"slug: ([^\s,}]+)", test))
    for slug, text in files().items():
        for provider, _ in routes(text):
            if provider in WIRED:
                expect(slug in tested.get(provider, ()), (slug, provider))


@case
def the_page_of_models_is_up_to_date():
    with tempfile.TemporaryDirectory() as folder:
        fresh = os.path.join(folder, "MODELS.md")
        subprocess.run([os.path.join(TOP, "scripts", "models.sh"), fresh], check=True, timeout=60)
        with open(fresh, encoding="utf-8") as a, open(os.path.join(TOP, "docs", "MODELS.md"), encoding="utf-8") as b:
            expect(a.read() == b.read(), "docs/MODELS.md is older than catalog/models: run scripts/models.sh")


run()
