#!/usr/bin/env python3
"""Provider keys, pauses and routes as an operator sees them: keys are set, sealed, shown to nobody and followed by every node; a call that has no way
says which command opens one; a new master key seals all of them anew."""
import contextlib
import os
import shutil
import subprocess
import tempfile
import time

from harness import PURAS, Server, Unmoved, case, equal, expect, pg_database, refusal, run

DESCRIPTION = """provider: {name}
title: The {name} service
base: https://{name}.invalid
status: {status}
{more}auth: {{scheme: {scheme}}}
key: {{env: SPEC_{upper}_KEY, about: a key of {name}}}
protocol: sync
submit: {{path: /run}}
outputs: {{files: url}}
"""
MODEL = """slug: studio/{name}
kind: image
title: {name}
{more}inputs:
  prompt: {{type: text, default: x}}
  n: {{type: int, default: 1, min: 1, max: 4}}
price: {{unit: call, rate_table: [{{micros: 20000}}]}}
routes: [{routes}]
"""
SECRET = "sk-spec-0123456789abcdef"


def studio(folder):
    """A folder of models whose providers are of every sort."""
    os.makedirs(os.path.join(folder, "providers"))
    for name, status, more, scheme in [("acme", "documented", "", "bearer"), ("bolt", "verified", "", "bearer"), ("rough", "guess", "", "bearer"),
                                       ("late", "documented", "sunset: 2026-01-01\n", "bearer"), ("soon", "documented", "sunset: %s\n" % time.strftime("%Y-%m-%d", time.gmtime(time.time() + 864000)), "none")]:
        with open(os.path.join(folder, "providers", name + ".yaml"), "w") as f:
            f.write(DESCRIPTION.format(name=name, status=status, more=more, scheme=scheme, upper=name.upper()))
    for name, more, routes in [("pair", "", "{provider: acme, model: a1}, {provider: bolt, model: b1}"), ("rough", "", "{provider: rough, model: r1}"), ("late", "", "{provider: late, model: l1}"),
                               ("none", "", ""), ("ended", "ended: 2026-10-22\nsuccessor: studio/pair\n", ""), ("single", "", "{provider: acme, model: a2, when: {n: 1}}")]:
        with open(os.path.join(folder, name + ".yaml"), "w") as f:
            f.write(MODEL.format(name=name, more=more, routes=routes))
    return folder


def generate(s, name, key="live", **inputs):
    return s.post("/v1/generations", {"model": "studio/" + name, "inputs": inputs}, key=key)


def row(s, name):
    return next(p for p in s.get("/v1/providers", key="admin").json["providers"] if p["name"] == name)


def set_key_status(s, name, value):
    """The command line, the key on its standard input: exit status and what it printed."""
    p = subprocess.run([PURAS, "providers", "set-key", name], input=value, capture_output=True, text=True, timeout=60,
                       env=dict(os.environ, PURAS_API_BASE="http://127.0.0.1:%d" % s.port, PURAS_API_KEY=s.admin))
    expect(SECRET not in p.stdout + p.stderr, p)
    return p.returncode, p.stdout + p.stderr


def set_key(s, name, value):
    status, text = set_key_status(s, name, value)
    equal((status, text), (0, "the key for %s is stored\n" % name))


def every_refusal_names_the_way(s):
    with Unmoved(s):
        body = refusal(generate(s, "pair"), 503, "no_provider_key")
        expect("puras providers set-key acme" in body["detail"] and "SPEC_ACME_KEY" in body["detail"] and "Nothing was charged" in body["detail"], body)
        for name, words in [("none", "nothing here can run it"), ("rough", "a test key does"), ("late", "has ended the interface"), ("ended", "studio/pair takes its place")]:
            body = refusal(generate(s, name), 503, "no_route")
            expect(words in body["detail"] and "Nothing was charged" in body["detail"], body)
    listed = {m["slug"]: m["enabled"] for m in s.get("/v1/models").json["models"]}
    equal([listed["studio/" + n] for n in ("pair", "rough", "late", "none", "ended", "single")], [True, False, False, False, False, True])


@case
def a_call_without_a_way_says_what_opens_one():
    with tempfile.TemporaryDirectory() as folder, Server("--catalog", studio(os.path.join(folder, "c"))) as s:
        every_refusal_names_the_way(s)
        set_key(s, "acme", SECRET)
        refusal(generate(s, "single", n=2), 503, "no_route")
        expect("puras providers set-key rough" not in s.log(), "")


@case
def keys_are_kept_sealed_and_shown_to_nobody():
    with tempfile.TemporaryDirectory() as folder, Server("--catalog", studio(os.path.join(folder, "c"))) as s:
        set_key(s, "acme", SECRET + "\n")
        equal(row(s, "acme")["key"], "set")
        status, text = set_key_status(s, "nobody", SECRET)
        expect(status and "describes no provider nobody" in text, text)
        for value in ("", "\n", "two words", "a\nb"):
            expect(set_key_status(s, "acme", value)[0], value)
        equal(row(s, "acme")["key"], "set")
        for key in ("live", "test"):
            for method, path, body in [("GET", "/v1/providers", None), ("PUT", "/v1/providers/acme/key", {"key": "x"}), ("DELETE", "/v1/providers/acme/key", None),
                                       ("PUT", "/v1/pauses", {"provider": "acme", "paused": True})]:
                equal(s.call(method, path, body, key=key).status, 403)
        seen = s.get("/v1/providers", key="admin").body.decode() + s.get("/metrics", key=None).body.decode() + s.get("/readyz", key=None).body.decode() + s.cli("providers", key="admin")
        expect(SECRET not in seen and SECRET not in s.log(), "the key was shown")
        s.restart()
        equal(row(s, "acme")["key"], "set")
        s.stop()
        for name in os.listdir(s.data):
            path = os.path.join(s.data, name)
            if os.path.isfile(path):
                with open(path, "rb") as f:
                    expect(SECRET.encode() not in f.read(), name)
        s.start()
        expect("forgotten" in s.cli("providers", "unset-key", "acme", key="admin"), "")
        equal((row(s, "acme")["key"], row(s, "acme")["key_set_at"]), ("missing", None))
        refusal(s.call("DELETE", "/v1/providers/acme/key", key="admin"), 404, "not_found")
        refusal(generate(s, "pair"), 503, "no_provider_key")
        expect(s.audit(), "")


@case
def the_environment_counts_where_nothing_is_set():
    with tempfile.TemporaryDirectory() as folder, Server("--catalog", studio(os.path.join(folder, "c")), env={"SPEC_ACME_KEY": SECRET}) as s:
        equal((row(s, "acme")["key"], row(s, "bolt")["key"], row(s, "soon")["key"]), ("environment", "missing", "not_needed"))
        set_key(s, "acme", "another")
        equal(row(s, "acme")["key"], "set")
        s.cli("providers", "unset-key", "acme", key="admin")
        equal(row(s, "acme")["key"], "environment")
        equal(s.cli("provider", "status", key="admin"), s.cli("providers", key="admin"))
        expect("from SPEC_ACME_KEY" in s.cli("providers", key="admin") and SECRET not in s.cli("providers", key="admin"), "")
        doctor = s.cli("doctor", key="admin")
        expect("no key for" in doctor and "bolt (1)" in doctor and "acme" not in doctor.split("no key for")[1].split("\n")[0], doctor)
        warnings = " ".join(s.get("/readyz", key=None).json["warnings"])
        expect("soon" in warnings and "30 days" in warnings and "late" in warnings and "acme" not in warnings, warnings)


@case
def pauses_outlive_a_restart_and_end():
    with tempfile.TemporaryDirectory() as folder, Server("--catalog", studio(os.path.join(folder, "c"))) as s:
        set_key(s, "acme", SECRET)
        s.cli("providers", "pause", "acme", key="admin")
        refusal(generate(s, "pair"), 503, "no_provider_key")  # its other way
        s.cli("providers", "pause", "studio/pair", key="admin")
        s.restart()
        body = refusal(generate(s, "pair"), 503, "no_route")
        expect("has paused" in body["detail"], body)
        equal((body["retry"], body["retry_after_s"]), ("after", 60))
        expect(row(s, "acme")["paused"] and not row(s, "bolt")["paused"], "")
        equal(s.get("/v1/providers", key="admin").json["paused_models"], ["studio/pair"])
        expect("paused: studio/pair" in s.cli("providers", key="admin"), "")
        s.cli("providers", "resume", "studio/pair", key="admin")
        s.cli("providers", "resume", "acme", key="admin")
        expect(not row(s, "acme")["paused"] and s.get("/v1/providers", key="admin").json["paused_models"] == [], "")
        for body, status in [({"provider": "nobody", "paused": True}, 404), ({"model": "no/such", "paused": True}, 404), ({"paused": True}, 400),
                             ({"provider": "acme", "model": "studio/pair", "paused": True}, 400), ({"provider": "acme"}, 400)]:
            equal(s.call("PUT", "/v1/pauses", body, key="admin").status, status)


@case
def other_nodes_follow_within_a_second():
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        database, catalog, master = pg_database(), studio(os.path.join(folder, "c")), os.path.join(folder, "master")
        with open(master, "w") as f:
            f.write("ab" * 32)
        env = {"PURAS_MASTER_KEY_FILE": master}
        with Server("--catalog", catalog, database=database, env=env) as a:
            second = os.path.join(folder, "second")
            os.makedirs(second, mode=0o700)
            shutil.copy(os.path.join(a.data, "credentials.json"), second)
            b = stack.enter_context(Server("--catalog", catalog, data=second, database=database, env=env))
            began = time.monotonic()
            a.call("PUT", "/v1/providers/acme/key", {"key": SECRET}, key="admin")
            a.call("PUT", "/v1/pauses", {"provider": "bolt", "paused": True}, key="admin")
            while not (row(b, "acme")["key"] == "set" and row(b, "bolt")["paused"]):
                expect(time.monotonic() - began < 10, "the other node never learnt of it")
            expect(time.monotonic() - began < 3, time.monotonic() - began)  # a second, on a machine that does other things too


@case
def a_new_master_key_seals_all_anew():
    with tempfile.TemporaryDirectory() as folder:
        catalog, old, new = studio(os.path.join(folder, "c")), os.path.join(folder, "old"), os.path.join(folder, "new")
        for path, text in ((old, "11" * 32), (new, "22" * 32)):
            with open(path, "w") as f:
                f.write(text)
        with Server("--catalog", catalog, env={"PURAS_MASTER_KEY_FILE": old}) as s:
            s.call("PUT", "/v1/providers/acme/key", {"key": SECRET}, key="admin")
            s.call("PUT", "/v1/secrets", {"name": "TOKEN", "value": SECRET}, key="live")
            s.stop()
            s.env["PURAS_MASTER_KEY_FILE"] = new
            s.start()
            equal(row(s, "acme")["key"], "unreadable")
            expect("no_provider_key" in generate(s, "pair").body.decode(), "")
            s.stop()
            s.args += ["--old-master-key", old]
            s.start()
            equal(row(s, "acme")["key"], "set")
            while '"vault.resealed"' not in s.log():
                time.sleep(0.02)
            expect('"vault.resealed","count":2' in s.log().replace(" ", ""), s.log()[-600:])
            s.stop()
            s.args = s.args[:-2]
            s.start()
            equal(row(s, "acme")["key"], "set")
            s.stop()
            s.args += ["--old-master-key", os.path.join(folder, "nothing")]
            try:
                s.start()
            except AssertionError:
                pass  # where the process was gone already when the harness looked
            expect(s.process.wait(20) != 0 and "--old-master-key names" in s.log(), s.log())


@case
def a_base_of_ones_own_is_told():
    with tempfile.TemporaryDirectory() as folder:
        catalog = studio(os.path.join(folder, "c"))
        with Server("--catalog", catalog, "--provider-base", "acme=http://127.0.0.1:9/acme") as s:
            equal(row(s, "acme")["base"], "http://127.0.0.1:9/acme")
            expect(any("acme" in w and "http://127.0.0.1:9/acme" in w for w in s.get("/readyz", key=None).json["warnings"]), "")
            expect("--provider-base" in s.cli("doctor"), "")
        for word in ("nobody=http://127.0.0.1:9", "acme=nonsense", "acme", "=http://127.0.0.1:9"):
            try:
                with Server("--catalog", catalog, "--provider-base", word):
                    raise RuntimeError(word)
            except AssertionError as e:
                expect("did not start" in str(e), e)


run()
