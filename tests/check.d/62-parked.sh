#!/usr/bin/env bash
# 10,000 callers wait at once, for one generation and for one each, and every one of them is answered.
set -euo pipefail
export PURAS_BUILD=${PURAS_BUILD:-build}
ulimit -Sn "$(ulimit -Hn)"
tests/bench/park.py
