#!/usr/bin/env python3
"""The command line: every command as text and as JSON, its exit statuses, and an operator's own models."""
import fcntl
import json
import os
import pty
import re
import select
import struct
import subprocess
import tempfile
import termios

from harness import PURAS, Server, Unmoved, case, equal, expect, refusal, run, sha256, shared

COMMANDS = ("serve", "run", "why", "adjust", "secrets", "quote", "models", "generations", "drive", "balance", "top-up", "top", "usage", "ledger", "projects", "keys", "catalog", "provider", "providers", "twin", "doctor", "completion", "man", "version", "help")


def local(*args, env=None, cwd=None):
    """A run that needs no server; returns (status, stdout, stderr)."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PURAS_API_")}
    done = subprocess.run([PURAS] + list(args), env=dict(environment, **(env or {})), stdin=subprocess.DEVNULL, capture_output=True, timeout=60, text=True, cwd=cwd)
    return done.returncode, done.stdout, done.stderr


def model(folder, name, text):
    with open(os.path.join(folder, name), "w", encoding="utf-8") as f:
        f.write(text)


GOOD = """slug: studio/poster
kind: image
title: Posters
inputs:
  prompt: {type: text, required: true}
  size: {type: size, default: 64x96, max: 2048}
price:
  unit: image
  rate_table:
    - {micros: 20000}
routes:
  - {provider: local, model: sketch}
"""


@case
def help_for_everything():
    status, out, _ = local("help")
    equal(status, 0)
    for name in COMMANDS:
        expect(re.search(r"^  %s " % name, out, re.M), (name, out))
        status, text, err = local("help", name)
        equal((status, err), (0, ""))
        expect(text.startswith("usage: puras " + name), text)
        equal(local(name, "--help")[:2], (0, text))
    equal(local("version")[0], 0)
    expect(re.fullmatch(r"puras \d+\.\d+\.\d+\n", local("--version")[1]), local("--version"))


@case
def mistakes_are_explained():
    for args, word in (([], "usage"), (["blance"], "balance"), (["generatoins"], "generations"), (["help", "modles"], "models"), (["run"], "missing"), (["run", "m", "--asink"], "async"),
                       (["balance", "x"], "too many"), (["drive", "lst"], "ls"), (["top-up", "abc"], "amount"), (["top-up", "-5"], ""), (["quote"], "missing"), (["ledger", "audti"], "audit"),
                       (["catalog", "check"], "lint"), (["run", "puras/sketch", "-i", "prompt"], "key=value"), (["run", "puras/sketch", "a boat"], "prompt=\"a boat\""), (["quote", "puras/sketch", "=x"], "NAME=VALUE"), (["run", "puras/sketch", "-i", "a=1", "-i", "a=2"], "twice"),
                       (["generations", "cancel"], "Which"), (["generations", "-n", "x"], "number"), (["keys", "make"], "usage"), (["serve", "--slots", "x"], "slots"), (["serve", "--nothing"], ""), (["completion", "tcsh"], "fish"), (["completion"], "missing"), (["top", "--onec"], "once")):
        status, out, err = local(*args, env={"PURAS_API_KEY": "puras_live_x.y", "PURAS_API_BASE": "http://127.0.0.1:1"})
        equal((args, status, out), (args, 2, ""))
        expect(word in err and err, (args, err))


def options_of(name):
    """The names of a subcommand's own options, from its help."""
    return [o for o in re.findall(r"^  (?:-\w,|   ) --([a-z-]+)", local("help", name)[1], re.M) if o != "help"]


@case
def the_manual_is_complete_and_clean():
    status, page, err = local("man")
    equal((status, err), (0, ""))
    done = subprocess.run(["groff", "-man", "-ww", "-z"], input=page, capture_output=True, text=True, timeout=60)
    equal((done.returncode, done.stderr), (0, ""))
    plain = page.replace("\\-", "-")
    for name in COMMANDS:
        section = re.search(r"^\.SS puras %s\n(.*?)(?=^\.S[SH])" % name, plain, re.M | re.S)
        expect(section, name)
        for option in options_of(name):
            expect("--%s\\fR" % option in section.group(1), (name, option))
    for word in ("PURAS_API_KEY", "PURAS_API_BASE", "PURAS_MASTER_KEY_FILE"):
        expect(word in page, word)


@case
def shells_take_their_completions():
    for shell in ("bash", "zsh", "fish"):
        status, script, err = local("completion", shell)
        equal((status, err), (0, ""))
        with tempfile.NamedTemporaryFile("w", suffix="." + shell) as f:
            f.write(script)
            f.flush()
            done = subprocess.run([shell, "-n", f.name], capture_output=True, text=True, timeout=60)
            equal((shell, done.returncode, done.stderr), (shell, 0, ""))
        for name in COMMANDS:
            expect(re.search(r"\b%s\b" % name, script), (shell, name))
            for option in options_of(name):
                expect(re.search(r"(--|-l )%s\b" % option, script), (shell, name, option))
    script = local("completion", "bash")[1]
    for words, want in ((["puras", "gen"], ["generations"]), (["puras", "top"], ["top-up", "top"]), (["puras", "drive", "p"], ["put"]), (["puras", "run", "--as"], ["--async"]), (["puras", "help", "led"], ["ledger"]),
                        (["puras", "keys", "--kind", "l"], []), (["puras", "completion", ""], ["bash", "zsh", "fish"])):
        line = script + "\nCOMP_WORDS=(%s); COMP_CWORD=%d; _puras; printf '%%s\\n' \"${COMPREPLY[@]}\"" % (" ".join("'%s'" % w for w in words), len(words) - 1)
        out = subprocess.run(["bash", "-c", line], capture_output=True, text=True, timeout=60)
        equal((words, out.stdout.split(), out.stderr), (words, want, ""))


@case
def exit_statuses_stand_in_one_list():
    root = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
    with open(os.path.join(root, "src/base/err.def"), encoding="utf-8") as f:
        rows = re.findall(r'^ERR\(\w+,\s*"(\w+)",\s*\d+,\s*-?\d+,\s*(\d+),', f.read(), re.M)
    with open(os.path.join(root, "docs/OPERATING.md"), encoding="utf-8") as f:
        listed = dict(re.findall(r"^\| (\d) \| ([^|]+) \|", f.read().split("## Exit statuses")[1].split("\n## ")[0], re.M))
    equal(sorted(listed), sorted({status for _, status in rows}))
    page = local("man")[1].replace("\\-", "-").replace("\\(ga", "`")
    entries = dict(re.findall(r"^\.TP\n\\fB(\d)\\fR\n(.*?)(?=^\.)", page, re.M | re.S))
    equal(sorted(entries), sorted(listed))
    for status, text in entries.items():
        lines = text.splitlines()
        equal(lines[0], listed[status] + ".")
        codes = [code for code, s in rows if s == status and code != "ok"]
        equal(lines[1:], ["Codes: %s." % ", ".join(codes)] if codes else [])


@case
def top_shows_what_runs():
    s = shared("sqlite")
    equal(json.loads(s.cli("top", "--json"))["generations"], [])
    with s.hold_renders():
        i = s.cli("run", "puras/sketch", "-i", "prompt=x", "--async").strip()
        for _ in range(100):
            seen = json.loads(s.cli("top", "--json"))
            if seen["processing"]:
                break
        equal((seen["processing"], seen["pending"], len(seen["generations"])), (1, 0, 1))
        row = seen["generations"][0]
        equal((row["id"], row["status"], row["model"]), (i, "processing", "puras/sketch"))
        expect(row["stage"] and row["age_s"] >= 0 and "server" not in seen, seen)
        equal(seen["held_micros"], 10000)
        for args in (("top", "--once"), ("top",)):
            text = s.cli(*args)
            expect("1 processing, 0 pending" in text and i in text and "puras/sketch" in text and "0.01 USD held" in text, text)
            expect("\x1b" not in text, text)
        expect(re.search(r"^server +1 tasks, \d+ calls, \d+ commits, \d+ in the queue$", s.cli("top", "--once", key="admin"), re.M), "figures")
        expect(json.loads(s.cli("top", "--json", key="admin"))["server"]["tasks"] == 1, "tasks")
        s.cli("generations", "cancel", i)
    s.cli("top", "--once", key=None, status=4)


@case
def tables_keep_ids_whole_on_a_narrow_screen():
    s = shared("sqlite")
    i = s.submit("puras/sketch", {"prompt": "narrow", "size": "64x64"})
    s.wait(i)
    for columns in (60, 80, 200):
        master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        env = dict(os.environ, PURAS_API_BASE=s.url, PURAS_API_KEY=s.live, PURAS_CONFIG="/nonexistent")
        done = subprocess.Popen([PURAS, "generations", "list", "--limit", "3"], stdin=slave, stdout=slave, stderr=slave, env=env)
        os.close(slave)
        seen = b""
        try:
            while True:
                seen += os.read(master, 65536)
        except OSError:
            pass  # the other side is gone
        os.close(master)
        equal(done.wait(20), 0)
        lines = seen.decode().replace("\r", "").split("\n")
        expect(any(i in line for line in lines), (columns, lines))
        expect(all(len(line) <= columns for line in lines), (columns, lines))


@case
def top_gives_the_terminal_back():
    s = shared("sqlite")
    for end in (b"q", b"\x03", None):  # None: the terminal closes its line by a signal
        master, slave = pty.openpty()
        before = termios.tcgetattr(slave)
        p = subprocess.Popen([PURAS, "top"], stdin=slave, stdout=slave, stderr=slave, start_new_session=True, preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
                             env=dict(os.environ, PURAS_API_BASE=s.url, PURAS_API_KEY=s.live))
        seen = b""
        while seen.count(b"q leaves") < 2:
            expect(select.select([master], [], [], 20)[0], seen)
            seen += os.read(master, 4096)
        expect(termios.tcgetattr(slave)[3] & termios.ECHO == 0, "keys are echoed")
        if end:
            os.write(master, end)
        else:
            p.terminate()
        equal((end, p.wait(20)), (end, 0))
        equal(termios.tcgetattr(slave), before)
        while select.select([master], [], [], 0.2)[0]:
            seen += os.read(master, 4096)
        expect(b" processing, " in seen and seen.endswith(b"\x1b[?25h"), seen)
        os.close(master)
        os.close(slave)


@case
def no_server_no_key():
    status, out, err = local("balance", env={"PURAS_API_BASE": "http://127.0.0.1:1", "PURAS_API_KEY": "puras_live_aaaaaaaa." + "b" * 32})
    equal((status, out), (6, ""))
    expect("127.0.0.1:1" in err, err)
    status, out, err = local("balance", "--json", env={"PURAS_API_BASE": "http://127.0.0.1:1", "PURAS_API_KEY": "puras_live_aaaaaaaa." + "b" * 32})
    equal((status, json.loads(out)["charged_micros"]), (6, 0))
    equal(local("balance")[0], 4)
    for base in ("nonsense", "ftp://x", "http://", ""):
        expect(local("balance", env={"PURAS_API_BASE": base, "PURAS_API_KEY": "k"})[0] not in (0, 1), base)


@case
def every_command_speaks_json():
    s = shared("sqlite")
    with tempfile.TemporaryDirectory() as folder:
        file = os.path.join(folder, "p.png")
        made = json.loads(s.cli("run", "puras/sketch", "-i", "prompt=a json", "-i", "size=64x64", "-o", file, "--json"))
        equal((made["status"], made["billed_micros"], made["outputs"][0]["sha256"]), ("completed", 10000, sha256(open(file, "rb").read())))
        lines = {
            ("quote", "puras/sketch", "-i", "prompt=x", "-i", "n=2"): lambda j: j["quoted_micros"] == 20000,
            ("models",): lambda j: "puras/sketch" in [m["slug"] for m in j["models"]],
            ("models", "puras/sketch"): lambda j: j["id"] == "puras/sketch",
            ("models", "--kind", "video"): lambda j: {m["kind"] for m in j["models"]} == {"video"},
            ("generations",): lambda j: j["generations"][0]["id"] == made["id"],
            ("generations", made["id"]): lambda j: j["id"] == made["id"] and j["stages"],
            ("generations", "--state", "failed"): lambda j: j["generations"] == [],
            ("balance",): lambda j: j["book"] == "live",
            ("usage",): lambda j: j["usage_events"][0]["generation_id"] == made["id"],
            ("ledger",): lambda j: j["transfers"][0]["purpose"] == "capture",
            ("drive", "ls"): lambda j: made["outputs"][0]["drive_path"] in [f["path"] for f in j["files"]],
            ("drive", "put", file, "up/p.png"): lambda j: j["path"] == "up/p.png" and j["media_type"] == "image/png",
            ("drive", "get", "up/p.png", file + "2"): lambda j: j["sha256"] == sha256(open(file, "rb").read()),
            ("drive", "sign", "up/p.png", "--ttl", "60"): lambda j: j["expires_in"] == 60 and s.fetch(j["signed_url"]).status == 200,
            ("drive", "rm", "up/p.png"): lambda j: j["deleted"] is True,
        }
        for args, holds in lines.items():
            text = s.cli(*args, "--json")
            expect(holds(json.loads(text)), (args, text))
        for args, holds in {("projects",): lambda j: len(j["projects"]) >= 1, ("projects", "create", "cli"): lambda j: len(j["id"]) == 32, ("keys",): lambda j: len(j["keys"]) >= 3,
                            ("keys", "create", "--kind", "test", "--name", "n"): lambda j: j["key"].startswith("puras_test_"), ("ledger", "audit"): lambda j: j["ok"],
                            ("top-up", "1.25", "--reason", "cli"): lambda j: j["amount_micros"] == 1250000}.items():
            text = s.cli(*args, "--json", key="admin")
            expect(holds(json.loads(text)), (args, text))


@case
def and_as_text_for_people():
    s = shared("sqlite")
    with tempfile.TemporaryDirectory() as folder:
        file = os.path.join(folder, "p.jpg")
        receipt = s.cli("run", "puras/sketch", "prompt=text", "-i", "format=jpeg", "n=2", "-o", file, "size=64x64")
        expect("0.02 USD (20000 micros)" in receipt and "image/jpeg" in receipt, receipt)
        expect(os.path.exists(file) and os.path.exists(os.path.join(folder, "p-2.jpg")), os.listdir(folder))
        i = re.search(r"^id +([0-9a-f]{32})$", receipt, re.M).group(1)
        expect(i in s.cli("generations") and "completed" in s.cli("generations", i), i)
        for args, words in ((("models",), ["puras/sketch", "kuaishou/kling-v3-i2v"]), (("models", "kuaishou/kling-v3-i2v"), ["duration", "0.2016", "audio"]), (("quote", "puras/sketch", "-i", "prompt=x"), ["0.01 USD (10000 micros)"]),
                            (("balance",), ["live", "available"]), (("usage",), [i]), (("ledger",), ["capture", "hold"]), (("drive", "ls"), ["image/jpeg"]), (("doctor",), ["ok"])):
            text = s.cli(*args)
            expect(text.strip() and all(w in text for w in words), (args, text))
            expect("\x1b" not in text, (args, text))
        s.cli("drive", "put", file, "folder/")
        expect(s.cli("drive", "get", "folder/p.jpg", "-", status=None) is not None, "")
        text = s.cli("ledger", "audit", key="admin")
        expect("ok" in text.lower() or "0 findings" in text or "balance" in text, text)
        key = s.cli("keys", "create", key="admin").strip()
        equal(json.loads(s.cli("balance", "--json", key=key))["book"], "live")
        s.cli("keys", "revoke", key, key="admin")  # the whole key is understood too
        s.cli("balance", key=key, status=4)


@case
def exit_statuses():
    s = shared("sqlite")
    poor = s.post("/v1/keys", {"kind": "live", "project": s.post("/v1/projects", {"name": "poor"}, key="admin").json["id"]}, key="admin").json["key"]
    prompt = ("-i", "prompt=x")
    with Unmoved(s):
        for args, key, status in ((("run", "puras/skecth") + prompt, "live", 2), (("run", "puras/sketch"), "live", 2), (("run", "puras/sketch", "-i", "n=-1") + prompt, "live", 2), (("quote", "kuaishou/kling-v3-i2v", "-i", "image=a", "-i", "duration=abc"), "live", 2),
                                  (("run", "puras/sketch") + prompt, poor, 5), (("run", "puras/sketch") + prompt, "admin", 4), (("run", "kuaishou/kling-v3-i2v", "-i", "image=a.png"), "live", 7),
                                  (("balance",), s.live[:-1] + ("y" if s.live[-1] == "x" else "x"), 4), (("balance",), None, 4), (("keys",), "live", 4), (("top-up", "1"), "live", 4), (("generations", "0" * 32), "live", 3), (("drive", "get", "nothing", "-"), "live", 3),
                                  (("drive", "rm", "nothing"), "live", 3), (("drive", "put", "/nonexistent"), "live", 2), (("drive", "get", "../x", "-"), "live", None), (("models", "x/y"), "live", 3), (("keys", "revoke", "zzzzzzzz"), "admin", 3),
                                  (("generations", "--state", "nonsense"), "live", 2)):
            for more in ((), ("--json",)):
                out = s.cli(*args, *more, key=key, status=None if status is None else status)
                if more and out:
                    body = json.loads(out)
                    expect(body["code"] and body["detail"] and body["charged_micros"] == 0, body)
                elif status:
                    equal((args, out), (args, ""))
                expect(s.stderr.startswith("puras: "), s.stderr)
    with s.hold_renders():
        s.cli("run", "puras/sketch", *prompt, "--wait", "1", status=6)
        expect("puras generations " in s.stderr, s.stderr)
        i = s.cli("run", "puras/sketch", *prompt, "--async").strip()
        expect(re.fullmatch("[0-9a-f]{32}", i), i)
        expect("cancelled" in s.cli("generations", "cancel", i), i)
        s.cli("generations", "cancel", i, status=2)


@case
def nothing_half_written():
    s = shared("sqlite")
    with tempfile.TemporaryDirectory() as folder:
        s.cli("run", "puras/sketch", "-i", "prompt=x", "-o", os.path.join(folder, "none/deep/p.png"), status=2)
        expect("puras drive get" in s.stderr, s.stderr)
        s.cli("drive", "get", "nothing.png", os.path.join(folder, "n.png"), status=3)
        s.cli("run", "puras/skecth", "-o", os.path.join(folder, "p.png"), status=2)
        equal(os.listdir(folder), [])


@case
def lint_names_file_and_line():
    status, out, err = local("catalog", "lint")
    equal((status, err), (0, ""))
    expect("no problems" in out, out)
    faults = [  # what is changed, and the line that must be named
        (("kind: image", "kind: picture"), 2), (("slug: studio/poster", "slug: Studio Poster"), 1), (("micros: 20000", "micros: -1"), 10), (("micros: 20000", "micros: 1.5"), 10), (("micros: 20000", "micros: 99999999999999999999"), 10),
        (("unit: image", "unit: potato"), 8), (("title: Posters", "titel: Posters"), 3), (("type: text", "type: txt"), 5), (("default: 64x96", "default: 4096x1"), 6), (("provider: local", "providr: local"), 12),
        (("title: Posters", "title: [unclosed"), None), (("title: Posters", "title: yes"), 3), (("title: Posters", "title: &a x"), 3), (("title: Posters", "kind: image"), 3), (("inputs:", "inputs: 5\nx:"), 4),
        (("    - {micros: 20000}", "    - {when: {prompt: x}, micros: 1}"), 10), (("    - {micros: 20000}", "    - {micros: 1}\n    - {micros: 2}"), None), (("slug: studio/poster\n", ""), None), (("required: true", "required: true, required: true"), 5)]
    for (old, new), line in faults:
        with tempfile.TemporaryDirectory() as folder:
            model(folder, "good.yaml", GOOD.replace("studio/poster", "studio/other"))
            model(folder, "poster.yaml", GOOD.replace(old, new, 1))
            status, out, err = local("catalog", "lint", folder)
            equal((new, status, out), (new, 2, ""))
            place = re.search(r"poster\.yaml:(\d+)", err)
            expect(place and "good.yaml" not in err, (new, err))
            if line is not None:
                equal((new, int(place.group(1)), err), (new, line, err))
            status, out, _ = local("catalog", "lint", folder, "--json")
            found = json.loads(out)
            equal((status, found["ok"]), (2, False))
            expect(any("poster.yaml:" in p for p in found["problems"]), found)
    with tempfile.TemporaryDirectory() as folder:
        for name, data in (("bytes.yaml", b"\xff\xfe\x00"), ("empty.yaml", b""), ("bomb.yaml", b"a: &a [x]\nb: [*a, *a]\n"), ("deep.yaml", b"a: " + b"[" * 100 + b"]" * 100), ("big.yaml", b"# " + b"x" * 300000 + b"\nslug: a/b\n"), ("nul.yaml", b"slug: a/b\0\n")):
            with open(os.path.join(folder, name), "wb") as f:
                f.write(data)
        status, out, err = local("catalog", "lint", folder)
        equal(status, 2)
        for name in ("bytes", "empty", "bomb", "deep", "big", "nul"):
            expect(name + ".yaml" in err, (name, err))
    equal(local("catalog", "lint", "/nonexistent")[0], 3)


@case
def a_model_of_ones_own():
    with tempfile.TemporaryDirectory() as folder:
        model(folder, "poster.yaml", GOOD)
        model(folder, "unrouted.yaml", GOOD.replace("studio/poster", "studio/unrouted").replace("routes:\n  - {provider: local, model: sketch}", "routes: []"))
        with Server("--catalog", folder) as s:
            before = s.balance()
            made = json.loads(s.cli("run", "studio/poster", "-i", "prompt=our own", "--json"))
            equal((made["billed_micros"], made["outputs"][0]["width"], made["outputs"][0]["height"]), (20000, 64, 96))
            equal(s.balance(), before - 20000)
            with Unmoved(s):
                reply = s.post("/v1/media/generate", {"model": "studio/unrouted", "inputs": {"prompt": "x"}})
                equal((reply.status, reply.json["code"]), (503, "no_route"))
            equal(s.post("/v1/quote", {"model": "studio/unrouted", "inputs": {"prompt": "x"}}).json["quoted_micros"], 20000)
            expect("studio/poster" in s.cli("models"), "not listed")
            expect("studio/poster" in [m["slug"] for m in s.get("/v1/pricing", key=None).json["models"]], "not priced")
            # a test key runs every model, also one that nothing else here could
            for slug, sandbox in (("studio/poster", False), ("studio/unrouted", True)):
                tried = s.post("/v1/media/generate", {"model": slug, "inputs": {"prompt": "x"}}, key="test").json
                equal((tried["billed_micros"], tried["meta"].get("sandbox", False)), (20000, sandbox))
            equal(s.post("/v1/media/generate", {"model": "puras/sketch", "inputs": {"prompt": "x", "size": "64x64"}}, key="test").status, 200)
            s.audit()


@case
def a_server_with_a_bad_catalog_does_not_start():
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as data:
        model(folder, "poster.yaml", GOOD.replace("kind: image", "kind: picture"))
        status, out, err = local("serve", "--data", data, "--listen", "127.0.0.1:0", "--catalog", folder)
        equal((status, out), (2, ""))
        expect("poster.yaml:2" in err and "puras catalog lint" in err, err)
        model(folder, "poster.yaml", GOOD.replace("studio/poster", "puras/sketch"))
        status, out, err = local("serve", "--data", data, "--listen", "127.0.0.1:0", "--catalog", folder)
        equal(status, 2)
        expect("poster.yaml" in err, err)
        with Server("--catalog", folder, start=False) as s:
            os.remove(os.path.join(folder, "poster.yaml"))
            s.start()
            s.stop()
            model(folder, "poster.yaml", GOOD.replace("kind: image", "kind: picture"))
            s.start()  # by what it stored before; its log says why
            broken = [line for line in s.log().splitlines() if "catalog.broken" in line]
            expect(len(broken) == 1 and "poster.yaml:2" in broken[0], broken)
    for listen in ("nonsense", "127.0.0.1:99999", "127.0.0.1:x", "256.1.1.1:0", ""):
        with tempfile.TemporaryDirectory() as data:
            status, out, err = local("serve", "--data", data, "--listen", listen)
            expect(status not in (0, None) and err.startswith("puras serve: "), (listen, status, err))


@case
def doctor_and_audit_without_a_server():
    with Server() as s:
        s.post("/v1/media/generate", {"model": "puras/sketch", "inputs": {"prompt": "x", "size": "64x64"}})
        checks = {c["check"]: c for c in json.loads(s.cli("doctor", "--json"))["checks"]}
        for name in ("helper", "walls", "jq", "bubblewrap", "ffmpeg", "synth", "soundfont", "speech", "fonts"):
            expect(name in checks, (name, sorted(checks)))
        expect(re.match(r"(full|reduced|none): seccomp (yes|no), ", checks["walls"]["text"]), checks["walls"])
        for name, file, package in (("ffmpeg", "/usr/bin/ffmpeg", "ffmpeg"), ("speech", "/usr/bin/espeak-ng", "espeak-ng")):
            equal(checks[name]["verdict"], "ok" if os.path.exists(file) else "warning")
            expect(os.path.exists(file) or "install " + package in checks[name]["text"], checks[name])
        status, out, _ = local("doctor", "--server", "http://127.0.0.1:1", "--json")
        equal((status, [c["verdict"] for c in json.loads(out)["checks"] if c["check"] == "server"]), (1, ["fail"]))
        equal(s.stop(), 0)
        status, out, _ = local("ledger", "audit", "--data", s.data)
        equal(status, 0)
        status, out, _ = local("ledger", "audit", "--data", s.data, "--json")
        equal((status, json.loads(out)["ok"], json.loads(out)["revenue_micros"]), (0, True, 10000))
        subprocess.run(["sqlite3", os.path.join(s.data, "puras.db"), "update account set available = available + 1 where id like '%/live'"], check=True)
        status, out, err = local("ledger", "audit", "--data", s.data, "--json")
        equal((status, json.loads(out)["ok"]), (1, False))
        expect(json.loads(out)["findings"] >= 1 and json.loads(out)["text"], out)
    equal(local("ledger", "audit", "--data", "/nonexistent")[0], 3)


@case
def a_quote_takes_files_as_run_does_and_stores_none():
    with Server() as s, tempfile.NamedTemporaryFile(suffix=".png") as f:
        f.write(b"\x89PNG\r\n\x1a\n" + b"x" * 100000)
        f.flush()
        expect("0.672 USD (672000 micros)" in s.cli("quote", "kuaishou/kling-v3-i2v", "-i", "image=@" + f.name, "-i", "duration=5"), "no price")
        expect("uploads/" not in s.cli("drive", "ls"), "the file was stored")
        s.cli("quote", "kuaishou/kling-v3-i2v", "-i", "image=@/nobody/made/this.png", "-i", "duration=5", status=2)
        expect("cannot be read" in s.stderr, s.stderr)
        # a reader that has had enough is no fault worth a sentence; a full disk is
        env = dict(os.environ, PURAS_API_BASE=s.url, PURAS_API_KEY=s.live)
        with open("/dev/full", "w") as full:
            done = subprocess.run([PURAS, "models"], env=env, stdout=full, stderr=subprocess.PIPE, timeout=60)
        expect(done.returncode == 1 and b"could not be written" in done.stderr, done)
        seen = subprocess.run(["bash", "-c", '"$0" models --json | true', PURAS], env=env, stderr=subprocess.PIPE, timeout=60)
        equal(seen.stderr, b"")


run()
