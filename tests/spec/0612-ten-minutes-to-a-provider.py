#!/usr/bin/env python3
"""The tutorial of docs/PROVIDERS.md, followed word for word: its files and its commands, from an empty folder, as a shell runs them. Only ports and the place of
the program are others."""
import os
import re
import subprocess
import tempfile
import textwrap

from harness import BUILD, TOP, case, equal, expect, run


def tutorial():
    """Its blocks: (language, text), in order."""
    with open(os.path.join(TOP, "docs", "PROVIDERS.md"), encoding="utf-8") as f:
        page = f.read().split("## Ten minutes to a provider")[1].split("\n## ")[0]
    return [(m.group(1), textwrap.dedent(m.group(2))) for m in re.finditer(r"^ *```(\w+)\n(.*?)^ *```", page, re.S | re.M)], page


@case
def it_runs_as_it_is_written():
    blocks, page = tutorial()
    shell = [text for language, text in blocks if language == "sh"]
    yaml = [text for language, text in blocks if language == "yaml"]
    equal((len(shell), len(yaml)), (5, 2))
    for text, name in zip(yaml, ("providers/painters.yaml", "models/oil.yaml")):  # the files to copy are those to type
        with open(os.path.join(TOP, "examples", "painters", name), encoding="utf-8") as f:
            equal(f.read(), text)
    with tempfile.TemporaryDirectory() as folder:
        os.symlink(BUILD, os.path.join(folder, "build"))
        os.symlink(os.path.join(TOP, "examples"), os.path.join(folder, "examples"))
        for text, name in zip(yaml, ("providers/painters.yaml", "models/oil.yaml")):
            path = os.path.join(folder, "mine", name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w", encoding="utf-8") as f:
                f.write(text)
        # free ports in the places of the page's: each program says where it listens
        painters, start, call = shell[0], shell[3], shell[4]
        expect(painters.rstrip().endswith("&") and start.rstrip().endswith("&") and "127.0.0.1:8080" in start, shell)
        wait = 'for _ in $(seq 200); do grep -q "on http" %s.out && break; sleep 0.05; done\n'
        script = "set -e\ntrap 'kill $(jobs -p) 2> /dev/null' EXIT\n" + painters.replace("painters.py &", "painters.py 0 > painters.out &") + wait % "painters"
        script += 'at=$(sed -n "s|.*http://||p" painters.out)\nsed -i "s/127.0.0.1:8098/$at/" mine/providers/painters.yaml\n' + shell[1] + shell[2]
        script += start.replace(":8080", ":0").replace(" &", " > server.out 2> server.log &") + wait % "server"
        script += "export PURAS_API_BASE=$(sed -n 's|.*\\(http://[0-9.:]*\\).*|\\1|p' server.out | head -1)\nset +e\n" + call
        env = {k: v for k, v in os.environ.items() if not k.startswith("PURAS_API_")}
        done = subprocess.run(["bash", "-c", script], cwd=folder, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120)
        said = done.stdout.decode()
        for words in ("1 models, 1 providers, no problems", "> Authorization: ***", '{"state": "wet"}', "1 tests with 3 steps passed", "billed    0.009216 USD", "640 x 480"):
            expect(words in said, (words, said))
        for words in re.findall(r'ends with "([^"]*)"', page):
            expect(words in said, (words, said))
        expect("brush" not in said.replace("PAINTERS_KEY=brush", ""), "the key is shown")
        for name in ("boat.png", "oil.png"):
            with open(os.path.join(folder, name), "rb") as f:
                equal(f.read(8), b"\x89PNG\r\n\x1a\n")


run()
