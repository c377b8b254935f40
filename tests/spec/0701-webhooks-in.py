#!/usr/bin/env python3
"""Webhooks in: the twin calls back, signed as fal.ai, Replicate and Google do. They only make the server poll; forged, repeated, foreign, old and oversized ones change
nothing, and no answer tells whether there is such a generation."""
import base64
import hashlib
import hmac
import json
import os
import re
import subprocess
import tempfile
import time

from harness import Server, case, equal, expect, refusal, run
from twin_server import Twin

TWIN = Twin()
TWIN.__enter__()


def server(*providers):
    args = []
    for p in providers:
        args += ["--provider-base", "%s=%s/%s" % (p, TWIN.url, p)]
    # the other provider's key is not there: no call leaves this machine
    return Server(*args, env={"FAL_KEY": "kid:secret" if "fal" in providers else "", "REPLICATE_API_TOKEN": "r8_x" if "replicate" in providers else "",
                               "GEMINI_API_KEY": "AIx" if "google" in providers else ""})


def count(s, result):
    return int(re.search(r'puras_hooks_total\{result="%s"\} (\d+)' % result, s.call("GET", "/metrics").body.decode()).group(1))


def until(ask, seconds=15):
    end = time.monotonic() + seconds
    while not ask():
        expect(time.monotonic() < end, "it did not come to that")
        time.sleep(0.02)


def one(s, words, slug="kuaishou/kling-v3-t2v", **inputs):
    g = s.submit(slug, dict({"prompt": "rain [twin: %s]" % words, "duration": 3}, **inputs))
    done = s.wait(g)
    equal((done["status"], done["error"]), ("completed", None))
    return done


def paths(s):
    return re.findall(r'"path":"(/v1/hooks/[^"]+)"', s.log())


@case
def fal_calls_back():
    with server("fal") as s:
        before = s.balance()
        done = one(s, "slow 1s")
        until(lambda: count(s, "polled") == 1)
        second = one(s, "slow 1s, twice")
        until(lambda: count(s, "polled") == 3)
        equal(before - s.balance(), done["billed_micros"] + second["billed_micros"])
        third = one(s, "slow 1s, forged")
        until(lambda: count(s, "forged") == 1)
        equal((count(s, "polled"), third["status"]), (3, "completed"))
        path = paths(s)[0]
        for body, head in ((b"{}", {}), (b"", {}), (b'{"status":"ERROR"}', {"X-Fal-Webhook-Request-Id": "x", "X-Fal-Webhook-User-Id": "u", "X-Fal-Webhook-Timestamp": str(int(time.time())), "X-Fal-Webhook-Signature": "00" * 64})):
            equal(s.call("POST", path, body, headers=head).status, 403)
        equal(s.get("/v1/generations/" + done["id"]).json["status"], "completed")
        s.audit()


@case
def a_lost_answer_is_found_by_the_callback():
    with server("fal") as s:
        before = s.balance()
        done = one(s, "slow 1s, lose 1")
        equal((done["attempts"], before - s.balance()), (1, done["billed_micros"]))
        names = [e["name"] for e in done["stages"]]
        expect("unresolved" in names and names.index("unresolved") < names.index("accepted"), names)
        s.audit()
    with server("replicate") as s:
        done = one(s, "slow 1s, lose 1", "bytedance/seedance-2-t2v", duration=4, resolution="480p")
        equal(done["attempts"], 1)


@case
def replicate_calls_back():
    secret = TWIN.call("GET", "/replicate/v1/webhooks/default/secret", headers={"Authorization": "Bearer r8_x"}).json["key"]
    with server("replicate") as s:
        for name, bad, word in (("replicate%2Bwebhook", "hello", "whsec_"), ("replicate%2Bwebhook", "whsec_notbase64!!", "whsec_"), ("fal%2Bwebhook", secret, "no secret of yours"), ("comfyui", "x", "needs no key")):
            told = refusal(s.call("PUT", "/v1/providers/%s/key" % name, {"key": bad}, key="admin"), 400, "invalid_argument")
            expect(word in told["detail"], told)
        reply = s.call("PUT", "/v1/providers/replicate%2Bwebhook/key", {"key": secret}, key="admin")
        equal(reply.status, 200)
        expect(secret.encode() not in reply.body and secret not in s.log(), "the secret is shown")
        one(s, "slow 1s", "bytedance/seedance-2-t2v", duration=4, resolution="480p")
        until(lambda: count(s, "polled") == 1)
        one(s, "slow 1s, forged", "bytedance/seedance-2-t2v", duration=4, resolution="480p")
        until(lambda: count(s, "forged") == 1)
        equal(count(s, "polled"), 1)
        s.audit()


@case
def without_a_secret_the_token_counts():
    with server("replicate") as s:
        done = one(s, "slow 1s", "bytedance/seedance-2-t2v", duration=4, resolution="480p")
        until(lambda: count(s, "polled") == 1)
        path = paths(s)[0]
        shown = s.get("/v1/generations/" + done["id"]).body
        for body in (b"", b"{}", b'{"status":"failed"}', b"\xff\x00", b"[" * 500):
            equal(s.call("POST", path, body).status, 200)  # old, and again: a hint about something that is over
        equal(s.get("/v1/generations/" + done["id"]).json["status"], "completed")
        expect(len(shown) and count(s, "polled") == 6, count(s, "polled"))
        s.audit()
        equal(s.call("POST", path, b"x" * ((1 << 20) + 1)).status, 413)
        token = path.rsplit("/", 1)[1]
        flipped = token[:-1] + ("A" if token[-1] != "A" else "B")
        bad = ["replicate/" + flipped, "fal/" + token, "nobody/" + token, "replicate", "replicate/", "replicate/x", "replicate/" + "a" * 4000, "/" + token, "replicate/" + token + "/x", "..%2F" + token]
        bodies = set()
        for tail in bad:
            reply = s.call("POST", "/v1/hooks/" + tail, {})
            equal(reply.status, 404)
            bodies.add(reply.json["detail"])
        equal(len(bodies), 1)  # all the same, whatever is wrong
        equal(s.call("GET", path).status, 405)
        equal(count(s, "polled"), 6)


OMNI = "google/gemini-omni-1.1-flash-t2v"


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unsigned(head, claims):
    return b64(json.dumps(dict({"kid": "twin-rsa"}, **head)).encode()) + "." + b64(json.dumps(claims).encode())


def signed(claims, **head):
    """By the key that the twin publishes in Google's place."""
    return TWIN.call("POST", "/twin/token", {"head": dict({"alg": "RS256", "kid": "twin-rsa"}, **head), "claims": claims}).json["token"]


def signed_by_another_key(claims):
    with tempfile.TemporaryDirectory() as d:
        key = os.path.join(d, "key")
        subprocess.run(["openssl", "genrsa", "-out", key, "2048"], check=True, stderr=subprocess.DEVNULL)
        text = unsigned({"alg": "RS256"}, claims)
        return text + "." + b64(subprocess.run(["openssl", "dgst", "-sha256", "-sign", key], input=text.encode(), check=True, stdout=subprocess.PIPE).stdout)


def hmac_token(secret, claims):
    text = unsigned({"alg": "HS256"}, claims)
    return text + "." + b64(hmac.new(secret, text.encode(), hashlib.sha256).digest())


def google_posts(s, path, signature, body=b"{}", at=None):
    head = {"webhook-id": "msg_1", "webhook-timestamp": str(int(at or time.time())), "webhook-signature": signature}
    return s.call("POST", path, body, headers=head).status


@case
def google_calls_back():
    """In each of the three ways that it may sign; the first poll of these films would be after 20 s."""
    with server("google") as s:
        began, before = time.monotonic(), TWIN.log("google", "keys")["count"]
        one(s, "slow 500ms", OMNI)
        one(s, "slow 500ms, v1a", OMNI)
        expect(time.monotonic() - began < 15, "its webhook did not make it poll")
        equal((count(s, "polled"), count(s, "forged")), (2, 0))
        path, now = paths(s)[0], int(time.time())
        here = {"aud": s.url + path, "iat": now, "exp": now + 300}
        equal(google_posts(s, path, signed(here)), 200)
        for words in ("slow 100ms, forged", "slow 100ms, v1a, forged"):
            forged = count(s, "forged")
            g = s.submit(OMNI, {"prompt": "rain [twin: %s]" % words, "duration": 3})
            until(lambda: count(s, "forged") == forged + 1)
            s.post("/v1/generations/%s/cancel" % g, {})
        key = TWIN.call("GET", "/google/.well-known/jwks.json").json["keys"][0]
        modulus = base64.urlsafe_b64decode(key["n"] + "==")
        bad = {"changed": signed(here)[:-9] + "AAAA" + signed(here)[-5:], "another key": signed_by_another_key(here), "expired": signed(dict(here, exp=now - 1)),
               "old": signed(dict(here, iat=now - 301)), "for somebody else": signed(dict(here, aud="https://elsewhere.example/hook")), "for nobody": signed({"iat": now}),
               "a key unheard of": signed(here, kid="next"), "none": unsigned({"alg": "none"}, here) + ".", "HS256": hmac_token(modulus, here),
               "HS256 with the document": hmac_token(key["n"].encode(), here), "not signed": "", "nonsense": "a.b.c", "v1 without a secret": "v1,AAAA", "v1a": "v1a," + base64.b64encode(b"x" * 64).decode()}
        for name, signature in bad.items():
            equal((name, google_posts(s, path, signature)), (name, 403))
        equal(google_posts(s, path, signed(here), at=now - 400), 403)
        # the project's own webhooks: with the secret that is stored, and tokens are taken beside it
        secret = TWIN.call("GET", "/twin/keys").json["standard_secret"]
        mac = hmac.new(base64.b64decode(secret[6:]), b"msg_1.%d.{}" % now, hashlib.sha256).digest()
        standard = "v1," + base64.b64encode(mac).decode()
        equal(google_posts(s, path, standard, at=now), 403)
        equal(s.call("PUT", "/v1/providers/google%2Bwebhook/key", {"key": secret}, key="admin").status, 200)
        equal((google_posts(s, path, standard, at=now), google_posts(s, path, standard, b"{ }", at=now), google_posts(s, path, signed(here))), (200, 403, 200))
        # all of this has asked for the keys once, and the test itself once
        equal(TWIN.log("google", "keys")["count"] - before, 2)
        expect("its token is for somebody else" in s.log(), "the operator is not told why")
        s.audit()


try:
    run()
finally:
    TWIN.__exit__(None, None, None)
