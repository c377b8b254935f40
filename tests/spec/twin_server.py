"""`puras twin` for scenarios: starts it on a free port, asks it, reads its log. Standard library only."""
import atexit
import http.client
import http.server
import json
import re
import subprocess
import threading
import time
import urllib.parse

from harness import PURAS, Reply, expect


class Twin:
    """Use it in a `with` block."""

    def __enter__(self):
        self.process = subprocess.Popen([PURAS, "twin", "--listen", "127.0.0.1:0"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        atexit.register(self.process.kill)  # however the scenario ends
        line = self.process.stdout.readline().decode()
        found = re.search(r"http://127\.0\.0\.1:(\d+)", line)
        expect(found, "the twin did not start: " + line)
        self.port = int(found.group(1))
        self.url = "http://127.0.0.1:%d" % self.port
        return self

    def __exit__(self, kind, error, trace):
        self.process.terminate()
        self.process.wait(20)

    def call(self, method, path, body=None, headers=None):
        head = dict(headers or {})
        if body is not None and not isinstance(body, (bytes, bytearray)):
            body = json.dumps(body).encode()
            head.setdefault("Content-Type", "application/json")
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, path, body=body, headers=head)
            answer = connection.getresponse()
            return Reply(answer.status, answer.headers, answer.read())
        finally:
            connection.close()

    def fetch(self, url, headers=None):
        parts = urllib.parse.urlsplit(url)
        return self.call("GET", parts.path + ("?" + parts.query if parts.query else ""), headers=headers)

    def log(self, provider="", what=""):
        return self.call("GET", "/twin/log?provider=%s&what=%s" % (provider, what)).json

    def mood(self, provider, words):
        reply = self.call("POST", "/twin/mood", {"provider": provider, "words": words})
        expect(reply.status == 200, reply)

    def until(self, ask, done, seconds=20):
        """Asks until done(reply); a twin that is told nothing answers at once."""
        end = time.monotonic() + seconds
        while True:
            reply = ask()
            if done(reply):
                return reply
            expect(time.monotonic() < end, reply)
            time.sleep(0.02)


class Hooks:
    """A receiver of webhooks: `with Hooks() as h: ... h.url, h.wait(2)`."""

    def __enter__(self):
        seen = self.seen = []
        more = self.more = threading.Condition()

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()
                with more:
                    seen.append((time.monotonic(), dict((k.lower(), v) for k, v in self.headers.items()), body))
                    more.notify_all()

            def log_message(self, *args):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = "http://127.0.0.1:%d/hook" % self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *error):
        self.server.shutdown()
        self.server.server_close()

    def wait(self, count, seconds=15):
        with self.more:
            expect(self.more.wait_for(lambda: len(self.seen) >= count, seconds), self.seen)
        return self.seen
