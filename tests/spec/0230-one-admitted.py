#!/usr/bin/env python3
"""200 parallel calls over 64 connections with credit for exactly one: one is admitted, every other one is told what is missing; on
SQLite, on PostgreSQL, and with two servers on one PostgreSQL."""
import http.client
import json
import os
import shutil
import tempfile
import threading
import uuid

from harness import Server, case, equal, expect, pg_database, run
from killing import CATALOG

CONNECTIONS, CALLS, ROUNDS, PRICE = 64, 200, 3, 1000


def one_call(connection, key):
    """As a client does it: 503 try_again is repeated under the same key. Returns status and body."""
    once = uuid.uuid4().hex
    while True:
        connection.request("POST", "/v1/generations", body=b'{"model": "test/nothing", "inputs": {}}', headers={
            "Authorization": "Bearer " + key, "Content-Type": "application/json", "Idempotency-Key": once})
        answer = connection.getresponse()
        body = json.loads(answer.read())
        if not (answer.status == 503 and body["retry"] == "same_key"):
            return answer.status, body


def stampede(servers, key):
    """All connections are open before the first call leaves."""
    replies, failures, lock = [], [], threading.Lock()
    start = threading.Barrier(CONNECTIONS)

    def caller(n):
        try:
            connection = http.client.HTTPConnection("127.0.0.1", servers[n % len(servers)].port, timeout=60)
            connection.connect()
            mine = CALLS // CONNECTIONS + (n < CALLS % CONNECTIONS)
            start.wait(60)
            for _ in range(mine):
                reply = one_call(connection, key)
                with lock:
                    replies.append(reply)
            connection.close()
        except BaseException as failure:
            failures.append(repr(failure))

    threads = [threading.Thread(target=caller, args=(n,)) for n in range(CONNECTIONS)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    equal(failures, [])
    equal(len(replies), CALLS)
    return replies


def one_is_admitted(servers):
    s = servers[0]
    project = s.post("/v1/projects", {"name": "poor"}, key="admin").json["id"]
    key = s.post("/v1/keys", {"kind": "live", "project": project, "name": "k"}, key="admin").json["key"]
    for n in range(1, ROUNDS + 1):
        equal(s.post("/v1/top-up", {"usd": "0.001", "project": project}, key="admin").json["amount_micros"], PRICE)
        replies = stampede(servers, key)
        admitted = [body for status, body in replies if status == 202]
        equal(len(admitted), 1)
        for status, body in replies:
            if status != 202:
                equal((status, body["code"], body["charged_micros"]), (402, "insufficient_credits", 0))
                equal((body["required_micros"], body["available_micros"], body["missing_micros"]), (PRICE, 0, PRICE))
        equal(s.wait(admitted[0]["id"], key=key)["billed_micros"], PRICE)
        for server in servers:
            balance = server.get("/v1/balance", key=key).json
            equal((balance["available_micros"], balance["held_micros"]), (0, 0))
            equal(len(server.get("/v1/generations", key=key).json["generations"]), n)
            server.audit()


@case
def on_sqlite():
    with Server("--catalog", CATALOG, "--quiet") as s:
        one_is_admitted([s])


@case
def on_postgres():
    with Server("--catalog", CATALOG, "--quiet", database=pg_database()) as s:
        one_is_admitted([s])


@case
def with_two_servers():
    database = pg_database()
    second = tempfile.mkdtemp(prefix="puras-spec-")
    try:
        with Server("--catalog", CATALOG, "--quiet", database=database) as a:
            for name in ("credentials.json", "master.key"):  # one installation, one set of keys
                shutil.copy(os.path.join(a.data, name), second)
            with Server("--catalog", CATALOG, "--quiet", data=second, database=database) as b:
                expect(a.get("/readyz").json["node"] != b.get("/readyz").json["node"], "two nodes have one name")
                one_is_admitted([a, b])
    finally:
        shutil.rmtree(second, ignore_errors=True)


run()
