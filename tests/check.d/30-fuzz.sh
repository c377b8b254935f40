#!/usr/bin/env bash
# Every src/*/*_fuzz.c for FUZZ_SECONDS (60) each; what it finds is left in build-fuzz/found/.
set -uo pipefail
CC=clang scripts/build.sh build-fuzz --buildtype=debugoptimized -Db_sanitize=address,undefined -Db_lundef=false \
    -Dc_args=-fsanitize=fuzzer-no-link || exit 1
mkdir -p build-fuzz/found
failed=0 ran=0
for source in src/*/*_fuzz.c; do
    [ -f "$source" ] || continue
    name=$(basename "$source" .c)
    room=$(basename "$(dirname "$source")")
    corpus=build-fuzz/corpus/$room-$name
    mkdir -p "$corpus"
    seeds=()
    [ ! -d "src/$room/corpus/$name" ] || seeds=("src/$room/corpus/$name")
    ran=$((ran + 1))
    if build-fuzz/tests/fuzz/"$room-$name" -max_total_time="${FUZZ_SECONDS:-60}" -timeout=10 -rss_limit_mb=2048 -verbosity=0 \
        -print_final_stats=0 -artifact_prefix="build-fuzz/found/$room-$name-" "$corpus" "${seeds[@]}" > "build-fuzz/found/$room-$name.log" 2>&1; then
        echo "ok fuzz $room/$name"
    else
        echo "FAIL fuzz $room/$name, see build-fuzz/found/$room-$name.log"
        tail -30 "build-fuzz/found/$room-$name.log"
        failed=$((failed + 1))
    fi
done
[ $ran -gt 0 ] && [ $failed -eq 0 ]
