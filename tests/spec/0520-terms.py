#!/usr/bin/env python3
"""What a caller agreed to and what it keeps: a bound of the price on every route, and files that another one replaced."""
from harness import Server, Unmoved, case, equal, expect, refusal, run, shared

CALL = {"model": "puras/sketch", "inputs": {"prompt": "a red kite", "size": "128x128"}}


@case
def a_bound_of_the_price_holds_on_the_seed_call():
    s = shared("sqlite")
    with Unmoved(s):
        refusal(s.post("/v1/media/generate", dict(CALL, max_micros=9999)), 409, "price_changed")
        equal(refusal(s.post("/v1/media/generate", dict(CALL, quote_id="x")), 400, "invalid_argument")["field"], "quote_id")
        equal(refusal(s.post("/v1/media/generate", dict(CALL, max_micros="1")), 400, "invalid_argument")["field"], "max_micros")
        equal(refusal(s.post("/v1/media/generate", dict(CALL, url_ttl=1)), 400, "invalid_argument")["field"], "url_ttl")
    quote = s.post("/v1/quote", CALL).json["quote_id"]
    made = s.post("/v1/media/generate", dict(CALL, max_micros=10000, quote_id=quote, url_ttl=60)).json
    equal(made["billed_micros"], 10000)
    s.audit()


@case
def a_replaced_result_is_reached_by_its_generation():
    s = shared("sqlite")
    named = {"Idempotency-Key": "replaced"}
    first = s.post("/v1/media/generate", dict(CALL, output_path="out/kite.png"), headers=named).json
    shown = s.fetch(first["output_url"]).body
    second = s.post("/v1/media/generate", dict(CALL, inputs=dict(CALL["inputs"], prompt="a blue whale"), output_path="out/kite.png")).json
    expect(s.fetch(second["output_url"]).body != shown)
    output = s.get("/v1/generations/" + first["request_id"]).json["outputs"][0]
    equal(s.fetch(output["url"]).body, shown)
    again = s.post("/v1/media/generate", dict(CALL, output_path="out/kite.png"), headers=named)
    equal((again.status, again.headers["Idempotent-Replayed"], s.fetch(again.json["output_url"]).body), (200, "true", shown))
    equal(s.call("DELETE", "/v1/drive/files/out/kite.png", key="live").status, 200)
    equal(s.get("/v1/generations/" + second["request_id"]).json["outputs"][0]["url"], None)
    equal(s.fetch(output["url"]).body, shown)
    s.audit()


@case
def what_an_upload_replaces_is_given_back():
    s = shared("sqlite")

    def stored():
        return [p for p in s.get("/v1/projects", key="admin").json["projects"]][0]["drive_bytes"]

    before = stored()
    for i in range(5):
        equal(s.call("PUT", "/v1/drive/files/same.bin", bytes([i]) * 1000, key="live").status, 201)
        equal(stored(), before + 1000)
    equal(s.call("DELETE", "/v1/drive/files/same.bin", key="live").status, 200)
    equal(stored(), before)
    s.audit()


@case
def a_refusal_names_no_generation():
    s = shared("sqlite")
    body = refusal(s.post("/v1/generations", dict(CALL, max_micros=1)), 409, "price_changed")
    expect("generation_id" not in body, body)


run()
