#!/usr/bin/env python3
"""The examples as they stand: with a test key, and unchanged with a live key and providers' keys against the twin's servers."""
import atexit
import os
import re
import subprocess
import sys
import tempfile

import installed
from harness import PURAS, TOP, Server, case, equal, expect, run

KEYS = {"FAL_KEY": "kid:secret", "REPLICATE_API_TOKEN": "r8_demo", "OPENAI_API_KEY": "sk-demo"}
PATTERNS = ("text_to_image", "edit", "image_to_video", "reference_to_video", "audio_on_and_off", "fast", "output_url_path", "skill")


def with_twin():
    twin = subprocess.Popen([PURAS, "twin", "--listen", "127.0.0.1:0"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    atexit.register(twin.wait)
    atexit.register(twin.terminate)
    port = int(re.search(r"127\.0\.0\.1:(\d+)", twin.stdout.readline()).group(1))
    args = [a for name in ("fal", "replicate", "openai") for a in ("--provider-base", "%s=http://127.0.0.1:%d/%s" % (name, port, name))]
    return Server(*args, env=KEYS)


def example(s, key, *command, **more):
    env = {k: v for k, v in os.environ.items() if not k.startswith("PURAS_")}
    env.update(PURAS_API_BASE=s.url, PURAS_API_KEY=key, HOME=tempfile.gettempdir(), **more)
    done = subprocess.run(command, env=env, cwd=tempfile.gettempdir(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=150)
    expect(done.returncode == 0, (command, done.stdout[-1500:], done.stderr[-1500:]))
    return done.stdout


def patterns(s, key, book):
    """Starts where the book stands, and ends with every file in the drive and the books right."""
    out = example(s, key, sys.executable, os.path.join(TOP, "examples", "python", "patterns.py"), PYTHONPATH=os.path.join(TOP, "python"))
    lines = [line.split() for line in out.splitlines()]
    equal([line[0] for line in lines], list(PATTERNS))
    for name, path, usd, _ in lines:
        expect(float(usd) > 0, lines)
        equal(s.get("/v1/drive/files/" + path, key=book).status, 200)
    s.audit()
    return [(line[0], line[2]) for line in lines]


def in_c(s, key):
    """The C example with models of providers; what its two calls cost."""
    before, film = s.balance(key), os.path.join(installed.PREFIX, key + ".mp4")
    out = example(s, getattr(s, key), installed.PREFIX + "/generate", film, "openai/gpt-image-2", "bytedance/seedance-2-i2v", LD_LIBRARY_PATH=installed.PREFIX + "/lib")
    expect("4.0 s, 681600 micros" in out, out)
    with open(film, "rb") as f:
        equal(f.read(12)[4:8], b"ftyp")
    return before - s.balance(key)


def providers_of(s, key):
    rows = s.get("/v1/usage_events?limit=200", key=key).json["usage_events"]
    return {r["provider"] for r in rows}


@case
def the_same_code_with_a_test_key_and_with_providers():
    with with_twin() as s:
        equal(s.post("/v1/top-up", {"usd": 100}, key="admin").status, 200)
        by_test = patterns(s, s.test, "test")
        equal(providers_of(s, "test"), {"twin"})
        by_live = patterns(s, s.live, "live")
        expect("fal" in providers_of(s, "live") and "twin" not in providers_of(s, "live"), providers_of(s, "live"))
        equal(by_live, by_test)  # a test key bills its book what a live key bills
        installed.install()
        installed.build(installed.EXAMPLE, installed.PREFIX + "/generate")
        equal(in_c(s, "live"), in_c(s, "test"))
        s.audit()


run()
