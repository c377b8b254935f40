#!/usr/bin/env python3
"""The JavaScript client in a real browser with a publishable key: a page of another origin submits, follows and shows. Needs chromium."""
import http.server
import json
import os
import subprocess
import sys
import tempfile
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "spec"))
from harness import TOP, Server, equal, expect  # noqa: E402

PAGE = """<!doctype html><meta charset="utf-8"><title>puras</title><img id="made"><script type="module">
import {Puras} from "/js/index.js";
const told = async (result) => fetch("/result", {method: "POST", body: JSON.stringify(result)});
try {
  const puras = new Puras({apiKey: "%(key)s", apiBase: "%(base)s"});
  const stages = [];
  const first = await puras.media.run("puras/sketch", {prompt: "two red boats", size: "64x64"}, {onProgress: (p) => stages.push(p.stage)});
  const edited = await puras.media.run("puras/sketch-edit", {image: first, prompt: "warmer"});
  const blob = await (await fetch(edited.output_url)).blob();
  const own = await puras.media.run("puras/sketch-edit", {image: blob, prompt: "colder"});
  const image = document.getElementById("made");
  image.src = own.output_url;
  await image.decode();
  const refused = await puras.media.run("puras/tune", {prompt: "x"}).catch((e) => e.code);
  const closed = await puras.balance().catch((e) => e.code);
  const secret = await new Puras({apiKey: "%(live)s", apiBase: "%(base)s"}).media.run("puras/sketch", {prompt: "x"}).catch((e) => e.code);
  await told({billed: first.billed_micros, stages, width: image.naturalWidth, size: blob.size, refused, closed, secret});
} catch (error) {
  await told({error: String(error.stack ?? error)});
}
</script>"""


def main():
    results, page = [], {}
    done = threading.Event()

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args):
            super().__init__(*args, directory=TOP)

        def do_GET(self):
            if self.path == "/":
                self.send_response(200)
                self.send_header("Content-Type", "text/html")
                self.end_headers()
                self.wfile.write(page["text"].encode())
            else:
                super().do_GET()

        def do_POST(self):
            results.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()
            done.set()

        def log_message(self, *args):
            pass

    web = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=web.serve_forever, daemon=True).start()
    origin = "http://127.0.0.1:%d" % web.server_port
    with Server() as s:
        key = s.post("/v1/keys", {"kind": "pub", "models": ["puras/sketch", "puras/sketch-edit"], "origins": [origin], "day_cap_usd": 1}, key="admin").json["key"]
        page["text"] = PAGE % {"key": key, "base": s.url, "live": s.live}
        before = s.balance()
        browser = subprocess.Popen(["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update",
                                    "--disable-sync", "--user-data-dir=" + tempfile.mkdtemp(), origin + "/"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            expect(done.wait(90), "the page said nothing")
        finally:
            browser.kill()
        seen = results[0]
        expect("error" not in seen, seen)
        equal((seen["billed"], seen["width"], seen["refused"], seen["closed"], seen["secret"]), (10000, 64, "forbidden", "no_answer", "no_answer"))  # what the browser may not read it says nothing about
        expect("completed" in seen["stages"] and seen["size"] > 100, seen)
        equal(before - s.balance(), 34000)
        s.audit()
    print("ok the JavaScript client in a browser")


main()
