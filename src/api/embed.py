#!/usr/bin/env python3
"""Writes a file's bytes as a C string: embed.py NAME IN OUT. JSON is written without its blanks. Called by the build only."""
import json
import sys

name, source, target = sys.argv[1:4]
with open(source, encoding="utf-8") as f:
    text = json.dumps(json.load(f), separators=(",", ":"), ensure_ascii=True)
with open(target, "w", encoding="ascii") as f:
    f.write(f"/* Made from {source.rsplit('/', 1)[-1]} by embed.py. */\n#include \"api/embedded.h\"\n")
    f.write(f"const char {name}[] =\n")
    for i in range(0, len(text), 100):
        part = text[i:i + 100].replace("\\", "\\\\").replace('"', '\\"')
        f.write(f'    "{part}"\n')
    f.write("    ;\n")
