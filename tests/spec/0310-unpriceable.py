#!/usr/bin/env python3
"""Inputs that cannot be priced are refused, naming the field; whatever spelling can be read prices the same."""
from harness import Unmoved, case, each_store, equal, expect, refusal, run, shared

KLING = "kuaishou/kling-v3-i2v"
IMAGE = {"image": "a.png"}


def priced(s, model, inputs):
    reply = s.post("/v1/quote", {"model": model, "inputs": inputs})
    if reply.status != 200:
        raise AssertionError("%r: %r" % (inputs, reply))
    return reply.json["quoted_micros"]


def raw(model, inputs):
    return b'{"model":"' + model.encode() + b'","inputs":' + inputs + b"}"


@each_store
def unreadable_numbers_are_refused(s):
    bad = [-1, -0.001, 1e308, -1e308, 0, 2, 16, 5.5, "abc", "", " ", "5x", "5 s x", "s", "five", "0x5", "1e999", "NaN", "Infinity", "-5", "5,0", [5], [], {}, {"a": 5},
           None, True, False, "true", "9" * 400, 2 ** 63, 2 ** 64 + 5, -2 ** 63, 5.0001]
    with Unmoved(s):
        for route in ("/v1/quote", "/v1/generations", "/v1/media/generate"):
            for value in bad:
                reply = s.post(route, {"model": KLING, "inputs": dict(IMAGE, duration=value)})
                if reply.status != 400:
                    raise AssertionError("%r: %r" % (value, reply))
                equal(refusal(reply, 400, "unpriceable_input")["field"], "duration")
            for number in (b"1e400", b"-1e400", b"5" + b"0" * 1000, b"5." + b"0" * 300 + b"1", b"1e-400", b"5e999999999", b"-0"):
                reply = s.post(route, raw(KLING, b'{"image":"a.png","duration":' + number + b"}"))
                equal(refusal(reply, 400, "unpriceable_input")["field"], "duration")
    s.audit()


@case
def readable_numbers_are_equal():
    s = shared("sqlite")
    for value in (5, 5.0, "5", "5s", "5.0", "5.0s"):
        equal(priced(s, KLING, dict(IMAGE, duration=value)), 672000)
    for number in (b"5e0", b"50e-1", b"0.5e1", b"5.000", b"5.00E+0"):
        equal(s.post("/v1/quote", raw(KLING, b'{"image":"a.png","duration":' + number + b"}")).json["quoted_micros"], 672000)
    equal(priced(s, KLING, dict(IMAGE, duration=3)), 403200)
    equal(priced(s, KLING, dict(IMAGE, duration="15s")), 2016000)


@case
def booleans_read_as_booleans_only():
    s = shared("sqlite")
    for value in (True, 1, "true", "1", 1.0):
        equal(priced(s, KLING, dict(IMAGE, audio=value)), 1008000)
    for value in (False, 0, "false", "0"):
        equal(priced(s, KLING, dict(IMAGE, audio=value)), 672000)
    with Unmoved(s):
        for value in (2, -1, 0.5, "yes", "on", "", None, [], [True], {}):
            equal(refusal(s.post("/v1/quote", {"model": KLING, "inputs": dict(IMAGE, audio=value)}), 400, "unpriceable_input")["field"], "audio")
        for model, field in ((KLING, "duration"), ("puras/sketch", "n"), ("puras/sketch", "seed")):
            inputs = dict(IMAGE, prompt="x", **{field: True})
            equal(refusal(s.post("/v1/generations", {"model": model, "inputs": inputs}), 400, "unpriceable_input")["field"], field)


@case
def other_names_count_and_must_agree():
    s = shared("sqlite")
    for name in ("audio", "generate_audio", "sound"):
        equal(priced(s, KLING, dict(IMAGE, **{name: True})), 1008000)
    equal(priced(s, KLING, dict(IMAGE, audio=True, sound="true", generate_audio=1)), 1008000)
    for name in ("image", "image_url", "image_urls", "source_media_urls", "start_image_url"):
        equal(priced(s, KLING, {name: "a.png"}), 672000)
    equal(priced(s, KLING, {"image_urls": ["a.png"]}), 672000)
    with Unmoved(s):
        for clash in ({"audio": True, "sound": False}, {"audio": True, "generate_audio": 0}, {"audio": True, "sound": None}):
            refusal(s.post("/v1/generations", {"model": KLING, "inputs": dict(IMAGE, **clash)}), 400, "unpriceable_input")
        refusal(s.post("/v1/generations", {"model": "puras/sketch", "inputs": {"prompt": "x", "n": 1, "num_images": 4}}), 400, "unpriceable_input")


@case
def out_of_range_and_off_step_and_unknown_values():
    s = shared("sqlite")
    sketch = [("n", 0), ("n", 5), ("n", 1.5), ("n", -1), ("n", None), ("seed", -1), ("seed", 2147483648), ("size", "10x10"), ("size", "4096x4096"), ("size", "big"),
              ("size", "1024"), ("size", "1024x"), ("size", "-1x5"), ("size", {"width": 1024}), ("size", {"width": "a", "height": 5}), ("size", None), ("size", 1024),
              ("format", "gif"), ("format", 1), ("format", None), ("format", ["png"])]
    with Unmoved(s):
        for field, value in sketch:
            reply = s.post("/v1/generations", {"model": "puras/sketch", "inputs": {"prompt": "x", field: value}})
            if reply.status != 400:
                raise AssertionError("%s=%r: %r" % (field, value, reply))
            equal(refusal(reply, 400, "unpriceable_input")["field"], field)
    equal(priced(s, "puras/sketch", {"prompt": "x", "n": "4", "size": {"width": 64, "height": 2048}}), 40000)


@case
def sizes_that_a_provider_refuses_are_refused_before_anything_is_held():
    s = shared("sqlite")
    bad = {"openai/gpt-image-2": ["256x256", "3840x256", "3840x3840", "1000x1000", "3840x1264", "640x1008"], "bytedance/seedream-v4.5": ["512x512", "2560x1424", "4096x4112", "16000x320"],
           "bytedance/seedream-v4": ["900x1000", {"width": 8192, "height": 4096}], "bytedance/seedream-v5-pro": ["960x958", "2160x2142"], "puras/motion-t2v": ["1920x1082"]}
    with Unmoved(s):
        for model, sizes in bad.items():
            for size in sizes:
                for route in ("/v1/quote", "/v1/generations"):
                    reply = s.post(route, {"model": model, "inputs": {"prompt": "x", "size": size}})
                    equal(refusal(reply, 400, "unpriceable_input")["field"], "size")
        for inputs in ({"resolution": "1080p", "duration": 4}, {"resolution": "1080p", "duration": "6s"}):
            for route in ("/v1/quote", "/v1/generations", "/v1/media/generate"):
                body = refusal(s.post(route, {"model": "google/veo-3.1-lite-t2v", "inputs": dict(inputs, prompt="x")}), 400, "unpriceable_input")
                equal((body["field"], "8 seconds long" in body["detail"]), ("resolution", True))
    equal(priced(s, "google/veo-3.1-lite-t2v", {"prompt": "x", "resolution": "1080p", "duration": 8}), 768000)
    for whom, micros in (("image", 2016000), ("video", 6048000)):
        equal(priced(s, "kuaishou/kling-v3-motion", {"image": "a.png", "video": "b.mp4", "character_orientation": whom}), micros)
    equal(priced(s, "bytedance/seedance-2-t2v", {"prompt": "x", "resolution": "4k", "duration": 4}), 4800000)
    equal(priced(s, "bytedance/seedance-2-t2v", {"prompt": "x", "duration": "auto"}), priced(s, "bytedance/seedance-2-t2v", {"prompt": "x", "duration": 15}))
    for size, quality, micros in (("1024x640", "low", 24000), ("3840x2160", "medium", 168000), ("3840x1280", "high", 684000), ("auto", "medium", 168000), ("auto", "auto", 684000), ("1024x1024", "auto", 264000)):
        equal(priced(s, "openai/gpt-image-2", {"prompt": "x", "size": size, "quality": quality}), micros)
    for size in ("2560x1440", "4K", "auto_2K", "landscape_16_9", {"width": 1920, "height": 1920}):
        equal(priced(s, "bytedance/seedream-v4.5", {"prompt": "x", "image_size": size}), 48000)


@case
def missing_and_overlong_inputs():
    s = shared("sqlite")
    with Unmoved(s):
        equal(refusal(s.post("/v1/generations", {"model": "puras/sketch", "inputs": {}}), 400, "invalid_argument")["field"], "prompt")
        equal(refusal(s.post("/v1/generations", {"model": "puras/sketch"}), 400, "invalid_argument")["field"], "prompt")
        equal(refusal(s.post("/v1/generations", {"model": "puras/sketch", "inputs": {"prompt": "x" * 20001}}), 400, "invalid_argument")["field"], "prompt")
        for value in (None, 5, ["x"], {}):
            body = refusal(s.post("/v1/generations", {"model": "puras/sketch", "inputs": {"prompt": value}}), 400, "invalid_argument")
            equal(body["field"], "prompt")
    equal(priced(s, "puras/sketch", {"prompt": "ü" * 10000}), 10000)


@case
def what_turns_safety_checks_down_is_refused_on_every_surface():
    s = shared("sqlite")
    down = [({"enable_safety_checker": False}, "enable_safety_checker"), ({"safety_tolerance": "6"}, "safety_tolerance"), ({"disableSafetyChecker": 1}, "disableSafetyChecker"),
            ({"parameters": {"personGeneration": "allow_all"}}, "parameters"), ({"safety_settings": []}, "safety_settings")]
    with Unmoved(s):
        for key in ("live", "test"):
            for route in ("/v1/quote", "/v1/generations", "/v1/media/generate"):
                for inputs, field in down:
                    reply = s.post(route, {"model": "black-forest-labs/flux-2-pro", "inputs": dict(inputs, prompt="x")}, key=key)
                    equal(refusal(reply, 400, "invalid_argument")["field"], field)
            reply = s.post("/v1/images/generations", {"model": "openai/gpt-image-2", "prompt": "x", "moderation": "low"}, key=key)
            equal((reply.status, reply.json["error"]["param"], reply.json["error"]["code"]), (400, "moderation", "invalid_argument"))
    for inputs in ({"enable_safety_checker": True}, {"safety_tolerance": 2}, {"moderation": "auto"}, {"safety_identifier": "u1"}):
        priced(s, "black-forest-labs/flux-2-pro", dict(inputs, prompt="x"))


@case
def unknown_models_get_near_names():
    s = shared("sqlite")
    near = {"puras/skecth": "puras/sketch", "sketch": "puras/sketch", "kling-v3-i2v": KLING, "kuaishou/kling-v3-i2": KLING, "google/veo3-fast-t2v": "google/veo-3-fast-t2v"}
    with Unmoved(s):
        for wrong, right in near.items():
            for route in ("/v1/quote", "/v1/generations", "/v1/media/generate"):
                body = refusal(s.post(route, {"model": wrong, "inputs": {}}), 400, "unknown_model")
                expect(right in body["detail"], body)
        for wrong in ("zzzzzzzzzz/qqqqq", "../../etc/passwd", "a" * 200, "puras/sketch\n", "PURAS/SKETCH ", "%", "ü/ü", "\U0001f600" * 50, "'; drop table generation; --", "{}", "%s%s%n"):
            refusal(s.post("/v1/generations", {"model": wrong, "inputs": {"prompt": "x"}}), 400, "unknown_model")
            refusal(s.get("/v1/models/" + "".join("%%%02x" % b for b in wrong.encode())), 404, "not_found")


run()
