#!/usr/bin/env bash
# Runs every executable script of tests/bench in order of name; each prints its own figures and conditions.
#   scripts/bench.sh [BUILD] [NAME...]     only the scripts whose name contains one of NAME
set -uo pipefail
cd "$(dirname "$0")/.."
build=${1:-build}
shift || true
echo "machine: $(nproc) cores, $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -1), kernel $(uname -r); commit $(git rev-parse --short HEAD 2> /dev/null || echo none)"
selected() { # name, parts: true when there are no parts, or the name contains one
    local name=$1 part
    shift
    [ $# -eq 0 ] && return 0
    for part in "$@"; do case "$name" in *"$part"*) return 0 ;; esac; done
    return 1
}
failed=0 ran=0
for script in tests/bench/*.sh tests/bench/*.py; do
    [ -x "$script" ] || continue
    selected "${script##*/}" "$@" || continue
    echo "== ${script##*/}"
    ran=$((ran + 1))
    PURAS_BUILD=$build "$script" || { echo "FAIL ${script##*/}"; failed=$((failed + 1)); }
done
[ $ran -gt 0 ] || { echo "bench: no script in tests/bench matches" >&2; exit 2; }
[ $failed -eq 0 ]
