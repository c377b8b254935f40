#!/usr/bin/env python3
"""What strangers try: keys of pages used against the project's own servers, bodies that are made to hurt."""
import base64

from harness import Unmoved, case, equal, expect, refusal, run, shared

PAGE = "https://app.example"
CALL = {"model": "puras/sketch", "inputs": {"prompt": "two red boats", "size": "64x64"}}
KEY = {"kind": "pub", "models": ["puras/sketch"], "origins": [PAGE], "day_cap_usd": 0.5}


def key(s, **more):
    return s.post("/v1/keys", dict(KEY, **more), key="admin").json["key"]


def page(s, path, body, own, headers=None):
    return s.call("POST", path, body, key=own, headers=dict(headers or {}, Origin=PAGE))


@case
def a_page_can_neither_read_nor_spoil_what_servers_ask_under_an_idempotency_key():
    s = shared("sqlite")
    own, other = key(s), key(s)
    once = {"Idempotency-Key": "order-1"}
    secret = s.post("/v1/generations", CALL, headers=once).json["id"]
    made = page(s, "/v1/generations", CALL, own, once)
    equal(made.status, 202)
    expect(made.json["id"] != secret and "Idempotent-Replayed" not in made.headers, made)
    again = page(s, "/v1/generations", CALL, own, once)
    equal((again.json["id"], again.headers["Idempotent-Replayed"]), (made.json["id"], "true"))
    expect(page(s, "/v1/generations", CALL, other, once).json["id"] not in (secret, made.json["id"]))
    early = {"Idempotency-Key": "order-2"}
    equal(page(s, "/v1/generations", CALL, own, early).status, 202)
    equal(s.post("/v1/generations", dict(CALL, inputs={"prompt": "other", "size": "64x64"}), headers=early).status, 202)
    s.audit()


@case
def many_long_strings_in_one_body():
    """The list of them grows while a thread writes the first ones."""
    s = shared("sqlite")
    text = "A" * 90_000
    with Unmoved(s):
        for n in (2, 9, 32):
            body = {"model": "puras/sketch-edit", "inputs": {"image": ["data:image/png;base64," + text] * n, "prompt": "x"}}
            for _ in range(5):
                expect(s.post("/v1/generations", body).status in (400, 415), n)
        refusal(s.post("/v1/generations", {"model": "puras/sketch-edit", "inputs": {"image": [text] * 33, "prompt": "x"}}), 413, "too_large")


@case
def a_page_whose_calls_are_refused_fills_no_drive():
    s = shared("sqlite")
    edit = {"model": "puras/sketch-edit", "inputs": {"prompt": "x", "size": "32x32"}}

    def files():
        return [f["path"] for f in s.get("/v1/drive?prefix=inputs/").json["files"]]

    png = s.fetch(s.post("/v1/media/generate", CALL).json["output_url"]).body
    before = files()
    for n, (own, status, code) in enumerate(((key(s, models=["puras/sketch-edit"], day_cap_usd=0.001), 402, "spend_cap_reached"), (key(s), 403, "forbidden"))):
        call = dict(edit, inputs=dict(edit["inputs"], image="data:image/png;base64," + base64.b64encode(png + b"%d" % n).decode()))
        refusal(page(s, "/v1/generations", call, own), status, code)
        equal(files(), before)
    own = key(s, models=["puras/sketch-edit"])
    equal(page(s, "/v1/generations", call, own).status, 202)
    equal(len(files()), len(before) + 1)


@case
def a_job_changes_neither_secrets_nor_credit():
    """Its token goes into programs that others wrote."""
    s = shared("sqlite")
    s.call("PUT", "/v1/secrets", {"name": "TOKEN", "value": "x"}, key="live")
    for kind in ("live", "test"):
        token = s.post("/v1/service-tokens", {"job_id": "j1"}, key=kind).json["token"]
        for method, path, body in (("GET", "/v1/secrets", None), ("PUT", "/v1/secrets", {"name": "TOKEN", "value": "y"}), ("DELETE", "/v1/secrets/TOKEN", None),
                                   ("POST", "/v1/top-up", {"usd": 1}), ("GET", "/v1/keys", None), ("POST", "/v1/service-tokens", {})):
            refusal(s.call(method, path, body, key=token), 403, "forbidden")
        equal(s.call("GET", "/v1/balance", key=token).json["book"], kind)
    equal([x["name"] for x in s.get("/v1/secrets").json["secrets"]], ["TOKEN"])


@case
def a_form_is_the_same_whichever_of_its_files_is_stored_first():
    s = shared("sqlite")
    png = s.fetch(s.post("/v1/media/generate", CALL).json["output_url"]).body
    parts = [b'--B\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n' % f for f in ((b"model", b"puras/sketch-edit"), (b"prompt", b"x"), (b"size", b"32x32"))]
    parts += [b'--B\r\nContent-Disposition: form-data; name="%s"; filename="a.png"\r\n\r\n%s\r\n' % f for f in ((b"image", png), (b"mask", png + b"other"))]
    made = set()
    for _ in range(25):
        reply = s.call("POST", "/v1/images/edits", b"".join(parts) + b"--B--\r\n", key="live", headers={"Content-Type": "multipart/form-data; boundary=B", "Idempotency-Key": "form"})
        equal(reply.status, 200)
        made.add(reply.json["generation_id"])
    equal(len(made), 1)


def memory(s):
    with open("/proc/%d/status" % s.process.pid, encoding="ascii") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("VmRSS"))


@case
def refused_forms_keep_no_memory():
    s = shared("sqlite")

    def form(*fields):
        return b"".join(b'--B\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n' % f for f in fields) + b"--B--\r\n"

    prompt = (b"prompt", b"a" * 60_000)
    for body in (form(prompt), form(prompt, (b"response_format", b"x")), form(prompt, prompt, (b"model", b"puras/sketch-edit")), form(prompt)[:-6]):
        def send(times):
            for _ in range(times):
                equal(s.call("POST", "/v1/images/edits", body, key="live", headers={"Content-Type": "multipart/form-data; boundary=B"}).status, 400)
        send(10)
        before = memory(s)
        send(150)
        expect(memory(s) - before < 8000, "the server grew by %d KB" % (memory(s) - before))


run()
