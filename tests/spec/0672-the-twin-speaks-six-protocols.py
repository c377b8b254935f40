#!/usr/bin/env python3
"""`puras twin` on its own, asked by hand as the providers' documents say: real files, states, refusals, uploads, webhooks with their
signatures, and what it can be told to do wrong. Nothing of the catalog is involved."""
import base64
import hashlib
import hmac
import http.client
import json
import subprocess
import tempfile
import time

from harness import case, equal, expect, run
from twin_server import Hooks, Twin

PNG = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAgAAAAICAIAAABLbSncAAAAEklEQVR4nGP4z8CAFWEXHbQSACj/P8Fu7N9hAAAAAElFTkSuQmCC")
DATA = "data:image/png;base64," + base64.b64encode(PNG).decode()
FAL = {"Authorization": "Key id:secret"}
BEARER = {"Authorization": "Bearer key"}
GOOGLE = {"x-goog-api-key": "key"}
TWIN = Twin().__enter__()


def probe(data):
    with tempfile.NamedTemporaryFile() as f:
        f.write(data)
        f.flush()
        out = json.loads(subprocess.run(["ffprobe", "-v", "error", "-of", "json", "-show_format", "-show_streams", f.name], check=True, stdout=subprocess.PIPE).stdout)
    return out["streams"], float(out["format"].get("duration", 0))


def film(data, width, height, seconds, sound):
    streams, length = probe(data)
    picture = [s for s in streams if s["codec_type"] == "video"][0]
    equal((picture["codec_name"], picture["width"], picture["height"], len(streams)), ("h264", width, height, 1 + sound))
    expect(abs(length - seconds) < 0.05, length)


def fal(endpoint, body, hook=None, headers=FAL):
    query = "?fal_webhook=" + hook if hook else ""
    return TWIN.call("POST", "/fal/" + endpoint + query, body, headers)


def fal_done(submitted):
    return TWIN.until(lambda: TWIN.fetch(submitted["status_url"], FAL), lambda r: r.status == 200)


T2V = "fal-ai/kling-video/v3/pro/text-to-video"


@case
def fal_queue_makes_a_film():
    got = fal(T2V, {"prompt": "a boat", "duration": "3", "aspect_ratio": "9:16"})
    equal((got.status, got.json["status"]), (200, "IN_QUEUE"))
    expect(got.json["status_url"].startswith(TWIN.url + "/fal/fal-ai/kling-video/requests/"), got.json)
    equal(fal_done(got.json).json["status"], "COMPLETED")
    result = TWIN.fetch(got.json["response_url"], FAL)
    equal((result.status, result.json["video"]["content_type"]), (200, "video/mp4"))
    film(TWIN.fetch(result.json["video"]["url"]).body, 720, 1280, 3, True)  # its sound is on unless it is switched off
    equal(TWIN.fetch(got.json["status_url"]).status, 401)


@case
def fal_refuses_at_the_result():
    rows = [({"duration": "3"}, "missing", "prompt"), ({"prompt": "x", "duration": 3}, "value_error", "duration"), ({"prompt": "x", "duration": "2"}, "value_error", "duration"),
            ({"prompt": "x", "aspect_ratio": "4:3"}, "value_error", "aspect_ratio"), ({"prompt": "x", "generate_audio": "yes"}, "value_error", "generate_audio"),
            ({"prompt": "x [twin: fail moderation]"}, "content_policy_violation", "prompt")]
    for body, kind, field in rows:
        got = fal(T2V, body).json
        fal_done(got)
        result = TWIN.fetch(got["response_url"], FAL)
        equal((body, result.status, result.json["detail"][0]["type"], result.json["detail"][0]["loc"]), (body, 422, kind, ["body", field]))
    got = fal("fal-ai/kling-video/v3/pro/image-to-video", {"prompt": "x", "start_image_url": "data:image/png;base64,AAAA"}).json
    fal_done(got)
    equal(TWIN.fetch(got["response_url"], FAL).status, 422)


@case
def fal_refuses_sizes_that_its_pages_forbid():
    for endpoint, size, done in (("openai/gpt-image-2", {"width": 3840, "height": 256}, False), ("openai/gpt-image-2", {"width": 3840, "height": 3840}, False),
                                 ("openai/gpt-image-2", {"width": 1000, "height": 1000}, False), ("openai/gpt-image-2", {"width": 1536, "height": 512}, True),
                                 ("fal-ai/bytedance/seedream/v4.5/text-to-image", {"width": 512, "height": 512}, False), ("fal-ai/bytedance/seedream/v4.5/text-to-image", "auto_2K", True),
                                 ("fal-ai/bytedance/seedream/v4/text-to-image", {"width": 960, "height": 960}, True)):
        got = fal(endpoint, {"prompt": "x", "image_size": size}).json
        fal_done(got)
        equal((endpoint, size, TWIN.fetch(got["response_url"], FAL).status), (endpoint, size, 200 if done else 422))


@case
def fal_storage_keeps_what_is_put():
    where = TWIN.call("POST", "/fal/storage/upload/initiate?storage_type=fal-cdn-v3", {"content_type": "image/png", "file_name": "a.png"}, FAL).json
    parts = where["upload_url"].split("/", 3)
    equal(TWIN.call("PUT", "/" + parts[3], PNG, {"Content-Type": "image/png"}).status, 200)
    equal(TWIN.fetch(where["file_url"]).body, PNG)
    got = fal("fal-ai/kling-video/v3/pro/image-to-video", {"prompt": "x", "duration": "3", "start_image_url": where["file_url"], "generate_audio": False}).json
    fal_done(got)
    film(TWIN.fetch(TWIN.fetch(got["response_url"], FAL).json["video"]["url"]).body, 720, 720, 3, False)


@case
def fal_cancels_what_waits():
    got = fal(T2V, {"prompt": "x", "twin": "slow 30s"}).json
    equal(TWIN.fetch(got["status_url"], FAL).status, 202)
    path = "/" + got["cancel_url"].split("/", 3)[3]
    equal((TWIN.call("PUT", path, headers=FAL).status, TWIN.call("PUT", path, headers=FAL).status), (200, 400))
    equal(TWIN.fetch(got["status_url"], FAL).json["error_type"], "client_cancelled")


@case
def replicate_predicts():
    body = {"input": {"prompt": "a boat", "duration": 4, "resolution": "480p", "aspect_ratio": "16:9", "generate_audio": False}}
    got = TWIN.call("POST", "/replicate/v1/models/bytedance/seedance-2.0/predictions", body, BEARER)
    equal((got.status, got.json["output"]), (201, None))
    done = TWIN.until(lambda: TWIN.fetch(got.json["urls"]["get"], BEARER), lambda r: r.json["status"] == "succeeded")
    film(TWIN.fetch(done.json["output"]).body, 854, 480, 4, False)
    waited = TWIN.call("POST", "/replicate/predictions", {"version": "openai/gpt-image-2", "input": {"prompt": "x", "number_of_images": 2}}, dict(BEARER, Prefer="wait=20"))
    equal((waited.json["status"], len(waited.json["output"])), ("succeeded", 2))
    equal(TWIN.fetch(waited.json["output"][0]).headers["Content-Type"], "image/webp")
    for bad, field in (({"input": {"prompt": "x", "duration": "4"}}, "input.duration"), ({"input": {}}, "input.prompt"), ({}, "input.input")):
        refused = TWIN.call("POST", "/replicate/models/bytedance/seedance-2.0/predictions", bad, BEARER)
        equal((refused.status, refused.json["invalid_fields"][0]["field"]), (422, field))
    for seconds, status in ((4, 422), (8, 201)):
        lite = {"input": {"prompt": "x", "resolution": "1080p", "duration": seconds, "twin": "slow 30s"}}
        equal(TWIN.call("POST", "/replicate/models/google/veo-3.1-lite/predictions", lite, BEARER).status, status)
    equal(TWIN.call("POST", "/replicate/models/no/such/predictions", {"input": {}}, BEARER).status, 404)
    equal(TWIN.call("GET", "/replicate/predictions", headers={"Authorization": "Key x"}).status, 401)


@case
def replicate_takes_files():
    form = b'--xx\r\nContent-Disposition: form-data; name="content"; filename="a.png"\r\nContent-Type: image/png\r\n\r\n' + PNG + b"\r\n--xx--\r\n"
    got = TWIN.call("POST", "/replicate/v1/files", form, dict(BEARER, **{"Content-Type": "multipart/form-data; boundary=xx"}))
    equal((got.status, got.json["size"], got.json["checksums"]["sha256"]), (201, len(PNG), hashlib.sha256(PNG).hexdigest()))
    equal(TWIN.call("POST", "/replicate/v1/files", b"junk", dict(BEARER, **{"Content-Type": "multipart/form-data; boundary=xx"})).status, 422)


@case
def openai_answers_with_the_picture():
    got = TWIN.call("POST", "/openai/v1/images/generations", {"model": "gpt-image-2", "prompt": "a boat", "size": "1536x1024", "n": 2, "output_format": "jpeg"}, BEARER)
    equal((got.status, len(got.json["data"])), (200, 2))
    streams, _ = probe(base64.b64decode(got.json["data"][0]["b64_json"]))
    equal((streams[0]["codec_name"], streams[0]["width"], streams[0]["height"]), ("mjpeg", 1536, 1024))
    sound = TWIN.call("POST", "/openai/audio/speech", {"model": "tts-1", "voice": "alloy", "input": "Doors closing."}, BEARER)
    equal((sound.status, sound.headers["Content-Type"], probe(sound.body)[0][0]["codec_name"]), (200, "audio/mpeg", "mp3"))
    rows = [({"prompt": "x"}, 400, "missing_required_parameter"), ({"model": "gpt-image-2", "prompt": "x", "size": "1000x1000"}, 400, "invalid_value"),
            ({"model": "gpt-image-2", "prompt": "x", "response_format": "b64_json"}, 400, "unknown_parameter"), ({"model": "dall-e-3", "prompt": "x"}, 404, "model_not_found"),
            ({"model": "gpt-image-2", "prompt": "x", "n": "2"}, 400, "invalid_value"), ({"model": "gpt-image-2", "prompt": "x", "quality": "max"}, 400, "invalid_value"),
            ({"model": "gpt-image-2", "prompt": "[twin: fail moderation]"}, 400, "moderation_blocked"), ({"model": "gpt-image-2", "prompt": "[twin: fail quota]"}, 429, "insufficient_quota")]
    for body, status, code in rows:
        refused = TWIN.call("POST", "/openai/images/generations", body, BEARER)
        equal((body, refused.status, refused.json["error"]["code"]), (body, status, code))


@case
def openai_edits_in_both_encodings():
    def part(name, value, more=b""):
        return b'--b1\r\nContent-Disposition: form-data; name="' + name + b'"' + more + b"\r\n\r\n" + value + b"\r\n"

    form = part(b"model", b"gpt-image-2") + part(b"prompt", b"a violet sky") + part(b"size", b"1024x1024") + part(b"n", b"1") + part(b"image[]", PNG, b'; filename="a.png"\r\nContent-Type: image/png') + b"--b1--\r\n"
    head = dict(BEARER, **{"Content-Type": "multipart/form-data; boundary=b1"})
    got = TWIN.call("POST", "/openai/v1/images/edits", form, head)
    equal((got.status, probe(base64.b64decode(got.json["data"][0]["b64_json"]))[0][0]["width"]), (200, 1024))
    as_json = {"model": "gpt-image-2", "prompt": "x", "images": [{"image_url": DATA}]}
    equal(TWIN.call("POST", "/openai/v1/images/edits", as_json, BEARER).status, 200)
    equal(TWIN.call("POST", "/openai/v1/images/edits", form.replace(PNG, b"no picture"), head).status, 400)
    equal(TWIN.call("POST", "/openai/v1/images/edits", dict(as_json, images=[]), BEARER).status, 400)


@case
def google_three_ways():
    got = TWIN.call("POST", "/google/v1beta/models/gemini-3.1-flash-image:generateContent",
                    {"contents": [{"role": "user", "parts": [{"text": "a woodcut"}, {"inlineData": {"mimeType": "image/png", "data": base64.b64encode(PNG).decode()}}]}],
                     "generationConfig": {"responseModalities": ["IMAGE"], "imageConfig": {"aspectRatio": "4:3", "imageSize": "1K"}}}, GOOGLE)
    parts = got.json["candidates"][0]["content"]["parts"]
    equal(probe(base64.b64decode(parts[-1]["inlineData"]["data"]))[0][0]["width"], 1184)
    veo = TWIN.call("POST", "/google/models/veo-3.1-generate-preview:predictLongRunning",
                    {"instances": [{"prompt": "a boat"}], "parameters": {"durationSeconds": 4, "aspectRatio": "16:9", "resolution": "720p"}}, GOOGLE)
    done = TWIN.until(lambda: TWIN.call("GET", "/google/v1beta/" + veo.json["name"], headers=GOOGLE), lambda r: r.json.get("done"))
    uri = done.json["response"]["generateVideoResponse"]["generatedSamples"][0]["video"]["uri"]
    equal(TWIN.fetch(uri).status, 403)
    moved = TWIN.fetch(uri, GOOGLE)
    equal(moved.status, 302)
    film(TWIN.fetch(moved.headers["Location"]).body, 1280, 720, 4, True)
    omni = TWIN.call("POST", "/google/interactions", {"model": "gemini-omni-1.2-flash", "input": "a market", "response_format": {"type": "video", "duration": "5s", "delivery": "uri"}, "background": True}, GOOGLE)
    done = TWIN.until(lambda: TWIN.call("GET", "/google/interactions/" + omni.json["id"], headers=GOOGLE), lambda r: r.json["status"] == "completed")
    equal(done.json["output_video"]["mime_type"], "video/mp4")
    vertex_only = {"instances": [{"prompt": "x"}], "parameters": {"generateAudio": True}}
    equal(TWIN.call("POST", "/google/models/veo-3.1-generate-preview:predictLongRunning", vertex_only, GOOGLE).json["error"]["status"], "INVALID_ARGUMENT")
    equal(TWIN.call("POST", "/google/models/veo-3.1-generate-preview:predictLongRunning", {"instances": [{"prompt": "x"}], "parameters": {"durationSeconds": 5}}, GOOGLE).status, 400)
    equal(TWIN.call("POST", "/google/models/imagen-4.0-generate-001:predict", {}, GOOGLE).status, 404)


@case
def ark_images_and_tasks():
    got = TWIN.call("POST", "/ark/api/v3/images/generations", {"model": "seedream-4-0-250828", "prompt": "x", "image": DATA, "size": "1024x1024", "watermark": False}, BEARER)
    equal((got.status, got.json["data"][0]["size"]), (200, "1024x1024"))
    equal(TWIN.fetch(got.json["data"][0]["url"]).headers["Content-Type"], "image/jpeg")
    body = {"model": "dreamina-seedance-2-0-260128", "content": [{"type": "text", "text": "a boat"}, {"type": "image_url", "image_url": {"url": DATA}, "role": "first_frame"}],
            "resolution": "480p", "ratio": "16:9", "duration": 4, "generate_audio": False}
    task = TWIN.call("POST", "/ark/contents/generations/tasks", body, BEARER).json
    equal(list(task), ["id"])
    done = TWIN.until(lambda: TWIN.call("GET", "/ark/contents/generations/tasks/" + task["id"], headers=BEARER), lambda r: r.json["status"] == "succeeded")
    film(TWIN.fetch(done.json["content"]["video_url"]).body, 854, 480, 4, False)
    expect(done.json["usage"]["completion_tokens"] > 10000, done.json)
    for change in ({"duration": 3}, {"duration": "4"}, {"ratio": "auto"}, {"resolution": "2k"}, {"content": []}, {"content": [{"type": "image_url", "image_url": {"url": DATA}}]}, {"aspect_ratio": "16:9"}):
        refused = TWIN.call("POST", "/ark/contents/generations/tasks", dict(body, **change), BEARER)
        equal((change, refused.status), (change, 400))
    waiting = TWIN.call("POST", "/ark/contents/generations/tasks", dict(body, content=[{"type": "text", "text": "[twin: slow 30s]"}]), BEARER).json["id"]
    equal(TWIN.call("DELETE", "/ark/contents/generations/tasks/" + waiting, headers=BEARER).body, b"{}")
    equal(TWIN.call("GET", "/ark/contents/generations/tasks/" + waiting, headers=BEARER).json["status"], "cancelled")


def token(secret, start, end):
    def b64(data):
        return base64.urlsafe_b64encode(data).rstrip(b"=")

    text = b64(b'{"alg":"HS256","typ":"JWT"}') + b"." + b64(json.dumps({"iss": "AK", "exp": end, "nbf": start}).encode())
    return (text + b"." + b64(hmac.new(secret, text, hashlib.sha256).digest())).decode()


@case
def kling_new_and_legacy():
    body = {"prompt": "a tram", "settings": {"resolution": "720p", "aspect_ratio": "1:1", "duration": 3, "audio": "native"}, "options": {"external_task_id": "gen_7"}}
    got = TWIN.call("POST", "/kling/text-to-video/kling-3.0", body, BEARER)
    equal((got.json["code"], got.json["data"]["status"], got.json["data"]["external_id"]), (0, "submitted", "gen_7"))
    done = TWIN.until(lambda: TWIN.call("GET", "/kling/tasks?external_task_ids=gen_7", headers=BEARER), lambda r: r.json["data"][0]["status"] == "succeeded")
    film(TWIN.fetch(done.json["data"][0]["outputs"][0]["url"]).body, 720, 720, 3, True)
    equal(TWIN.call("POST", "/kling/text-to-video/kling-3.0", body, BEARER).json["code"], 1201)  # the reference is used already
    for bad in ({"settings": {"duration": "3"}}, {"settings": {"duration": 2}}, {"settings": {"sound": "on"}}, {"model": "x"}):
        equal((bad, TWIN.call("POST", "/kling/text-to-video/kling-3.0", dict({"prompt": "x"}, **bad), BEARER).status), (bad, 400))
    now = int(time.time())
    legacy = {"model_name": "kling-v3", "image": base64.b64encode(PNG).decode(), "prompt": "x", "mode": "std", "duration": "3", "sound": "off"}
    key = {"Authorization": "Bearer " + token(b"twin-secret", now - 5, now + 1800)}
    task = TWIN.call("POST", "/kling/v1/videos/image2video", legacy, key).json["data"]["task_id"]
    done = TWIN.until(lambda: TWIN.call("GET", "/kling/v1/videos/image2video/" + task, headers=key), lambda r: r.json["data"]["task_status"] == "succeed")
    film(TWIN.fetch(done.json["data"]["task_result"]["videos"][0]["url"]).body, 720, 720, 3, False)
    for secret, start, end in ((b"other", now - 5, now + 1800), (b"twin-secret", now - 100, now - 1), (b"twin-secret", now + 100, now + 1800)):
        equal(TWIN.call("GET", "/kling/v1/videos/image2video/" + task, headers={"Authorization": "Bearer " + token(secret, start, end)}).status, 401)
    lists = {"model_name": "kling-v3-omni", "prompt": "x", "mode": "std", "duration": "3", "sound": "off", "image_list": [{"image_url": legacy["image"], "type": "first_frame"}]}
    task = TWIN.call("POST", "/kling/v1/videos/omni-video", lists, key).json["data"]["task_id"]
    done = TWIN.until(lambda: TWIN.call("GET", "/kling/v1/videos/omni-video/" + task, headers=key), lambda r: r.json["data"]["task_status"] == "succeed")
    film(TWIN.fetch(done.json["data"]["task_result"]["videos"][0]["url"]).body, 720, 720, 3, False)
    equal(TWIN.call("POST", "/kling/v1/videos/omni-video", dict(lists, image_list=[{"image_url": DATA}]), key).status, 400)
    equal(TWIN.call("POST", "/kling/v1/videos/motion-control", {"model_name": "kling-v3", "image_url": legacy["image"], "mode": "pro", "character_orientation": "image"}, key).status, 400)
    equal(TWIN.call("POST", "/kling/v1/videos/image2video", dict(legacy, image=DATA), key).status, 400)
    equal(TWIN.call("POST", "/kling/v1/videos/image2video", dict(legacy, duration=3), key).status, 400)


@case
def webhooks_are_signed():
    secret = TWIN.call("GET", "/replicate/v1/webhooks/default/secret", headers=BEARER).json["key"]
    jwks = TWIN.call("GET", "/fal/.well-known/jwks.json").json["keys"][0]
    equal((jwks["kty"], jwks["crv"], len(base64.urlsafe_b64decode(jwks["x"] + "="))), ("OKP", "Ed25519", 32))
    with Hooks() as hooks:
        TWIN.call("POST", "/replicate/predictions", {"version": "google/nano-banana-2", "input": {"prompt": "x"}, "webhook": hooks.url}, BEARER)
        _, head, body = hooks.wait(1)[0]
        mac = hmac.new(base64.b64decode(secret[6:]), ("%s.%s." % (head["webhook-id"], head["webhook-timestamp"])).encode() + body, hashlib.sha256)
        equal(head["webhook-signature"], "v1," + base64.b64encode(mac.digest()).decode())
        equal(json.loads(body)["status"], "succeeded")
    with Hooks() as hooks:
        got = fal("fal-ai/flux/schnell", {"prompt": "[twin: twice, late 500ms]"}, hook=hooks.url).json
        began = time.monotonic()
        seen = hooks.wait(2)
        expect(seen[0][0] - began > 0.3, "too early")
        equal([json.loads(s[2])["request_id"] for s in seen], [got["request_id"]] * 2)
        head, body = seen[0][1], seen[0][2]
        message = "\n".join([head["x-fal-webhook-request-id"], head["x-fal-webhook-user-id"], head["x-fal-webhook-timestamp"], hashlib.sha256(body).hexdigest()])
        expect(openssl_verifies(ed25519_der(jwks["x"]), message.encode(), bytes.fromhex(head["x-fal-webhook-signature"])), "fal's signature")
    with Hooks() as hooks:
        fal("fal-ai/flux/schnell", {"prompt": "[twin: forged]"}, hook=hooks.url)
        head, body = hooks.wait(1)[0][1:]
        message = "\n".join([head["x-fal-webhook-request-id"], head["x-fal-webhook-user-id"], head["x-fal-webhook-timestamp"], hashlib.sha256(body).hexdigest()])
        expect(not openssl_verifies(ed25519_der(jwks["x"]), message.encode(), bytes.fromhex(head["x-fal-webhook-signature"])), "a forged one holds")


@case
def googles_webhooks_are_signed_in_two_ways():
    body = {"model": "gemini-omni-1.1-flash", "input": "a market", "response_format": {"type": "video", "duration": "3s"}, "background": True}
    rsa, ed = TWIN.call("GET", "/google/.well-known/jwks.json").json["keys"]
    with Hooks() as hooks:
        made = TWIN.call("POST", "/google/interactions", dict(body, webhook_config={"uris": [hooks.url]}), GOOGLE).json
        _, head, sent = hooks.wait(1)[0]
        equal((json.loads(sent)["type"], json.loads(sent)["data"]), ("interaction.completed", {"id": made["id"]}))
        part, claims, signature = head["webhook-signature"].split(".")
        equal({k: v for k, v in json.loads(unbase64(part)).items() if k != "typ"}, {"alg": "RS256", "kid": rsa["kid"]})
        equal(json.loads(unbase64(claims))["aud"], hooks.url)
        expect(openssl_verifies(rsa_der(unbase64(rsa["n"]), unbase64(rsa["e"])), (part + "." + claims).encode(), unbase64(signature)), "Google's token")
    with Hooks() as hooks:
        TWIN.call("POST", "/google/interactions", dict(body, input="[twin: v1a]", webhook_config={"uris": [hooks.url]}), GOOGLE)
        _, head, sent = hooks.wait(1)[0]
        version, signature = head["webhook-signature"].split(",")
        message = ("%s.%s." % (head["webhook-id"], head["webhook-timestamp"])).encode() + sent
        expect(version == "v1a" and openssl_verifies(ed25519_der(ed["x"]), message, base64.b64decode(signature)), "Google's other signature")


def unbase64(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def der(tag, data):
    size = bytes([len(data)]) if len(data) < 128 else b"\x82" + len(data).to_bytes(2, "big")
    return bytes([tag]) + size + data


def rsa_der(n, e):
    key = der(0x30, der(2, b"\0" + n) + der(2, e))
    return der(0x30, bytes.fromhex("300d06092a864886f70d0101010500") + der(3, b"\0" + key))


def ed25519_der(x):
    return bytes.fromhex("302a300506032b6570032100") + unbase64(x)


def openssl_verifies(key, message, signature):
    """A check that shares no code with the twin: the openssl program, of Ed25519, or of RSA with SHA-256."""
    how = [] if len(key) < 64 else ["-digest", "sha256"]
    with tempfile.TemporaryDirectory() as d:
        for name, data in (("key", key), ("message", message), ("signature", signature)):
            with open("%s/%s" % (d, name), "wb") as f:
                f.write(data)
        done = subprocess.run(["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", d + "/key", "-keyform", "DER", "-rawin"] + how + ["-in", d + "/message", "-sigfile", d + "/signature"],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    return done.returncode == 0


@case
def it_misbehaves_as_told():
    body = {"prompt": "busy [twin: busy 2 3s]"}
    answers = [fal(T2V, body) for _ in range(3)]
    equal([(a.status, a.headers.get("Retry-After")) for a in answers], [(429, "3"), (429, "3"), (200, None)])
    before = TWIN.log()["made"]
    try:
        fal(T2V, {"prompt": "lost [twin: lose 1]"})
        expect(False, "an answer came")
    except (http.client.RemoteDisconnected, ConnectionResetError):
        pass
    equal(TWIN.log()["made"], before + 1)  # it was taken
    equal(fal(T2V, {"prompt": "lost [twin: lose 1]"}).status, 200)
    got = fal(T2V, {"prompt": "dies", "duration": "3"}, headers=dict(FAL, **{"X-Twin": "die 1, expire, length 2s"})).json
    fal_done(got)
    equal(TWIN.fetch(TWIN.fetch(got["response_url"], FAL).json["video"]["url"]).status, 403)
    link = TWIN.fetch(got["response_url"], FAL).json["video"]["url"]
    try:
        TWIN.fetch(link)
        expect(False, "the whole file came")
    except http.client.IncompleteRead as e:
        half = e.partial
    rest = TWIN.fetch(link, {"Range": "bytes=%d-" % len(half)})
    equal(rest.status, 206)
    film(half + rest.body, 1280, 720, 2, True)
    got = fal(T2V, {"prompt": "[twin: done-then-fail]"}).json
    equal((fal_done(got).json["status"], TWIN.fetch(got["response_url"], FAL).json["detail"][0]["type"]), ("COMPLETED", "no_media_generated"))
    got = fal(T2V, {"prompt": "[twin: wrong-type]"}).json
    fal_done(got)
    equal(TWIN.fetch(got["response_url"], FAL).json["video"]["content_type"], "image/png")


@case
def a_mood_is_for_all_calls_of_a_provider_and_the_log_counts():
    TWIN.mood("ark", "fail quota")
    got = TWIN.call("POST", "/ark/images/generations", {"model": "seedream-4-0-250828", "prompt": "x"}, BEARER)
    equal((got.status, got.json["error"]["code"]), (403, "AccountOverdueError"))
    TWIN.mood("", "")
    equal(TWIN.call("POST", "/ark/images/generations", {"model": "seedream-4-0-250828", "prompt": "x"}, BEARER).status, 200)
    equal(TWIN.call("POST", "/twin/mood", {"provider": "ark", "words": "explode"}).status, 400)
    equal(TWIN.call("POST", "/twin/mood", {"provider": "nobody", "words": ""}).status, 400)
    equal(TWIN.call("POST", "/twin/reset", {}).status, 200)
    equal(TWIN.log()["count"], 0)
    fal(T2V, {"prompt": "x"})
    equal((TWIN.log("fal", "submit")["count"], TWIN.log("fal", "poll")["count"]), (1, 0))


@case
def it_ends_in_order():
    TWIN.__exit__(None, None, None)
    equal(TWIN.process.returncode, 0)


run()
