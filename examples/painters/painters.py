#!/usr/bin/env python3
"""Painters, the made-up provider of docs/PROVIDERS.md, "Ten minutes to a provider": paints flat pictures, and does not take the word "ugly".

    python3 examples/painters/painters.py        # on http://127.0.0.1:8098; the key is "brush"
"""
import http.server
import json
import struct
import sys
import zlib

paintings = []  # p1, p2, ...: what was ordered, and how often it was looked at


def png(width, height):
    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
    rows = (b"\0" + b"\xb0\x40\x30" * width) * height
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


class Studio(http.server.BaseHTTPRequestHandler):
    def say(self, status, body, kind="application/json"):
        body = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def find(self, name):
        number = name[1:].split(".")[0]
        return paintings[int(number) - 1] if number.isdigit() and 0 < int(number) <= len(paintings) else None

    def do_POST(self):
        order = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.headers.get("Authorization") != "Bearer brush":
            return self.say(401, {"message": "That is none of our keys."})
        if "ugly" in order["text"]:
            return self.say(422, {"message": "We do not paint ugly things."})
        paintings.append({"order": order, "looks": 0})
        self.say(200, {"painting": "p%d" % len(paintings)})

    def do_GET(self):
        painting = self.find(self.path.split("/")[-1])
        if not painting:
            return self.say(404, {"message": "There is no such painting."})
        if self.path.startswith("/pictures/"):
            return self.say(200, png(painting["order"]["width"], painting["order"]["height"]), "image/png")
        painting["looks"] += 1
        if painting["looks"] < 2:
            return self.say(200, {"state": "wet"})
        host, port = self.server.server_address
        self.say(200, {"state": "dry", "picture": "http://%s:%d/pictures/%s.png" % (host, port, self.path.split("/")[-1])})


server = http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1]) if len(sys.argv) > 1 else 8098), Studio)
print("Painters on http://127.0.0.1:%d" % server.server_address[1], flush=True)
server.serve_forever()
