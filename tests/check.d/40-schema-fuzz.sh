#!/usr/bin/env bash
# Fuzzes the REST surface from its own description: a generator of ours always, schemathesis (a Python package, into a virtual
# environment below build-fuzz/) where it can be installed. FUZZ_SEED and FUZZ_EXAMPLES vary the run.
set -uo pipefail
build=${PURAS_BUILD:-build}
export PURAS_BUILD=$build
[ -x "$build/puras" ] || { echo "FAIL $build/puras is not built"; exit 1; }
venv=build-fuzz/venv
st=$venv/bin/st
if ! [ -x "$st" ]; then
    mkdir -p build-fuzz
    if ! { python3 -m venv "$venv" && "$venv/bin/pip" install -q 'schemathesis>=4,<5'; } > build-fuzz/venv.log 2>&1; then
        echo "schemathesis could not be installed (see build-fuzz/venv.log); going on with the generator of our own, four times as long"
        rm -rf "$venv"
        exec tests/fuzz/schema.py 500
    fi
fi
SCHEMATHESIS=$PWD/$st exec tests/fuzz/schema.py 120
