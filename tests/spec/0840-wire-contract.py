#!/usr/bin/env python3
"""Programs with the product's own older client: a client written from the table of what it sends and reads, and nothing else. It knows a
service token, sends no Authorization and no Idempotency-Key, follows no redirect on POST, retries nothing, and returns what it reads."""
import json
import socket
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

from harness import Server, Unmoved, case, equal, expect, refusal, run, shared

SMALL = {"prompt": "two red boats", "size": "64x64"}


class OldClient:
    """PURAS_API_BASE, PURAS_SERVICE_TOKEN, PURAS_WORKSPACE_ID or PURAS_PROJECT_ID, PURAS_JOB_ID."""

    def __init__(self, base, token, tenant=("workspace_id", None), job=None):
        self.base, self.token, self.tenant, self.job = base.rstrip("/"), token, tenant, job

    def post(self, path, body, timeout=600):
        request = urllib.request.Request(self.base + path, json.dumps(body).encode(),
                                         {"X-Puras-Service-Token": self.token, "Content-Type": "application/json"}, method="POST")
        try:
            with urllib.request.urlopen(request, timeout=timeout) as reply:
                return json.loads(reply.read())
        except urllib.error.HTTPError as error:
            raise RuntimeError("%d %s" % (error.code, error.read().decode()[:500])) from None

    def body(self, model, inputs, **more):
        body = {"job_id": self.job, "model": model, "inputs": inputs, "output_path": None, "output_url_path": None, "kind": "auto"}
        if self.tenant[1] is not None:
            body[self.tenant[0]] = self.tenant[1]
        return dict(body, **more)

    def run(self, model, inputs=None, **kwargs):
        """media.run of the era with one verb: every key of the answer is indexed by user code."""
        options = {k: kwargs.pop(k) for k in ("output_path", "output_url_path", "kind", "persist") if k in kwargs}
        made = self.post("/v1/media/generate", self.body(model, dict(inputs or {}, **kwargs), **options))
        for key in ("model", "kind", "drive_path", "output_url", "request_id", "billed_micros", "billed_usd", "meta"):
            made[key]
        made["meta"]["metrics"]
        return made

    def generate(self, verb, model, inputs):
        """The newer verbs: persist false, and the client fetches output_url itself and takes it out of the answer."""
        made = self.post("/v1/media/generate", self.body(model, inputs, verb=verb, persist=False))
        url, content = made.pop("output_url"), b""
        if url and made["drive_path"]:
            with urllib.request.urlopen(url, timeout=300) as reply:
                content = reply.read()
        return made, content

    def sign(self, path, ttl=3600):
        return self.post("/v1/drive/sign", {"workspace_id": self.tenant[1], "path": path, "ttl": ttl}, 30)


def token(s, status=201, key="live", **body):
    reply = s.post("/v1/service-tokens", body, key=key)
    expect(reply.status == status, reply)
    return reply.json


def client(s, job="job-1", **more):
    made = token(s, job_id=job)
    return OldClient(s.url, made["token"], ("workspace_id", made["workspace_id"]), job, **more)


@case
def a_token_names_job_project_and_end():
    s = shared("sqlite")
    made = token(s, job_id="job-1", ttl_s=60)
    expect(made["token"].startswith("puras_svc_v1.") and made["job_id"] == "job-1" and made["project_id"] == made["workspace_id"], made)
    equal(s.call("GET", "/v1/balance", headers={"X-Puras-Service-Token": made["token"]}).json["book"], "live")
    equal(s.call("GET", "/v1/balance", headers={"X-Puras-Service-Token": token(s, key="test")["token"]}).json["book"], "test")
    narrow = token(s, scopes=["read:balance"])["token"]
    equal(s.call("GET", "/v1/balance", headers={"X-Puras-Service-Token": narrow}).status, 200)
    refusal(s.call("POST", "/v1/media/generate", {"model": "puras/sketch", "inputs": SMALL}, headers={"X-Puras-Service-Token": narrow}), 403, "forbidden")
    own = {"X-Puras-Service-Token": made["token"]}
    refusal(s.call("POST", "/v1/service-tokens", {}, headers=own), 403, "forbidden")
    refusal(s.call("GET", "/v1/balance", headers=dict(own, Origin="https://a.example")), 403, "forbidden")
    for body in ({"ttl_s": 59}, {"ttl_s": 86401}, {"job_id": "a b"}, {"job_id": "-"}, {"job_id": "j" * 65}, {"scopes": ["all"]}, {"jobs": 1}):
        refusal(s.post("/v1/service-tokens", body), 400, "invalid_argument")
    for bad in ("", "puras_svc_", made["token"][:-1], made["token"][:-1] + ("A" if made["token"][-1] != "A" else "B"), "puras_svc_v1.AAAA.AAAA", "svc"):
        refusal(s.call("GET", "/v1/balance", headers={"X-Puras-Service-Token": bad}), 401, "unauthenticated")
    key = s.post("/v1/keys", {"kind": "live"}, key="admin").json
    child = s.post("/v1/service-tokens", {}, key=key["key"]).json["token"]
    s.call("DELETE", "/v1/keys/" + key["prefix"], key="admin")
    refusal(s.call("GET", "/v1/balance", headers={"X-Puras-Service-Token": child}), 401, "unauthenticated")  # it ends with its key


@case
def the_tenant_under_either_name_or_none():
    s = shared("sqlite")
    c = client(s)
    for tenant in (("workspace_id", c.tenant[1]), ("project_id", c.tenant[1]), ("workspace_id", None)):
        c.tenant = tenant
        equal(c.run("puras/sketch", SMALL)["billed_micros"], 10000)
    with Unmoved(s):
        for body in (c.body("puras/sketch", SMALL, project_id="other"), c.body("puras/sketch", SMALL, workspace_id="other"), c.body("puras/sketch", SMALL, job_id="job-2")):
            try:
                c.post("/v1/media/generate", body)
                raise AssertionError("a foreign id was taken")
            except RuntimeError as error:
                expect(str(error).startswith('403 {"detail":"'), error)
    c.job = None
    equal(c.run("puras/sketch", dict(SMALL, seed=5))["kind"], "image")


@case
def keywords_paths_and_persist():
    s = shared("sqlite")
    c = client(s)
    made = c.run("puras/sketch", {"prompt": "x", "size": "64x64"}, prompt="two red boats", output_path="/renders/a.png", persist=True)
    equal(made["drive_path"], "renders/a.png")
    equal(s.get("/v1/generations/" + made["request_id"]).json["inputs"]["prompt"], "two red boats")
    default = c.run("puras/sketch", SMALL)
    equal((default["drive_path"], len(default["request_id"])), ("media/%s.png" % default["request_id"], 32))
    verb, content = c.generate("image", "puras/sketch", SMALL)
    equal((content[:4], "output_url" in verb, verb["meta"]["content_type"], verb["meta"]["width"]), (b"\x89PNG", False, "image/png", 64))
    equal(s.get("/v1/drive/files/" + verb["drive_path"]).body, content)  # stored here before the client fetched it
    film, content = c.generate("video", "puras/motion-t2v", {"prompt": "a boat", "duration": 1, "resolution": "360p"})
    equal((film["meta"]["duration_ms"], film["meta"]["size"]), (1000, len(content)))


@case
def signing_and_balance():
    s = shared("sqlite")
    c = client(s)
    made = c.run("puras/sketch", SMALL, output_path="s.png")
    for path in ("s.png", c.tenant[1] + "/s.png"):
        signed = c.sign(path, 30)
        equal((signed["expires_in"], urllib.request.urlopen(signed["signed_url"]).read(4)), (30, b"\x89PNG"))
    balance = s.get("/v1/billing/balance").json
    equal((balance["workspace_id"], isinstance(balance["balance_usd"], (int, float))), (c.tenant[1], True))
    equal(s.get("/health", key=None).status, 200)
    expect(made["output_url"].startswith(s.url), made)


@case
def errors_begin_with_the_sentence():
    c = client(shared("sqlite"))
    for model, inputs in (("no/such", {}), ("puras/sketch", {"prompt": "x", "size": "big"})):
        try:
            c.run(model, inputs)
            raise AssertionError("it was taken")
        except RuntimeError as error:
            head = str(error).split(" ", 1)[1]
            expect(head.startswith('{"detail":"') and '","code":"' in head, error)  # within the 500 characters that are kept


def begin(s, c, body):
    """Sends the call and hangs up as soon as the server works on it."""
    text = json.dumps(body).encode()
    with socket.create_connection(("127.0.0.1", s.port)) as sock:
        sock.sendall(b"POST /v1/media/generate HTTP/1.1\r\nHost: x\r\nX-Puras-Service-Token: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (c.token.encode(), len(text), text))
        while not s.get("/v1/generations?state=processing").json["generations"]:
            time.sleep(0.01)


@case
def a_lost_answer_is_delivered_to_the_same_call_once():
    with Server() as s:
        c = client(s)
        body = c.body("puras/sketch", SMALL)
        before = s.balance()
        with s.hold_renders():
            begin(s, c, body)
        while s.get("/v1/generations?state=processing").json["generations"]:
            time.sleep(0.01)
        other = client(s, job="job-2")
        equal(other.post("/v1/media/generate", other.body("puras/sketch", SMALL))["billed_micros"], 10000)  # another job's call is its own
        first = c.post("/v1/media/generate", body)
        equal(before - s.balance(), 20000)  # what was lost is handed over, not made again
        second = c.post("/v1/media/generate", body)
        expect(first["request_id"] != second["request_id"], "a delivered answer is no repeat")
        equal(before - s.balance(), 30000)
        with s.hold_renders():
            begin(s, c, body)
            s.kill9()  # and a crash in between changes nothing of it
        s.start()
        third = c.post("/v1/media/generate", body)
        equal(before - s.balance(), 40000)
        expect(third["request_id"] not in (first["request_id"], second["request_id"]), third)
        s.audit()


@case
def a_call_that_is_still_running_is_taken_up_again():
    with Server() as s:
        c = client(s)
        body = c.body("puras/sketch", SMALL)
        before, answers = s.balance(), []
        with s.hold_renders():
            begin(s, c, body)
            again = threading.Thread(target=lambda: answers.append(c.post("/v1/media/generate", body)))
            again.start()
            time.sleep(0.2)
        again.join(30)
        equal((len(answers), before - s.balance()), (1, 10000))


@case
def clients_that_count_their_repeats_are_told_from_new_calls():
    s = shared("sqlite")
    call = {"model": "puras/sketch", "prompt": "counted", "size": "64x64", "response_format": "url"}

    def post(count):
        return s.post("/v1/images/generations", call, headers={"X-Stainless-Retry-Count": str(count)}).json["generation_id"]

    first, second = post(0), post(0)
    expect(first != second, "two wishes are two calls")
    with Server() as own:
        before = own.balance()
        text = json.dumps(call).encode()
        with own.hold_renders():
            with socket.create_connection(("127.0.0.1", own.port)) as sock:
                sock.sendall(b"POST /v1/images/generations HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nX-Stainless-Retry-Count: 0\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
                             % (own.live.encode(), len(text), text))
                while not own.get("/v1/generations?state=processing").json["generations"]:
                    time.sleep(0.01)
        reply = own.post("/v1/images/generations", call, headers={"X-Stainless-Retry-Count": "1"})
        equal((reply.status, before - own.balance()), (200, 10000))


run()
