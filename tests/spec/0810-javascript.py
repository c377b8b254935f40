#!/usr/bin/env python3
"""The JavaScript client in Node: tests/clients/javascript.mjs against a real server."""
import json
import os
import shutil
import subprocess
import sys

from harness import TOP, Server

NODE = shutil.which("node") or shutil.which("nodejs") or "node"

with open(os.path.join(TOP, "js", "package.json"), encoding="utf-8") as f:
    package = json.load(f)
missing = [name for name in package["files"] if not os.path.exists(os.path.join(TOP, "js", name))]
print("ok every_file_of_the_package_is_there" if not missing else "FAIL every_file_of_the_package_is_there: %s" % missing, flush=True)

with Server() as s:
    done = subprocess.run([NODE, os.path.join(TOP, "tests", "clients", "javascript.mjs")], env=dict(os.environ, PURAS_API_BASE=s.url, PURAS_API_KEY=s.live), timeout=120)
    s.audit()
sys.exit(1 if done.returncode or missing else 0)
