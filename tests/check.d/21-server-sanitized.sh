#!/usr/bin/env bash
# The real server under the address and undefined sanitizers, leaks at its end included, and then under the thread sanitizer, in the scenarios of providers,
# webhooks, hostile replies and kills; 0651 measures rates by the clock and is left out. SANITIZED_SCENARIOS names others. Any report fails, also one of a server that was killed afterwards.
set -euo pipefail
names=${SANITIZED_SCENARIOS:-0600 0610 0620 0630 0631 0632 0633 0650 0664 0665 0666 0672 0673 0695 0700 0701 0721 0830 0840 0852}
reports=$(mktemp -d)
trap 'rm -rf "$reports"' EXIT
chmod 0777 "$reports"
export PURAS_CLIENT_BUILD=${PURAS_CLIENT_BUILD:-build}
# as planned, not by kill -9: what is still allocated then is a leak. Each step takes several times as long.
export PURAS_STOP_AT_END=1 PURAS_SPEC_TIMEOUT=${PURAS_SPEC_TIMEOUT:-900}

scenarios() { # build folder
    local failed=0
    # shellcheck disable=SC2086 # they are words
    tests/run.sh --spec "$1" $names || failed=1
    for report in "$reports"/*; do
        [ -f "$report" ] || continue
        echo "FAIL $1: ${report##*/}"
        head -80 "$report"
        failed=1
    done
    rm -f "$reports"/*
    return $failed
}

status=0
scripts/build.sh build-asan --buildtype=debug -Db_sanitize=address,undefined -Db_lundef=false
ASAN_OPTIONS=detect_stack_use_after_return=1:detect_leaks=1:log_path=$reports/address \
    UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1:log_path=$reports/undefined scenarios build-asan || status=1
scripts/build.sh build-tsan --buildtype=debugoptimized -Db_sanitize=thread -Db_lundef=false
TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1:log_path=$reports/thread scenarios build-tsan || status=1
exit $status
