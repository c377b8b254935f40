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


run()
