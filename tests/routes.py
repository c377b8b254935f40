#!/usr/bin/env python3
"""Calls every route of the shipped catalog at `puras twin` with `puras provider try`: the twin's protocols were written from documents and not from the
descriptions, so a wrong description fails here.

    tests/routes.py [PART OF A PROVIDER OR SLUG]...
"""
import concurrent.futures
import glob
import os
import re
import subprocess
import sys
import tempfile

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PURAS = os.path.join(TOP, os.environ.get("PURAS_BUILD", "build"), "puras")
PROVIDERS = ("fal", "replicate", "openai", "google", "ark", "kling", "kling-legacy")
KEYS = {"kling": "good", "fal": "good:good", "kling-legacy": "AKtest:twin-secret"}


def read(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def section(text, name):
    found = re.search(r"^%s:(.*?)(?=^[a-z_]+:|\Z)" % name, text, re.M | re.S)
    return found.group(1) if found else ""


def make_files(folder):
    out = {"image": "in.png", "video": "in.mp4", "audio": "in.mp3"}
    sources = {"image": ["-f", "lavfi", "-i", "testsrc=size=720x720:d=1", "-frames:v", "1"], "video": ["-f", "lavfi", "-i", "testsrc=size=720x720:rate=24:d=4"],
               "audio": ["-f", "lavfi", "-i", "sine=d=3"]}
    for kind, name in out.items():
        out[kind] = os.path.join(folder, name)
        subprocess.run(["ffmpeg", "-v", "error"] + sources[kind] + [out[kind]], check=True)
    return out


def description(provider, port, folder):
    """The shipped one, led to the twin and in a hurry."""
    here = "http://127.0.0.1:%d/%s" % (port, provider.split("-")[0])
    text = read(os.path.join(TOP, "catalog", "providers", provider + ".yaml"))
    base = re.search(r"^base: (\S+)$", text, re.M).group(1)
    for host in [base] + re.findall(r"https://[^\s\]\",/]+", section(text, "hosts")):
        text = text.replace(host, here)
    text = re.sub(r"^hosts: .*\n", "", text, flags=re.M)
    text = re.sub(r"^(base: .*)$", r'\1' + '\nprivate: ["127.0.0.1:%d"]' % port, text, flags=re.M)
    text = re.sub(r"pace: \{[^}]*\}", "pace: {first: 0.1s, every: 0.1s, max: 1s}", text)
    path = os.path.join(folder, provider + ".yaml")
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)
    return path, re.search(r"env: (\w+)", text).group(1)


def inputs_of(model, provider, files):
    """The least that the route takes: what is required, the shortest length, and what its `when` asks for."""
    out = []
    for name, spec in re.findall(r"^  ([a-z_]+): +(\{.*)$", section(model, "inputs"), re.M):
        kind = re.search(r"file: (\w+)", spec)
        least = re.search(r"min: ([\d.]+)", spec)
        references = (name == "image" and re.search(r"^slug: \S+-r2v$", model, re.M)) or (name == "end_image" and re.search(r"^slug: \S+-flf$", model, re.M))
        if kind and ("required: true" in spec or references):
            out += ["-i", "%s=@%s" % (name, files[kind.group(1)])]
        elif name in ("prompt", "text") and "type: text" in spec:
            out += ["-i", name + "=a red boat on a river"]
        elif name == "duration" and least and "price: true" in spec:
            out += ["-i", "duration=" + least.group(1)]
    return out


def attempt(job):
    path, variable, provider, slug, model, arguments = job
    done = subprocess.run([PURAS, "provider", "try", path, slug, "-m", model, "-t", "60"] + arguments, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120,
                          env=dict(os.environ, **{variable: KEYS.get(provider, "good")}))
    said = done.stdout.decode("utf-8", "replace")
    return done.returncode == 0 and (re.search(r"^done: [1-9]", said, re.M) or "transcript" in said), said


def main():
    with tempfile.TemporaryDirectory() as folder:
        files = make_files(folder)
        twin = subprocess.Popen([PURAS, "twin", "--listen", "127.0.0.1:0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        try:
            port = int(re.search(rb":(\d+)\s*$", twin.stdout.readline()).group(1))
            described = {p: description(p, port, folder) for p in PROVIDERS}
            jobs = []
            for path in sorted(glob.glob(os.path.join(TOP, "catalog", "models", "*.yaml"))):
                model = read(path)
                slug = re.search(r"^slug: (\S+)$", model, re.M).group(1)
                for part in re.split(r"^  - ", section(model, "routes"), flags=re.M)[1:]:
                    provider = re.search(r"provider: ([a-z0-9._-]+)", part).group(1)
                    if provider in PROVIDERS and (len(sys.argv) < 2 or any(a in provider + " " + slug for a in sys.argv[1:])):
                        jobs.append(described[provider] + (provider, slug, re.search(r"model: \"?([^\s\"]+)", part).group(1), inputs_of(model, provider, files)))
            bad = 0
            with concurrent.futures.ThreadPoolExecutor(4) as pool:
                for job, (ok, said) in zip(jobs, pool.map(attempt, jobs)):
                    if not ok:
                        bad += 1
                        print("FAIL %s at %s %s\n%s" % (job[3], job[2], " ".join(job[5]), said[-1500:]))
            print("%d routes, %d failed" % (len(jobs), bad))
        finally:
            twin.kill()
            twin.wait()
    sys.exit(1 if bad or not jobs else 0)


main()
