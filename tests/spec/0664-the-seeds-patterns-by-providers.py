#!/usr/bin/env python3
"""The first seed's patterns with a live key and providers' keys: the shipped models and descriptions, unchanged, against the twin's servers."""
import atexit
import concurrent.futures
import re
import subprocess

from harness import PURAS, Server, case, equal, expect, run

KEYS = {"FAL_KEY": "kid:secret", "REPLICATE_API_TOKEN": "r8_demo", "OPENAI_API_KEY": "sk-demo"}


def start():
    twin = subprocess.Popen([PURAS, "twin", "--listen", "127.0.0.1:0"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    atexit.register(twin.wait)
    atexit.register(twin.terminate)
    port = int(re.search(r"127\.0\.0\.1:(\d+)", twin.stdout.readline()).group(1))
    args = []
    for name in ("fal", "replicate", "openai"):
        args += ["--provider-base", "%s=http://127.0.0.1:%d/%s" % (name, port, name)]
    return Server(*args, env=KEYS)


def media(s, model, inputs=None, **more):
    reply = s.post("/v1/media/generate", dict(more, model=model, inputs=inputs or {}), timeout=120)
    expect(reply.status == 200, (model, reply))
    made = reply.json
    equal(made["model"], model)
    return made


@case
def pictures_films_and_words():
    with start() as s:
        equal(s.post("/v1/top-up", {"usd": 100}, key="admin").status, 200)
        credit = s.get("/v1/balance").json["available_micros"]
        picture = media(s, "openai/gpt-image-2", {"prompt": "a vintage red bicycle", "size": "1024x1024", "quality": "high"})
        equal((picture["kind"], picture["billed_micros"]), ("image", 264000))
        film = media(s, "puras/motion-t2v", {"prompt": "a boat", "duration": 2, "size": "320x180"})
        sound = media(s, "openai/tts-1", {"text": "x" * 500})
        equal((sound["kind"], sound["billed_micros"]), ("audio", 9000))
        url = picture["output_url"]
        calls = [
            ("bytedance/seedream-v4-edit", {"image_url": url, "prompt": "give it neon trim"}, {}, "image", 36000),
            ("bytedance/seedance-2-i2v", {"image_url": url, "prompt": "make it spin slowly", "duration": 4}, {"output_path": "renders/spin.mp4"}, "video", 1456320),
            ("bytedance/seedance-2-r2v", {"prompt": "match the style", "image_urls": [url], "duration": 4}, {}, "video", 1456320),
            ("bytedance/seedance-2-r2v", {"prompt": "match the style", "image_urls": [url], "video_url": film["output_url"], "duration": 4}, {}, "video", 1056000),
            ("kuaishou/kling-v3-t2v", {"prompt": "rainy alley", "duration": 5}, {}, "video", 672000),
            ("kuaishou/kling-v3-t2v", {"prompt": "rainy alley", "duration": 5, "generate_audio": True}, {}, "video", 1008000),
            ("google/veo-3-t2v", {"prompt": "thunder rolling over hills", "duration": 4, "generate_audio": True}, {}, "video", 1920000),
            ("google/veo-3-fast-i2v", {"image_url": url, "duration": 4}, {}, "video", 480000),
            ("kuaishou/kling-v3-image", {"prompt": "a harbour"}, {"output_url_path": "images[0].url"}, "image", 33600),
            ("openai/gpt-image-2.5-flare", {"prompt": "a boat", "quality": "low"}, {}, "image", 14400),
            ("bytedance/seedance-2-fast-t2v", {"prompt": "waves", "duration": 4, "resolution": "480p"}, {}, "video", 545280),
            ("elevenlabs/tts-v3", {"text": "x" * 100}, {}, "audio", 12000),
        ]
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            transcript = pool.submit(media, s, "elevenlabs/scribe-v2", {"audio_url": sound["output_url"]})
            made = list(pool.map(lambda c: media(s, c[0], c[1], **c[2]), calls))
        total = picture["billed_micros"] + film["billed_micros"] + sound["billed_micros"]
        for (model, inputs, more, kind, micros), one in zip(calls, made):
            equal((model, one["kind"], one["billed_micros"]), (model, kind, micros))
            if "output_path" in more:
                equal(one["drive_path"], more["output_path"])
            equal(s.get("/v1/drive/files/" + one["drive_path"]).status, 200)
            expect("sandbox" not in one["meta"], one["meta"])
            total += micros
        expect(made[0]["meta"]["metrics"]["inference_time"] >= 0, made[0]["meta"])  # fal.ai says it with the status, not with the result
        said = transcript.result()
        equal((said["kind"], said["drive_path"]), ("text", ""))
        expect(said["text"] and said["words"] and said["language_code"], said)
        total += said["billed_micros"]
        equal(s.get("/v1/balance").json["available_micros"], credit - total)
        # Units that fal.ai counted times what one costs at that endpoint: Seedance by its tokens, Kling by its own units, near what the tables say.
        costs = dict(re.findall(r'^puras_provider_cost_(declared|reported)_micros_total\{provider="fal"\} (\d+)$', s.get("/metrics", key="admin").body.decode(), re.M))
        expect(int(costs["declared"]) > 0 and 0.9 < int(costs["reported"]) / int(costs["declared"]) < 1.1, costs)
        s.audit()


run()
