#!/usr/bin/env python3
"""Bodies that are no JSON: each is refused with a stable code and a sentence, and nothing is held for it."""
import http.client
import json

from harness import Unmoved, case, each_store, equal, expect, refusal, run, shared

GOOD = {"model": "puras/sketch", "inputs": {"prompt": "ein Haus, grün \U0001f3e0", "n": 2, "seed": 1.0, "x": [1, {"a": None}], "t": True}}
ROUTES = ("/v1/media/generate", "/v1/generations", "/v1/quote")


def wrap(inner):
    """`inner` as the value of an input that no model looks at."""
    return b'{"model":"puras/sketch","inputs":{"prompt":"x","other":' + inner + b"}}"


MALFORMED = {
    "nothing": b"",
    "blanks": b" \n\t ",
    "a word": b"hello",
    "a bare string": b'"x"',
    "a list": b"[]",
    "a number": b"5",
    "null": b"null",
    "single quotes": b"{'model':'puras/sketch'}",
    "a bare key": b'{model:"puras/sketch"}',
    "a comma too many": b'{"model":"puras/sketch",}',
    "a comma in front": b'{,"model":"puras/sketch"}',
    "a missing comma": b'{"model":"puras/sketch" "inputs":{}}',
    "a missing colon": b'{"model" "puras/sketch"}',
    "two documents": b'{"model":"puras/sketch"}{"model":"puras/sketch"}',
    "something behind": b'{"model":"puras/sketch"} x',
    "a comment": b'{"model":"puras/sketch"/* no */}',
    "a byte order mark": b'\xef\xbb\xbf{"model":"puras/sketch"}',
    "UTF-16": '{"model":"puras/sketch"}'.encode("utf-16"),
    "form data": b"model=puras/sketch&prompt=x",
    "leading zero": wrap(b"012"),
    "plus sign": wrap(b"+1"),
    "hexadecimal": wrap(b"0x10"),
    "no digit before the point": wrap(b".5"),
    "no digit behind the point": wrap(b"5."),
    "no digit in the exponent": wrap(b"5e"),
    "NaN": wrap(b"NaN"),
    "Infinity": wrap(b"-Infinity"),
    "True": wrap(b"True"),
    "nul": wrap(b"nul"),
    "unknown escape": wrap(b'"\\x41"'),
    "short escape": wrap(b'"\\u12"'),
    "lone high surrogate": wrap(b'"\\ud800"'),
    "lone low surrogate": wrap(b'"\\udc00"'),
    "surrogates in the wrong order": wrap(b'"\\udc00\\ud800"'),
    "a raw newline in a string": wrap(b'"a\nb"'),
    "a raw tab in a string": wrap(b'"a\tb"'),
    "NUL in a string": wrap(b'"a\x00b"'),
    "an escaped NUL": wrap(b'"a\\u0000b"'),
    "NUL behind the document": b'{"model":"puras/sketch"}\x00',
    "NUL between tokens": b'{"model":\x00"puras/sketch"}',
    "an overlong slash": wrap(b'"\xc0\xaf"'),
    "a surrogate in UTF-8": wrap(b'"\xed\xa0\x80"'),
    "beyond Unicode": wrap(b'"\xf4\x90\x80\x80"'),
    "a lone continuation byte": wrap(b'"\x80"'),
    "Latin-1": wrap('"grün"'.encode("latin-1")),
    "a cut UTF-8 sequence": wrap(b'"\xe2\x82"'),
    "a key that is not UTF-8": b'{"model":"puras/sketch","\xff":1}',
    "a key twice": b'{"model":"puras/sketch","model":"puras/sketch"}',
    "a key twice inside": b'{"model":"puras/sketch","inputs":{"prompt":"x","n":1,"n":4}}',
    "a key twice, once escaped": b'{"model":"puras/sketch","inputs":{"prompt":"x","n":1,"\\u006e":4}}',
    "a key twice, deep down": wrap(b'[{"a":[{"b":1,"b":1}]}]'),
}


@each_store
def malformed_documents_are_refused(s):
    with Unmoved(s):
        for route in ROUTES:
            for name, body in MALFORMED.items():
                reply = s.post(route, body, headers={"Content-Type": "application/json"})
                if reply.status != 400:
                    raise AssertionError("%s to %s: %r" % (name, route, reply))
                refusal(reply, 400, "bad_json")
    s.audit()


@case
def every_truncation_is_refused():
    s = shared("sqlite")
    whole = json.dumps(GOOD, ensure_ascii=False).encode()
    equal(s.post("/v1/quote", whole).json["quoted_micros"], 20000)
    with Unmoved(s):
        connection = http.client.HTTPConnection("127.0.0.1", s.port, timeout=30)
        for end in range(len(whole)):
            connection.request("POST", "/v1/generations", body=whole[:end], headers={"Authorization": "Bearer " + s.live})
            answer = connection.getresponse()
            seen = answer.read()
            if answer.status != 400 or json.loads(seen)["code"] != "bad_json":
                raise AssertionError("cut at %d: %d %r" % (end, answer.status, seen))
        connection.close()


@case
def depth_ends_at_64():
    s = shared("sqlite")

    def nested(levels, opening=b"[", closing=b"]"):  # the body and `inputs` are the first two levels
        return wrap(opening * (levels - 2) + (b"1" if opening != b"[" else b"") + closing * (levels - 2))

    equal(s.post("/v1/quote", nested(64)).status, 200)
    equal(s.post("/v1/quote", nested(64, b'{"a":', b"}")).status, 200)
    with Unmoved(s):
        for body in (nested(65), nested(65, b'{"a":', b"}"), nested(5000), b"[" * 500000, b'{"a":' * 200000):
            refusal(s.post("/v1/generations", body), 400, "bad_json")
            expect(s.alive(), "the server")


@case
def size_ends_at_1_mib():
    s = shared("sqlite")
    with Unmoved(s):
        refusal(s.post("/v1/quote", wrap(b'"' + b"a" * (1024 * 1024) + b'"')), 413, "too_large")
        refusal(s.post("/v1/generations", wrap(b'"' + b"a" * (1024 * 1024) + b'"')), 400, "invalid_argument")  # it may be a file, but not there
        refusal(s.post("/v1/generations", wrap(b'[' + b'"aaaaaaaaaaaaaaaa",' * 60000 + b'1]')), 413, "too_large")
        refusal(s.post("/v1/generations", wrap(b"[" + b"1," * 110000 + b"1]")), 400, "bad_json")  # too many values
        # within the body's limit, but more than is kept with a generation
        for route in ROUTES:
            equal(refusal(s.post(route, wrap(b'"' + b"a" * (200 * 1024) + b'"')), 400, "invalid_argument")["field"], "other")
        # a length that lies in front of a body that never comes is refused before a byte of it
        head = "POST /v1/generations HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Length: 99999999\r\n\r\n" % s.live
        expect(s.raw(head.encode(), timeout=8).startswith(b"HTTP/1.1 413 "), "no 413")
        chunk = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
        head = "POST /v1/generations HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nTransfer-Encoding: chunked\r\n\r\n" % s.live
        expect(s.raw(head.encode() + chunk * 20, timeout=8).startswith(b"HTTP/1.1 413 "), "no 413")


@case
def other_types_and_codings_are_refused():
    s = shared("sqlite")
    body = json.dumps(GOOD).encode()
    with Unmoved(s):
        for kind in ("text/plain", "multipart/form-data; boundary=x", "application/xml", "application/octet-stream"):
            refusal(s.post("/v1/generations", body, headers={"Content-Type": kind}), 415, "unsupported_media_type")
        for coding in ("gzip", "br", "deflate, gzip"):
            refusal(s.post("/v1/generations", body, headers={"Content-Encoding": coding}), 415, "unsupported_media_type")
    for kind in ("application/json; charset=utf-8", "APPLICATION/JSON", "application/x-www-form-urlencoded"):
        equal(s.post("/v1/quote", body, headers={"Content-Type": kind}).status, 200)


@case
def wrong_shapes_name_the_field():
    s = shared("sqlite")
    shapes = [
        ({"inputs": {}}, "model"), ({"model": None}, "model"), ({"model": ""}, "model"), ({"model": 5}, "model"), ({"model": ["puras/sketch"]}, "model"),
        ({"model": "puras/sketch", "inputs": []}, "inputs"), ({"model": "puras/sketch", "inputs": "prompt"}, "inputs"), ({"model": "puras/sketch", "inputs": 1}, "inputs"),
        ({"model": "puras/sketch", "inputs": {"prompt": "x"}, "kind": 1}, "kind"), ({"model": "puras/sketch", "inputs": {"prompt": "x"}, "kind": "picture"}, "kind"),
        ({"model": "puras/sketch", "inputs": {"prompt": "x"}, "output_path": {}}, "output_path"),
        ({"model": "m" * 300, "inputs": {}}, "model"),
    ]
    with Unmoved(s):
        for route in ("/v1/media/generate", "/v1/generations"):
            for body, field in shapes:
                equal(refusal(s.post(route, body), 400, "invalid_argument")["field"], field)
        more = [({"max_micros": 0}, "max_micros"), ({"max_micros": -1}, "max_micros"), ({"max_micros": 1.5}, "max_micros"), ({"max_micros": "9"}, "max_micros"),
                ({"max_micros": 1e300}, "max_micros"), ({"url_ttl": 29}, "url_ttl"), ({"url_ttl": 2592001}, "url_ttl"), ({"quote_id": 1}, "quote_id"), ({"modle": "x"}, "modle")]
        for extra, field in more:
            reply = s.post("/v1/generations", dict({"model": "puras/sketch", "inputs": {"prompt": "x"}}, **extra))
            equal(refusal(reply, 400, "invalid_argument")["field"], field)


run()
