#!/usr/bin/env python3
"""Starts a server and runs the official OpenAI clients against it with a test key.   openai_run.py PYTHON FOLDER_WITH_NODE_MODULES"""
import os
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "spec"))
from harness import Server  # noqa: E402

python, folder = (os.path.abspath(p) for p in sys.argv[1:3])
with Server() as s:
    poor = s.post("/v1/projects", {"name": "poor"}, key="admin").json["id"]
    env = dict(os.environ, PURAS_API_BASE=s.url, PURAS_API_KEY=s.test, PURAS_POOR_KEY=s.post("/v1/keys", {"kind": "live", "project": poor}, key="admin").json["key"])
    codes = [subprocess.run([python, os.path.join(HERE, "openai_python.py")], env=env, timeout=300).returncode,
             subprocess.run([shutil.which("node") or "nodejs", os.path.join(HERE, "openai_javascript.mjs")], env=env, cwd=folder, timeout=300).returncode]
    s.audit()
sys.exit(1 if any(codes) else 0)
