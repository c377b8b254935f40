#!/usr/bin/env python3
"""A provider that is not one's friend: what its replies say of files does not get into this server's own headers."""
import base64

from harness import Server, case, equal, expect, run
from provider_double import KEY, Double, catalog

EVIL = "text/html\r\nX-Evil: yes\r\n\r\n<script>"


@case
def a_type_that_a_reply_states_splits_no_answer():
    page = b"\x01\x02 of no kind that is known"
    with Double() as d, catalog(d) as folder, Server("--catalog", folder, env=KEY) as s:
        for reply in ({"images": [{"url": d.url + "/file/w1/0", "content_type": EVIL}]},
                      {"images": [{"url": "data:%s;base64,%s" % (EVIL.replace("<", ""), base64.b64encode(page).decode())}]},
                      {"images": [{"url": d.url + "/file/w1/0", "content_type": "text/html; charset=utf-8"}]}):
            d.fault("result", say=reply)
            d.fault("file", data=page, type="text/html")
            made = s.wait(s.submit("double/blind", {"prompt": "a"}))
            equal(made["status"], "completed")
            out = made["outputs"][0]
            expect(out["media_type"] in ("application/octet-stream", "text/html"), out["media_type"])
            file = s.fetch(out["url"])
            equal((file.status, file.body), (200, page))
            expect("X-Evil" not in file.headers, file.headers)
            equal((file.headers["Content-Type"], file.headers["X-Content-Type-Options"]), (out["media_type"], "nosniff"))
            expect(file.headers["Content-Disposition"].startswith("attachment"), file.headers)


@case
def an_answer_without_a_byte_is_no_file_and_no_riddle():
    with Double() as d, catalog(d) as folder, Server("--catalog", folder, env=KEY) as s:
        for raw in (b"", d.picture):
            d.fault("make", raw=raw, type="image/png")
            made = s.wait(s.submit("double/sync", {"prompt": "a"}), seconds=20)
            equal((made["status"], made["billed_micros"]), ("completed", 3000) if raw else ("failed", 0))
        d.fault("file", data=b"", times=9)
        made = s.wait(s.submit("double/blind", {"prompt": "a"}))
        equal((made["status"], made["billed_micros"]), ("failed", 0))
        s.audit()


@case
def long_sentences_in_other_scripts_end_a_call_too():
    with Double() as d, catalog(d) as folder, Server("--catalog", folder, env=KEY) as s:
        for n in range(3):
            d.fault("submit", status=422, json={"error": {"code": "inputs", "message": "x" * n + "\u4e16\u754c" * 100}})
            made = s.wait(s.submit("double/blind", {"prompt": "a"}), seconds=10)
            equal((made["status"], made["billed_micros"]), ("failed", 0))
            detail = made["error"]["detail"]
            expect("\u4e16" in detail and "\ufffd" not in detail and len(detail.encode()) < 500, detail)
        s.audit()


run()
