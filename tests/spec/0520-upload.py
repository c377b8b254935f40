#!/usr/bin/env python3
"""A file in a form: where it lands, what its type is, in which pieces it comes, and what is refused."""
import hashlib
import json
import os
import re
import socket
import struct
import tempfile
import zlib

from harness import case, each_store, equal, expect, refusal, run, shared


def png():
    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    rows = b"".join(b"\0" + bytes([y * 9, y, 90]) * 16 for y in range(16))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 16, 16, 8, 2, 0, 0, 0)) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def form(*parts, boundary="b0und"):
    """parts: (name, filename or None, bytes)."""
    out = b""
    for name, filename, data in parts:
        head = 'Content-Disposition: form-data; name="%s"' % name + ('; filename="%s"' % filename if filename is not None else "")
        out += ("--%s\r\n%s\r\n\r\n" % (boundary, head)).encode() + data + b"\r\n"
    return out + ("--%s--\r\n" % boundary).encode()


def upload(s, *parts, key="live", **more):
    return s.call("POST", "/v1/drive/upload", form(*parts), key=key, headers={"Content-Type": "multipart/form-data; boundary=b0und"}, **more)


@each_store
def lands_where_it_was_sent(s):
    picture = png()
    for parts, where in (((("file", "a.png", picture),), r"uploads/[0-9a-f]{32}\.png"), ((("file", "a.jpg", picture),), r"uploads/[0-9a-f]{32}\.png"),
                         ((("file", "a.TXT", b"words"),), r"uploads/[0-9a-f]{32}\.txt"), ((("file", None, b"words"),), r"uploads/[0-9a-f]{32}\.txt"),
                         ((("file", "x.sh/../../y", b"\0\1\xff"),), r"uploads/[0-9a-f]{32}\.bin"), ((("file", "a.DAT", b"\0\1\xff"),), r"uploads/[0-9a-f]{32}\.dat"), ((("file", "a.png", picture), ("path", None, b"in/here/")), r"in/here/[0-9a-f]{32}\.png"),
                         ((("path", None, b"exact.png"), ("other", None, b"?"), ("file", "a.png", picture)), r"exact\.png"), ((("file", "a.png", picture), ("path", None, b"late.png")), r"late\.png")):
        reply = upload(s, *parts)
        equal(reply.status, 201)
        made, sent = reply.json, [p[2] for p in parts if p[0] == "file"][0]
        expect(re.fullmatch(where, made["drive_path"]), (where, made))
        equal((made["path"], made["size"], made["sha256"]), (made["drive_path"], len(sent), hashlib.sha256(sent).hexdigest()))
        equal(made["media_type"] == "image/png", sent == picture)
        equal(s.get("/v1/drive/files/" + made["drive_path"]).body, sent)


@case
def large_and_in_any_pieces():
    s = shared("sqlite")
    sent = os.urandom(3 << 20) + b"\r\n--b0un\r\n--b0und" [:9] + b"\r\n--" + os.urandom(1 << 20)
    equal(upload(s, ("file", "big.bin", sent), ("path", None, b"big.bin")).status, 201)
    equal(s.get("/v1/drive/files/big.bin").body, sent)
    body = form(("file", "a.bin", b"one\r\n--b0un\r\ntwo"), ("path", None, b"bytes.bin"))
    with socket.create_connection(("127.0.0.1", s.port), 20) as c:
        c.sendall(("POST /v1/drive/upload HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nConnection: close\r\nAuthorization: Bearer %s\r\nContent-Type: multipart/form-data; boundary=\"b0und\"\r\n"
                   "Transfer-Encoding: chunked\r\n\r\n" % (s.port, s.live)).encode())
        c.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for i in range(len(body)):
            c.sendall(b"1\r\n" + body[i:i + 1] + b"\r\n")
        c.sendall(b"0\r\n\r\n")
        answer = b""
        while piece := c.recv(65536):
            answer += piece
    expect(answer.startswith(b"HTTP/1.1 201"), answer)
    equal(s.get("/v1/drive/files/bytes.bin").body, b"one\r\n--b0un\r\ntwo")


@each_store
def refusals_keep_nothing(s):
    files = len(s.get("/v1/drive").json["files"])
    for parts, status, code in (((("path", None, b"x"),), 400, "bad_request"), ((("file", "a", b"1"), ("file", "b", b"2")), 400, "bad_request"),
                                ((("file", "a", b"1"), ("path", None, b"../up")), 400, "bad_path"),                                 ((("file", "a", b"1"), ("note", None, b"x" * 5000)), 413, "too_large")):
        refusal(upload(s, *parts), status, code)
    for kind in ("multipart/form-data", "application/octet-stream", "multipart/form-data; boundary="):
        refusal(s.call("POST", "/v1/drive/upload", form(("file", "a", b"1")), key="live", headers={"Content-Type": kind}), 415, "unsupported_media_type")
    cut = form(("file", "a", b"1"))[:-6]
    refusal(s.call("POST", "/v1/drive/upload", cut, key="live", headers={"Content-Type": "multipart/form-data; boundary=b0und"}), 400, "bad_request")
    refusal(upload(s, ("file", "a", b"1"), key=None), 401, "unauthenticated")
    equal(len(s.get("/v1/drive").json["files"]), files)


@case
def the_command_line_attaches_files():
    s = shared("sqlite")
    models = [m for m in s.get("/v1/models").json["models"] if m["id"].startswith("puras/") and any(i.get("type") == "file" for i in s.get("/v1/models/" + m["id"]).json.get("inputs", []))]
    with tempfile.TemporaryDirectory() as folder:
        file = os.path.join(folder, "p.png")
        with open(file, "wb") as f:
            f.write(png())
        words = os.path.join(folder, "words.txt")
        with open(words, "w", encoding="utf-8") as f:
            f.write("a red boat")
        made = json.loads(s.cli("run", "puras/sketch", "-i", "prompt=@" + words, "-i", "size=64x64", "--json"))
        equal(made["inputs"]["prompt"], "a red boat")
        for model in models[:1]:
            spec = s.get("/v1/models/" + model["id"]).json
            name = [i["name"] for i in spec["inputs"] if i["type"] == "file"][0]
            before = {f["path"] for f in s.get("/v1/drive?prefix=uploads/").json["files"]}
            s.cli("run", model["id"], "-i", "prompt=make it warm", "-i", "%s=@%s" % (name, file), "--async", "--json", status=None)
            after = {f["path"] for f in s.get("/v1/drive?prefix=uploads/").json["files"]}
            equal(len(after - before), 1)


run()
