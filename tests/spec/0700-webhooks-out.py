#!/usr/bin/env python3
"""Webhooks out: signed, unordered, at least once. What a receiver sees, checked with its own reading of Standard Webhooks; what it may answer; kills between
commit, delivery and note; what is refused; and that no money moves by any of it."""
import base64
import hashlib
import hmac
import http.server
import json
import os
import socket
import sqlite3
import subprocess
import threading
import time

from harness import TOP, Server, case, equal, expect, run, shared


def fits(secret, head, body):
    key = base64.b64decode(secret[len("whsec_"):])
    text = ("%s.%s." % (head["webhook-id"], head["webhook-timestamp"])).encode() + body
    want = base64.b64encode(hmac.new(key, text, hashlib.sha256).digest()).decode()
    return want in [s[3:] for s in head["webhook-signature"].split(" ") if s.startswith("v1,")]


class Receiver:
    """Answers each POST by what `answers` says next, then 204. An answer is a status, (status, headers), or "hold": nothing until released."""

    def __init__(self, *answers, port=0):
        self.answers, self.seen, self.more, self.release, self.under_way, self.most = list(answers), [], threading.Condition(), threading.Event(), 0, 0
        owner = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                with owner.more:
                    owner.under_way += 1
                    owner.most = max(owner.most, owner.under_way)
                    answer = owner.answers.pop(0) if owner.answers else 204
                    owner.seen.append((dict((k.lower(), v) for k, v in self.headers.items()), body, self.path))
                    owner.more.notify_all()
                if answer == "hold":
                    owner.release.wait(30)
                    answer = 204
                with owner.more:
                    owner.under_way -= 1
                status, head = answer if isinstance(answer, tuple) else (answer, {})
                try:
                    self.send_response(status)
                    for k, v in head.items():
                        self.send_header(k, v)
                    self.send_header("Content-Length", "6" if status != 204 else "0")
                    self.end_headers()
                    if status != 204:
                        self.wfile.write(b"secret")
                except OSError:
                    pass

            do_GET = do_POST

            def log_message(self, *args):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        self.url = "http://127.0.0.1:%d/hook" % self.port
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.release.set()
        self.server.shutdown()
        self.server.server_close()

    def wait(self, count, seconds=20):
        with self.more:
            expect(self.more.wait_for(lambda: len(self.seen) >= count, seconds), "%d of %d messages came" % (len(self.seen), count))
            return list(self.seen)


def hook(s, url, **more):
    reply = s.post("/v1/webhooks", dict({"url": url}, **more))
    expect(reply.status == 201, reply)
    return reply.json


def deliveries(s, h):
    return s.get("/v1/webhooks/%s/deliveries" % h["id"]).json["deliveries"]


def until(ask, seconds=20):
    end = time.monotonic() + seconds
    while True:
        got = ask()
        if got:
            return got
        expect(time.monotonic() < end, "it did not come to that: %r" % (got,))
        time.sleep(0.02)


def make(s, key="live", **more):
    g = s.submit("puras/sketch", {"prompt": "a boat"}, key=key, **more)
    return s.wait(g, key=key)


def on_each(function):
    """On both stores; receivers may listen on any port of this machine."""
    for store in ("sqlite", "postgres"):
        def one(store=store):
            function(shared(store, "--allow-private", "127.0.0.1"))

        one.__name__ = "%s_on_%s" % (function.__name__, store)
        case(one)
    return function


@on_each
def told_and_signed(s):
    with Receiver() as r:
        h = hook(s, r.url)
        expect(h["secret"].startswith("whsec_") and len(base64.b64decode(h["secret"][6:])) == 32, h)
        g = make(s, metadata={"order": "17"})
        head, body, path = r.wait(1)[0]
        m = json.loads(body)
        equal((m["type"], m["data"]["id"], m["data"]["status"], path), ("generation.completed", g["id"], "completed", "/hook"))
        equal((m["data"]["billed_micros"], m["data"]["metadata"]), (g["billed_micros"], {"order": "17"}))
        expect(m["sequence"] >= 2 and m["timestamp"].endswith("Z"), m)
        expect(fits(h["secret"], head, body) and not fits(h["secret"], head, body + b" "), head)
        expect(abs(int(head["webhook-timestamp"]) - time.time()) < 10 and "." not in head["webhook-id"], head)
        equal(s.fetch(m["data"]["outputs"][0]["url"]).status, 200)
        row = until(lambda: [d for d in deliveries(s, h) if d["state"] == "delivered"])[0]
        equal((row["id"], row["attempts"], row["response_status"], row["generation_id"]), (head["webhook-id"], 1, 204, g["id"]))
        shown = s.get("/v1/webhooks").body + s.get("/v1/webhooks/" + h["id"]).body
        expect(h["secret"].encode() not in shown and h["secret"] not in s.log(), "the secret is shown")
        equal(s.call("DELETE", "/v1/webhooks/" + h["id"], key="live").status, 200)
        equal(s.get("/v1/webhooks/" + h["id"]).status, 404)
        make(s)
        equal(len(r.seen), 1)
    s.audit()


@on_each
def retried_until_it_is_taken(s):
    before = s.balance()
    with Receiver(500, (429, {"Retry-After": "1"})) as r:
        h = hook(s, r.url)
        g = make(s)
        r.wait(1)
        row = until(lambda: [d for d in deliveries(s, h) if d["attempts"] == 1])[0]
        equal((row["state"], row["response_status"], row["detail"]), ("waiting", 500, "It answered 500."))
        expect(b"secret" not in s.get("/v1/webhooks/%s/deliveries" % h["id"]).body, "the answer is shown")
        state = s.get("/v1/webhooks/" + h["id"]).json
        expect(state["failures"] == 1 and state["failing_since"] and state["next_at"], state)
        for attempt in (2, 3):  # by hand, without waiting for the back-off
            equal(s.post("/v1/webhooks/deliveries/%s/redeliver" % row["id"], {}).status, 200)
            seen = r.wait(attempt)
            until(lambda: deliveries(s, h)[0]["attempts"] == attempt)
        equal(len({head["webhook-id"] for head, _, _ in seen}), 1)
        expect(all(fits(h["secret"], head, body) for head, body, _ in seen), "a retry is not signed")
        equal(deliveries(s, h)[0]["state"], "delivered")
        expect(not s.get("/v1/webhooks/" + h["id"]).json["failing_since"], "it still counts as failing")
        equal(s.balance(), before - g["billed_micros"])
        s.call("DELETE", "/v1/webhooks/" + h["id"], key="live")
    s.audit()


@case
def retried_by_itself():
    with Server("--allow-private", "127.0.0.1") as s, Receiver(503) as r:
        h = hook(s, r.url)
        make(s)
        began = time.monotonic()
        r.wait(2, 15)
        expect(time.monotonic() - began > 4, "the second try came too soon")
        until(lambda: deliveries(s, h)[0]["state"] == "delivered")


@on_each
def gone_and_redirects(s):
    with Receiver() as other, Receiver(410) as r, Receiver((303, {"Location": other.url})) as moved, Receiver((307, {"Location": other.url})) as moved_too:
        h, m, n = hook(s, r.url), hook(s, moved.url), hook(s, moved_too.url)
        make(s)
        until(lambda: s.get("/v1/webhooks/" + h["id"]).json["state"] == "gone")
        equal(deliveries(s, h)[0]["state"], "failed")
        for x, status in ((m, 303), (n, 307)):
            row = until(lambda: [d for d in deliveries(s, x) if d["attempts"]])[0]
            equal((row["response_status"], row["state"]), (status, "waiting"))
        equal(other.seen, [])
        expect("webhook.off" in s.log(), "nothing was logged")
        told = s.cli("doctor")
        expect("%s is gone and is told nothing any more" % r.url in told and "puras webhooks enable %s" % h["id"] in told and "%s fails: " % moved.url in told, told)
        make(s)  # nothing more for the one that is gone
        equal(len(deliveries(s, h)), 1)
        equal(s.call("PATCH", "/v1/webhooks/" + h["id"], {"state": "enabled"}, key="live").status, 200)
        make(s)
        until(lambda: [d for d in deliveries(s, h) if d["state"] == "delivered"])
        for x in (h, m, n):
            s.call("DELETE", "/v1/webhooks/" + x["id"], key="live")


@case
def dead_after_five_days():
    with Server("--allow-private", "127.0.0.1") as s, Receiver(500, 500) as r:
        h = hook(s, r.url)
        m = s.post("/v1/webhooks/%s/test" % h["id"], {}).json["id"]
        until(lambda: deliveries(s, h)[0]["attempts"] == 1)
        s.stop()
        with sqlite3.connect(os.path.join(s.data, "puras.db")) as db:  # it has failed for as long as that
            equal(db.execute("update webhook set failing_since = failing_since - ? where id = ?", (5 * 86400 * 1000, h["id"])).rowcount, 1)
        s.start()
        told = s.cli("doctor")
        expect("%s fails: 1 times in a row" % r.url in told and "dead" not in told, told)
        equal(s.post("/v1/webhooks/deliveries/%s/redeliver" % m, {}).status, 200)
        state = until(lambda: [w for w in [s.get("/v1/webhooks/" + h["id"]).json] if w["state"] != "enabled"])[0]
        equal((state["state"], "five days" in state["detail"], deliveries(s, h)[0]["state"]), ("dead", True, "waiting"))
        told = s.cli("doctor")
        expect("%s is dead and is told nothing any more" % r.url in told and "puras webhooks enable %s" % h["id"] in told, told)
        expect('"state":"dead"' in s.log(), "nothing was logged")
        s.cli("webhooks", "enable", h["id"])
        equal(s.post("/v1/webhooks/deliveries/%s/redeliver" % m, {}).status, 200)
        until(lambda: deliveries(s, h)[0]["state"] == "delivered")
        expect(r.url not in s.cli("doctor"), "doctor still names it")


@on_each
def two_secrets_for_a_while(s):
    with Receiver() as r:
        h = hook(s, r.url)
        new = s.post("/v1/webhooks/%s/rotate" % h["id"], {}).json["secret"]
        expect(new != h["secret"], "the secret stayed")
        equal(s.post("/v1/webhooks/%s/test" % h["id"], {}).status, 200)
        head, body, _ = r.wait(1)[0]
        equal(json.loads(body)["type"], "webhook.test")
        expect(fits(h["secret"], head, body) and fits(new, head, body), head)
        newest = s.post("/v1/webhooks/%s/rotate" % h["id"], {"overlap_s": 0}).json["secret"]
        s.post("/v1/webhooks/%s/test" % h["id"], {})
        head, body, _ = r.wait(2)[1]
        expect(fits(newest, head, body) and not fits(new, head, body) and not fits(h["secret"], head, body), head)
        s.call("DELETE", "/v1/webhooks/" + h["id"], key="live")


@on_each
def events_and_books(s):
    with Receiver() as r:
        h = hook(s, r.url, events=["generation.cancelled"], books=["test"])
        make(s, key="test")
        with s.hold_renders():
            live, test = s.submit("puras/sketch", {"prompt": "x"}), s.submit("puras/sketch", {"prompt": "x"}, key="test")
            for g, key in ((live, "live"), (test, "test")):
                s.post("/v1/generations/%s/cancel" % g, {}, key=key)
        m = json.loads(r.wait(1)[0][1])
        equal((m["type"], m["data"]["id"], m["data"]["book"]), ("generation.cancelled", test, "test"))
        equal(len(deliveries(s, h)), 1)
        s.call("DELETE", "/v1/webhooks/" + h["id"], key="live")


def named_by_calls(s, port):
    return [h for h in s.get("/v1/webhooks").json["webhooks"] if h["url"].endswith(":%d" % port)]


@on_each
def a_call_names_whom_it_tells(s):
    secret = s.post("/v1/webhook-secret", {}).json["secret"]
    with Receiver() as r, Receiver() as own:
        h = hook(s, own.url)
        url = r.url + "?job=17&t=secret"
        g = make(s, webhook_url=url)
        head, body, path = r.wait(1)[0]
        m = json.loads(body)
        equal((m["type"], m["data"]["id"], path), ("generation.completed", g["id"], "/hook?job=17&t=secret"))
        expect(fits(secret, head, body) and not fits(h["secret"], head, body), head)
        equal((json.loads(own.wait(1)[0][1])["data"]["id"], s.get("/v1/generations/" + g["id"]).json["webhook_url"]), (g["id"], r.url))  # beside the project's own
        for shown in (body, own.seen[0][1], s.get("/v1/generations/" + g["id"]).body, s.get("/v1/generations").body, s.get("/v1/webhooks").body):
            expect(b"t=secret" not in shown and b"job=17" not in shown, shown)  # who has the query may speak for us
        expect(r.url.encode() not in own.seen[0][1], own.seen[0])
        make(s)
        equal((len(own.wait(2)), len(r.seen)), (2, 1))  # of that call alone
        test = make(s, key="test", webhook_url=url)
        equal(json.loads(r.wait(2)[1][1])["data"]["book"], test["book"])
        with s.hold_renders():
            ended = s.submit("puras/sketch", {"prompt": "x"}, webhook_url=url)
            s.post("/v1/generations/%s/cancel" % ended, {})
            equal(json.loads(r.wait(3)[2][1])["type"], "generation.cancelled")
        one = s.post("/v1/media/generate", {"model": "puras/sketch", "inputs": {"prompt": "x"}, "webhook_url": url}).json
        equal(json.loads(r.wait(4)[3][1])["data"]["id"], one["request_id"])
        # the server behind it: for each book one record with the history of all its calls, and no webhook of the project
        found = sorted(named_by_calls(s, r.port), key=lambda x: x["books"])
        equal([(x["url"], x["named_by_calls"], x["state"], x["books"]) for x in found], [("http://127.0.0.1:%d" % r.port, True, "enabled", [book]) for book in ("live", "test")])
        rows = until(lambda: [d for d in [deliveries(s, found[0])] if len(d) == 3 and all(x["state"] == "delivered" for x in d)])[0]
        equal({d["generation_id"] for d in rows}, {g["id"], ended, one["request_id"]})
        equal([d["generation_id"] for d in deliveries(s, found[1])], [test["id"]])
        equal(s.post("/v1/webhooks/deliveries/%s/redeliver" % head["webhook-id"], {}).status, 200)
        again = r.wait(5)[4]
        equal((again[0]["webhook-id"], again[2]), (head["webhook-id"], path))
        newer = s.post("/v1/webhook-secret", {}).json["secret"]
        make(s, webhook_url=url)
        head, body, _ = r.wait(6)[5]
        expect(newer != secret and fits(secret, head, body) and fits(newer, head, body), head)
        path = "/v1/webhooks/" + found[0]["id"]
        for method, tail, body, status in (("PATCH", "", {"url": r.url}, 400), ("PATCH", "", {"events": ["generation.late"]}, 400), ("POST", "/rotate", {}, 400), ("POST", "/test", {}, 409)):
            equal((tail, s.call(method, path + tail, body, key="live").status), (tail, status))
        for x in (h, *found):
            equal(s.call("DELETE", "/v1/webhooks/" + x["id"], key="live").status, 200)
        equal(named_by_calls(s, r.port), [])
    s.audit()


@on_each
def what_a_call_names_fails_by_itself(s):
    with Receiver(410, 500) as r:
        g = make(s, webhook_url=r.url + "/gone")
        row = until(lambda: [d for h in named_by_calls(s, r.port) for d in deliveries(s, h) if d["attempts"]])[0]
        h = named_by_calls(s, r.port)[0]
        equal((row["state"], row["response_status"], h["state"], h["failures"]), ("failed", 410, "enabled", 0))
        make(s, webhook_url=r.url + "/other")
        row = until(lambda: [d for d in deliveries(s, h) if d["response_status"] == 500])[0]
        equal(row["state"], "waiting")
        equal((s.post("/v1/webhooks/deliveries/%s/redeliver" % row["id"], {}).status, r.wait(3)[2][2]), (200, "/hook/other"))
        s.call("DELETE", "/v1/webhooks/" + h["id"], key="live")
        equal(s.get("/v1/generations/" + g["id"]).json["status"], "completed")


@on_each
def one_url_or_book_holds_up_no_other(s):
    with Receiver(500, 404, 404) as r:
        for count, (key, path) in enumerate((("test", "/down"), ("live", "/none"), ("live", "/none"), ("live", "/good")), 1):
            make(s, key=key, webhook_url=r.url + path)
            r.wait(count)
            until(lambda: sum(d["attempts"] for h in named_by_calls(s, r.port) for d in deliveries(s, h)) >= count)
            equal({h["books"][0]: h["failures"] for h in named_by_calls(s, r.port)}, {"test": 1, "live": 0} if count > 1 else {"test": 1})
        for h in named_by_calls(s, r.port):
            equal(sorted((d["state"], d["response_status"]) for d in deliveries(s, h)), [("waiting", 500)] if h["books"] == ["test"] else [("delivered", 204), ("waiting", 404), ("waiting", 404)])
            s.call("DELETE", "/v1/webhooks/" + h["id"], key="live")


@on_each
def what_waited_for_a_deleted_one_is_not_sent(s):
    with Receiver() as r:
        make(s, webhook_url=r.url + "/first")
        r.wait(1)
        h = named_by_calls(s, r.port)[0]
        equal(s.call("PATCH", "/v1/webhooks/" + h["id"], {"state": "disabled"}, key="live").status, 200)
        g = make(s, webhook_url=r.url + "/old")
        equal(s.call("DELETE", "/v1/webhooks/" + h["id"], key="live").status, 200)
        make(s, webhook_url=r.url + "/new")
        row = until(lambda: [d for d in deliveries(s, h) if d["generation_id"] == g["id"] and d["state"] != "waiting"])[0]
        equal((row["state"], row["attempts"], "deleted" in row["detail"], [path for _, _, path in r.wait(2)]), ("failed", 0, True, ["/hook/first", "/hook/new"]))
        equal(s.post("/v1/webhooks/deliveries/%s/redeliver" % row["id"], {}).status, 200)
        equal(r.wait(3)[2][2], "/hook/old")
        s.call("DELETE", "/v1/webhooks/" + h["id"], key="live")


@case
def a_call_may_not_name_everything():
    with Server() as s:
        before, call = s.balance(), {"model": "puras/sketch", "inputs": {"prompt": "x"}}
        for path in ("/v1/generations", "/v1/media/generate"):
            for url, word in (("http://example.com/h", "https"), ("https://127.0.0.1/x", "loopback"), ("https://[::ffff:10.0.0.1]/x", "public"), ("https://169.254.169.254/", "public"), ("https://a:b@example.com/", ""),
                              ("example.com", ""), ("https://" + "a" * 3000, ""), (7, "webhook_url")):
                reply = s.post(path, dict(call, webhook_url=url))
                equal((url, reply.status), (url, 400))
                expect(word in reply.json["detail"], (url, reply))
        equal((s.balance(), s.get("/v1/generations").json["generations"], s.get("/v1/webhooks").json["webhooks"]), (before, [], []))
        pub = s.post("/v1/keys", {"kind": "pub", "models": ["puras/sketch"], "origins": ["https://app.example"], "day_cap_usd": 1}, key="admin").json["key"]
        equal(s.call("POST", "/v1/generations", dict(call, webhook_url="https://example.com/h"), key=pub, headers={"Origin": "https://app.example"}).status, 403)
        first = s.call("POST", "/v1/generations", dict(call, webhook_url="https://example.com/h"), key="live", headers={"Idempotency-Key": "k"})
        equal(first.status, 202)
        equal(s.call("POST", "/v1/generations", dict(call, webhook_url="https://example.com/i"), key="live", headers={"Idempotency-Key": "k"}).status, 409)
        same = s.call("POST", "/v1/generations", dict(call, webhook_url="https://example.com/h"), key="live", headers={"Idempotency-Key": "k"})
        equal((same.status, same.json["id"], same.headers["Idempotent-Replayed"]), (202, first.json["id"], "true"))
        s.wait(first.json["id"])
        equal((s.call("POST", "/v1/webhook-secret", {}, key="test").status, s.post("/v1/webhook-secret", {"overlap_s": -1}).status), (403, 400))


@case
def a_book_names_so_many_servers():
    def name(s, host, key="live"):
        return s.post("/v1/generations", {"model": "puras/sketch", "inputs": {"prompt": "x"}, "webhook_url": "https://%s.example.com/h" % host}, key=key)

    with Server("--allow-private", "127.0.0.1") as s, Receiver(500) as r:
        with s.hold_renders():  # so that none of them is told
            for i in range(63):
                equal(name(s, "h%d" % i).status, 202)
            last = s.submit("puras/sketch", {"prompt": "x"}, webhook_url=r.url)
            s.post("/v1/generations/%s/cancel" % last, {})
            before = (s.balance(), len(s.get("/v1/generations?limit=200").json["generations"]))
            refused = name(s, "more")
            equal((refused.status, refused.json["code"], refused.json["charged_micros"], "64" in refused.json["detail"]), (409, "conflict", 0, True))
            equal((s.balance(), len(s.get("/v1/generations?limit=200").json["generations"])), before)
            equal((name(s, "h7").status, name(s, "more", key="test").status), (202, 202))  # known; of the other book
            listed = s.get("/v1/webhooks").json["webhooks"]
            equal(len(listed), 65)
            until(lambda: named_by_calls(s, r.port)[0]["failures"])
            expect("%s fails: 1 times" % r.url[:-len("/hook")] in s.cli("doctor"), "doctor does not see the last of them")
            s.call("DELETE", "/v1/webhooks/" + [h["id"] for h in listed if "//h9." in h["url"]][0], key="live")
            equal((name(s, "more").status, name(s, "h9").status), (202, 409))


@case
def one_book_leaves_room_for_others():
    with Server("--allow-private", "127.0.0.1") as s, Receiver() as r:
        slow = [Receiver(*["hold"] * 4) for _ in range(17)]
        try:
            h = hook(s, r.url)
            with s.hold_renders():
                for _ in range(4):
                    for one in slow:
                        s.post("/v1/generations/%s/cancel" % s.submit("puras/sketch", {"prompt": "x"}, key="test", webhook_url=one.url), {}, key="test")
            until(lambda: sum(len(one.seen) for one in slow) >= 64)
            s.post("/v1/webhooks/%s/test" % h["id"], {})
            r.wait(1)
            equal(sum(len(one.seen) for one in slow), 64)
            for one in slow:
                one.release.set()
            until(lambda: sum(len(one.seen) for one in slow) == 68)
        finally:
            for one in slow:
                one.__exit__()


@on_each
def a_dead_one_delays_nobody(s):
    other = s.call("POST", "/v1/projects", {"name": "other"}, key="admin").json["id"]
    key = s.call("POST", "/v1/keys", {"project": other, "kind": "live"}, key="admin").json["key"]
    s.call("POST", "/v1/top-up", {"usd": 1, "project": other}, key="admin")
    with Receiver(*["hold"] * 50) as dead, Receiver() as r:
        h, quick = hook(s, dead.url), None
        for _ in range(6):
            make(s)
        dead.wait(4)
        reply = s.post("/v1/webhooks", {"url": r.url}, key=key)
        equal(reply.status, 201)
        began = time.monotonic()
        g = s.wait(s.submit("puras/sketch", {"prompt": "x"}, key=key), key=key)
        equal(json.loads(r.wait(1)[0][1])["data"]["id"], g["id"])
        expect(time.monotonic() - began < 5, "it waited for the other project's")
        equal(dead.most, 4)
        equal(s.get("/v1/webhooks/" + h["id"], key=key).status, 404)  # another project's
        equal(s.post("/v1/webhooks/deliveries/%s/redeliver" % deliveries(s, h)[0]["id"], {}, key=key).status, 404)
        s.call("DELETE", "/v1/webhooks/" + h["id"], key="live")


@case
def from_a_shell():
    with Server("--allow-private", "127.0.0.1") as s, Receiver(500) as r:
        words = s.cli("webhooks", "add", r.url).split()
        h, secret = words[1], words[3]
        expect(words[0] == "added" and secret.startswith("whsec_"), words)
        m = s.cli("webhooks", "test", h).split()[1]
        until(lambda: "500" in s.cli("webhooks", "history", h))
        s.cli("webhooks", "redeliver", m)
        until(lambda: "delivered" in s.cli("webhooks", "history", h))
        expect(r.url in s.cli("webhooks") and secret not in s.cli("webhooks", "--json"), "listed otherwise")
        expect("whsec_" in s.cli("webhooks", "rotate", h), "no new secret")
        s.cli("webhooks", "disable", h)
        expect("disabled" in s.cli("webhooks"), "not disabled")
        s.cli("webhooks", "test", h, status=2)
        s.cli("webhooks", "enable", h)
        s.cli("webhooks", "rm", h)
        s.cli("webhooks", "rm", h, status=3)
        s.cli("webhooks", "rm", status=2)
        secret = s.cli("webhooks", "secret").split()[1]
        r.answers[:] = []
        seen = len(r.seen)
        s.cli("run", "puras/sketch", "prompt=x", "--webhook-url", r.url + "/mine")
        head, body, path = r.wait(seen + 1)[seen]
        expect(path == "/hook/mine" and fits(secret, head, body), (path, head))
        make(s, key="test", webhook_url=r.url)
        equal(sorted(line.split()[1:4] for line in s.cli("webhooks").splitlines() if "http" in line), [[r.url[:-len("/hook")], book, "enabled"] for book in ("live", "test")])


@case
def the_receivers_of_the_docs():
    text = open(os.path.join(TOP, "docs", "WEBHOOKS.md"), encoding="utf-8").read()
    with Server("--allow-private", "127.0.0.1") as s:
        for language, program in (("python", "python3"), ("js", "node")):
            source = text.split("```%s\n" % language)[1].split("```")[0]
            with socket.socket() as free:
                free.bind(("127.0.0.1", 0))
                port = free.getsockname()[1]
            h = hook(s, "http://127.0.0.1:%d/" % port)
            for secret, status in ((h["secret"], 204), ("whsec_" + base64.b64encode(b"x" * 32).decode(), 401)):
                child = subprocess.Popen([program, "-c" if language == "python" else "-e", source], env=dict(os.environ, WEBHOOK_SECRET=secret, PORT=str(port)), stdout=subprocess.PIPE)
                try:
                    until(lambda: listens(port))
                    m = s.post("/v1/webhooks/%s/test" % h["id"], {}).json["id"]
                    row = until(lambda: [d for d in deliveries(s, h) if d["id"] == m and d["attempts"]])[0]
                    equal(row["response_status"], status)
                    if status == 204:
                        equal(child.stdout.readline().decode().split(), ["webhook.test", m])
                finally:
                    child.kill()
                    child.wait()


def listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@case
def refused():
    with Server() as s:
        for url, status, words in (("http://example.com/hook", 400, "https"), ("https://127.0.0.1/x", 400, "loopback"), ("https://[::1]/x", 400, "loopback"), ("https://10.0.0.1/", 400, "private"),
                                   ("https://169.254.169.254/latest", 400, "public addresses"), ("https://2130706433/", 400, ""), ("https://a:b@example.com/", 400, ""), ("ftp://example.com/", 400, ""),
                                   ("example.com", 400, ""), ("", 400, "empty"), ("https://" + "a" * 9000, 400, "longer")):
            reply = s.post("/v1/webhooks", {"url": url})
            equal(reply.status, status)
            expect(words in reply.json["detail"], (url, reply))
        for body in ({"url": "https://example.com/", "events": ["nothing"]}, {"url": "https://example.com/", "books": ["x"]}, {"url": 7}, {}, {"url": "https://example.com/", "else": 1}, {"url": "https://example.com/", "events": "x"}):
            equal(s.post("/v1/webhooks", body).status, 400)
        for method, path in (("GET", "/v1/webhooks/x"), ("PATCH", "/v1/webhooks/x"), ("DELETE", "/v1/webhooks/x"), ("POST", "/v1/webhooks/x/rotate"), ("POST", "/v1/webhooks/x/test"),
                             ("GET", "/v1/webhooks/x/deliveries"), ("POST", "/v1/webhooks/deliveries/x/redeliver")):
            equal(s.call(method, path, {"state": "disabled"} if method == "PATCH" else None if method == "GET" else {}, key="live").status, 404)
            equal(s.call(method, path, key="test").status, 403)
            equal(s.call(method, path).status, 401)
        for i in range(8):
            hook(s, "https://example.com/%d" % i)
        equal(s.post("/v1/webhooks", {"url": "https://example.com/9"}).status, 409)
        # a name that leads to this machine: known when it is sent, and refused then
        first = s.get("/v1/webhooks").json["webhooks"][0]
        equal(s.call("PATCH", "/v1/webhooks/" + first["id"], {"url": "https://localhost:9/"}, key="live").status, 200)
        s.post("/v1/webhooks/%s/test" % first["id"], {})
        row = until(lambda: [d for d in deliveries(s, first) if d["attempts"]])[0]
        expect(row["response_status"] is None and "loopback" in row["detail"], row)


@case
def killed_between_the_steps():
    with Server("--allow-private", "127.0.0.1") as s:
        with socket.socket() as closed:
            closed.bind(("127.0.0.1", 0))
            port = closed.getsockname()[1]
        h = hook(s, "http://127.0.0.1:%d/" % port)
        g = make(s)  # committed; nobody listens
        until(lambda: deliveries(s, h) and deliveries(s, h)[0]["attempts"] == 1)
        s.kill9()
        with Receiver("hold", port=port) as r:
            s.start()
            s.post("/v1/webhooks/deliveries/%s/redeliver" % deliveries(s, h)[0]["id"], {})
            r.wait(1, 60)
            s.kill9()  # delivered, and not noted
            r.release.set()
            s.start()
            seen = r.wait(2, 90)
            equal(len({head["webhook-id"] for head, _, _ in seen}), 1)
            equal({json.loads(body)["data"]["id"] for _, body, _ in seen}, {g["id"]})
            until(lambda: deliveries(s, h)[0]["state"] == "delivered")
        s.audit()


run()
