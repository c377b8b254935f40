#!/usr/bin/env bash
# Runs the tests and ends with one line: N passed, N failed. Nonzero when one failed or none ran.
#   tests/run.sh [BUILD]            unit and house tests of BUILD, the unit tests again with address and undefined sanitizers,
#                                   then the scenarios of tests/spec against BUILD/puras, four at a time on two cores, and whether
#                                   they saw every refusal that the API's document names (tests/refusals.py)
#   tests/run.sh --units BUILD      only the unit tests of one build folder
#   tests/run.sh --spec BUILD [NAME...]   only scenarios, those whose name contains one of NAME
# A private PostgreSQL (tests/with_pg.sh) is started around everything; a test part that is missing is a failure, not a skip.
set -uo pipefail
cd "$(dirname "$0")/.."
if [ -x tests/with_pg.sh ] && [ -z "${PURAS_TEST_PG:-}" ] && [ -z "${PURAS_RUN_INNER:-}" ]; then
    export PURAS_RUN_INNER=1
    exec tests/with_pg.sh tests/run.sh "$@"
fi
what=all
case "${1:-}" in --units) what=units; shift ;; --spec) what=spec; shift ;; esac
build=${1:-build}
shift || true
passed=0 failed=0
started=$SECONDS
export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_stack_use_after_return=1} UBSAN_OPTIONS=${UBSAN_OPTIONS:-halt_on_error=1:print_stacktrace=1}

add() { passed=$((passed + $1)); failed=$((failed + $2)); }

units() { # build folder, further meson test options
    local dir=$1 log
    shift
    rm -f "$dir/meson-logs/testlog.json"
    log=$(meson test -C "$dir" --no-rebuild --timeout-multiplier 4 "$@" 2>&1) || true
    read -r ok bad < <(tests/count.py "$dir/meson-logs/testlog.json" "$dir")
    if [ -z "${ok:-}" ]; then printf '%s\n' "$log" | tail -20; ok=0 bad=1; fi
    add "$ok" "$bad"
    echo "$dir: $ok passed, $bad failed ($((SECONDS - started)) s)"
}

selected() { # name, parts: true when there are no parts, or the name contains one
    local name=$1 part
    shift
    [ $# -eq 0 ] && return 0
    for part in "$@"; do case "$name" in *"$part"*) return 0 ;; esac; done
    return 1
}

scenario() { # script, folder for what came of it
    local script=$1 name=${1##*/} out status ok bad began=$SECONDS
    out=$2/$name.out
    PURAS_BUILD=$build timeout "${PURAS_SPEC_TIMEOUT:-240}" "$script" > "$out" 2>&1 < /dev/null
    status=$?
    ok=$(grep -c '^ok ' "$out")
    bad=$(grep -c '^FAIL ' "$out")
    # A script that ends badly without saying which, or says nothing at all, counts as one failure.
    if [ $status -ne 0 ] && [ "$bad" -eq 0 ]; then bad=1; fi
    if [ $status -eq 0 ] && [ "$ok" -eq 0 ] && [ "$bad" -eq 0 ]; then bad=1; echo "FAIL $name reported nothing"; fi
    if [ "$bad" -gt 0 ]; then echo "FAIL $name (exit $status)"; tail -60 "$out" | sed 's/^/    /'; else echo "ok $name: $ok ($((SECONDS - began)) s, at $((SECONDS - started)) s)"; fi
    echo "$ok $bad" > "$2/$name.count"
}

# Two for each core: a scenario waits nine tenths of its time. Those that measure the machine run alone, first;
# then the longest, so that none of them is left to run by itself at the end.
scenarios() {
    local script name n dir ok bad lanes=0 most=$((2 * $(nproc))) alone='0200|0420' long='0633|0651|0630|0391|0220|0210|0700|0701'
    dir=$(mktemp -d)
    for script in $(for n in ${alone//|/ } ${long//|/ }; do ls tests/spec/"$n"*; done; ls tests/spec/[0-9]* | grep -vE "/($alone|$long)"); do
        [ -f "$script" ] && [ -x "$script" ] || continue
        name=${script##*/}
        selected "$name" "$@" || continue
        if [[ $name =~ ^($alone) ]]; then
            scenario "$script" "$dir"
            continue
        fi
        if [ $lanes -ge "$most" ]; then wait -n; lanes=$((lanes - 1)); fi
        scenario "$script" "$dir" &
        lanes=$((lanes + 1))
    done
    wait
    for name in "$dir"/*.count; do
        [ -f "$name" ] || continue
        read -r ok bad < "$name"
        add "$ok" "$bad"
    done
    rm -rf "$dir"
}

# What the scenarios saw against what the document says; only all of them together can have seen it.
refusals() {
    local out
    if out=$(PURAS_BUILD=$build tests/refusals.py "$PURAS_REFUSALS" 2>&1); then
        echo "ok ${out##*$'\n'}, each seen ($((SECONDS - started)) s)"
        add 1 0
    else
        printf 'FAIL tests/refusals.py\n%s\n' "$out"
        add 0 1
    fi
}

case $what in
units) units "$build" --suite unit ;;
spec) scenarios "$@" ;;
all)
    units "$build"
    if scripts/build.sh build-asan --buildtype=debug -Db_sanitize=address,undefined -Db_lundef=false; then
        units build-asan --suite unit
    else
        echo "FAIL build-asan does not compile"
        add 0 1
    fi
    PURAS_REFUSALS=$(mktemp)
    export PURAS_REFUSALS
    scenarios
    refusals
    rm -f "$PURAS_REFUSALS"
    ;;
esac
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
