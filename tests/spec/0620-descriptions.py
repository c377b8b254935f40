#!/usr/bin/env python3
"""Descriptions of providers as files: what `puras catalog lint` and a server say of them, and `puras provider check`, `try` and `record` against a made-up
provider on loopback."""
import base64
import http.server
import json
import os
import subprocess
import tempfile
import threading

from harness import PURAS, TOP, case, equal, expect, run

PROVIDER = """provider: painters
base: http://127.0.0.1:PORT
private: ["127.0.0.1:PORT"]
status: documented
auth: {scheme: bearer}
key: {env: PAINTERS_KEY, about: a key}
files: {as: data}
protocol: queue
submit:
  path: /v1/paintings
  request: '.input + {style: "oil"}'
  reply: {ref: painting, status: [now, {text: wet}]}
poll: {path: "/v1/paintings/{ref}", reply: {status: {jq: .state}}}
pace: {first: 0.1s, every: 0.1s}
statuses: {wet: running, dry: done, torn: failed}
outputs: {files: picture}
errors: [{status: [422], at: message, has: [rude], class: moderation}]
"""
MODEL = """slug: painters/oil
kind: image
inputs:
  prompt: {type: text, required: true}
  image:  {file: image}
  size:   {type: size, default: 1024x1024, max: 2048, price: true}
  fine:   {type: bool, default: false, price: true}
price: {unit: megapixel, quantity: {input: size}, rate_table: [{when: {fine: true}, micros: 60000}, {micros: 30000}]}
routes:
  - provider: painters
    model: oil
    request: '{text: .prompt, photo: .image, width: (.size | split("x")[0] | tonumber), height: (.size | split("x")[1] | tonumber), quality: (if .fine then "high" else "low" end)}'
    carries: {size: {width: width, height: height}, fine: {path: quality, values: {"true": high, "false": low}}}
"""
PNG = bytes.fromhex("89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c4944415408d763f8cfc000000301010018dd8db00000000049454e44ae426082")


class Painters(http.server.BaseHTTPRequestHandler):
    def log_message(self, *args):
        pass

    def answer(self, status, value):
        body = value if isinstance(value, bytes) else json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "image/png" if isinstance(value, bytes) else "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.seen.append((self.headers.get("Authorization"), body))
        if self.headers.get("Authorization") != "Bearer pk-very-secret":
            return self.answer(401, {"message": "no such key: " + self.headers.get("Authorization", "")})
        if body["text"] == "rude":
            return self.answer(422, {"message": "that is rude"})
        if body["text"] == "at once":
            return self.answer(200, {"painting": "p1", "now": "dry", "picture": "data:image/png;base64," + base64.b64encode(PNG).decode()})
        self.answer(200, {"painting": "p1"})

    def do_GET(self):
        if self.path == "/p1.png":
            return self.answer(200, PNG)
        self.server.polls += 1
        if self.server.polls % 2:
            return self.answer(200, {"state": "wet"})
        self.answer(200, {"state": "dry", "picture": "http://127.0.0.1:%d/p1.png" % self.server.server_port})


class World:
    """The provider, and a folder with its description and a model."""

    def __enter__(self):
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Painters)
        self.server.seen, self.server.polls = [], 0
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.temporary = tempfile.TemporaryDirectory()
        self.folder = self.temporary.name
        os.mkdir(os.path.join(self.folder, "models"))
        os.mkdir(os.path.join(self.folder, "providers"))
        self.description = os.path.join(self.folder, "providers", "painters.yaml")
        self.write(PROVIDER, MODEL)
        return self

    def __exit__(self, *error):
        self.server.shutdown()
        self.server.server_close()
        self.temporary.cleanup()

    def write(self, provider, model):
        for path, text in ((self.description, provider), (os.path.join(self.folder, "models", "oil.yaml"), model)):
            with open(path, "w") as f:
                f.write(text.replace("PORT", str(self.server.server_port)))

    def puras(self, *args, key="pk-very-secret"):
        env = {"PATH": os.environ["PATH"], "HOME": self.folder, **({"PAINTERS_KEY": key} if key else {})}
        p = subprocess.run([PURAS, *args], capture_output=True, text=True, env=env, timeout=60)
        return p.returncode, p.stdout, p.stderr


@case
def lint_names_what_only_running_shows():
    with World() as w:
        status, out, err = w.puras("catalog", "lint", w.folder)
        equal((status, err), (0, ""))
        expect("1 models, 1 providers" in out, out)
        faults = [  # what is changed where, the place that is named, and a part of the sentence
            (PROVIDER, '.input + {style: "oil"}', '.input + {style: "oil"', "painters.yaml:11", "does not compile"),
            (PROVIDER, ".state", ".state | inputs", "painters.yaml:13", "inputs"),
            (PROVIDER, ".state", "env.HOME", "painters.yaml:13", "env"),
            (PROVIDER, '.input + {style: "oil"}', ".input, .input", "oil.yaml:10", "one value"),
            (PROVIDER, '.input + {style: "oil"}', '{style: "oil"}', "oil.yaml:10", "`size`"),
            (MODEL, 'else "low" end', 'else "high" end', "oil.yaml:10", "`fine`"),
            (MODEL, "height: (.size", "higth: (.size", "oil.yaml:10", "`size`"),
            (MODEL, ".size | split", ".size | splitt", "oil.yaml:10", "splitt"),
            (MODEL, ".prompt", ".prompt | error", "oil.yaml:10", "makes no request"),
            (MODEL, "carries: {", "carries: {colour: x, ", "oil.yaml:10", "`colour`"),
            (MODEL, "provider: painters", "provider: paintres", "oil.yaml:10", "no description of that name"),
            (MODEL, "model: oil", "model: oil\n    endpoint: fast", "oil.yaml:10", "`endpoint: fast`"),
        ]
        for text, old, new, place, said in faults:
            changed = text.replace(old, new, 1)
            expect(changed != text, old)
            w.write(changed if text is PROVIDER else PROVIDER, changed if text is MODEL else MODEL)
            status, out, err = w.puras("catalog", "lint", w.folder)
            equal((new, status, out), (new, 2, ""))
            expect(place in err and said in err, (new, err))
        w.write(PROVIDER, MODEL.replace(".prompt", ".prompt | error", 1))
        data = os.path.join(w.folder, "data")
        status, out, err = w.puras("serve", "--data", data, "--catalog", w.folder, "--listen", "127.0.0.1:0")
        equal(status, 2)
        expect("oil.yaml:10" in err, err)


@case
def one_real_call_is_shown_and_recorded():
    with World() as w:
        picture, test = os.path.join(w.folder, "out.png"), os.path.join(w.folder, "wire", "boat.yaml")
        photo = os.path.join(w.folder, "in.png")
        os.mkdir(os.path.dirname(test))
        with open(photo, "wb") as f:
            f.write(PNG)
        call = (w.description, "painters/oil", "--catalog", w.folder, "-i", "prompt=a red boat", "-i", "image=@" + photo, "-i", "fine=true")
        status, out, err = w.puras("provider", "try", *call, "-o", picture)
        equal((status, err), (0, ""))
        for word in ("> POST http://127.0.0.1:%d/v1/paintings" % w.server.server_port, "> Authorization: ***", "<base64 image>", "< 200 after", '"state": "dry"', "done: 1 output"):
            expect(word in out, (word, out))
        expect("very-secret" not in out, out)
        with open(picture, "rb") as f:
            equal(f.read(), PNG)
        header, body = w.server.seen[0]
        equal((header, body["quality"], body["width"], body["style"]), ("Bearer pk-very-secret", "high", 1024, "oil"))
        expect(body["photo"].startswith("data:image/png;base64,iVBORw0KGgo"), body)
        status, out, err = w.puras("provider", "try", *call[:4], "-i", "prompt=at once", "-o", picture)
        equal((status, err), (0, ""))
        with open(picture, "rb") as f:
            equal(f.read(), PNG)
        status, out, err = w.puras("provider", "record", *call, "-o", test)
        equal((status, err), (0, ""))
        with open(test) as f:
            recorded = f.read()
        expect("very-secret" not in recorded and 'reading: {state: running, ref: "p1"}' in recorded, recorded)
        status, out, err = w.puras("provider", "record", *call[:4], "-i", "prompt=at once", "-o", os.path.join(w.folder, "wire", "once.yaml"))
        equal((status, err), (0, ""))
        with open(os.path.join(w.folder, "wire", "once.yaml")) as f:
            once = f.read()
        expect("outputs: [{encoding: data_uri}]" in once, once)
        check = ("provider", "check", w.description, "--catalog", w.folder, "--wire", os.path.dirname(test))
        status, out, err = w.puras(*check, key=None)
        equal((status, err), (0, ""))
        expect("2 tests with 4 steps passed" in out, out)
        w.write(PROVIDER.replace("ref: painting", "ref: {text: p9}"), MODEL)
        status, out, err = w.puras(*check, key=None)
        equal(status, 2)
        expect("ref is `p9` and should be `p1`" in err, err)
        w.write(PROVIDER.replace("style", "stile"), MODEL)
        status, out, err = w.puras(*check, key=None)
        equal(status, 2)
        expect("boat.yaml:" in err and "style is (nothing)" in err, err)


@case
def failures_have_a_class_and_no_key():
    with World() as w:
        call = ("provider", "try", w.description, "painters/oil", "--catalog", w.folder)
        status, out, err = w.puras(*call, "-i", "prompt=rude")
        equal(status, 7)
        expect("moderation" in err and "that is rude" in err, err)
        status, out, err = w.puras(*call, "-i", "prompt=x", key="pk-other-secret")
        equal(status, 7)
        expect("auth" in err and "other-secret" not in out + err, (out, err))
        sent = len(w.server.seen)
        for args, code, said in ((("-i", "prompt=x"), None, "PAINTERS_KEY"), ((), "k", "prompt"), (("-i", "prompt=x", "-i", "image=/nowhere.png"), "k", "cannot be read"), (("-i", "prompt=x", "-m", "acrylic"), "k", "no route")):
            status, out, err = w.puras(*call, *args, key=code)
            expect(status != 0 and said in err, (args, status, err))
        equal(len(w.server.seen), sent)
        w.write(PROVIDER.replace('private: ["127.0.0.1:PORT"]\n', ""), MODEL)
        status, out, err = w.puras(*call, "-i", "prompt=x")
        equal((status, len(w.server.seen)), (2, sent))
        for args in (("check",), ("check", "/nowhere.yaml"), ("paint", w.description), ("try", w.description), ("record", w.description, "painters/oil")):
            status, out, err = w.puras("provider", *args)
            equal((args, status, out), (args, 2, ""))


@case
def the_program_of_the_document_is_one():
    with open(os.path.join(TOP, "docs", "PROVIDERS.md"), encoding="utf-8") as f:
        text = f.read().split("## A program of this machine", 1)[1].split("```yaml\n", 1)[1].split("```", 1)[0]
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "mine.yaml")
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        done = subprocess.run([PURAS, "provider", "check", path], capture_output=True, text=True, timeout=60)
        equal((done.returncode, "no problems" in done.stdout), (0, True))


run()
