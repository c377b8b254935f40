#!/usr/bin/env bash
# Every source compiles with gcc, every warning an error.
set -euo pipefail
CC=gcc scripts/build.sh build-gcc --buildtype=debugoptimized -Dwerror=true
