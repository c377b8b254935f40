#!/usr/bin/env python3
"""The Python package against the real server, and against a double where the server would have to be slow, broken or of another age."""
import glob
import http.server
import io
import json
import os
import shutil
import stat
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from harness import TOP, Server, Unmoved, case, equal, expect, run, shared

sys.path.insert(0, os.path.join(TOP, "python"))
os.environ["PURAS_CONFIG"] = os.path.join(tempfile.mkdtemp(prefix="puras-config-"), "config.json")
import puras  # noqa: E402
from puras import Client, drive, load_bytes, load_path, media, secret  # noqa: E402

SMALL = {"prompt": "two red boats", "size": "64x64"}
KEYS = {"model", "kind", "drive_path", "output_url", "request_id", "billed_micros", "billed_usd", "meta"}


def at(server, key=None):
    """The environment as a program outside of a job has it."""
    for name in list(os.environ):
        if name.startswith("PURAS_") and name not in ("PURAS_BUILD", "PURAS_TEST_PG", "PURAS_CONFIG", "PURAS_RUN_INNER"):
            del os.environ[name]
    os.environ.update(PURAS_API_BASE=server.url, PURAS_API_KEY=key or server.live)
    return server


def fails(kind, function, *args, **kwargs):
    try:
        function(*args, **kwargs)
    except kind as error:
        return error
    raise AssertionError("%s was expected of %r %r" % (kind.__name__, args, kwargs))


class Double:
    """A server of another age or in trouble: each answer is (status, body), None to close the connection without one, or a function of the request."""

    def __init__(self, *answers):
        self.seen, self.answers = [], list(answers)
        double = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def any(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                double.seen.append((self.command, self.path, dict(self.headers), json.loads(body) if body else None))
                answer = double.answers.pop(0) if double.answers else (500, {"detail": "no more answers"})
                if answer is None:
                    self.close_connection = True
                    return
                content = json.dumps(answer[1]).encode()
                self.send_response(answer[0])
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = do_PUT = any

            def log_message(self, *args):
                pass

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = "http://127.0.0.1:%d" % self.http.server_port
        self.live = "puras_live_abcdefgh." + "0" * 32
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def keys(self):
        return [headers.get("Idempotency-Key") for _, path, headers, _ in self.seen if path == "/v1/media/generate"]

    def __enter__(self):
        return at(self)

    def __exit__(self, *args):
        self.http.shutdown()
        self.http.server_close()


DONE = (200, {"model": "a/b", "kind": "image", "drive_path": "media/1.png", "output_url": "http://x/1", "request_id": "1" * 32, "billed_micros": 1, "billed_usd": 0.000001, "meta": {}})


@case
def run_answers_the_dictionary_and_keywords_win():
    s = at(shared("sqlite"))
    before = s.balance()
    made = media.run("puras/sketch", {"prompt": "a green boat", "size": "64x64"}, prompt="two red boats", output_path="renders/a.png")
    equal(set(made), KEYS)
    equal((made["model"], made["kind"], made["drive_path"], made["billed_micros"], made["billed_usd"]), ("puras/sketch", "image", "renders/a.png", 10000, 0.01))
    equal(s.get("/v1/generations/" + made["request_id"]).json["inputs"]["prompt"], "two red boats")
    equal(before - s.balance(), 10000)


@case
def files_go_in_in_every_shape():
    s = at(shared("sqlite"))
    first = media.run("puras/sketch", SMALL)
    local = Path(tempfile.mkdtemp()) / "picture.png"
    equal(drive.download(first["drive_path"], local), len(local.read_bytes()))
    data = local.read_bytes()
    with open(local, "rb") as f:
        shapes = [local, data, bytearray(data), f, io.BytesIO(data), first, first["drive_path"], first["output_url"], {"drive_path": first["drive_path"]}, [local]]
        seen = {media.run("puras/sketch-edit", image=shape, prompt="warmer", seed=1)["billed_micros"] for shape in shapes}
    equal(seen, {12000})
    uploaded = [f["path"] for f in drive.list("uploads/")]
    equal(len(uploaded), 1)  # the same bytes are the same file
    expect(uploaded[0].endswith(".png"), uploaded)
    equal((load_bytes(first), load_bytes({"drive_path": first["drive_path"]}), load_path(first["drive_path"]).suffix), (data, data, ".png"))


@case
def progress_is_told():
    at(shared("sqlite"))
    seen = []
    made = Client(on_progress=seen.append).media_run("puras/motion-t2v", prompt="a boat", duration=1, resolution="360p")
    equal((made["kind"], seen[0].status, seen[-1].status), ("video", "pending", "completed"))
    expect(any(p.percent for p in seen) and all(p.generation_id == made["request_id"] for p in seen), seen)


@case
def submit_waits_or_not():
    s = at(shared("sqlite"))
    g = media.submit("puras/sketch", SMALL, wait=20, metadata={"order": 7}, end_user="ann", webhook_url="https://hooks.example/x")
    equal(g.state["webhook_url"], "https://hooks.example/x")
    expect(g.ended and g.outputs[0]["width"] == 64, g.state)
    equal((g.wait()["request_id"], media.get(g.id).state["metadata"]), (g.id, {"order": 7}))
    with s.hold_renders():
        g = media.submit("puras/sketch", SMALL)
        error = fails(puras.PurasClientError, g.wait, timeout=1)
        equal((error.code, error.charged_micros), ("still_running", 0))
        fails(puras.PurasAPIError, g.result)
    equal(g.wait(30)["billed_micros"], 10000)
    quote = media.quote("puras/sketch", SMALL)
    equal((quote["quoted_micros"], media.submit("puras/sketch", SMALL, quote_id=quote["quote_id"], wait=20).status), (10000, "completed"))
    equal(fails(puras.PurasAPIError, media.submit, "puras/sketch", SMALL, max_usd=0.001).code, "price_changed")
    equal(media.submit("puras/sketch", SMALL, idempotency_key="one").id, media.submit("puras/sketch", SMALL, idempotency_key="one").id)


@case
def refusals_say_what_was_charged():
    s = at(shared("sqlite"))
    with Unmoved(s):
        for code, model, inputs, more in (
                ("unknown_model", "no/such", {}, {}), ("unpriceable_input", "puras/sketch", {"prompt": "x", "size": "big"}, {}),
                ("bad_path", "puras/sketch", SMALL, {"output_path": "../out.png"}), ("invalid_argument", "puras/sketch", {}, {}),
                ("invalid_argument", "puras/sketch-edit", {"image": "no/such.png", "prompt": "x"}, {})):
            error = fails(puras.PurasAPIError, media.run, model, inputs, **more)
            equal((error.code, error.status, error.charged_micros, error.can_retry), (code, 400, 0, False))
            expect(error.message == error.detail and error.request_id, error)
    os.environ["PURAS_API_KEY"] = s.live[:-1] + ("0" if s.live[-1] != "0" else "1")
    equal(fails(puras.PurasAPIError, media.run, "puras/sketch", SMALL).code, "unauthenticated")
    at(s)
    made = media.run("puras/sketch", SMALL, kind="video")
    expect(made["kind"] == "video" and made["meta"]["warnings"], made)


@case
def nothing_leaves_with_a_bad_file():
    s = at(shared("sqlite"))

    class Vanishing(io.BytesIO):
        def read(self, n=-1):
            return b"" if self.tell() > 1 << 16 else super().read(n)

    with Unmoved(s):
        for value in (Path("/nowhere/x.png"), b"", io.StringIO("text"), Vanishing(bytes(1 << 20)), {"drive_path": "", "request_id": "1"}):
            fails(puras.InputError, media.run, "puras/sketch-edit", image=value, prompt="x")
        fails(puras.InputError, media.run, "puras/sketch", [1])
        fails(puras.InputError, media.run, "puras/sketch", {"prompt": object()})
        fails(puras.InputError, load_bytes, {"drive_path": "../secret"})
        fails(puras.InputError, load_bytes, 5)


@case
def links_expire_and_foreign_files_are_out_of_reach():
    s = at(shared("sqlite"))
    made = media.run("puras/sketch", SMALL, output_path="own.png")
    equal((drive.sign("own.png", 60)["expires_in"], s.fetch(drive.url("own.png")).status), (60, 200))
    equal(s.fetch(made["output_url"][:-4] + "AAAA").status, 403)
    other = s.post("/v1/projects", {"name": "other-python"}, key="admin").json["id"]
    key = s.post("/v1/keys", {"kind": "live", "project": other}, key="admin").json["key"]
    s.post("/v1/top-up", {"usd": 1, "project": other}, key="admin")
    at(s, key)
    for value in ("own.png", made, made["output_url"]):
        equal(fails(puras.PurasAPIError, media.run, "puras/sketch-edit", image=value, prompt="x").charged_micros, 0)
    fails(puras.PurasAPIError, drive.sign, "own.png")


@case
def a_restart_during_a_wait_is_charged_once():
    with Server() as s:
        at(s)
        before, results = s.balance(), []
        with s.hold_renders():
            caller = threading.Thread(target=lambda: results.append(media.run("puras/sketch", SMALL)))
            caller.start()
            while not s.get("/v1/generations?state=processing").json["generations"]:
                time.sleep(0.02)
        s.kill9()
        s.start()
        caller.join(60)
        equal((len(results), before - s.balance()), (1, 10000))
        s.audit()


@case
def a_lost_answer_is_asked_for_again_and_nothing_else():
    with Double(None, None, DONE) as d:
        equal(media.run("a/b")["request_id"], "1" * 32)
        expect(len(d.keys()) == 3 and len(set(d.keys())) == 1 and d.keys()[0], d.keys())
    for status, body in ((503, {"detail": "busy", "code": "try_again", "retry": "same_key"}), (429, {"detail": "slow", "code": "rate_limited", "retry": "after", "retry_after_s": 3}),
                         (502, {"detail": "broken", "code": "provider_failed", "charged_micros": 5}), (500, "oops"), (504, {"detail": "late", "code": "deadline_exceeded"}),
                         (302, {})):
        with Double((status, body)) as d:
            error = fails(puras.PurasAPIError, media.run, "a/b")
            equal((len(d.seen), error.status), (1, status))
            if isinstance(body, dict) and body:
                equal((error.code, error.charged_micros, error.can_retry), (body["code"], body.get("charged_micros", 0), body.get("retry", "never") != "never"))
    with Double(None) as d:  # without a key nothing is repeated
        fails(puras.PurasConnectionError, Client(api_key=d.live, api_base=d.url).drive_sign, "a.png")
        equal(len(d.seen), 1)


@case
def a_call_of_more_than_590_seconds_goes_on():
    late = (504, {"detail": "The generation goes on.", "code": "still_running", "retry": "same_key", "generation_id": "1" * 32})
    with Double(late, late, DONE) as d:
        equal(media.run("a/b", {"x": 1})["billed_micros"], 1)
        equal((len(d.keys()), len(set(d.keys()))), (3, 1))


@case
def no_server_is_said_plainly():
    with Double() as d:
        pass
    os.environ["PURAS_API_BASE"] = d.url
    error = fails(puras.PurasConnectionError, media.run, "a/b")
    expect("Nothing was sent and nothing charged" in error.message and error.can_retry, error)
    os.environ["PURAS_API_BASE"] = "localhost"
    equal(fails(puras.PurasClientError, media.run, "a/b").code, "bad_config")


@case
def inside_a_job_the_token_and_the_context_go_along():
    with Double(DONE, (200, {"path": "a", "signed_url": "u", "expires_in": 3600}), (200, {"status": "succeeded", "job_id": "j2", "result": {"x": 1}, "error": None}),
                (200, {"status": "failed", "job_id": "j3", "result": None, "error": "ValueError: no"})) as d:
        del os.environ["PURAS_API_KEY"]
        os.environ.update(PURAS_SERVICE_TOKEN="svc", PURAS_WORKSPACE_ID="w1", PURAS_JOB_ID="j1")
        media.run("a/b", {"x": 1}, y=2)
        _, path, headers, body = d.seen[0]
        equal((path, headers["X-Puras-Service-Token"], headers.get("Authorization")), ("/v1/media/generate", "svc", None))
        equal(body, {"model": "a/b", "inputs": {"x": 1, "y": 2}, "output_path": None, "output_url_path": None, "kind": "auto", "job_id": "j1", "project_id": "w1", "workspace_id": "w1"})
        equal((drive.url("a"), d.seen[1][3]), ("u", {"path": "a", "ttl": 3600, "workspace_id": "w1"}))
        equal((puras.skills.run("draw", {"a": 1}), d.seen[2][3]), ({"x": 1}, {"parent_job_id": "j1", "target": "draw", "prompt": None, "inputs": {"a": 1}, "version": None, "timeout": 600}))
        error = fails(puras.SubagentRunError, puras.subagent.run, prompt="do it")
        equal((error.job_id, error.status, error.message), ("j3", "failed", "failed: ValueError: no"))
        fails(ValueError, puras.subagent.run)
        fails(ValueError, puras.subagent.run, "x", timeout=1801)


@case
def jobs_from_outside():
    with Double((201, {"id": "j1", "status": "queued"}), (200, {"id": "j1", "status": "running"}), (200, {"id": "j1", "status": "succeeded", "result": [1]}),
                (200, {"id": "j2", "status": "failed", "error": "no"})) as d:
        c = Client(d.live, "pack", api_base=d.url)
        equal(c.run("draw", {"a": 1}, poll=0.01), [1])
        equal((d.seen[0][1], d.seen[0][3]), ("/v1/jobs?skillpack=pack", {"skill": "draw", "inputs": {"a": 1}}))
        equal(fails(puras.JobError, c.wait, "j2").job["id"], "j2")


@case
def the_verbs_choose_a_slug():
    with Double(*[DONE] * 12) as d:
        media.generate_image("a cat")
        media.generate_image("like @Image1", refs=["a.png"], model="seedream")
        media.generate_video("x", model="veo", duration=5)
        media.generate_video("@Image1 moves", refs=["a.png"])
        media.generate_video(image="a.png", lipsync_audio="b.mp3")
        media.generate_audio("hello", style=0.5)
        media.transcribe("b.mp3", keyterms=["puras"])
        calls = [(b["model"], b["kind"], b["inputs"]) for _, _, _, b in d.seen]
        equal(calls, [
            ("google/nano-banana-pro", "image", {"prompt": "a cat"}),
            ("bytedance/seedream-v4-edit", "image", {"prompt": "like the image reference 1", "image_urls": ["a.png"]}),
            ("google/veo-3-t2v", "video", {"prompt": "x", "duration": 4, "generate_audio": False}),
            ("bytedance/seedance-2-fast-r2v", "video", {"prompt": "@Image1 moves", "image_urls": ["a.png"], "generate_audio": False}),
            ("kuaishou/kling-avatar-v2", "video", {"image_url": "a.png", "audio_url": "b.mp3"}),
            ("elevenlabs/tts-v3", "audio", {"text": "hello"}),
            ("elevenlabs/scribe-v2", "text", {"audio_url": "b.mp3", "keyterms": ["puras"]})])
        expect("bytedance/seedance" in str(fails(puras.VerbError, media.generate_video, refs=["a"], model="veo-fast")), "names who can")
        fails(puras.VerbError, media.generate_image, "x", model="nobody")
        equal(len(d.seen), 7)


@case
def secrets_come_from_the_environment():
    at(shared("sqlite"))
    os.environ["STOCK_KEY"] = "s3cret"
    equal((secret("STOCK_KEY"), secret("NOT_SET", "x"), secret("NOT_SET", None)), ("s3cret", "x", None))
    for name in ("NOT_SET", "PURAS_API_KEY", "a b", "", "A" * 65):
        expect(isinstance(fails(puras.SecretError, secret, name), RuntimeError), name)


@case
def the_file_says_where_the_server_is():
    path = puras.config.path()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text('{"llm_api_key": "kept", "api_base": "http://a"}')
    puras.config.save(api_key="puras_live_x", api_base="http://b:1/")
    equal((json.loads(path.read_text()), stat.S_IMODE(path.stat().st_mode)), ({"llm_api_key": "kept", "api_base": "http://b:1/", "api_key": "puras_live_x"}, 0o600))
    for name in ("PURAS_API_KEY", "PURAS_API_BASE", "PURAS_SERVICE_TOKEN"):
        os.environ.pop(name, None)
    found = puras.config.settings()
    equal((found.base, found.api_key), ("http://b:1", "puras_live_x"))
    os.environ["PURAS_API_BASE"] = "http://c"
    equal(puras.config.settings().base, "http://c")
    del os.environ["PURAS_API_BASE"]
    path.write_text("[1]")
    equal(fails(puras.PurasClientError, puras.config.settings).code, "bad_config")
    path.unlink()
    equal(puras.config.settings().base, "http://127.0.0.1:8080")


@case
def it_installs_and_runs_without_anything_else():
    s = at(shared("sqlite"))
    folder = tempfile.mkdtemp(prefix="puras-venv-")
    source, venv = folder + "/python", folder + "/venv"
    shutil.copytree(os.path.join(TOP, "python"), source, ignore=shutil.ignore_patterns("build", "*.egg-info", "__pycache__"))
    build = "import os, setuptools.build_meta as b; print(b.build_wheel('out')); print(b.build_sdist('out'))"
    subprocess.run(["/usr/bin/python3", "-c", build], cwd=source, check=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    made = sorted(os.listdir(source + "/out"))
    equal(made, ["puras-%s-py3-none-any.whl" % puras.__version__, "puras-%s.tar.gz" % puras.__version__])
    subprocess.run(["/usr/bin/python3", "-m", "venv", venv], check=True)
    subprocess.run([venv + "/bin/pip", "-q", "install", "--no-index", "--no-deps", source + "/out/" + made[0]], check=True)
    expect(glob.glob(venv + "/lib/python3*/site-packages/puras/py.typed"), "typed")
    program = 'from puras import media, secret\nprint(media.run("puras/sketch", prompt="a boat", size="64x64")["billed_usd"])'
    done = subprocess.run([venv + "/bin/python", "-c", program], cwd="/", env={"PURAS_API_BASE": s.url, "PURAS_API_KEY": s.live}, stdout=subprocess.PIPE, check=True)
    equal(done.stdout.strip(), b"0.01")


run()
