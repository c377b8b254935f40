#!/usr/bin/env bash
# Every source compiles with clang, every warning an error, and the unit tests pass there too.
set -euo pipefail
CC=clang scripts/build.sh build-clang --buildtype=debugoptimized -Dwerror=true
tests/run.sh --units build-clang
