#!/usr/bin/env bash
# Configures a build folder when that is needed, compiles, and puts the programs at its top.
#   scripts/build.sh FOLDER [meson options...]
set -euo pipefail
cd "$(dirname "$0")/.."
dir=$1
shift

# Meson is asked again only when the options differ from the last time: configuring costs seconds.
options="$* CC=${CC:-}"
if [ ! -f "$dir/build.ninja" ]; then
    rm -rf "$dir"
    meson setup "$dir" "$@" > "$dir.log" 2>&1 || { cat "$dir.log" >&2; rm -f "$dir.log"; exit 1; }
    rm -f "$dir.log"
    printf '%s' "$options" > "$dir/.options"
elif [ "$(cat "$dir/.options" 2> /dev/null)" != "$options" ]; then
    meson setup --reconfigure "$dir" "$@" > /dev/null
    printf '%s' "$options" > "$dir/.options"
fi
ninja -C "$dir" --quiet

# Hard links, so that the helper is found beside the program and a copy of the folder works too.
for program in src/cmd/puras src/media/puras-media src/jq/puras-jq; do
    [ ! -f "$dir/$program" ] || ln -f "$dir/$program" "$dir/${program##*/}"
done
