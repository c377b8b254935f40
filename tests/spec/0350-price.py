#!/usr/bin/env python3
"""What a call costs, before it is made: quotes, quotes that are honoured, prices the caller insists on, and the public list."""
import json
import os
import tempfile

from harness import Server, Unmoved, case, each_store, equal, expect, refusal, run, shared

KLING = "kuaishou/kling-v3-i2v"
ENDED = "openai/sora-2"
CALL = {"model": "puras/sketch", "inputs": {"prompt": "a price tag", "size": "64x64"}}


@case
def the_prices_of_a_video():
    s = shared("sqlite")
    plain = s.post("/v1/quote", {"model": KLING, "inputs": {"image": "a.png", "duration": 5}}).json
    equal((plain["quoted_micros"], plain["quoted_usd"], plain["quoted_credits"]), (672000, 0.672, 67.2))
    equal((plain["row"]["micros"], plain["row"]["unit"], plain["row"]["quantity"]), (134400, "second", 5))
    equal(plain["inputs"], {"image": "a.png", "duration": 5, "audio": False})
    audio = s.post("/v1/quote", {"model": KLING, "inputs": {"image": "a.png", "duration": 5, "audio": True}}).json
    equal((audio["quoted_micros"], audio["row"]["micros"], audio["row"]["when"]), (1008000, 201600, {"audio": True}))
    # omitted is the default, and the default is off
    equal(s.post("/v1/quote", {"model": KLING, "inputs": {"image": "a.png"}}).json["quoted_micros"], 672000)


@each_store
def what_has_no_route_is_priced_but_not_run(s):
    with Unmoved(s):
        for route in ("/v1/generations", "/v1/media/generate"):
            body = refusal(s.post(route, {"model": ENDED, "inputs": {"prompt": "x"}}), 503, "no_route")
            expect(ENDED in body["detail"], body)
        enabled = {m["slug"]: m["enabled"] for m in s.get("/v1/models").json["models"]}
        equal((enabled[ENDED], enabled[KLING], enabled["puras/sketch"]), (False, True, True))


@each_store
def a_quote_moves_nothing_and_the_bill_equals_it(s):
    with Unmoved(s):
        quote = s.post("/v1/quote", CALL).json
    made = s.post("/v1/generations", dict(CALL, quote_id=quote["quote_id"]), headers={"Prefer": "wait=60"}).json
    equal((made["quoted_micros"], made["billed_micros"], made["held_micros"]), (10000, quote["quoted_micros"], 0))
    equal(made["price_row"], quote["row"])
    equal(made["catalog"], quote["catalog"])
    s.audit()


@each_store
def a_quote_holds_for_its_own_call_only(s):
    quote = s.post("/v1/quote", CALL).json["quote_id"]
    body, seal = quote[:-4], quote[-4:]
    wrong = [quote[:-1] + ("A" if quote[-1] != "A" else "B"), body, quote + "A", "v2" + quote[2:], "x", "v1.", "v1." + "A" * 200, body.swapcase() + seal, quote[:20] + "A" + quote[21:],
             quote.replace(".", "..", 1), "\xfc"]
    with Unmoved(s):
        for token in wrong:
            reply = s.post("/v1/generations", dict(CALL, quote_id=token))
            expect(reply.status in (400, 409), (token, reply))
            refusal(reply, reply.status, reply.json["code"])
        other = {"model": "puras/sketch", "inputs": dict(CALL["inputs"], n=4)}
        reply = s.post("/v1/generations", dict(other, quote_id=quote))
        expect(reply.status in (400, 409), reply)
        reply = s.post("/v1/generations", {"model": KLING, "inputs": {"image": "a.png"}, "quote_id": quote})
        expect(reply.status in (400, 409), reply)
    # the same inputs in other words are the same call
    same = {"model": "puras/sketch", "inputs": {"text": "a price tag", "image_size": "64x64", "num_images": "1"}}
    equal(s.post("/v1/generations", dict(same, quote_id=quote)).status, 202)


@each_store
def a_caller_may_set_the_most_it_pays(s):
    with Unmoved(s):
        for most in (1, 9999):
            body = refusal(s.post("/v1/generations", dict(CALL, max_micros=most)), 409, "price_changed")
            expect("9999" in body["detail"] or "1 " in body["detail"] or str(most) in body["detail"], body)
            expect("10000" in s.post("/v1/generations", dict(CALL, max_micros=most)).body.decode(), body)
    for most in (10000, 10 ** 15):
        equal(s.post("/v1/generations", dict(CALL, max_micros=most)).status, 202)


def poster(folder, micros):
    with open(os.path.join(folder, "poster.yaml"), "w", encoding="utf-8") as f:
        f.write("slug: studio/poster\nkind: image\ntitle: Posters\ninputs:\n  prompt: {type: text, required: true}\n  size: {type: size, default: 64x64, max: 2048}\n"
                "price:\n  unit: image\n  rate_table:\n    - {micros: %d}\nroutes:\n  - {provider: local, model: sketch}\n" % micros)


@case
def a_quote_is_honoured_when_the_price_rises():
    """Ten minutes hold across a restart with another catalog; without the quote the caller is told both figures."""
    with tempfile.TemporaryDirectory() as folder:
        poster(folder, 10000)
        with Server("--catalog", folder) as s:
            call = {"model": "studio/poster", "inputs": {"prompt": "x"}}
            quote = s.post("/v1/quote", call).json["quote_id"]
            equal(s.stop(), 0)
            poster(folder, 12345)
            s.start()
            equal(s.post("/v1/quote", call).json["quoted_micros"], 12345)
            with Unmoved(s):
                body = refusal(s.post("/v1/generations", dict(call, max_micros=10000)), 409, "price_changed")
                text = json.dumps(body)
                expect("12345" in text and "10000" in text, body)
            before = s.balance()
            reply = s.post("/v1/generations", dict(call, quote_id=quote), headers={"Prefer": "wait=60"})
            if reply.status == 409:  # dearer now: refused with both figures, nothing taken
                text = reply.body.decode()
                expect("12345" in text and "10000" in text and reply.json["code"] == "price_changed", reply)
                equal(s.balance(), before)
            else:
                equal((reply.status, reply.json["billed_micros"]), (200, 10000))
                equal(s.balance(), before - 10000)
            s.audit()


@case
def the_list_of_prices_is_public():
    s = shared("sqlite")
    rows = {m["slug"]: m for m in s.get("/v1/pricing", key=None).json["models"]}
    for row in rows.values():
        for name in ("slug", "kind", "unit", "rate_table"):
            expect(name in row, row)
        expect(row["rate_table"] and all(isinstance(r["micros"], int) and r["micros"] > 0 for r in row["rate_table"]), row)
        expect("when" not in row["rate_table"][-1], row)
    equal([r["micros"] for r in rows[KLING]["rate_table"]], [201600, 134400])
    equal((rows[KLING]["unit"], rows[KLING]["kind"]), ("second", "video"))
    equal((rows["puras/sketch"]["unit"], rows["puras/sketch"]["rate_table"]), ("image", [{"micros": 10000}]))
    models = s.get("/v1/models").json
    equal((models["object"], models["total_count"], {m["id"] for m in models["data"]}), ("list", len(rows), set(rows)))
    equal({m["model_id"] for m in models["models"]}, set(rows))
    equal({m["kind"] for m in s.get("/v1/models?kind=video").json["models"]}, {"video"})
    one = s.get("/v1/models/" + KLING).json
    equal((one["id"], one["rate_table"]), (KLING, rows[KLING]["rate_table"]))


@case
def every_shipped_model_can_be_quoted():
    s = shared("sqlite")
    samples = {"text": "x", "file": "a.png", "int": 1, "bool": False, "seconds": 5}
    for m in s.get("/v1/models").json["models"]:
        inputs = {i["name"]: samples[i["type"]] for i in m["inputs"] if i["required"]}
        reply = s.post("/v1/quote", {"model": m["slug"], "inputs": inputs})
        equal(reply.status, 200)
        row = reply.json["row"]
        expect(reply.json["quoted_micros"] > 0 and row["micros"] in [r["micros"] for r in m["rate_table"]], reply)


@case
def what_a_price_is_made_of_multiplies():
    s = shared("sqlite")
    for n in (1, 2, 3, 4):
        equal(s.post("/v1/quote", {"model": "puras/sketch", "inputs": {"prompt": "x", "n": n}}).json["quoted_micros"], 10000 * n)
    image = {"quality": "low", "size": "1536x1024", "prompt": "x", "n": 10}
    equal(s.post("/v1/quote", {"model": "openai/gpt-image-2", "inputs": image}).json["quoted_micros"], 240000)
    equal(s.post("/v1/quote", {"model": "openai/gpt-image-2", "inputs": {"prompt": "x"}}).json["quoted_micros"], 264000)


run()
