#!/usr/bin/env python3
"""Each book of a project has its own drive: a live and a test key of one project through every route of the drive and every way a file can be named."""
import base64
import urllib.parse

from harness import Unmoved, case, each_store, equal, expect, refusal, run, sha256, shared

BOOKS = ("live", "test")
PAGE = "https://app.example"


def at(path, folder="files"):
    return "/v1/drive/%s/%s" % (folder, urllib.parse.quote(path, safe="/-._~"))


def put(s, path, data, key, **more):
    return s.call("PUT", at(path), data, key=key, **more)


def stored(s, path, data, key):
    reply = put(s, path, data, key)
    expect(reply.status == 201, reply)
    return reply.json


def listed(s, key, prefix=""):
    return {f["path"]: f for f in s.get("/v1/drive?limit=200&prefix=" + urllib.parse.quote(prefix, safe=""), key=key).json["files"]}


def signed(s, path, key, **more):
    reply = s.post("/v1/drive/sign", dict({"path": path}, **more), key=key)
    expect(reply.status == 200, reply)
    return reply.json["signed_url"]


def sketch(s, key, prompt="two boats", **more):
    """A picture of the key's book. A model of this machine: with a test key the same program draws it."""
    made = s.wait(s.submit("puras/sketch", {"prompt": prompt, "size": "64x64"}, key=key, **more), key=key)
    equal(made["status"], "completed")
    return made


def project(s, name, **limits):
    """A project of its own with a key of each kind."""
    id = s.post("/v1/projects", {"name": name}, key="admin").json["id"]
    if limits:
        equal(s.call("PATCH", "/v1/projects/" + id, limits, key="admin").status, 200)
    keys = {kind: s.post("/v1/keys", {"kind": kind, "project": id}, key="admin").json["key"] for kind in BOOKS + ("admin",)}
    equal(s.post("/v1/top-up", {"usd": 5, "project": id}, key="admin").status, 200)
    equal(s.post("/v1/top-up", {"usd": 5}, key=keys["test"]).status, 200)
    return id, keys


def not_there(s, key, file, missing="no/such.bin"):
    """Every route that takes a path, an id or bytes says what it says of a file that is nowhere."""
    path = file["path"]

    def same(method, to, body=None):
        asked, nowhere = s.call(method, to(path), body and body(path), key=key), s.call(method, to(missing), body and body(missing), key=key)
        expect(asked.status == nowhere.status == 404, (method, to(path), asked, nowhere))
        if method != "HEAD":
            equal(asked.json["detail"].replace(path, missing), nowhere.json["detail"])

    for method in ("GET", "HEAD", "DELETE"):
        same(method, at)
    for folder in ("thumbnails", "optimized"):
        same("GET", lambda p, folder=folder: at(p, folder))
    same("POST", lambda p: "/v1/drive/sign", lambda p: {"path": p})
    same("GET", lambda p: "/v1/lineage?path=" + urllib.parse.quote(p))
    refusal(s.call("DELETE", "/v1/drive/assets/" + file["asset_id"], key=key), 404, "not_found")
    expect(path not in listed(s, key) and path not in listed(s, key, path[:3]), listed(s, key))
    if "admin" not in key:
        for query in ("asset=" + file["asset_id"], "sha256=" + file["sha256"]):
            refusal(s.get("/v1/lineage?" + query, key=key), 404, "not_found")


@each_store
def one_path_is_two_files(s):
    id, keys = project(s, "two drives")
    files = {book: stored(s, "same/a.png", b"of the %s book" % book.encode(), keys[book]) for book in BOOKS}
    for book in BOOKS:
        key, data = keys[book], b"of the %s book" % book.encode()
        got = s.get(at("same/a.png"), key=key)
        equal((got.body, got.headers["ETag"]), (data, '"%s"' % sha256(data)))
        equal(s.get(at("same/a.png"), key=key, headers={"Range": "bytes=7-10"}).body, book.encode())
        equal((listed(s, key)["same/a.png"]["asset_id"], len(listed(s, key))), (files[book]["asset_id"], 1))
        equal(s.fetch(signed(s, "same/a.png", key)).body, data)
        equal(s.get("/v1/lineage?path=same/a.png", key=key).json["asset"], files[book]["asset_id"])
        equal(s.get("/v1/lineage?sha256=" + sha256(data), key=key).json["asset"], files[book]["asset_id"])
    equal(s.get(at("same/a.png"), key=keys["admin"]).body, b"of the live book")  # an operator's is the live drive,
    for book in BOOKS:  # and where a file comes from he may ask of both
        equal(s.get("/v1/lineage?asset=" + files[book]["asset_id"], key=keys["admin"]).json["sha256"], files[book]["sha256"])
        equal(s.get("/v1/lineage?sha256=" + files[book]["sha256"], key=keys["admin"]).json["asset"], files[book]["asset_id"])
    links = {book: signed(s, "same/a.png", keys[book]) for book in BOOKS}
    equal(put(s, "same/a.png", b"a new one", keys["test"]).status, 201)  # replaced in its own drive
    equal((s.get(at("same/a.png"), key=keys["live"]).body, s.fetch(links["live"]).body, s.fetch(links["test"]).status), (b"of the live book", b"of the live book", 404))
    equal(s.call("DELETE", at("same/a.png"), key=keys["test"]).status, 200)
    equal(s.fetch(links["live"]).body, b"of the live book")
    not_there(s, keys["test"], files["live"])
    same = {book: stored(s, "bytes/%s.bin" % book, b"the same bytes", keys[book]) for book in BOOKS}  # asked for by its bytes each book has its own
    for book in BOOKS:
        equal(s.get("/v1/lineage?sha256=" + sha256(b"the same bytes"), key=keys[book]).json["asset"], same[book]["asset_id"])
    s.audit()


@each_store
def a_file_of_the_other_book_is_not_there(s):
    id, keys = project(s, "apart")
    for book, other in (BOOKS, BOOKS[::-1]):
        file = stored(s, "only/%s.png" % book, b"of %s" % book.encode(), keys[book])
        not_there(s, keys[other], file)
        not_there(s, s.post("/v1/service-tokens", {"job_id": "j"}, key=keys[other]).json["token"], file)
        if book == "test":
            not_there(s, keys["admin"], file)
        made = sketch(s, keys[book], output_path="only/made %s.png" % book)["outputs"][0]
        not_there(s, keys[other], {"path": made["drive_path"], "asset_id": made["id"], "sha256": made["sha256"]})
        equal(s.get(at(file["path"]), key=keys[book]).body, b"of %s" % book.encode())
        # neither in the way of a new file nor one to be replaced
        refusal(put(s, file["path"], b"x", keys[other], headers={"If-Match": "*"}), 412, "precondition_failed")
        refusal(put(s, file["path"], b"x", keys[other], headers={"If-Match": '"%s"' % file["sha256"]}), 412, "precondition_failed")
        equal(put(s, file["path"], b"another", keys[other], headers={"If-None-Match": "*"}).status, 201)
        equal((s.get(at(file["path"]), key=keys[book]).body, s.get(at(file["path"]), key=keys[other]).body), (b"of %s" % book.encode(), b"another"))
        form = b'--b\r\nContent-Disposition: form-data; name="path"\r\n\r\n%s\r\n--b\r\nContent-Disposition: form-data; name="file"; filename="x"\r\n\r\nby form\r\n--b--\r\n' % file["path"].encode()
        equal(s.call("POST", "/v1/drive/upload", form, key=keys[other], headers={"Content-Type": "multipart/form-data; boundary=b"}).status, 201)
        equal((s.get(at(file["path"]), key=keys[book]).body, s.get(at(file["path"]), key=keys[other]).body), (b"of %s" % book.encode(), b"by form"))
    s.audit()


@each_store
def lists_go_page_by_page_through_one_drive(s):
    id, keys = project(s, "pages")
    names = {"live": ["a/%d" % n for n in range(0, 9, 2)] + ["test/1", ":test/2"], "test": ["a/%d" % n for n in range(1, 9, 2)] + ["test/1", "z"]}
    for book in BOOKS:
        for name in names[book]:
            stored(s, name, book.encode(), keys[book])
    for book in BOOKS:
        seen, after = [], ""
        while after is not None:
            page = s.get("/v1/drive?limit=2&after=" + urllib.parse.quote(after, safe=""), key=keys[book]).json
            seen += [f["path"] for f in page["files"]]
            after = page["next_after"]
        equal(seen, sorted(names[book]))
        for prefix in ("a/", "test", ":", "z"):
            equal(sorted(listed(s, keys[book], prefix)), sorted(n for n in names[book] if n.startswith(prefix)))
        equal(len(s.cli("drive", "ls", key=keys[book]).splitlines()), 1 + len(names[book]))


@each_store
def a_link_reads_its_file_and_writes_its_drive(s):
    id, keys = project(s, "links")
    for book in BOOKS:
        stored(s, "in/a.txt", b"before, " + book.encode(), keys[book])
        target = signed(s, "in/a.txt", keys[book], method="PUT")[len(s.url):]
        equal(s.call("PUT", target, b"by link, " + book.encode(), headers={"If-Match": "*"}).status, 201)
        equal(s.call("PUT", signed(s, "new/%s.txt" % book, keys[book], method="PUT")[len(s.url):], b"x").status, 201)
    for book, other in (BOOKS, BOOKS[::-1]):
        equal((s.get(at("in/a.txt"), key=keys[book]).body, sorted(listed(s, keys[book]))), (b"by link, " + book.encode(), ["in/a.txt", "new/%s.txt" % book]))
        refusal(s.call("PUT", signed(s, "new/%s.txt" % book, keys[other], method="PUT")[len(s.url):], b"x", headers={"If-Match": "*"}), 412, "precondition_failed")
        picture = sketch(s, keys[book])["outputs"][0]  # a link is a capability of its own: who has it reads that file, of whichever book it is
        for url in (picture["url"], picture["thumbnail_url"], picture["optimized_url"]):
            equal(s.fetch(url).status, 200)
    equal(s.call("PUT", signed(s, "in/a.txt", keys["admin"], method="PUT")[len(s.url):], b"an operator's").status, 201)
    equal((s.get(at("in/a.txt"), key=keys["live"]).body, s.get(at("in/a.txt"), key=keys["test"]).body), (b"an operator's", b"by link, test"))
    s.audit()


@each_store
def results_go_where_their_call_was_paid(s):
    id, keys = project(s, "results")
    mine = stored(s, "out/cat.png", b"a live file", keys["live"])
    first = sketch(s, keys["test"], output_path="out/cat.png")
    equal((first["book"], first["outputs"][0]["drive_path"], s.get(at("out/cat.png"), key=keys["live"]).body), ("test", "out/cat.png", b"a live file"))
    equal(sha256(s.get(at("out/cat.png"), key=keys["test"]).body), first["outputs"][0]["sha256"])
    second = sketch(s, keys["test"], "three boats", output_path="out/cat.png")  # takes the path of its own drive; the one before stays with its generation
    equal(s.get("/v1/generations/" + first["id"], key=keys["test"]).json["outputs"][0]["drive_path"], "")
    equal(s.call("DELETE", "/v1/drive/assets/" + first["outputs"][0]["id"], key=keys["live"]).status, 404)
    equal(s.call("DELETE", "/v1/drive/assets/" + first["outputs"][0]["id"], key=keys["test"]).status, 200)
    equal((listed(s, keys["live"])["out/cat.png"]["asset_id"], listed(s, keys["test"])["out/cat.png"]["asset_id"]), (mine["asset_id"], second["outputs"][0]["id"]))
    plain = {book: sketch(s, keys[book])["outputs"][0]["drive_path"] for book in BOOKS}  # media/<id>
    for book, other in (BOOKS, BOOKS[::-1]):
        equal((s.get(at(plain[book]), key=keys[book]).status, s.get(at(plain[book]), key=keys[other]).status), (200, 404))
    live = sketch(s, keys["live"], output_path="out/cat.png")
    for method, path, body in (("GET", "", None), ("GET", "/events", None), ("POST", "/cancel", {}), ("POST", "/deliver", {})):
        refusal(s.call(method, "/v1/generations/%s%s" % (live["id"], path), body, key=keys["test"]), 404, "not_found")
    expect(live["id"] not in [g["id"] for g in s.get("/v1/generations", key=keys["test"]).json["generations"]], live["id"])
    s.audit()


def edit(s, image, key, **more):
    return s.post("/v1/media/generate", {"model": "puras/sketch-edit", "inputs": {"image": image, "prompt": "sepia"}}, key=key, **more)


@each_store
def an_input_is_a_file_of_the_callers_drive(s):
    id, keys = project(s, "inputs")
    made = {book: sketch(s, keys[book], "a %s" % book, output_path="in/%s.png" % book)["outputs"][0] for book in BOOKS}
    for book, other in (BOOKS, BOOKS[::-1]):
        path, link = "in/%s.png" % book, signed(s, "in/%s.png" % book, keys[book])
        ways = (path, "drive/" + path, {"drive_path": path}, {"path": path}, link, {"url": link}, made[book]["url"], [path], [link])
        nowhere = refusal(edit(s, "in/nowhere.png", keys[other]), 400, "invalid_argument")["detail"]
        for image in ways:
            equal(edit(s, image, keys[book]).status, 200)
            with Unmoved(s, (keys[other],)):
                equal(refusal(edit(s, image, keys[other]), 400, "invalid_argument")["detail"], nowhere)
                equal(refusal(s.post("/v1/generations", {"model": "puras/sketch-edit", "inputs": {"image": image, "prompt": "x"}}, key=keys[other]), 400, "invalid_argument")["detail"], nowhere)
        with Unmoved(s, (keys[other],)):
            reply = s.post("/v1/images/edits", {"model": "puras/sketch-edit", "prompt": "x", "images": [{"image_url": link}]}, key=keys[other])
            equal((reply.status, reply.json["error"]["code"], reply.json["error"]["detail"]), (400, "invalid_argument", nowhere))
        equal(s.post("/v1/images/edits", {"model": "puras/sketch-edit", "prompt": "x", "images": [{"image_url": link}]}, key=keys[book]).status, 200)
    text = base64.b64encode(s.get(at("in/live.png"), key=keys["live"]).body).decode()
    own = {}
    for book in BOOKS:  # what comes inline is a file of that book
        equal(edit(s, {"data": text}, keys[book]).status, 200)
        own[book] = listed(s, keys[book], "inputs/")
        equal(len(own[book]), 1)
    equal(list(own["live"]), list(own["test"]))
    expect(own["live"][list(own["live"])[0]]["asset_id"] != own["test"][list(own["test"])[0]]["asset_id"], own)
    s.audit()


@case
def a_page_uses_files_of_its_keys_book():
    s = shared("sqlite")
    id, keys = project(s, "pages of both books")
    links = {}
    for book in BOOKS:
        sketch(s, keys[book], output_path="shown.png")
        links[book] = signed(s, "shown.png", keys[book])
    for kind, book, other in (("pub", "live", "test"), ("pubtest", "test", "live")):
        own = s.post("/v1/keys", {"kind": kind, "project": id, "models": ["puras/sketch-edit"], "origins": [PAGE], "day_cap_usd": 1}, key="admin").json["key"]

        def submit(image):
            return s.post("/v1/generations", {"model": "puras/sketch-edit", "inputs": {"image": image, "prompt": "sepia"}}, key=own, headers={"Origin": PAGE})

        refusal(submit(links[other]), 400, "invalid_argument")
        done = submit(links[book])
        equal((done.status, done.json["book"]), (202, book))
        inline = submit("data:image/png;base64," + base64.b64encode(s.fetch(links[book]).body).decode())
        equal(inline.status, 202)
        expect(len(listed(s, keys[book], "inputs/")) == 1, listed(s, keys[book]))
        for made in (done, inline):
            equal(s.wait(made.json["id"], key=keys[book])["status"], "completed")
            refusal(s.get("/v1/generations/" + made.json["id"], key=keys[other]), 404, "not_found")
    s.audit()


@each_store
def each_drive_has_its_own_space(s):
    id, keys = project(s, "space", drive_limit=2000)
    for book, other in (BOOKS, BOOKS[::-1]):
        stored(s, "full.bin", b"x" * 2000, keys[book])
        told = refusal(put(s, "more.bin", b"x", keys[book]), 507, "drive_full")
        equal((told["used_bytes"], told["limit_bytes"]), (2000, 2000))
        refusal(s.post("/v1/generations", {"model": "puras/sketch", "inputs": {"prompt": "x", "size": "64x64"}}, key=keys[book]), 507, "drive_full")
        stored(s, "fits.bin", b"x" * 1500, keys[other])
        row = [p for p in s.get("/v1/projects", key="admin").json["projects"] if p["id"] == id][0]
        equal((row["drive_bytes"], row["test_drive_bytes"]), (2000, 1500) if book == "live" else (1500, 2000))
        for key, path in ((keys[book], "full.bin"), (keys[other], "fits.bin")):
            equal(s.call("DELETE", at(path), key=key).status, 200)
    s.audit()


run()
