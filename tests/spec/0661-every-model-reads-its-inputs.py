#!/usr/bin/env python3
"""Every model of the shipped catalog, asked for its price: with as little as it needs, with each default said aloud, under each other name
of an input, and with what it cannot read."""
import http.client
import json

from harness import case, equal, expect, run, shared

FILES = {"image": "a.png", "video": "b.mp4", "audio": "c.mp3"}


class Prices:
    """Quotes over one connection."""

    def __init__(self, server):
        self.server = server
        self.http = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)

    def ask(self, model, inputs):
        self.http.request("POST", "/v1/quote", json.dumps({"model": model, "inputs": inputs}), {"X-API-Key": self.server.live, "Content-Type": "application/json"})
        reply = self.http.getresponse()
        return reply.status, json.loads(reply.read())


def least(m):
    """What a call has to say."""
    out = {}
    for spec in m["inputs"]:
        if spec["required"]:
            out[spec["name"]] = FILES[spec["file"]] if spec["type"] == "file" else "five words are said here" if spec["type"] == "text" else spec.get("min", 1)
    return out


def wrong(spec):
    kind = spec["type"]
    if kind in ("int", "number", "seconds"):
        return ["x", True, [], -1] + ([spec["min"] - 1] if spec.get("min", 0) > 1 else []) + ([spec["max"] + 1] if "max" in spec else [])
    if kind == "bool":
        return ["maybe", 2, {}]
    if kind == "enum":
        return ["no such word", 12345, {}]
    if kind == "size":
        return ["big", "1x1", "99999x99999", {"width": 10}, 7]
    return []


@case
def as_little_as_it_needs_and_every_default_said():
    s = shared("sqlite")
    prices = Prices(s)
    for m in s.get("/v1/models").json["models"]:
        status, plain = prices.ask(m["slug"], least(m))
        equal((m["slug"], status), (m["slug"], 200))
        expect(plain["quoted_micros"] > 0, plain)
        said = dict(least(m), **{i["name"]: i["default"] for i in m["inputs"] if "default" in i})
        status, again = prices.ask(m["slug"], said)
        equal((m["slug"], status, again.get("quoted_micros"), again.get("inputs")), (m["slug"], 200, plain["quoted_micros"], plain["inputs"]))


@case
def every_other_name_is_the_same_input():
    s = shared("sqlite")
    prices = Prices(s)
    for m in s.get("/v1/models").json["models"]:
        for spec in m["inputs"]:
            if not (spec["price"] or spec["required"]) or not spec["aliases"]:
                continue
            inputs = least(m)
            if spec["name"] not in inputs:
                inputs[spec["name"]] = FILES[spec["file"]] if spec["type"] == "file" else spec["values"][-1] if "values" in spec else True if spec["type"] == "bool" else spec.get("max", 1)
            if spec["type"] == "size":
                inputs[spec["name"]] = spec.get("default", "1024x1024")
            status, plain = prices.ask(m["slug"], inputs)
            equal((m["slug"], spec["name"], status), (m["slug"], spec["name"], 200))
            for alias in spec["aliases"]:
                other = {alias if k == spec["name"] else k: v for k, v in inputs.items()}
                status, renamed = prices.ask(m["slug"], other)
                equal((m["slug"], alias, status, renamed.get("quoted_micros"), renamed.get("inputs")), (m["slug"], alias, 200, plain["quoted_micros"], plain["inputs"]))


@case
def what_cannot_be_read_is_refused_by_name():
    s = shared("sqlite")
    prices = Prices(s)
    refused = 0
    for m in s.get("/v1/models").json["models"]:
        for spec in m["inputs"]:
            for value in wrong(spec):
                status, answer = prices.ask(m["slug"], dict(least(m), **{spec["name"]: value}))
                expect(status == 400 and answer["code"] in ("unpriceable_input", "invalid_argument"), (m["slug"], spec["name"], value, answer))
                expect(spec["name"] in answer["detail"] and answer["charged_micros"] == 0, answer)
                refused += 1
            if spec["required"] and spec["price"]:  # a quote asks for nothing else
                without = least(m)
                del without[spec["name"]]
                status, answer = prices.ask(m["slug"], without)
                expect(status == 400 and spec["name"] in answer["detail"], (m["slug"], spec["name"], answer))
    expect(refused > 1000, refused)


run()
