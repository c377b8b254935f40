#!/usr/bin/env bash
# The unit tests under the thread sanitizer.
set -euo pipefail
scripts/build.sh build-tsan --buildtype=debugoptimized -Db_sanitize=thread -Db_lundef=false
TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1 tests/run.sh --units build-tsan
