#!/usr/bin/env python3
"""The drive: files in and out whole, by range and by condition; paths that are none; types that lie; links that end."""
import email.utils
import http.client
import os
import socket
import threading
import time
import urllib.parse

from harness import Server, case, each_store, equal, expect, refusal, run, sha256, shared

PNG = bytes.fromhex("89504e470d0a1a0a0000000d4948445200000001000000010806000000 1f15c4890000000d49444154789c6360f8cf500f0004020101a4b9e0d30000000049454e44ae426082".replace(" ", ""))


def at(path):
    return "/v1/drive/files/" + urllib.parse.quote(path, safe="/-._~")


def put(s, path, data, key="live", **more):
    return s.call("PUT", at(path), data, key=key, **more)


def stored(s, path, data, key="live"):
    reply = put(s, path, data, key)
    if reply.status != 201:
        raise AssertionError("%r: %r" % (path, reply))
    equal((reply.json["path"], reply.json["size"], reply.json["sha256"]), (path, len(data), sha256(data)))
    return reply.json


@each_store
def put_get_head_delete(s):
    for path, data in (("a.png", PNG), ("dir/b.bin", os.urandom(100000)), ("text/notes.txt", "Grüße\n".encode())):
        made = stored(s, path, data)
        got, head = s.get(at(path)), s.call("HEAD", at(path), key="live")
        equal((got.status, got.body), (200, data))
        equal(got.headers["ETag"], '"%s"' % sha256(data))
        equal((head.status, head.body), (200, b""))
        for name in ("Content-Length", "Content-Type", "ETag", "Last-Modified", "Accept-Ranges", "Content-Disposition", "X-Content-Type-Options"):
            equal((name, head.headers[name]), (name, got.headers[name]))
        equal((got.headers["Content-Length"], got.headers["Content-Type"]), (str(len(data)), made["media_type"]))
    equal(s.call("DELETE", at("a.png"), key="live").json, {"path": "a.png", "deleted": True})
    for method in ("GET", "HEAD", "DELETE"):
        equal(s.call(method, at("a.png"), key="live").status, 404)
    stored(s, "a.png", b"again")  # a path can be used again
    equal(s.get(at("a.png")).body, b"again")
    stored(s, "a.png", b"and replaced")
    equal(s.get(at("a.png")).body, b"and replaced")
    s.audit()


@case
def names_as_people_write_them():
    s = shared("sqlite")
    names = ["with space.png", "bär/Übergröße.png", "100%.png", "%41.png", "a+b&c=d?e#f.png", "quote\"and'back\\slash.txt", "日本語/ファイル.png", "\U0001f600.txt", "-rf", "a;b,c.png", "...", "a..b", ".hidden",
             "x" * 255, "/".join(["y" * 100] * 5)[:512], "drive.png", "e\u0301.png", "CON", "<script>.html", "$(id)", "a b/c d/e f"]
    before = {f["path"] for f in s.get("/v1/drive?limit=200").json["files"]}
    for name in names:
        stored(s, name, name.encode())
        got = s.get(at(name))
        equal((got.status, got.body), (200, name.encode()))
        expect("\n" not in got.headers["Content-Disposition"] and got.headers["Content-Disposition"].isascii(), got.headers)
        link = s.post("/v1/drive/sign", {"path": name}).json["signed_url"]
        equal((s.fetch(link).status, s.fetch(link).body), (200, name.encode()))
        expect(link.isascii() and " " not in link, link)
    equal({f["path"] for f in s.get("/v1/drive?limit=200").json["files"]} - before, set(names))
    equal(s.get(at("é.png")).status, 404)  # another spelling in bytes is another file
    for name in names:
        equal(s.call("DELETE", at(name), key="live").status, 200)


@each_store
def paths_that_are_none(s):
    bad = ["../a", "a/../b", "..", ".", "a/./b", "a//b", "a/", "//a", "a/..", "..%2fa".replace("%2f", "/"), "a\x00b", "\x00", "a\nb", "a\rb", "\x7f", "a\x1fb", "x" * 256, "a/" + "y" * 256 + "/b",
           "/".join(["z" * 100] * 6), "\u0085", "/etc/passwd", "drive/drive/a"]
    for path in bad:
        for method, body in (("PUT", b"x"), ("GET", None), ("HEAD", None), ("DELETE", None)):
            reply = s.call(method, "/v1/drive/files/" + urllib.parse.quote(path, safe=""), body, key="live")
            if reply.status not in ((400, 404) if method != "PUT" else (400,)):
                raise AssertionError("%s %r: %r" % (method, path, reply))
            if method == "PUT":
                refusal(reply, 400, "bad_request" if "\x00" in path else "bad_path")
        reply = s.post("/v1/drive/sign", {"path": path})
        expect(reply.status == 400 and reply.json["code"] in ("bad_path", "bad_json", "invalid_argument"), (path, reply))
    for raw in ("%ff", "%c0%af", "a%80", "%ed%a0%80"):
        refusal(s.call("PUT", "/v1/drive/files/" + raw, b"x", key="live"), 400, "bad_path")
    for raw in ("%", "%4", "%zz", "a%"):
        refusal(s.call("PUT", "/v1/drive/files/" + raw, b"x", key="live"), 400, "bad_request")
    for raw in ("../../health", "a/../../../../health", "%2e%2e/%2e%2e/x", "..%2f..%2fx", "%2e%2e%2fcredentials.json", "%2fetc%2fpasswd"):
        reply = s.call("GET", "/v1/drive/files/" + raw, key="live")
        expect(reply.status in (400, 404) and b"puras_live" not in reply.body and b"root:" not in reply.body, (raw, reply))
    equal(s.call("PUT", "/v1/drive/files/", b"x", key="live").status, 404)
    equal(s.get("/v1/drive?limit=200").json["files"] and [f["path"] for f in s.get("/v1/drive?limit=200").json["files"] if ".." == f["path"][:2]], [])


@case
def ranges():
    s = shared("sqlite")
    data = bytes(range(256)) * 40
    stored(s, "range.bin", data)
    n = len(data)
    good = {"bytes=0-0": (0, 1), "bytes=0-": (0, n), "bytes=100-199": (100, 200), "bytes=-1": (n - 1, n), "bytes=-500": (n - 500, n), "bytes=%d-" % (n - 1): (n - 1, n),
            "bytes=10-99999999999999999999999": (10, n), "bytes=-99999999999999999": (0, n), "BYTES=5-9": (5, 10)}
    for value, (a, b) in good.items():
        reply = s.get(at("range.bin"), headers={"Range": value})
        equal((value, reply.status, reply.body), (value, 206, data[a:b]))
        equal((reply.headers["Content-Range"], reply.headers["Content-Length"]), ("bytes %d-%d/%d" % (a, b - 1, n), str(b - a)))
    for value in ("bytes=%d-" % n, "bytes=99999999999-", "bytes=-0"):
        reply = s.get(at("range.bin"), headers={"Range": value})
        refusal(reply, 416, "range_not_satisfiable")
        equal(reply.headers["Content-Range"], "bytes */%d" % n)
    for value in ("bytes=5-2", "bytes=a-b", "lines=0-5", "bytes", "bytes=", "bytes=0-1,5-6", "bytes=--5", "bytes=0x1-5", "bytes=1-2-3"):  # not understood: the whole file
        reply = s.get(at("range.bin"), headers={"Range": value})
        equal((value, reply.status, len(reply.body)), (value, 200, n))
    tag, date = s.get(at("range.bin")).headers["ETag"], s.get(at("range.bin")).headers["Last-Modified"]
    for value, status in ((tag, 206), (date, 206), ('"other"', 200), ("W/" + tag, 200), ("Sun, 06 Nov 1994 08:49:37 GMT", 200)):
        equal((value, s.get(at("range.bin"), headers={"Range": "bytes=0-3", "If-Range": value}).status), (value, status))


@case
def conditions():
    s = shared("sqlite")
    stored(s, "cond.bin", b"condition")
    tag, date = s.get(at("cond.bin")).headers["ETag"], s.get(at("cond.bin")).headers["Last-Modified"]
    later, earlier = email.utils.formatdate(time.time() + 9e6, usegmt=True), "Sun, 06 Nov 1994 08:49:37 GMT"
    for header, value, status in (("If-None-Match", tag, 304), ("If-None-Match", "*", 304), ("If-None-Match", 'W/%s, "x"' % tag, 304), ("If-None-Match", '"x", ' + tag, 304), ("If-None-Match", '"x"', 200),
                                  ("If-Modified-Since", date, 304), ("If-Modified-Since", later, 304), ("If-Modified-Since", earlier, 200), ("If-Modified-Since", "yesterday", 200),
                                  ("If-Match", tag, 200), ("If-Match", "*", 200), ("If-Match", '"x"', 412), ("If-Match", "W/" + tag, 412), ("If-Unmodified-Since", earlier, 412), ("If-Unmodified-Since", date, 200)):
        for method in ("GET", "HEAD"):
            reply = s.call(method, at("cond.bin"), key="live", headers={header: value})
            equal((header, value, reply.status), (header, value, status))
            if status == 304:
                equal((reply.body, reply.headers["ETag"]), (b"", tag))
    stored(s, "cond.bin", b"changed")
    equal(s.get(at("cond.bin"), headers={"If-None-Match": tag}).status, 200)


@each_store
def a_file_is_written_only_if(s):
    path = "only/if-%d.txt" % os.getpid()
    new, any_one = {"If-None-Match": "*"}, {"If-Match": "*"}
    refusal(put(s, path, b"x", headers=any_one), 412, "precondition_failed")
    equal(put(s, path, b"first", headers=new).status, 201)
    told = refusal(put(s, path, b"second", headers=new), 412, "precondition_failed")
    expect("already" in told["detail"], told)
    tag = s.get(at(path)).headers["ETag"]
    refusal(put(s, path, b"third", headers={"If-Match": '"%s"' % ("0" * 64)}), 412, "precondition_failed")
    equal(s.get(at(path)).body, b"first")
    equal(put(s, path, b"third", headers={"If-Match": tag}).status, 201)
    refusal(put(s, path, b"fourth", headers={"If-Match": tag}), 412, "precondition_failed")  # it is another file by now
    equal(put(s, path, b"fifth", headers=any_one).status, 201)
    for head in ({"If-None-Match": tag}, {"If-Match": "nope"}, {"If-Match": '"a", "b"'}):
        refusal(put(s, path, b"x", headers=head), 400, "invalid_argument")
    equal(s.get(at(path)).body, b"fifth")
    link = s.post("/v1/drive/sign", {"path": path, "ttl": 60, "method": "PUT"}).json["signed_url"]
    refusal(s.call("PUT", link[len(s.url):], b"x", headers=new), 412, "precondition_failed")
    outcomes = []  # of many at once, one is the first
    writers = [threading.Thread(target=lambda n=n: outcomes.append(put(s, path + "-race", b"%d" % n, headers=new).status)) for n in range(8)]
    [w.start() for w in writers]
    [w.join() for w in writers]
    equal(sorted(outcomes), [201] + [412] * 7)


@case
def types_come_from_the_bytes():
    s = shared("sqlite")
    html = b"<!doctype html><html><script>alert(1)</script></html>"
    svg = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
    lies = {"picture.png": html, "photo.jpg": svg, "movie.mp4": b"%PDF-1.4\n%\xe2\xe3", "song.mp3": b"#!/bin/sh\nid\n", "page.html": html, "app.js": b"alert(1)", "data.xml": b"<?xml version='1.0'?><html xmlns='http://www.w3.org/1999/xhtml'/>",
            "nothing.png": b"", "almost.png": PNG[:7], "zip.png": b"PK\x03\x04" + b"\0" * 60}
    for path, data in lies.items():
        made = s.call("PUT", at(path), data, key="live", headers={"Content-Type": "image/png"}).json
        expect(not made["media_type"].startswith(("image/", "video/", "audio/")) or made["media_type"] == "image/svg+xml", made)
        for reply in (s.get(at(path)), s.fetch(s.post("/v1/drive/sign", {"path": path}).json["signed_url"])):
            expect(reply.headers["Content-Disposition"].startswith("attachment"), reply.headers)
            equal((reply.headers["X-Content-Type-Options"], reply.headers["Content-Security-Policy"]), ("nosniff", "default-src 'none'; sandbox"))
            equal(reply.body, data)
    made = stored(s, "truth.html", PNG)
    equal(made["media_type"], "image/png")
    reply = s.get(at("truth.html"))
    expect(reply.headers["Content-Type"] == "image/png" and reply.headers["Content-Disposition"].startswith("inline"), reply.headers)
    equal(reply.headers["X-Content-Type-Options"], "nosniff")


@each_store
def nothing_and_30_mb(s):
    stored(s, "empty", b"")
    equal((s.get(at("empty")).body, s.call("HEAD", at("empty"), key="live").headers["Content-Length"]), (b"", "0"))
    equal(s.get(at("empty"), headers={"Range": "bytes=0-0"}).status, 416)
    big = os.urandom(1 << 20) * 30
    stored(s, "big.bin", big)
    got = s.get(at("big.bin"))
    equal((len(got.body), sha256(got.body)), (len(big), sha256(big)))
    equal(s.get(at("big.bin"), headers={"Range": "bytes=31457270-"}).body, big[31457270:])
    # in chunks, without a length
    pieces = [big[i:i + 700001] for i in range(0, 5000000, 700001)]
    connection = http.client.HTTPConnection("127.0.0.1", s.port, timeout=60)
    connection.request("PUT", at("chunked.bin"), body=iter(pieces), headers={"Authorization": "Bearer " + s.live}, encode_chunked=True)
    answer = connection.getresponse()
    equal(answer.status, 201)
    answer.read()
    connection.close()
    equal(sha256(s.get(at("chunked.bin")).body), sha256(b"".join(pieces)))
    for path in ("big.bin", "chunked.bin", "empty"):
        s.call("DELETE", at(path), key="live")


def files_under(folder):
    return sum(len(files) for _, _, files in os.walk(folder))


@case
def a_replaced_result_is_deleted_by_its_id():
    with Server() as s:
        first, second = (s.wait(s.submit("puras/sketch", {"prompt": "x", "size": "64x64", "seed": n}, output_path="same.png")) for n in (1, 2))
        old, new = (s.get("/v1/generations/" + g["id"]).json["outputs"][0] for g in (first, second))
        equal((old["drive_path"], new["drive_path"], s.fetch(old["url"]).status), ("", "same.png", 200))
        equal(s.call("DELETE", "/v1/drive/assets/" + old["id"], key="live").json, {"path": "", "deleted": True})
        equal((s.fetch(old["url"]).status, s.fetch(new["url"]).status), (404, 200))
        equal(s.call("DELETE", "/v1/drive/assets/" + new["id"], key="live").json, {"path": "same.png", "deleted": True})
        equal(s.get("/v1/drive").json["files"], [])
        for id in (old["id"], new["id"], "0" * 32, "x", first["id"]):
            refusal(s.call("DELETE", "/v1/drive/assets/" + id, key="live"), 404, "not_found")
        other = s.post("/v1/projects", {"name": "other"}, key="admin").json["id"]
        foreign = s.post("/v1/keys", {"kind": "live", "project": other}, key="admin").json["key"]
        kept = s.wait(s.submit("puras/sketch", {"prompt": "x", "size": "64x64"}))["outputs"][0]
        refusal(s.call("DELETE", "/v1/drive/assets/" + kept["id"], key=foreign), 404, "not_found")
        s.audit()


@case
def a_link_lets_its_holder_write_one_path():
    s = shared("sqlite")
    made = s.post("/v1/drive/sign", {"path": "up/by link.bin", "ttl": 60, "method": "PUT"}).json
    equal((made["path"], made["method"], made["expires_in"]), ("up/by link.bin", "PUT", 60))
    target = made["signed_url"][len(s.url):]
    page = {"Origin": "https://app.example"}
    reply = s.call("PUT", target, b"first", headers=page)
    equal((reply.status, reply.headers["Access-Control-Allow-Origin"], s.get("/v1/drive/files/up/by%20link.bin").body), (201, "*", b"first"))
    equal(s.call("PUT", target, b"second").status, 201)  # until it ends
    equal(s.get("/v1/drive/files/up/by%20link.bin").body, b"second")
    equal(s.call("OPTIONS", target, headers=dict(page, **{"Access-Control-Request-Method": "PUT"})).status, 204)
    refusal(s.call("GET", target), 405, "method_not_allowed")
    for bad in (target.replace("by%20link", "another"), target.replace("/put/", "/files/"), target[:-1] + ("A" if target[-1] != "A" else "B"), target.split("?")[0] + "?exp=1&kid=x&sig=y"):
        refusal(s.call("PUT", bad, b"x"), 401 if "/files/" in bad else 403, "unauthenticated" if "/files/" in bad else "bad_signature")
    refusal(s.call("PUT", target.split("?")[0], b"x"), 401, "unauthenticated")
    equal(s.get("/v1/drive/files/up/by%20link.bin").body, b"second")
    link = s.post("/v1/drive/sign", {"path": "up/by link.bin"}).json["signed_url"][len(s.url):]
    expect(s.call("PUT", link.replace("/files/", "/put/"), b"x").status == 403, "a link that reads is none that writes")
    for body, code in (({"path": "../x", "method": "PUT"}, "bad_path"), ({"path": "x", "method": "POST"}, "invalid_argument"), ({"path": "x", "method": "PUT", "ttl": 5}, "invalid_argument")):
        refusal(s.post("/v1/drive/sign", body), 400, code)


@case
def a_cut_off_upload_leaves_nothing():
    s = shared("sqlite")
    tmp = os.path.join(s.data, "tmp")
    stored(s, "kept.bin", b"kept")
    blobs = files_under(os.path.join(s.data, "blobs"))
    for head, body in ((b"Content-Length: 5000000\r\n", b"x" * 3000000), (b"Content-Length: 10\r\n", b"x" * 9), (b"Transfer-Encoding: chunked\r\n", b"10000\r\n" + b"x" * 0x10000 + b"\r\n"),
                       (b"Transfer-Encoding: chunked\r\n", b"5\r\nabcde\r\nZZ\r\n")):
        for path in ("cut.bin", "kept.bin"):
            with socket.create_connection(("127.0.0.1", s.port), 10) as c:
                c.sendall(b"PUT /v1/drive/files/%s HTTP/1.1\r\nHost: x\r\nX-API-Key: %s\r\n%s\r\n" % (path.encode(), s.live.encode(), head) + body)
    end = time.monotonic() + 10
    while files_under(tmp) and time.monotonic() < end:
        time.sleep(0.05)
    equal((files_under(tmp), files_under(os.path.join(s.data, "blobs"))), (0, blobs))
    equal((s.get(at("cut.bin")).status, s.get(at("kept.bin")).body), (404, b"kept"))


@case
def what_is_refused_before_its_body():
    s = shared("sqlite")
    for head, status in ((b"X-API-Key: %s\r\nContent-Length: 99999999999\r\n" % s.live.encode(), 413), (b"X-API-Key: nothing\r\nContent-Length: 1000\r\n", 401), (b"Content-Length: 1000\r\n", 401),
                         (b"X-API-Key: %s\r\nContent-Length: 5\r\nContent-Encoding: gzip\r\n" % s.live.encode(), 415), (b"X-API-Key: %s\r\nContent-Length: 5\r\nContent-Range: bytes 0-4/9\r\n" % s.live.encode(), 400)):
        out = s.raw(b"PUT /v1/drive/files/big HTTP/1.1\r\nHost: x\r\nConnection: close\r\nExpect: 100-continue\r\n" + head + b"\r\n", timeout=4)
        expect(out.startswith(b"HTTP/1.1 %d " % status), (head, out[:200]))
    out = s.raw(b"PUT /v1/drive/files/../x HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nX-API-Key: %s\r\nContent-Length: 5\r\n\r\n" % s.live.encode(), timeout=4)
    expect(out.startswith(b"HTTP/1.1 400 "), out[:200])
    with socket.create_connection(("127.0.0.1", s.port), 10) as c:
        c.sendall(b"PUT /v1/drive/files/asked HTTP/1.1\r\nHost: x\r\nConnection: close\r\nExpect: 100-continue\r\nX-API-Key: %s\r\nContent-Length: 5\r\n\r\n" % s.live.encode())
        expect(c.recv(4096).startswith(b"HTTP/1.1 100 "), "no 100")
        c.sendall(b"hello")
        expect(c.recv(4096).startswith(b"HTTP/1.1 201 "), "no 201")


@each_store
def lists(s):
    key = s.post("/v1/keys", {"kind": "live", "project": s.post("/v1/projects", {"name": "lists"}, key="admin").json["id"]}, key="admin").json["key"]
    names = sorted(["a/%d" % n for n in range(7)] + ["a0", "b", "a/_x", "a%", "ä", "a_", "B"], key=str.encode)
    for name in reversed(names):
        stored(s, name, name.encode(), key)
    seen, after = [], ""
    while after is not None:
        page = s.get("/v1/drive?limit=3&after=" + urllib.parse.quote(after, safe=""), key=key).json
        seen += [f["path"] for f in page["files"]]
        expect(len(page["files"]) <= 3, page)
        after = page["next_after"]
    equal(seen, names)
    for prefix in ("a/", "a", "a%", "a_", "%", "_", "nothing", "ä", "a/1"):
        found = [f["path"] for f in s.get("/v1/drive?prefix=" + urllib.parse.quote(prefix, safe=""), key=key).json["files"]]
        equal((prefix, found), (prefix, [n for n in names if n.startswith(prefix)]))
    for query in ("limit=0", "limit=201", "limit=-1", "limit=x", "limit=99999999999999999999", "prefix=%ff", "after=" + "x" * 600):
        refusal(s.get("/v1/drive?" + query, key=key), 400, "invalid_argument")


@each_store
def a_link_is_whole_or_worthless(s):
    stored(s, "links/a b.png", PNG)
    reply = s.post("/v1/drive/sign", {"path": "links/a b.png", "ttl": 60}).json
    equal(reply["expires_in"], 60)
    url = reply["signed_url"]
    target = url[len(s.url):]
    equal(s.fetch(url).body, PNG)
    equal(s.call("HEAD", target).status, 200)
    equal(s.call("GET", target, headers={"Range": "bytes=0-3"}).body, PNG[:4])
    connection = http.client.HTTPConnection("127.0.0.1", s.port, timeout=30)
    start = len("/v1/drive/files/")
    for i in range(start, len(target)):
        c = target[i]
        for other in {"A" if c != "A" else "B", "0" if c != "0" else "1", ""}:
            changed = target[:i] + other + target[i + 1:]
            connection.request("GET", changed)
            answer = connection.getresponse()
            body = answer.read()
            if answer.status != 403 or body == PNG:
                raise AssertionError("byte %d %r -> %r: %d" % (i, c, other, answer.status))
    for last in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_":  # base64 has spare bits at its end
        if last != target[-1]:
            connection.request("GET", target[:-1] + last)
            answer = connection.getresponse()
            answer.read()
            equal((last, answer.status), (last, 403))
    connection.close()
    for change in (target + "0", target + "&x=1", target + "&exp=99999999999", target.replace("?", "?exp=99999999999&", 1), target.replace("exp=", "exp=0", 1), target.replace("exp=", "exp=+", 1), target.replace("kid=", "kid=&kid=", 1),
                   target.replace("%20", "+"), target.replace("/a%20b", "//a%20b"), target.replace("links", "LINKS"), target.replace("links/", "links/./"), target.replace("links/", "links/x/../"), target.replace("?", "?&", 1),
                   target.replace("sig=", "sig=%41", 1), target.replace("a%20b", "%61%20b"), target + "=", target.split("&sig")[0] + "&sig="):
        reply = s.call("GET", change)
        equal((change, reply.status, reply.json["code"]), (change, 403, "bad_signature"))
    for method in ("PUT", "DELETE", "POST"):  # a link reads, nothing else
        expect(s.call(method, target, b"x").status in (401, 405), method)
    equal(s.get(at("links/a b.png")).status, 200)


@case
def links_end():
    s = shared("sqlite")
    stored(s, "ends.png", PNG)
    for ttl in (0, 29, 2592001, -1, "60", 1.5, 1e30):
        refusal(s.post("/v1/drive/sign", {"path": "ends.png", "ttl": ttl}), 400, "invalid_argument")
    equal(s.post("/v1/drive/sign", {"path": "ends.png", "ttl": 2592000}).json["expires_in"], 2592000)
    equal(s.post("/v1/drive/sign", {"path": "ends.png"}).json["expires_in"], 3600)
    project = s.get("/v1/balance").json["project_id"]
    for more in ({"path": "%s/ends.png" % project}, {"path": "ends.png", "workspace_id": project}, {"path": "ends.png", "project_id": project}, {"path": "drive/ends.png"}):
        equal(s.fetch(s.post("/v1/drive/sign", more).json["signed_url"]).status, 200)
    url = s.post("/v1/drive/sign", {"path": "ends.png"}).json["signed_url"]
    stored(s, "ends.png", b"other bytes")
    refusal(s.fetch(url), 404, "not_found")  # the link names the file that was signed, and an upload ends when another takes its path
    fresh = s.post("/v1/drive/sign", {"path": "ends.png"}).json["signed_url"]
    equal(s.call("DELETE", at("ends.png"), key="live").status, 200)
    expect(s.fetch(fresh).status in (403, 404) and s.fetch(fresh).body != b"other bytes", s.fetch(fresh))
    refusal(s.post("/v1/drive/sign", {"path": "ends.png"}), 404, "not_found")
    stored(s, "ends.png", b"a third file")
    expect(s.fetch(fresh).body != b"a third file", "a dead link shows a new file")


def said_before_the_body(s, path, length, key, wait=5):
    """What answers a head that asks first; "" when nothing did."""
    with socket.create_connection(("127.0.0.1", s.port), wait) as c:
        c.sendall(("PUT %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nAuthorization: Bearer %s\r\nExpect: 100-continue\r\n%s\r\n\r\n" % (at(path), s.port, key, length)).encode())
        return c.recv(65536).decode()


@each_store
def space_is_looked_at_before_a_byte_is_taken(s):
    project = s.post("/v1/projects", {"name": "small"}, key="admin").json["id"]
    key = s.post("/v1/keys", {"kind": "live", "project": project}, key="admin").json["key"]
    equal(s.call("PATCH", "/v1/projects/" + project, {"drive_limit": 1000}, key="admin").status, 200)
    stored(s, "a.bin", b"x" * 600, key)
    refused = said_before_the_body(s, "b.bin", "Content-Length: 401", key)
    expect(refused.startswith("HTTP/1.1 507 ") and '"needs_bytes":401' in refused and '"used_bytes":600' in refused and '"limit_bytes":1000' in refused, refused)
    expect(said_before_the_body(s, "b.bin", "Content-Length: 400", key).startswith("HTTP/1.1 100 "), "a file that fits was not asked for")
    expect(said_before_the_body(s, "a.bin", "Content-Length: 1000", key).startswith("HTTP/1.1 100 "), "what it replaces was counted")
    # of an unknown length: refused in the middle, while the rest is still to come
    with socket.create_connection(("127.0.0.1", s.port), 10) as c:
        c.sendall(("PUT %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nAuthorization: Bearer %s\r\nTransfer-Encoding: chunked\r\n\r\n" % (at("b.bin"), s.port, key)).encode())
        c.sendall(b"190\r\n" + b"x" * 400 + b"\r\n1\r\nx\r\n")
        answer = c.recv(65536).decode()
    expect(answer.startswith("HTTP/1.1 507 ") and '"left_bytes":400' in answer, answer)
    form = b'--b\r\nContent-Disposition: form-data; name="file"; filename="b.bin"\r\n\r\n' + b"x" * 401 + b"\r\n--b--\r\n"
    head = {"Content-Type": "multipart/form-data; boundary=b"}
    refusal(s.call("POST", "/v1/drive/upload", form, key=key, headers=head), 507, "drive_full")
    equal(s.call("POST", "/v1/drive/upload", form.replace(b"x" * 401, b"x" * 400), key=key, headers=head).status, 201)
    stored(s, "a.bin", b"y" * 600, key)
    stored(s, "empty.bin", b"", key)
    refusal(put(s, "c.bin", b"z", key), 507, "drive_full")
    equal(sorted(f["size"] for f in s.get("/v1/drive", key=key).json["files"]), [0, 400, 600])


@case
def a_link_survives_a_restart():
    s = shared("sqlite", "--renders", "1")
    stored(s, "stays.png", PNG)
    url = s.post("/v1/drive/sign", {"path": "stays.png"}).json["signed_url"]
    s.restart()
    equal(s.fetch(url).body, PNG)


run()
