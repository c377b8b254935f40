#!/usr/bin/env python3
"""Every slug with a route to fal.ai, Replicate or OpenAI that is more than a guess: run live against `puras twin`, stored, and billed what was quoted."""
import atexit
import concurrent.futures
import glob
import os
import re
import subprocess
import sys

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(TOP, "tests", "spec"))
from harness import PURAS, Server, equal, expect  # noqa: E402

KEYS = {"FAL_KEY": "kid:secret", "REPLICATE_API_TOKEN": "r8_demo", "OPENAI_API_KEY": "sk-demo"}
SPOKEN = ("fal", "replicate", "openai")


def runnable():
    """The slugs that one of the three runs for a live key."""
    out = set()
    for path in glob.glob(os.path.join(TOP, "catalog", "models", "*.yaml")):
        with open(path, encoding="utf-8") as f:
            text = f.read()
        routes = re.search(r"^routes:(.*?)(?=^[a-z_]+:|\Z)", text, re.M | re.S).group(1)
        for part in re.split(r"^  - ", routes, flags=re.M)[1:]:
            if re.search(r"provider: (%s)\n" % "|".join(SPOKEN), part) and "status: guess" not in part:
                out.add(re.search(r"^slug: (\S+)$", text, re.M).group(1))
    return out


def short(model, files):
    """As little and as short as the model takes."""
    out = {}
    for spec in model["inputs"]:
        name, kind = spec["name"], spec["type"]
        if kind == "file":
            if spec["required"] or (model["slug"].endswith("-r2v") and name in ("image", "video")) or (model["slug"].endswith("-flf") and name == "end_image"):
                out[name] = files[spec["file"]]
        elif kind == "text" and (spec["required"] or name == "prompt"):
            out[name] = "a red boat by the sea"
        elif kind == "seconds":
            out[name] = spec.get("min", 1)
        elif name == "resolution":
            out[name] = spec["values"][0]
    return out


def main():
    twin = subprocess.Popen([PURAS, "twin", "--listen", "127.0.0.1:0"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    atexit.register(twin.wait)
    atexit.register(twin.terminate)
    port = int(re.search(r"127\.0\.0\.1:(\d+)", twin.stdout.readline()).group(1))
    args = []
    for name in SPOKEN:
        args += ["--provider-base", "%s=http://127.0.0.1:%d/%s" % (name, port, name)]
    with Server(*args, env=KEYS) as s:
        equal(s.post("/v1/top-up", {"usd": 1000}, key="admin").status, 200)

        def made(model, inputs):
            reply = s.post("/v1/media/generate", {"model": model, "inputs": inputs}, timeout=300)
            expect(reply.status == 200, (model, inputs, reply))
            return reply.json

        files = {"image": made("puras/sketch", {"prompt": "a boat", "size": "640x480"})["drive_path"],
                 "video": made("puras/motion-t2v", {"prompt": "a boat", "duration": 2, "size": "320x180"})["drive_path"],
                 "audio": made("puras/voice", {"text": "Good morning."})["drive_path"]}
        wanted = runnable()
        jobs = [(m["slug"], short(m, files)) for m in s.get("/v1/models").json["models"] if m["slug"] in wanted]
        equal(len(jobs), len(wanted))
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            done = list(pool.map(lambda job: made(*job), jobs))
        for (slug, inputs), one in zip(jobs, done):
            quoted = s.post("/v1/quote", {"model": slug, "inputs": inputs}).json
            expect(0 < one["billed_micros"] <= quoted["quoted_micros"], (slug, one["billed_micros"], quoted))
            if quoted["row"]["from"] in ("call", "input"):
                equal((slug, one["billed_micros"]), (slug, quoted["quoted_micros"]))
            expect(one["drive_path"] or one["text"], one)
        s.audit()
        print("%d slugs made what was asked for" % len(jobs))


main()
