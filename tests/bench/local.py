#!/usr/bin/env python3
"""How fast the local models are: each called alone, then two at a time, through the whole server, wait included.

    tests/bench/local.py [SECONDS_PER_ROW]      prints a table; PURAS_BUILD names the build folder
"""
import os
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "spec"))
from harness import Server  # noqa: E402

SPAN = float(sys.argv[1]) if len(sys.argv) > 1 else 5.0


def rows(picture):
    return [
        ("puras/sketch", "1024x1024 PNG", {"prompt": "two red bicycles under a blue umbrella at sunset", "size": "1024x1024"}),
        ("puras/sketch", "64x64 PNG", {"prompt": "a boat", "size": "64x64"}),
        ("puras/sketch-edit", "1024x1024 watercolour", {"prompt": "watercolour, warmer", "image": picture}),
        ("puras/motion-t2v", "4 s of 360p", {"prompt": "a green boat on the sea", "duration": 4, "resolution": "360p"}),
        ("puras/motion-i2v", "4 s of 720p, sound", {"prompt": "zoom in while it snows", "image": picture, "duration": 4, "resolution": "720p", "audio": True}),
        ("puras/tune", "30 s MP3", {"prompt": "a cheerful song", "style": "folk", "duration": 30}),
        ("puras/voice", "44 characters MP3", {"text": "Everything you saw was made on this machine."}),
    ]


def measure(s, model, inputs, callers):
    """Files a second and the median wait in ms."""
    took, lock, end = [], threading.Lock(), time.monotonic() + SPAN

    def call():
        n = 0
        while time.monotonic() < end or not n:
            began = time.monotonic()
            reply = s.post("/v1/media/generate", {"model": model, "inputs": dict(inputs, **({"seed": n} if "text" not in inputs else {}))})
            assert reply.status == 200, reply
            n += 1
            with lock:
                took.append(time.monotonic() - began)

    began = time.monotonic()
    threads = [threading.Thread(target=call) for _ in range(callers)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    return len(took) / (time.monotonic() - began), sorted(took)[len(took) // 2] * 1000


def main():
    with Server("--quiet") as s:
        s.post("/v1/top-up", {"usd": 1000}, key="admin")
        picture = s.post("/v1/media/generate", {"model": "puras/sketch", "inputs": {"prompt": "a lighthouse", "size": "1024x1024"}}).json["drive_path"]
        print("| model | what | alone, files/s | median, ms | two callers, files/s | median, ms |\n|---|---|---|---|---|---|")
        for model, what, inputs in rows(picture):
            one, two = measure(s, model, inputs, 1), measure(s, model, inputs, 2)
            print("| `%s` | %s | %.1f | %.0f | %.1f | %.0f |" % (model, what, one[0], one[1], two[0], two[1]), flush=True)


main()
