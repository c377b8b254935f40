#!/usr/bin/env python3
"""libpuras as somebody else's program sees it: installed below a prefix, found by pkg-config, compiled, run."""
import json
import os
import subprocess
import threading

from harness import Server, Unmoved, case, equal, expect, run, shared
from installed import EXAMPLE, PREFIX, build, install, pkg_config

# What the example does not show: files that go up, lists of them, own keys, links, errors as data. Prints one line a step.
PROGRAM = r"""
#include <puras.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
static bool stop(void *arg, const char *stage, int percent) { return false; }
static void say(const char *what, bool ok, const puras_error *e) {
    printf("%s %d %s %lld %d %d %s\n", what, ok, ok ? "-" : e->code, ok ? 0LL : (long long)e->charged_micros, ok ? 0 : e->can_retry, ok ? 200 : e->http_status, ok ? "" : e->generation_id);
}
int main(int argc, char **argv) {
    puras_error e;
    puras *p = puras_open(NULL, NULL, &e);
    puras_inputs *in = puras_inputs_new();
    puras_result *r = NULL, *again = NULL;
    char id[33], *link;
    int64_t available, held;
    puras_text(in, "prompt", "warmer \"and\" brighter");
    puras_file(in, "image", argv[1]);
    puras_file(in, "image", argv[1]);
    puras_options own = {.idempotency_key = argv[2], .output_path = "c/edited.png", .metadata_json = "{\"order\":7}", .max_micros = 12000, .webhook_url = "https://hooks.example/x"};
    bool ok = puras_run(p, "puras/sketch-edit", in, &own, &r, &e);
    say("edit", ok, &e);
    if (ok) printf("result %s %s %lld %lldx%lld %s %d\n", r->kind, r->outputs[0].drive_path, (long long)r->billed_micros, (long long)r->outputs[0].width, (long long)r->outputs[0].height,
                   r->outputs[0].media_type, strstr(r->json, "\"order\":7") && strstr(r->json, "https://hooks.example/x"));
    ok = puras_sign(p, "c/edited.png", 60, &link, &e);
    say("sign", ok, &e);
    if (ok) printf("link %s\n", link), free(link);
    puras_inputs *small = puras_inputs_new();
    puras_text(small, "prompt", "a boat");
    puras_text(small, "size", "64x64");
    puras_options dear = {.max_micros = 5}, left = {.progress = stop};
    say("dear", puras_submit(p, "puras/sketch", small, &dear, id, &e), &e);
    say("unknown", puras_submit(p, "no/such", small, NULL, id, &e), &e);
    puras_text(small, "size", "enormous");
    say("size", puras_submit(p, "puras/sketch", small, NULL, id, &e), &e);
    puras_text(small, "size", "64x64");
    say("left", puras_run(p, "puras/sketch", small, &left, &again, &e), &e);
    say("wait", puras_wait(p, e.generation_id, NULL, &again, &e), &e);
    say("cancel", puras_cancel(p, again->id, &e), &e);
    say("balance", puras_balance(p, &available, &held, &e), &e);
    printf("money %lld\n", (long long)available);
    puras_inputs_free(in), puras_inputs_free(small), puras_result_free(r), puras_result_free(again), puras_close(p);
    return 0;
}
"""


def execute(program, server, *args, status=0, key=None):
    env = {"PURAS_API_BASE": server.url, "PURAS_API_KEY": key or server.live, "LD_LIBRARY_PATH": PREFIX + "/lib"}
    done = subprocess.run([program, *args], env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
    expect(done.returncode == status, done)
    return done.stdout.decode()


@case
def it_installs():
    install()
    equal(pkg_config("--modversion"), [subprocess.run([PREFIX + "/bin/puras", "version"], stdout=subprocess.PIPE).stdout.decode().split()[1]])
    names = subprocess.run(["nm", "-D", "--defined-only", PREFIX + "/lib/libpuras.so"], check=True, stdout=subprocess.PIPE).stdout.decode().split("\n")
    equal([n for n in names if n and " puras_" not in n and " PURAS_" not in n], [])  # nothing of the inside leaves
    expect(sum(1 for _ in open(EXAMPLE)) < 60, "the example is short")


@case
def the_example_runs_from_the_prefix():
    s = shared("sqlite")
    program = build(EXAMPLE, PREFIX + "/generate")
    before, film = s.balance(), PREFIX + "/film.mp4"
    out = execute(program, s, film)
    expect("4.0 s, 80000 micros" in out, out)
    equal(before - s.balance(), 90000)
    probe = json.loads(subprocess.run(["ffprobe", "-v", "error", "-show_streams", "-of", "json", film], check=True, stdout=subprocess.PIPE).stdout)
    equal(probe["streams"][0]["codec_name"], "h264")
    with Unmoved(s):
        execute(program, s, film, status=1, key=s.live[:-1] + "!")


@case
def the_header_is_cpp_too():
    source = PREFIX + "/a.cpp"
    with open(source, "w") as f:
        f.write('#include <puras.h>\nint main() { puras_error e; puras_options o = {}; (void)o; puras_close(puras_open("http://127.0.0.1:1", "k", &e)); }\n')
    subprocess.run(["clang", "-x", "c++", "-fsyntax-only", "-Wall", "-Wextra", "-Werror", source] + pkg_config("--cflags"), check=True)


@case
def files_keys_links_and_errors_as_data():
    s = shared("sqlite")
    source = PREFIX + "/more.c"
    with open(source, "w") as f:
        f.write(PROGRAM)
    program = build(source, PREFIX + "/more")
    picture = PREFIX + "/p.png"
    with open(picture, "wb") as f:
        f.write(s.fetch(s.wait(s.submit("puras/sketch", {"prompt": "a", "size": "64x64"}))["outputs"][0]["url"]).body)
    before = s.balance()
    lines = {line.split()[0]: line.split()[1:] for line in execute(program, s, picture, "key-1").splitlines()}
    equal(lines["edit"][:2], ["1", "-"])
    equal(lines["result"], ["image", "c/edited.png", "12000", "130x64", "image/png", "1"])
    equal(s.fetch(lines["link"][0]).status, 200)
    equal(lines["dear"][:5], ["0", "price_changed", "0", "0", "409"])
    equal(lines["unknown"][:5], ["0", "unknown_model", "0", "0", "400"])
    equal(lines["size"][:5], ["0", "unpriceable_input", "0", "0", "400"])
    expect(lines["left"][:2] == ["0", "still_running"] and len(lines["left"][5]) == 32, lines["left"])
    equal((lines["wait"][:1], lines["cancel"][1]), (["1"], "conflict"))
    equal((int(lines["money"][0]), before - s.balance()), (before - 22000, 22000))


@case
def a_restart_during_a_wait_is_charged_once():
    with Server() as s:
        before, out = s.balance(), []
        with s.hold_renders():
            caller = threading.Thread(target=lambda: out.append(execute(PREFIX + "/generate", s, PREFIX + "/b.mp4")))
            caller.start()
            while not s.get("/v1/generations?state=processing").json["generations"]:
                pass
        s.kill9()
        s.start()
        caller.join(60)
        equal((len(out), before - s.balance()), (1, 90000))
        s.audit()


run()
