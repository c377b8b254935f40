#!/usr/bin/env python3
"""Routes of OpenAI's shape, by raw requests as its clients send them; tests/check.d runs the official clients themselves."""
import base64

from harness import Unmoved, case, equal, expect, run, shared

SMALL = {"model": "puras/sketch", "prompt": "two red boats", "size": "64x64"}


def image(s, status=200, key="live", headers=None, **more):
    reply = s.post("/v1/images/generations", dict(SMALL, **more), key=key, headers=headers)
    expect(reply.status == status, reply)
    return reply


def wrapped(reply, status, code, kind):
    """Their shape around ours: the sentence first, nothing charged, and no repeating by the client itself."""
    equal(reply.status, status)
    error = reply.json["error"]
    expect(reply.body.startswith(b'{"error":{"detail":"'), reply)
    equal((error["code"], error["type"], error["message"], error["charged_micros"]), (code, kind, error["detail"], 0))
    equal(reply.headers["x-should-retry"], "true" if code in ("try_again", "unavailable", "rate_limited") else "false")
    return error


def form(parts, boundary="b0undary"):
    body = b""
    for name, filename, content in parts:
        content = content if isinstance(content, bytes) else str(content).encode()
        body += b"--%s\r\nContent-Disposition: form-data; name=\"%s\"%s\r\n\r\n%s\r\n" % (
            boundary.encode(), name.encode(), b'; filename="%s"' % filename.encode() if filename else b"", content)
    return body + b"--%s--\r\n" % boundary.encode(), {"Content-Type": "multipart/form-data; boundary=" + boundary}


def edit(s, parts, key="live", headers=None, path="/v1/images/edits"):
    body, head = form(parts)
    return s.call("POST", path, body, key=key, headers=dict(head, **(headers or {})))


@case
def pictures_come_as_base64_or_links():
    s = shared("sqlite")
    before = s.balance()
    made = image(s, n=2, quality="auto", user="ann", background="auto").json
    equal((len(made["data"]), made["billed_micros"], before - s.balance()), (2, 20000, 20000))
    g = s.get("/v1/generations/" + made["generation_id"]).json
    equal((g["status"], g["end_user"], g["kind"]), ("completed", "ann", "image"))
    for item, output in zip(made["data"], g["outputs"]):
        content = base64.b64decode(item["b64_json"], validate=True)
        equal((content[:8], len(content)), (b"\x89PNG\r\n\x1a\n", output["file_size"]))
        equal(content, s.fetch(item["url"]).body)
    links = image(s, response_format="url").json["data"]
    equal((list(links[0]), s.fetch(links[0]["url"]).headers["Content-Type"]), (["url"], "image/png"))
    s.audit()


@case
def edits_as_a_form_and_as_json():
    s = shared("sqlite")
    png = base64.b64decode(image(s).json["data"][0]["b64_json"])
    before = s.balance()
    one = edit(s, [("model", None, "puras/sketch-edit"), ("prompt", None, "warmer"), ("image", "a.png", png), ("n", None, "1"), ("response_format", None, "url")])
    equal(one.status, 200)
    equal((before - s.balance(), list(one.json["data"][0])), (12000, ["url"]))
    many = edit(s, [("image[]", "a.png", png), ("image[]", "b.png", png), ("prompt", None, "collage"), ("model", None, "puras/sketch-edit")]).json
    inputs = s.get("/v1/generations/" + many["generation_id"]).json["inputs"]
    equal((len(inputs["image"]), inputs["prompt"], many["data"][0]["b64_json"][:4]), (2, "collage", "iVBO"))
    link = one.json["data"][0]["url"]
    for images in ([{"image_url": link}], [{"image_url": "data:image/png;base64," + base64.b64encode(png).decode()}], [link]):
        reply = s.post("/v1/images/edits", {"model": "puras/sketch-edit", "prompt": "cooler", "images": images})
        equal(reply.status, 200)
    s.audit()


@case
def a_form_with_the_same_key_is_one_call():
    s = shared("sqlite")
    png = base64.b64decode(image(s).json["data"][0]["b64_json"])
    parts = [("model", None, "puras/sketch-edit"), ("prompt", None, "warmer"), ("image", "a.png", png)]
    first, again = (edit(s, parts, headers={"Idempotency-Key": "form-1"}) for _ in range(2))
    equal((first.json["generation_id"], again.headers["Idempotent-Replayed"]), (again.json["generation_id"], "true"))
    with Unmoved(s):
        parts[1] = ("prompt", None, "colder")
        wrapped(edit(s, parts, headers={"Idempotency-Key": "form-1"}), 409, "idempotency_key_reused", "invalid_request_error")


@case
def speech_is_the_file_itself():
    s = shared("sqlite")
    reply = s.post("/v1/audio/speech", {"model": "puras/voice", "input": "Hello from here.", "voice": "alloy"})
    if reply.status == 400:  # its voices have names of their own
        reply = s.post("/v1/audio/speech", {"model": "puras/voice", "input": "Hello from here."})
    equal((reply.status, reply.headers["Content-Type"]), (200, "audio/mpeg"))
    expect(reply.body[:3] == b"ID3" or (reply.body[0] == 0xFF and reply.body[1] & 0xE0 == 0xE0), reply.body[:8])


@case
def models_are_listed_in_their_shape():
    models = shared("sqlite").get("/v1/models").json
    row = next(m for m in models["data"] if m["id"] == "puras/sketch")
    equal((models["object"], row["object"], row["owned_by"], isinstance(row["created"], int)), ("list", "model", "puras", True))


@case
def refusals_have_their_shape():
    s = shared("sqlite")
    png = b"\x89PNG\r\n\x1a\n"
    ok = [("model", None, "puras/sketch-edit"), ("prompt", None, "x"), ("image", "a.png", png)]
    with Unmoved(s):
        equal(wrapped(image(s, 400, model="gpt-nothing"), 400, "unknown_model", "invalid_request_error")["param"], "model")
        equal(wrapped(image(s, 400, size="huge"), 400, "unpriceable_input", "invalid_request_error")["param"], "size")
        wrapped(image(s, 400, response_format="jpeg"), 400, "invalid_argument", "invalid_request_error")
        wrapped(image(s, 400, stream=True), 400, "invalid_argument", "invalid_request_error")
        wrapped(image(s, 400, model="puras/tune"), 400, "invalid_argument", "invalid_request_error")
        wrapped(image(s, 400, model=None), 400, "invalid_argument", "invalid_request_error")
        wrapped(s.post("/v1/audio/speech", {"model": "puras/sketch", "input": "x"}), 400, "invalid_argument", "invalid_request_error")
        wrapped(s.post("/v1/audio/speech", {"model": "puras/voice"}), 400, "invalid_argument", "invalid_request_error")
        wrapped(s.post("/v1/images/generations", SMALL, key=None), 401, "unauthenticated", "authentication_error")
        wrapped(s.post("/v1/images/generations", SMALL, key="admin"), 403, "forbidden", "permission_error")
        wrapped(s.get("/v1/images/generations"), 405, "method_not_allowed", "invalid_request_error")
        wrapped(s.call("POST", "/v1/images/generations", b"{", key="live"), 400, "bad_json", "invalid_request_error")
        for images in (None, [], [5], [{"file_id": "f"}], [{"image_url": 5}], ["a.png"] * 17, "no/such.png"):
            reply = s.post("/v1/images/edits", {"model": "puras/sketch-edit", "prompt": "x", "images": images})
            wrapped(reply, 400, "invalid_argument", "invalid_request_error")
        for parts in (ok[:2], ok[1:], ok[:2] + [("image", "a.png", b"no picture")], ok + [("stream", None, "true")], [("model", None, "m" * 201)] + ok[1:], ok + [("response_format", None, "jpeg")],
                      ok[:2] + [("image[]", "a.png", png)] * 17):
            reply = edit(s, parts)
            equal(reply.status in (400, 415), True)
            expect(reply.json["error"]["charged_micros"] == 0, reply)
        wrapped(s.call("POST", "/v1/images/edits", b"--x\r\n", key="live", headers={"Content-Type": "multipart/form-data; boundary=x"}), 400, "bad_request", "invalid_request_error")
    poor = s.post("/v1/projects", {"name": "poor-openai"}, key="admin").json["id"]
    key = s.post("/v1/keys", {"kind": "live", "project": poor}, key="admin").json["key"]
    error = wrapped(image(s, 402, key=key), 402, "insufficient_credits", "insufficient_quota")
    equal(error["missing_micros"], 10000)


run()
