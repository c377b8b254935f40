#!/usr/bin/env bash
# The long proof: runs tests/check.d/*.sh in order of name, each from the top folder, and counts.
#   scripts/check.sh [NAME...]     only the scripts whose name contains one of NAME
set -uo pipefail
cd "$(dirname "$0")/.."
selected() { # name, parts: true when there are no parts, or the name contains one
    local name=$1 part
    shift
    [ $# -eq 0 ] && return 0
    for part in "$@"; do case "$name" in *"$part"*) return 0 ;; esac; done
    return 1
}
passed=0 failed=0
for script in tests/check.d/*.sh; do
    selected "${script##*/}" "$@" || continue
    name=${script##*/}
    echo "== $name"
    started=$SECONDS
    if bash "$script"; then
        echo "ok $name ($((SECONDS - started)) s)"
        passed=$((passed + 1))
    else
        echo "FAIL $name ($((SECONDS - started)) s)"
        failed=$((failed + 1))
    fi
done
[ $((passed + failed)) -gt 0 ] || { echo "check: no script in tests/check.d matches" >&2; exit 2; }
echo "check: $passed passed, $failed failed"
[ $failed -eq 0 ]
