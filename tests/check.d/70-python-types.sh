#!/usr/bin/env bash
# The Python package under a strict type checker (mypy, from the Python packages, in a folder of its own).
set -euo pipefail
cd "$(dirname "$0")/../.."
venv=build-fuzz/venv-types
[ -x $venv/bin/mypy ] || { python3 -m venv $venv && $venv/bin/pip -q install mypy; }
cd python && ../$venv/bin/mypy
