#!/usr/bin/env python3
"""The descriptions of fal.ai, Replicate and OpenAI, by `puras provider try`, against a server that was written from their documents and not from
the descriptions: one call of each kind, and every class of failure."""
import atexit
import concurrent.futures
import os
import re
import shutil
import subprocess
import tempfile

from harness import PURAS, TOP, case, equal, expect, run

ORIGINS = {"fal": ("https://queue.fal.run", "https://rest.fal.ai"), "replicate": ("https://api.replicate.com",), "openai": ("https://api.openai.com",)}
KEYS = {"FAL_KEY": "kid:secret", "REPLICATE_API_TOKEN": "r8_demo", "OPENAI_API_KEY": "sk-demo"}
CALLS = [
    ("fal", "bytedance/seedream-v4", ["prompt=a boat", "n=2"], "done: 2 outputs"),
    ("fal", "kuaishou/kling-v3-i2v", ["prompt=it spins", "image=@PICTURE", "duration=3"], "done: 1 output"),
    ("fal", "elevenlabs/tts-v3", ["text=Good morning."], "done: 1 output"),
    ("fal", "elevenlabs/scribe-v2", ["audio=@SOUND"], "done: 0 outputs"),
    ("fal", "google/veo-3-t2v", ["prompt=thunder", "duration=4", "audio=true"], "done: 1 output"),
    ("fal", "kuaishou/kling-avatar-v2", ["image=@PICTURE", "audio=@SOUND"], "done: 1 output"),
    ("replicate", "bytedance/seedance-2-i2v", ["prompt=it spins", "image=@PICTURE", "end_image=@PICTURE", "duration=4"], "done: 1 output"),
    ("replicate", "openai/gpt-image-2.5-flare", ["prompt=a boat", "n=2"], "done: 2 outputs"),
    ("openai", "openai/gpt-image-2", ["prompt=a boat", "quality=low"], "done: 1 output"),
    ("openai", "openai/gpt-image-2-edit", ["prompt=violet", "quality=low", "image=@PICTURE", "mask=@PICTURE"], "done: 1 output"),
    ("openai", "openai/tts-1", ["text=Doors closing."], "done: 1 output"),
]
FAILING = {"fal": "bytedance/seedream-v4", "replicate": "openai/gpt-image-2.5-flare", "openai": "openai/gpt-image-2"}
CLASSES = ("caller", "moderation", "auth", "quota", "rate_limit", "transient", "gone", "unclassified")


class Twin:
    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="puras-0663-")
        self.process = subprocess.Popen([PURAS, "twin", "--listen", "127.0.0.1:0"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        atexit.register(self.stop)
        line = self.process.stdout.readline()
        self.port = int(re.search(r"127\.0\.0\.1:(\d+)", line).group(1))
        picture = os.path.join(self.folder, "picture.png")
        sound = os.path.join(self.folder, "sound.mp3")
        subprocess.run(["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc=s=320x320", "-frames:v", "1", picture], check=True, timeout=60)
        subprocess.run(["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "sine=440:d=2", sound], check=True, timeout=60)
        self.words = {"PICTURE": picture, "SOUND": sound}
        for name, origins in ORIGINS.items():
            with open(os.path.join(TOP, "catalog", "providers", name + ".yaml"), encoding="utf-8") as f:
                text = f.read()
            for origin in origins:
                expect(origin in text, origin)
                text = text.replace(origin, "http://127.0.0.1:%d/%s" % (self.port, name))
            text = re.sub(r"^hosts:.*\n", "", text, flags=re.M)
            text = re.sub(r"^status: (.*)$", 'status: \\1\nprivate: ["127.0.0.1:%d"]' % self.port, text, count=1, flags=re.M)
            text = re.sub(r"^pace:.*$", "pace: {first: 0.2, every: 0.2, max: 1}", text, flags=re.M)
            with open(os.path.join(self.folder, name + ".yaml"), "w", encoding="utf-8") as f:
                f.write(text)

    def stop(self):
        self.process.terminate()
        self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def attempt(self, provider, slug, inputs):
        args = [PURAS, "provider", "try", os.path.join(self.folder, provider + ".yaml"), slug, "--timeout", "60"]
        for one in inputs:
            for word, path in self.words.items():
                one = one.replace("@" + word, "@" + path)
            args += ["-i", one]
        done = subprocess.run(args, capture_output=True, text=True, timeout=120, env=dict(os.environ, **KEYS), stdin=subprocess.DEVNULL, check=False)
        said = done.stdout + done.stderr
        for secret in KEYS.values():
            expect(secret not in said, "a key is shown")
        return done.returncode, said


TWIN = Twin()


def all_of(jobs):
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        return list(pool.map(lambda job: TWIN.attempt(*job), jobs))


@case
def a_call_of_each_kind():
    for call, (status, said) in zip(CALLS, all_of([c[:3] for c in CALLS])):
        expect(status == 0 and call[3] in said, (call, said[-1500:]))


@case
def every_class_of_failure_is_told_apart():
    jobs = [(provider, slug, ["prompt=a boat [twin: fail %s]" % name]) for provider, slug in FAILING.items() for name in CLASSES]
    for (provider, _, inputs), (status, said) in zip(jobs, all_of(jobs)):
        name = inputs[0].split("fail ")[1][:-1]
        expect(status != 0, (provider, name, said))
        found = re.search(r"The call failed as (\w+)", said)
        equal((provider, name, found and found.group(1)), (provider, name, name))


run()
